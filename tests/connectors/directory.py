"""Two small resource types with every characteristic that a quirk asks for."""

from scim_server.domain.schema import Attribute, AttributeType, Extension, Kept, ResourceType, Schema

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
DESK = "urn:ietf:params:scim:schemas:extension:desk:2.0:User"


def complex_attribute(name: str, *subs: Attribute, **characteristics: object) -> Attribute:
    return Attribute(name, AttributeType.COMPLEX, sub_attributes=subs, **characteristics)  # type: ignore[arg-type]


VALUE, TYPE, DISPLAY = Attribute("value"), Attribute("type"), Attribute("display")
PRIMARY = Attribute("primary", AttributeType.BOOLEAN)
REF = Attribute("$ref", AttributeType.REFERENCE, reference_types=("User",))

USER_NAME = Attribute("userName", required=True)
ACTIVE = Attribute("active", AttributeType.BOOLEAN)
NAME = complex_attribute("name", Attribute("givenName"), Attribute("familyName"))
EMAILS = complex_attribute("emails", VALUE, TYPE, DISPLAY, PRIMARY, multi_valued=True)
ROLES = complex_attribute("roles", VALUE, TYPE, DISPLAY, PRIMARY, multi_valued=True)
PHOTOS = complex_attribute("photos", Attribute("value", AttributeType.REFERENCE), multi_valued=True)
TAGS = Attribute("tags", multi_valued=True)
COMMON = Schema(
    "common",
    "Common",
    "",
    (Attribute("schemas", multi_valued=True), Attribute("id"), Attribute("externalId")),
)

MANAGER = complex_attribute("manager", VALUE, REF, Attribute("displayName"))
DEPARTMENT = Attribute("department")
HIRED = Attribute("hired", AttributeType.DATE_TIME)
SEATS = Attribute("seats", AttributeType.INTEGER)
SHARE = Attribute("share", AttributeType.DECIMAL)
GRANTS = complex_attribute("grants", VALUE, Attribute("displayName"), DISPLAY, multi_valued=True)

USER = ResourceType(
    "User",
    "User",
    "/Users",
    "",
    Schema(CORE_USER, "User", "", (USER_NAME, ACTIVE, NAME, EMAILS, ROLES, PHOTOS, TAGS)),
    COMMON,
    (
        Extension(Schema(ENTERPRISE, "Enterprise", "", (DEPARTMENT, MANAGER))),
        Extension(Schema(DESK, "Desk", "", (SEATS, SHARE, HIRED, GRANTS))),
    ),
)

MEMBERS = complex_attribute("members", VALUE, REF, TYPE, DISPLAY, multi_valued=True, kept=Kept.ROWS)
GROUP = ResourceType(
    "Group",
    "Group",
    "/Groups",
    "",
    Schema("urn:ietf:params:scim:schemas:core:2.0:Group", "Group", "", (Attribute("displayName"), MEMBERS)),
    COMMON,
)
