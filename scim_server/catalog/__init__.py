"""The catalogue: the files under schemas/ and extensions/ become the registries that the server works with.

    files       which files there are, and their text as documents
    shapes      the keys of each kind of file (marshmallow)
    schemas     a schema file becomes a Schema, held to RFC 7643
    binding     what a resource type's binding says about its attributes
    formats     the formats of values that a binding can name
    scopes      whom each file is for: the tenants of one profile, or everybody
    resource_types   the files joined into the resource types of each profile
    passwords   which attributes of a profile's are kept as hashes
    rules       what a profile asks of them, bound to their attributes
    pools       as which of them a profile's tenants see their licence pools

The first three look at each file by itself; the others at all of them together, and only when each is right by
itself, since otherwise one fault would show up as many.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

from scim_server.catalog import files, resource_types, schemas, shapes
from scim_server.catalog.faults import CatalogError, Fault, Severity
from scim_server.catalog.files import Document, Kind
from scim_server.catalog.resource_types import Outcome, assemble
from scim_server.catalog.schemas import Definition
from scim_server.catalog.scopes import Products
from scim_server.domain import compare
from scim_server.domain.catalogue import Catalogue
from scim_server.domain.registry import Registry, published
from scim_server.domain.schema import Json

__all__ = ["CatalogError", "Fault", "Severity", "check", "load"]

_LookedAt: TypeAlias = tuple[Document | None, list[Fault]]
"""A file's document, where it has one, and what is wrong with the file by itself."""


def load(extensions: Path | None = None) -> Catalogue:
    """The built-in schemas and, where a folder is given, the extension or the extensions in it, for each profile.

    Raises CatalogError with every error that was found; warnings do not stop it, `check` shows them.
    """
    documents, faults = _documents(extensions)
    outcome = _outcome(documents) if not faults else None
    errors = [f for f in (faults if outcome is None else outcome.faults) if f.severity is Severity.ERROR]
    if outcome is None or errors:
        raise CatalogError(errors)
    discovery = [d.schema for d in outcome.unbound if d.document.source.built_in]
    mark = stamp(documents)
    registries = {
        profile: Registry(types, published(types, discovery), mark) for profile, types in outcome.resource_types.items()
    }
    return Catalogue(registries, Products(documents).default)


def check(path: Path) -> list[Fault]:
    """What is wrong with the extension, or the extensions, in a folder: errors and warnings, by file."""
    documents, faults = _documents(path)
    found = faults or list(_outcome(documents).faults)
    return sorted(found, key=lambda fault: fault.file)


def stamp(documents: Sequence[Document]) -> str:
    """SHA-256, in hexadecimal, of what the files mean, wherever they are, and for which profile, of the form that
    stored values are compared in, and of the Unicode version that folds case.
    """
    owner = Products(documents).owner
    texts = sorted(_canonical([d.source.kind, owner(d), _meaning(d.content)]) for d in documents)
    return hashlib.sha256(_canonical([compare.FORMAT, unicodedata.unidata_version, *texts]).encode()).hexdigest()


_NOT_STORED: Final[Mapping[str, frozenset[str]]] = {
    "binding": frozenset({"formats", "subject", "pools"}),
    "profile": frozenset({"default"}),
}
"""Parts that say nothing of what is stored: what values are accepted, whom credentials are bound to, who gets what."""


_RULES: Final = frozenset({*shapes.RULES, "pools"})
"""Parts of a profile that say what may be written or is shown, and nothing of what is stored."""


_HASHED: Final = frozenset({"passwords"})
_HASHING: Final = frozenset({"minimum", "change_required", "changed"})
"""Of what is kept as a hash, what says nothing of where it is kept."""


def _meaning(content: Mapping[str, Json]) -> Json:
    """A file without what says nothing of what is stored. In a binding `description` is the name of an attribute."""
    parts = {part: _without(content.get(part, {}), names) for part, names in _NOT_STORED.items()}
    hashed = {table: [_without(item, _HASHING) for item in content[table]] for table in _HASHED & content.keys()}
    return {**_undescribed({**_without(content, _RULES), "binding": None}), **parts, **hashed}


def _without(part: Mapping[str, Json], names: frozenset[str]) -> Json:
    return {name: value for name, value in part.items() if name not in names}


def _undescribed(value: Json) -> Json:
    """The value without the descriptions in it: what they say changes nothing that is stored."""
    if isinstance(value, list):
        return [_undescribed(element) for element in value]
    if not isinstance(value, dict):
        return value
    return {name: _undescribed(member) for name, member in value.items() if name != "description"}


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def _documents(extensions: Path | None) -> tuple[list[Document], list[Fault]]:
    """Documents that are right by themselves, and the faults of those that are not."""
    sources, faults = files.of_extensions(extensions) if extensions else ([], [])
    results = [*_built_in(), *map(_looked_at, sources)]
    documents = [document for document, _ in results if document]
    faults += [fault for _, found in results for fault in found]
    return documents, faults or _repeated(documents)


@cache
def _built_in() -> Sequence[_LookedAt]:
    """The files that come with the server: they stay as they are, so a process looks at them once."""
    return tuple(map(_looked_at, files.built_in()))


def _looked_at(source: files.Source) -> _LookedAt:
    result = files.read(source)
    return (None, [result]) if isinstance(result, Fault) else (result, _faults(result))


def _faults(document: Document) -> list[Fault]:
    misshapen = shapes.faults(document)
    kind = document.source.kind
    if misshapen or kind is Kind.PROFILE:
        return misshapen
    return resource_types.faults(document) if kind is Kind.RESOURCE_TYPE else schemas.faults(schemas.define(document))


def _repeated(documents: Sequence[Document]) -> list[Fault]:
    uris = schemas.repeated_uris(_definitions(documents))
    return [*uris, *resource_types.repeated(_of(Kind.RESOURCE_TYPE, documents)), *Products(documents).faults]


def _outcome(documents: Sequence[Document]) -> Outcome:
    (common,) = _of(Kind.COMMON, documents)
    return assemble(schemas.define(common).schema, _definitions(documents), Products(documents).scopes())


def _definitions(documents: Sequence[Document]) -> list[Definition]:
    return [schemas.define(document) for document in _of(Kind.SCHEMA, documents)]


def _of(kind: Kind, documents: Sequence[Document]) -> list[Document]:
    return [document for document in documents if document.source.kind is kind]
