"""A bulk request comes to what its operations come to one after the other, on both engines."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim_server.domain.bulk import execution_order
from tests.http.bulk import Entry, delete, group, id_of, names, patch, send, statuses, user
from tests.http.server import GROUP, PATCH_OP, USER, Client, Server

pytestmark = pytest.mark.unmeasured

ENOUGH = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
USERS_THERE = ("u0", "u1", "u2")
GROUPS_THERE = ("g0", "g1")
"""The names of what each tenant has before; `<u0>` stands for the id of the user u0."""


@pytest.fixture(scope="module")
def server(on_both: Server) -> Server:
    return on_both


class World:
    """A tenant with some resources."""

    def __init__(self, server: Server, dialect: str) -> None:
        self.client = Client(server.app(), server.token(server.tenant(), dialect))
        self.ids = {name: self._create("/Users", {"schemas": [USER], "userName": name}) for name in USERS_THERE}
        members = [{"value": self.ids[name]} for name in ("u0", "u1")]
        for name, of in zip(GROUPS_THERE, (members, []), strict=True):
            self.ids[name] = self._create("/Groups", {"schemas": [GROUP], "displayName": name, "members": of})

    def _create(self, endpoint: str, body: dict[str, Any]) -> str:
        answer = self.client.send("POST", endpoint, body)
        assert answer.status_code == 201
        return str(answer.get_json(force=True)["id"])

    def real(self, operation: Entry) -> Entry:
        """The operation with this tenant's ids."""
        text = json.dumps(operation)
        for name, id in self.ids.items():
            text = text.replace(f"<{name}>", id)
        return dict(json.loads(text))

    def state(self) -> list[Any]:
        """Everything that the tenant has, without ids and times."""
        found = []
        for endpoint, name in (("/Users", "userName"), ("/Groups", "displayName")):
            resources = self.client.get(f"{endpoint}?count=100").get_json(force=True)["Resources"]
            labels = {id: label for label, id in self.ids.items()}
            found.append(sorted((timeless(resource, labels) for resource in resources), key=lambda r: str(r[name])))
        return found


