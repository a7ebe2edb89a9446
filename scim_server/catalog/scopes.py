"""Whom the files are for: a folder whose profile.toml has a `[profile]` table is a product, any other is for everybody.

What a product's folder has is for tenants of its profile, and of the profiles that extend it, alone. Schemas are known
to all: they do nothing before a resource type has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scim_server.catalog.faults import Fault, Place, one_of, shown
from scim_server.catalog.files import Document, Kind
from scim_server.domain.catalogue import NO_PROFILE
from scim_server.domain.schema import Json


@dataclass(frozen=True, slots=True)
class Scope:
    """The files that count for one profile; those for everybody first, then those that it extends, then its own."""

    profile: str
    types: tuple[Document, ...]
    profiles: tuple[Document, ...]


class Products:
    """The profiles among the documents, by name; `faults` is what is wrong with them beside each other."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.faults: list[Fault] = []
        self._documents = documents
        self._by_name: dict[str, Document] = {}
        for document in documents:
            if document.source.kind is Kind.PROFILE and "profile" in document.content:
                self._add(document)
        for document in self._by_name.values():
            self._check_base(document)
        self._owners = {document.source.folder: name for name, document in self._by_name.items()}
        self.default = self._default()

    def owner(self, document: Document) -> str:
        """The profile that a file belongs to; NO_PROFILE for a schema and for what is for everybody."""
        return NO_PROFILE if document.source.kind is Kind.SCHEMA else self._owner_of(document.source.folder)

    def scopes(self) -> Iterator[Scope]:
        """The scope of each profile, and that of no product; only where there are no faults."""
        yield self._scope(NO_PROFILE, ())
        for name in self._by_name:
            yield self._scope(name, self._lineage(name))

    def _scope(self, profile: str, lineage: Sequence[str]) -> Scope:
        rank = {name: place for place, name in enumerate((NO_PROFILE, *lineage))}
        mine = [document for document in self._documents if self._owner_of(document.source.folder) in rank]
        mine.sort(key=lambda document: rank[self._owner_of(document.source.folder)])
        return Scope(profile, tuple(_of(Kind.RESOURCE_TYPE, mine)), tuple(_of(Kind.PROFILE, mine)))

    def _owner_of(self, folder: Path) -> str:
        return self._owners.get(folder, NO_PROFILE)

    def _lineage(self, name: str) -> list[str]:
        """The profiles that one takes over, the first of all first, and itself."""
        names = [name]
        while base := self._base(names[-1]):
            names.append(base)
        return names[::-1]

    def _base(self, name: str) -> str | None:
        found: str | None = _about(self._by_name[name]).get("extends")
        return found

    def _add(self, document: Document) -> None:
        name = _about(document)["name"]
        first = self._by_name.setdefault(name, document)
        if first is not document:
            problem = f"{shown(name)} is the name of the profile in {first.place.file} already"
            self.faults.append(_place(document, "name").fault(problem, "another name"))

    def _check_base(self, document: Document) -> None:
        about = _about(document)
        seen = [about["name"]]
        while (base := self._base(seen[-1])) is not None:
            if base not in self._by_name:
                # A fault of the profile that names it, and not of those that extend that one.
                if len(seen) == 1:
                    problem = f"there is no profile {shown(base)}"
                    others = sorted(self._by_name.keys() - {seen[0]})
                    self.faults.append(_place(document, "extends").fault(problem, one_of(others) or "no extends"))
                return
            if base in seen:
                if base == seen[0]:
                    circle = " extends ".join([*seen, base])
                    self.faults.append(_place(document, "extends").fault(circle, "no circle"))
                return
            seen.append(base)

    def _default(self) -> str:
        """The profile that says so, else the only one that there is."""
        chosen = [document for document in self._by_name.values() if _about(document).get("default")]
        for other in chosen[1:]:
            problem = f"{shown(_about(chosen[0])['name'])} is the default already"
            self.faults.append(_place(other, "default").fault(problem, "false"))
        if chosen or len(self._by_name) == 1:
            return str(_about((chosen or [*self._by_name.values()])[0])["name"])
        return NO_PROFILE


def _about(document: Document) -> Mapping[str, Json]:
    about: Mapping[str, Json] = document.content["profile"]
    return about


def _place(document: Document, key: str) -> Place:
    return document.place.member("profile").member(key)


def _of(kind: Kind, documents: Iterable[Document]) -> Iterator[Document]:
    return (document for document in documents if document.source.kind is kind)
