"""The JSON text that is sent: spliced from what is stored, or parsed and cut, with the same outcome."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim_server.domain.attrpath import BoundPath
from scim_server.domain.project import DEFAULT, Projection, project, shape
from scim_server.domain.registry import Registry, published
from scim_server.domain.resource import Attributes, Meta
from scim_server.domain.schema import (
    Absence,
    Attribute,
    AttributeType,
    Depth,
    Extension,
    Inverse,
    Json,
    Kept,
    Noted,
    ResourceType,
    Schema,
    Source,
)
from scim_server.filtering.paths import parse_attribute
from scim_server.service.drafts import draft, loads
from scim_server.service.representation import LIST_RESPONSE, Representation, location, render, render_list
from scim_server.storage.base import Record, Reference
from tests.domain import strategies
from tests.domain.device import CORE, DESK, DEVICE

req = pytest.mark.req

REGISTRY = Registry((DEVICE,), published((DEVICE,), ()), "now")
BASE = "https://scim.example.com/scim/v2"
META = Meta("2026-11-21T21:43:38.123456789Z", "2026-11-22T00:00:00.000000000Z", 7, 12)
USERS = '[{"value":"u-1","display":"U","type":"User"},{"value":"u-2"}]'
RACKS = (Reference("r-1", "Rack"), Reference("r-2", None))

SENT_META = {
    "resourceType": "Device",
    "created": "2026-11-21T21:43:38.123Z",
    "lastModified": "2026-11-22T00:00:00.000Z",
    "location": f"{BASE}/Devices/d-1",
    "version": 'W/"7.12"',
}
SENT_RACKS = [
    {"value": "r-1", "$ref": f"{BASE}/Devices/r-1", "display": "Rack", "type": "direct"},
    {"value": "r-2", "$ref": f"{BASE}/Devices/r-2", "type": "direct"},
]

CUT_META = {name: value for name, value in SENT_META.items() if name not in ("created", "lastModified")}
CUT_RACKS = [{"value": "r-1", "display": "Rack"}, {"value": "r-2"}]
CUT_USERS = [{"value": "u-1"}, {"value": "u-2"}]


def record(attributes: Attributes, expand: frozenset[str], rows: str = USERS, racks: Any = RACKS) -> Record:
    """The record as a database gives it, with what was asked for."""
    kept = draft(REGISTRY, DEVICE, "d-1", attributes)
    return Record(
        "Device",
        "d-1",
        META,
        kept.stamp,
        kept.document,
        kept.hidden,
        {"users": rows} if "users" in expand else {},
        {"racks": racks} if "racks" in expand else {},
    )


def projection(attributes: str = "", excluded: str = "") -> Projection:
    named, left_out = (map(parse_attribute, filter(None, text.split(","))) for text in (attributes, excluded))
    return Projection.of(named, left_out)


def sent(attributes: Attributes, asked: Projection = DEFAULT, **kept: Any) -> dict[str, Json]:
    wanted = shape(asked, DEVICE)
    text = render(record(attributes, wanted.expand, **kept), DEVICE, wanted, REGISTRY, BASE)
    body: dict[str, Json] = loads(text)
    return body


@req("R-META-02", "R-META-06", "R-META-07", "R-META-09", "R-ETAG-03", "R-SCH-01", "R-RT-02", "R-ATTR-11")
def test_the_stored_text_is_joined_with_rows_derived_values_and_meta() -> None:
    assert sent({"name": "D", DESK: {"seat": "1"}, "secret": "s"}) == {
        "schemas": [CORE, DESK],
        "id": "d-1",
        "name": "D",
        DESK: {"seat": "1"},
        "users": json.loads(USERS),
        "racks": SENT_RACKS,
        "meta": SENT_META,
    }


@req("R-NULL-02")
@pytest.mark.parametrize("rows", ["", "[]"])
def test_nobody_is_not_sent_as_an_empty_list(rows: str) -> None:
    body = sent({"name": "D"}, rows=rows, racks=())
    assert body.keys() == {"schemas", "id", "name", "meta"}
    body = sent({"name": "D", "note": "n"}, projection("users,racks,note"), rows=rows, racks=())
    assert body.keys() == {"schemas", "id", "note"}


@req("R-ATTR-02", "R-ATTR-03", "R-ATTR-05", "R-ATTR-06", "R-CHAR-10", "ENTRA-50", "R-ETAG-10")
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (projection("name"), {"name": "D"}),
        (projection("meta.version"), {"meta": {"version": 'W/"7.12"'}}),
        (projection("users.value"), {"users": CUT_USERS}),
        (projection("users.type"), {"users": [{"type": "User"}]}),
        (projection("racks.display"), {"racks": [{"display": "Rack"}]}),
        (projection("note,secret"), {"note": "n"}),
        (projection(excluded="users,racks"), {"name": "D", "meta": SENT_META}),
        (projection(excluded="users,racks,meta"), {"name": "D"}),
        (projection(excluded="users,racks.$ref,racks.type,meta"), {"name": "D", "racks": CUT_RACKS}),
        (projection(excluded="users.display,users.type,racks,meta"), {"name": "D", "users": CUT_USERS}),
        (projection(excluded="users,racks,meta.created,meta.lastModified"), {"name": "D", "meta": CUT_META}),
    ],
)
def test_a_projection_cuts_the_stored_text_and_what_is_joined_to_it(
    asked: Projection, expected: Mapping[str, Json]
) -> None:
    attributes = {"name": "D", "note": "n", "secret": "s"}
    assert sent(attributes, asked) == {"schemas": [CORE], "id": "d-1", **expected}


NAMES = [
    *(a.name for a in (*DEVICE.common.attributes, *DEVICE.schema.attributes)),
    *("meta.location", "users.display", "racks.value", "place.room", "ports.hint", DESK, f"{DESK}:racks", "nope"),
]
PROJECTIONS = st.one_of(
    st.builds(lambda names: projection(attributes=",".join(names)), st.lists(st.sampled_from(NAMES), max_size=4)),
    st.builds(lambda names: projection(excluded=",".join(names)), st.lists(st.sampled_from(NAMES), max_size=4)),
)


@req("R-ATTR-02", "R-ATTR-03", "R-ATTR-06", "R-NULL-02")
@settings(max_examples=300)
@given(strategies.states(), PROJECTIONS)
def test_spliced_or_parsed_the_answer_is_the_projection_of_the_whole(attributes: Attributes, asked: Projection) -> None:
    whole = {
        "schemas": [CORE, *(e.schema.id for e in DEVICE.extensions if e.schema.id in attributes)],
        "id": "d-1",
        **attributes,
        "users": json.loads(USERS),
        "racks": SENT_RACKS,
        "meta": SENT_META,
    }
    assert sent(attributes, asked) == project(whole, shape(asked, DEVICE))


@req("R-SCH-02")
def test_a_document_of_other_schemas_is_parsed_and_cleaned() -> None:
    kept = record({"name": "D", "code": "c", DESK: {"seat": "1"}}, frozenset({"users"}))
    schema = Schema(CORE, "Device", "", tuple(a for a in DEVICE.schema.attributes if a.name != "code"))
    resource_type: ResourceType = replace(DEVICE, schema=schema, extensions=())
    later = Registry((resource_type,), published((resource_type,), ()), "later")
    body = loads(render(kept, resource_type, shape(DEFAULT, resource_type), later, BASE))
    assert body == {"schemas": [CORE], "id": "d-1", "name": "D", "users": json.loads(USERS), "meta": SENT_META}


def test_references_of_a_type_that_is_no_longer_served_are_not_sent() -> None:
    resource_type = replace(DEVICE, derivations={"racks": Inverse("Rack", (Source("devices"),))})
    body = loads(
        render(
            record({"name": "D"}, frozenset({"racks"})), resource_type, shape(DEFAULT, resource_type), REGISTRY, BASE
        )
    )
    assert "racks" not in body


@req("R-META-05", "R-META-08", "R-HTTP-01")
def test_an_address_is_under_the_base_url_of_the_request() -> None:
    assert location(BASE, DEVICE, "d-1") == "https://scim.example.com/scim/v2/Devices/d-1"
    assert Representation(None, 'W/"1"', location(BASE, DEVICE, "d-1")).body is None


@req("R-GET-04", "R-GET-06", "R-GET-07", "R-PAGE-05", "R-PAGE-06")
@pytest.mark.parametrize(
    ("total", "start", "resources"), [(0, 1, []), (2, 1, ['{"id":"1"}', '{"id":"2"}']), (7, 3, ['{"id":"é"}'])]
)
def test_a_list_tells_the_total_and_what_is_on_this_page(total: int, start: int, resources: list[str]) -> None:
    assert json.loads(render_list(total, start, resources)) == {
        "schemas": [LIST_RESPONSE],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": [json.loads(text) for text in resources],
    }


def test_a_type_without_rows_has_a_version_of_one_part() -> None:
    plain = ResourceType(
        "Plain", "Plain", "/Plains", "", Schema("urn:plain", "Plain", "", (Attribute("name"),)), DEVICE.common
    )
    registry = Registry((plain,), published((plain,), ()), "now")
    kept = draft(registry, plain, "p-1", {"name": "x"})
    stored = Record("Plain", "p-1", replace(META, membership_version=None), "now", kept.document)
    assert loads(render(stored, plain, shape(DEFAULT, plain), registry, BASE))["meta"]["version"] == 'W/"7"'


SHIFT = "urn:example:params:scim:schemas:extension:shift:2.0:Device"


def on_shift() -> ResourceType:
    """Devices with rows and derived values of an extension, beside their own."""
    value = (Attribute("value", case_exact=True), Attribute("display"))
    crew = Attribute("crew", AttributeType.COMPLEX, True, kept=Kept.ROWS, holder=SHIFT, sub_attributes=value)
    seen = Attribute("seen", AttributeType.COMPLEX, True, kept=Kept.DERIVED, holder=SHIFT, sub_attributes=value)
    rest = (
        Attribute("kind"),
        Attribute("depth", AttributeType.INTEGER, kept=Kept.DERIVED, holder=SHIFT),
        Attribute("notes", multi_valued=True, kept=Kept.DERIVED, holder=SHIFT),
        Attribute("absent", AttributeType.BOOLEAN, kept=Kept.DERIVED, holder=SHIFT),
    )
    extension = Extension(Schema(SHIFT, "Shift", "", (crew, seen, *rest)))
    derivations = {
        **DEVICE.derivations,
        f"{SHIFT}:seen": Inverse("Device", (Source(crew.key), Source("users"))),
        f"{SHIFT}:depth": Depth(BoundPath(rest[0], None, SHIFT)),
        f"{SHIFT}:notes": Noted(),
        f"{SHIFT}:absent": Absence(f"{SHIFT}:seen"),
    }
    return replace(DEVICE, extensions=(*DEVICE.extensions, extension), derivations=derivations)


def of_extension(
    attributes: Attributes, derived: Mapping[str, Any], rows: str = "[]", asked: str = ""
) -> dict[str, Json]:
    resource_type = on_shift()
    registry = Registry((resource_type,), published((resource_type,), ()), "now")
    kept = draft(registry, resource_type, "d-1", attributes)
    apart = {f"{SHIFT}:{name}": value for name, value in derived.items()}
    stored = Record(
        "Device", "d-1", META, "now", kept.document, kept.hidden, {f"{SHIFT}:crew": rows, "users": "[]"}, apart
    )
    wanted = shape(projection(asked), resource_type)
    body: dict[str, Json] = loads(render(stored, resource_type, wanted, registry, BASE))
    return body


@req("CC-06", "R-SCH-02")
def test_rows_and_derived_values_of_an_extension_stand_in_its_object() -> None:
    found = {"seen": (Reference("r-1", "Rack"),), "depth": 2, "notes": ("a", "b"), "absent": False}
    body = of_extension({"name": "D"}, found, '[{"value":"c-1"}]')
    assert body["schemas"] == [CORE, SHIFT]
    assert body[SHIFT] == {
        "crew": [{"value": "c-1"}],
        "seen": [{"value": "r-1", "display": "Rack"}],
        "depth": 2,
        "notes": ["a", "b"],
        "absent": False,
    }
    assert list(body) == ["schemas", "id", "name", SHIFT, "meta"]


@req("R-SCH-05", "R-NULL-02")
def test_an_extension_without_anything_is_not_listed() -> None:
    body = of_extension({"name": "D"}, {"seen": (), "notes": ()})
    assert (body["schemas"], SHIFT in body) == ([CORE], False)
    beside = of_extension({"name": "D", SHIFT: {"kind": "night"}}, {"seen": ()}, '[{"value":"c-1"}]')
    assert beside[SHIFT] == {"kind": "night", "crew": [{"value": "c-1"}]}


@req("R-ATTR-02")
def test_a_projection_cuts_what_stands_in_the_object_of_an_extension() -> None:
    seen = {"seen": (Reference("r-1", "Rack"), Reference("r-2", None))}
    assert of_extension({"name": "D"}, seen, asked=f"{SHIFT}:seen.display") == {
        "schemas": [CORE, SHIFT],
        "id": "d-1",
        SHIFT: {"seen": [{"display": "Rack"}]},
    }


def test_what_a_write_of_ones_own_document_changes_is_not_steady() -> None:
    assert on_shift().steady == {"racks"}
