"""Requests that go through the middleware or the proxy arrive as they were sent, and are in the file."""

import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from conformance.exchange import Exchange, Request
from conformance.reading import suite_of_file
from conformance.recorder import Proxy, Recorder, Recording
from conformance.results import Outcome
from conformance.transport import HttpTransport
from scim_server.config import Settings
from tests.conformance.fakes import answer
from tests.conformance.in_process import WsgiTransport, environ_of
from tests.conformance.recorded import PERSONAL, USER, Connector, entra_cycle, okta_cycle, replayed, session
from tests.conformance.test_recording import leaked
from tests.databases import free_port
from tests.http.server import BASE, Server

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "recorded.json"


def steps_of(file: Path) -> list[Any]:
    (scenario,) = json.loads(file.read_text())["scenarios"]
    steps: list[Any] = scenario["steps"]
    return steps


# The middleware -------------------------------------------------------------------------------------------------------


class Application:
    """A WSGI application that keeps what it was sent, and answers as a test says."""

    def __init__(self, status: str = "200 OK", content: bytes = b"{}") -> None:
        self.status = status
        self.content = content
        self.bodies: list[bytes] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        length = str(environ.get("CONTENT_LENGTH"))
        source = environ["wsgi.input"]
        self.bodies.append(source.read(int(length)) if length.isdecimal() else source.read())
        start_response(self.status, [("Content-Type", "application/scim+json")])
        yield self.content


def sent_through(application: Any, environ: WSGIEnvironment) -> tuple[str, bytes]:
    """The status and the body that come back."""
    started: list[str] = []
    written: list[bytes] = []

    def start_response(status: str, headers: Any, *_: object) -> Callable[[bytes], object]:
        started.append(status)
        return written.append

    content = b"".join(application(environ, start_response))
    return started[0], b"".join(written) + content


def environ(line: str, body: bytes | None = None, **changes: Any) -> WSGIEnvironment:
    method, _, target = line.partition(" ")
    return {**environ_of(Request(method, target, {}, body)), **changes}


def test_what_is_not_below_the_base_is_not_recorded(file: Path) -> None:
    application = Recorder(Application(), "/scim/v2/", Recording(file))
    for line in ("GET /healthz", "GET /scim/v2", "GET /scim/v22/Users"):
        assert sent_through(application, environ(line)) == ("200 OK", b"{}")
    assert not file.exists()


def test_the_file_is_whole_after_each_request(file: Path) -> None:
    application = Recorder(Application(), "/scim/v2", Recording(file))
    for number in range(1, 4):
        sent_through(application, environ(f"GET /scim/v2/Users?startIndex={number}"))
        suite_of_file(file)
        assert [step["send"] for step in steps_of(file)] == [f"GET /Users?startIndex={n + 1}" for n in range(number)]
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    ("changes", "sends"),
    [
        ({"RAW_URI": "http://scim.example.com/scim/v2/Users?count=1"}, "GET /Users?count=1"),
        ({"RAW_URI": "", "REQUEST_URI": "/scim/v2/Users?count=2"}, "GET /Users?count=2"),
        ({"RAW_URI": "", "QUERY_STRING": "count=3"}, "GET /Users?count=3"),
        ({"RAW_URI": "", "SCRIPT_NAME": "/scim", "PATH_INFO": "/v2/Users"}, "GET /Users"),
    ],
)
def test_the_target_is_taken_from_where_the_server_has_it(file: Path, changes: dict[str, str], sends: str) -> None:
    sent_through(Recorder(Application(), "/scim/v2", Recording(file)), {**environ("GET /scim/v2/Users"), **changes})
    assert [step["send"] for step in steps_of(file)] == [sends]


