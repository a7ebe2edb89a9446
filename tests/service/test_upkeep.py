"""What is stored is drafted anew as its tenant's registry would have it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from scim_server.domain.catalogue import NO_PROFILE, Catalogue
from scim_server.domain.registry import Registry, published
from scim_server.domain.resource import Meta
from scim_server.domain.schema import Attribute, ResourceType, Schema, Uniqueness
from scim_server.service.drafts import draft
from scim_server.service.upkeep import Redraft
from scim_server.storage.base import Draft, Entry, Record, Tenancy, Tenant

LAMP = "urn:example:params:scim:schemas:core:2.0:Lamp"
COMMON = Schema("urn:example:common", "Common", "", (Attribute("schemas", multi_valued=True), Attribute("id")))


def registry(stamp: str, *attributes: Attribute) -> Registry:
    lamp = ResourceType("Lamp", "Lamp", "/Lamps", "", Schema(LAMP, "Lamp", "", attributes), common=COMMON)
    return Registry((lamp,), published((lamp,), ()), stamp)


OLD = registry("old", Attribute("name"), Attribute("colour"))
NEW = registry("new", Attribute("name", uniqueness=Uniqueness.SERVER))


class Tenants:
    """As much of a tenancy as is needed; counts how often it is asked."""

    def __init__(self) -> None:
        self.kept = [Tenant(1, "contoso", "", {}), Tenant(2, "fabrikam", "", {"not_unique": [f"{LAMP}:NAME"]})]
        self.asked = 0

    def tenants(self) -> Sequence[Tenant]:
        self.asked += 1
        return tuple(self.kept)


def record(resource_type: str = "Lamp") -> Record:
    kept: Draft = draft(OLD, OLD.resource_types[0], "l-1", {"name": "A", "colour": "red"})
    return Record(resource_type, kept.id, Meta("", "", 1), kept.stamp, kept.document, kept.hidden)


def redraft(tenants: Any) -> Redraft:
    return Redraft(Catalogue({NO_PROFILE: NEW}), cast(Tenancy, tenants))


def test_a_resource_is_drafted_under_the_new_schemas() -> None:
    made = redraft(Tenants())(1, record())
    assert made == draft(NEW, NEW.resource_types[0], "l-1", {"name": "A"})
    assert made.unique == {Entry("name", "a")}


def test_each_tenant_has_its_own_uniqueness() -> None:
    made = redraft(Tenants())(2, record())
    assert made is not None
    assert (made.unique, made.stamp) == (frozenset(), "new")


def test_there_is_nothing_to_draft_where_the_type_is_gone() -> None:
    assert redraft(Tenants())(1, record("Fan")) is None


def test_a_tenant_that_comes_while_it_runs_is_looked_up() -> None:
    tenants = Tenants()
    redrafted = redraft(tenants)
    redrafted(1, record())
    redrafted(2, record())
    assert tenants.asked == 1
    tenants.kept.append(replace(tenants.kept[1], id=3))
    made = redrafted(3, record())
    assert made is not None
    assert made.unique == frozenset()


def test_what_belongs_to_an_undefined_profile_is_left_as_it_is() -> None:
    tenants = Tenants()
    tenants.kept[0] = replace(tenants.kept[0], profile="voice")
    assert redraft(tenants)(1, record()) is None
