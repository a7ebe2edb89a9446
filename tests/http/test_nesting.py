"""Groups of groups: what a user's `groups` has where a tenant asks for indirect ones, and what finds the user."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from scim_server import app as composition
from scim_server.auth.authenticator import CACHE_SECONDS
from tests.auth.fakes import FakeClock
from tests.http.server import GROUP, PATCH_OP, Client, Server
from tests.statements import sent_to


def add_group(client: Client, name: str, *members: str) -> str:
    body = {"schemas": [GROUP], "displayName": name, "members": [{"value": id} for id in members]}
    answer = client.send("POST", "/Groups", body)
    assert answer.status_code == 201, answer.text
    return str(json.loads(answer.data)["id"])


def populate(client: Client) -> dict[str, str]:
    """Ana is in Agents and Leads; Agents are in Staff, Leads in Agents, and Staff and World in each other."""
    ids = {"ana": client.create("ana")["id"], "bob": client.create("bob")["id"]}
    ids["Leads"] = add_group(client, "Leads", ids["ana"])
    ids["Agents"] = add_group(client, "Agents", ids["ana"], ids["Leads"])
    ids["Staff"] = add_group(client, "Staff", ids["Agents"], ids["bob"], "gone")
    ids["World"] = add_group(client, "World", ids["Staff"])
    add = {"op": "add", "path": "members", "value": [{"value": ids["World"]}]}
    answer = client.send("PATCH", f"/Groups/{ids['Staff']}", {"schemas": [PATCH_OP], "Operations": [add]})
    assert answer.status_code == 200
    return ids


def groups(client: Client, id: str) -> list[dict[str, Any]]:
    return list(json.loads(client.get(f"/Users/{id}").data).get("groups", []))


def kinds(client: Client, id: str) -> dict[str, str]:
    found = groups(client, id)
    assert len({element["value"] for element in found}) == len(found)
    return {element["display"]: element["type"] for element in found}


def find(client: Client, condition: str, **more: str) -> list[str]:
    found = json.loads(client.get(f"/Users?{urlencode({'filter': condition, **more})}").data)
    return [user["userName"] for user in found["Resources"]]


@pytest.mark.req("R-USER-10", "R-USER-11", "R-GRP-05", "R-GRP-06")
def test_a_user_has_the_groups_of_its_groups_once_and_direct_wins(on_both: Server) -> None:
    client = Client(on_both.app(), on_both.token(on_both.tenant(indirect_groups=True)))
    ids = populate(client)
    indirect = {"Staff": "indirect", "World": "indirect"}
    assert kinds(client, ids["ana"]) == {"Leads": "direct", "Agents": "direct", **indirect}
    assert kinds(client, ids["bob"]) == {"Staff": "direct", "World": "indirect"}
    assert {e["$ref"] for e in groups(client, ids["bob"])} == {
        f"http://localhost/scim/v2/Groups/{ids[name]}" for name in ("Staff", "World")
    }
    shown = json.loads(client.get("/Users?attributes=groups.type,groups.value&sortBy=userName").data)["Resources"]
    assert [len(user["groups"]) for user in shown] == [4, 2]
    replaced = client.send("PUT", f"/Users/{ids['bob']}", {"userName": "bob", "groups": []})
    assert {e["type"] for e in json.loads(replaced.data)["groups"]} == {"direct", "indirect"}


FILTERS = [
    ('groups.value eq "{World}"', ["ana", "bob"]),
    ('groups eq "{Agents}"', ["ana"]),
    ('groups.type eq "indirect"', ["ana", "bob"]),
    ('groups[value eq "{Staff}" and type eq "direct"]', ["bob"]),
    ('groups[value eq "{Staff}" and type eq "indirect"]', ["ana"]),
    ('groups[value eq "{World}" and type eq "direct"]', []),
    ('groups.display co "orl"', ["ana", "bob"]),
    ('groups[display sw "Lead" or value eq "{bob}"]', ["ana"]),
    ('groups.$ref eq "https://other.example.com/v2/Groups/{World}"', ["ana", "bob"]),
    ('not (groups.value eq "{Agents}")', ["bob"]),
    ('groups.value ne "{Staff}"', ["ana", "bob"]),
    ('groups.value eq "gone"', []),
]


@pytest.mark.req("R-USER-11", "R-FILT-31")
def test_a_filter_on_groups_means_what_is_shown(on_both: Server) -> None:
    client = Client(on_both.app(), on_both.token(on_both.tenant(indirect_groups=True)))
    ids = populate(client)
    for condition, expected in FILTERS:
        assert find(client, condition.format(**ids), sortBy="userName") == expected, condition
    assert find(client, "groups pr", sortBy="groups.display") == ["ana", "bob"]


@pytest.mark.req("R-USER-10", "R-TEN-02")
def test_a_tenant_without_the_setting_sees_the_groups_it_is_in(on_both: Server) -> None:
    client = Client(on_both.app(), on_both.token(on_both.tenant()))
    other = Client(on_both.app(), on_both.token(on_both.tenant(indirect_groups=True)))
    ids = populate(client)
    populate(other)
    assert kinds(client, ids["ana"]) == {"Leads": "direct", "Agents": "direct"}
    assert find(client, f'groups.value eq "{ids["World"]}"') == []
    assert find(other, f'groups.value eq "{ids["World"]}"') == []


def test_without_the_setting_no_statement_follows_nesting(on_both: Server) -> None:
    connections = on_both.database.connections
    walked = {}
    for indirect in (False, True):
        client = Client(on_both.app(), on_both.token(on_both.tenant(indirect_groups=indirect)))
        with sent_to(connections.reader, connections.writer) as sent:
            ids = populate(client)
            kinds(client, ids["ana"])
            for condition, _ in FILTERS:
                find(client, condition.format(**ids))
        assert sent
        walked[indirect] = any("RECURSIVE" in statement.text for statement in sent)
    assert walked == {False: False, True: True}


@pytest.mark.req("R-USER-11")
def test_a_running_server_takes_up_the_setting_when_its_credentials_are_read_again(on_both: Server) -> None:
    clock = FakeClock()
    app = composition.assemble(on_both.settings, on_both.catalogue, on_both.database, clock, composition.new_id)
    tenant = on_both.tenant()
    client = Client(app, on_both.token(tenant))
    ids = populate(client)
    for setting, expected in ((True, {"direct", "indirect"}), (None, {"direct"})):
        before = kinds(client, ids["ana"])
        on_both.database.tenancy.change_tenant(tenant.id, {"indirect_groups": setting})
        assert kinds(client, ids["ana"]) == before
        clock.forward(seconds=CACHE_SECONDS)
        assert set(kinds(client, ids["ana"]).values()) == expected
    composition.close(app)
