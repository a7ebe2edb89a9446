"""Pages by cursor (RFC 9865): what a walk shows, what a cursor is bound to, what becomes of one that does not fit."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from werkzeug.test import TestResponse

from scim_server import app as composition
from scim_server.auth import digest
from scim_server.config import Settings
from scim_server.domain.catalogue import Catalogue
from scim_server.errors import InvalidCursor
from tests.auth.fakes import FakeClock
from tests.databases import ENGINES
from tests.http.server import GROUP, LIST_RESPONSE, SEARCH_REQUEST, Client, Server, assert_error
from tests.logs import Log

UNRESERVED = re.compile(r"[A-Za-z0-9._~-]+")
NAMES = [f"user{number}" for number in range(7)]
OPERATION = Path(__file__).parents[2] / "docs" / "operation.md"


@dataclass
class Bench:
    """An application with a clock that stands still, over the server's database."""

    server: Server
    clock: FakeClock
    apps: list[Any]

    def client(self, token: str, catalogue: Any = None, **changes: Any) -> Client:
        """A client of an application of its own, with some settings changed."""
        chosen = replace(self.server.settings, **changes)
        app = composition.assemble(
            chosen, catalogue or self.server.catalogue, self.server.database, self.clock, composition.new_id
        )
        self.apps.append(app)
        return Client(app, token)


def under_another_stamp(catalogue: Catalogue) -> Catalogue:
    registries = {name: replace(registry, stamp="another") for name, registry in catalogue.registries.items()}
    return replace(catalogue, registries=registries)


def benched(server: Server) -> Iterator[Bench]:
    bench = Bench(server, FakeClock(), [])
    yield bench
    for app in bench.apps:
        composition.close(app)


@pytest.fixture
def bench(server: Server) -> Iterator[Bench]:
    yield from benched(server)


@pytest.fixture(scope="module", params=ENGINES)
def either(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Server]:
    """A server on either engine, with pages as small as those of the shared one."""
    server = Server(Settings(database_url=new_database(request.param), page_default=3, page_max=5))
    yield server
    server.close()


@pytest.fixture
def on_both(either: Server) -> Iterator[Bench]:
    yield from benched(either)


@pytest.fixture
def walker(client: Client) -> Client:
    """A client of a tenant with seven users."""
    return populated(client)


def populated(client: Client) -> Client:
    for number, name in enumerate(NAMES):
        client.create(name, title=f"{number % 2}", displayName=name.upper())
    return client


def page(client: Client, path: str = "/Users", cursor: str = "", **parameters: str) -> dict[str, Any]:
    answer = client.get(f"{path}?{urlencode({'cursor': cursor, **parameters})}")
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json(force=True))


def searched(client: Client, path: str = "/Users/.search", **members: Any) -> TestResponse:
    return client.send("POST", path, {"schemas": [SEARCH_REQUEST], **members})


def names(found: dict[str, Any]) -> list[str]:
    return [resource.get("userName") or resource["displayName"] for resource in found["Resources"]]


def walked(client: Client, path: str = "/Users", **parameters: str) -> list[dict[str, Any]]:
    """Every page from the first to the last."""
    pages = [page(client, path, **parameters)]
    while "nextCursor" in pages[-1]:
        pages.append(page(client, path, pages[-1]["nextCursor"], **parameters))
    return pages


def second(client: Client, path: str = "/Users", **parameters: str) -> str:
    """The cursor of the second page."""
    return str(page(client, path, **parameters)["nextCursor"])


# A walk --------------------------------------------------------------------------------------------------------------


@pytest.mark.req("R-CUR-01", "R-CUR-12")
def test_an_empty_cursor_begins_a_walk_however_it_is_written(walker: Client) -> None:
    answers = [walker.get(f"/Users?{query}") for query in ("cursor", "cursor=", "count=3&cursor", "CURSOR=")]
    answers += [searched(walker, cursor=""), searched(walker, Cursor="", count=3)]
    for answer in answers:
        found = answer.get_json(force=True)
        assert names(found) == NAMES[:3]
        assert found.keys() == {"schemas", "totalResults", "itemsPerPage", "nextCursor", "Resources"}


