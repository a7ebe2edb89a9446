"""As what a profile's tenants see their licence pools: as resources of one of the types whose binding has `pools`.

It is the type that the profile's `[pools]` names, or that of a profile that it extends; without one the first in the
order of the files. The others are not there for these tenants.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scim_server.catalog.faults import Fault, Place, one_of, shown
from scim_server.catalog.files import Document
from scim_server.domain.schema import ResourceType


def with_one_form(resource_types: Sequence[ResourceType], profiles: Sequence[Document]) -> tuple[ResourceType, ...]:
    """The resource types without those as which pools are not shown."""
    forms = [t.name for t in resource_types if t.pools]
    chosen = [name for _, name in _choices(profiles) if name in forms] or forms[:1]
    return tuple(t for t in resource_types if t.pools is None or t.name == chosen[-1])


def faults(resource_types: Sequence[ResourceType], profiles: Sequence[Document]) -> Iterator[Fault]:
    """A name that is of no such type."""
    forms = [t.name for t in resource_types if t.pools]
    for place, name in _choices(profiles):
        if name not in forms:
            problem = f"{shown(name)} is no resource type that shows licence pools"
            yield place.fault(problem, one_of(forms) or "no [pools], since there is none")


def _choices(profiles: Sequence[Document]) -> Iterator[tuple[Place, str]]:
    for profile in profiles:
        if "pools" in profile.content:
            yield profile.place.member("pools").member("shown_as"), profile.content["pools"]["shown_as"]