@pytest.mark.parametrize(
    ("changes", "arrives"),
    [
        ({}, b'{"a": true}'),
        ({"CONTENT_LENGTH": "", "wsgi.input_terminated": True}, b'{"a": true}'),
        ({"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(b"")}, b""),
        ({"CONTENT_LENGTH": "x7"}, b""),
    ],
    ids=["length", "chunked", "none", "malformed"],
)
def test_a_body_is_recorded_and_arrives(file: Path, changes: dict[str, Any], arrives: bytes) -> None:
    application = Application()
    recorder = Recorder(application, "/scim/v2", Recording(file))
    sent_through(recorder, environ("POST /scim/v2/Users", b'{"a": true}', **changes))
    assert application.bodies == [arrives]
    assert steps_of(file)[0].get("body") == (json.loads(arrives) if arrives else None)


def test_large_bodies_go_through(file: Path) -> None:
    note = "n" * 3_000_000
    application = Application(content=json.dumps({"note": note}).encode())
    body = json.dumps({"note": note, "active": True}).encode()
    status, content = sent_through(
        Recorder(application, "/scim/v2", Recording(file)), environ("POST /scim/v2/Users", body)
    )
    assert (status, content, application.bodies) == ("200 OK", application.content, [body])
    assert steps_of(file)[0]["body"]["active"] is True


def test_what_is_written_instead_of_returned_is_recorded(file: Path) -> None:
    def application(environ: WSGIEnvironment, start_response: Any) -> list[bytes]:
        start_response("201 Created", [])(b'{"id": "user-9"')
        return [b"}"]

    recorder = Recorder(application, "/scim/v2", Recording(file))
    assert sent_through(recorder, environ("POST /scim/v2/Users", b"{}")) == ("201 Created", b'{"id": "user-9"}')
    sent_through(
        Recorder(Application("204 No Content", b""), "/scim/v2", recorder._recording),
        environ("DELETE /scim/v2/Users/user-9"),
    )
    assert [step["send"] for step in steps_of(file)] == ["POST /Users", "DELETE /Users/{{given1_1}}"]


def test_what_the_application_raises_is_raised_and_its_answer_is_closed(file: Path) -> None:
    closed = []

    class Answer:
        def __iter__(self) -> Iterator[bytes]:
            raise KeyError("broken")

        def close(self) -> None:
            closed.append(True)

    recorder = Recorder(lambda environ, start_response: Answer(), "/scim/v2", Recording(file))
    with pytest.raises(KeyError, match="broken"):
        sent_through(recorder, environ("GET /scim/v2/Users"))
    assert closed == [True]
    assert not file.exists()


def test_head_and_answers_without_body_are_recorded(file: Path) -> None:
    recorder = Recorder(Application("204 No Content", b""), "/scim/v2", Recording(file))
    sent_through(recorder, environ("HEAD /scim/v2/Users"))
    sent_through(recorder, environ("DELETE /scim/v2/Users/7"))
    steps = [step for step in steps_of(file) if "title" not in step]
    assert [(step["send"][:6], step["expect"]) for step in steps] == [
        ("HEAD /", {"status": 204}),
        ("DELETE", {"status": 204}),
    ]


def test_no_request_fails_because_the_file_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = Recording(tmp_path / "nowhere" / "recorded.json")
    sent = sent_through(Recorder(Application(), "/scim/v2", recording), environ("GET /scim/v2/Users"))
    assert sent == ("200 OK", b"{}")
    assert "The recording cannot be written" in capsys.readouterr().err


def test_the_id_of_the_scenario_is_one(file: Path) -> None:
    with pytest.raises(ValueError, match="'A b' is no id"):
        Recording(file, id="A b")


def test_requests_of_many_threads_are_all_recorded(file: Path) -> None:
    recording = Recording(file)

    def add(number: int) -> None:
        recording.add(Exchange(Request("GET", f"/Users?startIndex={number}", {}), answer(200, {})))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(80)))
    assert len(recording) == 80
    assert sorted(step["send"] for step in steps_of(file)) == sorted(f"GET /Users?startIndex={n}" for n in range(80))


# The proxy ------------------------------------------------------------------------------------------------------------


@contextmanager
def served(server: ThreadingHTTPServer) -> Iterator[str]:
    """The URL of a server that runs in a thread."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Live(ThreadingHTTPServer):
    """A WSGI application on a socket; it keeps the request line and the headers of each request."""

    daemon_threads = True

    def __init__(self, application: Any) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.transport = WsgiTransport(application)
        self.noted: list[tuple[str, dict[str, str], bytes]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Live

    def respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.title(): value for name, value in self.headers.items()}
        self.server.noted.append((self.requestline, headers, body))
        said = self.server.transport.send(Request(self.command, self.path, headers, body or None))
        self.send_response_only(said.status)
        for name, value in said.headers.items():
            if name != "content-length":
                self.send_header(name, value)
        if said.status != 204:
            self.send_header("Content-Length", str(len(said.body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else said.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


@contextmanager
def proxied(application: Any, file: Path) -> Iterator[tuple[str, Live]]:
    """The URL of a proxy before a live server, and that server."""
    live = Live(application)
    with (
        served(live) as url,
        closing(HttpTransport(url)) as transport,
        served(Proxy(("127.0.0.1", 0), f"{url}{BASE}", transport, Recording(file))) as proxy,
    ):
        yield proxy, live


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(Settings(database_url=f"sqlite:///{tmp_path_factory.mktemp('recorder') / 'scim.db'}"))
    yield server
    server.close()


def test_a_cycle_through_the_proxy_is_played_again(server: Server, file: Path) -> None:
    token = server.token(server.tenant(), "entra")
    with proxied(server.app(), file) as (url, live), closing(HttpTransport(url)) as transport:
        ids = entra_cycle(Connector(transport.send, "", token))
        assert live.noted[0][0].startswith(
            "GET /scim/v2/Users?filter=userName+eq+%22Valeria.Quintero%40contoso.example%22& "
        )
    assert leaked([token, *ids, *PERSONAL.values()], file.read_text()) == []
    again = server.token(server.tenant(), "entra")
    with served(Live(server.app())) as url, closing(HttpTransport(url)) as transport:
        within = session(transport, url + BASE, again)
        result, _ = replayed(suite_of_file(file), within)
    assert (result.outcome, result.findings, within.leftovers) == (Outcome.PASSED, (), [])


def test_a_user_who_was_there_is_made_first(server: Server, file: Path) -> None:
    token = server.token(server.tenant())
    with served(Live(server.app())) as url, closing(HttpTransport(url)) as transport:
        user = {"schemas": [USER], "userName": PERSONAL["user_name"], "displayName": PERSONAL["full"]}
        Connector(transport.send, BASE, token)("POST /Users", user, expect=(201,))
    with proxied(server.app(), file) as (url, _), closing(HttpTransport(url)) as transport:
        ids = okta_cycle(Connector(transport.send, "", token))
    assert leaked([token, *ids, *PERSONAL.values()], file.read_text()) == []
    with served(Live(server.app())) as url, closing(HttpTransport(url)) as transport:
        within = session(transport, url + BASE, server.token(server.tenant()))
        result, _ = replayed(suite_of_file(file), within)
    assert (result.outcome, result.findings, within.leftovers) == (Outcome.PASSED, (), [])


def raw(url: str, request: bytes) -> bytes:
    """What comes back for bytes, until the connection is closed."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_requests_are_passed_on_to_the_letter(file: Path) -> None:
    request = (
        b"POST http://proxy/Users?filter=a+eq+%22b%22& HTTP/1.1\r\nHost: proxy\r\nAccept-Encoding: br\r\nX-Own: 1\r\n"
        b"Connection: close, X-Hop\r\nX-Hop: 1\r\nX-Two: a\r\nx-two: b\r\nExpect: 100-continue\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n5;e=1\r\n{\"a\":\r\n6\r\n true}\r\n0\r\nTrailer: 1\r\n\r\n"
    )  # fmt: skip
    with proxied(Application(), file) as (url, live):
        said = raw(url, request)
        assert said.partition(b"\r\n\r\n")[2].endswith(b"{}")
        ((line, headers, body),) = live.noted
        assert line == "POST /scim/v2/Users?filter=a+eq+%22b%22& HTTP/1.1"
        assert body == b'{"a": true}'
        assert headers == {
            "Host": f"127.0.0.1:{live.server_address[1]}",
            "X-Own": "1",
            "X-Two": "a, b",
            "Content-Length": "11",
        }
    assert steps_of(file)[0]["body"] == {"a": True}


