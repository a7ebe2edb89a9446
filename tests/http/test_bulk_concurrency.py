"""Bulk requests that change the same resources at the same time, on both engines."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scim_server.storage.sql import connections
from tests.http.bulk import delete, group, group_of, id_of, members, patch, send, statuses, user
from tests.http.server import Client, Server


@pytest.fixture(scope="module")
def server(on_both: Server) -> Server:
    return on_both


def bulks_at_once(server: Server, token: str, requests: Sequence[Sequence[dict[str, Any]]]) -> Counter[str]:
    """How often each status came, where each request is sent by a thread of its own."""
    clients = [Client(server.app(), token) for _ in requests]
    gate = threading.Barrier(len(requests))

    def run(client: Client, operations: Sequence[dict[str, Any]]) -> list[str]:
        gate.wait()
        return statuses(send(client, *operations))

    with ThreadPoolExecutor(len(requests)) as pool:
        return Counter(status for found in pool.map(run, clients, requests) for status in found)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """After which attempts a transaction had to run again."""
    seen: list[int] = []
    monkeypatch.setattr(connections, "_pause", seen.append)
    return seen


@pytest.mark.req("R-PATCH-58")
def test_bulk_requests_that_change_the_same_groups_in_other_orders_do_not_lock_each_other_out(
    server: Server, pauses: list[int]
) -> None:
    token = server.token(server.tenant())
    client = Client(server.app(), token)
    groups = [id_of(entry) for entry in send(client, *(group(str(n)) for n in range(20)))]

    def additions(member: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        return [patch(f"/Groups/{id}", {"op": "add", "path": "members", "value": [{"value": member}]}) for id in ids]

    orders = [groups, groups[::-1], groups[10:] + groups[:10], groups[::2] + groups[1::2]]
    answered = bulks_at_once(server, token, [additions(f"m{n}", order) for n, order in enumerate(orders)])
    assert (answered, pauses) == ({"200": 80}, [])
    assert {tuple(sorted(members(client, id))) for id in groups} == {("m0", "m1", "m2", "m3")}


def test_bulk_requests_that_delete_members_of_the_same_groups_do_not_lock_each_other_out(
    server: Server, pauses: list[int]
) -> None:
    token = server.token(server.tenant())
    client = Client(server.app(), token)
    users = [id_of(entry) for entry in send(client, *(user(str(n)) for n in range(40)))]
    # Each request's users are in the same groups, in the opposite order of those of the other.
    places = [*range(20), *reversed(range(20))]
    groups = [group_of(f"g{n}", *(users[i] for i, place in enumerate(places) if place == n)) for n in range(20)]
    ids = [id_of(entry) for entry in send(client, *groups)]
    halves = [[delete(f"/Users/{id}") for id in half] for half in (users[:20], users[20:])]
    assert (bulks_at_once(server, token, halves), pauses) == ({"204": 40}, [])
    assert [members(client, id) for id in ids] == [[]] * 20


def test_members_are_deleted_while_a_bulk_request_changes_their_groups(server: Server, pauses: list[int]) -> None:
    token = server.token(server.tenant())
    client = Client(server.app(), token)
    users = [id_of(entry) for entry in send(client, *(user(str(n)) for n in range(20)))]
    groups = [id_of(entry) for entry in send(client, *(group_of(f"g{n}", *users) for n in range(20)))]
    empty = [patch(f"/Groups/{id}", {"op": "remove", "path": "members"}) for id in reversed(groups)]
    other = Client(server.app(), token)
    with ThreadPoolExecutor(1) as pool:
        answered = pool.submit(send, client, *empty)
        deleted = [other.send("DELETE", f"/Users/{id}").status_code for id in users]
        assert statuses(answered.result()) == ["200"] * 20
    assert (deleted, pauses) == ([204] * 20, [])
    assert [members(client, id) for id in groups] == [[]] * 20
