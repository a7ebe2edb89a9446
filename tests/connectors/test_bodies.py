"""Bodies of POST and PUT under URNs that nobody registered."""

import pytest

from scim_server.connectors import bodies, dialect
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.schema import Extension, Json, ResourceType, Schema
from tests.connectors.directory import CORE_USER, DEPARTMENT, DESK, ENTERPRISE, GROUP, USER

OTHER = {"department": "Sales"}


@pytest.mark.req("ENTRA-12", "OL-02")
@pytest.mark.parametrize("urn", [*bodies.LEGACY_URNS, "urn:ietf:params:scim:schemas:extension:enterprise:2.0User"])
def test_an_extension_under_a_wrong_urn_is_read_as_the_registered_one(urn: str) -> None:
    leniency = Leniency(dialect("generic"))
    read = leniency.rewrite_body({"schemas": [urn], "userName": "ana", urn: OTHER}, USER)
    assert read == {"schemas": [urn], "userName": "ana", ENTERPRISE: OTHER}
    assert leniency.used == {"rename-extension": 1}


@pytest.mark.req("OL-02")
def test_one_extension_under_two_wrong_urns_is_read_once() -> None:
    first, second, *_ = bodies.LEGACY_URNS
    assert bodies.rename_extension({first: OTHER, second: {}}, USER) == {ENTERPRISE: OTHER, second: {}}


LEGACY = "urn:scim:schemas:extension:enterprise:1.0"
OWN = ResourceType(
    "User",
    "User",
    "/Users",
    "",
    USER.schema,
    USER.common,
    (*USER.extensions, Extension(Schema(LEGACY, "Own", "", (DEPARTMENT,)))),
)

UNTOUCHED = [
    pytest.param({"userName": "ana", ENTERPRISE: OTHER}, USER, id="the registered URN"),
    pytest.param({"userName": "ana", "urn:other:1.0": {}}, USER, id="a URN that nothing is known of"),
    pytest.param({LEGACY: OTHER, ENTERPRISE: {}}, USER, id="both URNs"),
    pytest.param({LEGACY: OTHER, ENTERPRISE.upper(): {}}, USER, id="both URNs in any case"),
    pytest.param({LEGACY: OTHER}, GROUP, id="a resource type without the extension"),
    pytest.param({LEGACY: OTHER}, OWN, id="a wrong URN that is registered itself"),
    pytest.param({"schemas": [CORE_USER], "userName": "ana"}, USER, id="no extension"),
    pytest.param([], USER, id="a list"),
    pytest.param(None, USER, id="null"),
]


@pytest.mark.parametrize(("sent", "resource_type"), UNTOUCHED)
def test_another_body_stays_the_same_object(sent: Json, resource_type: ResourceType) -> None:
    leniency = Leniency(dialect("generic"))
    assert leniency.rewrite_body(sent, resource_type) is sent
    assert not leniency.used


def test_strict_reads_the_body_as_it_stands() -> None:
    sent = {LEGACY: OTHER}
    assert Leniency(STRICT).rewrite_body(sent, USER) is sent


def test_every_wrong_urn_is_in_lower_case_and_means_another() -> None:
    for urn, meant in bodies.LEGACY_URNS.items():
        assert urn == urn.lower()
        assert meant.lower() not in bodies.LEGACY_URNS
    assert DESK.lower() not in bodies.LEGACY_URNS
