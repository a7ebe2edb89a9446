"""What is kept of a password: each hash is made once, and none where nobody makes them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from scim_server.domain.attrpath import AttrPath
from scim_server.domain.operation import Operation, Verb
from scim_server.domain.schema import (
    Attribute,
    AttributeType,
    Extension,
    Kept,
    Mutability,
    Password,
    ResourceType,
    Returned,
    Schema,
)
from scim_server.domain.secret import Secret, secret
from scim_server.errors import Unsupported
from scim_server.service.passwords import NO_PASSWORDS, Passwords, may_set_password, sets_password

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
URN = "urn:example:lock"


def hidden(name: str) -> Attribute:
    return Attribute(name, mutability=Mutability.WRITE_ONLY, returned=Returned.NEVER, kept=Kept.HASHED)


def ours(name: str, kind: AttributeType) -> Attribute:
    return Attribute(name, type=kind, mutability=Mutability.READ_ONLY)


CORE = Schema("urn:door", "Door", "", (hidden("code"), ours("must", AttributeType.BOOLEAN), Attribute("floor")))
LOCK = Schema(URN, "Lock", "", (hidden("pin"), ours("since", AttributeType.DATE_TIME), Attribute("make")))
DOOR = ResourceType(
    *("Door", "Door", "/Doors", ""),
    CORE,
    Schema("", "", "", ()),
    extensions=(Extension(LOCK),),
    passwords=(
        Password((None, "code"), 4, change_required=(None, "must")),
        Password((URN, "pin"), 4, changed=(URN, "since")),
    ),
)
PLAIN = ResourceType(*("Door", "Door", "/Doors", ""), CORE, Schema("", "", "", ()))


@dataclass
class Reversed:
    """Hashes that can be read; `made` and `compared` count."""

    made: list[str] = field(default_factory=list)
    compared: list[str] = field(default_factory=list)

    def hash(self, text: str) -> str:
        self.made.append(text)
        return f"${text[::-1]}"

    def fits(self, made: str, text: str) -> bool:
        self.compared.append(text)
        return made == f"${text[::-1]}"


def test_a_secret_becomes_a_hash_with_what_the_server_says_of_it() -> None:
    hashing = Passwords(Reversed(), lambda: NOW).for_one_write()
    after = hashing.settled(DOOR, {}, {"code": secret("abcd"), URN: {"pin": secret("1234"), "make": "x"}})
    assert after == {
        "code": "$dcba",
        "must": True,
        URN: {"pin": "$4321", "make": "x", "since": "2026-05-01T12:00:00.000Z"},
    }


def test_the_same_secret_changes_nothing_and_a_removed_one_leaves_nothing() -> None:
    hashing = Passwords(Reversed(), lambda: NOW).for_one_write()
    before = {"code": "$dcba", "must": False, URN: {"pin": "$4321", "since": "then"}}
    assert hashing.settled(DOOR, before, {**before, "code": secret("abcd")}) == before
    assert hashing.settled(DOOR, before, {"must": False, URN: {"since": "then"}}) == {}
    assert hashing.settled(DOOR, before, before) == before


def test_each_hash_is_made_and_looked_at_once_however_often_the_write_runs() -> None:
    hasher = Reversed()
    hashing = Passwords(hasher, lambda: NOW).for_one_write()
    runs = [hashing.settled(DOOR, {"code": "$yxwv"}, {"code": secret("abcd")}) for _ in range(3)]
    assert runs == [{"code": "$dcba", "must": True}] * 3
    assert (hasher.made, hasher.compared) == (["abcd"], ["abcd"])


def test_a_dry_run_makes_and_compares_none() -> None:
    hasher = Reversed()
    hashing = Passwords(hasher, lambda: NOW).of_dry_run().for_one_write()
    after = hashing.settled(DOOR, {"code": "$dcba"}, {"code": secret("abcd")})
    assert after["code"] != "$dcba"
    assert not isinstance(after["code"], Secret)
    assert (hasher.made, hasher.compared) == ([], [])


def test_where_nobody_makes_hashes_secrets_are_refused_and_all_else_is_not() -> None:
    hashing = NO_PASSWORDS.for_one_write()
    assert hashing.settled(DOOR, {"code": "$dcba"}, {"code": "$dcba", "floor": "1"}) == {"code": "$dcba", "floor": "1"}
    for before in ({}, {"code": "$dcba"}):
        with pytest.raises(Unsupported):
            hashing.settled(DOOR, before, {"code": secret("abcd")})
    with pytest.raises(Unsupported):
        NO_PASSWORDS.clock()


def test_a_body_with_a_secret_is_known() -> None:
    assert sets_password(DOOR, {"code": secret("abcd")})
    assert sets_password(DOOR, {URN: {"pin": secret("abcd")}})
    assert not sets_password(DOOR, {"floor": "1", URN: {"make": "x"}})
    assert not sets_password(PLAIN, {"floor": "1"})


PATHS = [
    (DOOR, AttrPath("code"), True),
    (DOOR, AttrPath("CODE"), True),
    (DOOR, AttrPath("pin", None, URN), True),
    (DOOR, AttrPath("lock", None, "urn:example"), True),  # the extension as a whole
    (DOOR, AttrPath("floor"), False),
    (DOOR, AttrPath("make", None, URN), False),
    (DOOR, AttrPath("nothing"), False),
    (PLAIN, AttrPath("code"), False),
]


@pytest.mark.parametrize(("kind", "path", "expected"), PATHS)
def test_an_operation_that_may_set_a_secret_is_known_by_its_path(
    kind: ResourceType, path: AttrPath, expected: bool
) -> None:
    assert may_set_password(kind, Operation(Verb.REPLACE, path, "abcd")) is expected
    assert not may_set_password(kind, Operation(Verb.REMOVE, None))
