"""Folders of extensions with resource types of their own, and a small right body for any resource type.

`every` writes a resource type that has an attribute for each way in which an attribute can be: type, multiplicity,
mutability, returned and uniqueness, as far as the characteristics go together, and a required extension.
"""

import json
import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from scim_server.domain.publish import HAS_UNIQUENESS
from scim_server.domain.schema import (
    Attribute,
    AttributeType,
    Json,
    Mutability,
    ResourceType,
    Returned,
    Schema,
    Uniqueness,
)

ROOT = Path(__file__).parents[1]
SAMPLE = "urn:example:params:scim:schemas:Sample"
MORE = "urn:example:params:scim:schemas:extension:More"


def extensions(folder: Path) -> Path:
    """The extensions that come along, and the one that brings a resource type, in a new folder."""
    shutil.copytree(ROOT / "extensions", folder / "extensions")
    shutil.copytree(ROOT / "tests" / "data" / "catalog", folder / "extensions" / "devices")
    return folder / "extensions"


def body(resource_type: ResourceType, text: str, *members: str) -> dict[str, Any]:
    """What must be there, with `text` wherever a text is needed; the members in each attribute kept as rows."""
    required = [e.schema for e in resource_type.extensions if e.required]
    made: dict[str, Any] = {"schemas": [resource_type.schema.id, *(s.id for s in required)]}
    made |= {a.name: text for a in resource_type.schema.attributes if a.required}
    made |= {s.id: {_writable_text(s).name: text} for s in required}
    if members:
        made |= {a.name: [{"value": id} for id in members] for a in resource_type.rows_attributes}
    return made


def _writable_text(schema: Schema) -> Attribute:
    return next(
        a
        for a in schema.attributes
        if a.type is AttributeType.STRING and not a.multi_valued and a.mutability is Mutability.READ_WRITE
    )


def every(folder: Path) -> Path:
    """A new folder `every`: the resource type Sample at /Samples and the extension that each sample must carry."""
    sample = [*_all(), *_required(), *_exact(), *_parts()]
    more = [m | {"name": f"more-{m['name']}"} for m in (*_all(Uniqueness.SERVER), *_required(), *_parts())]
    resource_type = {
        "name": "Sample",
        "endpoint": "/Samples",
        "schema": SAMPLE,
        "schemaExtensions": [{"schema": MORE, "required": True}],
    }
    _write(folder / "every/schemas/sample.json", {"id": SAMPLE, "name": "Sample", "attributes": sample})
    _write(folder / "every/schemas/more.json", {"id": MORE, "name": "More", "attributes": more})
    _write(folder / "every/resource_types/Sample.json", resource_type)
    return folder / "every"


def _write(path: Path, content: Json) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _all(*uniqueness: Uniqueness) -> Iterator[dict[str, Json]]:
    """An attribute for each combination; with `uniqueness` none but attributes of that one where they can have it."""
    for kind, multi_valued, (mutability, returned) in product(AttributeType, (False, True), _visibilities()):
        able = kind in HAS_UNIQUENESS and returned is not Returned.NEVER
        for unique in (uniqueness or Uniqueness) if able else (Uniqueness.NONE,):
            yield _attribute(kind, multi_valued, mutability, returned, unique)


def _visibilities() -> Iterator[tuple[Mutability, Returned]]:
    """What a client may write and what it gets back; what is writeOnly never comes back."""
    for pair in product(Mutability, Returned):
        if pair[0] is not Mutability.WRITE_ONLY or pair[1] is Returned.NEVER:
            yield pair


def _attribute(
    kind: AttributeType, multi_valued: bool, mutability: Mutability, returned: Returned, unique: Uniqueness
) -> dict[str, Json]:
    words = (kind, "many" if multi_valued else "one", mutability, returned, unique)
    made: dict[str, Json] = {
        "name": "".join((words[0], *(word[0].upper() + word[1:] for word in words[1:]))),
        "type": kind,
        "multiValued": multi_valued,
        "mutability": mutability,
        "returned": returned,
        "uniqueness": unique,
    }
    return made | _peculiar(kind, mutability)


_REFERENCES = dict(zip(Mutability, ["Sample", "external", "uri", "User"], strict=True))


def _peculiar(kind: AttributeType, mutability: Mutability) -> dict[str, Json]:
    """What only attributes of that type have."""
    if kind is AttributeType.REFERENCE:
        return {"referenceTypes": [_REFERENCES[mutability]]}
    if kind is not AttributeType.COMPLEX:
        return {}
    hidden = {"returned": Returned.NEVER} if mutability is Mutability.WRITE_ONLY else {}
    return {
        "subAttributes": [
            {"name": name, "type": simple, "mutability": mutability, **hidden, **_peculiar(simple, mutability)}
            for name, simple in {"value": AttributeType.STRING, **{f"{k}Part": k for k in _SIMPLE}}.items()
        ]
    }


_SIMPLE = tuple(kind for kind in AttributeType if kind is not AttributeType.COMPLEX)


def _required() -> Iterator[dict[str, Json]]:
    for kind, multi_valued in product(AttributeType, (False, True)):
        made = _attribute(kind, multi_valued, Mutability.READ_WRITE, Returned.DEFAULT, Uniqueness.NONE)
        yield made | {"name": f"required-{made['name']}", "required": True}


def _exact() -> Iterator[dict[str, Json]]:
    """Strings in which case counts, and strings with suggested values."""
    for multi_valued, unique in product((False, True), Uniqueness):
        made = _attribute(AttributeType.STRING, multi_valued, Mutability.READ_WRITE, Returned.DEFAULT, unique)
        yield made | {"name": f"exact-{made['name']}", "caseExact": True}
        yield made | {"name": f"suggested-{made['name']}", "canonicalValues": ["red", "green"]}


def _parts() -> Iterator[dict[str, Json]]:
    """Complex attributes whose parts are of every type, mutability and returned, single and with several values."""
    for many in (False, True):
        parts = [
            _attribute(kind, sub_many, mutability, returned, Uniqueness.NONE)
            for kind, sub_many, (mutability, returned) in product(_SIMPLE, (False, True), _visibilities())
        ]
        needed = {"name": "needed", "required": True}
        yield {
            "name": "partsMany" if many else "partsOne",
            "type": AttributeType.COMPLEX,
            "multiValued": many,
            "subAttributes": [needed, *parts],
        }
