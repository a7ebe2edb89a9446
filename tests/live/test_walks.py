"""Walks by cursor against a live server with two workers, while others create and delete."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from threading import Event, Thread
from urllib.parse import quote
from uuid import uuid4

import pytest

from scim_server import app as composition
from scim_server.config import Settings
from scim_server.domain.compare import from_datetime
from scim_server.service.drafts import draft
from scim_server.storage.base import Creation
from tests.databases import ENGINES
from tests.live.server import Client, Server, serving

pytestmark = pytest.mark.unmeasured

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
SIZE = 20_000
TITLES = "0123456789"


@dataclass(frozen=True)
class Full:
    """A server with 20,000 users, and their ids; every tenth has the same title."""

    server: Server
    ids: list[str]


@pytest.fixture(scope="module", params=ENGINES)
def full(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Full]:
    with serving(new_database(request.param), workers="2") as server:
        yield Full(server, populate(server, SIZE))


def populate(server: Server, size: int) -> list[str]:
    """Users straight into the database: requests would take minutes."""
    settings = Settings(database_url=server.database_url)
    catalogue = composition.load_catalogue(settings)
    registry = catalogue.of(catalogue.default)
    user = registry.named("User")
    assert user is not None
    database = composition.open_database(settings)
    tenant = database.tenancy.tenant("default")
    assert tenant is not None
    ids = [composition.new_id() for _ in range(size)]
    now = from_datetime(composition.now())
    for start in range(0, size, 2_000):
        creations = [
            Creation(user, draft(registry, user, id, {"userName": f"{uuid4()}", "title": TITLES[number % 10]}), {})
            for number, id in enumerate(ids[start : start + 2_000])
        ]
        database.storage.write(tenant.id, methodcaller("insert_all", creations, now))
    database.close()
    return ids


@dataclass
class Churn:
    """Another client, which deletes users all over the list and creates others of a title, until it is stopped."""

    client: Client
    title: str
    doomed: Sequence[str]
    deleted: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    stop: Event = field(default_factory=Event)

    def run(self) -> None:
        for id in self.doomed:
            if self.stop.is_set():
                return
            self.client.delete(f"/Users/{id}").expect(204)
            self.deleted.append(id)
            new = self.client.post("/Users", {"schemas": [USER], "userName": f"{uuid4()}", "title": self.title})
            self.created.append(new.expect(201)["id"])


def walked(client: Client, query: str) -> Iterator[list[str]]:
    """The ids of each page; each request opens a connection, and so comes to either worker."""
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(f"/Users?attributes=id&cursor={cursor}&{query}").expect(200)
        client.close()
        assert page["itemsPerPage"] == len(page["Resources"])
        yield [user["id"] for user in page["Resources"]]
        cursor = page.body.get("nextCursor")


def walk(server: Server, query: str, churn: Churn) -> list[str]:
    """What a walk shows while the other client is busy."""
    thread = Thread(target=churn.run)
    thread.start()
    shown = [id for page in walked(server.client(), query) for id in page]
    churn.stop.set()
    thread.join()
    return shown


def check(before: list[str], shown: list[str], churn: Churn) -> None:
    assert len(churn.deleted) >= 20
    assert [id for id, times in Counter(shown).items() if times > 1] == []
    assert set(before).difference(churn.deleted, shown) == set()
    assert set(shown) <= set(before).union(churn.created)
    # Somebody who was to come was deleted before: the walk and the other client met.
    assert set(churn.deleted).difference(shown)


@pytest.mark.req("R-CUR-03", "R-CUR-05", "R-PAGE-11")
def test_a_walk_over_twenty_thousand_misses_none_that_stayed_and_repeats_none(full: Full) -> None:
    churn = Churn(full.server.client(), TITLES[0], random.Random(1).sample(full.ids, 2_000))
    check(full.ids, walk(full.server, "count=200", churn), churn)


SORTED = [
    ("sortBy=userName", TITLES[1]),
    ("sortBy=userName&sortOrder=descending", TITLES[2]),
    ("sortBy=title", TITLES[3]),
]


@pytest.mark.req("R-CUR-03", "R-CUR-05", "R-CUR-19")
@pytest.mark.parametrize(("sort", "title"), SORTED)
def test_a_sorted_walk_misses_none_that_stayed_and_repeats_none(full: Full, sort: str, title: str) -> None:
    mine = quote(f'title eq "{title}"')
    before = [id for page in walked(full.server.client(), f"filter={mine}&count=1000") for id in page]
    assert len(before) > 1_500
    churn = Churn(full.server.client(), title, random.Random(1).sample(before, 500))
    check(before, walk(full.server, f"filter={mine}&{sort}&count=40", churn), churn)