def timeless(resource: dict[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    resource["meta"] = {"version": resource["meta"]["version"]}
    del resource["id"]
    for name in ("members", "groups"):
        if name in resource:
            resource[name] = [element.get("display") or labels.get(element["value"]) for element in resource[name]]
    return resource


NAMES = st.sampled_from(["a", "A", "b", "c", "u0", "U1", "g0", ""])
VERSIONS = st.sampled_from([None, None, None, 'W/"1"', 'W/"2"', 'W/"1.1"'])
IDS = tuple(f"<{name}>" for name in USERS_THERE)
MEMBERS = st.lists(st.sampled_from([*IDS, "nobody"]), max_size=3).map(lambda ids: [{"value": id} for id in ids])
USERS = st.builds(lambda name, title: {"schemas": [USER], "userName": name, "title": title}, NAMES, NAMES)
GROUPS = st.builds(lambda name, of: {"schemas": [GROUP], "displayName": name, "members": of}, NAMES, MEMBERS)
USER_CHANGES = st.sampled_from(
    [
        {"op": "replace", "path": "title", "value": "T"},
        {"op": "remove", "path": "title"},
        {"op": "replace", "path": "userName", "value": "b"},
        {"op": "remove", "path": "userName"},
        {"op": "add", "path": "nothing", "value": 1},
    ]
)
GROUP_CHANGES = st.one_of(
    st.builds(lambda of: {"op": "add", "path": "members", "value": of}, MEMBERS),
    st.builds(lambda id: {"op": "remove", "path": f'members[value eq "{id}"]'}, st.sampled_from(IDS)),
    st.just({"op": "replace", "path": "displayName", "value": "a"}),
)


def changed(path: st.SearchStrategy[str], bodies: Any, changes: Any) -> st.SearchStrategy[Entry]:
    def entry(method: str, path: str, version: str | None, body: Any, steps: list[Any]) -> Entry:
        data = {"PUT": body, "PATCH": {"schemas": [PATCH_OP], "Operations": steps}, "DELETE": None}[method]
        return {"method": method, "path": path, "version": version, "data": data}

    methods = st.sampled_from(["PUT", "PATCH", "PATCH", "DELETE"])
    return st.builds(entry, methods, path, VERSIONS, bodies, st.lists(changes, min_size=1, max_size=2))


OPERATIONS = st.lists(
    st.one_of(
        st.builds(lambda body: {"method": "POST", "path": "/Users", "data": body}, USERS),
        st.builds(lambda body: {"method": "POST", "path": "/Groups", "data": body}, GROUPS),
        changed(st.sampled_from(["/Users/<u0>", "/Users/<u1>", "/Users/<u2>", "/Users/nobody"]), USERS, USER_CHANGES),
        changed(st.sampled_from(["/Groups/<g0>", "/Groups/<g1>"]), GROUPS, GROUP_CHANGES),
    ),
    min_size=1,
    max_size=12,
)


def one_by_one(world: World, operations: Sequence[Entry], most: int | None) -> list[str]:
    """The statuses of the operations, each a request of its own, until there are too many errors."""
    found: list[str] = []
    for operation in operations:
        if most is not None and sum(status >= "400" for status in found) >= most:
            break
        headers = {"If-Match": operation["version"]} if operation.get("version") else None
        answer = world.client.send(operation["method"], operation["path"], operation["data"], headers)
        found.append(str(answer.status_code))
    return found


@pytest.mark.req("R-BULK-07", "R-BULK-08", "R-BULK-14", "R-BULK-18", "R-BULK-19")
@ENOUGH
@given(OPERATIONS, st.sampled_from([None, None, 1, 2, 3]), st.sampled_from(["generic", "strict"]))
def test_it_leaves_what_single_requests_leave(
    server: Server, operations: list[Entry], most: int | None, dialect: str
) -> None:
    alone, together = World(server, dialect), World(server, dialect)
    expected = one_by_one(alone, [alone.real(operation) for operation in operations], most)
    numbered = [
        {**together.real(operation), **({"bulkId": str(n)} if operation["method"] == "POST" else {})}
        for n, operation in enumerate(operations)
    ]
    entries = send(together.client, *numbered, failOnErrors=most)
    assert statuses(entries) == expected
    assert together.state() == alone.state()


@st.composite
def histories(draw: st.DrawFn) -> list[Entry]:
    """Creates, and changes and deletions of what was created before them."""
    operations: list[Entry] = []
    for number in range(draw(st.integers(2, 12))):
        made = [entry["bulkId"] for entry in operations if entry["method"] == "POST"]
        named = draw(st.lists(st.sampled_from(made), max_size=2, unique=True)) if made else []
        name, one = draw(st.sampled_from("abcdefgh")), named[0] if named else None
        choices = [user(str(number), name), group(str(number), *named, name=name)]
        if one is not None:
            choices += [delete(f"/{kind}/bulkId:{one}", bulkId=str(number)) for kind in ("Users", "Users", "Groups")]
            addition = {"op": "add", "path": "members", "value": [{"value": f"bulkId:{named[-1]}"}]}
            choices.append(patch(f"/Groups/bulkId:{one}", addition, bulkId=str(number)))
        operations.append(draw(st.sampled_from(choices)))
    return operations


def step_by_step(world: World, operations: Sequence[Entry]) -> list[str]:
    """The statuses of the operations, each a request of its own with the ids that came before."""
    found: list[str] = []
    for operation in operations:
        text = json.dumps(operation)
        for bulk_id, id in world.ids.items():
            text = text.replace(f'bulkId:{bulk_id}"', f'{id}"')
        if "bulkId:" in text:
            found.append("400")
            continue
        sent = json.loads(text)
        answer = world.client.send(sent["method"], sent["path"], sent.get("data"))
        found.append(str(answer.status_code))
        if answer.status_code == 201:
            world.ids[operation["bulkId"]] = answer.get_json(force=True)["id"]
    return found


@pytest.mark.req("R-BULK-12", "R-BULK-14", "R-BULK-16")
@ENOUGH
@given(histories(), st.sampled_from(["generic", "strict"]))
def test_what_refers_back_comes_to_what_single_requests_come_to(
    server: Server, operations: list[Entry], dialect: str
) -> None:
    alone, together = World(server, dialect), World(server, dialect)
    expected = step_by_step(alone, operations)
    entries = send(together.client, *operations)
    together.ids |= {entry["bulkId"]: id_of(entry) for entry in entries if entry["status"] == "201"}
    assert statuses(entries) == expected
    assert together.state() == alone.state()


Graph = list[tuple[str, list[int]]]
"""For each create its name and the places of those that it refers to."""

GRAPHS: st.SearchStrategy[Graph] = st.integers(1, 10).flatmap(
    lambda n: st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.lists(st.integers(0, n), max_size=2)), min_size=n, max_size=n
    )
)


