"""The promises of `Storage` and `Transaction` about resources, on both engines."""

from dataclasses import replace

import pytest

from scim_server.domain.attrpath import AttrPath, bind
from scim_server.domain.filter import Operator, Test
from scim_server.domain.query import Query, Selection
from scim_server.domain.resource import Meta
from scim_server.domain.rows import RowsChange
from scim_server.errors import Uniqueness
from scim_server.storage.base import Creation, Entry, Record, Reference, Storage, Transaction
from tests.domain.every_type import DESK
from tests.storage.things import DAY, LATER, LATEST, MEMBERS, OTHER, THING, draft, rows_of

NOTHING: frozenset[str] = frozenset()
ALL = frozenset({"members", "memberOf"})


def insert(storage: Storage, tenant: int, id: str, **attributes: object) -> Meta:
    return storage.write(tenant, lambda t: t.insert(Creation(THING, draft(THING, id, attributes)), DAY))


def join(storage: Storage, tenant: int, owner: str, *members: str) -> None:
    def work(transaction: Transaction) -> None:
        transaction.change_rows(THING, owner, MEMBERS, RowsChange(add={id: {"value": id} for id in members}))
        transaction.touch(THING, owner, LATER)

    storage.write(tenant, work)


def meta_of(storage: Storage, tenant: int, id: str) -> Meta:
    record = storage.read(tenant, THING, id, NOTHING)
    assert record is not None
    return record.meta


def found(storage: Storage, tenant: int, name: str, key: str) -> list[str]:
    """The ids of things of which an attribute has that key."""
    urn, _, rest = name.rpartition(":")
    path = bind(AttrPath(rest, None, urn or None), THING)
    assert path is not None
    query = Query((Selection(THING, Test(path, Operator.EQ, key)),))
    return [record.id for record in storage.search(tenant, query, NOTHING).records]


def test_what_was_inserted_is_read_back(storage: Storage, tenant: int) -> None:
    given = replace(draft(THING, "a", exact="A"), document='{"id":"a" , "é":"\\u0041"}', hidden='{"x":1}')
    meta = storage.write(tenant, lambda t: t.insert(Creation(THING, given), DAY))
    assert meta == Meta(DAY, DAY, 1, 1)
    assert storage.read(tenant, THING, "a", NOTHING) == Record(
        "Thing", "a", meta, "stamp-1", '{"id":"a" , "é":"\\u0041"}', '{"x":1}'
    )


def test_a_type_without_rows_has_no_membership_version(storage: Storage, tenant: int) -> None:
    meta = storage.write(tenant, lambda t: t.insert(Creation(OTHER, draft(OTHER, "o")), DAY))
    assert meta == Meta(DAY, DAY, 1, None)
    assert storage.read(tenant, OTHER, "o", NOTHING) == Record(
        "Other", "o", meta, "stamp-1", draft(OTHER, "o").document
    )


@pytest.mark.req("R-TEN-02")
def test_nothing_is_read_under_another_id_type_or_tenant(storage: Storage, tenant: int, neighbour: int) -> None:
    insert(storage, tenant, "a")
    assert storage.read(tenant, THING, "b", NOTHING) is None
    assert storage.read(tenant, OTHER, "a", NOTHING) is None
    assert storage.read(neighbour, THING, "a", NOTHING) is None
    assert storage.write(tenant, lambda t: t.lock(OTHER, "a", NOTHING)) is None
    assert storage.write(neighbour, lambda t: t.lock(THING, "a", ALL)) is None
    assert storage.write(neighbour, lambda t: t.read(THING, "a", NOTHING)) is None


def test_a_transaction_reads_what_it_wrote(storage: Storage, tenant: int) -> None:
    def work(transaction: Transaction) -> None:
        transaction.insert(Creation(THING, draft(THING, "a")), DAY)
        record = transaction.read(THING, "a", ALL)
        assert record is not None
        assert (record.meta, rows_of(record)) == (Meta(DAY, DAY, 1, 1), [])

    storage.write(tenant, work)


def test_an_exception_rolls_everything_back(storage: Storage, tenant: int) -> None:
    def work(transaction: Transaction) -> None:
        transaction.insert(Creation(THING, draft(THING, "a", text="taken")), DAY)
        transaction.change_rows(THING, "a", MEMBERS, RowsChange(add={"b": {"value": "b"}}))
        raise LookupError("not today")

    with pytest.raises(LookupError, match="not today"):
        storage.write(tenant, work)
    assert storage.read(tenant, THING, "a", NOTHING) is None
    insert(storage, tenant, "b", text="taken")
    assert found(storage, tenant, "text", "taken") == ["b"]


def test_an_update_moves_version_and_time_and_replaces_the_content(storage: Storage, tenant: int) -> None:
    insert(storage, tenant, "a", exact="old", text="old")
    before, after = draft(THING, "a", exact="old", text="old"), draft(THING, "a", exact="new", text="new")
    assert storage.write(tenant, lambda t: t.update(THING, before.entries, after, LATER)) == 2
    assert storage.read(tenant, THING, "a", NOTHING) == Record(
        "Thing", "a", Meta(DAY, LATER, 2, 1), "stamp-1", after.document
    )
    for name in ("exact", "text"):
        assert found(storage, tenant, name, "new") == ["a"]
        assert found(storage, tenant, name, "old") == []


