"""The embedded WSGI server: what it listens on, what it refuses, and how it stops.

A started server runs this package's own serving module in a process of its own, over a WSGI application that is made
for the question: slow, broken, or plain.
"""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from scim_server import serving
from scim_server.config import Settings
from scim_server.serving import ServingError, listen, root_url

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

ROOT = Path(__file__).parent.parent

PROGRAM = """
import os, sys, time
from scim_server import serving
from scim_server.config import Settings
from scim_server.observability import RequestFacts, metrics_page, observe

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/broken":
        raise RuntimeError("bjensen@example.com")
    if path == "/slow":
        time.sleep(1)
    body = environ["wsgi.input"].read()
    observe(RequestFacts("r", environ["REQUEST_METHOD"], 200, 0.001, resource_type="User"))
    answer = {
        "/metrics": metrics_page()[0],
        "/pid": str(os.getpid()).encode(),
        "/scheme": environ["wsgi.url_scheme"].encode(),
        "/length": str(len(environ["QUERY_STRING"])).encode(),
        "/folder": os.environ["PROMETHEUS_MULTIPROC_DIR"].encode(),
    }.get(path, body)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
    return [answer]

serving.create_app = lambda settings: application
settings = Settings.load()
with serving.listen(settings) as listener:
    print(serving.root_url(settings, listener), flush=True)
    serving.serve(settings, listener)
"""