MALFORMED = [
    b"POST /Users HTTP/1.1\r\nHost: h\r\nContent-Length: seven\r\n\r\n",
    b"POST /Users HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"POST /Users HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{}",
    b"POST /Users HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n{}",
    b"POST /Users HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /Users HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}xx\r\n0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
    b"nonsense\r\n\r\n",
]


@pytest.mark.parametrize("request_", MALFORMED, ids=range(len(MALFORMED)))
def test_a_request_that_does_not_say_where_it_ends_is_refused(file: Path, request_: bytes) -> None:
    with proxied(Application(), file) as (url, live):
        assert b"400" in raw(url, request_).partition(b"\n")[0] + request_[:8].replace(b"nonsense", b"400")
        assert live.noted == []
    assert not file.exists()


def test_answers_are_passed_on_with_what_belongs_to_them(file: Path) -> None:
    with proxied(Application("200 OK", b'{"a":1}'), file) as (url, _):
        close = b" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        head = raw(url, b"HEAD /Users" + close)
        assert b"Content-Length: 7\r\n" in head
        assert head.endswith(b"\r\n\r\n")
        assert raw(url, b"GET /Users/\xc3\xa9" + close).endswith(b'{"a":1}')
    with proxied(Application("204 No Content", b""), file) as (url, _):
        assert b"Content-Length" not in raw(url, b"DELETE /Users/7" + close)


def test_a_server_that_is_down_is_answered_for_and_not_recorded(file: Path) -> None:
    target = f"http://127.0.0.1:{free_port()}/scim/v2"
    with (
        closing(HttpTransport(target)) as upstream,
        served(Proxy(("127.0.0.1", 0), target, upstream, Recording(file))) as url,
        closing(HttpTransport(url)) as transport,
    ):
        said = transport.send(Request("GET", "/Users", {}))
    assert said.status == 502
    assert b"refused" in said.body
    assert not file.exists()


def test_connections_side_by_side_are_recorded_whole(file: Path) -> None:
    with (
        proxied(Application(), file) as (url, _),
        closing(HttpTransport(url)) as transport,
        ThreadPoolExecutor(6) as pool,
    ):
        requests = [Request("GET", f"/Users?startIndex={number}", {}) for number in range(36)]
        assert {said.status for said in pool.map(transport.send, requests)} == {200}
    assert sorted(step["send"] for step in steps_of(file)) == sorted(f"GET {one.target}" for one in requests)


def test_the_example_of_the_module_runs(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line for wsgi.py, as the docstring has it."""
    import conformance.recorder as module

    monkeypatch.chdir(tmp_path)
    line = next(line for line in (module.__doc__ or "").splitlines() if "application = " in line)
    names = {"application": server.app(), "Recorder": Recorder, "Recording": Recording, "Path": Path}
    exec(line.partition("   in ")[0].strip(), names)
    application: Any = names["application"]
    WsgiTransport(application).send(Request("GET", f"{BASE}/Schemas", {}))
    assert steps_of(tmp_path / "recorded.json")[0]["send"] == "GET /Schemas"
