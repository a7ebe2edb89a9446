"""What a header means in a resource type, and what a resource has there."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scim_server.domain.schema import Attribute, Extension, ResourceType, Schema
from scim_server.sheets import SheetError
from scim_server.sheets.columns import Kind, column, defaults, matching
from tests.registries import registry_of

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

REGISTRY = registry_of(Path(__file__).parents[2] / "extensions" / "contact-centre")
AGENT = "urn:ietf:params:scim:schemas:extension:contactcentre:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def of_type(name: str) -> ResourceType:
    found = REGISTRY.named(name)
    assert found is not None
    return found


USER, GROUP = of_type("User"), of_type("Group")

ANA: dict[str, Any] = {
    "id": "1",
    "userName": "ana",
    "name": {"familyName": "Ruiz"},
    "active": True,
    "emails": [{"type": "home", "value": "a@h.example"}, {"type": "work", "value": "a@w.example", "primary": True}],
    "roles": [{"value": "x,y"}, {"value": "z"}],
    "groups": [{"value": "g1", "display": "Sales"}],
    "meta": {"version": 'W/"1"'},
    AGENT: {"extensionNumber": "0100", "supervisor": False},
    ENTERPRISE: {"manager": {"value": "m1"}},
}

SHOWN = [
    ("userName", Kind.ONE, "ana"),
    ("USERNAME", Kind.ONE, "ana"),
    ("urn:ietf:params:scim:schemas:core:2.0:User:userName", Kind.ONE, "ana"),
    ("name.familyName", Kind.ONE, "Ruiz"),
    ("name.givenName", Kind.ONE, ""),
    ("active", Kind.ONE, "true"),
    ("id", Kind.ONE, "1"),
    ("meta.version", Kind.ONE, 'W/"1"'),
    ("extensionNumber", Kind.ONE, "0100"),
    (f"{AGENT}:supervisor", Kind.ONE, "false"),
    ("manager", Kind.ONE, "m1"),
    ("manager.value", Kind.ONE, "m1"),
    ("title", Kind.ONE, ""),
    ('emails[type eq "work"].value', Kind.ELEMENT, "a@w.example"),
    ('emails[type eq "work"]', Kind.ELEMENT, "a@w.example"),
    ('emails[type eq "work"].primary', Kind.ELEMENT, "true"),
    ('emails[type eq "other"].value', Kind.ELEMENT, ""),
    ('emails[value sw "a@"].value', Kind.ELEMENT, "a@h.example"),
    ("emails", Kind.LIST, "a@h.example,a@w.example"),
    ("emails.type", Kind.LIST, "home,work"),
    ("roles", Kind.LIST, '"x,y",z'),
    ("groups.display", Kind.LIST, "Sales"),
    ("entitlements", Kind.LIST, ""),
]


@pytest.mark.req("CC-35")
@pytest.mark.parametrize(("header", "kind", "text"), SHOWN, ids=[header for header, _, _ in SHOWN])
def test_a_header_is_the_path_that_a_filter_has(header: str, kind: Kind, text: str) -> None:
    found = column(header, USER)
    assert found is not None
    assert (found.kind, found.text(ANA)) == (kind, text)


@pytest.mark.parametrize(
    "header",
    ["Login", "", "user name", "name.nickName", "urn:x:y:role", "emails[", 'emails[type eq "work"].x', 'x[a eq "b"]'],
)
def test_what_names_no_attribute_is_no_column(header: str) -> None:
    assert column(header, USER) is None


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("name", "name.familyName"),
        ("addresses", "addresses.streetAddress"),
        ('userName[value eq "x"]', "brackets follow an attribute that has several"),
        ('emails[colour eq "x"].value', "colour"),
    ],
)
def test_what_does_not_fit_into_a_cell_is_told_of(header: str, told: str) -> None:
    with pytest.raises(SheetError, match=told):
        column(header, USER)


@pytest.mark.parametrize(
    ("one", "other", "are_the_same"),
    [
        ("role", f"{AGENT}:ROLE", True),
        ("manager", f"{ENTERPRISE}:manager.value", True),
        ('emails[type eq "work"]', 'emails[TYPE eq "Work"].value', True),
        ('emails[type eq "work"].value', 'emails[type eq "home"].value', False),
        ("emails", 'emails[type eq "work"].value', False),
        ("displayName", "name.formatted", False),
    ],
)
def test_headers_that_mean_the_same_have_the_same_key(one: str, other: str, are_the_same: bool) -> None:
    first, second = column(one, USER), column(other, USER)
    assert first is not None
    assert second is not None
    assert (first.key == second.key) is are_the_same


def flags(header: str) -> tuple[bool, bool, bool]:
    found = column(header, USER)
    assert found is not None
    return found.is_read_only, found.is_secret, found.is_listed_part


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("userName", (False, False, False)),
        ("id", (True, False, False)),
        ("meta.created", (True, False, False)),
        ("groups", (True, False, False)),
        ("manager.displayName", (True, False, False)),
        ("password", (False, True, False)),
        ("emails", (False, False, False)),
        ("emails.type", (False, False, True)),
    ],
)
def test_a_column_says_what_can_be_done_with_it(header: str, expected: tuple[bool, bool, bool]) -> None:
    assert flags(header) == expected


@pytest.mark.req("CC-35")
def test_the_default_columns_are_what_is_flat_and_can_be_written() -> None:
    headers = [each.header for each in defaults(USER)]
    assert headers[:4] == ["id", "externalId", "userName", "name.formatted"]
    assert {'emails[type eq "work"].value', "active", "manager.value", "licence", "role", "skills"} <= set(headers)
    assert set(headers).isdisjoint({"password", "groups", "schemas", "meta", "manager.$ref", "supervises", "roles"})
    assert len(headers) == len(set(headers))


def test_the_default_columns_of_groups_are_without_members() -> None:
    assert [each.header for each in defaults(GROUP)] == ["id", "externalId", "displayName", "parent"]


def test_a_row_is_matched_by_the_unique_attribute() -> None:
    assert (matching(USER), matching(GROUP)) == ("userName", "displayName")


def test_a_name_that_is_not_clear_has_its_urn() -> None:
    schemas = [
        Schema(f"urn:example:{n}", n, "", (Attribute("badge"), Attribute(own)))
        for n, own in (("a", "title"), ("b", "desk"))
    ]
    resource_type = replace(USER, extensions=tuple(map(Extension, schemas)))
    headers = [each.header for each in defaults(resource_type)]
    assert headers[-4:] == ["urn:example:a:badge", "urn:example:a:title", "urn:example:b:badge", "desk"]
    assert column("badge", resource_type) is None