@pytest.mark.req("R-CUR-10", "R-PAGE-05", "R-PAGE-06")
def test_without_a_cursor_a_list_is_paged_by_index_and_has_no_cursors(walker: Client) -> None:
    null = searched(walker, cursor=None)
    for answer in (walker.get("/Users"), walker.get("/Users?count=2"), searched(walker), null):
        found = answer.get_json(force=True)
        assert found.keys() == {"schemas", "totalResults", "itemsPerPage", "startIndex", "Resources"}


@pytest.mark.req("R-CUR-02", "R-CUR-03", "R-CUR-04", "R-CUR-05", "R-CUR-06")
@pytest.mark.parametrize(("count", "sizes"), [(1, [1] * 7), (2, [2, 2, 2, 1]), (3, [3, 3, 1]), (5, [5, 2])])
def test_a_walk_shows_everything_once(on_both: Bench, count: int, sizes: list[int]) -> None:
    walker = populated(on_both.client(on_both.server.token(on_both.server.tenant())))
    pages = walked(walker, count=str(count))
    assert [found["itemsPerPage"] for found in pages] == [len(found["Resources"]) for found in pages] == sizes
    assert [name for found in pages for name in names(found)] == NAMES
    assert {found["totalResults"] for found in pages} == {7}
    assert [found["schemas"] for found in pages] == [[LIST_RESPONSE]] * len(pages)
    assert ["previousCursor" in found for found in pages] == [False] + [True] * (len(pages) - 1)
    for found in pages:
        tokens = [found[name] for name in ("nextCursor", "previousCursor") if name in found]
        assert all(UNRESERVED.fullmatch(token) for token in tokens)


@pytest.mark.req("R-CUR-05")
def test_a_last_page_that_is_full_is_the_last(walker: Client) -> None:
    walker.create("user7")
    assert [len(found["Resources"]) for found in walked(walker, count="4")] == [4, 4]


@pytest.mark.req("R-CUR-03")
def test_a_list_without_matches_is_one_empty_page(walker: Client) -> None:
    found = page(walker, filter='userName eq "nobody"')
    assert (found["totalResults"], found["itemsPerPage"], found["Resources"]) == (0, 0, [])
    assert "nextCursor" not in found


QUERIES: list[tuple[dict[str, str], list[str]]] = [
    ({"sortBy": "userName", "sortOrder": "descending"}, NAMES[::-1]),
    ({"sortBy": "title"}, NAMES[::2] + NAMES[1::2]),
    ({"sortBy": "title", "sortOrder": "descending"}, NAMES[5::-2] + NAMES[6::-2]),
    ({"sortBy": "nickName"}, NAMES),
    ({"sortBy": "meta.created"}, NAMES),
    ({"filter": 'title eq "1"'}, NAMES[1::2]),
    ({"filter": 'userName sw "user"', "sortBy": "displayName", "sortOrder": "descending"}, NAMES[::-1]),
    ({"filter": f"userName eq {json.dumps(NAMES[4])} or title eq {json.dumps('1')}"}, [*NAMES[1:4:2], *NAMES[4:6]]),
    ({"attributes": "userName"}, NAMES),
    ({"excludedAttributes": "meta"}, NAMES),
]


@pytest.mark.unmeasured
@pytest.mark.req("R-CUR-19", "R-CUR-03", "R-CUR-04", "R-SRCH-04")
@pytest.mark.parametrize(("query", "expected"), QUERIES, ids=lambda value: " ".join(value) if value else "")
def test_a_walk_follows_filter_and_sort_in_both_directions(
    on_both: Bench, query: dict[str, str], expected: list[str]
) -> None:
    walker = populated(on_both.client(on_both.server.token(on_both.server.tenant())))
    pages = walked(walker, count="2", **query)
    assert [name for found in pages for name in names(found)] == expected
    back = [pages[-1]]
    while "previousCursor" in back[0]:
        back.insert(0, page(walker, cursor=back[0]["previousCursor"], count="2", **query))
    assert [names(found) for found in back] == [names(found) for found in pages]
    assert [found["totalResults"] for found in back] == [found["totalResults"] for found in pages]


