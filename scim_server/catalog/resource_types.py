"""Resource types: their files and the profiles' bindings, joined with the schemas that they name, for each profile.

Everything is looked up by name here and nowhere later. A name that leads nowhere is a fault at its place, and the
rest goes on without it, so that one run finds as much as it can.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from scim_server.catalog import pools
from scim_server.catalog.binding import Binding, Draft, Use
from scim_server.catalog.derivations import DerivationBook
from scim_server.catalog.faults import Fault, Place, one_of, shown
from scim_server.catalog.files import Document
from scim_server.catalog.passwords import PasswordBook
from scim_server.catalog.rules import RuleBook
from scim_server.catalog.schemas import Definition, Written, resource_faults, written
from scim_server.catalog.scopes import Scope
from scim_server.catalog.uniqueness import UniquenessBook
from scim_server.domain.schema import AbsentInPut, Extension, ResourceType, Schema

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
# Words that mean something else where a resource type is named, and addresses that are taken.
TAKEN_NAMES: Final = frozenset({"ServiceProviderConfig", "ResourceType", "Schema", "external", "uri"})
TAKEN_ENDPOINTS: Final = frozenset(
    {"/ServiceProviderConfig", "/ServiceProviderConfigs", "/ResourceTypes", "/Schemas", "/Bulk", "/Me"}
)
# Names and endpoints are unique and exact (errata 8366, 8475); a base schema has one endpoint (erratum 8365).
DISTINCT: Final[Mapping[str, Callable[[str], str]]] = {"name": str, "endpoint": str, "schema": str.lower}
NO_RESOURCE: Final = frozenset({"external", "uri"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the files amount to: the resource types by profile, the schemas that none uses, and the faults."""

    resource_types: Mapping[str, tuple[ResourceType, ...]]
    unbound: tuple[Definition, ...]
    faults: tuple[Fault, ...]


def faults(document: Document) -> list[Fault]:
    """What is wrong with the name and the address of a resource type by itself."""
    name, endpoint = document.content["name"], document.content["endpoint"]
    at_name, at_endpoint = document.place.member("name"), document.place.member("endpoint")
    found = []
    if not NAME.fullmatch(name):
        found.append(at_name.fault(f"{shown(name)} is not a name", "a letter, then letters, digits, - or _"))
    if name in TAKEN_NAMES:
        found.append(at_name.fault(f"{shown(name)} means something else in SCIM", "another name"))
    if not (endpoint.startswith("/") and NAME.fullmatch(endpoint[1:])):
        found.append(at_endpoint.fault(f"{shown(endpoint)} is not an endpoint", "a path of one step, such as /Users"))
    if endpoint in TAKEN_ENDPOINTS:
        found.append(at_endpoint.fault(f"{shown(endpoint)} is taken by the protocol", "another path"))
    if document.content.get("id", name) != name:
        found.append(document.place.member("id").fault("differs from the name", f"{shown(name)}, or no id"))
    return found


def repeated(types: Iterable[Document]) -> list[Fault]:
    """What two resource types have in common and must not."""
    first: dict[tuple[str, str], Document] = {}
    found = []
    for document, (key, folded) in product(types, DISTINCT.items()):
        value = document.content[key]
        other = first.setdefault((key, folded(value)), document)
        if other is not document:
            problem = f"{shown(value)} belongs to {other.content['name']} in {other.place.file} already"
            found.append(document.place.member(key).fault(problem, f"another {key}"))
    return found


def assemble(common: Schema, definitions: Iterable[Definition], scopes: Iterable[Scope]) -> Outcome:
    """The resource types of each profile, in the order of their files."""
    named = {definition.schema.id.lower(): definition for definition in definitions}
    found: list[Fault] = []
    listed = [*scopes]
    assembled = {scope.profile: _assembled(_Assembly(common, named), scope, found) for scope in listed}
    types = [resource_type for of_profile in assembled.values() for resource_type in of_profile]
    bound = {schema.id.lower() for resource_type in types for _, schema in resource_type.containers}
    unbound = tuple(definition for urn, definition in named.items() if urn not in bound)
    found += _schema_faults(named.values(), unbound, common, {resource_type.name for resource_type in types})
    served = {scope.profile: pools.with_one_form(assembled[scope.profile], scope.profiles) for scope in listed}
    return Outcome(served, unbound, tuple(_once(found)))


