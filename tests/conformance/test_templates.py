"""Placeholders and directives: what is sent."""

import json
import re
from typing import Any

import pytest

from conformance.templates import LONGEST, MOST, TooMuch, Unknown, merged, render, render_target

SCOPE: dict[str, Any] = {
    "ana": {"id": "a/1 é", "active": True, "emails": [{"value": "a@x"}]},
    "users": [{"id": "u1"}, {"id": "u2"}],
    "n": 3,
    "nothing": None,
    "types": {"urn:x:core:2.0:User": {"endpoint": "/Users", "names": ["User"]}},
    "name": 'Ana "A"',
    "address": "http://scim.example/v2/Users/u1",
    "moment": "2026-01-02T03:00:00Z",
}

CASES: list[tuple[Any, Any]] = [
    ("plain", "plain"),
    ("{{n}}", 3),
    ("{{ n }}", 3),
    ("{{nothing}}", None),
    ("{{ana.active}}", True),
    ("{{users}}", [{"id": "u1"}, {"id": "u2"}]),
    ("{{users.1.id}}", "u2"),
    ("{{ana.emails.0.value}}", "a@x"),
    ("{{types.urn:x:core:2.0:User.endpoint}}", "/Users"),
    ("{{types.urn:x:core:2.0:User.names.0|raw}}s", "Users"),
    ("n={{n}}, active={{ana.active}}", "n=3, active=true"),
    ("{{name|upper}}", 'ANA "A"'),
    ("{{name|lower}}", 'ana "a"'),
    ("{{name|swapcase}}", 'aNA "a"'),
    ("{{name|quoted}}", '"Ana \\"A\\""'),
    ("{{name|percent}}", "Ana%20%22A%22"),
    ("{{name|plus}}", "Ana+%22A%22"),
    ({"{{n}}": ["{{n}}", 1, None]}, {"3": [3, 1, None]}),
    ({"$each": "users", "make": {"value": "{{each.id}}"}}, [{"value": "u1"}, {"value": "u2"}]),
    ({"$range": 2, "make": "m-{{each}}"}, ["m-1", "m-2"]),
    ({"$range": "{{n}}", "make": "{{each}}"}, [1, 2, 3]),
    ({"$merge": [{"a": 1, "b": {"c": 1, "d": 2}}, {"a": "{{n}}", "b": {"c": None}}]}, {"a": 3, "b": {"d": 2}}),
    ({"$merge": ["{{ana}}", {"active": False}, {"x": [1]}]}, {**SCOPE["ana"], "active": False, "x": [1]}),
    ({"$repeat": "ab", "times": 3}, "ababab"),
    ({"$repeat": "ab", "times": "{{n}}"}, "ababab"),
    ({"$if": "{{n}}", "is": [2, 3], "then": "{{name}}", "else": "{{none}}"}, 'Ana "A"'),
    ({"$if": "{{n}}", "is": [4], "then": "{{none}}", "else": {"a": "{{n}}"}}, {"a": 3}),
    ("{{n|next}}", "4"),
    ("{{address|last}}", "u1"),
    ("{{moment|hour_earlier}}", "2026-01-02T16:00:00+14:00"),
    ("{{moment|hour_later}}", "2026-01-01T16:00:00-12:00"),
    ("{{n|hour_later}}", "3"),
    ({"$ref": None, "value": "x"}, {"$ref": None, "value": "x"}),
]


@pytest.mark.parametrize(("template", "made"), CASES)
def test_a_template_becomes_a_value(template: Any, made: Any) -> None:
    assert render(template, SCOPE) == made


def test_json_within_a_text_is_a_text() -> None:
    made = render({"$json": {"value": "{{name}}"}}, SCOPE)
    assert json.loads(made) == {"value": 'Ana "A"'}


def test_a_uuid_is_a_new_one_each_time() -> None:
    first, second = render("{{uuid}}", {}), render("{{uuid}}", {})
    assert first != second
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", first)


@pytest.mark.parametrize(
    "template",
    [
        {"$range": "{{most|next}}", "make": "x"},
        {"$repeat": "x", "times": "{{longest|next}}"},
        {"$repeat": "xy", "times": "{{longest}}"},
    ],
)
def test_no_more_is_made_than_a_request_could_bear(template: Any) -> None:
    with pytest.raises(TooMuch, match="more than"):
        render(template, {"most": MOST, "longest": LONGEST})


NOT_SAVED = [
    "{{none}}",
    "x{{ana.none}}",
    "{{users.9}}",
    "{{users.x}}",
    "{{n.a}}",
    "{{types.urn:x:core:2.0:Group.endpoint}}",
    "{{types.urn:x:core:2.0:User.none}}",
]


@pytest.mark.parametrize("template", NOT_SAVED)
def test_what_was_not_saved_is_named(template: str) -> None:
    with pytest.raises(Unknown, match=re.escape(re.sub(r".*\{\{|\}\}", "", template))):
        render(template, SCOPE)


@pytest.mark.parametrize(
    ("template", "target"),
    [
        ("/Users/{{ana.id}}", "/Users/a%2F1%20%C3%A9"),
        (
            "/Users?filter=userName+eq+%22{{name}}%22&",
            "/Users?filter=userName+eq+%22Ana%20%22A%22%22&".replace('"', "%22"),
        ),
        ("{{ana.id|raw}}", "a/1 é"),
    ],
)
def test_what_is_filled_into_a_target_is_encoded_and_what_is_written_is_not(template: str, target: str) -> None:
    assert render_target(template, SCOPE) == target


def test_merging_changes_neither() -> None:
    below, above = {"a": {"b": 1}}, {"a": {"c": 2}}
    assert merged(below, above) == {"a": {"b": 1, "c": 2}}
    assert (below, above) == ({"a": {"b": 1}}, {"a": {"c": 2}})
    assert merged("x", {"a": 1}) == {"a": 1}
