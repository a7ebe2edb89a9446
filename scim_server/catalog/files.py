"""The files of the catalogue: which there are, and their text as documents.

The built-in folder holds `*.json` and `resource_types/*.json`; any other has `schemas/*.json`, `profile.toml` and
`resource_types/*.json`, or sub-folders that have. Reading is total: a file that cannot be read is a fault, and the
others are read.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final

from scim_server.catalog.faults import Fault, Place, shown
from scim_server.domain.schema import Json

BUILT_IN: Final = Path(__file__).parent.parent / "schemas"
SCHEMAS, RESOURCE_TYPES, PROFILE = "schemas", "resource_types", "profile.toml"
PARTS: Final = (SCHEMAS, RESOURCE_TYPES, PROFILE)
TOML_POSITION: Final = re.compile(r"(.*) \(at (line \d+, column \d+|end of document)\)", re.DOTALL)


class Kind(StrEnum):
    COMMON = "common"
    SCHEMA = "schema"
    RESOURCE_TYPE = "resource type"
    PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class Source:
    """A file, what it has to hold, and whether it is one of ours."""

    path: Path
    kind: Kind
    built_in: bool = False

    @property
    def folder(self) -> Path:
        """The folder of the extension that the file is part of."""
        return self.path.parent if self.kind is Kind.PROFILE else self.path.parent.parent


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds, as JSON."""

    source: Source
    content: Json

    @property
    def place(self) -> Place:
        return Place(str(self.source.path))


class RepeatedMember(ValueError):
    """A JSON object has two members of one name."""


def built_in() -> list[Source]:
    """The files that come with the server."""
    common = BUILT_IN / "common.json"
    schemas = [path for path in sorted(BUILT_IN.glob("*.json")) if path != common]
    return [
        Source(common, Kind.COMMON, built_in=True),
        *(Source(path, Kind.SCHEMA, built_in=True) for path in schemas),
        *(Source(p, Kind.RESOURCE_TYPE, built_in=True) for p in sorted(BUILT_IN.glob("resource_types/*.json"))),
    ]


def of_extensions(path: Path) -> tuple[list[Source], list[Fault]]:
    """The files of one extension, or of every extension in a folder of them."""
    if not path.is_dir():
        return [], [Place(str(path)).fault("there is no such folder", "an extension, or a folder of extensions")]
    if _is_extension(path):
        return list(_of_extension(path)), []
    folders = [folder for folder in sorted(path.iterdir()) if folder.is_dir() and folder.name[0] not in "._"]
    empty = [folder for folder in folders if not _is_extension(folder)]
    faults = [Place(str(f)).fault("holds no extension", f"{', '.join(PARTS[:-1])} or {PARTS[-1]} in it") for f in empty]
    return [source for folder in folders for source in _of_extension(folder)], faults


def read(source: Source) -> Document | Fault:
    """The document of one file."""
    place = Place(str(source.path))
    parse = _parse_toml if source.kind is Kind.PROFILE else _parse_json
    try:
        text = source.path.read_text(encoding="utf-8")
    except OSError as error:
        return place.fault(f"cannot be read ({error.strerror})")
    except UnicodeDecodeError as error:
        return place.fault(f"byte {error.start} is not UTF-8", "a text in UTF-8")
    try:
        content = parse(text, place)
    except (ValueError, RecursionError) as error:
        return place.fault(f"cannot be read ({error})", "shorter numbers and less nesting")
    return content if isinstance(content, Fault) else Document(source, content)


def _is_extension(folder: Path) -> bool:
    return any((folder / part).exists() for part in PARTS)


def _of_extension(folder: Path) -> Iterator[Source]:
    yield from (Source(path, Kind.SCHEMA) for path in sorted(folder.glob(f"{SCHEMAS}/*.json")))
    yield from (Source(path, Kind.RESOURCE_TYPE) for path in sorted(folder.glob(f"{RESOURCE_TYPES}/*.json")))
    if (folder / PROFILE).exists():
        yield Source(folder / PROFILE, Kind.PROFILE)


def _parse_json(text: str, place: Place) -> Json | Fault:
    try:
        return json.loads(text, parse_float=Decimal, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        return Fault(place.file, f"line {error.lineno}, column {error.colno}", error.msg, "JSON")
    except RepeatedMember as error:
        return place.fault(str(error), "each name once in an object")


def _parse_toml(text: str, place: Place) -> Json | Fault:
    parse_float: Callable[[str], Decimal] = Decimal
    try:
        return tomllib.loads(text, parse_float=parse_float)
    except tomllib.TOMLDecodeError as error:
        match = TOML_POSITION.fullmatch(str(error))
        problem, position = match.groups() if match else (str(error), "")
        return Fault(place.file, position, problem, "TOML")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members: dict[str, Json] = {}
    for name, value in pairs:
        if name in members:
            raise RepeatedMember(f"{shown(name)} stands twice in one object")
        members[name] = value
    return members
