"""Every decision of docs/dialects.md that can be shown over HTTP: what is sent, what tolerant and strict answer.

Paths, bodies and headers may hold `{ana}`, `{ben}`, `{group}`, the ids of two users and of a group whose members they
are, and `{etag}`, the version of ana. `uses` are the names under which the tolerant dialect counts the request.
"""

from dataclasses import dataclass
from typing import Any, Final

from tests.http.server import GROUP, LIST_RESPONSE, MEDIA_TYPE, PATCH_OP, SEARCH_REQUEST, USER

ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
AGENT: Final = "urn:ietf:params:scim:schemas:extension:agentsettings:2.0:User"
BULK_REQUEST: Final = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
ADSCIM: Final = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"

ABSENT: Final = object()
"""Stands for a member that is not there."""

ANA: Final = {
    "schemas": [USER, ENTERPRISE],
    "userName": "ana",
    "externalId": "ext-ana",
    "name": {"givenName": "Ana", "familyName": "Ruiz"},
    "title": "Agent",
    "active": False,
    "emails": [{"type": "work", "value": "ana@example.com", "primary": True}],
    ENTERPRISE: {"department": "Ops", "manager": {"value": "{ben}", "$ref": "../Users/{ben}"}},
}
BEN: Final = {"schemas": [USER], "userName": "ben", "externalId": "ext-ben"}


