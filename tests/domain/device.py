"""A resource type with every characteristic: each type, shape, mutability, `returned` and place to keep a value."""

from scim_server.domain.schema import (
    AbsentInPut,
    Attribute,
    AttributeType,
    Extension,
    Inverse,
    Kept,
    Mutability,
    ResourceType,
    Returned,
    Schema,
    Source,
    Uniqueness,
)

CORE = "urn:example:params:scim:schemas:core:2.0:Device"
DESK = "urn:example:params:scim:schemas:extension:desk:2.0:Device"
HALL = "urn:example:hall:2.0"
"""Ends in no name: a bare URN need not look like an attribute's."""


def complex_attribute(name: str, *subs: Attribute, **characteristics: object) -> Attribute:
    return Attribute(name, AttributeType.COMPLEX, sub_attributes=subs, **characteristics)  # type: ignore[arg-type]


COMMON = Schema(
    "urn:example:common",
    "Common",
    "",
    (
        Attribute("schemas", multi_valued=True, required=True, returned=Returned.ALWAYS, kept=Kept.DERIVED),
        Attribute("id", case_exact=True, mutability=Mutability.READ_ONLY, returned=Returned.ALWAYS, kept=Kept.RECORD),
        Attribute("externalId", case_exact=True),
        complex_attribute(
            "meta",
            Attribute("resourceType", mutability=Mutability.READ_ONLY),
            Attribute("created", AttributeType.DATE_TIME, mutability=Mutability.READ_ONLY),
            Attribute("lastModified", AttributeType.DATE_TIME, mutability=Mutability.READ_ONLY),
            Attribute("location", AttributeType.REFERENCE, mutability=Mutability.READ_ONLY),
            Attribute("version", case_exact=True, mutability=Mutability.READ_ONLY),
            mutability=Mutability.READ_ONLY,
            kept=Kept.RECORD,
        ),
    ),
)

NAME = Attribute("name", required=True, uniqueness=Uniqueness.SERVER)
CODE = Attribute("code", case_exact=True)
ACTIVE = Attribute("active", AttributeType.BOOLEAN)
LEVEL = Attribute("level", AttributeType.INTEGER)
RATIO = Attribute("ratio", AttributeType.DECIMAL)
BOUGHT = Attribute("bought", AttributeType.DATE_TIME)
BLOB = Attribute("blob", AttributeType.BINARY, case_exact=True)
HOME = Attribute("home", AttributeType.REFERENCE, reference_types=("external",))
LABELS = Attribute("labels", multi_valued=True)
SCORES = Attribute("scores", AttributeType.INTEGER, multi_valued=True)
SERIAL = Attribute("serial", mutability=Mutability.IMMUTABLE)
SEALS = Attribute("seals", multi_valued=True, mutability=Mutability.IMMUTABLE)
SEEN = Attribute("seen", mutability=Mutability.READ_ONLY)
SECRET = Attribute("secret", mutability=Mutability.WRITE_ONLY, returned=Returned.NEVER)
TOKEN = Attribute("token", returned=Returned.NEVER)
PIN = Attribute("pin", mutability=Mutability.WRITE_ONLY, returned=Returned.NEVER, kept=Kept.DISCARDED)
STICKER = Attribute("sticker", returned=Returned.ALWAYS)
NOTE = Attribute("note", returned=Returned.REQUEST)
PLACE = complex_attribute(
    "place",
    Attribute("street"),
    Attribute("room"),
    Attribute("floor", AttributeType.INTEGER),
    Attribute("key", mutability=Mutability.IMMUTABLE),
    Attribute("badge", mutability=Mutability.READ_ONLY),
    Attribute("shelves", multi_valued=True),
    Attribute("alarm", mutability=Mutability.WRITE_ONLY, returned=Returned.NEVER),
    Attribute("remark", returned=Returned.REQUEST),
)
PORTS = complex_attribute(
    "ports",
    Attribute("value"),
    Attribute("type"),
    Attribute("display"),
    Attribute("primary", AttributeType.BOOLEAN),
    Attribute("speed", AttributeType.INTEGER),
    Attribute("mac", mutability=Mutability.IMMUTABLE),
    Attribute("state", mutability=Mutability.READ_ONLY),
    Attribute("vlans", AttributeType.INTEGER, multi_valued=True),
    Attribute("hint", returned=Returned.REQUEST),
    Attribute("community", mutability=Mutability.WRITE_ONLY, returned=Returned.NEVER),
    multi_valued=True,
)
CABLES = complex_attribute("cables", Attribute("from", required=True), Attribute("to"), multi_valued=True)
ROUTE = complex_attribute("route", Attribute("from", required=True), Attribute("to"))
BILLING = complex_attribute("billing", Attribute("account"), Attribute("vat"), returned=Returned.REQUEST)
STAMP = complex_attribute(
    "stamp", Attribute("by"), Attribute("on", returned=Returned.REQUEST), returned=Returned.ALWAYS
)
LAMP = complex_attribute("lamp", Attribute("colour", returned=Returned.ALWAYS), Attribute("watts"))
USERS = complex_attribute(
    "users",
    Attribute("value", case_exact=True, mutability=Mutability.IMMUTABLE),
    Attribute("type", mutability=Mutability.IMMUTABLE),
    Attribute("display", mutability=Mutability.IMMUTABLE),
    Attribute("$ref", AttributeType.REFERENCE, mutability=Mutability.IMMUTABLE, reference_types=("Device",)),
    multi_valued=True,
    kept=Kept.ROWS,
)
RACKS = complex_attribute(
    "racks",
    Attribute("value", case_exact=True, mutability=Mutability.READ_ONLY),
    Attribute("$ref", AttributeType.REFERENCE, mutability=Mutability.READ_ONLY, reference_types=("Device",)),
    Attribute("display", mutability=Mutability.READ_ONLY),
    Attribute("type", mutability=Mutability.READ_ONLY),
    multi_valued=True,
    mutability=Mutability.READ_ONLY,
    kept=Kept.DERIVED,
)

