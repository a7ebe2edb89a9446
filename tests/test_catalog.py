"""The catalogue: the schemas that are published are those of RFC 7643, and a faulty file is named with its fault."""

import json
import re
import shutil
import tomllib
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scim_server import catalog
from scim_server.catalog import shapes
from scim_server.catalog.files import Document, Kind, Source
from scim_server.domain import coerce, compare
from scim_server.domain.constraints import check_required
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.publish import HAS_CASE, HAS_UNIQUENESS
from scim_server.domain.registry import Registry
from scim_server.domain.rules import Verb, Write
from scim_server.domain.schema import (
    AbsentInPut,
    Attribute,
    AttributeType,
    Inverse,
    Json,
    Kept,
    Mutability,
    ResourceType,
    Returned,
    Schema,
    Uniqueness,
)
from scim_server.domain.schema import Source as RowsOf
from scim_server.errors import BadRequest
from tests.registries import registry_of

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

ROOT = Path(__file__).parent.parent
EXTENSIONS = ROOT / "extensions"
DATA = Path(__file__).parent / "data"
ROWS = json.loads((DATA / "rfc7643_attributes.json").read_text(encoding="utf-8"))
# A right extension: a schema and a resource type of its own, and a schema that extends it and User.
RIGHT = DATA / "catalog"
DEVICE, BADGE = "schemas/device.json", "schemas/badge.json"
TYPE, PROFILE = "resource_types/Device.json", "profile.toml"
BADGE_URN = "urn:example:params:scim:schemas:extension:Badge"
DEVICE_URN = "urn:example:params:scim:schemas:Device"
CORE = "urn:ietf:params:scim:schemas:core:2.0"
GONE = ...


def type_named(registry: Registry, name: str) -> ResourceType:
    found = registry.named(name)
    assert found is not None
    return found


def schema_of(registry: Registry, urn: str) -> Schema:
    found = registry.schema(urn)
    assert found is not None
    return found


def loaded(stem: str) -> Schema:
    """A built-in schema as it was loaded, by the name of its file."""
    registry = registry_of()
    if stem == "common":
        return type_named(registry, "User").common
    content = json.loads((ROOT / f"scim_server/schemas/{stem}.json").read_text(encoding="utf-8"))
    return schema_of(registry, content["id"])


def row(attribute: Attribute, path: str) -> dict[str, Json]:
    """An attribute as a row of the table; None where its type has no such characteristic."""
    return {
        "attribute": path,
        "type": attribute.type.value,
        "multiValued": attribute.multi_valued,
        "required": attribute.required,
        "caseExact": attribute.case_exact if attribute.type in HAS_CASE else None,
        "mutability": attribute.mutability.value,
        "returned": attribute.returned.value,
        "uniqueness": attribute.uniqueness.value if attribute.type in HAS_UNIQUENESS else None,
        "canonicalValues": list(attribute.canonical_values),
        "referenceTypes": list(attribute.reference_types),
    }


def rows(attributes: tuple[Attribute, ...], prefix: str = "") -> Iterator[dict[str, Json]]:
    for attribute in attributes:
        path = f"{prefix}{attribute.name}"
        yield row(attribute, path)
        yield from rows(attribute.sub_attributes, f"{path}.")


MORE_PRECISE: dict[tuple[str, Json], dict[str, Json]] = {
    # The RFC leaves it to the server.
    ("Group", "displayName"): {"uniqueness": "server"},
    # The URI of a resource compares as one, whatever base URL it was read through.
    ("common", "meta.location"): {"referenceTypes": ["User", "Group"]},
}


PAGINATION: list[tuple[str, str, bool, list[str]]] = [
    ("pagination", "complex", False, []),
    ("pagination.cursor", "boolean", True, []),
    ("pagination.index", "boolean", True, []),
    ("pagination.defaultPaginationMethod", "string", False, ["cursor", "index"]),
    ("pagination.defaultPageSize", "integer", False, []),
    ("pagination.maxPageSize", "integer", False, []),
    ("pagination.cursorTimeout", "integer", False, []),
]
"""What RFC 9865 section 4 adds: path, type, whether it is required, canonical values."""


