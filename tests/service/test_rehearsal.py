"""Many writes on one transaction that is undone: each sees those before it, and nothing of them stays."""

import pytest

from scim_server import app as composition
from scim_server.connectors import dialect
from scim_server.domain.attrpath import AttrPath
from scim_server.domain.dialect import Leniency
from scim_server.domain.filter import Comparison, Operator
from scim_server.domain.project import DEFAULT
from scim_server.domain.query import Page
from scim_server.errors import Uniqueness
from scim_server.filtering.operations import read
from scim_server.service.conditions import NONE
from scim_server.service.context import Context
from scim_server.service.rehearsal import rehearse
from scim_server.service.resources import Resources
from scim_server.service.searches import Searches, SearchRequest
from scim_server.storage.base import Storage
from tests.http.server import USER, Server


class Desk:
    """The use cases over a storage."""

    def __init__(self, server: Server, tenant: int, storage: Storage) -> None:
        self._context = Context(tenant, server.registry, Leniency(dialect("generic")), "")
        self._users = server.registry.subject or server.registry.resource_types[0]
        self._resources = Resources(storage, composition.now, composition.new_id, 200)
        self._searches = Searches(storage)

    def create(self, name: str) -> str:
        body = {"schemas": [USER], "userName": name}
        return self._resources.create(self._context, self._users, body, DEFAULT).location.rpartition("/")[2]

    def retitle(self, id: str, title: str) -> None:
        steps = read({"op": "replace", "path": "title", "value": title}, self._users, self._context.leniency)
        self._resources.patch(self._context, self._users, id, steps, DEFAULT, NONE)

    def title(self, id: str) -> bytes:
        body = self._resources.read(self._context, self._users, id, DEFAULT).body
        assert isinstance(body, bytes)
        return body

    def count(self, name: str) -> int:
        request = SearchRequest(Comparison(AttrPath("userName"), Operator.EQ, name))
        found = self._searches.search(self._context, [self._users], request, Page())
        return found.count(b'"userName"')


@pytest.mark.req("CC-54")
def test_each_write_sees_those_before_it_and_nothing_stays(on_both: Server) -> None:
    tenant = on_both.tenant().id
    storage = on_both.database.storage

    def work(within: Storage) -> str:
        desk = Desk(on_both, tenant, within)
        id = desk.create("ana")
        desk.retitle(id, "Boss")
        assert b'"title":"Boss"' in desk.title(id)
        assert (desk.count("ana"), Desk(on_both, tenant, storage).count("ana")) == (1, 0)
        with pytest.raises(Uniqueness):
            desk.create("ANA")
        desk.create("bo")
        assert desk.count("bo") == 1
        return "done"

    assert rehearse(storage, tenant, work) == "done"
    outside = Desk(on_both, tenant, storage)
    assert (outside.count("ana"), outside.count("bo")) == (0, 0)


def test_what_goes_wrong_inside_undoes_it_too(on_both: Server) -> None:
    tenant = on_both.tenant().id

    def work(within: Storage) -> None:
        Desk(on_both, tenant, within).create("ana")
        raise LookupError

    with pytest.raises(LookupError):
        rehearse(on_both.database.storage, tenant, work)
    assert Desk(on_both, tenant, on_both.database.storage).count("ana") == 0
