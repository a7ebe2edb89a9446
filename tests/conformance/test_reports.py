"""What the reports say, and that nothing that an answer holds gets out of its place in them."""

import io
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from conformance.exchange import Json
from conformance.reports import as_json, html, junit, terminal
from conformance.reports.characters import clipped, visible
from conformance.reports.markup import Markup, element, joined
from conformance.reports.matrix import sentence, summary
from conformance.reports.terminal import Screen
from conformance.results import Report, SuiteReport
from conformance.scenario import Capability, Level
from tests.conformance.reported import COOKIE, HOSTILE, PASSWORD, TOKEN, report

RENDERERS: dict[str, Callable[[Report], str]] = {
    "terminal": terminal.render,
    "json": as_json.render,
    "junit": junit.render,
    "html": html.render,
}
EVERY = pytest.mark.parametrize("render", RENDERERS.values(), ids=RENDERERS)


def suite(name: str) -> SuiteReport:
    return next(suite for suite in report().suites if suite.suite.name == name)


# Every report ---------------------------------------------------------------------------------------------------------


@EVERY
@pytest.mark.parametrize("secret", [TOKEN, COOKIE, PASSWORD])
def test_no_secret_gets_out(render: Callable[[Report], str], secret: str) -> None:
    assert secret not in render(report())


@EVERY
def test_a_report_can_be_written_whatever_the_answers_hold(render: Callable[[Report], str]) -> None:
    text = render(report())
    assert text.encode("utf-8").decode("utf-8") == text
    assert re.findall(r"[^\n\t -~\xa0-\uffff]|[\u2028\u202e\ufffe]", text) == []


@EVERY
def test_the_same_run_gives_the_same_report(render: Callable[[Report], str]) -> None:
    assert render(report()) == render(report())


@EVERY
def test_a_run_without_suites_can_be_shown(render: Callable[[Report], str]) -> None:
    assert render(replace(report(), suites=(), leftovers=(), server=None))


@EVERY
@pytest.mark.parametrize("server", [[], "yes", 1, {"patch": None, "sort": {"supported": [{}]}}])
def test_a_server_may_say_anything_of_itself(render: Callable[[Report], str], server: Json) -> None:
    assert render(replace(report(), server=server))


# Words ----------------------------------------------------------------------------------------------------------------

SENTENCES = {
    "entra": "does not work: 2",
    "okta": "works, with flaws: 2",
    "google": "works",
    "onelogin": "works, with flaws: 2",
    "jumpcloud": "not shown: 17",
    "rfc": "works",
}


@pytest.mark.parametrize(("name", "said"), SENTENCES.items())
def test_a_verdict_is_said_with_the_number_that_it_rests_on(name: str, said: str) -> None:
    assert sentence(suite(name)) == said


SUMMARIES = [
    ((), "No connector was played."),
    (("google",), "Google Workspace works."),
    (("okta",), "Okta works, with flaws."),
    (("jumpcloud",), "JumpCloud could not be judged."),
    (("google", "rfc"), "All 2 connectors work."),
    (("entra", "entra"), "None of 2 connectors works."),
    (("google", "entra"), "Of 2 connectors, 1 works and 1 does not work."),
    (("google", "rfc", "okta", "entra"), "Of 4 connectors, 2 work, 1 works with flaws and 1 does not work."),
]


@pytest.mark.parametrize(("names", "said"), SUMMARIES)
def test_a_run_is_summed_up_in_a_sentence(names: tuple[str, ...], said: str) -> None:
    assert summary(replace(report(), suites=tuple(map(suite, names)))) == said


def test_what_cannot_be_shown_is_spelt_out() -> None:
    assert visible("a\tb\nc\r\x00\x1b[31m\x9b\u202e\ud800\ufffe é✓😀") == (
        "a\tb\nc\\r\\x00\\x1b[31m\\x9b\\u202e\\ud800\\ufffe é✓😀"
    )


def test_a_long_text_says_how_much_of_it_is_left_out() -> None:
    assert clipped("a" * 5, 5) == "aaaaa"
    assert clipped("a" * 1_005, 5) == "aaaaa\n… 1,000 characters more"