def pagination_rows() -> Iterator[dict[str, Json]]:
    for path, kind, required, values in PAGINATION:
        yield {
            "attribute": path,
            "type": kind,
            "multiValued": False,
            "required": required,
            "caseExact": False if kind == "string" else None,
            "mutability": "readOnly",
            "returned": "default",
            "uniqueness": "none" if kind in ("string", "integer") else None,
            "canonicalValues": values,
            "referenceTypes": [],
        }


LATER = {"ServiceProviderConfig": [*pagination_rows()]}


def expected_rows(stem: str) -> list[dict[str, Json]]:
    """The table's rows for one schema, save where this server says more than RFC 7643 does, and those of later RFCs."""
    found = [{k: v for k, v in row.items() if k != "schema"} for row in ROWS if row["schema"] == stem]
    precise = [{**row, **MORE_PRECISE.get((stem, row["attribute"]), {})} for row in found]
    return precise + LATER.get(stem, [])


STEMS = ["common", "User", "Group", "EnterpriseUser", "ServiceProviderConfig", "ResourceType", "Schema"]


@pytest.mark.req("R-RT-07", "R-RT-13", "R-ID-04", "R-ID-06", "R-GRP-01", "R-GRP-08", "R-USER-14", "R-CUR-13")
@pytest.mark.parametrize("stem", STEMS)
def test_every_attribute_of_rfc_7643_has_the_characteristics_of_the_table(stem: str) -> None:
    assert list(rows(loaded(stem).attributes)) == expected_rows(stem)


def test_every_row_of_the_table_belongs_to_a_schema_that_is_compared() -> None:
    assert {row["schema"] for row in ROWS} == set(STEMS)
    assert len(ROWS) == 149


@pytest.mark.parametrize("stem", STEMS)
def test_every_attribute_of_rfc_7643_is_described(stem: str) -> None:
    def described(attributes: tuple[Attribute, ...]) -> Iterator[bool]:
        for attribute in attributes:
            yield attribute.description.endswith(".")
            yield from described(attribute.sub_attributes)

    assert all(described(loaded(stem).attributes))


@pytest.mark.req("R-DISC-09", "R-DISC-12", "R-DISC-08")
def test_the_schemas_of_resources_and_of_the_discovery_documents_are_published_and_no_others() -> None:
    names = {"User", "Group", "ServiceProviderConfig", "ResourceType", "Schema"}
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    assert {schema.id for schema in registry_of().schemas} == {f"{CORE}:{name}" for name in names} | {enterprise}


@pytest.mark.req("ENTRA-71")
def test_the_kinds_of_contact_data_are_published_and_the_kinds_of_roles_are_not() -> None:
    user = loaded("User")

    def kinds(name: str) -> tuple[str, ...]:
        attribute = user.attribute(name)
        kind = attribute.sub("type") if attribute else None
        assert kind is not None
        return kind.canonical_values

    assert kinds("emails") == kinds("addresses") == ("work", "home", "other")
    assert "mobile" in kinds("phoneNumbers")
    assert kinds("roles") == ()


@pytest.mark.req("R-RT-01", "R-RT-06", "R-USER-10", "R-USER-12")
def test_users_have_what_their_binding_says() -> None:
    registry = registry_of()
    user = type_named(registry, "User")
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    assert (user.id, user.endpoint, user.label) == ("User", "/Users", "displayName")
    assert user.indexed == {"externalId", "displayName", "emails.value", f"{enterprise}:manager.value"}
    assert user.defaults == {"active": True}
    assert user.inverses == {"groups": Inverse("Group", (RowsOf("members"),), "direct")}
    assert registry.subject is user
    assert [(e.schema.id, e.required, e.absent_in_put) for e in user.extensions] == [
        (enterprise, False, AbsentInPut.CLEAR)
    ]
    elsewhere = {a.name: a.kept for a in user.schema.attributes if a.kept is not Kept.DOCUMENT}
    assert elsewhere == {"groups": Kept.DERIVED, "password": Kept.DISCARDED}