class Server:
    """A server in a process of its own."""

    def __init__(self, **settings: str) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("SCIM_")}
        environ |= {"SCIM_PORT": "0", "SCIM_WORKERS": "1", **settings}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=environ,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rpartition(":")[2])

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        connection = self.connect()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        found = answer.status, answer.read().decode()
        connection.close()
        return found

    def send(self, data: bytes) -> tuple[http.client.HTTPResponse, Any]:
        """The answer to these very bytes, and its body as JSON."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(data)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer, json.loads(answer.read())

    def stop(self) -> tuple[int, str, str]:
        """Its exit code, and what it wrote to standard output and standard error."""
        if self.process.poll() is None:
            self.process.terminate()
        output, errors = self.process.communicate(timeout=30)
        return self.process.returncode, output, errors


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(SCIM_WORKERS="2")
    yield server
    server.stop()


@pytest.fixture
def own_server(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(**getattr(request, "param", {}))
    yield server
    server.stop()


def test_a_port_that_is_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ServingError) as fault:
            listen(Settings(port=port))
    assert str(fault.value) == (
        f"127.0.0.1 port {port} is in use by another program; choose another with --port or SCIM_PORT."
    )


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (
            "no-such-host.invalid",
            "no-such-host.invalid is not known as a host; choose another with --host or SCIM_HOST.",
        ),
        ("192.0.2.1", "192.0.2.1 port 0 is no address of this machine; choose another with --host or SCIM_HOST."),
    ],
)
def test_a_host_that_cannot_be_is_one_clear_line(host: str, message: str) -> None:
    with pytest.raises(ServingError) as fault:
        listen(Settings(host=host, port=0))
    assert str(fault.value) == message


URLS = [
    ({}, "127.0.0.1", r"http://127\.0\.0\.1:\d+"),
    ({}, "0.0.0.0", r"http://127\.0\.0\.1:\d+"),
    ({}, "localhost", r"http://localhost:\d+"),
    ({"SCIM_PUBLIC_URL": "https://scim.example.com/"}, "127.0.0.1", r"https://scim\.example\.com"),
]


@pytest.mark.parametrize(("environ", "host", "pattern"), URLS)
def test_the_printed_url_can_be_used(environ: dict[str, str], host: str, pattern: str) -> None:
    settings = Settings.load({"SCIM_HOST": host, "SCIM_PORT": "0", **environ})
    with listen(settings) as listener:
        found = root_url(settings, listener)
    assert re.fullmatch(pattern, found)


def test_an_address_of_version_6_stands_in_brackets() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for host, shown in (("::", "[::1]"), ("::1", "[::1]"), ("2001:db8::7", "[2001:db8::7]")):
            assert root_url(Settings.load({"SCIM_HOST": host}), listener) == f"http://{shown}:{port}"


def test_a_server_answers_and_stops_with_code_0(own_server: Server) -> None:
    assert own_server.get("/pid")[0] == 200
    code, output, errors = own_server.stop()
    assert (code, errors) == (0, "")
    assert all(json.loads(line)["event"] for line in output.splitlines())


def test_a_stopping_server_lets_requests_in_flight_finish(own_server: Server) -> None:
    own_server.get("/pid")
    answers: list[tuple[int, str]] = []
    slow = Thread(target=lambda: answers.append(own_server.get("/slow")))
    slow.start()
    time.sleep(0.4)
    own_server.process.terminate()
    slow.join()
    assert [status for status, _ in answers] == [200]
    assert own_server.stop()[0] == 0
    with pytest.raises(OSError, match="refused"):
        own_server.get("/pid")


def test_a_connection_serves_many_requests(server: Server) -> None:
    connection = server.connect()
    found = set()
    for _ in range(5):
        connection.request("GET", "/pid")
        found.add(connection.getresponse().read())
    assert len(found) == 1
    connection.close()


def test_both_workers_serve_and_either_shows_the_counters_of_both(server: Server) -> None:
    served = 0
    workers: set[str] = set()
    deadline = time.monotonic() + 20
    while len(workers) < 2 and time.monotonic() < deadline:
        threads = [Thread(target=lambda: workers.add(server.get("/pid")[1])) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        served += len(threads)
    assert len(workers) == 2
    _, page = server.get("/metrics")
    counted = re.search(r'scim_requests_total\{method="GET",status="200",type="User"\} (\d+)', page)
    assert counted
    assert int(counted[1]) >= served


def test_a_worker_that_dies_is_replaced_and_what_it_counted_stays(own_server: Server) -> None:
    _, worker = own_server.get("/pid")
    os.kill(int(worker), signal.SIGKILL)
    deadline = time.monotonic() + 20
    successor = worker
    while successor == worker and time.monotonic() < deadline:
        try:
            _, successor = own_server.get("/pid")
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
    assert successor != worker
    assert 'scim_requests_total{method="GET",status="200",type="User"} 3.0' in own_server.get("/metrics")[1]


def test_the_folder_of_the_counters_goes_with_the_server(own_server: Server) -> None:
    folder = Path(own_server.get("/folder")[1])
    assert list(folder.iterdir())
    own_server.stop()
    assert not folder.exists()


def test_a_folder_that_was_chosen_is_emptied_of_old_counters_and_of_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "counters"
    folder.mkdir()
    (folder / "counter_1.db").touch()
    (folder / "scim-server.db").touch()
    server = Server(SCIM_METRICS_DIR=str(folder))
    server.get("/pid")
    server.stop()
    assert not (folder / "counter_1.db").exists()
    assert (folder / "scim-server.db").exists()


def test_a_folder_that_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServingError, match=r"The folder for the counters, .*/file: File exists\."):
        serving._emptied(tmp_path / "file")


def test_a_request_line_may_be_64_kib_long(server: Server) -> None:
    query = "x" * (65_536 - len("GET /length? HTTP/1.1"))
    assert server.get(f"/length?{query}") == (200, str(len(query)))


def test_a_header_may_be_almost_64_kib_long(server: Server) -> None:
    assert server.get("/pid", X="x" * 65_000)[0] == 200


def test_every_address_includes_those_of_version_4() -> None:
    with listen(Settings(host="::", port=0)) as listener:
        socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=20).close()


STALLED = [
    b"POST / HTTP/1.1\r\nHost: x\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{",
]


@pytest.mark.req("R-SEC-08")
@pytest.mark.parametrize("own_server", [{"SCIM_CLIENT_TIMEOUT": "1", "SCIM_THREADS": "2"}], indirect=True)
def test_clients_that_pause_within_a_request_do_not_keep_others_out(own_server: Server) -> None:
    stalled = [socket.create_connection(("127.0.0.1", own_server.port), timeout=20) for _ in STALLED]
    for connection, data in zip(stalled, STALLED, strict=True):
        connection.sendall(data)
    assert own_server.get("/pid")[0] == 200
    for connection in stalled:
        assert connection.recv(1) == b""
        connection.close()


@pytest.mark.parametrize("own_server", [{"SCIM_CLIENT_TIMEOUT": "1"}], indirect=True)
def test_an_idle_connection_is_kept_longer_than_a_pause(own_server: Server) -> None:
    connection = own_server.connect()
    connection.request("GET", "/pid")
    worker = connection.getresponse().read()
    time.sleep(1.5)
    connection.request("GET", "/pid")
    assert connection.getresponse().read() == worker
    connection.close()


LAST_REQUEST = b"GET /pid HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def read_to_the_end(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def is_taken(connection: socket.socket) -> bool:
    """Whether the server still takes what is sent: where it has closed its end, it answers the first with a reset, upon
    which the second fails.
    """
    try:
        connection.send(b"x")
        connection.send(b"x")
    except OSError:
        return False
    return True


@pytest.mark.req("R-SEC-08")
@pytest.mark.parametrize("own_server", [{"SCIM_THREADS": "1"}], indirect=True)
def test_a_client_that_does_not_close_its_end_keeps_nobody_waiting(own_server: Server) -> None:
    """The next one is answered before the server gives up on those that were there before."""
    own_server.get("/pid")
    with ExitStack() as held:
        for _ in range(3):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", own_server.port), timeout=20))
            connection.sendall(LAST_REQUEST)
            assert read_to_the_end(connection).startswith(b"HTTP/1.1 200")
        assert own_server.get("/pid")[0] == 200
        assert is_taken(connection)


@pytest.mark.req("R-SEC-08")
def test_a_client_that_never_closes_its_end_is_left(own_server: Server) -> None:
    with socket.create_connection(("127.0.0.1", own_server.port), timeout=20) as connection:
        connection.sendall(LAST_REQUEST)
        read_to_the_end(connection)
        deadline = time.monotonic() + 20
        while is_taken(connection) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not is_taken(connection)
    assert own_server.stop()[0] == 0


@pytest.mark.req("R-SEC-08")
def test_a_client_that_goes_on_sending_is_left_at_once(own_server: Server) -> None:
    with socket.create_connection(("127.0.0.1", own_server.port), timeout=20) as connection:
        connection.sendall(LAST_REQUEST)
        read_to_the_end(connection)
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            connection.sendall(bytes(500 * 2**20))


def test_a_server_that_is_being_left_stops(own_server: Server) -> None:
    with socket.create_connection(("127.0.0.1", own_server.port), timeout=20) as connection:
        connection.sendall(LAST_REQUEST)
        read_to_the_end(connection)
        assert own_server.stop()[0] == 0


@pytest.mark.req("R-ERR-07")
def test_a_refusal_reaches_a_client_that_has_sent_more(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(b"no HTTP\r\n\r\n" + b"x" * 30_000)
        connection.sendall(b"x" * 30_000)
        assert read_to_the_end(connection).startswith(b"HTTP/1.1 400")


REFUSED = [
    ("an endless request line", b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    ("a huge header", b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
    ("many headers", b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431),
    ("no HTTP at all", b"bjensen@example.com\r\n\r\n", 400),
    ("a header without a name", b"GET / HTTP/1.1\r\n: bjensen@example.com\r\n\r\n", 400),
    ("an unknown version", b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
    ("two lengths", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
    ("length and chunks", b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("an unknown coding", b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: bjensen\r\n\r\n", 501),
    ("an unknown expectation", b"POST / HTTP/1.1\r\nHost: x\r\nExpect: bjensen\r\n\r\n", 417),
    ("an application that fails", b"GET /broken HTTP/1.1\r\nHost: x\r\n\r\n", 500),
]


@pytest.mark.req("R-ERR-07", "R-SEC-08")
@pytest.mark.parametrize(("data", "status"), [pytest.param(*case[1:], id=case[0]) for case in REFUSED])
def test_what_never_reaches_the_application_is_refused_as_a_scim_error(
    server: Server, data: bytes, status: int
) -> None:
    answer, body = server.send(data)
    assert answer.status == status
    assert answer.getheader("Content-Type") == "application/scim+json"
    assert body.pop("detail").endswith(".")
    assert body == {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status)}


@pytest.mark.req("R-SEC-03")
@pytest.mark.parametrize("own_server", [{"SCIM_LOG_LEVEL": "debug"}], indirect=True)
def test_a_refusal_is_logged_without_what_was_sent(own_server: Server) -> None:
    for _, data, _ in REFUSED:
        own_server.send(data)
    with socket.create_connection(("127.0.0.1", own_server.port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nAuthorization: Bearer bjensen")
    own_server.get("/pid")
    _, output, errors = own_server.stop()
    events = [json.loads(line)["event"] for line in output.splitlines()]
    assert (events.count("refused"), events.count("fault")) == (len(REFUSED) - 1, 1)
    assert "bjensen" not in output + errors


def test_headers_of_proxies_mean_nothing_to_the_server_itself(server: Server) -> None:
    assert server.get("/scheme", **{"X-Forwarded-Proto": "https", "X-Forwarded-SSL": "on"}) == (200, "http")
