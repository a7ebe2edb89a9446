"""A server as an operator starts it, and a client that sends what a connector sends."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

from tests.databases import free_port

ROOT = Path(__file__).parents[2]
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SCIM_SERVER = Path(sys.executable).with_name("scim-server")


@dataclass(frozen=True)
class Answer:
    """What came back; `body` is parsed JSON, None where there was none."""

    status: int
    headers: Mapping[str, str]
    body: Any

    def expect(self, *statuses: int) -> "Answer":
        assert self.status in statuses, f"{self.status}: {self.body}"
        if self.body is not None:
            assert self.headers["Content-Type"] == "application/scim+json"
        return self

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


@dataclass
class Client:
    """One keep-alive connection with one credential. `path`s are relative to the base URL."""

    base_url: str
    token: str | None
    headers: Mapping[str, str] = field(default_factory=dict)
    _connection: HTTPConnection | None = None

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        address = urlsplit(self.base_url)
        if self._connection is None:
            self._connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        sent = {"Accept": "application/scim+json", **self.headers}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent["Content-Type"] = "application/scim+json; charset=utf-8"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        payload = json.dumps(body).encode() if body is not None else None
        self._connection.request(method, address.path + path, payload, sent)
        response = self._connection.getresponse()
        text = response.read()
        return Answer(response.status, dict(response.headers), json.loads(text) if text else None)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def find(self, endpoint: str, filter: str, **parameters: str) -> list[Any]:
        """The resources that a match filter finds, as a connector asks before it creates."""
        query = "&".join(f"{name}={quote(value)}" for name, value in {"filter": filter, **parameters}.items())
        answer = self.get(f"{endpoint}?{query}").expect(200)
        assert answer["totalResults"] == len(answer["Resources"]) == answer["itemsPerPage"]
        return answer["Resources"]

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        return self.send("PUT", path, body, **headers)

    def patch(self, path: str, *operations: Any, **headers: str) -> Answer:
        return self.send("PATCH", path, {"schemas": [PATCH_OP], "Operations": list(operations)}, **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.send("DELETE", path, **headers)


@dataclass
class Server:
    """A running server with an empty tenant `default`."""

    base_url: str
    token: str
    database_url: str
    process: subprocess.Popen[str]
    _clients: list[Client] = field(default_factory=list)

    @property
    def root(self) -> str:
        return self.base_url.removesuffix("/scim/v2")

    def client(self, token: str | None = None) -> Client:
        """A client whose connection is closed when the server stops."""
        client = Client(self.base_url, token or self.token)
        self._clients.append(client)
        return client

    def run(self, *arguments: str) -> str:
        """What a command of the operator prints, on this server's database."""
        environment = os.environ | {"SCIM_DATABASE_URL": self.database_url}
        command = [str(SCIM_SERVER), *arguments]
        return subprocess.run(command, check=True, env=environment, capture_output=True, text=True).stdout.strip()

    def issue(self, dialect: str, tenant: str = "default") -> str:
        return self.run("token", "issue", "--tenant", tenant, "--dialect", dialect)

    def stop(self) -> None:
        """Ask it to stop as a service manager does, and see it end; the status would be that of make."""
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=30)


@contextmanager
def serving(database_url: str, **settings: str) -> Iterator[Server]:
    """`make serve` on a free port; SCIM_* settings by name without the prefix."""
    port = free_port()
    environment = os.environ | {f"SCIM_{name.upper()}": value for name, value in settings.items()}
    command = ["make", "--silent", "serve", f"PORT={port}", f"DATABASE_URL={database_url}"]
    with tempfile.NamedTemporaryFile("r", prefix="scim-server-") as log:
        yield from _serving(command, environment, database_url, log)


def _serving(command: list[str], environment: Mapping[str, str], database_url: str, log: IO[str]) -> Iterator[Server]:
    """The server writes to a file: nobody would empty a pipe."""
    with Path(log.name).open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, text=True, start_new_session=True)
    try:
        base_url, token = _announced(process, log, "Base URL: "), _announced(process, log, "Token: ")
        server = Server(base_url, token, database_url, process)
        _await_readiness(server)
        yield server
        server.stop()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _announced(process: subprocess.Popen[str], log: IO[str], label: str) -> str:
    while process.poll() is None:
        line = log.readline()
        if line.startswith(label):
            return line.removeprefix(label).strip()
        if not line:
            time.sleep(0.05)
    raise AssertionError(f"the server ended without saying {label!r}")


def _await_readiness(server: Server) -> None:
    """The announcement comes before the socket listens; connecting is retried for some seconds."""
    address = urlsplit(server.base_url)
    for _ in range(200):
        with suppress(OSError), closing(HTTPConnection(address.hostname or "", address.port, timeout=5)) as connection:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)
    raise AssertionError("the server is not ready after 20 seconds")