def _once(faults: Iterable[Fault]) -> Iterable[Fault]:
    """What is wrong in a file of several profiles, once; what is expected there may differ between them."""
    first: dict[tuple[str, str, str], Fault] = {}
    for fault in faults:
        first.setdefault((fault.file, fault.key, fault.problem), fault)
    return first.values()


def _assembled(assembly: _Assembly, scope: Scope, found: list[Fault]) -> tuple[ResourceType, ...]:
    """The resource types of one profile; what is wrong with them is added to `found`."""
    drafts = assembly.drafts(scope.types, [use for profile in scope.profiles for use in _profile_uses(profile)])
    bindings = [Binding(draft) for draft in drafts]
    derivations = DerivationBook(
        (binding.resource_type for binding in bindings), (wanted for binding in bindings for wanted in binding.wanted)
    )
    uniqueness = UniquenessBook(derivations.resource_types, scope.profiles)
    finished = uniqueness.resource_types
    found += assembly.faults
    found += (fault for binding in bindings for fault in binding.faults)
    found += [*derivations.faults, *uniqueness.faults]
    found += _subject_faults(drafts, finished)
    found += pools.faults(finished, scope.profiles)
    passwords = PasswordBook(finished, scope.profiles)
    found += passwords.faults
    book = RuleBook(passwords.resource_types, scope.profiles)
    found += book.faults
    return book.resource_types


class _Assembly:
    """The drafts of the resource types of one profile; `definitions` are by URN in lower case."""

    def __init__(self, common: Schema, definitions: Mapping[str, Definition]) -> None:
        self.faults: list[Fault] = []
        self._definitions = definitions
        self._common = common

    def drafts(self, types: Sequence[Document], uses: Sequence[Use]) -> list[Draft]:
        names = [document.content["name"] for document in types]
        bases = {document.content["schema"].lower(): document for document in types}
        for use in uses:
            self._check_type(use, names)
        found = [self._draft(document, uses, bases) for document in types]
        return [draft for draft in found if draft]

    def _check_type(self, use: Use, names: Sequence[str]) -> None:
        if use.resource_type not in names:
            place = use.place.member("resource_type")
            self.faults.append(place.fault(f"there is no resource type {shown(use.resource_type)}", one_of(names)))

    def _draft(self, document: Document, uses: Sequence[Use], bases: Mapping[str, Document]) -> Draft | None:
        content = document.content
        base = self._definition(content["schema"], document.place.member("schema"))
        own = [*_own_uses(document), *(use for use in uses if use.resource_type == content["name"])]
        extensions = self._extensions(own, bases)
        if base is None:
            return None
        resource_type = ResourceType(
            id=content["name"],
            name=content["name"],
            endpoint=content["endpoint"],
            description=content.get("description", ""),
            schema=base.schema,
            common=self._common,
            extensions=tuple(extension for _, extension in extensions),
        )
        self.faults += [fault for use, extension in extensions for fault in self._hidden(use, extension, base.schema)]
        return Draft(resource_type, document, tuple(use for use, _ in extensions))

    def _definition(self, urn: str, place: Place) -> Definition | None:
        definition = self._definitions.get(urn.lower())
        if definition is None:
            self.faults.append(place.fault(f"there is no schema {shown(urn)}", "the id of a schema file"))
        return definition

    def _extensions(self, uses: Iterable[Use], bases: Mapping[str, Document]) -> list[tuple[Use, Extension]]:
        found: dict[str, tuple[Use, Extension]] = {}
        for use in uses:
            place = use.place.member(use.key)
            definition = self._definition(use.urn, place)
            if definition is None:
                continue
            if problem := _clash(use, bases, found):
                self.faults.append(place.fault(problem, "an extension that the resource type does not have yet"))
                continue
            extension = Extension(definition.schema, use.required, use.absent_in_put)
            found[use.urn.lower()] = use, extension
        return list(found.values())

    def _hidden(self, use: Use, extension: Extension, base: Schema) -> list[Fault]:
        """Extensions avoid the names of core attributes (RFC 7643 section 3.3, R-RT-14)."""
        same = [a.name for a in extension.schema.attributes if base.attribute(a.name)]
        problem = f"{extension.schema.id} has attributes that the core schema has too: {', '.join(same)}"
        return [use.place.member(use.key).warning(problem, "other names")] if same else []


