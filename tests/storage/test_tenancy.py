"""The promises of `Tenancy`, on both engines."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Connection, delete, func, select, update

from scim_server.domain.query import Query, Selection
from scim_server.domain.rows import RowsChange
from scim_server.errors import Uniqueness
from scim_server.storage.base import Creation, Credential, Storage, Tenancy, ToleranceCount, ToleranceUse, Transaction
from scim_server.storage.ledgers import Pool
from scim_server.storage.sql import Database
from scim_server.storage.sql.tables import metadata, server_keys
from tests.storage.things import DAY, MEMBERS, REGISTRY, THING, draft


@pytest.fixture(autouse=True)
def emptied(database: Database) -> Iterator[None]:
    """Neither a tenant nor a key is left to the next test."""
    yield
    for left in database.tenancy.tenants():
        database.tenancy.remove_tenant(left.id)
    database.connections.write(lambda connection: connection.execute(delete(server_keys)))


@pytest.fixture
def tenant(tenancy: Tenancy) -> int:
    return tenancy.add_tenant("default", "contact-centre", {}).id


@pytest.fixture
def neighbour(tenancy: Tenancy) -> int:
    return tenancy.add_tenant("neighbour", "contact-centre", {}).id


NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def credential(tenancy: Tenancy, tenant: str, id: str, **more: Any) -> Credential:
    owner = tenancy.tenant(tenant)
    assert owner is not None
    plain = Credential(id, owner, "generic", False, NOON)
    return replace(plain, **more)


def test_a_database_is_empty_until_it_has_a_tenant(database: Database) -> None:
    assert database.is_empty()
    database.tenancy.add_tenant("default", "plain", {})
    assert not database.is_empty()


def test_tenants_come_by_name_and_by_their_order_in_code_points(tenancy: Tenancy) -> None:
    settings = {"not_unique": ["displayName"], "n": 1, "é": None}
    added = {name: tenancy.add_tenant(name, "plain", settings) for name in ("b", "a", "B", "é")}
    assert list(tenancy.tenants()) == [added[name] for name in ("B", "a", "b", "é")]
    assert tenancy.tenant("B") == added["B"]
    assert tenancy.tenant("É") is None
    assert added["a"].settings == settings


def test_the_first_tenant_without_one_of_the_profiles_is_found(tenancy: Tenancy) -> None:
    added = {name: tenancy.add_tenant(name, profile, {}) for name, profile in (("b", "x"), ("a", "x"), ("c", ""))}
    assert tenancy.tenant_without({"", "y"}) == added["a"]
    assert tenancy.tenant_without(["x"]) == added["c"]
    assert tenancy.tenant_without([]) == added["a"]
    assert tenancy.tenant_without(("x", "")) is None


def test_a_taken_name_is_refused(tenancy: Tenancy) -> None:
    tenancy.add_tenant("default", "plain", {})
    with pytest.raises(Uniqueness, match="default"):
        tenancy.add_tenant("default", "other", {})
    assert len(tenancy.tenants()) == 1


@pytest.mark.req("R-USER-11")
def test_settings_are_changed_one_by_one_in_one_tenant(tenancy: Tenancy) -> None:
    for name in ("contoso", "fabrikam"):
        tenancy.add_credential(
            tenancy.add_tenant(name, "plain", {"kept": 1, "gone": 2}).id, name, credential(tenancy, name, name)
        )
    contoso = tenancy.tenant("contoso")
    assert contoso is not None
    tenancy.change_tenant(contoso.id, {"indirect_groups": True, "gone": None})
    found = {name: tenancy.credential(name) for name in ("contoso", "fabrikam")}
    assert {name: c.tenant.settings for name, c in found.items() if c} == {
        "contoso": {"kept": 1, "indirect_groups": True},
        "fabrikam": {"kept": 1, "gone": 2},
    }
    assert [c.tenant.variation.is_nested for c in found.values() if c] == [True, False]
    tenancy.change_tenant(0, {"indirect_groups": True})
    assert tenancy.tenant("contoso") == replace(contoso, settings={"kept": 1, "indirect_groups": True})


OF_TENANTS = {table.name for table in metadata.tables.values() if "tenant_id" in table.c}


def tables_with(database: Database, tenant: int) -> set[str]:
    """The tables that have rows of the tenant."""

    def counted(connection: Connection, name: str) -> int:
        table = metadata.tables[name]
        rows = select(func.count()).select_from(table).where(table.c.tenant_id == tenant)
        count: int = connection.execute(rows).scalar_one()
        return count

    return database.connections.read(lambda connection: {name for name in OF_TENANTS if counted(connection, name)})


def fill_ledgers(transaction: Transaction) -> None:
    transaction.seats.set_pool(Pool("phone", "p", 1, 0), ["g"], None, DAY)
    transaction.numbers.add_range("10", "11", {"10": "g"})
    transaction.notes.add("g", "path", "value", DAY)
    transaction.departures.watch()
    transaction.departures.note("g", DAY)
    transaction.outbox.put("Thing", "g", "onboarding", {}, DAY)


def test_a_removed_tenant_takes_everything_along_and_its_id_is_never_given_again(
    database: Database, tenancy: Tenancy, storage: Storage, tenant: int, neighbour: int
) -> None:
    for each in (tenant, neighbour):
        storage.write(each, lambda t: t.insert(Creation(THING, draft(THING, "g", text="g", tags=["t"])), DAY))
        storage.write(each, lambda t: t.change_rows(THING, "g", MEMBERS, RowsChange(add={"u": {"value": "u"}})))
        storage.write(each, fill_ledgers)
    tenancy.add_credential(neighbour, "digest", credential(tenancy, "neighbour", "c"))
    tenancy.record_tolerances({ToleranceUse(id, "entra", "lower-verb"): 1 for id in (tenant, neighbour)}, NOON)
    before = tables_with(database, tenant)
    assert tables_with(database, neighbour) == before | {"credentials"} == OF_TENANTS
    tenancy.remove_tenant(neighbour)
    assert tables_with(database, neighbour) == set()
    assert tables_with(database, tenant) == before
    assert tenancy.tenant("neighbour") is None
    assert tenancy.credential("digest") is None
    assert storage.search(neighbour, Query((Selection(THING),)), frozenset()).total == 0
    assert storage.search(tenant, Query((Selection(THING),)), frozenset()).total == 1
    assert tenancy.add_tenant("neighbour", "plain", {}).id not in (tenant, neighbour)


def test_a_credential_is_found_by_its_digest_alone_as_it_was_added(tenancy: Tenancy, tenant: int) -> None:
    bound = credential(
        tenancy, "default", "c", dialect="entra", read_only=True, expires=NOON + timedelta(days=1), subject="u-1"
    )
    tenancy.add_credential(tenant, "digest", bound)
    assert tenancy.credential("digest") == bound
    assert tenancy.credential("c") is None


@pytest.mark.req("CC-40")
@pytest.mark.parametrize("grants", [None, frozenset(), frozenset({"agent", "supervisor", 'é,"x'})])
def test_what_a_credential_may_give_comes_back(tenancy: Tenancy, tenant: int, grants: frozenset[str] | None) -> None:
    tenancy.add_credential(tenant, "digest", credential(tenancy, "default", "c", grants=grants))
    found = tenancy.credential("digest")
    assert found is not None
    assert found.grants == grants
    assert [each.grants for each in tenancy.credentials(tenant)] == [grants]


def test_times_come_back_in_utc(tenancy: Tenancy, tenant: int) -> None:
    there = NOON.astimezone(timezone(timedelta(hours=-5)))
    tenancy.add_credential(tenant, "digest", credential(tenancy, "default", "c", created=there))
    found = tenancy.credential("digest")
    assert found is not None
    assert found.created == NOON
    assert found.created.utcoffset() == timedelta(0)


def test_a_digest_is_kept_once(tenancy: Tenancy, tenant: int, neighbour: int) -> None:
    tenancy.add_credential(tenant, "digest", credential(tenancy, "default", "c"))
    with pytest.raises(Uniqueness):
        tenancy.add_credential(neighbour, "digest", credential(tenancy, "neighbour", "d"))
    assert tenancy.credentials(neighbour) == []


def test_credentials_of_a_tenant_come_oldest_first_whatever_their_state(
    tenancy: Tenancy, tenant: int, neighbour: int
) -> None:
    for name, age in (("young", 0), ("old", 3), ("middle", 1)):
        created = NOON - timedelta(days=age)
        tenancy.add_credential(tenant, name, credential(tenancy, "default", name, created=created, expires=created))
    tenancy.add_credential(neighbour, "other", credential(tenancy, "neighbour", "other"))
    tenancy.revoke(tenant, "old", NOON)
    assert [(c.id, c.revoked) for c in tenancy.credentials(tenant)] == [
        ("old", NOON),
        ("middle", None),
        ("young", None),
    ]


def test_a_credential_is_revoked_once_and_by_its_tenant(tenancy: Tenancy, tenant: int, neighbour: int) -> None:
    tenancy.add_credential(tenant, "digest", credential(tenancy, "default", "c"))
    assert not tenancy.revoke(neighbour, "c", NOON)
    assert not tenancy.revoke(tenant, "d", NOON)
    assert tenancy.revoke(tenant, "c", NOON)
    assert not tenancy.revoke(tenant, "c", NOON + timedelta(days=1))
    found = tenancy.credential("digest")
    assert found is not None
    assert found.revoked == NOON


def test_last_use_never_goes_back_in_time(tenancy: Tenancy, tenant: int) -> None:
    for name in ("a", "b", "c"):
        tenancy.add_credential(tenant, name, credential(tenancy, "default", name))
    later = NOON + timedelta(microseconds=1)
    tenancy.record_use({"a": later, "b": NOON, "unknown": NOON})
    tenancy.record_use({"a": NOON, "b": later})
    tenancy.record_use({})
    assert [c.last_used for c in tenancy.credentials(tenant)] == [later, later, None]


def test_the_first_key_of_a_name_is_kept_for_all_who_come_later(database: Database) -> None:
    first, second, third = (bytes([number]) * 32 for number in range(3))
    assert database.tenancy.key("cursor", first) == first
    assert database.tenancy.key("cursor", second) == first
    assert Database(database.connections, REGISTRY).tenancy.key("cursor", third) == first
    assert database.tenancy.key("other", third) == third
    assert database.tenancy.key("cursor", third) == first


def test_workers_that_make_a_key_at_once_agree_on_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have looked, and seen none, before either keeps its own."""
    both = Barrier(2)
    read = database.connections.read

    def together(work: Callable[[Connection], Any]) -> Any:
        found = read(work)
        both.wait(timeout=10)
        return found

    monkeypatch.setattr(database.connections, "read", together)
    offered = [b"a" * 32, b"b" * 32]
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda new: database.tenancy.key("cursor", new), offered)
    assert one == other
    assert one in offered


