"""/Me is the resource that the credential is bound to, processed in place (RFC 7644 section 3.11)."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from scim_server.storage.base import Tenant
from tests.http.server import PATCH_OP, USER, Client, Server, assert_error


@dataclass
class Bound:
    """A tenant with a user, a client bound to that user, and one bound to nobody."""

    server: Server
    tenant: Tenant
    user: dict[str, Any]
    me: Client
    operator: Client

    @property
    def address(self) -> str:
        return f"/Users/{self.user['id']}"

    def client(self, **terms: Any) -> Client:
        return Client(self.server.app(), self.server.token(self.tenant, **terms))


@pytest.fixture
def bound(on_both: Server) -> Bound:
    tenant = on_both.tenant()
    operator = Client(on_both.app(), on_both.token(tenant))
    user = operator.create("ana", title="Agent")
    me = Client(on_both.app(), on_both.token(tenant, subject=user["id"]))
    return Bound(on_both, tenant, user, me, operator)


def replacing(**values: Any) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": values}]}


@pytest.mark.req("R-ME-01", "R-ME-03", "R-ME-04")
def test_me_reads_as_the_permanent_address_does(bound: Bound) -> None:
    for query in ("", "?attributes=title", "?excludedAttributes=meta"):
        there = bound.me.get(bound.address + query)
        here = bound.me.get("/Me" + query)
        assert (here.status_code, here.data) == (200, there.data)
        assert (here.headers["ETag"], here.headers["Location"]) == (
            there.headers["ETag"],
            bound.user["meta"]["location"],
        )
    head = bound.me.send("HEAD", "/Me")
    assert (head.status_code, head.data, head.headers["Location"]) == (200, b"", bound.user["meta"]["location"])


@pytest.mark.req("R-ME-01", "R-ME-04", "R-PATCH-01")
def test_me_is_changed_and_deleted_as_at_the_permanent_address(bound: Bound) -> None:
    location = bound.user["meta"]["location"]
    patched = bound.me.send("PATCH", "/Me", replacing(title="Lead"))
    assert (patched.status_code, patched.headers["Location"]) == (200, location)
    assert json.loads(bound.operator.get(bound.address).data)["title"] == "Lead"
    put = bound.me.send("PUT", "/Me", {"schemas": [USER], "userName": "ana", "nickName": "A"})
    assert (put.status_code, put.headers["Location"]) == (200, location)
    read = json.loads(bound.operator.get(bound.address).data)
    assert (read["nickName"], "title" in read, read["meta"]["version"]) == ("A", False, put.headers["ETag"])
    deleted = bound.me.send("DELETE", "/Me")
    assert (deleted.status_code, deleted.data, deleted.headers["Location"]) == (204, b"", location)
    assert_error(bound.operator.get(bound.address), 404)


@pytest.mark.req("R-ME-01", "R-ME-04", "R-ETAG-05")
def test_conditions_hold_on_me_as_at_the_permanent_address(bound: Bound) -> None:
    address = "/Me?excludedAttributes=groups"
    etag = bound.me.get(address).headers["ETag"]
    unchanged = bound.me.get(address, If_None_Match=etag)
    assert (unchanged.status_code, unchanged.headers["Location"]) == (304, bound.user["meta"]["location"])
    assert bound.operator.send("PATCH", bound.address, replacing(title="Lead")).status_code == 200
    before = bound.operator.get(bound.address).data
    for method, body in (
        ("PUT", {"schemas": [USER], "userName": "x"}),
        ("PATCH", replacing(title="x")),
        ("DELETE", None),
    ):
        assert_error(bound.me.send(method, "/Me", body, {"If-Match": etag}), 412)
    assert bound.operator.get(bound.address).data == before


METHODS: list[tuple[str, Any]] = [
    ("GET", None),
    ("PUT", {"schemas": [USER], "userName": "ana"}),
    ("PATCH", replacing(title="x")),
    ("DELETE", None),
]


@pytest.mark.req("R-ME-02", "R-ME-05", "R-HTTP-14")
@pytest.mark.parametrize(("method", "body"), [*METHODS, ("POST", {"schemas": [USER], "userName": "new"})])
def test_without_a_user_me_is_nobody(bound: Bound, method: str, body: Any) -> None:
    before = bound.operator.get("/Users").data
    assert_error(bound.operator.send(method, "/Me", body), 501)
    assert bound.operator.get("/Users").data == before


@pytest.mark.req("R-ME-01", "R-ME-02")
def test_nothing_is_created_at_me(bound: Bound) -> None:
    assert_error(bound.me.send("POST", "/Me", {"schemas": [USER], "userName": "new"}), 501)
    assert json.loads(bound.me.get("/Users").data)["totalResults"] == 1


@pytest.mark.req("R-ME-05")
@pytest.mark.parametrize(("method", "body"), METHODS)
def test_a_user_who_is_gone_is_not_found_and_the_credential_stays(bound: Bound, method: str, body: Any) -> None:
    assert bound.operator.send("DELETE", bound.address).status_code == 204
    assert_error(bound.me.send(method, "/Me", body), 404)
    assert bound.me.get("/Users").status_code == 200


@pytest.mark.req("R-ME-01", "R-AUTH-07")
def test_a_credential_that_may_only_read_reads_me_and_does_not_change_it(bound: Bound) -> None:
    reader = bound.client(subject=bound.user["id"], read_only=True)
    assert json.loads(reader.get("/Me").data)["userName"] == "ana"
    for method, body in [*METHODS[1:], ("POST", {"schemas": [USER], "userName": "new"})]:
        assert_error(reader.send(method, "/Me", body), 403)
    assert json.loads(bound.operator.get(bound.address).data) == json.loads(reader.get("/Me").data)


@pytest.mark.req("R-ME-01", "R-TEN-02")
@pytest.mark.parametrize(("method", "body"), METHODS)
def test_a_user_of_another_tenant_is_nobody(bound: Bound, method: str, body: Any) -> None:
    other = bound.server.tenant()
    stranger = Client(bound.server.app(), bound.server.token(other, subject=bound.user["id"]))
    before = bound.operator.get(bound.address).data
    assert_error(stranger.send(method, "/Me", body), 404)
    assert bound.operator.get(bound.address).data == before


@pytest.mark.req("R-ME-01", "R-ME-05")
def test_a_credential_bound_to_what_is_no_user_is_bound_to_nothing_that_is_there(bound: Bound) -> None:
    group = json.loads(bound.operator.send("POST", "/Groups", {"displayName": "g"}).data)
    assert_error(bound.client(subject=group["id"]).get("/Me"), 404)


@pytest.mark.req("R-ME-04", "R-TEN-04")
def test_the_permanent_address_is_below_the_base_that_was_used(bound: Bound) -> None:
    base = f"/t/{bound.tenant.name}/scim/v2"
    answer = Client(bound.me.app, bound.me.token, base).get("/Me")
    assert answer.headers["Location"] == f"http://localhost{base}{bound.address}"
    assert answer.headers["Location"] == answer.headers["Content-Location"]


def test_the_log_names_whom_me_stands_for(bound: Bound, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr("scim_server.http.exchange.observe", seen.append)
    bound.me.get("/Me")
    (facts,) = seen
    assert (facts.route, facts.resource_type, facts.resource_id) == ("/scim/v2/Me", "User", bound.user["id"])
