"""What is kept of a password: a hash, that somebody else set it, and when.

A write has a `Secret` where a client sent a password and leaves with a text, the hash. Hashes are slow on purpose, so
those of an edit are made while nobody waits for the resource (`changes.make_hashes`), and each is made once, however
often the transaction runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from scim_server.domain import compare
from scim_server.domain.attrpath import AttrPath, bind, bind_extension
from scim_server.domain.operation import Operation
from scim_server.domain.resource import Attributes
from scim_server.domain.schema import Json, Kept, Password, ResourceType
from scim_server.domain.secret import Secret
from scim_server.errors import Unsupported

_Place: TypeAlias = tuple[str | None, str]


class Hasher(Protocol):
    """Makes hashes of secrets."""

    def hash(self, text: str) -> str:
        """A new hash, in which its algorithm and its salt stand."""

    def fits(self, made: str, text: str) -> bool:
        """Whether that hash was made of this text."""


class Refusing:
    """Where no hashes are made."""

    def hash(self, text: str) -> str:
        """Raises Unsupported."""
        raise Unsupported("Passwords are not accepted here.")

    def fits(self, made: str, text: str) -> bool:
        """No hash is looked at either."""
        return False


class Untold:
    """For a dry run, which must not tell whether a password is the kept one: whatever is sent is another."""

    def hash(self, text: str) -> str:
        """Something that is stored nowhere."""
        return "$untold$"

    def fits(self, made: str, text: str) -> bool:
        return False


def _no_time() -> datetime:
    raise Unsupported("Passwords are not accepted here.")


@dataclass(frozen=True, slots=True)
class Passwords:
    """Keeps passwords as hashes; `clock` gives the time, aware."""

    hasher: Hasher
    clock: Callable[[], datetime]

    def for_one_write(self) -> Hashing:
        return Hashing(self.hasher, self.clock)

    def of_dry_run(self) -> Passwords:
        """The same for a write of which nothing stays."""
        return Passwords(Untold(), self.clock)


NO_PASSWORDS: Final = Passwords(Refusing(), _no_time)


@dataclass(slots=True)
class Hashing:
    """The hashes of one write, which may run several times."""

    _hasher: Hasher
    _clock: Callable[[], datetime]
    _made: dict[Secret, str] = field(default_factory=dict)
    _compared: dict[tuple[str, Secret], bool] = field(default_factory=dict)

    def settled(self, resource_type: ResourceType, before: Attributes, after: Attributes) -> Attributes:
        """The attributes with the hash in the place of each secret.

        The password that is kept already changes nothing: identity providers send it again and again (OKTA-11).
        """
        for password in resource_type.passwords:
            after = self._with(password, before, after)
        return after

    def _with(self, password: Password, before: Attributes, after: Attributes) -> Attributes:
        held, wanted = _value(before, password.place), _value(after, password.place)
        if isinstance(wanted, Secret):
            if held is not None and self._fits(held, wanted):
                return _put(after, password.place, held)
            after = _put(after, password.place, self._hash(wanted))
            after = _put(after, password.change_required, True)
            return _put(after, password.changed, compare.to_wire(compare.from_datetime(self._clock())))
        if wanted is None and held is not None:
            return _put(_put(after, password.change_required, None), password.changed, None)
        return after

    def _hash(self, secret: Secret) -> str:
        if secret not in self._made:
            self._made[secret] = self._hasher.hash(secret.reveal())
        return self._made[secret]

    def _fits(self, held: str, secret: Secret) -> bool:
        if (held, secret) not in self._compared:
            self._compared[held, secret] = self._hasher.fits(held, secret.reveal())
        return self._compared[held, secret]


def sets_password(resource_type: ResourceType, attributes: Attributes) -> bool:
    """Whether there is a secret in the attributes that a body gives."""
    return any(isinstance(_value(attributes, password.place), Secret) for password in resource_type.passwords)


def may_set_password(resource_type: ResourceType, operation: Operation) -> bool:
    """Whether the path of an operation is that of a password, or of an extension that has one."""
    if not resource_type.passwords or not isinstance(operation.path, AttrPath):
        return False
    bound = bind(operation.path, resource_type)
    if bound is not None:
        return bound.attribute.kept is Kept.HASHED
    extension = bind_extension(operation.path, resource_type)
    return extension is not None and any(p.place[0] == extension.schema.id for p in resource_type.passwords)


def _value(attributes: Attributes, place: _Place) -> Json:
    urn, name = place
    return (attributes.get(urn, {}) if urn else attributes).get(name)


def _put(attributes: Attributes, place: _Place | None, value: Json) -> Attributes:
    """A copy with that value; without any where it is None. Without a place nothing is put."""
    if place is None:
        return attributes
    urn, name = place
    container = dict(attributes.get(urn, {}) if urn else attributes)
    container.pop(name, None)
    if value is not None:
        container[name] = value
    if urn is None:
        return container
    return {**{n: v for n, v in attributes.items() if n != urn}, **({urn: container} if container else {})}
