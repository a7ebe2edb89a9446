"""What must hold for a resource as a whole: required and immutable (RFC 7643 section 2.2)."""

from dataclasses import replace

import pytest

from scim_server.domain.constraints import check_immutable, check_required, check_still_there
from scim_server.domain.resource import Attributes
from scim_server.domain.schema import Attribute, AttributeType, Extension, Kept, Mutability, ResourceType, Schema
from scim_server.errors import InvalidValue, MutabilityViolation
from tests.domain.device import COMMON, DESK, DEVICE
from tests.registries import registry_of

req = pytest.mark.req
TYPES = {t.name: t for t in registry_of().resource_types}

BADGE = "urn:example:badge:2.0:Device"
REQUIRED_BADGE = replace(
    DEVICE, extensions=(Extension(Schema(BADGE, "Badge", "", (Attribute("code", required=True),)), required=True),)
)
OPTIONAL_BADGE = replace(REQUIRED_BADGE, extensions=(replace(REQUIRED_BADGE.extensions[0], required=False),))

# what holds, the type, the attributes, what the refusal names or None
REQUIRED: list[tuple[str, ResourceType, Attributes, str | None]] = [
    ("a required attribute is there", DEVICE, {"name": "d"}, None),
    ("a required attribute is not there", DEVICE, {"code": "d"}, "name is required"),
    ("a required sub-attribute of nothing", DEVICE, {"name": "d"}, None),
    ("a required sub-attribute is there", DEVICE, {"name": "d", "route": {"from": "a"}}, None),
    ("a required sub-attribute is not there", DEVICE, {"name": "d", "route": {"to": "a"}}, "route.from"),
    (
        "one element has it and one has not",
        DEVICE,
        {"name": "d", "cables": [{"from": "a"}, {"to": "b"}]},
        "cables.from",
    ),
    ("each element has it", DEVICE, {"name": "d", "cables": [{"from": "a"}, {"from": "b"}]}, None),
    ("false and 0 are values", DEVICE, {"name": "d", "active": False, "level": 0}, None),
    ("a user has a userName", TYPES["User"], {"displayName": "Ana"}, "userName"),
    ("a group has a displayName", TYPES["Group"], {}, "displayName"),
    ("a required extension is not there", REQUIRED_BADGE, {"name": "d"}, BADGE),
    ("a required extension is there", REQUIRED_BADGE, {"name": "d", BADGE: {"code": "1"}}, None),
    ("its required attribute is not there", REQUIRED_BADGE, {"name": "d", BADGE: {"x": "1"}}, "code is required"),
    ("an optional extension is not there", OPTIONAL_BADGE, {"name": "d"}, None),
    ("its required attribute is not there either", OPTIONAL_BADGE, {"name": "d", BADGE: {"x": "1"}}, "code"),
]


@req("R-CHAR-01", "R-CHAR-02", "R-RT-05", "R-GRP-01", "R-PUT-08")
@pytest.mark.parametrize(
    ("resource_type", "attributes", "named"), [c[1:] for c in REQUIRED], ids=[c[0] for c in REQUIRED]
)
def test_what_is_required_is_there(resource_type: ResourceType, attributes: Attributes, named: str | None) -> None:
    if named is None:
        check_required(resource_type, attributes)
    else:
        with pytest.raises(InvalidValue, match=named):
            check_required(resource_type, attributes)


@req("R-CHAR-01", "R-PATCH-16")
def test_a_patch_that_takes_what_is_required_breaks_mutability() -> None:
    with pytest.raises(MutabilityViolation, match="name"):
        check_still_there(DEVICE, {"name": "d"}, {})


CABLES = [{"from": "a"}, {"to": "b"}]

# what was lacking, before, after, what the refusal names or None
LACKING: list[tuple[str, ResourceType, Attributes, Attributes, str | None]] = [
    ("nothing", DEVICE, {"name": "d"}, {"name": "d", "code": "c"}, None),
    ("an attribute, and still", DEVICE, {}, {"code": "c"}, None),
    ("an attribute, and no more", DEVICE, {}, {"name": "d"}, None),
    ("one, and another goes", DEVICE, {"route": {"from": "a"}}, {"route": {"to": "b"}}, "route.from"),
    ("a part, and still", DEVICE, {"name": "d", "route": {"to": "a"}}, {"name": "d", "route": {"to": "b"}}, None),
    ("a part, and its whole goes", DEVICE, {"name": "d", "route": {"to": "a"}}, {"name": "d"}, None),
    ("a part of an element, and still", DEVICE, {"cables": CABLES}, {"cables": [{"to": "c"}, CABLES[0]]}, None),
    ("a part of an element, and of one more", DEVICE, {"cables": CABLES}, {"cables": [*CABLES, {"to": "c"}]}, "from"),
    ("nothing, and a new element lacks a part", DEVICE, {"cables": []}, {"cables": [{"to": "c"}]}, "cables.from"),
    ("an extension, and still", REQUIRED_BADGE, {"name": "d"}, {"name": "e"}, None),
    ("nothing, and the extension goes", REQUIRED_BADGE, {"name": "d", BADGE: {"code": "1"}}, {"name": "d"}, BADGE),
    ("its attribute, and still", OPTIONAL_BADGE, {BADGE: {"x": "1"}}, {BADGE: {"x": "2"}}, None),
    ("nothing, and a new extension lacks it", OPTIONAL_BADGE, {"name": "d"}, {"name": "d", BADGE: {"x": "1"}}, "code"),
]


