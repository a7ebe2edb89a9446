"""A resource type with an attribute of every type and shape, two extensions, and a second resource type beside it."""

from scim_server.domain.schema import (
    Attribute,
    AttributeType,
    Extension,
    Kept,
    ResourceType,
    Returned,
    Schema,
    Uniqueness,
)

CORE = "urn:example:core:1.0:Thing"
DESK = "urn:example:extension:desk:1.0:Thing"
HALL = "urn:example:extension:hall:1.0:Thing"

TEXT = Attribute("text", uniqueness=Uniqueness.SERVER)
EXACT = Attribute("exact", case_exact=True)
FLAG = Attribute("flag", AttributeType.BOOLEAN)
COUNT = Attribute("count", AttributeType.INTEGER)
RATIO = Attribute("ratio", AttributeType.DECIMAL)
MOMENT = Attribute("moment", AttributeType.DATE_TIME)
BLOB = Attribute("blob", AttributeType.BINARY)
LINK = Attribute("link", AttributeType.REFERENCE, reference_types=("external",))
OWNER = Attribute("owner", AttributeType.REFERENCE, reference_types=("Thing",))
TAGS = Attribute("tags", multi_valued=True)
PART = Attribute(
    "part",
    AttributeType.COMPLEX,
    sub_attributes=(Attribute("front"), Attribute("back"), Attribute("hidden", returned=Returned.NEVER)),
)
BOSS = Attribute(
    "boss", AttributeType.COMPLEX, sub_attributes=(Attribute("value", case_exact=True), Attribute("display"))
)
EMAILS = Attribute(
    "emails",
    AttributeType.COMPLEX,
    multi_valued=True,
    sub_attributes=(
        Attribute("value"),
        Attribute("type"),
        Attribute("primary", AttributeType.BOOLEAN),
        Attribute("rank", AttributeType.INTEGER),
        Attribute("labels", multi_valued=True),
    ),
)
SECRET = Attribute("secret", returned=Returned.NEVER)
THROWN = Attribute("thrown", kept=Kept.DISCARDED)
MEMBERS = Attribute(
    "members",
    AttributeType.COMPLEX,
    multi_valued=True,
    kept=Kept.ROWS,
    sub_attributes=(
        Attribute("value", case_exact=True),
        Attribute("$ref", AttributeType.REFERENCE, reference_types=("Thing",)),
        Attribute("type"),
    ),
)

COMMON = Schema(
    "urn:example:common",
    "Common",
    "",
    (
        Attribute("schemas", multi_valued=True, kept=Kept.DERIVED),
        Attribute("id", case_exact=True, kept=Kept.RECORD, uniqueness=Uniqueness.SERVER),
        Attribute("externalId", case_exact=True),
        Attribute(
            "meta",
            AttributeType.COMPLEX,
            kept=Kept.RECORD,
            sub_attributes=(
                Attribute("created", AttributeType.DATE_TIME),
                Attribute("location", AttributeType.REFERENCE, reference_types=("Thing",)),
            ),
        ),
    ),
)

LEVEL = Attribute("level", AttributeType.INTEGER)

THING = ResourceType(
    "Thing",
    "Thing",
    "/Things",
    "",
    Schema(
        CORE,
        "Thing",
        "",
        (
            TEXT,
            EXACT,
            FLAG,
            COUNT,
            RATIO,
            MOMENT,
            BLOB,
            LINK,
            OWNER,
            TAGS,
            PART,
            BOSS,
            EMAILS,
            SECRET,
            THROWN,
            MEMBERS,
        ),
    ),
    COMMON,
    (
        Extension(Schema(DESK, "Desk", "", (Attribute("seat", uniqueness=Uniqueness.GLOBAL), LEVEL))),
        Extension(Schema(HALL, "Hall", "", (Attribute("door"), LEVEL))),
    ),
    indexed=frozenset({"text", "externalId", "emails.value", "emails.labels", "tags", "count", f"{HALL}:door"}),
)

OTHER = ResourceType(
    "Other",
    "Other",
    "/Others",
    "",
    Schema("urn:example:core:1.0:Other", "Other", "", (Attribute("label"), TEXT)),
    COMMON,
)