def _profile_uses(profile: Document) -> list[Use]:
    """A product's extension survives a PUT that does not name it, unless its binding says `clear`."""
    place = profile.place.member("bindings")
    return [
        Use(
            place=place.element(index),
            key="extension",
            resource_type=item["resource_type"],
            urn=item["extension"],
            required=item.get("required", False),
            absent_in_put=AbsentInPut(item.get("absent_in_put", AbsentInPut.KEEP)),
            indexed=tuple(item.get("indexed", ())),
            kept=item.get("kept", {}),
            derived=item.get("derived", {}),
            defaults=item.get("defaults", {}),
        )
        for index, item in enumerate(profile.content.get("bindings", ()))
    ]


def _own_uses(document: Document) -> list[Use]:
    """The extensions that a resource type's own file names; a PUT clears them, unless its binding says `keep`."""
    content = document.content
    place = document.place.member("schemaExtensions")
    rules = {urn.lower(): rule for urn, rule in content.get("binding", {}).get("absentInPut", {}).items()}
    return [
        Use(
            place=place.element(index),
            key="schema",
            resource_type=content["name"],
            urn=item["schema"],
            required=item.get("required", False),
            absent_in_put=AbsentInPut(rules.get(item["schema"].lower(), AbsentInPut.CLEAR)),
        )
        for index, item in enumerate(content.get("schemaExtensions", ()))
    ]


def _clash(use: Use, bases: Mapping[str, Document], found: Mapping[str, tuple[Use, Extension]]) -> str | None:
    urn = use.urn.lower()
    if urn in bases:
        return f"{shown(use.urn)} is the base schema of {bases[urn].content['name']}"
    if urn in found:
        return f"{shown(use.urn)} is bound to {use.resource_type} in {found[urn][0].place.file} already"
    return None


def _subject_faults(drafts: Iterable[Draft], types: Iterable[ResourceType]) -> list[Fault]:
    """A credential is bound to an id: of which type that is must be clear, and no address tells it."""
    bound = [draft for draft, resource_type in zip(drafts, types, strict=True) if resource_type.is_subject]
    first = bound[0].resource_type.name if bound else ""
    return [
        draft.place.member("binding").member("subject").fault(f"credentials are bound to {first} already", "false")
        for draft in bound[1:]
    ]


def _schema_faults(
    definitions: Iterable[Definition], unbound: Iterable[Definition], common: Schema, names: set[str]
) -> list[Fault]:
    """What is wrong with schemas beside the others; our own unbound ones describe the discovery documents."""
    idle = {definition.schema.id for definition in unbound}
    found: list[Fault] = []
    for definition in definitions:
        found += [fault for item in written(definition) for fault in _lost_references(item, names)]
        ours = definition.document.source.built_in and definition.schema.id in idle
        found += [] if ours else resource_faults(definition, common)
        if definition.schema.id in idle and not ours:
            found.append(definition.place.warning("no resource type has this schema", "a binding in profile.toml"))
    return found


def _lost_references(item: Written, names: set[str]) -> list[Fault]:
    known = NO_RESOURCE | names
    place = item.place.member("referenceTypes")
    expected = one_of([*sorted(NO_RESOURCE), *sorted(names)])
    own = [
        place.element(index).fault(f"{shown(kind)} is no resource type", expected)
        for index, kind in enumerate(item.attribute.reference_types)
        if kind not in known
    ]
    return own + [fault for sub in item.subs for fault in _lost_references(sub, names)]