@pytest.mark.req("R-CUR-12", "R-GET-09")
def test_a_walk_goes_over_all_types_from_the_root(walker: Client) -> None:
    for name in ("a", "b"):
        walker.send("POST", "/Groups", {"schemas": [GROUP], "displayName": name})
    by_get = [name for found in walked(walker, "/", sortBy="displayName") for name in names(found)]
    assert by_get == ["a", "b", *NAMES]
    body = searched(walker, "/.search", cursor="", sortBy="displayName").get_json(force=True)
    assert names(body) == ["a", "b", NAMES[0]]
    rest = searched(walker, "/.search", cursor=body["nextCursor"], sortBy="displayName").get_json(force=True)
    assert names(rest) == NAMES[1:4]


@pytest.mark.req("R-CUR-12", "R-SRCH-03", "R-SRCH-04")
def test_a_walk_may_go_on_by_the_other_method(walker: Client) -> None:
    token = second(walker, sortBy="userName", attributes="userName,title", count="2")
    sent: dict[str, Any] = {"sortBy": "userName", "attributes": ["userName", "title"], "count": 2}
    answer = searched(walker, cursor=token, **sent)
    assert answer.status_code == 200
    found = answer.get_json(force=True)
    assert names(found) == NAMES[2:4]
    back = page(walker, cursor=found["nextCursor"], sortBy="userName", attributes="userName,title")
    assert names(back) == NAMES[4:6]


@pytest.mark.req("R-CUR-03")
def test_a_cursor_can_be_used_again(walker: Client) -> None:
    token = second(walker)
    assert names(page(walker, cursor=token)) == names(page(walker, cursor=token)) == NAMES[3:6]


def test_another_process_goes_on_with_a_walk(walker: Client, bench: Bench) -> None:
    other = bench.client(walker.token or "")
    assert names(page(other, cursor=second(walker))) == NAMES[3:6]


@pytest.mark.req("R-CUR-03", "R-CUR-04")
def test_a_walk_goes_on_where_resources_have_gone(on_both: Bench) -> None:
    walker = populated(on_both.client(on_both.server.token(on_both.server.tenant())))
    first = page(walker)
    last = page(walker, cursor=page(walker, cursor=first["nextCursor"])["nextCursor"])
    for user in first["Resources"]:
        walker.send("DELETE", f"/Users/{user['id']}")
    assert names(page(walker, cursor=first["nextCursor"])) == NAMES[3:6]
    middle = page(walker, cursor=last["previousCursor"])
    assert names(middle) == NAMES[3:6]
    assert "previousCursor" not in middle


@pytest.mark.req("R-CUR-03")
def test_before_everything_that_is_left_comes_an_empty_page_that_leads_on(walker: Client) -> None:
    first = page(walker)
    middle = page(walker, cursor=first["nextCursor"])
    for user in first["Resources"]:
        walker.send("DELETE", f"/Users/{user['id']}")
    empty = page(walker, cursor=middle["previousCursor"])
    assert empty["Resources"] == []
    assert "previousCursor" not in empty
    again = page(walker, cursor=empty["nextCursor"])
    assert names(again) == NAMES[3:6]
    assert "previousCursor" not in again


@pytest.mark.req("R-CUR-03")
def test_behind_everything_that_is_left_the_walk_ends(walker: Client) -> None:
    token = second(walker, count="5")
    for user in page(walker, cursor=token)["Resources"]:
        walker.send("DELETE", f"/Users/{user['id']}")
    ended = page(walker, cursor=token)
    assert ended["Resources"] == []
    assert "nextCursor" not in ended


def test_single_resources_and_discovery_do_not_look_at_a_cursor(walker: Client) -> None:
    id = page(walker)["Resources"][0]["id"]
    assert walker.get(f"/Users/{id}?cursor=nonsense").get_json(force=True)["userName"] == NAMES[0]
    assert "nextCursor" not in walker.get("/Schemas?cursor").get_json(force=True)


# The count ----------------------------------------------------------------------------------------------------------


@pytest.mark.req("R-CUR-18", "R-PAGE-02")
@pytest.mark.parametrize("count", ["0", "-1", "-999"])
def test_a_count_of_nothing_gets_the_total_alone(walker: Client, count: str) -> None:
    found = page(walker, count=count)
    assert found == {"schemas": [LIST_RESPONSE], "totalResults": 7, "itemsPerPage": 0, "Resources": []}


