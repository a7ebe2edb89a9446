"""Names become attributes: core and common ones first, then one extension's."""

from dataclasses import replace

import pytest

from scim_server.domain.attrpath import AttrPath, BoundPath, bind, bind_extension, comparable
from scim_server.domain.schema import Attribute, Extension, Schema
from tests.domain.device import CORE, DESK, DEVICE, HALL, LABELS, NAME, PLACE, PORTS

req = pytest.mark.req


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (AttrPath("name"), "name"),
        (AttrPath("name", "givenName"), "name.givenName"),
        (AttrPath("name", "givenName", CORE), f"{CORE}:name.givenName"),
        (AttrPath("name", None, CORE), f"{CORE}:name"),
    ],
)
def test_a_path_is_written_as_it_is_read(path: AttrPath, text: str) -> None:
    assert str(path) == text


@req("R-PATCH-06", "R-SCH-10", "R-SCH-12", "R-FILT-11", "ENTRA-29", "ENTRA-31", "ENTRA-32")
@pytest.mark.parametrize(
    ("path", "key"),
    [
        (AttrPath("name"), "name"),
        (AttrPath("NAME"), "name"),
        (AttrPath("name", None, CORE), "name"),
        (AttrPath("Name", None, CORE.upper()), "name"),
        (AttrPath("PLACE", "STREET"), "place.street"),
        (AttrPath("place", "street", CORE), "place.street"),
        (AttrPath("externalid"), "externalId"),
        (AttrPath("externalId", None, CORE), "externalId"),
        (AttrPath("meta", "Location"), "meta.location"),
        (AttrPath("SEAT", None, DESK.upper()), f"{DESK}:seat"),
        (AttrPath("partner", "VALUE", DESK), f"{DESK}:partner.value"),
        (AttrPath("seat"), f"{DESK}:seat"),
        (AttrPath("partner", "value"), f"{DESK}:partner.value"),
        (AttrPath("door", None, HALL), f"{HALL}:door"),
        (AttrPath("racks"), "racks"),
        (AttrPath("racks", None, DESK), f"{DESK}:racks"),
    ],
)
def test_a_name_in_any_case_is_its_attribute(path: AttrPath, key: str) -> None:
    bound = bind(path, DEVICE)
    assert bound is not None
    assert bound.key == key


@req("R-PATCH-08")
@pytest.mark.parametrize(
    "path",
    [
        AttrPath("shoe"),
        AttrPath("place", "shoe"),
        AttrPath("name", "street"),
        AttrPath("seat", None, CORE),
        AttrPath("name", None, DESK),
        AttrPath("shoe", None, DESK),
        AttrPath("name", None, "urn:example:nothing"),
    ],
)
def test_a_name_that_no_schema_has_is_nothing(path: AttrPath) -> None:
    assert bind(path, DEVICE) is None


def test_a_bare_name_that_two_extensions_have_is_nobodys() -> None:
    both = replace(DEVICE, extensions=(*DEVICE.extensions, Extension(Schema("urn:x", "X", "", (Attribute("seat"),)))))
    assert bind(AttrPath("seat"), both) is None
    assert bind(AttrPath("seat", None, "urn:x"), both) is not None


@req("R-PATCH-07", "C-28")
@pytest.mark.parametrize(
    ("path", "urn"),
    [
        (AttrPath("Device", None, DESK.removesuffix(":Device")), DESK),
        (AttrPath("DEVICE", None, DESK.removesuffix(":Device").upper()), DESK),
        (AttrPath("2.0", None, "urn:example:hall"), HALL),
        (AttrPath("Device", "x", DESK.removesuffix(":Device")), None),
        (AttrPath("Device"), None),
        (AttrPath("Device", None, CORE.removesuffix(":Device")), None),
    ],
)
def test_a_bare_urn_is_the_extension(path: AttrPath, urn: str | None) -> None:
    extension = bind_extension(path, DEVICE)
    assert (extension.schema.id if extension else None) == urn


@pytest.mark.parametrize(
    ("path", "key", "steps"),
    [
        (BoundPath(NAME), "name", ("name",)),
        (BoundPath(PLACE, PLACE.sub_attributes[0]), "place.street", ("place", "street")),
        (BoundPath(Attribute("seat"), None, DESK), f"{DESK}:seat", (DESK, "seat")),
        (BoundPath(PLACE, PLACE.sub_attributes[0], DESK), f"{DESK}:place.street", (DESK, "place", "street")),
    ],
)
def test_a_bound_path_knows_its_text_and_the_way_to_its_values(
    path: BoundPath, key: str, steps: tuple[str, ...]
) -> None:
    assert (path.key, path.steps) == (key, steps)
    assert path.leaf is (path.sub or path.attribute)


@req("C-15", "ENTRA-31", "R-COMPAT-06")
@pytest.mark.parametrize(
    ("path", "key"),
    [
        (BoundPath(PORTS), "ports.value"),
        (BoundPath(PORTS, PORTS.sub_attributes[1]), "ports.type"),
        (BoundPath(PLACE), "place"),
        (BoundPath(LABELS), "labels"),
        (BoundPath(NAME), "name"),
    ],
)
def test_a_comparison_of_a_complex_attribute_means_its_value(path: BoundPath, key: str) -> None:
    assert comparable(path).key == key
