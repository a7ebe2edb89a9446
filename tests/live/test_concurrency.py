"""Races against a live server with several workers: one winner, a clear answer for the others, nothing lost."""

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from tests.live.server import Answer, Client, Server

pytestmark = pytest.mark.unmeasured

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
T = TypeVar("T")


def at_once(server: Server, calls: int, work: Callable[[Client, int], T]) -> list[T]:
    """The results of `work(client, number)` in parallel threads, each with a connection of its own."""
    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(lambda number: work(server.client(), number), range(calls)))


def statuses(answers: Iterable[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def new_user(client: Client, **more: Any) -> Answer:
    return client.post("/Users", {"schemas": [USER], "userName": str(uuid4()), **more}).expect(201)


def new_group(client: Client, members: Iterable[str] = ()) -> Answer:
    body = {"schemas": [GROUP], "displayName": str(uuid4()), "members": [{"value": m} for m in members]}
    return client.post("/Groups", body).expect(201)


@pytest.mark.req("X-01", "R-PATCH-58")
def test_sixteen_clients_add_a_thousand_members_and_none_is_lost(server: Server, client: Client) -> None:
    group = new_group(client)["id"]
    ids = [f"{uuid4()}" for _ in range(1_008)]

    def add(own: Client, number: int) -> Counter[int]:
        mine = ids[number::16]
        pairs = zip(mine[::2], mine[1::2], strict=False)
        rest = [(mine[-1],)] if len(mine) % 2 else []
        answers = [
            own.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": id} for id in some]})
            for some in (*pairs, *rest)
        ]
        return statuses(answers)

    counted = sum(at_once(server, 16, add), Counter[int]())
    assert set(counted) <= {200, 204}
    assert {m["value"] for m in client.get(f"/Groups/{group}")["members"]} == set(ids)


@pytest.mark.req("X-01", "R-PATCH-58")
def test_members_are_added_and_removed_at_once(server: Server, client: Client) -> None:
    leaving, coming = ([str(uuid4()) for _ in range(64)] for _ in range(2))
    group = new_group(client, leaving)["id"]

    def change(own: Client, number: int) -> Counter[int]:
        operations: list[dict[str, Any]] = [
            {"op": "remove", "path": f'members[value eq "{id}"]'} for id in leaving[number::8]
        ]
        operations += [{"op": "add", "path": "members", "value": [{"value": id}]} for id in coming[number::8]]
        return statuses(own.patch(f"/Groups/{group}", operation) for operation in operations)

    counted = sum(at_once(server, 8, change), Counter[int]())
    assert set(counted) <= {200, 204}
    assert {m["value"] for m in client.get(f"/Groups/{group}")["members"]} == set(coming)


@pytest.mark.req("R-POST-04", "R-CHAR-16", "R-ERR-09")
def test_racing_creates_of_one_name_have_one_winner(server: Server) -> None:
    name = str(uuid4())
    answers = at_once(server, 12, lambda own, _: own.post("/Users", {"schemas": [USER], "userName": name}))
    assert statuses(answers) == {201: 1, 409: 11}
    assert {answer["scimType"] for answer in answers if answer.status == 409} == {"uniqueness"}


@pytest.mark.req("R-ETAG-06", "R-ETAG-09")
def test_racing_conditional_puts_have_one_winner(server: Server, client: Client) -> None:
    created = new_user(client)
    body = {"schemas": [USER], "userName": created["userName"]}

    def put(own: Client, number: int) -> Answer:
        return own.put(f"/Users/{created['id']}", body | {"title": f"T{number}"}, If_Match=created["meta"]["version"])

    answers = at_once(server, 12, put)
    assert statuses(answers) == {200: 1, 412: 11}
    (winner,) = (answer for answer in answers if answer.status == 200)
    assert client.get(f"/Users/{created['id']}")["title"] == winner["title"]


@pytest.mark.req("R-PATCH-58", "R-ETAG-09")
def test_racing_patches_of_different_attributes_are_all_there(server: Server, client: Client) -> None:
    id = new_user(client)["id"]
    names = ("title", "nickName", "displayName", "userType", "locale", "timezone", "profileUrl", "preferredLanguage")

    def patch(own: Client, number: int) -> Answer:
        return own.patch(f"/Users/{id}", {"op": "replace", "path": names[number], "value": "changed"})

    assert statuses(at_once(server, len(names), patch)) == {200: len(names)}
    read = client.get(f"/Users/{id}")
    assert {read[name] for name in names} == {"changed"}
    assert read["meta"]["version"] == f'W/"{1 + len(names)}"'


@pytest.mark.req("R-DEL-02", "R-DEL-06")
def test_deletes_race_with_each_other_and_with_membership(server: Server, client: Client) -> None:
    users = [new_user(client)["id"] for _ in range(8)]
    groups = [new_group(client, users)["id"] for _ in range(4)]

    def work(own: Client, number: int) -> Answer:
        if number < 8:
            return own.delete(f"/Users/{users[number % 4]}")
        operation = {"op": "add", "path": "members", "value": [{"value": str(uuid4())}]}
        return own.patch(f"/Groups/{groups[number % 4]}", operation)

    answers = at_once(server, 16, work)
    assert statuses(answers[:8]) == {204: 4, 404: 4}
    assert set(statuses(answers[8:])) <= {200, 204}
    for group in groups:
        members = [m["value"] for m in client.get(f"/Groups/{group}")["members"]]
        assert set(users[:4]).isdisjoint(members)
        assert set(users[4:]) < set(members)
        assert len(members) == 4 + 2