@pytest.mark.req("R-CUR-18", "R-CUR-13")
def test_a_page_has_what_was_asked_for_and_never_more_than_is_published(walker: Client) -> None:
    said = walker.get("/ServiceProviderConfig").get_json(force=True)["pagination"]
    assert len(page(walker)["Resources"]) == said["defaultPageSize"] == 3
    assert len(page(walker, count="2")["Resources"]) == 2
    for count in ("5", "6", "100000"):
        assert len(page(walker, count=count)["Resources"]) == said["maxPageSize"] == 5


@pytest.mark.req("R-CUR-08")
@pytest.mark.parametrize("count", ["abc", "", "1.0", "1" + "0" * 30, "true", "--1"])
def test_a_count_that_is_no_number_is_an_invalid_count(walker: Client, count: str) -> None:
    for token in ("", second(walker)):
        assert_error(walker.get(f"/Users?cursor={token}&count={count}"), 400, "invalidCount")
        assert_error(searched(walker, cursor=token, count=count), 400, "invalidCount")
    assert_error(walker.get(f"/Users?count={count}"), 400, "invalidValue")


@pytest.mark.req("R-CUR-07", "R-CUR-08")
@pytest.mark.parametrize("count", ["0", "-1", "1", "3", "5", "100000"])
def test_a_count_that_the_walk_did_not_begin_with_is_an_invalid_count(walker: Client, count: str) -> None:
    token = second(walker, count="2")
    assert_error(walker.get(f"/Users?cursor={token}&count={count}"), 400, "invalidCount")
    assert_error(searched(walker, cursor=token, count=int(count)), 400, "invalidCount")


@pytest.mark.req("R-CUR-07")
def test_a_count_that_is_not_sent_again_is_the_one_that_the_walk_began_with(walker: Client) -> None:
    assert names(page(walker, cursor=second(walker, count="2"))) == NAMES[2:4]
    assert names(page(walker, cursor=second(walker), count="3")) == NAMES[3:6]
    assert names(page(walker, cursor=second(walker, count="9000"), count="9000")) == NAMES[5:]


@pytest.mark.req("R-CUR-11")
@pytest.mark.parametrize("start_index", [1, 0, 3])
def test_a_cursor_and_an_index_at_once_are_refused(walker: Client, start_index: int) -> None:
    for token in ("", second(walker)):
        assert_error(walker.get(f"/Users?cursor={token}&startIndex={start_index}"), 400, "invalidValue")
        assert_error(searched(walker, cursor=token, startIndex=start_index), 400, "invalidValue")


# What a cursor is bound to -------------------------------------------------------------------------------------------


def refused(answer: TestResponse) -> bytes:
    """The body, which is the same whatever the reason is (R-CUR-17)."""
    assert_error(answer, 400, "invalidCursor")
    assert json.loads(answer.data)["detail"] == InvalidCursor.default
    return answer.data


QUERY = {"filter": "title pr", "sortBy": "userName", "sortOrder": "ascending", "attributes": "userName"}

OTHERS: list[dict[str, str | None]] = [
    {"filter": "title  pr"},
    {"filter": 'title eq "1"'},
    {"filter": None},
    {"sortBy": "displayName"},
    {"sortBy": None},
    {"sortOrder": "descending"},
    {"sortOrder": None},
    {"attributes": "userName,emails"},
    {"attributes": None},
    {"attributes": None, "excludedAttributes": "userName"},
]


@pytest.mark.req("R-CUR-07", "R-CUR-08", "R-CUR-17")
@pytest.mark.parametrize("changes", OTHERS, ids=str)
def test_a_cursor_is_worth_nothing_for_another_query(walker: Client, changes: dict[str, str | None]) -> None:
    token = second(walker, **QUERY)
    assert names(page(walker, cursor=token, **QUERY)) == NAMES[3:6]
    changed = {name: value for name, value in {**QUERY, **changes}.items() if value is not None}
    body = refused(walker.get(f"/Users?{urlencode({'cursor': token, **changed})}"))
    assert body == refused(walker.get("/Users?cursor=nonsense"))
    lists: dict[str, Any] = {name: value.split(",") for name, value in changed.items() if name.endswith("ttributes")}
    assert body == refused(searched(walker, cursor=token, **{**changed, **lists}))