@req("R-PATCH-16", "CC-57")
@pytest.mark.parametrize(
    ("resource_type", "before", "after", "named"), [c[1:] for c in LACKING], ids=[c[0] for c in LACKING]
)
def test_a_patch_is_not_refused_for_what_was_lacking_before(
    resource_type: ResourceType, before: Attributes, after: Attributes, named: str | None
) -> None:
    if named is None:
        check_still_there(resource_type, before, after)
    else:
        with pytest.raises(MutabilityViolation, match=named):
            check_still_there(resource_type, before, after)


@req("R-CHAR-01", "R-CHAR-03")
@pytest.mark.parametrize(
    "attribute",
    [
        Attribute("x", required=True, mutability=Mutability.READ_ONLY),
        Attribute("x", required=True, kept=Kept.DISCARDED),
        Attribute("x", AttributeType.COMPLEX, multi_valued=True, required=True, kept=Kept.ROWS),
        Attribute("x", AttributeType.COMPLEX, multi_valued=True, required=True, kept=Kept.DERIVED),
    ],
)
def test_what_the_document_does_not_hold_is_not_missed_in_it(attribute: Attribute) -> None:
    check_required(ResourceType("T", "T", "/Ts", "", Schema("urn:t", "T", "", (attribute,)), COMMON), {})


@req("R-CHAR-02")
def test_a_part_that_only_the_server_writes_is_not_asked_of_a_client() -> None:
    part = Attribute("part", required=True, mutability=Mutability.READ_ONLY)
    attribute = Attribute("x", AttributeType.COMPLEX, sub_attributes=(part, Attribute("y")))
    check_required(ResourceType("T", "T", "/Ts", "", Schema("urn:t", "T", "", (attribute,)), COMMON), {"x": {"y": "1"}})


# what happens, before, after, whether it may
IMMUTABLE: list[tuple[str, Attributes, Attributes, bool]] = [
    ("it is set", {}, {"serial": "S"}, True),
    ("it stays", {"serial": "S"}, {"serial": "S", "code": "c"}, True),
    ("it changes", {"serial": "S"}, {"serial": "T"}, False),
    ("it changes in case", {"serial": "S"}, {"serial": "s"}, False),
    ("it goes", {"serial": "S"}, {}, False),
    ("a list grows", {"seals": ["a"]}, {"seals": ["a", "b"]}, False),
    ("a list stays", {"seals": ["a"]}, {"seals": ["a"]}, True),
    ("a part is set", {"place": {"room": "1"}}, {"place": {"room": "1", "key": "K"}}, True),
    (
        "a part stays and another changes",
        {"place": {"room": "1", "key": "K"}},
        {"place": {"room": "2", "key": "K"}},
        True,
    ),
    ("a part changes", {"place": {"key": "K"}}, {"place": {"key": "L"}}, False),
    ("a part goes", {"place": {"key": "K", "room": "1"}}, {"place": {"room": "1"}}, False),
    ("the whole goes", {"place": {"key": "K", "room": "1"}}, {}, False),
    ("an element changes", {"ports": [{"mac": "a"}]}, {"ports": [{"mac": "b"}]}, True),
    ("in an extension it stays", {DESK: {"contract": "C"}}, {DESK: {"contract": "C", "seat": "1"}}, True),
    ("in an extension it changes", {DESK: {"contract": "C"}}, {DESK: {"contract": "D"}}, False),
    ("it goes with its extension", {DESK: {"contract": "C"}}, {}, False),
    ("what is not immutable changes", {"code": "c", "place": {"room": "1"}}, {}, True),
]


@req("R-CHAR-05", "R-CHAR-06", "R-CHAR-07", "R-CHAR-08", "R-PUT-07")
@pytest.mark.parametrize(("before", "after", "may"), [c[1:] for c in IMMUTABLE], ids=[c[0] for c in IMMUTABLE])
def test_an_immutable_value_neither_changes_nor_goes(before: Attributes, after: Attributes, may: bool) -> None:
    if may:
        check_immutable(DEVICE, before, after)
    else:
        with pytest.raises(MutabilityViolation, match=r"serial|seals|place\.key|contract"):
            check_immutable(DEVICE, before, after)
