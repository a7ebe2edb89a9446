"""What becomes of a scenario, whatever the server answers."""

import json
from threading import Barrier
from typing import Any

import pytest

from conformance.results import Outcome, Verdict, verdict
from conformance.scenario import Level
from tests.conformance.fakes import Answer, Scripted, play, session, suite

OK = {"expect": {"status": 200}}


def always(*answer: Any) -> Scripted:
    return Scripted(lambda method, target, body: answer)


def test_a_scenario_passes_when_every_answer_is_as_expected() -> None:
    server = always(200, {"id": "1", "userName": "ana"}, {"ETag": 'W/"1"'})
    result = play(
        server,
        {
            "send": "GET /Users/1",
            "expect": {"status": [200], "headers": {"etag": {"$any": True}}, "body": {"userName": "ana"}},
        },
    )
    assert result.outcome is Outcome.PASSED
    assert (result.findings, result.before, result.level) == ((), (), None)
    assert server.lines == ["GET /v2/Users/1"]


WRONG: list[tuple[Answer, dict[str, Any], str]] = [
    ((404, {"detail": "gone"}), {"status": 200}, "status: expected 200, got 404 (gone)"),
    (
        (404, {"detail": "x" * 1000}),
        {"status": 200},
        f"status: expected 200, got 404 ({'x' * 300}… (1000 characters))",
    ),
    ((404, b"<p>"), {"status": [200, 204]}, "status: expected 200 or 204, got 404"),
    ((200, {"id": "2"}), {"body": {"id": "1"}}, '/id: expected "1", got "2"'),
    ((200, b"<html>"), {"body": {"id": "1"}}, "the body: expected JSON, got '<html>'"),
    ((200, None), {"body": {"id": "1"}}, "the body: expected an object, got nothing"),
    ((200, {}), {"headers": {"Location": {"$any": True}}}, "the header location: expected a value, got nothing"),
    ((200, {}), {"within": 0.001}, "time: expected an answer within 0.001 s, got one after 0.01 s"),
    (OSError("the line is dead"), {"status": 200}, "the line is dead"),
]


@pytest.mark.parametrize(("answer", "expect", "sentence"), WRONG)
def test_what_is_not_as_expected_is_a_finding_with_its_exchange(
    answer: Answer, expect: dict[str, Any], sentence: str
) -> None:
    server = Scripted(lambda method, target, body: answer)
    result = play(server, {"send": "GET /Users/1", "expect": expect}, {"send": "GET /Users/2", **OK})
    (finding,) = result.findings
    assert result.outcome is Outcome.FAILED
    assert result.level is Level.MUST
    assert finding.mismatches == (sentence,)
    assert finding.exchange is not None
    assert finding.exchange.request.target == "/v2/Users/1"
    assert server.lines == ["GET /v2/Users/1"]


def test_a_step_that_is_independent_does_not_end_the_scenario() -> None:
    server = always(404, None)
    result = play(
        server,
        {"send": "GET /Users/1", **OK, "independent": True, "level": "should", "items": ["ENTRA-09"]},
        {"send": "GET /Users/2", "expect": {"status": 404}},
    )
    assert [finding.stake.items for finding in result.findings] == [("ENTRA-09",)]
    assert result.level is Level.SHOULD
    assert len(server.sent) == 2


def test_an_aside_is_a_finding_of_its_own_and_the_scenario_goes_on() -> None:
    server = always(200, {})
    aside = {"expect": {"headers": {"Location": {"$any": True}}}, "level": "may", "items": ["R-HTTP-10"]}
    result = play(server, {"send": "GET /Users/1", **OK, "also": [aside]}, {"send": "GET /Users/2", **OK})
    assert [(finding.stake.level, finding.stake.items) for finding in result.findings] == [(Level.MAY, ("R-HTTP-10",))]
    assert result.findings[0].stake.fix == "Mend it."
    assert len(server.sent) == 2


def test_what_is_saved_goes_into_later_steps() -> None:
    server = Scripted(lambda method, target, body: (201 if method == "POST" else 200, {"id": "a b"}, {"ETag": "7"}))
    result = play(
        server,
        {
            "send": "POST /Users",
            "body": {"userName": "{{unique}}"},
            "expect": {"status": 201},
            "save": {"id": "/id", "version": "header:ETag"},
        },
        {
            "send": "GET /Users/{{id}}",
            "headers": {"If-None-Match": "{{version}}"},
            "query": {"filter": 'id eq "{{id}}"', "attributes": ["id", "meta"], "none": None, "count": 3},
            "expect": {"body": {"id": "{{id}}"}},
        },
    )
    assert result.outcome is Outcome.PASSED
    assert json.loads(server.sent[0].body or b"") == {"userName": "run-1"}
    read = server.sent[1]
    assert read.target == "/v2/Users/a%20b?filter=id%20eq%20%22a%20b%22&attributes=id&attributes=meta&count=3"
    assert read.headers["If-None-Match"] == "7"
    assert server.lines[-1] == "DELETE /v2/Users/a%20b"


