"""The command line: how it signs in, what it plays, what it writes, how it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from conformance import cli
from conformance.recorder import Proxy
from tests.conformance.fakes import STAKE, Answer, Scripted

URL = "http://scim.example/v2"
MISSING = {"id": "there", "title": "It is there", **STAKE, "steps": [{"send": "GET /x", "expect": {"status": 200}}]}
SOUND = {"id": "not-there", "title": "It is not", **STAKE, "steps": [{"send": "GET /x", "expect": {"status": 404}}]}

Command = Callable[..., int]


class Served(Scripted):
    """A server of which `/x` is not there."""

    def __init__(self, respond: Callable[[str, str, Any], Answer] | None = None) -> None:
        super().__init__(respond or (lambda method, target, body: (404 if target.endswith("/x") else 200, {})))
        self.urls: list[str] = []

    def close(self) -> None:
        """There is nothing to close."""

    @property
    def signed(self) -> set[str | None]:
        return {request.headers.get("Authorization") for request in self.sent}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Served:
    """What the command connects to, with nothing in the environment."""
    served = Served()

    def connect(url: str, **options: Any) -> Served:
        served.urls.append(url)
        return served

    monkeypatch.setattr(cli, "HttpTransport", connect)
    for name in ("SCIM_TOKEN", "SCIM_PASSWORD", "SCIM_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    return served


def file_of(folder: Path, *scenarios: Any) -> str:
    path = folder / "mine.json"
    path.write_text(json.dumps({"capability": "read", "scenarios": scenarios}))
    return str(path)


def run(*arguments: str, token: str = "t0ken") -> int:
    return cli.main(["--base-url", f"{URL}/", "--token", token, *arguments])


@pytest.mark.parametrize(
    ("level", "fail_on", "code"),
    [
        ("must", [], 1),
        ("should", [], 0),
        ("should", ["--fail-on", "should"], 1),
        ("may", ["--fail-on", "should"], 0),
        ("may", ["--fail-on", "may"], 1),
        ("must", ["--fail-on", "never"], 0),
    ],
)
def test_what_was_missed_decides_the_exit_code(
    server: Served, tmp_path: Path, level: str, fail_on: list[str], code: int
) -> None:
    assert run("--file", file_of(tmp_path, {**MISSING, "level": level}), *fail_on) == code


NOT_HERE = {**SOUND, "id": "not-here", "when": [{"facts": {"config": {"x": 1}}, "otherwise": "no x"}]}


@pytest.mark.parametrize(
    ("scenarios", "options", "code"),
    [
        ([NOT_HERE], [], 2),
        ([NOT_HERE], ["--fail-on", "never"], 2),
        ([NOT_HERE, SOUND], [], 0),
        ([NOT_HERE, MISSING], [], 1),
        ([NOT_HERE, SOUND], ["--scenario", "not-here"], 2),
        ([NOT_HERE, SOUND], ["--scenario", "not-"], 0),
    ],
)
def test_what_was_asked_for_and_does_not_apply_is_said(
    server: Served,
    tmp_path: Path,
    scenarios: list[Any],
    options: list[str],
    code: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--file", file_of(tmp_path, *scenarios), *options) == code
    assert ("Nothing of mine was played" in capsys.readouterr().err) == (code == 2)


def test_each_suite_that_is_named_is_to_be_played(
    server: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = tmp_path / "second"
    second.mkdir()
    files = ["--file", file_of(tmp_path, SOUND), "--file", file_of(second, NOT_HERE)]
    assert run(*files) == 2
    assert run(*files, "--scenario", "not-") == 0
    assert "1 passed" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["list", "rfc"], ["check", "FILE"]])
def test_who_reads_no_further_is_not_shown_a_traceback(tmp_path: Path, arguments: list[str]) -> None:
    file = file_of(tmp_path, SOUND)
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "conformance", *(file if one == "FILE" else one for one in arguments)],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        cwd=Path(cli.__file__).parents[1],
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_sound_server_ends_in_0_and_a_summary(
    server: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--file", file_of(tmp_path, SOUND)) == 0
    shown = capsys.readouterr()
    assert "mine" in shown.out
    assert "1 passed" in shown.out
    assert shown.err == ""
    assert server.lines[-1] == "GET /v2/x"


def test_reports_are_written_by_the_ending_of_their_name(server: Served, tmp_path: Path) -> None:
    names = [tmp_path / name for name in ("r.html", "r.json", "r.xml")]
    assert run("--file", file_of(tmp_path, MISSING), *(f"--report={name}" for name in names)) == 1
    page, data, junit = (name.read_text() for name in names)
    assert page.startswith("<!doctype html>")
    assert json.loads(data)["base_url"] == URL
    assert ElementTree.fromstring(junit).find(".//testcase/failure") is not None
    assert "t0ken" not in page + data + junit


def test_secrets_may_come_by_the_environment(server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = file_of(tmp_path, SOUND)
    monkeypatch.setenv("SCIM_TOKEN", "fr0m")
    assert cli.main(["--base-url", URL, "--file", file]) == 0
    assert server.signed == {"Bearer fr0m"}


def test_a_name_and_a_password_sign_in_by_basic(
    server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIM_PASSWORD", "pässword")
    assert cli.main(["--base-url", URL, "--file", file_of(tmp_path, SOUND), "--user", "ana"]) == 0
    assert server.signed == {"Basic YW5hOnDDpHNzd29yZA=="}


def test_a_token_is_fetched_with_client_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def respond(method: str, target: str, body: Any) -> Answer:
        return (200, {"access_token": "fetched"}) if target == "/token" else (404 if target.endswith("/x") else 200, {})

    served = Served(respond)
    monkeypatch.setattr(cli, "HttpTransport", lambda url, **options: served)
    monkeypatch.setenv("SCIM_CLIENT_SECRET", "s3cret")
    options = {**SOUND, "when": [{"facts": {"options": {"login": "client-credentials"}}, "otherwise": "no"}]}
    arguments = [
        "--token-url",
        "https://login.example/token",
        "--client-id",
        "me",
        "--file",
        file_of(tmp_path, options),
    ]
    assert cli.main(["--base-url", URL, *arguments]) == 0
    assert served.lines[-1] == "GET /v2/x"
    assert served.sent[-1].headers["Authorization"] == "Bearer fetched"


def test_a_token_that_expires_is_fetched_anew_and_no_token_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []

    def respond(method: str, target: str, body: Any) -> Answer:
        if target == "/token?a=b":
            given.append(f"t0ken-{len(given)}")
            return 200, {"access_token": given[-1]}
        if served.sent[-1].headers["Authorization"] == "Bearer t0ken-0" and target.endswith("/x"):
            return 401, {}
        return 404 if target.endswith("/x") else 200, {"detail": "not for t0ken-1"}

    served = Served(respond)
    monkeypatch.setattr(cli, "HttpTransport", lambda url, **options: served)
    monkeypatch.setenv("SCIM_CLIENT_SECRET", "s3cret")
    report = tmp_path / "r.json"
    arguments = ["--token-url", "https://login.example/token?a=b", "--client-id", "me", "--report", str(report)]
    assert cli.main(["--base-url", URL, *arguments, "--file", file_of(tmp_path, MISSING)]) == 1
    assert given == ["t0ken-0", "t0ken-1"]
    assert "expected 200, got 404 (not for ********)" in report.read_text()
    assert "t0ken-" not in report.read_text()


def test_what_signs_in_at_a_proxy_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"detail": "s3cret, YW5hOnMzY3JldA=="}
    served = Served(lambda method, target, body: (404 if target.endswith("/x") else 200, said))
    monkeypatch.setattr(cli, "HttpTransport", lambda url, **options: served)
    report = tmp_path / "r.json"
    assert run("--file", file_of(tmp_path, MISSING), "--proxy", "http://ana:s3cret@proxy", "--report", str(report)) == 1
    assert "got 404 (********, ********)" in report.read_text()


MISUSES: list[tuple[list[str], str]] = [
    ([], "--base-url"),
    (["--base-url", URL], "say how to sign in"),
    (["--base-url", "scim.example", "--token", "t"], "no http or https URL"),
    (["--base-url", "ftp://scim.example", "--token", "t"], "no http or https URL"),
    (["--base-url", "http://scim.example:99999", "--token", "t"], "no http or https URL"),
    (["--base-url", "http://[scim", "--token", "t"], "no http or https URL"),
    (["--base-url", URL, "--token", "t", "--timeout", "inf"], "at most"),
    (["--base-url", f"{URL}?a=b", "--token", "t"], "a query"),
    (["--base-url", "http://u:p@scim.example", "--token", "t"], "credentials"),
    (["--base-url", URL, "--user", "ana"], "SCIM_PASSWORD"),
    (["--base-url", URL, "--token-url", "https://x/t"], "--client-id"),
    (["--base-url", URL, "--token-url", "login.example/t"], "--token-url: 'login.example/t' is no http or https URL"),
    (["--base-url", URL, "--token-url", "https://x/t#a"], "--token-url: it has a fragment"),
    (["--base-url", URL, "--token", "t", "--proxy", "proxy:3128"], "--proxy: it is the http URL of a proxy, as in"),
    (["--base-url", URL, "--token", "t", "--proxy", "https://proxy"], "--proxy: it is the http URL"),
    (["--base-url", URL, "--token", "t", "--jobs", "0"], "must be 1 or more"),
    (["--base-url", URL, "--token", "t", "--jobs", "x"], "invalid"),
    (["--base-url", URL, "--token", "t", "--timeout", "0"], "must be more than 0"),
    (["--base-url", URL, "--token", "t", "--timeout", "nan"], "must be more than 0"),
    (["--base-url", URL, "--token", "t", "--report", "x.pdf"], "must end in .html, .json, .xml"),
    (["--base-url", URL, "--token", "t", "--report", "/no/such/x.html"], "there is no folder /no/such"),
    (["--base-url", URL, "--token", "t", "--fail-on", "x"], "invalid choice"),
    (["--base-url", URL, "--token", "t", "--ca-file", "/no/such"], "/no/such"),
]


@pytest.mark.parametrize(("arguments", "message"), MISUSES)
def test_a_misuse_is_said_and_ends_in_2(
    server: Served, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert server.sent == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--suite", "entra,nobody"], "There is no suite 'nobody'; there are "),
        (["--scenario", "no-such-thing"], "No scenario has 'no-such-thing'"),
        (["--file", "/no/such.json"], "/no/such.json"),
    ],
)
def test_a_suite_or_file_that_is_not_there_is_said_and_ends_in_2(
    server: Served, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((401, {}), "refuses the credentials: it answers 401"),
        ((403, {}), "refuses the credentials: it answers 403"),
        ((404, {}), "There is no SCIM server at http://scim.example/v2"),
        (OSError("no answer within 30 seconds"), "http://scim.example/v2: no answer within 30 seconds"),
    ],
)
def test_a_server_that_is_not_reached_is_said_and_ends_in_3(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "HttpTransport", lambda url, **options: Served(lambda *_: answer))
    assert run("--file", file_of(tmp_path, SOUND)) == 3
    assert message in capsys.readouterr().err


def test_an_interrupt_removes_what_was_made_and_ends_in_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def respond(method: str, target: str, body: Any) -> Answer:
        if target.endswith("/x"):
            raise KeyboardInterrupt
        return (201, {"id": "1"}) if method == "POST" else (200, {})

    served = Served(respond)
    monkeypatch.setattr(cli, "HttpTransport", lambda url, **options: served)
    made = {"send": "POST /Users", "body": {}, "expect": {"status": 201}}
    scenario = {**SOUND, "steps": [made, *SOUND["steps"]], "alone": True}
    assert run("--file", file_of(tmp_path, scenario)) == 130
    assert served.lines[-1] == "DELETE /v2/Users/1"
    assert "Interrupted" in capsys.readouterr().err


def test_a_pipeline_that_is_cancelled_has_what_was_made_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def respond(method: str, target: str, body: Any) -> Answer:
        if target.endswith("/x"):
            signal.raise_signal(signal.SIGTERM)
        return (201, {"id": "1"}) if method == "POST" else (200, {})

    served = Served(respond)
    monkeypatch.setattr(cli, "HttpTransport", lambda url, **options: served)
    made = {"send": "POST /Users", "body": {}, "expect": {"status": 201}}
    try:
        assert run("--file", file_of(tmp_path, {**SOUND, "steps": [made, *SOUND["steps"]], "alone": True})) == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    assert served.lines[-1] == "DELETE /v2/Users/1"


def test_a_token_of_a_file_has_a_line_break_that_is_not_sent(server: Served, tmp_path: Path) -> None:
    assert run("--file", file_of(tmp_path, SOUND), token="t0ken\n") == 0
    assert server.signed == {"Bearer t0ken"}


def test_a_report_that_cannot_be_written_is_said(
    server: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.html").mkdir()
    assert run("--file", file_of(tmp_path, SOUND), "--report", str(tmp_path / "r.html")) == 2
    shown = capsys.readouterr()
    assert "1 passed" in shown.out
    assert "r.html: Is a directory" in shown.err


def test_scenarios_are_chosen_by_id_or_item(server: Served, tmp_path: Path) -> None:
    file = file_of(tmp_path, MISSING, {**SOUND, "items": ["ENTRA-09"]})
    assert run("--file", file, "--scenario", "entra-09") == 0
    assert run("--file", file, "--scenario", "not-the") == 0
    assert run("--file", file, "--scenario", "there") == 1


def test_suites_and_scenarios_are_listed(server: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list"]) == 0
    assert "entra: Microsoft Entra ID, " in capsys.readouterr().out
    assert cli.main(["list", "entra"]) == 0
    listed = capsys.readouterr().out
    assert "  match-user-name  [must] " in listed
    assert "(ENTRA-03" in listed
    assert server.sent == []


def test_a_file_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", file_of(tmp_path, SOUND)]) == 0
    assert "1 scenarios" in capsys.readouterr().out
    assert cli.main(["check", file_of(tmp_path, {**SOUND, "level": "x"})]) == 2
    assert "'level' is 'x'" in capsys.readouterr().err
    assert cli.main(["check"]) == 2


RECORD = ["record", "--target", URL, "--output", "/no/such/file.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["record"], "--target"),
        ([*RECORD, "--listen", "8079"], "is no HOST:PORT"),
        ([*RECORD, "--listen", "127.0.0.1:99999"], "is no HOST:PORT"),
        ([*RECORD, "--listen", "192.0.2.1:8079"], "--listen: "),
        ([*RECORD, "--id", "My Connector"], "small letters"),
        ([*RECORD, "--capability", "flying"], "flying"),
        (["record", "--target", "scim.example", "--output", "x"], "--target: 'scim.example' is no http or https URL"),
    ],
)
def test_a_misuse_of_the_recorder_is_said_and_ends_in_2(
    server: Served, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_recorder_that_is_interrupted_says_what_it_has(
    server: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(self: Proxy, poll_interval: float = 0.5) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Proxy, "serve_forever", interrupted)
    assert cli.main([*RECORD, "--listen", "127.0.0.1:0"]) == 0
    said = capsys.readouterr().err
    assert "Base URL for the connector: http://127.0.0.1:" in said
    assert "There was nothing to record." in said


class Terminal:
    """A stream that someone looks at."""

    def __init__(self) -> None:
        self.text = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """All is shown at once."""


def test_a_terminal_shows_how_far_the_run_is(server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    file = file_of(tmp_path, MISSING, SOUND)
    run("--file", file, "--jobs", "1")
    assert "1/2, 1 not passed  there" in terminal.text
    assert "2/2, 1 not passed  not-there" in terminal.text
    assert terminal.text.endswith("\r\x1b[K")
    terminal.text = ""
    run("--file", file, "--quiet")
    assert terminal.text == ""


def test_requests_of_a_run_are_signed_in_and_nothing_else(server: Served, tmp_path: Path) -> None:
    run("--file", file_of(tmp_path, SOUND))
    assert server.signed == {"Bearer t0ken"}
    assert server.urls == [URL]
    assert all(request.target.startswith("/v2/") for request in server.sent)
