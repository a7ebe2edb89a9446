"""A customer of a product, as its identity provider sees the server: the forms in which Entra and Okta write.

An attribute is named as a path, `userName` or `URN:name`; None as a value takes it away. Both work on the real folder
of extensions.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from click.testing import CliRunner, Result
from sqlalchemy import select
from werkzeug.test import TestResponse

from scim_server import app as composition
from scim_server import cli
from scim_server.domain.compare import from_datetime
from scim_server.domain.registry import Registry
from scim_server.service.pools import Pools
from scim_server.service.ranges import Ranges
from scim_server.storage.base import Tenant, Transaction
from scim_server.storage.sql.tables import outbox
from tests.http.server import GROUP, PATCH_OP, USER, Client, Server, assert_error

EXTENSION = "urn:ietf:params:scim:schemas:extension"
ENTERPRISE = f"{EXTENSION}:enterprise:2.0:User"
CENTRE = f"{EXTENSION}:contactcentre:2.0:User"
LEVELS = f"{EXTENSION}:contactcentre:2.0:Group"
SETTINGS = f"{EXTENSION}:agentsettings:2.0:User"
TEAM = f"{EXTENSION}:teamsupervisors:2.0:Group"

LICENCE, NUMBER, ROLE, SUPERVISOR = (
    f"{CENTRE}:{name}" for name in ("licence", "extensionNumber", "role", "supervisor")
)

ENTRA, OKTA_PATCH, OKTA_PUT = "entra", "okta patch", "okta put"
FORMS = (ENTRA, OKTA_PATCH, OKTA_PUT)
CREATORS = ("entra", "okta")

T = TypeVar("T")


def dialect_of(form: str) -> str:
    return form.partition(" ")[0]


@dataclass
class Customer:
    """A tenant of a product."""

    server: Server
    tenant: Tenant
    grants: frozenset[str] | None = None
    """The roles that its tokens may give; None for any."""
    _clients: dict[str, Client] = field(default_factory=dict)

    @classmethod
    def of(cls, server: Server, product: str) -> "Customer":
        return cls(server, server.tenant(product))

    def client(self, dialect: str = "generic") -> Client:
        if dialect not in self._clients:
            token = self.server.token(self.tenant, dialect, grants=self.grants)
            self._clients[dialect] = Client(self.server.app(), token)
        return self._clients[dialect]

    def post(self, creator: str, name: str, attributes: Mapping[str, Any] | None = None) -> TestResponse:
        """POST a user as Entra or Okta does."""
        return self.client(creator).send("POST", "/Users", new_user(creator, name, attributes or {}))

    def user(self, name: str, attributes: Mapping[str, Any] | None = None, creator: str = "entra") -> str:
        """The id of a new user."""
        return created(self.post(creator, name, attributes))

    def group(self, name: str, members: tuple[str, ...] = (), **more: Any) -> str:
        """The id of a new group, made as Okta does."""
        body = {"schemas": [GROUP, *more], "displayName": name, "members": [{"value": id} for id in members], **more}
        return created(self.client("okta").send("POST", "/Groups", body))

    def read(self, id: str, attributes: str = "", kind: str = "Users") -> dict[str, Any]:
        answer = self.client().get(f"/{kind}/{id}" + (f"?attributes={attributes}" if attributes else ""))
        assert answer.status_code == 200, answer.text
        return content(answer)

    def values(self, id: str) -> dict[str, Any]:
        """All of a user, by path."""
        return by_path(self.read(id))

    def change(self, form: str, id: str, changes: Mapping[str, Any], kind: str = "Users") -> TestResponse:
        """Change a resource in one of FORMS."""
        path = f"/{kind}/{id}"
        if form == OKTA_PUT:
            return self.client("okta").send("PUT", path, overlaid(self.read(id, kind=kind), changes))
        body = patched_by_entra(changes) if form == ENTRA else patched_by_okta(changes)
        return self.client(dialect_of(form)).send("PATCH", path, body)

    def changed(self, form: str, id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change a user in one of FORMS, which is accepted: what it is then, by path."""
        answer = self.change(form, id, changes)
        assert answer.status_code == 200, answer.text
        return by_path(content(answer))

    def delete(self, path: str) -> None:
        assert self.client().send("DELETE", path).status_code == 204

    def patch_group(self, creator: str, id: str, *operations: dict[str, Any]) -> TestResponse:
        return self.client(creator).send("PATCH", f"/Groups/{id}", {"schemas": [PATCH_OP], "Operations": [*operations]})

    def members(self, id: str) -> set[str]:
        return {member["value"] for member in self.read(id, "members", "Groups").get("members", ())}

    def find(self, condition: str, kind: str = "Users") -> list[str]:
        """The ids of those that a filter finds."""
        answer = self.client("entra").send_raw("GET", f"/scim/v2/{kind}", query_string={"filter": condition})
        assert answer.status_code == 200, answer.text
        return [found["id"] for found in content(answer).get("Resources", ())]

    def pool(self, key: str, seats: int) -> None:
        """A licence pool, as the operator makes it."""
        forms = [found for found in self.server.catalogue.whole.resource_types if found.pools]
        Pools(self.server.database.storage, self.tenant.id, self._registry(), forms, composition.now).set(key, seats)

    def numbers(self, span: str) -> None:
        """A range of numbers, as the operator adds it."""
        Ranges(self.server.database.storage, self.tenant.id, self._registry(), composition.now).add(span)

    def _registry(self) -> Registry:
        """What the operator sees."""
        return self.server.catalogue.of(self.tenant.profile).variant(replace(self.tenant.variation, has_pools=True))

    def used(self, key: str) -> int:
        """How many seats of a pool are taken."""
        pool = self._on_ledgers(lambda transaction: transaction.seats.pool(key))
        assert pool is not None
        return int(pool.used)

    def ledgers(self) -> dict[str, Any]:
        """The pools, the ranges, and how many events there were."""
        now = from_datetime(composition.now())

        def stock(transaction: Transaction) -> dict[str, Any]:
            return {"pools": transaction.seats.pools(), "ranges": transaction.numbers.ranges(now)}

        return {**self._on_ledgers(stock), "events": self.events()}

    def events(self) -> list[tuple[str, str, dict[str, Any]]]:
        """What the product's own side is told: kind, resource, content; oldest first."""
        mine = outbox.c.tenant_id == self.tenant.id
        columns = (outbox.c.kind, outbox.c.resource_id, outbox.c.content)
        with self.server.database.connections.reader.connect() as connection:
            rows = connection.execute(select(*columns).where(mine).order_by(outbox.c.sequence)).all()
        return [(kind, id, json.loads(text)) for kind, id, text in rows]

    def state(self) -> dict[str, Any]:
        """Everything that a write could change: resources with their versions, and what is counted beside them."""
        found = {kind: content(self.client().get(f"/{kind}?count=100")) for kind in ("Users", "Groups")}
        return {kind: page.get("Resources", []) for kind, page in found.items()} | self.ledgers()

    def run(self, command: str, *arguments: str) -> Result:
        """A command of the operator about this customer."""
        environ = {"SCIM_DATABASE_URL": self.server.settings.database_url}
        return CliRunner().invoke(cli.main, [command, "--tenant", self.tenant.name, *arguments], env=environ)

    def _on_ledgers(self, work: Callable[[Transaction], T]) -> T:
        return self.server.database.storage.write(self.tenant.id, work)


