"""What storage is given to keep of a resource, and the attributes that come back of it."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings

from scim_server.domain.project import DEFAULT, project, shape
from scim_server.domain.registry import Registry, published
from scim_server.domain.resource import Attributes, Meta, copy
from scim_server.domain.schema import Attribute, Json, ResourceType, Schema
from scim_server.service.drafts import attributes_of, draft, dumps, loads
from scim_server.storage.base import Draft, Entry, Record
from tests.domain import strategies
from tests.domain.device import CORE, DESK, DEVICE

req = pytest.mark.req

REGISTRY = Registry((DEVICE,), published((DEVICE,), ()), "now")


def record(kept: Draft) -> Record:
    """The record that a database makes of a draft."""
    return Record("Device", kept.id, Meta("", "", 1, 1), kept.stamp, kept.document, kept.hidden)


@req("R-TYPE-05", "R-I18N-02")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("0.1"), "0.1"),
        (Decimal("1.10"), "1.10"),
        (Decimal("-0.0"), "-0.0"),
        (Decimal("1E+5"), "1E+5"),
        (Decimal("0E-10"), "0E-10"),
        (Decimal("123456789012345678901234567890.5"), "123456789012345678901234567890.5"),
        (2**63 - 1, str(2**63 - 1)),
        ({"a": [True, None, "é\u2028𝄞"]}, '{"a":[true,null,"é\u2028𝄞"]}'),
    ],
)
def test_json_is_written_and_read_without_a_loss(value: Json, text: str) -> None:
    assert dumps(value) == text
    assert str(loads(text)) == str(value)


def test_what_is_no_json_is_not_written() -> None:
    with pytest.raises(TypeError):
        dumps({"a": object()})


@req("R-CHAR-10", "R-CHAR-13", "R-SCH-01", "R-SCH-05")
def test_a_draft_has_the_text_that_is_sent_and_hides_the_rest() -> None:
    attributes = {
        "name": "D",
        "note": "n",
        "secret": "s",
        "place": {"room": "1", "alarm": "a"},
        DESK: {"seat": "1", "hint": "h"},
    }
    kept = draft(REGISTRY, DEVICE, "d-1", attributes)
    assert json.loads(kept.document) == {
        "schemas": [CORE, DESK],
        "id": "d-1",
        "name": "D",
        "place": {"room": "1"},
        DESK: {"seat": "1"},
    }
    assert json.loads(kept.hidden or "") == {
        "note": "n",
        "secret": "s",
        "place": {"room": "1", "alarm": "a"},
        DESK: {"hint": "h"},
    }
    assert (kept.id, kept.stamp, kept.label) == ("d-1", "now", "D")


def test_a_draft_of_what_is_sent_wholly_hides_nothing() -> None:
    assert draft(REGISTRY, DEVICE, "d-1", {"name": "D"}).hidden is None


@req("R-CHAR-16")
def test_a_draft_has_the_rows_that_a_resource_is_found_by() -> None:
    kept = draft(REGISTRY, DEVICE, "d-1", {"name": "Dé", "labels": ["A", "b"], DESK: {"seat": "S1"}})
    assert kept.unique == {Entry("name", "dé"), Entry(f"{DESK}:seat", "s1")}
    assert kept.indexed == {Entry("labels", "a"), Entry("labels", "b")}


@req("R-CHAR-10")
def test_a_draft_compares_nothing_that_is_never_returned() -> None:
    comparison = loads(draft(REGISTRY, DEVICE, "d-1", {"name": "D", "secret": "hush"}).comparison)
    assert comparison["name"] == "d"
    assert "secret" not in comparison


@pytest.mark.parametrize(
    ("label", "attributes", "expected"),
    [
        (None, {"name": "d"}, None),
        ("name", {"name": "d"}, "d"),
        ("name", {}, None),
        ("place.room", {"place": {"room": "1"}}, "1"),
        ("place.room", {"place": {"street": "1"}}, None),
        ("place.room", {}, None),
        ("place", {"place": {"street": "1"}}, None),
    ],
)
def test_a_label_is_the_text_at_its_path(label: str | None, attributes: Attributes, expected: str | None) -> None:
    assert draft(REGISTRY, replace(DEVICE, label=label), "d-1", attributes).label == expected


@pytest.mark.unmeasured
@req("R-COMPAT-02", "R-TYPE-05")
@settings(max_examples=200)
@given(strategies.states())
def test_what_was_kept_comes_back(attributes: Attributes) -> None:
    before = copy(attributes)
    kept = draft(REGISTRY, DEVICE, "d-1", attributes)
    assert attributes_of(record(kept), REGISTRY, DEVICE) == attributes == before
    sent = {name: value for name, value in loads(kept.document).items() if name not in ("schemas", "id")}
    assert sent == project(attributes, shape(DEFAULT, DEVICE))


def changed(*attributes: Attribute) -> tuple[Registry, ResourceType]:
    """The registry when the schema has become these attributes, without extensions."""
    resource_type = replace(DEVICE, schema=Schema(CORE, "Device", "", attributes), extensions=(), derivations={})
    return Registry((resource_type,), published((resource_type,), ()), "later"), resource_type


@req("R-CHAR-10", "R-SCH-02")
def test_what_the_schemas_have_lost_does_not_come_back() -> None:
    stored = {"name": "D", "code": "c", "secret": "s", "place": {"room": "1"}, DESK: {"seat": "1", "hint": "h"}}
    kept = record(draft(REGISTRY, DEVICE, "d-1", stored))
    later, resource_type = changed(Attribute("code"), Attribute("name"))
    assert attributes_of(kept, later, resource_type) == {"name": "D", "code": "c"}
