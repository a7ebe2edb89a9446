"""PATCH as data: what operations, as a client sends them, make of a resource in the default and the strict dialect.

Each file under data/patch holds cases: `before` and `operations`, and what comes of them in both dialects (`both`) or
in each (`generic`, `strict`): `after`, `unchanged` or the scimType of an `error`, the change of attributes kept as
rows (`rows`), the `schemas` that follow, and the tolerances that the generic dialect `used`; strict has none to use.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim_server.connectors import dialect
from scim_server.domain import patch
from scim_server.domain.attrpath import AttrPath
from scim_server.domain.binding import bind_condition
from scim_server.domain.constraints import check_immutable, check_still_there
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.elements import Identity, identity, primaries
from scim_server.domain.operation import MISSING, Operation, Verb
from scim_server.domain.resource import Attributes, copy, schemas
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import Attribute, Json, ResourceType
from scim_server.errors import BadRequest, InvalidValue, NoTarget, TooMany
from scim_server.filtering import operations
from scim_server.filtering.filters import parse_filter
from tests.domain import strategies
from tests.domain.device import DESK, DEVICE, HALL
from tests.registries import registry_of

ID = "d-1"
REGISTRY = registry_of()
TYPES = {t.name: t for t in (*REGISTRY.resource_types, DEVICE)}
CASES = sorted((Path(__file__).parent / "data" / "patch").glob("*.json"))


def cases() -> Iterable[Any]:
    for path in CASES:
        for case in json.loads(path.read_text(), parse_float=Decimal):
            for name in ("generic", "strict"):
                outcome = case.get(name) or case["both"]
                marks = pytest.mark.req(*case["requirements"])
                yield pytest.param(case, name, outcome, marks=marks, id=f"{path.stem}: {case['name']} ({name})")


def patched(resource_type: ResourceType, before: Attributes, sent: Iterable[Json], leniency: Leniency) -> patch.Patched:
    """The outcome as the service computes it: operations, then what must hold for the whole."""
    steps = [step for raw in sent for step in operations.read(raw, resource_type, leniency)]
    result = patch.apply(resource_type, ID, before, steps, leniency)
    check_still_there(resource_type, before, result.attributes)
    check_immutable(resource_type, before, result.attributes)
    return result


def change(expected: Mapping[str, Json], attribute: Attribute) -> RowsChange:
    conditions = [parse_filter(text, Leniency(STRICT)) for text in expected.get("remove_where", ())]
    return RowsChange(
        clear=expected.get("clear", False),
        remove=set(expected.get("remove", ())),
        remove_where=[bind_condition(condition, attribute, Leniency(STRICT)) for condition in conditions],
        add=expected.get("add", {}),
        put=expected.get("put", {}),
    )


def changes(expected: Mapping[str, Json], resource_type: ResourceType) -> dict[str, RowsChange]:
    attributes = {a.name: a for a in resource_type.rows_attributes}
    return {name: change(rows, attributes[name]) for name, rows in expected.items()}


@pytest.mark.parametrize(("case", "name", "outcome"), list(cases()))
def test_operations_make_of_a_resource_what_the_rfc_and_the_connectors_mean(
    case: dict[str, Any], name: str, outcome: dict[str, Any]
) -> None:
    resource_type, before, sent = TYPES[case["type"]], case["before"], case["operations"]
    leniency = Leniency(dialect(name))
    as_given = copy([before, sent])
    if "error" in outcome:
        with pytest.raises(BadRequest) as refusal:
            patched(resource_type, before, sent, leniency)
        assert refusal.value.scim_type == outcome["error"]
        assert refusal.value.detail != refusal.value.default, "the detail says nothing of this case"
    else:
        result = patched(resource_type, before, sent, leniency)
        assert result.attributes == (before if "unchanged" in outcome else outcome["after"])
        assert result.rows == changes(outcome.get("rows", {}), resource_type)
        assert set(leniency.used) == (set(outcome.get("used", ())) if name == "generic" else set())
        expected = outcome.get("schemas", schemas(resource_type, result.attributes))
        assert schemas(resource_type, result.attributes) == expected
    assert [before, sent] == as_given


# What holds for every PATCH ------------------------------------------------------------------------------------------

DIALECTS = st.sampled_from(["generic", "strict"])
PATCHES = st.lists(strategies.operations(), min_size=1, max_size=5)


def nodes(value: Json) -> Iterable[Json]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for member in inner:
        yield from nodes(member)


def lists(attributes: Attributes) -> Iterable[tuple[Attribute, list[Json]]]:
    for urn, schema in DEVICE.containers:
        container = attributes.get(urn, {}) if urn else attributes
        yield from ((a, container[a.name]) for a in schema.attributes if a.multi_valued and a.name in container)


@pytest.mark.unmeasured
@pytest.mark.req("R-PATCH-12", "R-NULL-02", "R-MV-02", "R-MV-03")
@settings(max_examples=400)
@given(strategies.states(), PATCHES, DIALECTS)
def test_any_operations_end_in_a_canonical_resource_or_a_refusal(before: Attributes, sent: Json, name: str) -> None:
    given_before, given_sent = copy(before), copy(sent)
    try:
        after = patched(DEVICE, before, sent, Leniency(dialect(name))).attributes
    except BadRequest:
        after = before
    assert (before, sent) == (given_before, given_sent)
    assert not any(node is None or node in ([], {}) for member in after.values() for node in nodes(member))
    for attribute, elements in lists(after):
        assert len({identity(attribute, e) for e in elements}) == len(elements)
        assert not attribute.is_complex or len(primaries(elements)) < 2


@pytest.mark.unmeasured
@pytest.mark.req("R-PATCH-13", "R-CHAR-04")
@settings(max_examples=200)
@given(strategies.states(), PATCHES, DIALECTS)
def test_no_operation_changes_what_only_the_server_writes(before: Attributes, sent: Json, name: str) -> None:
    try:
        after = patched(DEVICE, before, sent, Leniency(dialect(name))).attributes
    except BadRequest:
        return
    assert after.get("seen") == before.get("seen")
    assert after.get(DESK, {}).get("since") == before.get(DESK, {}).get("since")


def echoes(verb: str, attributes: Attributes) -> Iterable[Json]:
    """Operations that say again what is there."""
    own = {name: value for name, value in attributes.items() if name != "seen"}
    own = {n: {k: v for k, v in m.items() if k != "since"} if n == DESK else m for n, m in own.items()}
    yield {"op": verb, "value": own}
    for name, value in own.items():
        yield {"op": verb, "path": name, "value": value}
    for urn in (DESK, HALL):
        for name, value in own.get(urn, {}).items():
            yield {"op": verb, "path": f"{urn}:{name}", "value": value}
    for name, value in own.get("place", {}).items():
        yield {"op": verb, "path": f"place.{name}", "value": value}


@pytest.mark.req("R-PATCH-27", "R-PATCH-28", "R-PATCH-29", "X-04")
@settings(max_examples=200)
@given(strategies.states(), st.sampled_from(["add", "replace"]), DIALECTS)
def test_saying_again_what_is_there_is_seen_to_change_nothing(before: Attributes, verb: str, name: str) -> None:
    after = patched(DEVICE, before, echoes(verb, before), Leniency(dialect(name))).attributes
    assert after == before
    assert json.dumps(after, default=str, sort_keys=True) == json.dumps(before, default=str, sort_keys=True)


# What no client can send ---------------------------------------------------------------------------------------------


@pytest.mark.req("R-PATCH-09")
def test_an_operation_without_a_path_is_for_the_reader_to_expand() -> None:
    with pytest.raises(NoTarget):
        patch.apply(DEVICE, ID, {}, [Operation(Verb.REMOVE, None)], Leniency(STRICT))


@pytest.mark.req("R-PATCH-10")
@pytest.mark.parametrize("verb", [Verb.ADD, Verb.REPLACE])
def test_add_and_replace_need_a_value(verb: Verb) -> None:
    with pytest.raises(InvalidValue):
        patch.apply(DEVICE, ID, {}, [Operation(verb, AttrPath("name"), MISSING)], Leniency(STRICT))


@pytest.mark.req("R-FILT-41", "R-SEC-08")
def test_the_conditions_of_one_patch_are_bounded_as_those_of_one_filter_are() -> None:
    condition = 'users[(type eq "a" and not (display eq "b")) or type pr]'
    remove = {"op": "remove", "path": condition}
    few = patched(DEVICE, {"name": "d"}, [remove] * 85, Leniency(STRICT))
    assert len(few.rows["users"].remove_where) == 85
    with pytest.raises(TooMany, match="256"):
        patched(DEVICE, {"name": "d"}, [remove] * 86, Leniency(STRICT))


class Work:
    """How often the identity of an element was worked out."""

    def __init__(self) -> None:
        self.count = 0

    def identity(self, attribute: Attribute, element: Json) -> Identity:
        self.count += 1
        return identity(attribute, element)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    work = Work()
    monkeypatch.setattr("scim_server.domain.elements.identity", work.identity)
    return work


def additions(kind: str, number: int) -> Iterable[Json]:
    """Adds, one element each, among other operations."""
    for n in range(number):
        values: dict[str, Json] = {"ports": {"value": str(n), "primary": True}, "labels": str(n), "scores": [n]}
        path, value = {
            "ports": ("ports", values["ports"]),
            "labels": ("labels", values["labels"]),
            "inner": ("place.shelves", [str(n)]),
            "pathless": (None, {"labels": [str(n)], "scores": [n]}),
            "mixed": ("ports", values["ports"]) if n % 2 else ("labels", values["labels"]),
        }[kind]
        yield {"op": "add", "value": value} | ({"path": path} if path else {})
        yield {"op": "replace", "path": "note", "value": str(n)}


@pytest.mark.req("R-SEC-08", "R-PATCH-18")
@pytest.mark.parametrize("kind", ["ports", "labels", "inner", "pathless", "mixed"])
def test_twice_as_many_adds_are_twice_the_work(kind: str, work: Work) -> None:
    counts = []
    for number in (100, 200):
        work.count = 0
        patched(DEVICE, {"name": "d"}, additions(kind, number), Leniency(STRICT))
        counts.append(work.count)
    assert 0 < counts[1] <= counts[0] * 2.1


@pytest.mark.req("R-PATCH-12", "R-PATCH-18")
def test_adds_go_on_from_what_other_operations_left() -> None:
    sent = [
        {"op": "add", "path": "ports", "value": {"value": "a", "primary": True}},
        {"op": "add", "path": "ports", "value": [{"value": "b"}, {"value": "c"}]},
        {"op": "remove", "path": 'ports[value eq "b"]'},
        {"op": "add", "path": "ports", "value": {"value": "b", "primary": True}},
        {"op": "replace", "path": 'ports[value eq "c"].display', "value": "C"},
        {"op": "add", "path": "ports", "value": {"value": "C", "speed": 1}},
        {"op": "remove", "path": "labels"},
        {"op": "add", "path": "labels", "value": "x"},
        {"op": "remove", "path": "labels"},
        {"op": "add", "path": "labels", "value": ["y"]},
    ]
    assert patched(DEVICE, {"name": "d", "labels": ["w"]}, sent, Leniency(STRICT)).attributes == {
        "name": "d",
        "labels": ["y"],
        "ports": [
            {"value": "a", "primary": False},
            {"value": "C", "display": "C", "speed": 1},
            {"value": "b", "primary": True},
        ],
    }


LOOKING = [
    pytest.param({"op": "replace", "path": 'ports[value eq "7"].display', "value": "x"}, 1000, id="one comparison"),
    pytest.param(
        {"op": "remove", "path": f"ports[{' or '.join(['display pr'] * 200)}]"}, 5, id="many comparisons in a path"
    ),
    pytest.param({"op": "replace", "path": "ports.display", "value": "x"}, 1000, id="a part of each"),
]


@pytest.mark.req("R-SEC-08")
@pytest.mark.parametrize(("operation", "most"), LOOKING)
def test_what_the_operations_of_one_patch_look_through_is_bounded(
    operation: Json, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patch, "_MOST_VISITS", 9_999)
    before = {"name": "d", "ports": [{"value": str(n)} for n in range(10)]}
    patched(DEVICE, before, [operation] * most, Leniency(STRICT))
    with pytest.raises(TooMany, match="9999"):
        patched(DEVICE, before, [operation] * (most + 1), Leniency(STRICT))


@pytest.mark.req("R-SEC-08")
def test_one_operation_may_look_through_any_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patch, "_MOST_VISITS", 1)
    before = {"name": "d", "ports": [{"value": "a", "vlans": [1, 2]}, {"value": "b"}]}
    remove = {"op": "remove", "path": 'ports[value eq "b"]'}
    assert len(patched(DEVICE, before, [remove], Leniency(STRICT)).attributes["ports"]) == 1
    with pytest.raises(TooMany):
        patched(DEVICE, before, [remove, remove], Leniency(STRICT))


@pytest.mark.req("R-CHAR-13")
def test_the_attributes_that_a_patch_names_are_told() -> None:
    sent = [
        {"op": "add", "value": {"note": "n", DESK: {"hint": "h"}}},
        {"op": "add", "path": "place.room", "value": "1"},
    ]
    assert patched(DEVICE, {"name": "d"}, sent, Leniency(STRICT)).named == {"note", f"{DESK}:hint", "place"}
