"""Musicians with passes, lines and parts: a product that gives things out, and the forms in which it is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from scim_server import app as composition
from scim_server.domain import compare
from scim_server.storage.base import Tenant, Transaction
from scim_server.storage.ledgers import Pool
from tests.http.server import PATCH_OP, USER, Client, Server

FOLDER = Path(__file__).parents[1] / "data" / "studio"
STUDIO = "urn:example:params:scim:schemas:extension:studio:2.0:User"
FORMS = ("entra", "okta patch", "okta put")
"""Entra sends operations with paths and texts, Okta a value without a path, or everything that it knows in a PUT."""


@dataclass
class Studio:
    """A tenant of one of the profiles."""

    server: Server
    tenant: Tenant

    def client(self, dialect: str = "generic", **terms: Any) -> Client:
        return Client(self.server.app(), self.server.token(self.tenant, dialect, **terms))

    def run(self, work: Any) -> Any:
        return self.server.database.storage.write(self.tenant.id, work)

    def pool(self, key: str, seats: int) -> None:
        now = compare.from_datetime(composition.now())

        def work(transaction: Transaction) -> None:
            transaction.seats.set_pool(Pool(key, key, seats, 0), (), f"{STUDIO}:waitsFor", now)

        self.run(work)

    def lines(self, first: str, last: str) -> None:
        self.run(lambda transaction: transaction.numbers.add_range(first, last, {}))

    def used(self, key: str) -> int:
        found: Pool = self.run(lambda transaction: transaction.seats.pool(key))
        return found.used

    def numbers_used(self) -> int:
        now = compare.from_datetime(composition.now())
        ranges = self.run(lambda transaction: transaction.numbers.ranges(now))
        return sum(each.used for each in ranges)

    def state(self) -> Any:
        """Everything that a refused write must leave: all users with their versions, all seats and numbers."""
        found = self.client().get(f"/Users?count=100&attributes=meta,userName,active,entitlements,roles,{STUDIO}")
        pools = self.run(lambda transaction: transaction.seats.pools())
        return found.get_json(force=True)["Resources"], pools, self.numbers_used()

    def create(self, name: str, *, dialect: str = "generic", **attributes: Any) -> dict[str, Any]:
        """A new user; what the extension has goes there."""
        return self.client(dialect).create(name, **nested(attributes))

    def read(self, id: str) -> dict[str, Any]:
        answer = self.client().get(f"/Users/{id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json(force=True)
        return found

    def write(self, form: str, id: str, values: Mapping[str, Any]) -> TestResponse:
        """Change these of a user, as an identity provider sends it; None takes away."""
        if form == "okta put":
            known = {k: v for k, v in self.read(id).items() if k not in ("meta", "groups")}
            own = {**known.get(STUDIO, {}), **nested(dict(values)).get(STUDIO, {})}
            body = {**known, **{k: v for k, v in values.items() if k not in OWN}, STUDIO: own}
            return self.client("okta").send("PUT", f"/Users/{id}", body)
        body = as_entra(values) if form == "entra" else as_okta(values)
        return self.client(form.split()[0]).send("PATCH", f"/Users/{id}", body)


OWN = ("pass", "line", "part", "takes")


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in values.items() if name in OWN}
    return {"schemas": [USER], **{k: v for k, v in values.items() if k not in OWN}, **({STUDIO: own} if own else {})}


def path_of(name: str) -> str:
    return f"{STUDIO}:{name}" if name in OWN else name


def as_entra(values: Mapping[str, Any]) -> dict[str, Any]:
    """Operations as Entra sends them: capital verbs, texts for booleans, one for each attribute."""
    steps = [
        {"op": "Remove", "path": path_of(name)}
        if value is None
        else {"op": "Replace", "path": path_of(name), "value": str(value) if isinstance(value, bool) else value}
        for name, value in values.items()
    ]
    return {"schemas": [PATCH_OP], "Operations": steps}


def as_okta(values: Mapping[str, Any]) -> dict[str, Any]:
    """A replace without a path, as Okta sends it."""
    value = {name: member for name, member in nested(values).items() if name != "schemas"}
    return {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": value}]}
