"""Which attributes a representation has: `returned`, attributes and excludedAttributes, and the stored document."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim_server.domain.project import DEFAULT, Projection, Shape, join, known, project, shape, split
from scim_server.domain.resource import Attributes, copy
from scim_server.domain.schema import Attribute, AttributeType, Extension, Json, Kept, ResourceType, Schema
from scim_server.errors import InvalidValue
from scim_server.filtering.paths import parse_attribute
from tests.domain import strategies
from tests.domain.device import CORE, DESK, DEVICE, HALL

req = pytest.mark.req

WHOLE: Attributes = {
    "schemas": [CORE, DESK, HALL],
    "id": "d-1",
    "externalId": "x",
    "meta": {"resourceType": "Device", "location": "https://example.com/v2/Devices/d-1"},
    "name": "d",
    "active": False,
    "level": 0,
    "sticker": "s",
    "secret": "hush",
    "token": "hush",
    "note": "n",
    "place": {"street": "1", "key": "k", "badge": "b", "alarm": "a", "remark": "r"},
    "ports": [
        {"value": "1", "type": "t", "state": "up", "hint": "h", "community": "c"},
        {"value": "2", "hint": "h"},
    ],
    "billing": {"account": "a", "vat": "v"},
    "stamp": {"by": "b", "on": "o"},
    "lamp": {"colour": "red", "watts": "5"},
    "users": [{"value": "u-1", "display": "U"}],
    "racks": [{"value": "r-1", "type": "direct"}],
    DESK: {"seat": "1", "since": "2026-01-02T03:04:05Z", "partner": {"value": "p", "displayName": "P"}}
    | {"hint": "h", "racks": "9"},
    HALL: {"door": "1"},
}
"""A full representation, with a value for whatever `returned` could decide about."""


def leaves(value: Json, path: str = "") -> Iterable[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            separator = ":" if path in (DESK, HALL) else "."
            yield from leaves(member, f"{path}{separator}{name}" if path else name)
    elif isinstance(value, list):
        for element in value:
            yield from leaves(element, path)
    else:
        yield path


ALWAYS = {"schemas", "id", "sticker", "stamp.by", "lamp.colour"}
PLACE = {"place.street", "place.key", "place.badge"}
PORTS = {"ports.value", "ports.type", "ports.state"}
META = {"meta.resourceType", "meta.location"}
USERS = {"users.value", "users.display"}
RACKS = {"racks.value", "racks.type"}
DESK_DEFAULT = {f"{DESK}:{leaf}" for leaf in ("seat", "since", "partner.value", "partner.displayName", "racks")}
CORE_DEFAULT = {"name", "active", "level", "lamp.watts", *PLACE, *PORTS, *USERS, *RACKS}
SENT = ALWAYS | CORE_DEFAULT | META | DESK_DEFAULT | {"externalId", f"{HALL}:door"}
"""What is sent by default."""


def projection(attributes: str = "", excluded: str = "") -> Projection:
    named, left_out = (map(parse_attribute, filter(None, text.split(","))) for text in (attributes, excluded))
    return Projection.of(named, left_out)


def sent(asked: Projection, supplied: frozenset[str] = frozenset()) -> set[str]:
    return set(leaves(project(WHOLE, shape(asked, DEVICE, supplied))))


@req("R-CHAR-10", "R-CHAR-11", "R-CHAR-12", "R-CHAR-13")
def test_by_default_what_is_returned_always_and_by_default_is_sent() -> None:
    assert sent(DEFAULT) == SENT


NAMED = [
    ("name", {"name"}),
    ("NAME", {"name"}),
    ("name,active,level", {"name", "active", "level"}),
    (f"{CORE}:name", {"name"}),
    (f"{CORE.upper()}:PLACE.STREET", {"place.street"}),
    ("externalId", {"externalId"}),
    (f"{CORE}:externalId", {"externalId"}),
    ("id", set()),
    ("schemas", set()),
    ("meta", META),
    ("meta.location", {"meta.location"}),
    ("place", PLACE),
    ("place.street", {"place.street"}),
    ("place.remark", {"place.remark"}),
    ("place,place.remark", PLACE | {"place.remark"}),
    ("place.alarm", set()),
    ("place.shoe", set()),
    ("ports", PORTS),
    ("ports.value,ports.hint", {"ports.value", "ports.hint"}),
    ("ports.community", set()),
    ("note", {"note"}),
    ("secret,token", set()),
    ("pin", set()),
    ("billing", {"billing.account", "billing.vat"}),
    ("billing.vat", {"billing.vat"}),
    ("stamp", set()),
    ("stamp.on", {"stamp.on"}),
    ("lamp.watts", {"lamp.watts"}),
    ("users", USERS),
    ("users.display", {"users.display"}),
    ("racks", RACKS),
    ("racks.type", {"racks.type"}),
    (DESK, DESK_DEFAULT | {f"{DESK}:hint"}),
    (DESK.upper(), DESK_DEFAULT | {f"{DESK}:hint"}),
    (HALL, {f"{HALL}:door"}),
    (f"{DESK}:seat", {f"{DESK}:seat"}),
    ("seat", {f"{DESK}:seat"}),
    (f"{DESK}:partner", {f"{DESK}:partner.value", f"{DESK}:partner.displayName"}),
    (f"{DESK}:partner.displayName", {f"{DESK}:partner.displayName"}),
    (f"{DESK}:racks", {f"{DESK}:racks"}),
    (CORE, CORE_DEFAULT | {"note", "billing.account", "billing.vat"}),
    ("nope", set()),
    ("nope,urn:example:nope:x,name", {"name"}),
]


@req("R-ATTR-01", "R-ATTR-02", "R-ATTR-04", "R-ATTR-05", "R-ATTR-07", "R-ATTR-09", "R-CHAR-10", "R-CHAR-13")
@pytest.mark.parametrize(("names", "expected"), NAMED)
def test_attributes_name_what_is_sent_beside_what_is_always(names: str, expected: set[str]) -> None:
    assert sent(projection(attributes=names)) == ALWAYS | expected


EXCLUDED = [
    ("name", {"name"}),
    ("NAME,Active", {"name", "active"}),
    ("id,schemas,sticker,stamp,stamp.by", set()),
    ("externalId", {"externalId"}),
    ("meta", META),
    ("meta.location", {"meta.location"}),
    ("place", PLACE),
    ("place.street", {"place.street"}),
    ("place.remark,place.alarm,note,secret", set()),
    ("ports.type", {"ports.type"}),
    ("ports.value,ports.type,ports.state", PORTS),
    ("lamp", {"lamp.watts"}),
    ("users", USERS),
    ("users.display", {"users.display"}),
    ("racks", RACKS),
    ("racks.value,racks.type", RACKS),
    (DESK, DESK_DEFAULT),
    (HALL, {f"{HALL}:door"}),
    (f"{DESK}:seat", {f"{DESK}:seat"}),
    ("seat", {f"{DESK}:seat"}),
    (f"{DESK}:partner.value", {f"{DESK}:partner.value"}),
    (f"{DESK}:racks", {f"{DESK}:racks"}),
    (CORE, CORE_DEFAULT),
    ("nope,urn:example:nope:x", set()),
]


@req("R-ATTR-01", "R-ATTR-03", "R-ATTR-04", "R-ATTR-06", "R-ATTR-07", "R-ATTR-09", "R-ATTR-11", "R-CHAR-11")
@pytest.mark.parametrize(("names", "gone"), EXCLUDED)
def test_excluded_attributes_are_taken_from_the_default_set(names: str, gone: set[str]) -> None:
    assert sent(projection(excluded=names)) == SENT - gone


@req("R-CHAR-13", "C-38")
@pytest.mark.parametrize(
    ("supplied", "asked", "expected"),
    [
        ({"note"}, DEFAULT, SENT | {"note"}),
        ({"billing"}, DEFAULT, SENT | {"billing.account", "billing.vat"}),
        ({f"{DESK}:hint"}, DEFAULT, SENT | {f"{DESK}:hint"}),
        ({"note", "billing"}, projection(attributes="name"), ALWAYS | {"name"}),
        ({"note", "billing"}, projection(attributes="note"), ALWAYS | {"note"}),
        ({"note", "billing"}, projection(attributes="billing.vat"), ALWAYS | {"billing.vat"}),
        ({"note", "billing"}, projection(excluded="note"), SENT | {"billing.account", "billing.vat"}),
        ({"note", "billing"}, projection(excluded="billing"), SENT | {"note"}),
        ({"note", "billing"}, projection(excluded="billing.vat,name"), SENT - {"name"} | {"note", "billing.account"}),
        ({"secret", "pin"}, DEFAULT, SENT),
    ],
)
def test_what_is_returned_on_request_is_part_of_the_default_where_the_client_supplied_it(
    supplied: set[str], asked: Projection, expected: set[str]
) -> None:
    assert sent(asked, frozenset(supplied)) == expected


@req("R-CHAR-13")
def test_what_is_returned_on_request_is_known_by_its_path() -> None:
    wholes = {"note", "billing", f"{DESK}:hint"}
    parts = {("place", "place.remark"), ("ports", "ports.hint"), ("stamp", "stamp.on")}
    assert set(DEVICE.on_request) == {(path, path) for path in wholes} | parts


@req("R-ATTR-08")
def test_attributes_and_excluded_attributes_exclude_each_other() -> None:
    with pytest.raises(InvalidValue):
        projection("name", "active")


@req("R-ATTR-11", "ENTRA-50", "ENTRA-52")
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (DEFAULT, {"users", "racks"}),
        (projection(excluded="users"), {"racks"}),
        (projection(excluded="racks"), {"users"}),
        (projection(excluded="users.display"), {"users", "racks"}),
        (projection("name"), set()),
        (projection("users.value"), {"users"}),
    ],
)
def test_only_what_is_sent_is_fetched_with_a_resource(asked: Projection, expected: set[str]) -> None:
    assert shape(asked, DEVICE).expand == expected


@req("R-NULL-02")
def test_nothing_empty_is_left_of_what_is_cut() -> None:
    resource = {"place": {"alarm": "a"}, "ports": [{"hint": "h"}, {"community": "c"}], DESK: {"hint": "h"}, "level": 0}
    assert project(resource, shape(DEFAULT, DEVICE)) == {"level": 0}


# The stored document -------------------------------------------------------------------------------------------------


def example(attribute: Attribute) -> Json:
    """Some value; no type matters here."""
    value = {sub.name: example(sub) for sub in attribute.sub_attributes} or 0
    return [value] if attribute.multi_valued else value


COMPLETE: Attributes = {
    **{a.name: example(a) for a in (*DEVICE.common.attributes, *DEVICE.schema.attributes)},
    **{e.schema.id: {a.name: example(a) for a in e.schema.attributes} for e in DEVICE.extensions},
}
APART = ("users", "racks", "meta")
"""What is not in the stored document but joined to it."""


def joined(resource: Attributes, wanted: Shape) -> Attributes:
    """What is sent where the stored document is taken as it is: it, then rows, derived values and meta."""
    document = split(DEVICE, {name: value for name, value in resource.items() if name not in APART})[0]
    apart = {name: resource[name] for name in APART if wanted.sends(name)}
    part = wanted.parts[None].get("meta")
    if part is not None:
        apart["meta"] = {name: value for name, value in apart["meta"].items() if name in part}
    return document | apart


NAMES = [
    *(a.name for a in (*DEVICE.common.attributes, *DEVICE.schema.attributes)),
    *(f"{a.name}.{s.name}" for a in DEVICE.schema.attributes for s in a.sub_attributes),
    *(f"{e.schema.id}:{a.name}" for e in DEVICE.extensions for a in e.schema.attributes),
    *("meta.location", f"{DESK}:partner.value", CORE, DESK, HALL, "nope"),
]
PROJECTIONS = st.one_of(
    st.builds(lambda names: projection(attributes=",".join(names)), st.lists(st.sampled_from(NAMES), max_size=4)),
    st.builds(lambda names: projection(excluded=",".join(names)), st.lists(st.sampled_from(NAMES), max_size=4)),
)
SUPPLIED = st.frozensets(st.sampled_from(["note", "billing", f"{DESK}:hint", "secret"]), max_size=2)


@req("R-ATTR-03", "R-ATTR-06")
@settings(max_examples=400)
@given(PROJECTIONS, SUPPLIED)
def test_the_document_is_taken_as_it_is_exactly_where_that_is_what_is_sent(
    asked: Projection, supplied: frozenset[str]
) -> None:
    wanted = shape(asked, DEVICE, supplied)
    assert wanted.document_is_default is (joined(COMPLETE, wanted) == project(COMPLETE, wanted))


@pytest.mark.unmeasured
@settings(max_examples=300)
@given(strategies.states(), PROJECTIONS, SUPPLIED)
def test_a_document_that_is_taken_as_it_is_is_its_own_projection(
    attributes: Attributes, asked: Projection, supplied: frozenset[str]
) -> None:
    wanted = shape(asked, DEVICE, supplied)
    document = {"schemas": [CORE], "id": "d-1", **split(DEVICE, attributes)[0]}
    if wanted.document_is_default:
        assert project(document, wanted) == document
    if asked == DEFAULT and not supplied:
        assert wanted.document_is_default


@pytest.mark.unmeasured
@req("R-CHAR-10")
@settings(max_examples=300)
@given(strategies.states())
def test_what_split_takes_apart_join_puts_together(attributes: Attributes) -> None:
    before = copy(attributes)
    visible, hidden = split(DEVICE, attributes)
    assert join(visible, hidden, DEVICE) == attributes == before
    assert visible == project(attributes, shape(DEFAULT, DEVICE))
    assert "hush" not in str(split(DEVICE, {**attributes, "secret": "hush", "token": "hush"})[0])


def test_a_resource_that_is_sent_wholly_hides_nothing() -> None:
    attributes: Attributes = {"name": "d", DESK: {"seat": "1"}}
    assert split(DEVICE, attributes) == (attributes, {})


# Other schemas -------------------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(strategies.states())
def test_under_the_same_schemas_all_is_known(attributes: Attributes) -> None:
    assert known(DEVICE, attributes) == attributes


def later(*attributes: Attribute, desk: tuple[Attribute, ...] = ()) -> ResourceType:
    """The resource type when its schemas have become these."""
    extensions = (Extension(Schema(DESK, "Desk", "", desk)),) if desk else ()
    return replace(DEVICE, schema=Schema(CORE, "Device", "", attributes), extensions=extensions, defaults={})


ROOM = Attribute(
    "place", AttributeType.COMPLEX, sub_attributes=(Attribute("street"), Attribute("shelves", multi_valued=True))
)
ROOMS = replace(ROOM, multi_valued=True)
NUMBER = Attribute("code", AttributeType.INTEGER)
DESK_IN_CAPITALS = replace(DEVICE, extensions=(Extension(Schema(DESK.upper(), "Desk", "", (Attribute("Seat"),))),))

# what changed, the resource type now, the attributes as they were stored, what is left of them
CHANGED: list[tuple[str, ResourceType, Attributes, Attributes]] = [
    ("an attribute is gone", later(Attribute("code")), {"name": "d", "code": "c"}, {"code": "c"}),
    ("a common attribute stays", later(), {"externalId": "x"}, {"externalId": "x"}),
    ("an extension is gone", later(), {DESK: {"seat": "1"}}, {}),
    ("an extension has no attribute any more", later(desk=(Attribute("seat"),)), {DESK: {"old": "1"}}, {}),
    ("a sub-attribute is gone", later(ROOM), {"place": {"street": "1", "room": "2"}}, {"place": {"street": "1"}}),
    ("all sub-attributes are gone", later(ROOM), {"place": {"room": "2"}}, {}),
    ("of an element too", later(ROOMS), {"place": [{"room": "2"}, {"street": "1"}]}, {"place": [{"street": "1"}]}),
    ("a name has another case", later(Attribute("CODE")), {"code": "c"}, {"CODE": "c"}),
    ("a URN has another case", DESK_IN_CAPITALS, {DESK: {"seat": "1"}}, {DESK.upper(): {"Seat": "1"}}),
    ("one value became several", later(Attribute("code", multi_valued=True)), {"code": "c"}, {}),
    ("several values became one", later(Attribute("labels")), {"labels": ["a"]}, {}),
    ("a text became an object", later(ROOM), {"place": "street"}, {}),
    ("an object became a text", later(Attribute("place")), {"place": {"street": "1"}}, {}),
    ("a text became a number", later(NUMBER), {"code": "c"}, {}),
    ("an integer became a decimal", later(replace(NUMBER, type=AttributeType.DECIMAL)), {"code": 5}, {"code": 5}),
    ("values are kept nowhere any more", later(Attribute("code", kept=Kept.DISCARDED)), {"code": "c"}, {}),
    ("values are rows by now", later(replace(ROOMS, kept=Kept.ROWS)), {"place": [{"street": "1"}]}, {}),
]


@pytest.mark.parametrize(("resource_type", "stored", "left"), [c[1:] for c in CHANGED], ids=[c[0] for c in CHANGED])
def test_what_the_schemas_no_longer_have_does_not_come_back(
    resource_type: ResourceType, stored: Attributes, left: Attributes
) -> None:
    before = copy(stored)
    assert known(resource_type, stored) == left
    assert stored == before


def test_shapes_of_small_projections_are_kept_and_those_of_large_ones_are_not() -> None:
    few, many, long = (
        Projection(tuple(map(parse_attribute, names))) for names in (["name"] * 20, ["name"] * 21, ["a" * 1001])
    )
    assert shape(few, DEVICE) is shape(few, DEVICE)
    assert shape(many, DEVICE) is not shape(many, DEVICE)
    assert shape(long, DEVICE) is not shape(long, DEVICE)
    assert shape(many, DEVICE) == shape(few, DEVICE)
