"""Which attributes a profile keeps as hashes, and what is said of a table that does not fit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scim_server import catalog
from scim_server.catalog import CatalogError
from scim_server.catalog.shapes import TYPE_KEPT
from scim_server.domain.schema import Attribute, Kept, Password, ResourceType

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

VAULT = "urn:example:params:scim:schemas:extension:vault:2.0:User"
PROFILE = Path(__file__).parents[1] / "data" / "passwords" / "vault" / "profile.toml"


def user_of(folder: Path, profile: str) -> ResourceType:
    user = catalog.load(folder).of(profile).named("User")
    assert user is not None
    return user


def attribute(resource_type: ResourceType, name: str) -> Attribute:
    return next(a for _, schema in resource_type.containers for a in schema.attributes if a.name == name)


def test_a_profile_keeps_attributes_as_hashes() -> None:
    user = user_of(PROFILE.parents[1], "vault")
    assert user.passwords == (
        Password((None, "password"), 8, (VAULT, "passwordChangeRequired"), (VAULT, "passwordChanged")),
        Password((VAULT, "code"), 4),
    )
    assert {name: attribute(user, name).kept for name in ("password", "code", "floor")} == {
        "password": Kept.HASHED,
        "code": Kept.HASHED,
        "floor": Kept.DOCUMENT,
    }


def test_other_profiles_keep_none() -> None:
    user = user_of(PROFILE.parents[1], "hall")
    assert user.passwords == ()
    assert attribute(user, "password").kept is Kept.DISCARDED


@dataclass(frozen=True)
class Folder:
    """A product with one [[passwords]] table, written from its keys."""

    path: Path

    def write(self, **keys: Any) -> "Folder":
        schemas = self.path / "shop" / "schemas"
        schemas.mkdir(parents=True, exist_ok=True)
        (schemas / "keeper.json").write_bytes((PROFILE.parent / "schemas" / "keeper.json").read_bytes())
        table = {"resource_type": "User", "attribute": "password", **keys}
        lines = [
            f"{key} = {value if isinstance(value, int) else chr(34) + value + chr(34)}" for key, value in table.items()
        ]
        binding = f'[[bindings]]\nresource_type = "User"\nextension = "{VAULT}"\n'
        text = '[profile]\nname = "shop"\n' + binding + "[[passwords]]\n" + "\n".join(lines) + "\n"
        (self.path / "shop" / "profile.toml").write_text(text)
        return self

    def stamp(self) -> str:
        return catalog.load(self.path).stamp


READ_ONLY = "expected a readOnly attribute that is in the document"
FAULTS = [
    ({"resource_type": "Robot"}, 'resource_type: there is no resource type "Robot"; expected one of Group, User'),
    ({"attribute": "secret"}, 'attribute: User has no attribute "secret"; expected an attribute of its schemas'),
    ({"attribute": "a b"}, 'attribute: User has no attribute "a b"; expected an attribute of its schemas'),
    (
        {"attribute": "title"},
        "attribute: title would be revealed; expected an attribute that is never returned, and not unique",
    ),
    ({"attribute": "emails"}, "attribute: emails is no password; expected a string with one value"),
    ({"attribute": "name.givenName"}, "attribute: name.givenName is no password; expected a string with one value"),
    ({"attribute": "active"}, "attribute: active is no password; expected a string with one value"),
    ({"minimum": -1}, "minimum: -1 does not fit; expected an integer from 0"),
    ({"least": 9}, "least: is not a known key; expected one of resource_type, attribute, minimum,"),
    (
        {"change_required": "active"},
        f"change_required: active is not the server's to write; {READ_ONLY}",
    ),
    (
        {"change_required": f"{VAULT}:passwordChanged"},
        f"change_required: {VAULT}:passwordChanged is no boolean with one value; expected an attribute of type boolean",
    ),
    (
        {"changed": f"{VAULT}:passwordChangeRequired"},
        f"changed: {VAULT}:passwordChangeRequired is no dateTime with one value; expected an attribute of type",
    ),
    ({"changed": "when"}, 'changed: User has no attribute "when"; expected an attribute of its schemas'),
]


@pytest.mark.parametrize(("keys", "fault"), FAULTS)
def test_a_table_that_does_not_fit_is_named_with_its_fault(keys: dict[str, Any], fault: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path).write(**keys)
    with pytest.raises(CatalogError) as caught:
        folder.stamp()
    assert [f for f in caught.value.faults if str(f).partition("passwords[0].")[2].startswith(fault)], caught.value


def test_an_attribute_is_kept_as_one_hash(tmp_path: Path) -> None:
    Folder(tmp_path).write()
    profile = tmp_path / "shop" / "profile.toml"
    profile.write_text(profile.read_text() + '[[passwords]]\nresource_type = "User"\nattribute = "PASSWORD"\n')
    with pytest.raises(CatalogError, match=r"passwords\[1\]\.attribute: password is kept as a hash already"):
        catalog.load(tmp_path)


@pytest.mark.parametrize("table", ["constraints", "required", "fixed"])
def test_no_rule_looks_at_a_hash(table: str, tmp_path: Path) -> None:
    Folder(tmp_path).write()
    profile = tmp_path / "shop" / "profile.toml"
    test = 'pattern = "a+"\n' if table == "constraints" else ""
    profile.write_text(profile.read_text() + f'[[{table}]]\nresource_type = "User"\nattribute = "password"\n{test}')
    with pytest.raises(CatalogError, match=r"password is not in the document \(hashed\)"):
        catalog.load(tmp_path)


def test_a_hash_is_no_place_for_the_files_of_resource_types() -> None:
    """It goes with a rule for its length, and with the profile of a product."""
    assert "hashed" not in TYPE_KEPT


def test_what_is_stored_depends_on_where_hashes_are_and_not_on_their_length(tmp_path: Path) -> None:
    stamp = Folder(tmp_path).write().stamp()
    assert Folder(tmp_path).write(minimum=12).stamp() == stamp
    assert Folder(tmp_path).write(changed=f"{VAULT}:passwordChanged").stamp() == stamp
    assert Folder(tmp_path).write(attribute=f"{VAULT}:code").stamp() != stamp