def test_the_status_can_be_saved() -> None:
    server = always(204, None)
    first = {"send": "PUT /x", "expect": {"status": [200, 204]}, "save": {"answered": "status"}}
    result = play(server, first, {"send": "PUT /y", "body": "{{answered}}", "expect": {}})
    assert result.outcome is Outcome.PASSED
    assert server.sent[1].body == b"204"


@pytest.mark.parametrize("save", [{"x": "/none"}, {"x": "header:None"}])
def test_what_cannot_be_saved_is_a_finding(save: dict[str, str]) -> None:
    result = play(always(200, {"id": "1"}), {"send": "GET /Users/1", **OK, "save": save})
    assert result.outcome is Outcome.FAILED
    assert "expected a value, got nothing" in result.findings[0].mismatches[0]


def test_headers_are_those_of_the_suite_signed_in_with_those_of_the_step_over_them() -> None:
    server = always(200, {})
    of = suite(headers={"Accept": "application/scim+json", "Content-Type": "application/json"})
    play(
        server,
        {"send": "GET /Users", **OK},
        {"send": "POST /.search", "body": {}, "headers": {"authorization": None, "ACCEPT": "a"}, **OK},
        {"send": "POST /.search", "text": "{,", "headers": {"Authorization": "x"}, "expect": {}},
        of=of,
    )
    assert [dict(request.headers) for request in server.sent[:2]] == [
        {"Accept": "application/scim+json", "Authorization": "Bearer t0ken"},
        {"Content-Type": "application/json", "ACCEPT": "a"},
    ]


def test_a_body_that_is_no_json_is_sent_as_it_is_written() -> None:
    server = always(400, {})
    result = play(server, {"send": "PUT /Users/1", "text": "{, {{n}}", "expect": {"status": 400}}, let={"n": 7})
    assert result.outcome is Outcome.PASSED
    assert server.sent[-1].body == b"{, 7"


def test_a_fixture_gives_what_it_let_and_saved() -> None:
    server = Scripted(lambda method, target, body: (201, {"id": f"id-{body['userName']}"}) if body else (200, {}))
    step = {
        "send": "POST /Users",
        "body": {"userName": "{{userName}}"},
        "expect": {"status": 201},
        "save": {"id": "/id"},
    }
    of = suite({"user": {"let": {"userName": "{{unique}}-{{as}}-{{index}}"}, "steps": [step]}})
    given = [
        {"fixture": "user", "as": "ana"},
        {"fixture": "user", "as": "named", "with": {"userName": "{{ana.userName}}!"}},
        {"fixture": "user", "as": "three", "count": 3},
    ]
    body = {"ana": "{{ana}}", "named": "{{named.id}}", "three": {"$each": "three", "make": "{{each.userName}}"}}
    result = play(server, {"send": "PATCH /x", "body": {"userName": "x", **body}, "expect": {}}, of=of, given=given)
    assert result.outcome is Outcome.PASSED
    (patch,) = [json.loads(request.body or b"") for request in server.sent if request.method == "PATCH"]
    assert patch["ana"] == {"userName": "run-1-ana-1", "id": "id-run-1-ana-1"}
    assert patch["named"] == "id-run-1-ana-1!"
    assert patch["three"] == ["run-1-three-1", "run-1-three-2", "run-1-three-3"]


def test_a_scenario_that_cannot_be_prepared_is_blocked() -> None:
    step = {"send": "POST /Users", "body": {}, "expect": {"status": 201}}
    server = always(500, {"detail": "no"})
    result = play(
        server, {"send": "GET /x", **OK}, of=suite({"u": {"steps": [step]}}), given=[{"fixture": "u", "as": "a"}]
    )
    assert result.outcome is Outcome.BLOCKED
    assert result.reason == "POST /Users: status: expected 201, got 500 (no)"
    assert (result.findings, result.level) == ((), Level.MUST)
    assert [exchange.request.method for exchange in result.before] == ["POST"]


def test_a_name_that_nothing_was_saved_under_blocks() -> None:
    result = play(always(200, {}), {"send": "GET /Users/{{none}}", **OK})
    assert (result.outcome, result.reason) == (Outcome.BLOCKED, "nothing was saved under none")


def test_a_server_that_asks_for_too_much_blocks() -> None:
    server = always(200, {"most": 10**9})
    first = {"send": "GET /x", **OK, "save": {"most": "/most"}}
    result = play(server, first, {"send": "GET /{{index}}", "expect": {}, "times": "{{most}}"})
    assert (result.outcome, result.reason) == (Outcome.BLOCKED, "1000000000 times is more than 100000")
    assert len(server.sent) == 1


