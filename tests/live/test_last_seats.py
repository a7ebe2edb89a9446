"""Races for seats and numbers against a live server with several workers: none twice, none lost, none uncounted."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from scim_server import app
from scim_server.auth import Terms, grant
from scim_server.config import Settings
from scim_server.service.pools import Pools
from scim_server.service.ranges import Ranges
from scim_server.storage.base import Tenant
from tests.databases import ENGINES
from tests.live.server import Answer, Client, Server, serving
from tests.live.test_concurrency import at_once, statuses
from tests.stock import DESK, stock_folder

pytestmark = pytest.mark.unmeasured

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
CLIENTS = 64
SEATS = 10


class Operator:
    """What an operator does on a running server's database, without the time that commands take to start."""

    def __init__(self, server: Server, settings: Settings) -> None:
        self.server = server
        self._settings = settings
        self._database = app.open_database(settings)

    def new_tenant(self) -> Tenant:
        return self._database.tenancy.add_tenant(f"desk-{uuid4()}", "desk", {})

    def token(self, tenant: Tenant) -> str:
        return grant(self._database.tenancy, tenant, Terms("generic", None), app.now()).value

    def pools(self, tenant: Tenant) -> Pools:
        return app.pools(self._settings, self._database.storage, tenant)

    def ranges(self, tenant: Tenant) -> Ranges:
        return app.ranges(self._settings, self._database.storage, tenant)

    def used(self, tenant: Tenant) -> int:
        """How many seats of the tenant's only pool are taken."""
        (pool,) = self.pools(tenant).all()
        return pool.used

    def close(self) -> None:
        self._database.close()


@pytest.fixture(scope="module", params=ENGINES)
def operator(
    request: pytest.FixtureRequest, new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    extensions = stock_folder(tmp_path_factory.mktemp("stock") / "extensions")
    url = new_database(request.param)
    with serving(url, workers="2", extensions=str(extensions)) as server:
        operator = Operator(server, Settings(database_url=url, extensions=extensions))
        yield operator
        operator.close()


def new_user(client: Client, **attributes: Any) -> Answer:
    return client.post("/Users", {"schemas": [USER, DESK], "userName": str(uuid4()), DESK: attributes})


@pytest.mark.req("CC-50", "CC-54")
def test_of_many_who_want_the_last_seats_as_many_get_one_as_there_are(operator: Operator) -> None:
    tenant = operator.new_tenant()
    operator.pools(tenant).set("sidekick", SEATS)
    token = operator.token(tenant)

    def create(client: Client, number: int) -> Answer:
        client.token = token
        return new_user(client, licence="sidekick")

    answers = at_once(operator.server, CLIENTS, create)
    assert statuses(answers) == {201: SEATS, 409: CLIENTS - SEATS}
    assert {"sidekick" in answer["detail"] for answer in answers if answer.status == 409} == {True}
    client = operator.server.client(token)
    assert client.get("/Users?count=0")["totalResults"] == SEATS
    assert operator.used(tenant) == SEATS


@pytest.mark.req("CC-02", "CC-50", "CC-52")
def test_seats_go_from_hand_to_hand_and_are_as_many_as_before(operator: Operator) -> None:
    """Half of the clients switch somebody off and on again, half create and delete: whoever is told yes has a seat."""
    tenant = operator.new_tenant()
    operator.pools(tenant).set("sidekick", SEATS)
    token = operator.token(tenant)
    own = operator.server.client(token)
    holders = [new_user(own, licence="sidekick").expect(201)["id"] for _ in range(SEATS)]

    def work(client: Client, number: int) -> list[Answer]:
        client.token = token
        if number >= SEATS:
            made = new_user(client, licence="sidekick")
            return [made] if made.status != 201 else [made, client.delete(f"/Users/{made['id']}")]
        switched = [{"op": "replace", "path": "active", "value": value} for value in (False, True)]
        return [client.patch(f"/Users/{holders[number]}", operation) for operation in switched]

    counted: Counter[int] = sum((statuses(answers) for answers in at_once(operator.server, 3 * SEATS, work)), Counter())
    assert set(counted) <= {200, 201, 204, 409}
    active = own.get(f'/Users?count=0&filter={DESK}:licence%20eq%20"sidekick"%20and%20active%20eq%20true')
    assert operator.used(tenant) == active["totalResults"] <= SEATS


@pytest.mark.req("CC-50")
def test_a_pool_that_is_made_while_many_write_its_key_counts_every_one(operator: Operator) -> None:
    tenant = operator.new_tenant()
    token = operator.token(tenant)

    def work(client: Client, number: int) -> list[int]:
        client.token = token
        if number == 0:
            operator.pools(tenant).set("sidekick", 1000)
            return []
        return [new_user(client, licence="sidekick").status for _ in range(12)]

    answered = [status for found in at_once(operator.server, 9, work) for status in found]
    assert answered == [201] * 96
    assert operator.used(tenant) == 96


@pytest.mark.req("CC-51")
def test_a_range_that_is_added_while_many_write_its_numbers_counts_every_one(operator: Operator) -> None:
    tenant = operator.new_tenant()
    token = operator.token(tenant)

    def work(client: Client, number: int) -> list[Any]:
        client.token = token
        if number == 0:
            operator.ranges(tenant).add("1000-1999")
            return []
        own = [new_user(client, number=f"1{number}{place:02}") for place in range(6)]
        other = [new_user(client) for _ in range(6)]
        return [answer.expect(201).body.get(DESK, {}).get("number") for answer in (*own, *other)]

    given = [number for found in at_once(operator.server, 9, work) for number in found if number]
    assert len(given) == len(set(given))
    (added,) = operator.ranges(tenant).all()
    assert added.used == len(given)