@pytest.mark.parametrize("kept", ["", "00", "00" * 31, "none", "0" * 63])
def test_a_key_that_is_not_whole_is_never_given_out(database: Database, kept: str) -> None:
    database.tenancy.key("cursor", bytes(32))
    database.connections.write(lambda connection: connection.execute(update(server_keys).values(secret=kept)))
    with pytest.raises(RuntimeError, match="no whole key named cursor"):
        database.tenancy.key("cursor", bytes(32))


def test_a_key_that_is_gone_before_it_is_read_back_is_not_given_out(
    tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tenancy, "_keep_key", select(1))
    with pytest.raises(RuntimeError, match="no whole key named cursor"):
        tenancy.key("cursor", bytes(32))


def test_counts_of_tolerances_are_added_up_and_come_by_dialect_and_name(tenancy: Tenancy, tenant: int) -> None:
    later = NOON + timedelta(minutes=1)
    verb, text, okta = (
        ToleranceUse(tenant, *which)
        for which in (("entra", "lower-verb"), ("entra", "empty-string"), ("okta", "empty-string"))
    )
    tenancy.record_tolerances({verb: 3, okta: 1, text: 2**31}, NOON)
    tenancy.record_tolerances({verb: 4, text: 2**31}, later)
    tenancy.record_tolerances({}, later)
    assert tenancy.tolerances(tenant) == [
        ToleranceCount("entra", "empty-string", 2**32, later),
        ToleranceCount("entra", "lower-verb", 7, later),
        ToleranceCount("okta", "empty-string", 1, NOON),
    ]