def test_a_scenario_that_does_not_concern_the_server_sends_nothing() -> None:
    server = always(200, {})
    when = [{"facts": {"config": {"bulk": {"supported": True}}}, "otherwise": "no bulk"}]
    for config in (None, {}, {"bulk": {"supported": False}}):
        result = play(server, {"send": "GET /x", **OK}, within=session(server, facts={"config": config}), when=when)
        assert (result.outcome, result.reason, result.level) == (Outcome.NOT_APPLICABLE, "no bulk", None)
    assert server.sent == []
    facts = {"config": {"bulk": {"supported": True}}}
    assert (
        play(server, {"send": "GET /x", **OK}, within=session(server, facts=facts), when=when).outcome is Outcome.PASSED
    )


def test_a_request_is_sent_several_times_and_what_is_saved_is_a_list() -> None:
    server = Scripted(lambda method, target, body: (200, {"id": target[-1]}))
    step = {"send": "GET /Users/{{index}}", "expect": {"status": 200}, "save": {"ids": "/id"}, "times": "{{n}}"}
    last = {"send": "PUT /x", "body": "{{ids}}", "expect": {}}
    play(server, step, last, let={"n": 3})
    assert json.loads(server.sent[-1].body or b"") == ["1", "2", "3"]


def test_what_goes_out_at_once_is_in_flight_together() -> None:
    together = Barrier(4, timeout=5)

    def respond(method: str, target: str, body: Any) -> Answer:
        together.wait()
        return 200, {"id": target[-1]}

    step = {"send": "GET /Users/{{index}}", "expect": {"status": 200}, "times": 4, "at_once": True}
    assert play(Scripted(respond), step).outcome is Outcome.PASSED
    steps = [{"send": f"GET /Users/{n}", "expect": {"status": 200}, "save": {f"id{n}": "/id"}} for n in range(4)]
    last = {"together": [{"send": "GET /Users/{{id3}}", "expect": {"body": {"id": "3"}}}] * 4}
    assert play(Scripted(respond), {"together": steps}, last).outcome is Outcome.PASSED


def test_what_fails_at_once_is_found() -> None:
    result = play(
        Scripted(lambda method, target, body: (404 if target.endswith("2") else 200, {})),
        {"together": [{"send": f"GET /Users/{n}", **OK} for n in range(4)]},
        {"send": "GET /Users/9", **OK},
    )
    assert result.outcome is Outcome.FAILED
    assert [finding.title for finding in result.findings] == ["GET /Users/2"]


def pages(total: int, size: int) -> Scripted:
    def respond(method: str, target: str, body: Any) -> Answer:
        query = dict(pair.split("=") for pair in target.partition("?")[2].split("&"))
        start = int(query.get("startIndex") or query.get("cursor") or 1)
        ids = [{"id": str(n)} for n in range(start, min(start + size, total + 1))]
        more = {"nextCursor": str(start + size)} if start + size <= total else {}
        return 200, {"totalResults": total, "startIndex": start, "Resources": ids, **more}

    return Scripted(respond)


@pytest.mark.parametrize("by", ["index", "cursor"])
def test_a_walk_comes_to_what_its_pages_showed(by: str) -> None:
    expected = {
        "pages": 3,
        "resources": 5,
        "ids": ["1", "2", "3", "4", "5"],
        "totals": [5, 5, 5],
        "starts": [1, 3, 5],
        "complete": True,
    }
    walk = {"walk": "GET /Users", "by": by, "count": 2, "expect": {"$exactly": expected}, "save": {"ids": "/ids"}}
    server = pages(5, 2)
    result = play(server, walk, {"send": "PUT /x?count=1", "body": "{{ids}}", "expect": {}})
    assert result.findings == ()
    assert json.loads(server.sent[-1].body or b"") == expected["ids"]


def test_a_walk_stops_after_its_most_pages_and_at_a_page_that_is_wrong() -> None:
    server = pages(100, 2)
    walk = {"walk": "GET /Users", "count": 2, "most": 3, "expect": {"pages": 3, "complete": False}}
    assert play(server, walk).outcome is Outcome.PASSED
    assert len(server.sent) == 3
    each = {"status": 200, "body": {"startIndex": "{{startIndex}}", "Resources": {"$length": {"$at_most": 1}}}}
    result = play(pages(100, 2), {**walk, "each": each})
    assert "expected a length" in result.findings[0].mismatches[0]
    result = play(always(200, b"[]"), walk)
    assert result.findings[0].mismatches == ("the page is no JSON object",)


def test_a_scenario_takes_no_longer_than_it_may() -> None:
    server = always(200, {})
    result = play(server, {"wait": 0.02}, {"send": "GET /x", **OK}, limit=0.01)
    assert result.outcome is Outcome.BLOCKED
    assert server.sent == []


