"""A server for tests, as a client sees it: the real application over a real database, and a tenant for each test."""

import json
from dataclasses import dataclass, replace
from itertools import count
from threading import Lock
from typing import Any

from flask import Flask
from werkzeug.test import Client as WerkzeugClient
from werkzeug.test import TestResponse

from scim_server import app as composition
from scim_server.auth import Terms, grant
from scim_server.config import Settings
from scim_server.domain.registry import AS_IT_IS
from scim_server.storage.base import Tenant

BASE = "/scim/v2"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH_REQUEST = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
MEDIA_TYPE = "application/scim+json"


class Server:
    """One database, one application."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalogue = composition.load_catalogue(settings)
        self.registry = self.catalogue.of(self.catalogue.default).variant(AS_IT_IS)
        self.database = composition.open_database(settings)
        self.database.migrate()
        self._numbers = count(1)
        self._apps: dict[Settings, Flask] = {}
        self._making = Lock()

    def app(self, **changes: Any) -> Flask:
        """The application, with some settings changed."""
        settings = replace(self.settings, **changes)
        # Clients of many threads ask for it at once.
        with self._making:
            if settings not in self._apps:
                self._apps[settings] = composition.assemble(
                    settings, self.catalogue, self.database, composition.now, composition.new_id
                )
        return self._apps[settings]

    def close(self) -> None:
        """Close the applications, then the database."""
        for app in self._apps.values():
            composition.close(app)
        self.database.close()

    def tenant(self, profile: str | None = None, **settings: Any) -> Tenant:
        """A new tenant; without a profile it has the default one."""
        chosen = self.catalogue.default if profile is None else profile
        return self.database.tenancy.add_tenant(f"tenant-{next(self._numbers)}", chosen, settings)

    def token(self, tenant: Tenant, dialect: str = "generic", **more: Any) -> str:
        """A new token of the tenant; `read_only=True` for one that must not write."""
        terms = Terms(dialect, None, **more)
        return grant(self.database.tenancy, tenant, terms, composition.now()).value


@dataclass
class Client:
    """A client with a token. Paths are below the base URL; a body that is not bytes is sent as JSON."""

    app: Flask
    token: str | None
    base: str = BASE

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> TestResponse:
        return self.send_raw(method, self.base + path, body, headers)

    def send_raw(
        self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None, **options: Any
    ) -> TestResponse:
        sent = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent["Content-Type"] = MEDIA_TYPE
        answer = WerkzeugClient(self.app).open(
            url, method=method, data=body, headers={**sent, **(headers or {})}, **options
        )
        assert_mannerly(answer)
        return answer

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def create(self, name: str, **attributes: Any) -> dict[str, Any]:
        """A new user of that userName, as it was answered."""
        answer = self.send("POST", "/Users", {"schemas": [USER], "userName": name, **attributes})
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = json.loads(answer.data)
        return created


def assert_mannerly(answer: TestResponse) -> None:
    """What holds for every answer: media type, no caching, a request id, and a SCIM Error for every failure."""
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Request-Id"]
    if answer.request.method == "HEAD" or not answer.data:
        return
    if answer.status_code >= 400 and answer.request.path != "/readyz":
        assert_error(answer, answer.status_code)


def assert_error(answer: TestResponse, status: int, scim_type: str | None = None) -> None:
    """An Error message with that status, a string in it, and that scimType where one is given (R-ERR-01, -02)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    body = json.loads(answer.data)
    assert body["schemas"] == [ERROR]
    assert body["status"] == str(status)
    assert isinstance(body["detail"], str)
    assert body["detail"]
    if scim_type is not None:
        assert body["scimType"] == scim_type
