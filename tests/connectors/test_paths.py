"""Which attribute a plain path names."""

import pytest

from scim_server.connectors.paths import target
from tests.connectors.directory import CORE_USER, DESK, ENTERPRISE, USER

NAMED = [
    ("userName", "userName"),
    ("USERNAME", "userName"),
    ("name.familyName", "name.familyName"),
    (f"{CORE_USER}:emails.value", "emails.value"),
    (f"{ENTERPRISE}:manager", f"{ENTERPRISE}:manager"),
    (f"{ENTERPRISE.upper()}:MANAGER.VALUE", f"{ENTERPRISE}:manager.value"),
    (f"{DESK}:seats", f"{DESK}:seats"),
    ("manager", f"{ENTERPRISE}:manager"),
    ("schemas", "schemas"),
    (" userName ", "userName"),
]


@pytest.mark.req("ENTRA-29", "ENTRA-32")
@pytest.mark.parametrize(("path", "key"), NAMED)
def test_a_path_names_an_attribute(path: str, key: str) -> None:
    named = target(path, USER)
    assert named is not None
    assert named.key == key


NOTHING = ["", ".", ":", "nowhere", "name.nowhere", ENTERPRISE, f"{ENTERPRISE}:", "urn:x:manager", "a.b.c", "user Name"]


@pytest.mark.parametrize("path", [*NOTHING, 'emails[type eq "work"]', "name.givenName.x"])
def test_a_path_names_nothing(path: str) -> None:
    assert target(path, USER) is None
