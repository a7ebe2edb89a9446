"""What holds for every rewrite, on generated operations and bodies."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.connectors.dialects import BODY_REWRITES, REPAIRS, REWRITES
from scim_server.domain.dialect import BodyRewrite, Repair, Rewrite
from scim_server.domain.schema import Json
from scim_server.errors import ScimError
from tests.connectors.directory import (
    ACTIVE,
    CORE_USER,
    DESK,
    EMAILS,
    ENTERPRISE,
    GROUP,
    MANAGER,
    MEMBERS,
    PRIMARY,
    SEATS,
    SHARE,
    TAGS,
    USER,
    USER_NAME,
)

TEXTS = st.sampled_from(["", "True", "12", "u-1", '{"value":"Admin","displayName":"A"}', '{"value":', "{}"]) | st.text()
SCALARS = st.none() | st.booleans() | st.integers() | TEXTS
NAMES = (
    st.sampled_from(["value", "type", "primary", "display", "roles", "members", "emails", "manager", "grants"])
    | st.sampled_from([ENTERPRISE, DESK, "urn:scim:schemas:extension:enterprise:1.0"])
    | st.text(max_size=3)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4))
PATHS = st.sampled_from(
    ["members", "roles", "Emails", "name.givenName", f"{CORE_USER}:roles", ENTERPRISE, 'emails[type eq "x"]', "tags"]
)
OPERATIONS = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "Add", "remove", "REMOVE", "replace"]) | VALUES,
        "path": PATHS | VALUES,
        "value": VALUES,
        "Op": st.just("Add"),
        "Value": VALUES,
        "PATH": PATHS,
    },
)
RESOURCE_TYPES = st.sampled_from([USER, GROUP])
ATTRIBUTES = st.sampled_from([ACTIVE, PRIMARY, SEATS, SHARE, MANAGER, MEMBERS, EMAILS, TAGS, USER_NAME])


def outcome(rewrite: Rewrite | BodyRewrite, sent: Json, resource_type: object) -> Json:
    """What it returns, or the refusal; no other failure is a valid one."""
    try:
        return rewrite(sent, resource_type)  # type: ignore[arg-type]
    except ScimError as error:
        return error


@pytest.mark.parametrize("rewrite", REWRITES)
@given(sent=OPERATIONS | VALUES, resource_type=RESOURCE_TYPES)
def test_a_rewrite_leaves_the_operation_it_was_given_and_is_done_after_once(
    rewrite: Rewrite, sent: Json, resource_type: object
) -> None:
    before = deepcopy(sent)
    once = outcome(rewrite, sent, resource_type)
    assert sent == before
    if once is not sent and not isinstance(once, ScimError):
        assert once != sent
        assert rewrite(once, resource_type) is once  # type: ignore[arg-type]


@pytest.mark.parametrize("rewrite", BODY_REWRITES)
@given(sent=st.dictionaries(NAMES, VALUES) | VALUES, resource_type=RESOURCE_TYPES)
def test_a_rewrite_leaves_the_body_it_was_given_and_is_done_after_once(
    rewrite: BodyRewrite, sent: Json, resource_type: object
) -> None:
    before = deepcopy(sent)
    once = outcome(rewrite, sent, resource_type)
    assert sent == before
    if once is not sent:
        assert once != sent
        assert rewrite(once, resource_type) is once  # type: ignore[arg-type]


@pytest.mark.parametrize("repair", REPAIRS)
@given(attribute=ATTRIBUTES, sent=VALUES)
def test_a_repair_leaves_the_value_it_was_given(repair: Repair, attribute: object, sent: Json) -> None:
    before = deepcopy(sent)
    repair(attribute, sent)  # type: ignore[arg-type]
    assert sent == before