def test_a_time_never_goes_back(storage: Storage, tenant: int) -> None:
    """Who waits for a row brings an earlier time than who had it."""
    for id in ("owner", "member"):
        insert(storage, tenant, id)
    join(storage, tenant, "owner", "member")
    given = draft(THING, "member")
    storage.write(tenant, lambda t: t.update(THING, given.entries, given, LATEST))
    storage.write(tenant, lambda t: t.touch(THING, "owner", LATEST))
    storage.write(tenant, lambda t: t.update(THING, given.entries, given, LATER))
    storage.write(tenant, lambda t: t.touch(THING, "owner", LATER))
    assert meta_of(storage, tenant, "member") == Meta(DAY, LATEST, 3, 1)
    assert meta_of(storage, tenant, "owner") == Meta(DAY, LATEST, 1, 4)
    storage.write(tenant, lambda t: t.delete(THING, "member", LATER))
    assert meta_of(storage, tenant, "owner") == Meta(DAY, LATEST, 1, 5)


def test_an_update_changes_the_look_up_rows_by_the_difference(storage: Storage, tenant: int) -> None:
    first, second = {"text": "x", "tags": ["a", "b"]}, {"text": "x", "tags": ["b", "c"], DESK: {"seat": "S"}}
    insert(storage, tenant, "a", **first)
    storage.write(tenant, lambda t: t.update(THING, draft(THING, "a", first).entries, draft(THING, "a", second), DAY))
    assert [found(storage, tenant, "tags", key) for key in "abc"] == [[], ["a"], ["a"]]
    assert found(storage, tenant, f"{DESK}:seat", "s") == ["a"]
    with pytest.raises(Uniqueness):
        insert(storage, tenant, "b", text="X")


@pytest.mark.req("R-CHAR-16")
def test_a_taken_unique_value_is_refused_by_its_attribute_alone(storage: Storage, tenant: int) -> None:
    insert(storage, tenant, "a", text="Secret")
    with pytest.raises(Uniqueness) as refused:
        insert(storage, tenant, "b", text="sECRET", exact="free")
    assert "text" in refused.value.detail
    assert "secret" not in refused.value.detail.lower()
    assert storage.read(tenant, THING, "b", NOTHING) is None


def test_an_update_to_a_taken_value_is_refused_and_changes_nothing(storage: Storage, tenant: int) -> None:
    insert(storage, tenant, "a", text="a")
    insert(storage, tenant, "b", text="b", **{DESK: {"seat": "1"}})
    before = draft(THING, "b", text="b", **{DESK: {"seat": "1"}})
    with pytest.raises(Uniqueness, match="text"):
        storage.write(tenant, lambda t: t.update(THING, before.entries, draft(THING, "b", text="A"), LATER))
    record = storage.read(tenant, THING, "b", NOTHING)
    assert record is not None
    assert (record.meta.version, record.document) == (1, before.document)
    assert found(storage, tenant, f"{DESK}:seat", "1") == ["b"]


@pytest.mark.req("R-PUT-10")
def test_a_resource_is_no_conflict_for_itself(storage: Storage, tenant: int) -> None:
    insert(storage, tenant, "a", text="a")
    unknown = replace(draft(THING, "a"), unique=frozenset())
    assert storage.write(tenant, lambda t: t.update(THING, unknown.entries, draft(THING, "a", text="a"), LATER)) == 2


def test_uniqueness_ends_at_path_type_and_tenant(storage: Storage, tenant: int, neighbour: int) -> None:
    insert(storage, tenant, "a", text="same")
    insert(storage, tenant, "b", **{DESK: {"seat": "same"}})
    insert(storage, neighbour, "a", text="same")
    storage.write(tenant, lambda t: t.insert(Creation(OTHER, draft(OTHER, "o", text="same")), DAY))
    there = [(tenant, THING, "a"), (tenant, THING, "b"), (neighbour, THING, "a"), (tenant, OTHER, "o")]
    assert all(storage.read(whose, of_type, id, NOTHING) for whose, of_type, id in there)
    assert found(storage, tenant, "text", "same") == found(storage, neighbour, "text", "same") == ["a"]


def test_a_deleted_resource_leaves_nothing_and_frees_its_values(storage: Storage, tenant: int) -> None:
    insert(storage, tenant, "a", text="value", tags=["tag"])
    join(storage, tenant, "a", "x", "y")
    storage.write(tenant, lambda t: t.delete(THING, "a", LATER))
    assert storage.read(tenant, THING, "a", ALL) is None
    assert found(storage, tenant, "tags", "tag") == []
    assert insert(storage, tenant, "a", text="value") == Meta(DAY, DAY, 1, 1)
    again = storage.read(tenant, THING, "a", ALL)
    assert again is not None
    assert rows_of(again) == []