def test_the_time_of_a_tolerance_never_goes_back_and_its_count_never_down(tenancy: Tenancy, tenant: int) -> None:
    use = ToleranceUse(tenant, "entra", "lower-verb")
    tenancy.record_tolerances({use: 1}, NOON)
    tenancy.record_tolerances({use: 1}, NOON - timedelta(seconds=1))
    assert tenancy.tolerances(tenant) == [ToleranceCount("entra", "lower-verb", 2, NOON)]


@pytest.mark.req("R-TEN-02")
def test_each_tenant_has_its_own_counts(tenancy: Tenancy, tenant: int, neighbour: int) -> None:
    counts = {ToleranceUse(tenant, "entra", "lower-verb"): 1, ToleranceUse(neighbour, "entra", "lower-verb"): 5}
    tenancy.record_tolerances(counts, NOON)
    assert tenancy.tolerances(tenant) == [ToleranceCount("entra", "lower-verb", 1, NOON)]
    tenancy.remove_tenant(neighbour)
    assert tenancy.tolerances(neighbour) == []
    assert tenancy.tolerances(tenant) == [ToleranceCount("entra", "lower-verb", 1, NOON)]


def test_the_counts_of_a_tenant_that_is_gone_cost_the_others_nothing(
    tenancy: Tenancy, tenant: int, neighbour: int
) -> None:
    tenancy.remove_tenant(neighbour)
    gone = {ToleranceUse(id, "entra", "lower-verb"): 5 for id in (neighbour, neighbour + 1000)}
    tenancy.record_tolerances({**gone, ToleranceUse(tenant, "entra", "lower-verb"): 1}, NOON)
    assert tenancy.tolerances(tenant) == [ToleranceCount("entra", "lower-verb", 1, NOON)]
    assert tenancy.tolerances(neighbour) == []


def test_batches_of_several_workers_at_once_lose_nothing(tenancy: Tenancy, tenant: int, neighbour: int) -> None:
    uses = [ToleranceUse(id, "entra", name) for id in (tenant, neighbour) for name in ("a", "b", "c", "d")]

    def work(worker: int) -> None:
        for _ in range(10):
            batch = uses if worker % 2 else uses[::-1]
            tenancy.record_tolerances(dict.fromkeys(batch, 1), NOON + timedelta(seconds=worker))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    counted = [ToleranceCount("entra", name, 40, NOON + timedelta(seconds=3)) for name in ("a", "b", "c", "d")]
    assert tenancy.tolerances(tenant) == tenancy.tolerances(neighbour) == counted
