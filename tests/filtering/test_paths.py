"""Texts of PATCH paths and of attribute names."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.domain.attrpath import AttrPath
from scim_server.domain.dialect import STRICT, Dialect, Leniency, Tolerance
from scim_server.domain.filter import And, Comparison, Literal, Not, Operator, Or, PatchPath, Presence, ValuePath
from scim_server.errors import InvalidFilter, InvalidPath
from scim_server.filtering import Limits, parse_attribute, parse_path

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def strict() -> Leniency:
    return Leniency(STRICT)


def eq(name: str, literal: Literal) -> Comparison:
    return Comparison(AttrPath(name), Operator.EQ, literal)


EMAILS = AttrPath("emails")
WORK = eq("type", "work")

NAMES: list[tuple[str, AttrPath]] = [
    ("userName", AttrPath("userName")),
    (" userName ", AttrPath("userName")),
    ("NAME.GIVENNAME", AttrPath("NAME", "GIVENNAME")),
    ("members.$ref", AttrPath("members", "$ref")),
    (f"{CORE}:name.givenName", AttrPath("name", "givenName", CORE)),
    (f"{ENTERPRISE}:manager.displayName", AttrPath("manager", "displayName", ENTERPRISE)),
    (ENTERPRISE, AttrPath("User", None, ENTERPRISE.removesuffix(":User"))),
    ("urn:example:agent:2.0", AttrPath("2.0", None, "urn:example:agent")),
    ("https://example.com/schemas/agent", AttrPath("//example.com/schemas/agent", None, "https")),
]


@pytest.mark.req("R-PATCH-05", "R-PATCH-06", "R-PATCH-07", "R-FILT-11", "R-ATTR-05")
@pytest.mark.parametrize(("text", "path"), NAMES)
def test_a_name_is_an_attribute_or_an_extension(text: str, path: AttrPath) -> None:
    assert parse_attribute(text) == path
    assert parse_path(text, strict()) == path


VALUE_PATHS: list[tuple[str, PatchPath]] = [
    ('emails[type eq "work"]', ValuePath(EMAILS, WORK)),
    ('emails[type eq "work"].value', ValuePath(EMAILS, WORK, "value")),
    ('emails[type eq "work"].Value', ValuePath(EMAILS, WORK, "Value")),
    (' emails[ type EQ "work" ].$ref ', ValuePath(EMAILS, WORK, "$ref")),
    (f'{CORE}:emails[type eq "work"].value', ValuePath(AttrPath("emails", None, CORE), WORK, "value")),
    ('tags[value eq "a]b[c"]', ValuePath(AttrPath("tags"), eq("value", "a]b[c"))),
    ('emails[value eq "a].b"].value', ValuePath(EMAILS, eq("value", "a].b"), "value")),
    (
        'emails[type eq "work" and not (value co "x") or primary eq true].display',
        ValuePath(
            EMAILS,
            Or((And((WORK, Not(Comparison(AttrPath("value"), Operator.CO, "x")))), eq("primary", True))),
            "display",
        ),
    ),
    ("emails[value pr].value", ValuePath(EMAILS, Presence(AttrPath("value")), "value")),
    ('roles[primary eq "True"].value', ValuePath(AttrPath("roles"), eq("primary", "True"), "value")),
]


@pytest.mark.req("R-PATCH-05", "R-PATCH-06", "ENTRA-25")
@pytest.mark.parametrize(("text", "path"), VALUE_PATHS)
def test_a_value_path_is_an_attribute_a_filter_and_perhaps_a_sub_attribute(text: str, path: PatchPath) -> None:
    assert parse_path(text, strict()) == path


MALFORMED = [
    "",
    " ",
    "a b",
    "a..b",
    "a.b.c",
    ".a",
    "a.",
    "1a",
    "ä",
    "a/b",
    "a]",
    "emails[",
    'emails[type eq "work"',
    'emails[type eq "work"]value',
    'emails[type eq "work"].',
    'emails[type eq "work"].a.b',
    'emails[type eq "work"] .value',
    'emails[type eq "work"].value eq "x"',
    'emails.value[type eq "work"]',
    'emails [type eq "work"]',
    '[type eq "work"]',
    'urn:x:[type eq "work"]',
    "urn:",
    "urn:x y:a",
    "x" * 8193,
]


@pytest.mark.req("R-PATCH-05", "R-PATCH-54")
@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_path_is_refused_as_a_path(text: str) -> None:
    with pytest.raises(InvalidPath):
        parse_path(text, strict())


@pytest.mark.req("R-ATTR-09", "R-SORT-08")
@pytest.mark.parametrize("text", [*MALFORMED[:11], 'emails[type eq "work"]', "a,b"])
def test_what_is_no_attribute_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidPath):
        parse_attribute(text)


BAD_FILTERS = [
    "emails[]",
    "emails[type]",
    'emails[type eq "work]',
    "emails[type eq work]",
    'emails[type is "work"].value',
    'emails[type eq "work" and].value',
    'emails[(type eq "work"].value',
    'emails[phones[type eq "work"]].value',
    'emails[type eq "work"][value pr]',
    f"emails[{'(' * 70}a pr{')' * 70}]",
]


@pytest.mark.req("R-PATCH-54", "R-FILT-18", "R-FILT-41")
@pytest.mark.parametrize("text", BAD_FILTERS)
def test_a_bad_filter_in_the_brackets_is_refused_as_a_filter(text: str) -> None:
    with pytest.raises(InvalidFilter):
        parse_path(text, strict())


@pytest.mark.req("ENTRA-04")
def test_a_bare_word_in_the_brackets_is_the_dialects_matter() -> None:
    leniency = Leniency(Dialect("tolerant", frozenset({Tolerance.BARE_WORD})))
    assert parse_path("emails[type eq work].value", leniency) == ValuePath(EMAILS, WORK, "value")
    assert leniency.used == {"bare-word": 1}


def test_the_limits_are_the_callers() -> None:
    with pytest.raises(InvalidPath, match="3 characters"):
        parse_path("name", strict(), Limits(length=3))


PIECES = ["a", "emails", "[", "]", ".", ":", '"', " ", "eq", "pr", "1", "urn:x", "\\", "\0", "("]


@given(st.text(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=15).map("".join))
@pytest.mark.req("R-PATCH-05")
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    with suppress(InvalidPath, InvalidFilter):
        assert isinstance(parse_path(text, strict()), AttrPath | ValuePath)