def test_a_server_that_has_too_much_to_do_is_not_waited_for_beyond_the_end_of_the_scenario() -> None:
    server = always(429, None, {"Retry-After": "30"})
    result = play(server, {"send": "GET /x", **OK}, limit=5)
    assert result.findings[0].mismatches == ("status: expected 200, got 429",)
    assert len(server.sent) == 1


@pytest.mark.parametrize("step", [{"wait": 60}, {"send": "GET /{{index}}", "expect": {}, "times": 9}])
def test_an_interrupt_ends_a_scenario_before_its_next_request(step: dict[str, Any]) -> None:
    def respond(method: str, target: str, body: Any) -> Answer:
        if method == "POST":
            within.stop.ask()
        return 200, {"id": "1"}

    within = session(server := Scripted(respond))
    result = play(
        server, {"send": "POST /Users", "body": {}, "expect": {}}, step, {"send": "GET /x", **OK}, within=within
    )
    assert (result.outcome, result.reason) == (Outcome.BLOCKED, "The run was interrupted.")
    assert server.lines == ["POST /v2/Users", "GET /v2/Users/1", "DELETE /v2/Users/1"]


def test_an_address_elsewhere_is_not_followed() -> None:
    server = always(200, {"meta": {"location": "http://other.example/v2/Users/1"}})
    first = {"send": "GET /Users/1", **OK, "save": {"location": "/meta/location"}}
    result = play(server, first, {"send": "GET {{location|raw}}", **OK})
    assert result.findings[0].mismatches == ("http://other.example/v2/Users/1 is not below http://scim.example/v2",)
    assert len(server.sent) == 1


def test_an_address_below_the_base_url_is_followed() -> None:
    server = always(200, {"location": "http://scim.example/v2/Users/a%20b?x=1"})
    first = {"send": "GET /Users/1", **OK, "save": {"location": "/location"}}
    assert play(server, first, {"send": "GET {{location|raw}}", **OK}).outcome is Outcome.PASSED
    assert server.lines[1] == "GET /v2/Users/a%20b?x=1"


def test_no_secret_is_in_a_result() -> None:
    echo = Scripted(lambda method, target, body: (400, {"detail": "not t0ken", "password": "s3cret"}))
    result = play(echo, {"title": "a", "send": "POST /.search?t=t0ken", "body": {"password": "s3cret"}, **OK})
    assert "t0ken" not in repr(result)
    assert "s3cret" not in repr(result)
    assert result.findings[0].mismatches == ("status: expected 200, got 400 (not ********)",)


ODD: list[tuple[Any, dict[str, Any]]] = [
    ({"Resources": 5, "totalResults": 1}, {"walk": "GET /Users"}),
    (
        {"Resources": [{"n": {}}, {"n": {}}]},
        {"send": "GET /x", "expect": {"body": {"Resources": {"$sorted": {"by": "/n"}}}}},
    ),
    ({"next": "x"}, {"send": "GET /x", **OK, "save": {"next": "/next"}}),
    ({"next": "http://[x"}, {"send": "GET /x", **OK, "save": {"next": "/next"}}),
]


@pytest.mark.parametrize(("body", "step"), ODD)
def test_an_answer_of_any_form_ends_its_own_scenario_alone(body: Any, step: dict[str, Any]) -> None:
    follow = {"send": "GET {{next|raw}}{{next|next}}", "expect": {"status": 200}}
    steps = [step, follow] if "save" in step else [step]
    assert play(always(200, body), *steps).outcome in (Outcome.BLOCKED, Outcome.FAILED)


SLIGHT = {"level": "may", "items": ["R-HTTP-10"]}


@pytest.mark.parametrize(
    ("first", "level"),
    [
        ({"send": "GET /1", "expect": {"status": 404}, **SLIGHT}, Level.MUST),
        ({"send": "GET /1", "expect": {"status": 404}, **SLIGHT, "independent": True}, Level.MAY),
    ],
)
def test_what_a_slight_failure_hid_is_not_taken_for_sound(first: dict[str, Any], level: Level) -> None:
    result = play(always(200, {}), first, {"send": "GET /2", **OK})
    assert result.outcome is Outcome.FAILED
    assert (result.level, result.failed_level) == (level, Level.MAY)
    assert verdict([result]) is (Verdict.UNKNOWN if level is Level.MUST else Verdict.FLAWED)


def test_nothing_is_hidden_by_a_failure_at_the_end() -> None:
    result = play(always(200, {}), {"send": "GET /1", **OK}, {"send": "GET /2", "expect": {"status": 404}, **SLIGHT})
    assert (result.outcome, result.level, result.reason) == (Outcome.FAILED, Level.MAY, "")