def content(answer: TestResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.data)
    return found


def created(answer: TestResponse) -> str:
    assert answer.status_code == 201, answer.text
    return str(content(answer)["id"])


def refused(answer: TestResponse, status: int, scim_type: str | None, *told: str) -> None:
    """A refusal that says all of this."""
    assert_error(answer, status, scim_type)
    detail = content(answer)["detail"]
    assert [part for part in told if part not in detail] == [], detail


def work(name: str) -> list[dict[str, Any]]:
    return [{"value": address(name), "type": "work", "primary": True}]


def address(name: str) -> str:
    return name if "@" in name else f"{name}@contoso.example"


def new_user(creator: str, name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """ENTRA-10 and -11: no URN of a custom extension in schemas; OKTA-04: groups, always."""
    named = {"userName": name, "active": True, "displayName": name, "emails": work(name), "externalId": f"{name}-1"}
    own = (
        {"schemas": [USER, ENTERPRISE], "meta": {"resourceType": "User"}, "roles": []}
        if creator == "entra"
        else {"schemas": [USER], "name": {"givenName": "Kim", "familyName": "Miller"}, "locale": "en-US", "groups": []}
    )
    body = overlaid({**own, **named}, {path: as_sent(creator, value) for path, value in attributes.items()})
    if creator == "entra":
        body["schemas"] = [USER, ENTERPRISE]
    return body


def as_sent(creator: str, value: Any) -> Any:
    """Entra sends booleans and integers of custom attributes as texts (ENTRA-13, -21)."""
    if creator == "entra" and isinstance(value, bool | int):
        return str(value)
    return value


def split(path: str) -> tuple[str | None, str]:
    urn, _, name = path.rpartition(":") if path.startswith("urn:") else ("", "", path)
    return urn or None, name


def overlaid(resource: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """OKTA-07: what was read, with the changes in it; what is cleared is sent empty (OKTA-16)."""
    body: dict[str, Any] = json.loads(json.dumps(resource))
    for path, value in changes.items():
        urn, name = split(path)
        (body.setdefault(urn, {}) if urn else body)[name] = "" if value is None else value
        if urn and urn not in body["schemas"]:
            body["schemas"].append(urn)
    return body


def patched_by_entra(changes: Mapping[str, Any]) -> dict[str, Any]:
    """ENTRA-20, -32: an operation for each attribute, with capitals and a path."""
    return {"schemas": [PATCH_OP], "Operations": [_entra_operation(path, value) for path, value in changes.items()]}


def _entra_operation(path: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {"op": "Remove", "path": path}
    return {"op": "Replace" if path == "active" else "Add", "path": path, "value": as_sent("entra", value)}


def patched_by_okta(changes: Mapping[str, Any]) -> dict[str, Any]:
    """OKTA-09: one operation without a path."""
    held: dict[str, Any] = {}
    for path, value in changes.items():
        urn, name = split(path)
        (held.setdefault(urn, {}) if urn else held)[name] = value
    return {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": held}]}


def by_path(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes by path, those of extensions too."""
    found: dict[str, Any] = {}
    for name, value in resource.items():
        if name.startswith("urn:"):
            found |= {f"{name}:{inner}": held for inner, held in value.items()}
        else:
            found[name] = value
    return found


def add(dialect: str, *ids: str) -> dict[str, Any]:
    """ENTRA-54, OKTA-24."""
    if dialect == "entra":
        return {"op": "Add", "path": "members", "value": [{"$ref": None, "value": id} for id in ids]}
    return {"op": "add", "path": "members", "value": [{"value": id, "display": "Kim Miller"} for id in ids]}


def remove(dialect: str, id: str) -> dict[str, Any]:
    """ENTRA-55, OKTA-24."""
    if dialect == "entra":
        return {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": id}]}
    return {"op": "remove", "path": f'members[value eq "{id}"]'}
