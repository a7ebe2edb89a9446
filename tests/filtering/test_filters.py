"""Texts of filters, and the nodes that they are."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scim_server.domain.attrpath import AttrPath
from scim_server.domain.dialect import STRICT, Dialect, Leniency, Tolerance
from scim_server.domain.filter import And, Comparison, Elements, Filter, Literal, Not, Operator, Or, Presence
from scim_server.errors import InvalidFilter
from scim_server.filtering import Limits, parse_filter

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def strict() -> Leniency:
    return Leniency(STRICT)


def tolerant() -> Leniency:
    return Leniency(Dialect("tolerant", frozenset({Tolerance.BARE_WORD, Tolerance.COMPARED_VALUE_PATH})))


def parsed(text: str) -> Filter:
    return parse_filter(text, strict())


def eq(name: str, literal: Literal) -> Comparison:
    return Comparison(AttrPath(name), Operator.EQ, literal)


def pr(name: str) -> Presence:
    return Presence(AttrPath(name))


A, B, C, D = map(pr, "abcd")

RFC_EXAMPLES: list[tuple[str, Filter]] = [
    ('userName eq "bjensen"', eq("userName", "bjensen")),
    ('name.familyName co "O\'Malley"', Comparison(AttrPath("name", "familyName"), Operator.CO, "O'Malley")),
    ('userName sw "J"', Comparison(AttrPath("userName"), Operator.SW, "J")),
    (
        'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"',
        Comparison(AttrPath("userName", None, "urn:ietf:params:scim:schemas:core:2.0:User"), Operator.SW, "J"),
    ),
    ("title pr", pr("title")),
    (
        'meta.lastModified gt "2011-05-13T04:42:34Z"',
        Comparison(AttrPath("meta", "lastModified"), Operator.GT, "2011-05-13T04:42:34Z"),
    ),
    ('title pr and userType eq "Employee"', And((pr("title"), eq("userType", "Employee")))),
    ('title pr or userType eq "Intern"', Or((pr("title"), eq("userType", "Intern")))),
    (f'schemas eq "{ENTERPRISE}"', eq("schemas", ENTERPRISE)),
    (
        'userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")',
        And(
            (
                eq("userType", "Employee"),
                Or(
                    (
                        Comparison(AttrPath("emails"), Operator.CO, "example.com"),
                        Comparison(AttrPath("emails", "value"), Operator.CO, "example.org"),
                    )
                ),
            )
        ),
    ),
    (
        'userType ne "Employee" and not (emails co "example.com")',
        And(
            (
                Comparison(AttrPath("userType"), Operator.NE, "Employee"),
                Not(Comparison(AttrPath("emails"), Operator.CO, "example.com")),
            )
        ),
    ),
    (
        'userType eq "Employee" and (emails.type eq "work")',
        And((eq("userType", "Employee"), Comparison(AttrPath("emails", "type"), Operator.EQ, "work"))),
    ),
    (
        'userType eq "Employee" and emails[type eq "work" and value co "@example.com"]',
        And(
            (
                eq("userType", "Employee"),
                Elements(
                    AttrPath("emails"),
                    And((eq("type", "work"), Comparison(AttrPath("value"), Operator.CO, "@example.com"))),
                ),
            )
        ),
    ),
    (
        'emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]',
        Or(
            tuple(
                Elements(AttrPath(name), And((eq("type", kind), Comparison(AttrPath("value"), Operator.CO, value))))
                for name, kind, value in [("emails", "work", "@example.com"), ("ims", "xmpp", "@foo.com")]
            )
        ),
    ),
]


@pytest.mark.req("R-FILT-04", "R-FILT-12")
@pytest.mark.parametrize(("text", "node"), RFC_EXAMPLES)
def test_the_examples_of_the_rfc_are_read(text: str, node: Filter) -> None:
    assert parsed(text) == node


GROUPING: list[tuple[str, Filter]] = [
    ("a pr or b pr and c pr", Or((A, And((B, C))))),
    ("a pr and b pr or c pr", Or((And((A, B)), C))),
    ("a pr or b pr and c pr or d pr", Or((A, And((B, C)), D))),
    ("a pr and b pr or c pr and d pr", Or((And((A, B)), And((C, D))))),
    ("(a pr or b pr) and c pr", And((Or((A, B)), C))),
    ("a pr and (b pr or c pr) and d pr", And((A, Or((B, C)), D))),
    ("a pr and b pr and c pr and d pr", And((A, B, C, D))),
    ("a pr or b pr or c pr or d pr", Or((A, B, C, D))),
    ("a pr and (b pr and c pr) and d pr", And((A, B, C, D))),
    ("(((a pr)))", A),
    ("((a pr) and (b pr or c pr))", And((A, Or((B, C))))),
    ("( a pr )", A),
    ("(a pr)and(b pr)", And((A, B))),
    ("a pr and(b pr)or(c pr)", Or((And((A, B)), C))),
    ("not (a pr) and b pr", And((Not(A), B))),
    ("not(a pr) or not(b pr)", Or((Not(A), Not(B)))),
    ("not (a pr and b pr or c pr)", Not(Or((And((A, B)), C)))),
    ("not (not (a pr))", Not(Not(A))),
    ("NOT\t(a pr)", Not(A)),
    ("a pr and not (b pr)", And((A, Not(B)))),
    ("a pr or not (b pr) and c pr", Or((A, And((Not(B), C))))),
    ("x[a pr or b pr and c pr]", Elements(AttrPath("x"), Or((A, And((B, C)))))),
    ("x[a pr and not (b pr or c pr)]", Elements(AttrPath("x"), And((A, Not(Or((B, C))))))),
    ("x[(a pr)] and (y[ b pr ])", And((Elements(AttrPath("x"), A), Elements(AttrPath("y"), B)))),
    ("not (x[a pr])", Not(Elements(AttrPath("x"), A))),
]


@pytest.mark.req("R-FILT-05", "R-FILT-06", "R-FILT-07", "R-FILT-08", "R-FILT-18")
@pytest.mark.parametrize(("text", "node"), GROUPING)
def test_not_binds_tighter_than_and_which_binds_tighter_than_or(text: str, node: Filter) -> None:
    assert parsed(text) == node


LITERALS: list[tuple[str, Literal]] = [
    ('""', ""),
    ('"a b"', "a b"),
    ('"AND (or) \\"x\\" ]"', 'AND (or) "x" ]'),
    (r'"\"\\\/\b\f\n\r\t"', '"\\/\b\f\n\r\t'),
    (r'"\u00e9\u00E9"', "éé"),
    (r'"\ud83d\ude00"', "😀"),
    ('"😀 ü"', "😀 ü"),
    ('"\\\\"', "\\"),
    ('"a + b%20c"', "a + b%20c"),
    ("0", 0),
    ("-0", 0),
    ("42", 42),
    ("-17", -17),
    ("9223372036854775807", 2**63 - 1),
    ("1.5", Decimal("1.5")),
    ("-0.25", Decimal("-0.25")),
    ("1e3", Decimal(1000)),
    ("1.5E-3", Decimal("0.0015")),
    ("0.10000000000000000000001", Decimal("0.10000000000000000000001")),
    ("true", True),
    ("True", True),
    ("FALSE", False),
    ("null", None),
    ("NULL", None),
]


@pytest.mark.req("R-FILT-09", "R-FILT-10", "R-HTTP-03")
@pytest.mark.parametrize(("text", "literal"), LITERALS)
def test_values_are_json_values(text: str, literal: Literal) -> None:
    node = parsed(f"a eq {text}")
    assert node == eq("a", literal)
    assert isinstance(node, Comparison)
    assert type(node.literal) is type(literal)
    assert parsed(f"x[a eq {text}]") == Elements(AttrPath("x"), eq("a", literal))
    assert parsed(f"(a eq {text}) and b pr") == And((eq("a", literal), B))


PATHS = [
    ("USERNAME", AttrPath("USERNAME")),
    ("name.givenName", AttrPath("name", "givenName")),
    ("a-b_c1", AttrPath("a-b_c1")),
    ("$ref", AttrPath("$ref")),
    ("members.$ref", AttrPath("members", "$ref")),
    (f"{ENTERPRISE}:department", AttrPath("department", None, ENTERPRISE)),
    (f"{ENTERPRISE}:manager.displayName", AttrPath("manager", "displayName", ENTERPRISE)),
    ("urn:x:1.0.2:a.b", AttrPath("a", "b", "urn:x:1.0.2")),
    ("https://example.com/schemas/2.0/user#top:a", AttrPath("a", None, "https://example.com/schemas/2.0/user#top")),
    ("eq", AttrPath("eq")),
    ("pr", AttrPath("pr")),
    ("and", AttrPath("and")),
    ("or", AttrPath("or")),
    ("not", AttrPath("not")),
    ("Not.eq", AttrPath("Not", "eq")),
    ("nothing", AttrPath("nothing")),
    ("order", AttrPath("order")),
    ("android", AttrPath("android")),
    ("notes", AttrPath("notes")),
    ("true", AttrPath("true")),
    ("null", AttrPath("null")),
    ("nullable", AttrPath("nullable")),
    ("price.eq", AttrPath("price", "eq")),
]


@pytest.mark.req("R-FILT-03", "R-FILT-11", "R-FILT-12", "R-FILT-14")
@pytest.mark.parametrize(("text", "path"), PATHS)
def test_a_path_is_a_name_with_an_urn_and_a_sub_attribute_and_no_word_is_reserved(text: str, path: AttrPath) -> None:
    comparison = Comparison(path, Operator.EQ, "eq")
    assert parsed(f"{text} pr") == Presence(path)
    assert parsed(f'{text} eq "eq"') == comparison
    assert parsed(f'not ({text} eq "eq") and {text} pr or {text} pr') == Or(
        (And((Not(comparison), Presence(path))), Presence(path))
    )


@pytest.mark.req("R-FILT-03")
@pytest.mark.parametrize("operator", Operator)
@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
def test_operators_are_read_in_any_case(operator: Operator, spelling: Callable[[str], str]) -> None:
    path = AttrPath("a")
    if operator is Operator.PR:
        assert parsed(f"a {spelling('pr')}") == A
    else:
        assert parsed(f'a {spelling(operator.value)} "x"') == Comparison(path, operator, "x")


@pytest.mark.req("R-FILT-03")
def test_logical_operators_are_read_in_any_case() -> None:
    assert parsed("a pr AND NOT (b pr) Or c pr aNd d pr") == Or((And((A, Not(B))), And((C, D))))


VALUE_SUFFIXES: list[tuple[str, Filter]] = [
    ('emails[type eq "work"].value eq "x"', And((eq("type", "work"), eq("value", "x")))),
    ('emails[type eq "work"].value pr', And((eq("type", "work"), pr("value")))),
    ('emails[a pr and b pr].value eq "x"', And((A, B, eq("value", "x")))),
    ('emails[a pr or b pr].value eq "x"', And((Or((A, B)), eq("value", "x")))),
    ('emails[not (a pr)].value eq "x"', And((Not(A), eq("value", "x")))),
]


@pytest.mark.req("R-FILT-19", "ENTRA-05", "C-16")
@pytest.mark.parametrize(("text", "condition"), VALUE_SUFFIXES)
def test_a_sub_attribute_behind_brackets_is_one_of_the_same_element(text: str, condition: Filter) -> None:
    leniency = tolerant()
    assert parse_filter(text, leniency) == Elements(AttrPath("emails"), condition)
    longer = And((Elements(AttrPath("emails", None, "urn:x"), condition), A))
    assert parse_filter(f"urn:x:{text} and a pr", leniency) == longer
    assert leniency.used == {"compared-value-path": 2}


@pytest.mark.req("R-FILT-19", "C-16")
@pytest.mark.parametrize("text", [text for text, _ in VALUE_SUFFIXES])
def test_in_strict_a_path_in_a_filter_ends_with_its_brackets(text: str) -> None:
    with pytest.raises(InvalidFilter, match="ends with its brackets"):
        parsed(text)


def test_a_filter_that_needs_two_tolerances_is_refused_without_either() -> None:
    text = 'emails[type eq "work"].value eq word'
    for tolerance in (Tolerance.BARE_WORD, Tolerance.COMPARED_VALUE_PATH):
        with pytest.raises(InvalidFilter):
            parse_filter(text, Leniency(Dialect("half", frozenset({tolerance}))))
    leniency = tolerant()
    parse_filter(text, leniency)
    assert leniency.used == {"bare-word": 1, "compared-value-path": 1}


BAD = [
    "userName",
    "userName eq",
    'eq "x"',
    '"x" eq userName',
    'userName regex "x"',
    'userName == "x"',
    'userName eq "x" "y"',
    'userName eq "x" and',
    'userName eq "x" and and a pr',
    'and userName eq "x"',
    'userName eq "x" xor a pr',
    'userName eq "x"and a pr',
    'userName eq "x" anda pr',
    'userNameeq "x"',
    'userName eq"x"',
    'userName eqx "x"',
    'userName eq "x',
    'userName eq x"',
    "userName eq 'x'",
    r'userName eq "\x"',
    r'userName eq "\u12"',
    r'userName eq "\ud83d"',
    r'userName eq "\ude00\ud83d"',
    r'userName eq "\u0000"',
    'userName eq "\0"',
    'userName eq "\ud800"',
    'userName eq "a\nb"',
    "userName pr pr",
    'userName pr "x"',
    "userName prx",
    "(userName pr",
    "userName pr)",
    "()",
    "(a pr)(b pr)",
    "(a pr) b pr",
    "not a pr",
    "not",
    "not (a pr",
    "not () a pr",
    "a pr not (b pr)",
    "not not (a pr)",
    "emails[",
    "emails[]",
    'emails[type eq "work"',
    'emails[type eq "work"]]',
    "emails[(a pr])",
    "emails [a pr]",
    "emails[a pr].value",
    "emails[a pr] .value pr",
    "emails[a pr].value[b pr]",
    "emails[a pr].b.c pr",
    'emails[a pr] eq "x"',
    "emails[a pr] pr",
    "emails[a pr][b pr]",
    "emails.value[a pr]",
    "emails[a[b pr]]",
    "emails[a pr and b[c pr].d pr]",
    "[a pr]",
    "a.b.c pr",
    "a. pr",
    "a .b pr",
    ".a pr",
    "1a pr",
    "a:1 pr",
    "ä pr",
    "a eq 1 eq 2",
    "a eq 1.2.3",
    "a eq 01",
    "a eq +1",
    "a eq .5",
    "a eq 1.",
    "a eq 0x1f",
    "a eq --1",
    "a eq 1e99999",
    "a eq " + "9" * 80,
    "a eq ٣",
    "a eq NaN",
    "a eq [1]",
    'a eq {"b":1}',
    "a eq (1)",
    "a\neq 1",
    "a eq\u00a01",
    "a eq 1; drop table resources",
    "a eq 1 -- b",
    "a, b pr",
]


@pytest.mark.req("R-FILT-04", "R-FILT-17", "R-FILT-18", "R-FILT-34", "R-FILT-42", "R-I18N-09")
@pytest.mark.parametrize("text", BAD)
def test_what_is_no_filter_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parsed(text)
    assert refusal.value.detail[0].isupper()
    assert refusal.value.detail.endswith(".")


@pytest.mark.req("R-FILT-43")
@pytest.mark.parametrize("text", ["", " ", "\t  "])
def test_an_empty_filter_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter, match="empty"):
        parsed(text)


@pytest.mark.req("R-FILT-34")
def test_a_refusal_says_where() -> None:
    with pytest.raises(InvalidFilter, match=r'character 10 .* operator .* \'regex "x"\''):
        parsed('userName regex "x"')
    with pytest.raises(InvalidFilter, match=r"character 12 .*'\)'"):
        parsed("userName pr)")


WORDS = [
    "aruiz",
    "5f0e2c1e-9b6d-4b0e-9d6e-0c8f6a1d7b11",
    "2011-05-13T04:42:34Z",
    "007",
    "a@b.example",
    "O'Malley",
    "eq",
    "ü",
]


@pytest.mark.req("ENTRA-04")
@pytest.mark.parametrize("word", WORDS)
def test_where_the_dialect_says_so_a_bare_word_is_a_string_and_is_counted_each_time(word: str) -> None:
    leniency = tolerant()
    for use in (1, 2, 3):
        assert parse_filter(f"externalId eq {word}", leniency) == eq("externalId", word)
        assert leniency.used == {"bare-word": use}
    assert parse_filter(f"x[externalId eq {word}] and (a eq {word})", leniency) == And(
        (Elements(AttrPath("x"), eq("externalId", word)), eq("a", word))
    )


@pytest.mark.req("R-FILT-34")
@pytest.mark.parametrize("word", WORDS)
def test_a_strict_client_quotes_its_strings_even_after_a_tolerant_one_did_not(word: str) -> None:
    parse_filter(f"externalId eq {word}", tolerant())
    with pytest.raises(InvalidFilter, match="double quotes"):
        parse_filter(f"externalId eq {word}", strict())


def test_a_filter_without_bare_words_uses_no_tolerance() -> None:
    leniency = tolerant()
    for text, _ in [*RFC_EXAMPLES, *GROUPING]:
        parse_filter(text, leniency)
    assert not leniency.used


def chain(word: str, length: int) -> str:
    return f" {word} ".join(["a pr"] * length)


@pytest.mark.req("R-FILT-06", "R-FILT-41")
@pytest.mark.parametrize("word", ["and", "or"])
def test_the_longest_chain_that_is_allowed_is_read(word: str) -> None:
    node = parsed(chain(word, 256))
    assert isinstance(node, And | Or)
    assert node.terms == (A,) * 256


BEYOND_LIMITS = [
    ("(" * 25 + "a pr" + ")" * 25, "24 levels"),
    ("not (" * 25 + "a pr" + ")" * 25, "24 levels"),
    ("(" * 8000, "24 levels"),
    (chain("and", 257), "256 comparisons"),
    (chain("or", 1000), "256 comparisons"),
    (f'a eq "{"x" * 8192}"', "8192 characters"),
]


@pytest.mark.req("R-FILT-41")
@pytest.mark.parametrize(("text", "limit"), BEYOND_LIMITS)
def test_what_is_beyond_the_limits_is_refused(text: str, limit: str) -> None:
    with pytest.raises(InvalidFilter, match=limit):
        parsed(text)


@pytest.mark.req("R-FILT-07", "R-FILT-41")
def test_the_deepest_nesting_that_is_allowed_is_read() -> None:
    assert parsed("(" * 24 + "a pr" + ")" * 24) == A
    node = parsed("not (" * 24 + "a pr" + ")" * 24)
    for _ in range(24):
        assert isinstance(node, Not)
        node = node.term
    assert node == A


@pytest.mark.parametrize(
    ("limits", "text"),
    [(Limits(length=5), "abc pr"), (Limits(depth=1), "((a pr))"), (Limits(terms=1), "a pr or b pr")],
)
def test_the_limits_are_the_callers(limits: Limits, text: str) -> None:
    parse_filter(text, strict())
    with pytest.raises(InvalidFilter):
        parse_filter(text, strict(), limits)


def test_many_threads_read_filters_at_once() -> None:
    texts = [f'a eq "{n}" or b pr and not (c eq {n})' for n in range(400)]
    expected = [Or((eq("a", str(n)), And((B, Not(eq("c", n)))))) for n in range(400)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(parsed, texts)) == expected


def test_the_grammar_is_built_without_a_word_or_a_warning() -> None:
    command = [sys.executable, "-W", "error", "-c", "import scim_server.filtering"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stdout + done.stderr == b""


# Any filter, written in any way, is read as what it is ---------------------------------------------------------------

NAMES = st.sampled_from(["a", "userName", "$ref", "not", "or", "eq", "pr", "true", "x-y_1"])
URNS = st.sampled_from([None, None, "urn:x:2.0:User", "https://example.com/a/b"])
ATTRIBUTE_PATHS = st.builds(AttrPath, NAMES, st.none() | NAMES, URNS)
OPERATORS = st.sampled_from([operator for operator in Operator if operator is not Operator.PR])
VALUES: st.SearchStrategy[Literal] = (
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
    | st.integers(-(2**63), 2**63 - 1)
    | st.decimals(-1000, 1000, places=3)
    | st.sampled_from([True, False, None, 'a"b', "\\", "] or (", "\\u0041"])
)


def trees(leaf: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    def grow(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        return st.builds(Not, inner) | chains(inner, And) | chains(inner, Or)

    return st.recursive(leaf, grow, max_leaves=8)


def chains(inner: st.SearchStrategy[Filter], kind: type[And] | type[Or]) -> st.SearchStrategy[Filter]:
    """Terms of a chain that are not such a chain themselves: nobody could tell them apart."""
    term = inner.filter(lambda node: not isinstance(node, kind))
    return st.lists(term, min_size=2, max_size=4).map(lambda terms: kind(tuple(terms)))


LEAVES = st.builds(Comparison, ATTRIBUTE_PATHS, OPERATORS, VALUES) | st.builds(Presence, ATTRIBUTE_PATHS)
VALUE_PATHS = st.builds(Elements, st.builds(AttrPath, NAMES, st.none(), URNS), trees(LEAVES))
FILTERS = trees(LEAVES | VALUE_PATHS)


class Writer:
    """Writes a filter as some client might: keywords in any case, blanks and parentheses where nobody needs them."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = data.draw

    def write(self, node: Filter) -> str:
        text = self.bare(node)
        for _ in range(self.draw(st.sampled_from([0, 0, 0, 1, 2]))):
            text = f"({self.blank()}{text}{self.blank()})"
        return text

    def bare(self, node: Filter) -> str:
        match node:
            case Presence(path):
                return f"{path}{self.space()}{self.word('pr')}"
            case Comparison(path, operator, literal):
                return f"{path}{self.space()}{self.word(operator)}{self.space()}{self.literal(literal)}"
            case Elements(path, condition):
                return f"{path}[{self.blank()}{self.write(condition)}{self.blank()}]"
            case Not(term):
                return f"{self.word('not')}{self.blank()}({self.write(term)})"
            case And(terms):
                return self.joined("and", terms)
            case Or(terms):
                return self.joined("or", terms)

    def joined(self, word: str, terms: tuple[Filter, ...]) -> str:
        """Only an `or` below an `and` needs its parentheses."""
        written = [f"({self.write(t)})" if word == "and" and isinstance(t, Or) else self.write(t) for t in terms]
        text = written[0]
        for term in written[1:]:
            text += f"{self.space()}{self.word(word)}{self.space()}{term}"
        return text

    def literal(self, literal: Literal) -> str:
        if isinstance(literal, str):
            return self.string(literal)
        if literal is None or isinstance(literal, bool):
            return self.word({None: "null", True: "true", False: "false"}[literal])
        return str(literal)

    def string(self, text: str) -> str:
        return '"' + "".join(map(self.character, text)) + '"'

    def character(self, character: str) -> str:
        plain = character not in '"\\' and character >= " "
        if plain and self.draw(st.booleans()):
            return character
        code = character.encode("utf-16-be").hex()
        return "".join(f"\\u{code[i : i + 4]}" for i in range(0, len(code), 4))

    def word(self, word: str) -> str:
        return "".join(self.draw(st.sampled_from([letter.lower(), letter.upper()])) for letter in word)

    def blank(self) -> str:
        return self.draw(st.sampled_from(["", "", " ", "\t "]))

    def space(self) -> str:
        return self.draw(st.sampled_from([" ", " ", "  ", "\t"]))


@pytest.mark.unmeasured
@given(FILTERS, st.data())
@pytest.mark.req("R-FILT-03", "R-FILT-04", "R-FILT-05", "R-FILT-07", "R-FILT-08", "R-FILT-09", "R-FILT-10")
def test_a_filter_that_was_written_is_read_as_it_was(node: Filter, data: st.DataObject) -> None:
    text = Writer(data).write(node)
    assert parsed(text) == node


PIECES = [
    "a",
    "eq",
    "pr",
    "and",
    "or",
    "not",
    "(",
    ")",
    "[",
    "]",
    '"',
    "\\",
    ".",
    ":",
    " ",
    " ",
    "1",
    "-",
    "true",
    "null",
    "\0",
    "é",
]
GARBAGE = st.text(max_size=40) | st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


@given(GARBAGE)
@example("\ud800 pr")
@example('a eq "\\')
@example("[" * 60)
@pytest.mark.req("R-FILT-34")
def test_whatever_is_sent_is_read_or_refused(text: str) -> None:
    with suppress(InvalidFilter):
        assert isinstance(parse_filter(text, tolerant()), Comparison | Presence | Elements | And | Or | Not)