@pytest.mark.req("R-CUR-07", "R-CUR-17")
def test_a_cursor_is_worth_nothing_at_another_endpoint(walker: Client) -> None:
    token = second(walker)
    for path in ("/Groups", "/"):
        refused(walker.get(f"{path}?cursor={token}"))
    refused(walker.get(f"/Users?cursor={second(walker, '/')}"))


@pytest.mark.req("R-CUR-14", "R-CUR-17", "R-TEN-02")
def test_a_cursor_is_worth_nothing_to_anybody_else(server: Server) -> None:
    tenant, neighbour = server.tenant(), server.tenant()
    walker = populated(Client(server.app(), server.token(tenant)))
    token = second(walker)
    tokens = [
        server.token(tenant),
        server.token(tenant, "strict"),
        server.token(tenant, read_only=True),
        server.token(tenant, subject=page(walker)["Resources"][0]["id"]),
        server.token(neighbour),
    ]
    bodies = {refused(Client(server.app(), other).get(f"/Users?cursor={token}")) for other in tokens}
    assert bodies == {refused(walker.get("/Users?cursor=nonsense"))}
    assert names(page(walker, cursor=token)) == NAMES[3:6]


@pytest.mark.req("R-CUR-14")
def test_a_cursor_of_another_database_is_worth_nothing(walker: Client, on_both: Bench) -> None:
    other = populated(on_both.client(on_both.server.token(on_both.server.tenant())))
    refused(walker.get(f"/Users?cursor={second(other)}"))
    refused(other.get(f"/Users?cursor={second(walker)}"))


def test_a_key_that_was_replaced_holds_for_all_who_are_started_later(on_both: Bench) -> None:
    """As docs/operation.md has it."""
    statement = re.search(r"^DELETE FROM server_keys .*;$", OPERATION.read_text(encoding="utf-8"), re.MULTILINE)
    assert statement is not None
    running = populated(on_both.client(on_both.server.token(on_both.server.tenant())))
    token = second(running)
    on_both.server.database.connections.write(lambda connection: connection.execute(text(statement[0])))
    assert names(page(running, cursor=token)) == NAMES[3:6]
    restarted = on_both.client(running.token or "")
    refused(restarted.get(f"/Users?cursor={token}"))
    assert names(page(restarted, cursor=second(restarted))) == NAMES[3:6]
    refused(running.get(f"/Users?cursor={second(restarted)}"))


RIGHTS = ["read_only = true", "subject = 'somebody'", "dialect = 'strict'"]


