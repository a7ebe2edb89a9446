"""Values that do not fit: what becomes of them in the entra dialect, and that strict refuses them."""

from decimal import Decimal

import pytest

from scim_server.connectors import dialect, repairs
from scim_server.domain import coerce
from scim_server.domain.dialect import STRICT, UNFIT, Leniency
from scim_server.domain.schema import Attribute, Json
from scim_server.errors import InvalidValue
from tests.connectors.directory import (
    ACTIVE,
    EMAILS,
    HIRED,
    MANAGER,
    MEMBERS,
    NAME,
    PRIMARY,
    SEATS,
    SHARE,
    TAGS,
    USER_NAME,
)

req = pytest.mark.req

# (attribute, what the client sends, what is stored, the name under which the repair is counted)
MENDED = [
    pytest.param(ACTIVE, "False", False, "read-boolean-text", marks=req("ENTRA-21", "R-TYPE-03")),
    pytest.param(ACTIVE, "True", True, "read-boolean-text", marks=req("ENTRA-21", "ENTRA-61")),
    pytest.param(ACTIVE, "fAlSe", False, "read-boolean-text", marks=req("ENTRA-13")),
    pytest.param(PRIMARY, "true", True, "read-boolean-text", marks=req("ENTRA-23")),
    pytest.param(PRIMARY, "+1 555 0100", None, "drop-unreadable-primary", marks=req("ENTRA-42")),
    pytest.param(SEATS, "12", 12, "read-number-text", marks=req("ENTRA-96")),
    pytest.param(SEATS, "-9223372036854775808", -(2**63), "read-number-text", marks=req("ENTRA-96")),
    pytest.param(SHARE, "0.10", Decimal("0.10"), "read-number-text", marks=req("R-TYPE-05")),
    pytest.param(SHARE, "3", 3, "read-number-text", marks=req("ENTRA-96")),
    pytest.param(MANAGER, "u-1002", {"value": "u-1002"}, "wrap-value", marks=req("ENTRA-28", "ENTRA-11", "R-ENT-04")),
    pytest.param(MANAGER, "", None, "unassign-empty-text", marks=req("ENTRA-30")),
    pytest.param(NAME, "", None, "unassign-empty-text", marks=req("ENTRA-34")),
    pytest.param(SEATS, "", None, "unassign-empty-text", marks=req("ENTRA-34")),
    pytest.param(HIRED, "", None, "unassign-empty-text", marks=req("ENTRA-34")),
    pytest.param(ACTIVE, "", None, "unassign-empty-text", marks=req("ENTRA-34")),
    pytest.param(EMAILS, "", None, "unassign-empty-text", marks=req("ENTRA-34")),
    pytest.param(
        MANAGER,
        [{"$ref": "https://x.example/Users/u-1002", "value": "u-1002"}],
        {"$ref": "https://x.example/Users/u-1002", "value": "u-1002"},
        "unwrap-list",
        marks=req("ENTRA-29"),
    ),
    pytest.param(USER_NAME, ["ana"], "ana", "unwrap-list", marks=req("ENTRA-29")),
    pytest.param(USER_NAME, [None], None, "unwrap-list", marks=req("ENTRA-29")),
    pytest.param(MEMBERS, ["u-1001", {"value": "u-1002"}], [{"value": "u-1001"}, {"value": "u-1002"}], "wrap-value"),
]


@pytest.mark.parametrize(("attribute", "sent", "stored", "counted"), MENDED)
def test_a_misfit_that_connectors_send_is_mended_and_counted(
    attribute: Attribute, sent: Json, stored: Json, counted: str
) -> None:
    leniency = Leniency(dialect("entra"))
    assert coerce.value(attribute, sent, leniency) == stored
    assert leniency.used[counted] == 1


@pytest.mark.parametrize(("attribute", "sent", "stored", "counted"), MENDED)
def test_strict_refuses_the_same_misfit(attribute: Attribute, sent: Json, stored: Json, counted: str) -> None:
    with pytest.raises(InvalidValue, match=attribute.name):
        coerce.value(attribute, sent, Leniency(STRICT))


REFUSED = [
    pytest.param(ACTIVE, " true ", id="a boolean between blanks"),
    pytest.param(ACTIVE, "yes", id="another word for true"),
    pytest.param(ACTIVE, "1", id="a digit for true"),
    pytest.param(ACTIVE, 1, id="a number for true"),
    pytest.param(ACTIVE, "+1 555 0100", id="other text in a boolean that is not primary"),
    pytest.param(PRIMARY, 7, id="a number in primary"),
    pytest.param(SEATS, "007", id="an integer with leading zeros"),
    pytest.param(SEATS, "+5", id="an integer with a plus"),
    pytest.param(SEATS, "1.0", id="an integer with a fraction"),
    pytest.param(SEATS, "1e3", id="an integer with an exponent"),
    pytest.param(SEATS, "9" * 5000, id="an integer beyond everything"),
    pytest.param(SEATS, "9223372036854775808", id="an integer beyond 64 bits"),
    pytest.param(SEATS, "٣", id="a digit of another script"),
    pytest.param(SEATS, "12\n", id="an integer and a line break"),
    pytest.param(SEATS, Decimal("1.0"), marks=req("R-TYPE-04"), id="a JSON number with a fraction"),
    pytest.param(SHARE, "1e999999999", id="a decimal with an exponent"),
    pytest.param(SHARE, "NaN", id="a decimal that is no number"),
    pytest.param(USER_NAME, 5, id="a number for a string"),
    pytest.param(USER_NAME, True, id="a boolean for a string"),
    pytest.param(USER_NAME, {"value": "ana"}, id="an object for a string"),
    pytest.param(USER_NAME, ["ana", "bo"], id="a list of two for a singular attribute"),
    pytest.param(USER_NAME, [], id="an empty list for a singular attribute"),
    pytest.param(USER_NAME, [["ana"]], id="a list in a list"),
    pytest.param(MANAGER, 1002, id="a number for a complex attribute"),
    pytest.param(NAME, "Ana Ruiz", id="text for a complex attribute without value"),
    pytest.param(EMAILS, {"value": "a@contoso.example"}, marks=req("R-MV-06"), id="an object where a list is meant"),
    pytest.param(TAGS, "vip", id="text where a list is meant"),
]


@pytest.mark.parametrize(("attribute", "sent"), REFUSED)
def test_a_misfit_that_no_connector_is_known_to_send_stays_refused(attribute: Attribute, sent: Json) -> None:
    with pytest.raises(InvalidValue, match=attribute.name):
        coerce.value(attribute, sent, Leniency(dialect("generic")))


@pytest.mark.req("ENTRA-30")
def test_an_empty_value_inside_a_complex_attribute_unassigns_it() -> None:
    assert coerce.value(MANAGER, {"value": ""}, Leniency(dialect("entra"))) is None


def test_wrapping_leaves_the_empty_string_to_another_repair() -> None:
    assert repairs.wrap_value(MANAGER, "") is UNFIT