def test_a_deleted_member_leaves_its_groups_whose_membership_versions_move(storage: Storage, tenant: int) -> None:
    for id in ("g1", "g2", "g3", "u"):
        insert(storage, tenant, id)
    join(storage, tenant, "g1", "u", "other")
    join(storage, tenant, "g2", "u")
    join(storage, tenant, "g3", "other")
    join(storage, tenant, "u", "u")  # a thing may have itself as a member
    storage.write(tenant, lambda t: t.delete(THING, "u", LATEST))
    groups = [storage.read(tenant, THING, id, ALL) for id in ("g1", "g2", "g3")]
    assert [g and g.meta for g in groups] == [Meta(DAY, LATEST, 1, 3), Meta(DAY, LATEST, 1, 3), Meta(DAY, LATER, 1, 2)]
    assert [g and rows_of(g) for g in groups] == [[{"value": "other"}], [], [{"value": "other"}]]


def test_a_neighbour_keeps_what_has_the_same_ids(storage: Storage, tenant: int, neighbour: int) -> None:
    for each in (tenant, neighbour):
        insert(storage, each, "g", text="g")
        insert(storage, each, "u", text="u")
        join(storage, each, "g", "u")
    storage.write(tenant, lambda t: t.delete(THING, "u", LATEST))
    kept = storage.read(neighbour, THING, "g", ALL)
    assert kept is not None
    assert (kept.meta, rows_of(kept)) == (Meta(DAY, LATER, 1, 2), [{"value": "u"}])
    assert found(storage, neighbour, "text", "u") == ["u"]


def test_expand_brings_what_it_names_and_nothing_else(storage: Storage, tenant: int) -> None:
    insert(storage, tenant, "b", exact="Label")
    insert(storage, tenant, "a")
    insert(storage, tenant, "u")
    join(storage, tenant, "b", "u")
    join(storage, tenant, "a", "u")
    plain = storage.read(tenant, THING, "u", NOTHING)
    full = storage.read(tenant, THING, "u", ALL)
    assert plain is not None
    assert full is not None
    assert (plain.rows, plain.derived) == ({}, {})
    assert full.rows == {"members": "[]"}
    assert full.derived == {"memberOf": (Reference("a", None), Reference("b", "Label"))}
    assert storage.write(tenant, lambda t: t.lock(THING, "u", ALL)) == full


def test_a_page_brings_what_expand_names_for_its_resources(storage: Storage, tenant: int) -> None:
    insert(storage, tenant, "a", exact="A")
    insert(storage, tenant, "b")
    storage.write(tenant, lambda t: t.insert(Creation(OTHER, draft(OTHER, "c")), DAY))
    join(storage, tenant, "a", "b")
    page = storage.search(tenant, Query((Selection(THING), Selection(OTHER))), ALL).records
    assert [(record.id, record.rows, record.derived) for record in page] == [
        ("a", {"members": '[{"value":"b"}]'}, {"memberOf": ()}),
        ("b", {"members": "[]"}, {"memberOf": (Reference("a", "A"),)}),
        ("c", {}, {}),
    ]
    assert page[0] == storage.read(tenant, THING, "a", ALL)


def test_missing_names_ids_that_nothing_of_the_tenant_has_in_their_order(
    storage: Storage, tenant: int, neighbour: int
) -> None:
    insert(storage, tenant, "a")
    insert(storage, neighbour, "b")
    storage.write(tenant, lambda t: t.insert(Creation(OTHER, draft(OTHER, "o")), DAY))
    ids = ["z", "a", "b", 'q"uote', "o", "é"]
    assert list(storage.write(tenant, lambda t: t.missing(ids))) == ["z", "b", 'q"uote', "é"]
    assert list(storage.write(tenant, lambda t: t.missing([]))) == []


LONG = "k" * 700


@pytest.mark.parametrize("value", ["", " ", "%", "'; --", '"', "\\", "é😀", LONG, "$[0]", "null"])
def test_any_text_is_a_value_that_is_found(storage: Storage, tenant: int, value: str) -> None:
    insert(storage, tenant, "a", exact=value, tags=[value], text=value)
    for name in ("exact", "tags", "text"):
        assert found(storage, tenant, name, value) == ["a"]


def test_a_long_key_is_told_from_one_with_the_same_beginning(storage: Storage, tenant: int) -> None:
    insert(storage, tenant, "a", text=LONG + "1")
    insert(storage, tenant, "b", text=LONG + "2")
    assert found(storage, tenant, "text", LONG + "2") == ["b"]
    with pytest.raises(Uniqueness):
        insert(storage, tenant, "c", text=LONG + "1")


def test_entries_of_a_draft_are_what_it_is_found_by(storage: Storage, tenant: int) -> None:
    given = replace(draft(THING, "a"), indexed=frozenset({Entry("tags", "made up")}))
    storage.write(tenant, lambda t: t.insert(Creation(THING, given), DAY))
    assert found(storage, tenant, "tags", "made up") == ["a"]
