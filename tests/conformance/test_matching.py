"""Expectations: what meets them, what does not, and what is then said."""

from typing import Any

import pytest

from conformance.matching import MATCHERS, MISSING, matches, mismatches, point

MEETS: list[tuple[Any, Any, Any]] = [
    # expected, what meets it, what does not
    ({"a": 1}, {"a": 1, "b": 2}, {"b": 2}),
    ({"a": {"b": [1]}}, {"a": {"b": [1]}}, {"a": {"b": [1, 2]}}),
    ([1, {"a": 2}], [1, {"a": 2, "b": 3}], [{"a": 2}, 1]),
    ([], [], [1]),
    ("x", "x", "X"),
    (1, 1.0, True),
    (True, True, 1),
    (False, False, "False"),
    (None, None, MISSING),
    ({"a": 1}, {"a": 1}, "a"),
    ({"$any": True}, False, None),
    ({"$any": True}, "", MISSING),
    ({"$absent": True}, None, ""),
    ({"$absent": True}, MISSING, []),
    ({"$unassigned": True}, "", 0),
    ({"$unassigned": True}, {}, False),
    ({"$unassigned": True}, [], [None]),
    ({"$type": "string"}, "", 1),
    ({"$type": "integer"}, 1, 1.5),
    ({"$type": "integer"}, 1, True),
    ({"$type": "number"}, 1.5, "1.5"),
    ({"$type": "boolean"}, False, 0),
    ({"$type": "object"}, {}, []),
    ({"$type": "array"}, [], {}),
    ({"$type": "array"}, [], MISSING),
    ({"$matches": "^a+$"}, "aa", "ab"),
    ({"$matches": "1"}, "1", 1),
    ({"$folded": "Ana"}, "aNA", "An"),
    ({"$datetime": True}, "2026-11-22T01:02:03.123Z", "2026-11-22"),
    ({"$datetime": True}, "2026-11-22T01:02:03+01:00", 1763769723),
    ({"$exactly": {"a": [1]}}, {"a": [1]}, {"a": [1], "b": 2}),
    ({"$exactly": {"a": [1]}}, {"a": [1]}, {"a": [True]}),
    ({"$not": {"a": 1}}, {"a": 2}, {"a": 1}),
    ({"$all": [{"$type": "string"}, {"$matches": "b"}]}, "abc", "ac"),
    ({"$some": ["a", {"$absent": True}]}, MISSING, "b"),
    ({"$has": [{"value": "1"}]}, [{"value": "2"}, {"value": "1"}], [{"value": "2"}]),
    ({"$has": [1, 2]}, [2, 1, 3], [1]),
    ({"$has": [1]}, [1], MISSING),
    ({"$lacks": [{"value": "1"}]}, [{"value": "2"}], [{"value": "1"}]),
    ({"$lacks": [1]}, MISSING, [2, 1]),
    ({"$only": {"type": "work"}}, [{"type": "work"}, {"type": "work", "a": 1}], [{"type": "home"}]),
    ({"$only": 1}, [], MISSING),
    ({"$set": [{"value": "1"}, {"value": "2"}]}, [{"value": "2"}, {"value": "1"}], [{"value": "1"}]),
    ({"$set": []}, MISSING, [1]),
    ({"$set": [1]}, [1], [1, 1]),
    ({"$set": [1, 2]}, [2, 1], [1, 3]),
    ({"$set": [{"type": "a"}, {"type": "a"}]}, [{"type": "a"}, {"type": "a"}], [{"type": "a"}, {"type": "b"}]),
    ({"$set": [{"a": 1}, {"a": 1, "b": 2}]}, [{"a": 1, "b": 2}, {"a": 1}], [{"a": 1, "b": 2}, {}]),
    ({"$length": 2}, [1, 2], [1]),
    ({"$length": {"$at_least": 1}}, "x", ""),
    ({"$length": 0}, [], MISSING),
    ({"$at_least": 2}, 2, 1),
    ({"$at_most": 2}, 2, 3),
    ({"$at_least": 0}, 0, True),
    ({"$at_least": 0}, 0, "1"),
    ({"$distinct": True}, ["a", "b"], ["a", "a"]),
    ({"$distinct": True}, [], MISSING),
    ({"$sorted": {"by": "/n"}}, [{"n": 1}, {}, {"n": 0}, {"n": 0}], [{"n": 1}, {"n": 0}]),
    ({"$sorted": {"by": "/n", "order": "descending"}}, [{"n": "b"}, {"n": "a"}], [{"n": "a"}, {"n": "b"}]),
    ({"$sorted": {"folded": True}}, ["a", "B", "c"], ["B", "a"]),
    ({"$sorted": {}}, [], MISSING),
    ({"$sorted": {}}, [1, 2], [1, "2"]),
]


@pytest.mark.parametrize(("expected", "good", "bad"), MEETS)
def test_an_expectation_is_met_or_not(expected: Any, good: Any, bad: Any) -> None:
    assert mismatches(expected, good) == []
    assert mismatches(expected, bad) != []


def test_every_matcher_is_tried() -> None:
    tried = {key for expected, _, _ in MEETS if isinstance(expected, dict) for key in expected}
    assert tried >= MATCHERS.keys()


SENTENCES: list[tuple[Any, Any, list[str]]] = [
    ({"a": {"b": 1}}, {"a": {"b": 2}}, ["/a/b: expected 1, got 2"]),
    ({"a": 1, "b": 2}, {}, ["/a: expected 1, got nothing", "/b: expected 2, got nothing"]),
    ({"a/b~c": 1}, {}, ["/a~1b~0c: expected 1, got nothing"]),
    ([1, 2], [1, 3], ["/1: expected 2, got 3"]),
    ([1], [], ["the body: expected 1 elements, not 0: [1], got []"]),
    ({"id": {"$any": True}}, {"id": None}, ["/id: expected a value, got null"]),
    ({"n": {"$sorted": {"by": "/a"}}}, {"n": [{"a": 2}, {"a": 1}]}, ["/n/1/a: 1 after 2 is not ascending"]),
]


@pytest.mark.parametrize(("expected", "actual", "sentences"), SENTENCES)
def test_what_is_not_met_is_said_with_its_place(expected: Any, actual: Any, sentences: list[str]) -> None:
    assert mismatches(expected, actual) == sentences


def test_a_long_value_is_shortened() -> None:
    (sentence,) = mismatches("a", "x" * 5000)
    assert len(sentence) < 400
    assert "(5002 characters)" in sentence


@pytest.mark.parametrize(
    ("pointer", "found"),
    [("", {"a/b": [{"c": 1}]}), ("/a~1b/0/c", 1), ("/a~1b/1", MISSING), ("/x", MISSING), ("/a~1b/0/c/d", MISSING)],
)
def test_a_pointer_finds_a_value(pointer: str, found: Any) -> None:
    assert point(pointer, {"a/b": [{"c": 1}]}) is found or point(pointer, {"a/b": [{"c": 1}]}) == found


def test_a_first_mismatch_is_enough_for_a_question() -> None:
    assert not matches([1, 2], [2, 2])
    assert matches({"$some": [[1], [2]]}, [2])
