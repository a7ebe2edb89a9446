"""A row as a request would say it: a body, or the operations for what differs."""

from typing import Any

import pytest

from scim_server.connectors import dialect
from scim_server.domain.dialect import Leniency
from scim_server.errors import InvalidValue
from scim_server.sheets import Wishes, rows
from scim_server.sheets.layout import Cell, layout
from tests.sheets.test_columns import AGENT, ANA, ENTERPRISE, USER

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""


def row(values: dict[str, str]) -> list[Cell]:
    texts = {"userName": "ana", **values}
    return layout([*texts], USER, Wishes()).cells([*texts.values()])


BODIES: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({}, {}),
    ({"title": "Agent", "active": "False"}, {"title": "Agent", "active": False}),
    ({"name.givenName": "Ana", "name.familyName": "Ruiz"}, {"name": {"givenName": "Ana", "familyName": "Ruiz"}}),
    ({"role": "agent", "manager": "m1"}, {AGENT: {"role": "agent"}, ENTERPRISE: {"manager": {"value": "m1"}}}),
    ({"password": "secret!"}, {"password": "secret!"}),
    ({"roles": "a,b"}, {"roles": [{"value": "a"}, {"value": "b"}]}),
    (
        {
            'emails[type eq "work"].value': "w",
            'emails[type eq "work"].primary': "true",
            'emails[type eq "home"].value': "h",
        },
        {"emails": [{"type": "work", "value": "w", "primary": True}, {"type": "home", "value": "h"}]},
    ),
    (
        {"emails": "x", 'emails[type eq "work"].value': "w"},
        {"emails": [{"value": "x"}, {"type": "work", "value": "w"}]},
    ),
]


@pytest.mark.parametrize(("values", "expected"), BODIES)
def test_a_row_is_the_body_that_creates_it(values: dict[str, str], expected: dict[str, Any]) -> None:
    body = rows.body(row(values), USER, Leniency(dialect("generic")))
    assert body == {"userName": "ana", **expected}


CHANGES: list[tuple[dict[str, str], list[dict[str, Any]]]] = [
    ({}, []),
    ({"name.familyName": "Ruiz", "active": "TRUE", "manager": "m1", "supervisor": "false"}, []),
    ({"title": "Boss"}, [{"op": "replace", "path": "title", "value": "Boss"}]),
    ({"active": "false"}, [{"op": "replace", "path": "active", "value": False}]),
    ({"role": "x"}, [{"op": "replace", "path": f"{AGENT}:role", "value": "x"}]),
    ({"manager": "m2"}, [{"op": "replace", "path": f"{ENTERPRISE}:manager.value", "value": "m2"}]),
    ({"password": "secret!"}, []),
    ({'emails[type eq "work"].value': "a@w.example"}, []),
    (
        {'emails[type eq "work"]': "n@w.example"},
        [{"op": "replace", "path": 'emails[type eq "work"].value', "value": "n@w.example"}],
    ),
    ({"roles": 'z,"x,y"'}, []),
    (
        {"roles": "z,new"},
        [
            {"op": "remove", "path": 'roles[value eq "x,y"]'},
            {"op": "add", "path": "roles", "value": [{"value": "new"}]},
        ],
    ),
]


@pytest.mark.parametrize(("values", "expected"), CHANGES)
def test_what_differs_is_changed_and_nothing_else(values: dict[str, str], expected: list[dict[str, Any]]) -> None:
    assert rows.operations(row(values), ANA) == expected


def test_a_name_in_another_case_differs() -> None:
    (operation,) = rows.operations(row({"userName": "Ana"}), ANA)
    assert operation["value"] == "Ana"


def test_a_cell_that_means_several_elements_is_refused() -> None:
    with pytest.raises(InvalidValue, match="several elements are meant"):
        rows.operations(row({'emails[value sw "a@"].value': "n"}), ANA)


def test_a_cell_that_has_what_the_first_of_several_elements_has_changes_none() -> None:
    assert rows.operations(row({'emails[value sw "a@"].value': "a@h.example"}), ANA) == []