SEAT = Attribute("seat", uniqueness=Uniqueness.SERVER)
SINCE = Attribute("since", AttributeType.DATE_TIME, mutability=Mutability.READ_ONLY)
CONTRACT = Attribute("contract", mutability=Mutability.IMMUTABLE)
PARTNER = complex_attribute(
    "partner",
    Attribute("value", case_exact=True),
    Attribute("type"),
    Attribute("displayName", mutability=Mutability.READ_ONLY),
)
TEAMS = complex_attribute("teams", Attribute("value"), Attribute("type"), multi_valued=True)
HINT = Attribute("hint", returned=Returned.REQUEST)
DESK_RACKS = Attribute("racks")
"""Has the name of a core attribute that is kept apart, and is none."""

DEVICE = ResourceType(
    "Device",
    "Device",
    "/Devices",
    "",
    Schema(
        CORE,
        "Device",
        "",
        (
            NAME,
            CODE,
            ACTIVE,
            LEVEL,
            RATIO,
            BOUGHT,
            BLOB,
            HOME,
            LABELS,
            SCORES,
            SERIAL,
            SEALS,
            SEEN,
            SECRET,
            TOKEN,
            PIN,
            STICKER,
            NOTE,
            PLACE,
            PORTS,
            CABLES,
            ROUTE,
            BILLING,
            STAMP,
            LAMP,
            USERS,
            RACKS,
        ),
    ),
    COMMON,
    (
        Extension(
            Schema(DESK, "Desk", "", (SEAT, SINCE, CONTRACT, PARTNER, TEAMS, HINT, DESK_RACKS)),
            absent_in_put=AbsentInPut.KEEP,
        ),
        Extension(Schema(HALL, "Hall", "", (Attribute("door"), Attribute("window")))),
    ),
    defaults={"active": True, "level": 1, f"{HALL}:window": "shut"},
    indexed=frozenset({"labels"}),
    label="name",
    derivations={"racks": Inverse("Device", (Source("users"),))},
)