@dataclass(frozen=True, slots=True)
class Sent:
    method: str
    path: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status; of a failure its scimType, of a success what the body and the headers must have, among other things.

    A list in `body` is meant exactly, element for element.
    """

    status: int
    scim_type: str | None = None
    body: Any = None
    headers: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    title: str
    ids: tuple[str, ...]
    sent: Sent
    tolerant: Outcome
    strict: Outcome | None = None
    """None where it is the same."""
    uses: tuple[str, ...] = ()


def ok(body: Any = None, **headers: Any) -> Outcome:
    return Outcome(200, body=body, headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def made(body: Any = None, **headers: Any) -> Outcome:
    return Outcome(201, body=body, headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def refused(scim_type: str | None, status: int = 400) -> Outcome:
    return Outcome(status, scim_type)


def get(path: str, **headers: str) -> Sent:
    return Sent("GET", path, headers=tuple(headers.items()))


def find(filter: str, endpoint: str = "/Users") -> Sent:
    return Sent("POST", f"{endpoint}/.search", {"schemas": [SEARCH_REQUEST], "filter": filter})


def user(**attributes: Any) -> Sent:
    return Sent("POST", "/Users", {"schemas": [USER], "userName": "cleo", **attributes})


def with_agent(**attributes: Any) -> Sent:
    return Sent("POST", "/Users", {"schemas": [USER, AGENT], "userName": "cleo", AGENT: attributes})


def put(**attributes: Any) -> Sent:
    return Sent("PUT", "/Users/{ana}", {"schemas": [USER], "userName": "ana", **attributes})


def operation(op: str, path: str | None = None, value: Any = ABSENT) -> dict[str, Any]:
    members = {"op": op, "path": path, "value": value}
    return {name: member for name, member in members.items() if member is not ABSENT and member is not None}


def patch(*operations: dict[str, Any], of: str = "/Users/{ana}", **headers: str) -> Sent:
    sent = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Sent("PATCH", of, {"schemas": [PATCH_OP], "Operations": list(operations)}, sent)


def change(op: str, path: str | None = None, value: Any = ABSENT) -> Sent:
    return patch(operation(op, path, value))


def in_group(op: str, path: str | None = None, value: Any = ABSENT) -> Sent:
    return patch(operation(op, path, value), of="/Groups/{group}")


def names(*of: str) -> dict[str, Any]:
    return {"totalResults": len(of), "Resources": [{"userName": name} for name in of]}


WORK: Final = {"type": "work", "value": "ana@example.com", "primary": True}
HOME: Final = {"type": "home", "value": "ana@home.example"}
ROLE_TEXT: Final = '{"id":"0a11","value":"Admin","displayName":"Admin"}'
ROLE: Final = [{"value": "Admin", "display": "Admin"}]

MISFITS: Final[list[tuple[str, str, dict[str, Any]]]] = [
    ("a country", "R-USER-04", {"addresses": [{"country": "Spain"}]}),
    ("a locale", "R-USER-06", {"locale": "Spanish (Spain)"}),
    ("a preferred language", "R-USER-06", {"preferredLanguage": "en;q=2"}),
    ("a time zone", "R-USER-06", {"timezone": "Central European"}),
    ("an e-mail address", "R-USER-07", {"emails": [{"value": "none"}]}),
    ("a telephone number", "R-USER-07", {"phoneNumbers": [{"value": "+1 555 0100"}]}),
    ("a certificate", "R-USER-09", {"x509Certificates": [{"value": "AAAA"}]}),
    ("a photo's address", "R-USER-08", {"photos": [{"value": "my photo"}]}),
    ("a profile's address", "R-TYPE-09", {"profileUrl": "my profile"}),
]

CASES: Final = [
    # The points C-01 to C-40, in their order.
    Case(
        "a removal whose filter matches nothing succeeds",
        ("C-01", "R-PATCH-37"),
        change("remove", 'emails[type eq "home"]'),
        ok({"emails": [WORK]}, ETag="{etag}"),
    ),
    Case(
        "so does that of a member who is none",
        ("C-01", "R-PATCH-37"),
        in_group("remove", 'members[value eq "nobody"]'),
        ok({"members": [{"value": "{ana}"}, {"value": "{ben}"}]}),
    ),
    Case(
        "an add whose filter matches nothing makes the element",
        ("C-02", "R-PATCH-32", "R-COMPAT-01"),
        change("add", 'emails[type eq "home"].value', "ana@home.example"),
        ok({"emails": [WORK, HOME]}),
        refused("noTarget"),
        ("value-path-creates",),
    ),
    Case(
        "a replace whose filter matches nothing makes the element",
        ("C-03", "R-PATCH-49", "R-PATCH-50"),
        change("replace", 'emails[type eq "home"].value', "ana@home.example"),
        ok({"emails": [WORK, HOME]}),
        refused("noTarget"),
        ("value-path-creates",),
    ),
    Case(
        "a member that a filter names is replaced",
        ("R-PATCH-46", "R-GRP-04"),
        in_group("replace", 'members[value eq "{ben}"]', {"display": "Ben"}),
        ok({"members": [{"value": "{ana}"}, {"value": "{ben}", "display": "Ben"}]}),
        refused("noTarget"),
        ("value-path-creates",),
    ),
    Case(
        "an element that is kept as a row is not replaced by another filter",
        ("C-03", "R-GRP-04"),
        in_group("replace", 'members[type eq "User"]', {"value": "{ana}"}),
        refused("noTarget"),
    ),
    Case(
        "replacing a complex value merges",
        ("C-04", "R-PATCH-45", "R-COMPAT-05"),
        change("replace", "name", {"givenName": "Nia"}),
        ok({"name": {"givenName": "Nia", "familyName": "Ruiz"}}),
    ),
    Case(
        "replacing an element that a filter selects replaces the whole of it",
        ("C-05", "R-PATCH-47"),
        change("replace", 'emails[type eq "work"]', {"value": "new@example.com"}),
        ok({"emails": [{"value": "new@example.com", "type": ABSENT, "primary": ABSENT}]}),
    ),
    Case(
        "a removal that lists members removes those and no others",
        ("C-06", "R-PATCH-38", "R-COMPAT-01"),
        in_group("remove", "members", [{"value": "{ben}"}]),
        ok({"members": [{"value": "{ana}"}]}),
        refused("invalidValue"),
        ("remove-listed",),
    ),
    Case(
        "one that lists none removes none",
        ("C-06", "R-PATCH-40"),
        in_group("remove", "members", []),
        ok({"members": [{"value": "{ana}"}, {"value": "{ben}"}]}),
        refused("invalidValue"),
        ("remove-listed",),
    ),
    Case(
        "one without a value empties the group",
        ("C-06", "R-PATCH-39"),
        in_group("remove", "members"),
        ok({"members": ABSENT}),
    ),
    Case(
        "a value beside a path with a filter says nothing",
        ("C-06", "ENTRA-33"),
        change("remove", 'emails[type eq "work"].value', "old@example.com"),
        ok({"emails": ABSENT}),
        refused("invalidValue"),
        ("ignore-removed-value", "empty-element"),
    ),
    Case(
        "what only the server writes is ignored in a PUT",
        ("C-07", "R-PUT-06"),
        put(active=False, id="other", meta={"resourceType": "Group"}, groups=[{"value": "g"}]),
        ok({"id": "{ana}", "meta": {"resourceType": "User"}}),
    ),
    Case(
        "a PUT clears what it does not name",
        ("C-08", "R-PUT-04", "R-PUT-05"),
        put(active=False),
        ok({"title": ABSENT, "emails": ABSENT, "externalId": ABSENT, ENTERPRISE: ABSENT, "active": False}),
    ),
    Case(
        "a PUT without an attribute that has a default leaves it",
        ("C-08", "R-PUT-05"),
        put(),
        ok({"active": False}),
        ok({"active": True}),
        ("keep-in-put",),
    ),
    Case(
        "an attribute that no schema has is left out of a body",
        ("C-09", "R-SCH-09", "R-COMPAT-01"),
        user(favouriteColour="blue"),
        made({"userName": "cleo", "favouriteColour": ABSENT}),
        refused("invalidSyntax"),
        ("unknown-attribute",),
    ),
    Case(
        "an operation on one is skipped",
        ("C-09", "R-PATCH-08"),
        patch(operation("add", "favouriteColour", "blue"), operation("replace", "title", "Lead")),
        ok({"title": "Lead", "favouriteColour": ABSENT}),
        refused("invalidPath"),
        ("unknown-attribute",),
    ),
    Case(
        "a body without schemas is read by its address",
        ("C-10", "R-SCH-06"),
        Sent("POST", "/Users", {"userName": "cleo"}),
        made({"schemas": [USER]}),
        refused("invalidSyntax"),
        ("missing-schemas",),
    ),
    Case(
        "a schema that nobody knows is ignored",
        ("C-10", "R-SCH-08"),
        Sent("POST", "/Groups", {"schemas": [GROUP, ADSCIM], "displayName": "new"}),
        made({"schemas": [GROUP]}),
        refused("invalidSyntax"),
        ("missing-schemas",),
    ),
    Case(
        "a message without schemas is read as what the address takes",
        ("C-10", "R-SCH-11"),
        Sent("POST", "/Users/.search", {"filter": 'userName eq "ana"'}),
        ok(names("ana")),
        refused("invalidSyntax"),
        ("missing-schemas",),
    ),
    Case(
        "another message's schema is an error",
        ("C-10", "R-SCH-11"),
        Sent("POST", "/Users/.search", {"schemas": [LIST_RESPONSE]}),
        refused("invalidSyntax"),
    ),
    Case(
        "an extension counts without its URN in schemas",
        ("C-10", "R-SCH-07"),
        user(**{ENTERPRISE: {"department": "Ops"}}),
        made({"schemas": [USER, ENTERPRISE], ENTERPRISE: {"department": "Ops"}}),
    ),
    Case(
        "If-Match compares weakly",
        ("C-11", "R-ETAG-07"),
        patch(operation("replace", "title", "Lead"), If_Match="{etag}"),
        ok({"title": "Lead"}),
    ),
    Case(
        "a version that is not that of the resource is a 412",
        ("C-12", "R-ERR-09", "R-ETAG-06"),
        patch(operation("replace", "title", "Lead"), If_Match='W/"0.0"'),
        refused(None, 412),
    ),
    Case("ne holds for what has no value", ("C-13", "R-FILT-31"), find('title ne "Agent"'), ok(names("ben"))),
    Case("not is the complement", ("C-13", "R-FILT-32"), find('not (title eq "Agent")'), ok(names("ben"))),
    Case(
        "and binds tighter than or",
        ("C-14", "R-FILT-05"),
        find('userName eq "ana" or userName eq "ben" and title pr'),
        ok(names("ana")),
    ),
    Case("not needs no blank", ("C-14", "R-FILT-08"), find("not(title pr)"), ok(names("ben"))),
    Case(
        "brackets take groups",
        ("C-14", "R-FILT-18"),
        find('emails[type eq "home" or (type eq "work" and not (value ew "x"))]'),
        ok(names("ana")),
    ),
    Case(
        "brackets take no brackets",
        ("C-14", "R-FILT-18"),
        find('emails[type eq "home" or emails[type eq "work"]]'),
        refused("invalidFilter"),
    ),
    Case("a list of objects means its values", ("C-15", "R-FILT-20"), find('emails co "@EXAMPLE"'), ok(names("ana"))),
    Case(
        "so does members",
        ("C-15", "R-COMPAT-06"),
        find('id eq "{group}" and members eq "{ana}"', "/Groups"),
        ok({"totalResults": 1}),
    ),
    Case(
        "a filter compares behind brackets",
        ("C-16", "R-FILT-19"),
        find('emails[type eq "work"].value eq "ana@example.com"'),
        ok(names("ana")),
        refused("invalidFilter"),
        ("compared-value-path",),
    ),
    Case(
        "a count of 0 shows nothing and counts all",
        ("C-17", "R-PAGE-02"),
        get("/Users?count=0"),
        ok({"totalResults": 2, "itemsPerPage": 0, "Resources": []}),
    ),
    Case(
        "behind the end is an empty page",
        ("C-18", "R-PAGE-07"),
        get("/Users?startIndex=999"),
        ok({"totalResults": 2, "startIndex": 999, "itemsPerPage": 0, "Resources": []}),
    ),
    Case(
        "attributes and excludedAttributes exclude each other",
        ("C-19", "R-ATTR-08"),
        get("/Users?attributes=userName&excludedAttributes=title"),
        refused("invalidValue"),
    ),
    Case(
        "a long list comes in pages",
        ("C-20", "R-PAGE-03", "R-GET-10"),
        get("/Users?count=1"),
        ok({"totalResults": 2, "itemsPerPage": 1}),
    ),
    Case("a PATCH of a user answers with it", ("C-21", "R-PATCH-57"), change("add", "title", "Lead"), ok()),
    Case(
        "a PATCH of a group that is not large answers with it",
        ("C-21", "R-PATCH-57"),
        in_group("replace", "displayName", "other"),
        ok({"displayName": "other"}),
    ),
    Case("a duplicate is a 409 in a POST", ("C-22", "R-CHAR-17"), user(userName="ANA"), refused("uniqueness", 409)),
    Case("and in a PUT", ("C-22", "R-CHAR-17"), put(active=True, userName="ben"), refused("uniqueness", 409)),
    Case("and in a PATCH", ("C-22", "R-CHAR-17"), change("replace", "userName", "Ben"), refused("uniqueness", 409)),
    Case(
        "the status of a bulk operation is a string",
        ("C-23", "R-BULK-11"),
        Sent(
            "POST",
            "/Bulk",
            {"schemas": [BULK_REQUEST], "Operations": [{"method": "DELETE", "path": "/Users/{ben}"}]},
        ),
        ok({"Operations": [{"status": "204"}]}),
    ),
    Case(
        "a GET says where the resource is in Content-Location",
        ("C-24",),
        get("/Users/{ana}"),
        ok(Location=ABSENT, Content_Location="http://localhost/scim/v2/Users/{ana}"),
    ),
    Case("a POST says it in Location", ("C-24", "R-POST-02"), user(), made(Location=...)),
    Case(
        "values are kept as they were sent",
        ("C-25", "R-MV-04", "R-COMPAT-02"),
        user(displayName="  Cleo ", emails=[{"value": "Cleo@EXAMPLE.com", "type": "Work"}]),
        made({"displayName": "  Cleo ", "emails": [{"value": "Cleo@EXAMPLE.com", "type": "Work"}]}),
    ),
    *(
        Case(f"{title} may be any text", ("C-26", id), user(**sent), made(sent), refused("invalidValue"))
        for title, id, sent in MISFITS
    ),
    Case(
        "the formats of RFC 7643's own example fit",
        ("C-26", "R-USER-05", "R-I18N-10"),
        user(
            profileUrl="https://login.example.com/bjensen",
            preferredLanguage="en-US",
            locale="en_US",
            timezone="America/Los_Angeles",
            emails=[{"value": "bjensen@example.com"}],
            phoneNumbers=[{"value": "555-555-5555"}, {"value": "tel:+1-201-555-0123"}],
            photos=[{"value": "https://photos.example.com/profilephoto/72930000000Ccne/F"}],
            addresses=[{"country": "US"}],
        ),
        made(),
    ),
    Case(
        "nothing is derived from other values",
        ("C-27", "R-USER-03", "R-ENT-03", "R-GRP-07"),
        get("/Users/{ana}"),
        ok({"name": {"formatted": ABSENT}, ENTERPRISE: {"manager": {"value": "{ben}", "displayName": ABSENT}}}),
    ),
    Case(
        "a member has what it was given",
        ("C-27", "R-GRP-07"),
        get("/Groups/{group}"),
        ok({"members": [{"value": "{ana}", "type": ABSENT, "$ref": ABSENT, "display": ABSENT}, {"value": "{ben}"}]}),
    ),
    Case(
        "the URN of an extension is a path",
        ("C-28", "R-PATCH-07"),
        change("add", ENTERPRISE, {"costCenter": "7"}),
        ok({ENTERPRISE: {"costCenter": "7", "department": "Ops"}}),
    ),
    Case(
        "a filter on a discovery endpoint is refused",
        ("C-29", "R-DISC-07"),
        get("/Schemas?filter=id%20pr"),
        refused(None, 403),
    ),
    Case(
        "other parameters are ignored there", ("C-29", "R-DISC-06"), get("/ResourceTypes?count=0"), ok(Location=ABSENT)
    ),
    Case(
        "the schemas of discovery are published too",
        ("C-30", "R-DISC-12"),
        get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:Schema"),
        ok({"name": "Schema"}),
    ),
    Case("a userName may have blanks", ("C-31", "R-I18N-03"), user(userName="Cleo de Nil"), made()),
    Case(
        "a userName is compared in its prepared form",
        ("C-31", "R-I18N-01"),
        find('userName eq "ANA"'),
        ok(names("ana")),
    ),
    Case(
        "a dateTime without a zone is in UTC",
        ("C-32", "R-TYPE-07"),
        find('meta.created gt "2020-01-01T00:00:00" and meta.created lt "2999-01-01T00:00:00.1234567+02:00"'),
        ok({"totalResults": 2}),
    ),
    Case(
        "display is written",
        ("C-33",),
        change("add", 'emails[type eq "work"].display', "Ana"),
        ok({"emails": [{**WORK, "display": "Ana"}]}),
    ),
    Case(
        "but not that of a member",
        ("C-33", "R-GRP-04"),
        in_group("replace", 'members[value eq "{ana}"].display', "Ana"),
        refused("mutability"),
    ),
    Case(
        "nor that of a group of a user",
        ("C-33", "R-USER-10"),
        change("replace", "groups.display", "g"),
        refused("mutability"),
    ),
    Case(
        "a filter on one resource is ignored",
        ("C-34", "R-GET-03"),
        get("/Users/{ana}?filter=userName%20eq%20%22ben%22"),
        ok({"id": "{ana}"}),
    ),
    Case(
        "a password is not filtered by", ("C-35", "R-FILT-38"), find('password eq "secret"'), refused("invalidFilter")
    ),
    Case(
        "members are replaced as wholes",
        ("C-36", "R-CHAR-08"),
        Sent("PUT", "/Groups/{group}", {"schemas": [GROUP], "displayName": "g", "members": [{"value": "{ben}"}]}),
        ok({"members": [{"value": "{ben}"}]}),
    ),
    Case(
        "nothing is answered later",
        ("C-37", "R-ASYNC-08"),
        Sent("POST", "/Users", {"schemas": [USER], "userName": "cleo"}, (("Prefer", "respond-async"),)),
        made(Set_Txn=ABSENT, Preference_Applied=ABSENT),
    ),
    Case(
        "an externalId may be there twice",
        ("C-40", "R-ID-06"),
        user(externalId="ext-ana"),
        made({"externalId": "ext-ana"}),
    ),
    # Other tolerances.
    Case(
        "text is read as a boolean",
        ("R-TYPE-02", "R-TYPE-03", "R-COMPAT-01"),
        change("replace", "active", "True"),
        ok({"active": True}),
        refused("invalidValue"),
        ("read-boolean-text",),
    ),
    Case(
        "text is read as a number",
        ("ENTRA-96",),
        with_agent(chatsPerUser="12"),
        made({AGENT: {"chatsPerUser": 12}}),
        refused("invalidValue"),
        ("read-number-text",),
    ),
    Case(
        "a primary that is no boolean is left out",
        ("ENTRA-42",),
        user(emails=[{"value": "a@example.com", "primary": "555"}]),
        made({"emails": [{"value": "a@example.com", "primary": ABSENT}]}),
        refused("invalidValue"),
        ("drop-unreadable-primary",),
    ),
    Case(
        "an operation's verb counts in any case",
        ("R-PATCH-04", "R-COMPAT-01"),
        change("Replace", "title", "Lead"),
        ok({"title": "Lead"}),
        refused("invalidSyntax"),
        ("lower-verb",),
    ),
    Case(
        "so do the names of its members",
        ("R-HTTP-16", "R-PATCH-04"),
        patch({"Op": "replace", "Path": "title", "Value": "Lead"}),
        ok({"title": "Lead"}),
        refused("invalidSyntax"),
        ("lower-member-names",),
    ),
    Case("names in a body count in any case", ("R-HTTP-16",), user(TITLE="Lead"), made({"title": "Lead"})),
    Case(
        "an id in a value without a path is skipped where it is the resource's own",
        ("R-PATCH-14",),
        change("replace", None, {"id": "{ana}", "title": "Lead"}),
        ok({"title": "Lead"}),
        refused("mutability"),
        ("read-only-in-patch",),
    ),
    Case(
        "another id is refused",
        ("R-PATCH-13", "R-PATCH-14"),
        change("replace", None, {"id": "{ben}", "title": "Lead"}),
        refused("mutability"),
    ),
    Case(
        "keys of a value without a path are paths",
        ("R-PATCH-55", "R-COMPAT-01"),
        change("replace", None, {"name.givenName": "Nia", f"{ENTERPRISE}:department": "Sales"}),
        ok({"name": {"givenName": "Nia", "familyName": "Ruiz"}, ENTERPRISE: {"department": "Sales"}}),
        refused("invalidPath"),
        ("path-as-key",),
    ),
    Case(
        "a PATCH needs no path",
        ("R-PATCH-41", "R-COMPAT-05"),
        change("replace", None, {"title": "Lead"}),
        ok({"title": "Lead"}),
    ),
    Case(
        "a manager may be plain text, which leaves nothing of the former one",
        ("R-ENT-04", "R-COMPAT-01"),
        change("replace", f"{ENTERPRISE}:manager", "{ana}"),
        ok({ENTERPRISE: {"manager": {"value": "{ana}", "$ref": ABSENT}}}),
        refused("invalidValue"),
        ("wrap-value",),
    ),
    Case(
        "a list of one is the one",
        ("ENTRA-29",),
        user(**{"schemas": [USER, ENTERPRISE], ENTERPRISE: {"manager": [{"value": "{ben}"}]}}),
        made({ENTERPRISE: {"manager": {"value": "{ben}"}}}),
        refused("invalidValue"),
        ("unwrap-list",),
    ),
    Case(
        "an empty text unassigns",
        ("ENTRA-34", "R-TYPE-01"),
        change("replace", "title", ""),
        ok({"title": ABSENT}),
        ok({"title": ""}),
        ("empty-string",),
    ),
    Case(
        "also where no text can stand",
        ("ENTRA-30",),
        change("replace", f"{ENTERPRISE}:manager", ""),
        ok({ENTERPRISE: {"manager": ABSENT}}),
        refused("invalidValue"),
        ("unassign-empty-text",),
    ),
    Case(
        "an empty element is dropped",
        ("R-NULL-05",),
        user(emails=[{"value": "a@example.com"}, {}]),
        made({"emails": [{"value": "a@example.com"}]}),
        refused("invalidValue"),
        ("empty-element",),
    ),
    Case(
        "a member's $ref may be null",
        ("R-NULL-05",),
        in_group("replace", "members", [{"value": "{ben}", "$ref": None}]),
        ok({"members": [{"value": "{ben}", "$ref": ABSENT}]}),
    ),
    Case(
        "of two primaries the last one stays",
        ("R-MV-02", "R-PATCH-19"),
        user(emails=[{"value": "a@example.com", "primary": True}, {"value": "b@example.com", "primary": True}]),
        made({"emails": [{"primary": False}, {"primary": True}]}),
        refused("invalidValue"),
        ("last-primary-wins",),
    ),
    Case(
        "equal elements are one",
        ("R-MV-03",),
        user(emails=[{"value": "a@example.com"}, {"value": "A@example.com", "display": "A"}]),
        made({"emails": [{"value": "A@example.com", "display": "A"}]}),
    ),
    Case(
        "JSON text in a value is read",
        ("ENTRA-26",),
        change("add", "roles", [{"value": ROLE_TEXT}]),
        ok({"roles": ROLE}),
        ok({"roles": [{"value": ROLE_TEXT}]}),
        ("unpack-json-text",),
    ),
    Case(
        "also in a body",
        ("ENTRA-26",),
        user(roles=[{"value": ROLE_TEXT}]),
        made({"roles": ROLE}),
        made({"roles": [{"value": ROLE_TEXT}]}),
        ("unpack-json-text-in-body",),
    ),
    Case(
        "a mistyped URN is the extension's",
        ("ENTRA-12",),
        user(**{"urn:ietf:params:scim:schemas:extension:enterprise:2.0User": {"department": "Ops"}}),
        made({ENTERPRISE: {"department": "Ops"}}),
        refused("invalidSyntax"),
        ("rename-extension",),
    ),
    Case(
        "a word without quotes is text",
        ("ENTRA-04",),
        find("externalId eq ext-ana"),
        ok(names("ana")),
        refused("invalidFilter"),
        ("bare-word",),
    ),
    Case(
        "a quoted boolean is one",
        ("R-FILT-10",),
        find('active eq "False" and userName eq "ana"'),
        ok(names("ana")),
        refused("invalidFilter"),
        ("string-literal",),
    ),
    Case(
        "a member that is nobody is kept",
        ("R-GRP-09", "R-TYPE-11"),
        in_group("add", "members", [{"value": "nobody"}]),
        ok({"members": [{"value": "{ana}"}, {"value": "{ben}"}, {"value": "nobody"}]}),
        refused("invalidValue"),
    ),
    Case(
        "a second group of one name is refused",
        ("R-GRP-02",),
        Sent("POST", "/Groups", {"schemas": [GROUP], "displayName": "G"}),
        refused("uniqueness", 409),
    ),
    Case("a value that is not canonical is kept", ("R-TYPE-01",), user(userType="Robot"), made({"userType": "Robot"})),
    Case("POST without active makes an active user", ("R-USER-13",), user(), made({"active": True})),
    Case(
        "who is not active is still there",
        ("R-COMPAT-03", "R-COMPAT-04", "R-DEL-07"),
        find('userName eq "ana" and active eq false'),
        ok(names("ana")),
    ),
    Case(
        "any JSON type is JSON",
        ("R-HTTP-07",),
        Sent(
            "POST",
            "/Users",
            {"schemas": [USER], "userName": "cleo"},
            (("Content-Type", "application/json; charset=x"),),
        ),
        made(Content_Type=MEDIA_TYPE),
    ),
    Case(
        "other types are none",
        ("R-HTTP-07",),
        Sent("POST", "/Users", {"schemas": [USER], "userName": "cleo"}, (("Content-Type", "text/xml"),)),
        refused(None, 415),
    ),
]