def modelled(graph: Graph, most: int | None) -> dict[int, str]:
    """What becomes of groups that refer to each other, by the place of those that are processed.

    A place beyond the last is a reference to nothing.
    """
    needs = [[place for place in named if place < len(graph)] for _, named in graph]
    taken: set[str] = set()
    found: dict[int, str] = {}
    for unit in execution_order(needs):
        if most is not None and sum(status != "201" for status in found.values()) >= most:
            break
        own = {
            place
            for place in unit
            if len(graph) in graph[place][1] or any(found.get(n, "201") != "201" for n in needs[place] if n not in unit)
        }
        wanted = [graph[place][0] for place in unit]
        if own:
            found |= {place: "400" if place in own else "409" for place in unit}
        elif len(set(wanted)) < len(wanted) or taken.intersection(wanted):
            found |= dict.fromkeys(unit, "409")
        else:
            found |= dict.fromkeys(unit, "201")
            taken.update(wanted)
    return found


@pytest.mark.req("R-BULK-08", "R-BULK-14", "R-BULK-15", "R-BULK-16")
@ENOUGH
@given(GRAPHS, st.sampled_from([None, None, 1, 2, 3]))
def test_creates_that_refer_to_each_other_come_to_what_the_order_says(
    server: Server, graph: Graph, most: int | None
) -> None:
    client = Client(server.app(), server.token(server.tenant()))
    operations = [group(str(n), *map(str, named), name=name) for n, (name, named) in enumerate(graph)]
    expected = modelled(graph, most)
    entries = send(client, *operations, failOnErrors=most)
    assert {int(entry["bulkId"]): entry["status"] for entry in entries} == expected
    stored = sorted(graph[place][0] for place, status in expected.items() if status == "201")
    assert sorted(names(client, "/Groups", "displayName")) == stored


@ENOUGH
@given(OPERATIONS)
def test_all_or_nothing_leaves_either_all_or_what_was_there(server: Server, operations: list[Entry]) -> None:
    alone, together = World(server, "generic"), World(server, "generic")
    before = together.state()
    expected = one_by_one(alone, [alone.real(operation) for operation in operations], 1)
    numbered = [
        {**together.real(operation), **({"bulkId": str(n)} if operation["method"] == "POST" else {})}
        for n, operation in enumerate(operations)
    ]
    entries = send(together.client, *numbered, headers={"SCIM-Bulk-Atomic": "true"})
    if expected[-1] < "400":
        assert statuses(entries) == expected
        assert together.state() == alone.state()
    else:
        failing = len(expected) - 1
        assert statuses(entries) == [expected[-1] if n == failing else "424" for n in range(len(operations))]
        assert together.state() == before
