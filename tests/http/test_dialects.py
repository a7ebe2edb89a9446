"""Each decision of docs/dialects.md, as it is seen over HTTP in a tolerant and in the strict dialect."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from werkzeug.test import TestResponse

from scim_server.service.tolerances import ToleranceUses
from tests.http.dialects import ABSENT, ANA, BEN, CASES, Case, Outcome
from tests.http.server import GROUP, Client, Server, assert_error

Names = Mapping[str, str]


def filled(value: Any, names: Names) -> Any:
    """The value with the names in braces filled in."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, dict):
        return {filled(name, names): filled(member, names) for name, member in value.items()}
    return [filled(element, names) for element in value] if isinstance(value, list) else value


def prepared(client: Client) -> Names:
    """Two users, and a group whose members they are."""
    ben = client.send("POST", "/Users", BEN).get_json(force=True)["id"]
    answer = client.send("POST", "/Users", filled(ANA, {"ben": ben}))
    ana = answer.get_json(force=True)["id"]
    body = {"schemas": [GROUP], "displayName": "g", "members": [{"value": ana}, {"value": ben}]}
    group = client.send("POST", "/Groups", body).get_json(force=True)["id"]
    return {"ana": ana, "ben": ben, "group": group, "etag": answer.headers["ETag"]}


def assert_has(found: Any, wanted: Any, at: str = "$") -> None:
    """That what was found has what is wanted: of an object among others, of a list exactly."""
    if isinstance(wanted, dict):
        assert isinstance(found, dict), at
        for name, member in wanted.items():
            if member is ABSENT:
                assert name not in found, f"{at}.{name}"
            else:
                assert name in found, f"{at}.{name}"
                assert_has(found[name], member, f"{at}.{name}")
    elif isinstance(wanted, list):
        assert len(found) == len(wanted), (at, found)
        for index, (each, of_it) in enumerate(zip(found, wanted, strict=True)):
            assert_has(each, of_it, f"{at}[{index}]")
    else:
        assert found == wanted, at


def assert_answers(answer: TestResponse, wanted: Outcome, names: Names) -> None:
    if wanted.status >= 400:
        assert_error(answer, wanted.status, wanted.scim_type)
        return
    assert answer.status_code == wanted.status, answer.text
    if wanted.body is not None:
        assert_has(json.loads(answer.data), filled(wanted.body, names))
    for name, value in wanted.headers:
        if value is ABSENT:
            assert name not in answer.headers
        elif value is not ...:
            assert answer.headers[name] == filled(value, names)
        else:
            assert answer.headers[name]


def cases() -> list[Any]:
    return [
        pytest.param(case, dialect, marks=pytest.mark.req(*case.ids), id=f"{case.title} ({dialect})")
        for case in CASES
        for dialect in ("generic", "strict")
    ]


@pytest.mark.parametrize(("case", "dialect"), cases())
def test_a_decision_is_kept(server: Server, case: Case, dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(server.app(), server.token(server.tenant(), dialect))
    names = prepared(client)
    before = [client.get(path.format(**names)).data for path in ("/Users/{ana}", "/Groups/{group}")]
    used: dict[str, int] = {}
    monkeypatch.setattr(ToleranceUses, "note", lambda _self, _tenant, _dialect, now: used.update(now))
    sent, wanted = case.sent, (case.strict if dialect == "strict" else None) or case.tolerant
    headers = {name: filled(value, names) for name, value in sent.headers}
    answer = client.send(sent.method, filled(sent.path, names), filled(sent.body, names), headers)
    assert_answers(answer, wanted, names)
    assert set(used) == (set(case.uses) if dialect == "generic" else set())
    if wanted.status >= 400:
        assert before == [client.get(path.format(**names)).data for path in ("/Users/{ana}", "/Groups/{group}")]


@pytest.mark.req("C-39", "R-ETAG-11")
@pytest.mark.parametrize("dialect", ["generic", "strict"])
def test_a_membership_moves_the_version_of_the_group_alone(server: Server, dialect: str) -> None:
    client = Client(server.app(), server.token(server.tenant(), dialect))
    names = prepared(client)
    user, group = (client.get(path.format(**names)).headers["ETag"] for path in ("/Users/{ana}", "/Groups/{group}"))
    body = {"schemas": [GROUP], "displayName": "g"}
    assert client.send("PUT", "/Groups/{group}".format(**names), body).status_code == 200
    assert client.get("/Users/{ana}".format(**names)).headers["ETag"] == user
    assert client.get("/Groups/{group}".format(**names)).headers["ETag"] != group


@pytest.mark.req("C-26", "R-USER-05")
def test_strict_refuses_nobody_for_what_a_tolerant_client_stored(server: Server) -> None:
    tenant = server.tenant()
    tolerant, strict = (Client(server.app(), server.token(tenant, dialect)) for dialect in ("generic", "strict"))
    wrong = {"locale": "Spanish (Spain)", "emails": [{"value": "none"}]}
    created = tolerant.create("ana", **wrong)
    address = f"/Users/{created['id']}"
    change = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}
    title = {**change, "Operations": [{"op": "add", "path": "title", "value": "Lead"}]}
    assert strict.send("PATCH", address, title).status_code == 200
    body = {"schemas": created["schemas"], "userName": "ana", **wrong}
    assert strict.send("PUT", address, body).status_code == 200
    locale = {**change, "Operations": [{"op": "add", "path": "locale", "value": "French (France)"}]}
    assert_error(strict.send("PATCH", address, locale), 400, "invalidValue")
    assert_error(strict.send("PUT", address, {**body, "locale": "French (France)"}), 400, "invalidValue")