def test_groups_have_what_their_binding_says() -> None:
    group = type_named(registry_of(), "Group")
    assert (group.id, group.endpoint, group.label) == ("Group", "/Groups", "displayName")
    assert group.indexed == {"externalId"}
    assert [a.name for a in group.rows_attributes] == ["members"]
    assert group.extensions == ()


def test_what_every_resource_has_is_kept_in_its_record() -> None:
    common = type_named(registry_of(), "Group").common
    assert {a.name: a.kept for a in common.attributes} == {
        "schemas": Kept.DERIVED,
        "id": Kept.RECORD,
        "externalId": Kept.DOCUMENT,
        "meta": Kept.RECORD,
    }


def test_a_published_schema_is_the_one_that_its_resource_type_has() -> None:
    registry = registry_of(RIGHT)
    for resource_type in registry.resource_types:
        for _, schema in resource_type.containers:
            assert registry.schema(schema.id.upper()) is schema


# --- an extension of one's own


def test_a_resource_type_of_ones_own_has_what_its_files_say() -> None:
    device = type_named(registry_of(RIGHT), "Device")
    assert (device.endpoint, device.schema.id, device.label) == ("/Devices", DEVICE_URN, "serial")
    assert device.indexed == {"colour", "tags", "maker.name", f"{BADGE_URN}:doors.value"}
    assert device.defaults == {"lines": 1, "tags": ["new"]}
    assert device.inverses == {"spares": Inverse("Device", (RowsOf("holders"),), "spare")}
    assert [(e.schema.id, e.required, e.absent_in_put) for e in device.extensions] == [
        (BADGE_URN, True, AbsentInPut.KEEP)
    ]


def test_a_profile_binds_an_extension_to_users() -> None:
    user = type_named(registry_of(RIGHT), "User")
    extension = user.extension(BADGE_URN)
    assert extension is not None
    assert (extension.required, extension.absent_in_put) == (True, AbsentInPut.CLEAR)
    assert {f"{BADGE_URN}:expires", f"{BADGE_URN}:doors.value"} <= user.indexed


@pytest.mark.req("R-RT-11")
def test_what_a_schema_file_leaves_out_has_the_defaults_of_the_rfc() -> None:
    colour = schema_of(registry_of(RIGHT), DEVICE_URN).attribute("colour")
    assert colour == Attribute(
        "colour",
        AttributeType.STRING,
        required=False,
        case_exact=False,
        mutability=Mutability.READ_WRITE,
        returned=Returned.DEFAULT,
        uniqueness=Uniqueness.NONE,
    )


@pytest.mark.req("R-RT-08", "R-RT-11")
@pytest.mark.parametrize("kind", list(AttributeType))
def test_an_attribute_may_have_any_type_of_the_rfc(kind: AttributeType, tmp_path: Path) -> None:
    attribute: dict[str, Json] = {"name": "number", "type": kind.value}
    if kind is AttributeType.REFERENCE:
        attribute["referenceTypes"] = ["uri"]
    if kind is AttributeType.COMPLEX:
        attribute["subAttributes"] = [{"name": "value"}]
    folder = edited(tmp_path, BADGE, "attributes/0", attribute)
    found = schema_of(registry_of(folder), BADGE_URN).attribute("number")
    assert found is not None
    assert found.type is kind
    assert found.case_exact is (kind in (AttributeType.REFERENCE, AttributeType.BINARY))


def test_a_profiles_extension_survives_a_put_unless_its_binding_says_otherwise(tmp_path: Path) -> None:
    folder = rewritten(tmp_path, PROFILE, 'absent_in_put = "clear"', "")
    extension = type_named(registry_of(folder), "User").extension(BADGE_URN)
    assert extension is not None
    assert extension.absent_in_put is AbsentInPut.KEEP


def test_a_schema_copied_from_a_server_may_keep_its_schemas_and_meta(tmp_path: Path) -> None:
    folder = edited(tmp_path, BADGE, "meta", {"resourceType": "Schema"})
    edit(folder / BADGE, "schemas", [f"{CORE}:Schema"])
    assert catalog.check(folder) == []