def repeated(times: int) -> Report:
    """The failure of a step that was taken so many times at once."""
    entra = suite("entra")
    (failed,) = [result for result in entra.results if result.id == "update-must"]
    result = replace(failed, findings=failed.findings * times)
    return replace(report(), suites=(replace(entra, results=(result,)),))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("terminal", "(50 times, the first is shown)"),
        ("junit", "(ENTRA-03, NOBODY-1), 50 times"),
        ("html", "seen 50 times; the first of them:"),
    ],
)
def test_failures_that_say_the_same_are_told_once(name: str, said: str) -> None:
    once, often = (RENDERERS[name](repeated(times)) for times in (1, 50))
    assert said in often
    assert said not in once
    assert often.count("Do update &") == once.count("Do update &") == 1


def test_for_programs_each_failure_is_told() -> None:
    (connector,) = json.loads(as_json.render(repeated(50)))["connectors"]
    assert len(connector["results"][0]["findings"]) == 50


# Terminal -------------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(screen: Screen, level: Level = Level.MAY) -> list[str]:
    return terminal.render(report(), screen, level).splitlines()


def test_each_connector_has_a_line_with_its_verdict_and_counts() -> None:
    found = [line.split("  ") for line in lines(Screen()) if " passed" in line or " blocked" in line]
    assert [[part.strip() for part in line if part.strip()] for line in found][:5] == [
        ["✗ Microsoft Entra ID", "does not work: 2", "15 passed, 2 failed"],
        ["! Okta", "works, with flaws: 2", "16 passed, 2 failed"],
        ["✓ Google Workspace", "works", "16 passed, 1 n/a"],
        ["! OneLogin", "works, with flaws: 2", "15 passed, 1 failed, 1 blocked"],
        ["? JumpCloud", "not shown: 17", "17 blocked"],
    ]


ROWS = {
    Capability.UPDATE: "✗1 ✓ ✓ ✓ ?1 ✓ ✓ ✓ ✓",
    Capability.BULK: "✓ ✓ - ✓ ?1 ✓ ✓ ✓ ✓",
    Capability.SORTING: "✓ ✓ ✓ !1 ?1 ✓ ✓ ✓ ✓",
    Capability.ERRORS: "✓ !1 ✓ ✓ ?1 ✓ ✓ ✓ ✓",
}


@pytest.mark.parametrize(("capability", "cells"), ROWS.items())
def test_the_matrix_has_a_line_for_each_capability(capability: Capability, cells: str) -> None:
    (row,) = [line for line in lines(Screen()) if line.split()[:1] == [capability.value]]
    assert row.split()[1:] == cells.split()


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert [line for line in lines(Screen(width)) if len(line) > width] == []


@pytest.mark.parametrize(("width", "tables"), [(100, 1), (80, 2), (40, 4)])
def test_a_narrow_terminal_gets_the_matrix_in_parts(width: int, tables: int) -> None:
    assert Counter(line.split()[:1] == ["membership"] for line in lines(Screen(width)))[True] == tables


def test_a_failure_says_what_was_sent_what_came_what_breaks_and_the_fix() -> None:
    text = terminal.render(report())
    start = text.index("okta errors/media-type")
    assert text[start : text.index("\n\n", start)].splitlines() == [
        "okta errors/media-type: Every answer is of type application/scim+json",
        "  should    ENTRA-95",
        "  sent      GET /v2/Users/1-******** → 200 (18 times, the first is shown)",
        '  but       the header content-type: expected "application/scim+json", got "application/json"',
        "  breaks    The validator stops.",
        "  fix       Send the right media type.",
    ]


@pytest.mark.parametrize(
    ("level", "told"),
    [
        (Level.MUST, ["update-must", "read-may"]),
        (Level.SHOULD, ["update-must", "read-may", "paging-should", "media-type"]),
        (Level.MAY, ["update-must", "read-may", "paging-should", "media-type", "sorting-may"]),
    ],
)
def test_failures_are_told_from_a_level_on(level: Level, told: list[str]) -> None:
    heads = [re.match(r"(?:entra|okta|onelogin) \w+/([\w-]+):", line) for line in lines(Screen(), level)]
    found = [head[1] for head in heads if head]
    assert [id for id in found if id != "groups-should"] == told


def test_what_is_blocked_says_why() -> None:
    text = terminal.render(report())
    assert "onelogin groups/groups-should: It does groups <as> it should\n  because   making a group: status:" in text


def test_what_is_left_over_is_named() -> None:
    assert "Left over on the server, to be removed by hand: /Users/1-********, " in terminal.render(report())
    assert "Nothing was left over" in terminal.render(replace(report(), leftovers=()))


