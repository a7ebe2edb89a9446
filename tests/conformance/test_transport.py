"""Requests on real sockets: what is sent to the letter, what is kept, what is repeated."""

import gzip
import os
import resource
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conformance.exchange import NoAnswer, Request
from conformance.transport import LARGEST, HttpTransport, tls_context, trusting

GET = Request("GET", "/v2/Users", {"Accept": "application/scim+json"})


class Handler(BaseHTTPRequestHandler):
    """Answers what the server's `respond` says and notes what came, byte for byte."""

    protocol_version = "HTTP/1.1"
    server: "Noting"

    def do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.noted.append((self.requestline, list(self.headers.items()), body, self.client_address[1]))
        status, headers, content = self.server.respond()
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: pytest shows what matters."""


Reply = tuple[int, list[tuple[str, str]], bytes]


class Noting(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    noted: list[tuple[str, list[tuple[str, str]], bytes, int]]
    respond: Callable[[], Reply]
    latest: socket.socket
    """The connection that was accepted last."""

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        self.latest, address = super().get_request()
        return self.latest, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing: clients that hang up are what is tried here."""


@contextmanager
def listening(respond: Callable[[], Reply], tls: ssl.SSLContext | None = None) -> Iterator[Noting]:
    server = Noting(("127.0.0.1", 0), Handler)
    server.noted, server.respond = [], respond
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ok() -> Reply:
    return 200, [("X-A", "1"), ("x-a", "2")], b"{}"