def test_a_folder_may_be_one_extension_or_hold_several(tmp_path: Path) -> None:
    shutil.copytree(RIGHT, tmp_path / "badges")
    shutil.copytree(EXTENSIONS / "contact-centre", tmp_path / "contact-centre")
    (tmp_path / ".git").mkdir()
    (tmp_path / "README.md").write_text("what is here")
    names = {schema.name for schema in registry_of(tmp_path).schemas}
    assert {"Badge", "ContactCentreUser"} <= names
    assert "Badge" not in {schema.name for schema in registry_of(tmp_path / "contact-centre").schemas}


# --- faults


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RIGHT, tmp_path / "badges"))


def edit(path: Path, steps: str, value: Json) -> None:
    """Set, add or take away what stands at `attributes/0/name` in a JSON file."""
    document: Any = json.loads(path.read_text(encoding="utf-8"))
    place, (*above, last) = document, steps.split("/")
    for step in above:
        place = place[int(step)] if isinstance(place, list) else place[step]
    key: Any = int(last) if isinstance(place, list) else last
    if value is GONE:
        del place[key]
    else:
        place[key] = value
    path.write_text(json.dumps(document), encoding="utf-8")


def edited(tmp_path: Path, file: str, steps: str, value: Json) -> Path:
    folder = copied(tmp_path)
    edit(folder / file, steps, value)
    return folder


def rewritten(tmp_path: Path, file: str, old: str, new: str) -> Path:
    folder = copied(tmp_path)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def said(folder: Path) -> list[str]:
    """The faults of a folder, without the folder."""
    return [str(fault).replace(f"{folder}/", "") for fault in catalog.check(folder)]


def test_a_right_extension_has_no_fault() -> None:
    assert catalog.check(RIGHT) == []


CASES = json.loads((DATA / "catalog_faults.json").read_text(encoding="utf-8"))


def cases(rules: str) -> list[Any]:
    """A file, where in it, what is put there (nothing: it is taken away), and what is said of it."""
    found = [case for case in CASES if case["rules"] == rules]
    return [
        pytest.param(c["file"], c["at"], c.get("put", GONE), c["fault"], id=c["fault"].partition(";")[0]) for c in found
    ]


@pytest.mark.req("R-RT-01", "R-RT-02", "R-RT-08", "R-RT-09", "R-RT-10", "R-RT-12", "R-TYPE-15", "R-MV-01", "R-DISC-08")
@pytest.mark.parametrize(("file", "at", "put", "fault"), cases("alone"))
def test_a_file_that_is_wrong_by_itself_is_named_with_its_fault(
    file: str, at: str, put: Json, fault: str, tmp_path: Path
) -> None:
    assert f"{file}: {fault}" in said(edited(tmp_path, file, at, put))


@pytest.mark.req("R-RT-09", "R-RT-10", "R-SCH-13")
@pytest.mark.parametrize(("file", "at", "put", "fault"), cases("together"))
def test_a_file_that_does_not_fit_the_others_is_named_with_its_fault(
    file: str, at: str, put: Json, fault: str, tmp_path: Path
) -> None:
    found = said(edited(tmp_path, file, at, put))
    assert [text for text in found if text.endswith(f": {fault}")]
    with pytest.raises(catalog.CatalogError):
        registry_of(tmp_path / "badges")