@pytest.mark.req("R-CUR-15", "R-CUR-14")
@pytest.mark.parametrize("change", RIGHTS)
def test_a_cursor_is_worth_nothing_once_the_rights_of_its_credential_are_others(on_both: Bench, change: str) -> None:
    walker = populated(on_both.client(on_both.server.token(on_both.server.tenant())))
    token = second(walker)
    engine = create_engine(on_both.server.settings.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        statement = text(f"UPDATE credentials SET {change} WHERE digest = :digest")
        assert connection.execute(statement, {"digest": digest(walker.token or "")}).rowcount == 1
    engine.dispose()
    on_both.clock.forward(seconds=6)
    refused(walker.get(f"/Users?cursor={token}"))
    assert len(page(walker)["Resources"]) == 3


@pytest.mark.req("R-CUR-14", "R-AUTH-06")
def test_a_revoked_credential_gets_no_further_page(bench: Bench) -> None:
    tenant = bench.server.tenant()
    walker = populated(bench.client(bench.server.token(tenant)))
    token = second(walker)
    (credential,) = bench.server.database.tenancy.credentials(tenant.id)
    assert bench.server.database.tenancy.revoke(tenant.id, credential.id, bench.clock())
    bench.clock.forward(seconds=6)
    assert_error(walker.get(f"/Users?cursor={token}"), 401)
    assert_error(replace(walker, token=None).get(f"/Users?cursor={token}"), 401)


@pytest.mark.req("R-CUR-07")
def test_a_cursor_is_worth_nothing_under_other_schemas_or_limits(walker: Client, bench: Bench) -> None:
    token = second(walker)
    others = [
        bench.client(walker.token or "", catalogue=under_another_stamp(bench.server.catalogue)),
        bench.client(walker.token or "", page_max=4),
    ]
    for other in others:
        refused(other.get(f"/Users?cursor={token}"))
        assert names(page(other, cursor=second(other))) == NAMES[3:6]


# The time ------------------------------------------------------------------------------------------------------------


@pytest.mark.req("R-CUR-08", "R-CUR-13")
def test_a_cursor_expires(bench: Bench) -> None:
    walker = populated(bench.client(bench.server.token(bench.server.tenant()), cursor_timeout=60))
    assert walker.get("/ServiceProviderConfig").get_json(force=True)["pagination"]["cursorTimeout"] == 60
    first = second(walker)
    bench.clock.forward(seconds=60)
    found = page(walker, cursor=first)
    bench.clock.forward(milliseconds=1)
    assert_error(walker.get(f"/Users?cursor={first}"), 400, "expiredCursor")
    # Each page gives out its cursors anew.
    bench.clock.forward(seconds=59)
    assert names(page(walker, cursor=found["nextCursor"])) == NAMES[6:]
    # The time tells nobody that another one's cursor was once good.
    refused(walker.get(f"/Groups?cursor={first}"))


def test_a_clock_that_goes_behind_does_not_end_a_walk(bench: Bench) -> None:
    walker = populated(bench.client(bench.server.token(bench.server.tenant())))
    token = second(walker)
    bench.clock.forward(seconds=-5)
    assert names(page(walker, cursor=token)) == NAMES[3:6]


# What is no cursor ---------------------------------------------------------------------------------------------------


@pytest.mark.req("R-CUR-16", "R-CUR-17", "R-CUR-08")
def test_a_cursor_that_was_changed_is_refused(walker: Client) -> None:
    token = second(walker, sortBy="userName")
    characters = st.sampled_from("ABCZabcz0189-_")
    places = st.integers(0, len(token) - 1)

    @settings(max_examples=150)
    @given(place=places, other=characters, kind=st.sampled_from(["flip", "cut", "extend", "turn"]))
    def changed(place: int, other: str, kind: str) -> None:
        variants = {
            "flip": token[:place] + other + token[place + 1 :],
            "cut": token[:place] or "x",
            "extend": token[:place] + other + token[place:],
            "turn": token[place:] + token[:place],
        }
        if variants[kind] != token:
            refused(walker.get(f"/Users?sortBy=userName&cursor={variants[kind]}"))

    changed()


GARBAGE = ["x", "null", "AAAA", "-" * 60, "%00", "%C3%A9", "%F0%9F%92%A9", "a+b", "../..", "1' OR '1'='1", "A" * 40_000]


@pytest.mark.req("R-CUR-08", "R-CUR-16", "R-SEC-08")
@pytest.mark.parametrize("token", GARBAGE, ids=lambda token: token[:10])
def test_what_is_no_cursor_is_refused(walker: Client, token: str) -> None:
    refused(walker.get(f"/Users?cursor={token}"))
    refused(searched(walker, cursor=token))


@pytest.mark.req("R-CUR-08", "R-CUR-12")
@pytest.mark.parametrize("value", [1, 1.5, True, [], ["a"], {}], ids=str)
def test_a_cursor_that_is_no_text_is_refused(walker: Client, value: Any) -> None:
    refused(searched(walker, cursor=value))


@pytest.mark.req("R-CUR-19", "R-SEC-08")
def test_a_value_that_no_cursor_could_hold_is_refused_with_a_way_out(client: Client) -> None:
    for name in ("a", "b"):
        client.create(name, displayName=name + "x" * 25_000)
    answer = client.get("/Users?cursor&count=1&sortBy=displayName&attributes=userName")
    assert_error(answer, 400, "invalidValue")
    assert "startIndex" in answer.get_json(force=True)["detail"]
    assert names(page(client, count="1", attributes="userName")) == ["a"]


# The log -------------------------------------------------------------------------------------------------------------


@pytest.mark.req("R-CUR-16")
def test_no_cursor_stands_in_the_log(walker: Client, log: Log) -> None:
    token = second(walker)
    walker.get(f"/Users?cursor={token}")
    searched(walker, cursor=token)
    walker.get(f"/Groups?cursor={token}")
    walker.get(f"/Users?cursor={token}x")
    assert [line.get("scim_type") for line in log.lines] == [None, None, None, "invalidCursor", "invalidCursor"]
    assert "cursor=" not in log.text
    assert token[:20] not in log.text
