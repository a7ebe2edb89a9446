"""The table of dialects."""

import pytest

from scim_server.connectors import DIALECTS, bodies, dialect, dialects, embedded, operations, repairs
from scim_server.domain import dialect as contract
from scim_server.domain.dialect import Dialect, Tolerance

CONNECTORS = ["entra", "okta", "google"]


def quirks(of: Dialect) -> set[object]:
    return {*of.tolerances, *of.repairs, *of.rewrites, *of.body_rewrites}


def test_the_dialects_are_those_that_a_credential_may_have() -> None:
    assert list(DIALECTS) == ["entra", "okta", "google", "generic", "strict"]
    assert all(name == dialect(name).name for name in DIALECTS)


def test_strict_is_the_rfc_to_the_letter() -> None:
    assert dialect("strict") is contract.STRICT
    assert quirks(dialect("strict")) == set()


def test_generic_has_every_tolerance_that_the_core_knows() -> None:
    assert dialect("generic").tolerances == set(Tolerance)


@pytest.mark.parametrize("module", [repairs, operations, bodies, embedded])
def test_generic_has_every_function_of_the_room(module: object) -> None:
    public = {f for name, f in vars(module).items() if callable(f) and getattr(f, "__module__", "") == module.__name__}  # type: ignore[attr-defined]
    public = {f for f in public if not f.__name__.startswith("_")}
    assert public
    assert public <= quirks(dialect("generic"))


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_connectors_dialect_is_a_part_of_generic_in_the_same_order(name: str) -> None:
    generic, own = dialect("generic"), dialect(name)
    assert quirks(own) < quirks(generic)
    assert list(own.repairs) == [r for r in generic.repairs if r in own.repairs]
    assert list(own.rewrites) == [r for r in generic.rewrites if r in own.rewrites]
    assert list(own.body_rewrites) == [r for r in generic.body_rewrites if r in own.body_rewrites]


def test_a_row_names_only_connectors_that_have_a_dialect() -> None:
    tables = (dialects.TOLERANCES, dialects.REPAIRS, dialects.REWRITES, dialects.BODY_REWRITES)
    assert set().union(*(who for table in tables for who in table.values())) == set(CONNECTORS)


def test_a_boolean_is_read_before_it_could_be_dropped() -> None:
    order = list(dialects.REPAIRS)
    assert order.index(repairs.read_boolean_text) < order.index(repairs.drop_unreadable_primary)


def test_names_and_verbs_are_put_right_before_they_are_read() -> None:
    order = list(dialects.REWRITES)
    assert order[:2] == [operations.lower_member_names, operations.lower_verb]
    assert order.index(operations.remove_listed) < order.index(operations.ignore_removed_value)


def test_an_unknown_dialect_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(LookupError, match=r"'azure'.*entra, okta, google, generic, strict"):
        dialect("azure")


def test_every_function_names_its_evidence() -> None:
    functions = [quirk for quirk in quirks(DIALECTS["generic"]) if callable(quirk)]
    assert functions
    assert [function for function in functions if "ENTRA-" not in (function.__doc__ or "")] == []