def url(server: Noting, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{server.server_address[1]}/v2"


def test_a_request_is_sent_to_the_letter_and_the_answer_is_what_came() -> None:
    with listening(ok) as server, closing(HttpTransport(url(server))) as transport:
        request = Request("PATCH", "/v2/Users?filter=a+eq+%22b%22&", {"User-Agent": "", "X-T": "é"}, b'{"a":1}')
        response = transport.send(request)
    (line, headers, body, _) = server.noted[0]
    assert line == "PATCH /v2/Users?filter=a+eq+%22b%22& HTTP/1.1"
    assert headers == [
        ("Host", url(server)[7:-3]),
        ("User-Agent", ""),
        ("X-T", "Ã©"),
        ("Content-Length", "7"),
    ]
    assert body == b'{"a":1}'
    assert (response.status, response.headers["x-a"], response.json()) == (200, "1, 2", {})


def test_a_connection_is_kept_and_one_that_was_closed_is_replaced() -> None:
    replies = iter([ok(), ok(), (200, [("Connection", "close")], b""), ok()])
    with listening(lambda: next(replies)) as server, closing(HttpTransport(url(server))) as transport:
        for _ in range(4):
            assert transport.send(GET).status == 200
    ports = [port for _, _, _, port in server.noted]
    assert ports[0] == ports[1] == ports[2] != ports[3]


def test_a_server_that_went_away_meanwhile_is_asked_anew() -> None:
    with listening(ok) as server:
        transport = HttpTransport(url(server))
        transport.send(GET)
        server.shutdown_request(server.latest)
    with pytest.raises(NoAnswer, match=r"no answer: .*refused"):
        transport.send(GET)
    transport.close()


def test_a_server_that_does_not_answer_is_not_waited_for_longer_than_said() -> None:
    hold = threading.Event()

    def respond() -> Reply:
        hold.wait(5)
        return ok()

    with listening(respond) as server, closing(HttpTransport(url(server), timeout=0.05)) as transport:
        with pytest.raises(NoAnswer, match=r"^no answer within 0.05 seconds$"):
            transport.send(GET)
        hold.set()


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_answer_is_read(coding: str) -> None:
    packed = gzip.compress(b'{"a":1}') if coding == "gzip" else zlib.compress(b'{"a":1}')
    reply = (200, [("Content-Encoding", coding)], packed)
    with listening(lambda: reply) as server, closing(HttpTransport(url(server))) as transport:
        assert transport.send(GET).json() == {"a": 1}


def test_a_proxy_is_asked_for_the_whole_url() -> None:
    with listening(ok) as proxy:
        transport = HttpTransport("http://scim.example/v2", proxy=url(proxy)[:-3])
        with closing(transport):
            transport.send(GET)
    line, headers, _, _ = proxy.noted[0]
    assert line == "GET http://scim.example/v2/Users HTTP/1.1"
    assert ("Host", "scim.example") in headers


def test_a_proxy_is_signed_in_at_with_what_its_url_holds() -> None:
    with listening(ok) as proxy:
        there = url(proxy)[:-3].replace("http://", "http://ana:p%C3%A4ssword@")
        with closing(HttpTransport("http://scim.example/v2", proxy=there)) as transport:
            transport.send(GET)
    assert ("Proxy-Authorization", "Basic YW5hOnDDpHNzd29yZA==") in proxy.noted[0][1]


def test_a_tunnel_is_signed_in_for_and_the_server_does_not_see_it() -> None:
    heads: list[bytes] = []

    class Refusing(Raw):
        def _answer(self, connection: socket.socket) -> None:
            with suppress(OSError), connection:
                heads.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")

    with closing(Refusing()) as proxy:
        there = proxy.url.replace("http://", "http://ana:p%C3%A4ssword@")
        with (
            closing(HttpTransport("https://scim.example/v2", proxy=there)) as transport,
            pytest.raises(NoAnswer, match="407 Who are you") as refused,
        ):
            transport.send(GET)
    assert heads[0].startswith(b"CONNECT scim.example:443 HTTP/1")
    assert b"\r\nProxy-Authorization: Basic YW5hOnDDpHNzd29yZA==\r\n" in heads[0]
    assert "YW5h" not in str(refused.value)


# Answers that mean no good --------------------------------------------------------------------------------------------


class Raw:
    """A server that writes to a connection what a function says, and reads nothing but the first request."""

    def __init__(self, *parts: bytes, forever: bytes = b"", every: float = 0.0) -> None:
        self._parts, self._forever, self._every = parts, forever, every
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self) -> None:
        with suppress(OSError), self._socket:
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.recv(65536)
            for part in self._parts:
                connection.sendall(part)
            while self._forever:
                connection.sendall(self._forever)
                time.sleep(self._every)

    def close(self) -> None:
        self._socket.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("start", "forever"),
    [
        (HEAD + b"Content-Length: 9999\r\n\r\n", b" "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        (HEAD + b"\r\n", b" "),
        (HEAD + b"X: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_an_answer_that_comes_drop_by_drop_is_not_waited_for_longer_than_said(start: bytes, forever: bytes) -> None:
    began = time.monotonic()
    with (
        closing(Raw(start, forever=forever, every=0.02)) as server,
        closing(HttpTransport(server.url, timeout=0.2)) as transport,
        pytest.raises(NoAnswer, match=r"^no answer within 0.2 seconds$"),
    ):
        transport.send(GET)
    assert time.monotonic() - began < 2


def _bomb() -> bytes:
    packing = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packing.compress(bytes(LARGEST // 8)) for _ in range(9)) + packing.flush()


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_answer_of_any_size_does_not_fill_the_memory(is_packed: bool) -> None:
    bomb = _bomb()
    head = HEAD + (b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) if is_packed else b"\r\n")
    raw = Raw(head + bomb) if is_packed else Raw(head, forever=bytes(1 << 20))
    with (
        closing(raw) as server,
        closing(HttpTransport(server.url, timeout=20)) as transport,
        pytest.raises(NoAnswer, match="more than 32 MiB"),
    ):
        transport.send(GET)


def test_hints_before_an_answer_are_not_the_answer() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    with closing(Raw(hints + OK)) as server, closing(HttpTransport(server.url)) as transport:
        assert transport.send(GET).json() == {}


def test_a_body_where_none_can_be_is_not_the_next_answer() -> None:
    replies = iter([(204, [], b"null"), ok()])
    with listening(lambda: next(replies)) as server, closing(HttpTransport(url(server))) as transport:
        assert transport.send(GET).status == 204
        assert transport.send(GET).json() == {}


def test_an_answer_that_ends_too_early_is_none() -> None:
    with (
        closing(Raw(HEAD + b"Content-Length: 100\r\n\r\n{}")) as server,
        closing(HttpTransport(server.url)) as transport,
        pytest.raises(NoAnswer, match="2 bytes read, 98 more expected"),
    ):
        transport.send(GET)


def test_a_header_that_cannot_be_sent_is_not_shown() -> None:
    request = Request("GET", "/v2/Users", {"Authorization": "Bearer t0ken\n"})
    with (
        listening(ok) as server,
        closing(HttpTransport(url(server))) as transport,
        pytest.raises(NoAnswer, match="the header Authorization that cannot be sent") as refused,
    ):
        transport.send(request)
    assert "t0ken" not in str(refused.value)


# Connections that are kept ------------------------------------------------------------------------------------------


class Hasty(Raw):
    """A server that answers the first request on a connection, and hangs up when the second has come."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        super().__init__()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            self.asked.append(connection.recv(65536))
            connection.sendall(OK)
            self.asked.append(connection.recv(65536))


def test_what_may_be_sent_again_is_where_a_kept_connection_ends() -> None:
    with closing(Hasty()) as server, closing(HttpTransport(server.url)) as transport:
        for _ in range(3):
            assert transport.send(GET).status == 200
        assert sum(map(bool, server.asked)) > 3


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_must_not_be_sent_again_has_a_connection_of_its_own(method: str) -> None:
    request = Request(method, "/v2/Users/1", {})
    with closing(Hasty()) as server, closing(HttpTransport(server.url)) as transport:
        for _ in range(3):
            assert transport.send(request).status == 200
        assert [line[: len(method)].decode() for line in server.asked if line] == [method] * 3


def test_there_may_be_more_open_files_than_select_knows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    with ExitStack() as many:
        many.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            many.callback(os.close, os.dup(2))
        with listening(ok) as server, closing(HttpTransport(url(server))) as transport:
            assert [transport.send(GET).status for _ in range(2)] == [200, 200]
        assert server.noted[0][3] == server.noted[1][3]


def test_closing_ends_what_is_under_way_and_what_comes_after() -> None:
    hold, under_way = threading.Event(), threading.Event()

    def respond() -> Reply:
        under_way.set()
        hold.wait(5)
        return ok()

    with listening(respond) as server:
        transport = HttpTransport(url(server))

        def close() -> None:
            under_way.wait(5)
            transport.close()

        closer = threading.Thread(target=close)
        closer.start()
        began = time.monotonic()
        for _ in range(2):
            with pytest.raises(NoAnswer):
                transport.send(GET)
        assert time.monotonic() - began < 4
        closer.join()
        hold.set()


# TLS -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that it signed itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "scim.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_certificate_is_looked_at_unless_one_says_otherwise(authority: Path) -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(authority)
    with listening(ok, served) as server:
        there = url(server, "https")
        wary = HttpTransport(there, tls=tls_context(None, None, None))
        with pytest.raises(NoAnswer, match="certificate verify failed"):
            wary.send(GET)
        for context in (tls_context(str(authority), None, None), trusting(tls_context(None, None, None))):
            with closing(HttpTransport(there, tls=context)) as transport:
                assert transport.send(GET).status == 200


def test_a_client_shows_its_certificate(authority: Path) -> None:
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(authority)
    served.load_verify_locations(authority)
    served.verify_mode = ssl.CERT_REQUIRED
    with listening(ok, served) as server:
        context = tls_context(str(authority), str(authority), None)
        with closing(HttpTransport(url(server, "https"), tls=context)) as transport:
            assert transport.send(GET).status == 200
        bare = tls_context(str(authority), None, None)
        with closing(HttpTransport(url(server, "https"), tls=bare)) as transport, pytest.raises(NoAnswer):
            transport.send(GET)