@pytest.mark.parametrize(
    ("stream", "environ", "has_colour"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(stream: io.StringIO, environ: dict[str, str], has_colour: bool) -> None:
    screen = Screen.of(stream, environ)
    assert screen.has_colour is has_colour
    assert ("\x1b[31m" in terminal.render(report(), screen)) is has_colour


def test_colour_changes_no_word() -> None:
    painted = terminal.render(report(), Screen(has_colour=True))
    assert re.sub(r"\x1b\[\d+m", "", painted) == terminal.render(report())


def test_a_stream_without_the_signs_gets_others() -> None:
    text = terminal.render(report(), Screen(encoding="ascii"))
    assert text.isascii()
    assert "x Microsoft Entra ID" in text


def test_the_width_is_that_of_the_terminal_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    widths = []
    for columns in ("20", "72", "300"):
        monkeypatch.setenv("COLUMNS", columns)
        widths.append(Screen.of(Terminal(), {}).width)
    assert widths == [40, 72, 100]


# JSON -----------------------------------------------------------------------------------------------------------------


def document() -> Any:
    return json.loads(as_json.render(report()))


def connector(name: str) -> Any:
    return next(one for one in document()["connectors"] if one["name"] == name)


def members(value: Json) -> set[str]:
    """The names of all members, those of what the server says and of headers left out."""
    if isinstance(value, list):
        return set().union(*map(members, value))
    if not isinstance(value, dict):
        return set()
    inner = [members(one) for name, one in value.items() if name not in {"server", "headers", "counts", "capabilities"}]
    return set(value).union(*inner)


def test_the_form_is_the_documented_one() -> None:
    documented = set(re.findall(r'"(\w+)": ', as_json.__doc__ or "")) - {"passed", "failed", "blocked", "paging"}
    assert members(document()) == documented
    assert document()["version"] == 1


def test_a_connector_has_its_verdicts_and_counts() -> None:
    found = connector("okta")
    assert (found["title"], found["verdict"]) == ("Okta", "works, with flaws")
    assert found["counts"] == {"passed": 16, "failed": 2, "blocked": 0, "not applicable": 0}
    assert found["capabilities"]["paging"] == "works, with flaws"
    assert len(found["results"]) == 18


def test_only_what_was_missed_has_its_exchanges() -> None:
    results = [result for one in document()["connectors"] for result in one["results"] if result["id"] != "media-type"]
    assert {(result["outcome"], bool(result["exchanges"])) for result in results} == {
        ("passed", False),
        ("failed", True),
        ("blocked", True),
        ("not applicable", False),
    }


def test_an_exchange_is_there_as_it_was_sent_and_received() -> None:
    (result,) = [one for one in connector("entra")["results"] if one["id"] == "update-must"]
    (finding,) = result["findings"]
    assert finding["exchange"] == result["exchanges"][-1]
    assert finding["exchange"]["request"] == {
        "method": "GET",
        "target": "/v2/Users/1-********",
        "headers": {"Accept": "application/scim+json", "Authorization": "Bearer ********"},
        "body": None,
    }
    response = finding["exchange"]["response"]
    assert (response["status"], response["headers"]["x-odd"]) == (200, "<b>\x1b[0m")
    assert json.loads(response["body"])["displayName"] == HOSTILE


def test_a_request_without_an_answer_says_why() -> None:
    (result,) = [one for one in connector("entra")["results"] if one["id"] == "read-may"]
    silent = result["findings"][-1]["exchange"]
    assert silent["response"] is None
    assert silent["fault"].startswith("no answer: ")


# JUnit ----------------------------------------------------------------------------------------------------------------


def case(root: ElementTree.Element, classname: str) -> ElementTree.Element:
    (found,) = root.findall(f".//testcase[@classname='{classname}']")
    return found


def test_the_numbers_of_each_suite_are_those_of_its_cases() -> None:
    root = ElementTree.fromstring(junit.render(report()))
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped", "tests": "."}
    for part in [root, *root]:
        cases = part.findall(".//testcase")
        for attribute, kind in kinds.items():
            assert int(part.attrib[attribute]) == sum(case.find(kind) is not None for case in cases)
    assert [suite.attrib["name"] for suite in root] == [suite.suite.name for suite in report().suites]
    assert {key: root.attrib[key] for key in kinds} == {
        "failures": "5",
        "errors": "18",
        "skipped": "1",
        "tests": "154",
    }


def test_a_failure_has_the_mismatch_the_fix_and_the_exchange() -> None:
    root = ElementTree.fromstring(junit.render(report()))
    failure = case(root, "entra.update").find("failure")
    assert failure is not None
    assert failure.attrib["type"] == "must"
    assert failure.attrib["message"].startswith('/displayName: expected "Ana", got "</script>')
    assert "Fix: Do update & all." in (failure.text or "")
    assert "GET /v2/Users/1-******** HTTP/1.1\nAccept: application/scim+json" in (failure.text or "")
    assert "\nx-odd: <b>\\x1b[0m\n" in (failure.text or "")


def test_what_is_blocked_is_an_error_and_what_does_not_apply_is_skipped() -> None:
    root = ElementTree.fromstring(junit.render(report()))
    error, skipped = case(root, "jumpcloud.read").find("error"), case(root, "google.bulk").find("skipped")
    assert error is not None
    assert error.attrib["message"].startswith("making a group: status: expected 201, got 500")
    assert (error.text or "").startswith("POST /v2/Groups")
    assert skipped is not None
    assert skipped.attrib["message"] == "The server has no <Bulk>."


def test_what_lies_below_a_level_is_output_and_no_failure() -> None:
    root = ElementTree.fromstring(junit.render(report(), Level.MUST))
    assert root.attrib["failures"] == "2"
    assert case(root, "okta.paging").find("failure") is None
    output = case(root, "okta.paging").find("system-out")
    assert output is not None
    assert "should: " in (output.text or "")


# Page -----------------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The elements of a page, their ids, links and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names[tag] += 1
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, attribute: str) -> list[str]:
        return [value or "" for name, value in self.attributes if name == attribute]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(html.render(report()))


def test_no_answer_becomes_an_element_or_an_attribute(page: Page) -> None:
    assert page.names["script"] == page.names["style"] == 1
    assert page.names["img"] == 0
    assert {name for name, _ in page.attributes if name.startswith("on") or name in ("src", "style")} == set()


def test_an_answer_is_shown_to_the_letter(page: Page) -> None:
    shown = visible(HOSTILE).replace("\\x00", "\\u0000")
    assert "</script></style></pre>]]><script>document.title = 'taken'</script>" in page.text
    assert shown[-400:] in page.text


def test_each_link_leads_to_a_place_on_the_page(page: Page) -> None:
    ids = page.all("id")
    links = page.all("href")
    assert [id for id, times in Counter(ids).items() if times > 1] == []
    assert [link for link in links if link != "data:," and link.removeprefix("#") not in ids] == []
    assert "#failed.okta.paging" in links


def test_a_failure_names_its_items_by_their_titles(page: Page) -> None:
    assert "Looks a user up by userName; the answer holds that one user with an id, or nobody" in page.text


@pytest.mark.parametrize(
    "text",
    [
        "Of 9 connectors, 5 work, 2 work with flaws, 1 does not work and 1 could not be judged.",
        "Okta: works, with flaws: 2",
        "Nobody gets update.",
        "Do update & all.",
        "a page that is no JSON",
        "seen 18 times; the first of them:",
        "The server has no <Bulk>.",
        "This could not be removed; please remove it by hand.",
        "maxOperations 0",
    ],
)
def test_the_page_says_it(page: Page, text: str) -> None:
    assert text in page.text


def test_a_run_without_failures_has_no_filter_and_no_such_section() -> None:
    page = Page(html.render(replace(report(), suites=(suite("rfc"),), leftovers=())))
    assert {"failures", "filter", "blocked", "not-applicable"} & set(page.all("id")) == set()
    assert "Nothing: all that was made on the server was removed again." in page.text


def test_of_a_long_way_the_last_steps_are_shown() -> None:
    entra = suite("entra")
    (failed,) = [result for result in entra.results if result.id == "update-must"]
    long = replace(failed, before=failed.before[:1] * 60 + failed.before)
    text = html.render(replace(report(), suites=(replace(entra, results=(long,)),)))
    assert "The 63 requests that led there, the last 40 of them" in text
    assert text.count('<span class="number">') == 40


def test_only_what_was_built_as_markup_is_markup() -> None:
    assert joined("<b>", Markup("<i>")) == "&lt;b&gt;<i>"
    assert (
        element("a", {"href": '"><b>', "id": None, "hidden": ""}, "&")
        == '<a href="&quot;&gt;&lt;b&gt;" hidden>&amp;</a>'
    )
