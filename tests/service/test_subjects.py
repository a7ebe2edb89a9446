"""A credential is bound to a resource by its id, or by a value that belongs to it alone."""

from dataclasses import dataclass, replace

import pytest

from scim_server.config import Settings
from scim_server.errors import InvalidValue, Unsupported
from scim_server.service.subjects import find_subject
from scim_server.storage.base import Tenant
from tests.http.server import GROUP, USER, Client, Server
from tests.registries import registry_of


@pytest.fixture(scope="module")
def server(on_both: Server) -> Server:
    return on_both


@dataclass
class Directory:
    """A tenant, as the API fills it and as a credential's subject is looked up in it."""

    server: Server
    tenant: Tenant
    client: Client

    def find(self, name: str) -> str:
        return find_subject(self.server.database.storage, self.tenant, self.server.registry, name)


def directory(server: Server, *not_unique: str) -> Directory:
    tenant = server.tenant(not_unique=list(not_unique))
    return Directory(server, tenant, Client(server.app(), server.token(tenant)))


CONTACT = "urn:ietf:params:scim:schemas:extension:contactcentre:2.0:User"


@pytest.mark.req("R-ME-01")
def test_a_user_is_found_by_id_and_by_whatever_is_unique(server: Server) -> None:
    users = directory(server)
    users.client.create("other", title="Ana")
    ana = users.client.create("Ana", **{CONTACT: {"extensionNumber": "1042"}})["id"]
    assert {users.find(name) for name in (ana, "Ana", "ANA", "1042")} == {ana}


@pytest.mark.req("R-ME-01", "R-TEN-02")
@pytest.mark.parametrize("name", ["nobody", "", "Agent", "a\0b", "\udcff", "x" * 6000])
def test_whom_nobody_is_called_is_refused(server: Server, name: str) -> None:
    users, others = directory(server), directory(server)
    users.client.create("ana", title="Agent")
    others.client.create("nobody")
    with pytest.raises(InvalidValue, match="There is no User "):
        users.find(name)


def test_a_group_is_nobody(server: Server) -> None:
    users = directory(server)
    group = users.client.send("POST", "/Groups", {"schemas": [GROUP], "displayName": "g"}).get_json(force=True)
    for name in (group["id"], "g"):
        with pytest.raises(InvalidValue):
            users.find(name)


def test_a_name_that_several_have_is_refused(server: Server) -> None:
    users = directory(server, f"{USER}:userName")
    first = users.client.create("ana")["id"]
    assert users.find("ana") == first
    users.client.create("ANA")
    with pytest.raises(InvalidValue, match="There are several User "):
        users.find("ana")
    assert users.find(first) == first


def test_where_no_type_has_subjects_there_is_nobody_to_be_bound_to(server: Server) -> None:
    registry = registry_of(Settings().extensions)
    without = replace(registry, resource_types=tuple(replace(t, is_subject=False) for t in registry.resource_types))
    with pytest.raises(Unsupported):
        find_subject(server.database.storage, server.tenant(), without, "ana")