PROFILE_KEYS = "one of resource_type, extension, required, absent_in_put, indexed, defaults"
ANOTHER_EXTENSION = "an extension that the resource type does not have yet"
# what is written in profile.toml, what is written instead, what is said of it
PROFILE_FAULTS = [
    ("[[bindings]]", "[profile]\n[[bindings]]", "profile.name: is missing; expected a string"),
    ("[[bindings]]", '[profile]\nname = ""\n[[bindings]]', 'profile.name: "" is empty; expected a string'),
    ("[[bindings]]", "[product]\n[[bindings]]", "product: is not a known key; expected one of profile, bindings"),
    ("[[bindings]]", "[bindings]", 'bindings: {"resource_type": "User", "extension": "'),
    (
        "required = true",
        'required = "yes"',
        'bindings[0].required: "yes" does not fit; expected true or false',
    ),
    (
        "required = true",
        "since = 2026-01-31",
        f"bindings[0].since: is not a known key; expected {PROFILE_KEYS}",
    ),
    (
        '"clear"',
        '"forget"',
        'bindings[0].absent_in_put: "forget" is not a rule for PUT; expected one of clear, keep',
    ),
    ('"expires"', "5", "bindings[0].indexed[0]: 5 does not fit; expected a string"),
    ('resource_type = "User"', "", "bindings[0].resource_type: is missing; expected a string"),
    (
        '"User"',
        '"user"',
        'bindings[0].resource_type: there is no resource type "user"; expected one of Group, User, Device',
    ),
    (
        BADGE_URN,
        "urn:a:b",
        'bindings[0].extension: there is no schema "urn:a:b"; expected the id of a schema file',
    ),
    (
        '"User"',
        '"Device"',
        f'bindings[0].extension: "{BADGE_URN}" is bound to Device in {TYPE} already; expected {ANOTHER_EXTENSION}',
    ),
    (
        '"expires"',
        '"size"',
        f'bindings[0].indexed[0]: User has no attribute "{BADGE_URN}:size"; expected an attribute of its schemas',
    ),
    (
        '"expires"',
        '"pin"',
        f"bindings[0].indexed[0]: {BADGE_URN}:pin is never returned; expected an attribute that is",
    ),
    (
        "required = true",
        "defaults = 5",
        "bindings[0].defaults: 5 does not fit; expected an object",
    ),
    (
        "required = true",
        "defaults = {size = 5}",
        f'bindings[0].defaults.size: User has no attribute "{BADGE_URN}:size"; expected an attribute of its schemas',
    ),
    (
        "required = true",
        "defaults = {number = 5}",
        "bindings[0].defaults.number: 5 does not fit; expected a value of type string",
    ),
    (
        "required = true",
        "defaults = {doors = 'front'}",
        f"bindings[0].defaults.doors: {BADGE_URN}:doors cannot have a default; expected a simple attribute that ",
    ),
    (
        "[[bindings]]",
        "[[bindings]",
        "line 3, column 11: ",
    ),
    ('"User"', '"User', "line 4, column 22: Illegal character '\\n'; expected TOML"),
]


@pytest.mark.parametrize(("old", "new", "fault"), PROFILE_FAULTS)
def test_a_faulty_profile_is_named_with_its_fault(old: str, new: str, fault: str, tmp_path: Path) -> None:
    assert [text for text in said(rewritten(tmp_path, PROFILE, old, new)) if text.startswith(f"{PROFILE}: {fault}")]


def test_a_profile_gives_attributes_of_its_extensions_defaults(tmp_path: Path) -> None:
    folder = rewritten(tmp_path, PROFILE, "required = true", 'defaults = {Picture = "https://example.com/none.png"}')
    user = type_named(registry_of(folder), "User")
    assert user.defaults == {"active": True, f"{BADGE_URN}:picture": "https://example.com/none.png"}


def test_a_profile_that_ends_too_soon_is_named_with_its_end(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / PROFILE).write_text("[profile")
    expected = "end of document: Expected ']' at the end of a table declaration; expected TOML"
    assert said(folder) == [f"{PROFILE}: {expected}"]


def test_a_json_file_that_is_none_is_named_with_line_and_column(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / BADGE).write_text('{\n  "id": "urn:a:b",\n}\n')
    assert said(folder) == [
        "schemas/badge.json: line 3, column 1: Expecting property name enclosed in double quotes; expected JSON"
    ]


def test_a_json_file_with_a_repeated_name_is_refused(tmp_path: Path) -> None:
    folder = rewritten(tmp_path, BADGE, '"name": "Badge"', '"name": "Badge", "name": "Badges"')
    assert said(folder) == [
        'schemas/badge.json: "name" stands twice in one object; expected each name once in an object'
    ]


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / BADGE).write_bytes(b'{"name": "gr\xfc\xdfe"}')
    assert said(folder) == ["schemas/badge.json: byte 12 is not UTF-8; expected a text in UTF-8"]


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / "schemas/other.json").mkdir()
    assert said(folder) == ["schemas/other.json: cannot be read (Is a directory)"]


@pytest.mark.parametrize("value", ["[" * 100_000, "9" * 5_000], ids=["nested too deeply", "too long a number"])
@pytest.mark.parametrize(("file", "start"), [(BADGE, '{"id": '), (PROFILE, "id = ")])
def test_a_file_that_is_beyond_the_reader_is_refused(file: str, start: str, value: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / file).write_text(f"{start}{value}")
    (text,) = said(folder)
    assert re.fullmatch(rf"{file}: cannot be read \(.+\); expected shorter numbers and less nesting", text)


def test_a_document_that_is_no_object_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    (folder / BADGE).write_text("[]")
    assert said(folder) == ["schemas/badge.json: [] does not fit; expected an object"]


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    (fault,) = catalog.check(missing)
    assert str(fault) == f"{missing}: there is no such folder; expected an extension, or a folder of extensions"


def test_a_folder_without_an_extension_is_a_fault(tmp_path: Path) -> None:
    copied(tmp_path)
    (tmp_path / "empty").mkdir()
    (fault,) = catalog.check(tmp_path)
    assert str(fault) == (
        f"{tmp_path / 'empty'}: holds no extension; expected schemas, resource_types or profile.toml in it"
    )


def test_all_faults_are_found_at_once(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    edit(folder / BADGE, "attributes/0/type", "strng")
    edit(folder / BADGE, "attributes/3/required", "no")
    edit(folder / TYPE, "endpoint", GONE)
    (folder / PROFILE).write_text("[profile")
    (folder / DEVICE).write_text("{")
    assert len(said(folder)) == 5
    with pytest.raises(catalog.CatalogError) as caught:
        registry_of(folder)
    assert sorted(caught.value.faults, key=str) == sorted(catalog.check(folder), key=str)
    assert "strng" in str(caught.value)


def test_a_fault_names_file_key_problem_and_what_is_expected(tmp_path: Path) -> None:
    folder = edited(tmp_path, TYPE, "binding/label", "lines")
    (fault,) = catalog.check(folder)
    assert fault == catalog.Fault(
        file=str(folder / TYPE),
        key="binding.label",
        problem="lines is no label",
        expected="a string attribute of the core schema with one value",
        severity=catalog.Severity.ERROR,
    )


# --- what two files must not share


def copied_file(folder: Path, old: str, new: str, **changes: Json) -> None:
    shutil.copy(folder / old, folder / new)
    for steps, value in changes.items():
        edit(folder / new, steps, value)


@pytest.mark.req("R-RT-03")
@pytest.mark.parametrize("key", ["name", "endpoint", "schema"])
def test_two_resource_types_share_no_name_endpoint_or_base_schema(key: str, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    different = {"name": "Phone", "endpoint": "/Phones", "schema": "urn:a:b", "id": GONE}
    copied_file(folder, TYPE, "resource_types/Phone.json", **{k: v for k, v in different.items() if k != key})
    value = json.loads((folder / TYPE).read_text())[key]
    expected = (
        f'resource_types/Phone.json: {key}: "{value}" belongs to Device in {TYPE} already; expected another {key}'
    )
    assert said(folder) == [expected]


@pytest.mark.req("R-RT-03")
def test_names_and_endpoints_that_differ_in_case_are_different(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    copied_file(folder, DEVICE, "schemas/other.json", id="urn:a:b")
    other = {"id": GONE, "name": "device", "endpoint": "/devices", "schema": "urn:a:b"}
    copied_file(folder, TYPE, "resource_types/other.json", **other)
    assert said(folder) == []


@pytest.mark.req("R-SCH-10")
def test_two_schemas_whose_uris_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    copied_file(folder, BADGE, "schemas/pass.json", id=BADGE_URN.upper())
    assert said(folder) == [
        f'schemas/pass.json: id: "{BADGE_URN.upper()}" is defined in {BADGE} already; expected another URI'
    ]


def test_the_schemas_of_the_rfc_cannot_be_redefined(tmp_path: Path) -> None:
    folder = edited(tmp_path, BADGE, "id", f"{CORE}:user")
    (fault,) = catalog.check(folder)
    assert "scim_server/schemas/User.json already" in fault.problem


# --- warnings


@pytest.mark.req("R-RT-14")
def test_an_extension_that_repeats_a_core_attribute_is_a_warning(tmp_path: Path) -> None:
    folder = edited(tmp_path, BADGE, "attributes/0/name", "Colour")
    problem = f"{BADGE_URN} has attributes that the core schema has too: Colour"
    assert said(folder) == [f"{TYPE}: schemaExtensions[0].schema: warning: {problem}; expected other names"]
    assert registry_of(folder).schema(BADGE_URN) is not None


def test_a_schema_that_nothing_uses_is_a_warning_and_is_not_published(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    copied_file(folder, BADGE, "schemas/spare.json", id="urn:a:b")
    assert said(folder) == [
        "schemas/spare.json: warning: no resource type has this schema; expected a binding in profile.toml"
    ]
    assert registry_of(folder).schema("urn:a:b") is None


# --- the stamp


def test_the_stamp_depends_on_what_the_files_say_and_not_on_where_they_are(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    before = registry_of(RIGHT).stamp
    document = json.loads((folder / BADGE).read_text())
    (folder / BADGE).unlink()
    (folder / "schemas/pass.json").write_text(json.dumps(dict(reversed(document.items())), indent=8))
    assert registry_of(folder).stamp == before
    assert re.fullmatch("[0-9a-f]{64}", before)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: edit(folder / BADGE, "attributes/0/uniqueness", GONE),
        lambda folder: edit(folder / TYPE, "binding/indexed", []),
        lambda folder: (folder / PROFILE).write_text('[profile]\nname = "other"\n'),
    ],
    ids=["schema", "resource type", "profile"],
)
def test_any_change_of_meaning_changes_the_stamp(change: Callable[[Path], object], tmp_path: Path) -> None:
    folder = copied(tmp_path)
    change(folder)
    assert registry_of(folder).stamp != registry_of(RIGHT).stamp


def test_another_version_of_unicode_changes_the_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    before = registry_of().stamp
    monkeypatch.setattr(unicodedata, "unidata_version", "1.1.5")
    assert registry_of().stamp != before


def test_another_comparison_form_changes_the_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    before = registry_of().stamp
    monkeypatch.setattr(compare, "FORMAT", compare.FORMAT + 1)
    assert registry_of().stamp != before


def test_a_description_in_other_words_leaves_the_stamp(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    edit(folder / BADGE, "description", "Other words.")
    edit(folder / BADGE, "attributes/0/description", "Other words.")
    assert registry_of(folder).stamp == registry_of(RIGHT).stamp


def test_an_attribute_named_description_counts_and_whom_credentials_are_bound_to_does_not() -> None:
    def stamp(**binding: Any) -> str:
        source = Source(Path("device.json"), Kind.RESOURCE_TYPE)
        return catalog.stamp([Document(source, {"name": "Device", "binding": binding})])

    assert stamp(defaults={"description": "none"}) != stamp(defaults={"description": "new"})
    assert stamp(subject=True) == stamp(subject=False) == stamp()


@pytest.mark.req("C-26")
def test_a_format_holds_new_values_alone_and_leaves_the_stamp(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    edit(folder / TYPE, "binding/formats", {"SERIAL": "uri", "maker.country": "country"})
    registry = registry_of(folder)
    assert registry.stamp == registry_of(RIGHT).stamp
    device = registry.named("Device")
    assert device
    assert {path: form.name for path, form in device.formats.items()} == {
        "serial": "uri",
        "maker.country": "country",
    }
    assert [(name, sub) for _, name, sub, _ in device.formatted] == [("serial", None), ("maker", "country")]


# --- the extensions that come along


def examples(kind: str) -> list[Any]:
    return [
        pytest.param(path, id=f"{path.parts[-4]}-{path.stem}")
        for path in sorted(EXTENSIONS.glob(f"*/examples/{kind}/*.json"))
    ]


CATALOGUE = catalog.load(EXTENSIONS)


def read_strictly(path: Path) -> None:
    """Read a body as a create without any tolerance would, in a tenant of the product that the example is of."""
    profile = tomllib.loads((path.parents[2] / PROFILE).read_text(encoding="utf-8"))["profile"]["name"]
    payload = json.loads(path.read_text(encoding="utf-8"))
    (resource_type,) = (t for t in CATALOGUE.of(profile).resource_types if t.schema.id == payload["schemas"][0])
    body = coerce.body(payload, resource_type, Leniency(STRICT))
    check_required(resource_type, body.attributes)
    if resource_type.rules:
        resource_type.rules.decide(Write(Verb.CREATE, {}, body.attributes, body.named))


def test_the_extensions_have_no_fault_and_no_warning() -> None:
    assert catalog.check(EXTENSIONS) == []


@pytest.mark.parametrize("path", examples("valid"))
def test_a_valid_example_uses_attributes_that_exist_as_they_are_meant(path: Path) -> None:
    read_strictly(path)


@pytest.mark.parametrize("path", examples("invalid"))
def test_an_invalid_example_is_refused(path: Path) -> None:
    with pytest.raises(BadRequest):
        read_strictly(path)


OF_THE_OPERATOR = {"licences", "okta-entitlements"}
"""Folders of resources that no client writes."""


def test_every_extension_has_examples_of_both_kinds() -> None:
    for folder in (path for path in EXTENSIONS.iterdir() if path.is_dir() and path.name not in OF_THE_OPERATOR):
        assert list(folder.glob("examples/valid/*.json"))
        assert list(folder.glob("examples/invalid/*.json"))


def test_what_products_write_is_flat_so_that_any_directory_can_map_it() -> None:
    """Entra maps a custom attribute only when it is simple and has one value."""
    built_in = {schema.id for schema in registry_of().schemas}
    found = {s.id: s for registry in CATALOGUE.registries.values() for s in registry.schemas if s.id not in built_in}
    ours = [schema for urn, schema in found.items() if urn.endswith(":User")]
    products = {"ConnectelUser", "ConvirzaUser", "SamespaceUser"}
    assert {"ContactCentreUser", "AgentSettings", *products} <= {schema.name for schema in ours}
    writable = [a for schema in ours for a in schema.attributes if not a.is_read_only]
    assert [a.name for a in writable if a.multi_valued or a.is_complex] == []


def test_an_extension_number_is_unique_and_the_parent_of_a_team_is_indexed() -> None:
    registry = registry_of(EXTENSIONS)
    urn = "urn:ietf:params:scim:schemas:extension:contactcentre:2.0"
    number = schema_of(registry, f"{urn}:User").attribute("extensionNumber")
    assert number is not None
    assert number.uniqueness is Uniqueness.SERVER
    assert f"{urn}:Group:parent" in type_named(registry, "Group").indexed


# --- the manual

MANUAL = (ROOT / "docs/extensions.md").read_text(encoding="utf-8")
EXAMPLE_FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_files_of_the_manual_make_an_extension(tmp_path: Path) -> None:
    files = EXAMPLE_FILE.findall(MANUAL)
    assert len(files) == 4
    for name, text in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert catalog.check(tmp_path) == []
    registry = registry_of(tmp_path)
    assert type_named(registry, "Telephone").endpoint == "/Telephones"
    assert "urn:ietf:params:scim:schemas:extension:desk:2.0:User:floor" in type_named(registry, "User").indexed


KEYS = {
    key
    for shape in (
        *(shapes.SchemaShape, shapes.AttributeShape, shapes.ResourceTypeShape, shapes.ExtensionShape),
        *(shapes.BindingShape, shapes.DerivedShape, shapes.InverseShape),
        *(shapes.ProfileShape, shapes.AboutShape, shapes.ProfileBindingShape),
    )
    for key in shape().fields
}
WORDS = {
    word.value
    for vocabulary in (AttributeType, Mutability, Returned, Uniqueness, AbsentInPut, Kept)
    for word in vocabulary
    if word not in (Kept.RECORD, Kept.HASHED)  # no file says these: the second follows from [[passwords]]
}


@pytest.mark.parametrize("word", sorted(KEYS | WORDS))
def test_the_manual_explains_every_key_and_word(word: str) -> None:
    assert re.search(rf"`\[*{re.escape(word)}\]*`", MANUAL)
