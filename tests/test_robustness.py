"""Generated bodies, filters and PATCHes: no answer is a 5xx, and a request that is refused changes nothing."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http.server import GROUP, PATCH_OP, USER, Client, Server

pytestmark = pytest.mark.unmeasured

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CONTACT_CENTRE = "urn:ietf:params:scim:schemas:extension:contactcentre:2.0:User"
NAMES = (
    "userName", "USERNAME", "name", "name.givenName", "emails", "emails.value", "active", "password", "id", "meta",
    "schemas", "groups", "externalId", "members", "displayName", "x509Certificates", "roles", "addresses", "nope",
    "photos", "title", ENTERPRISE, f"{ENTERPRISE}:manager", f"{ENTERPRISE}:manager.value", f"{CONTACT_CENTRE}:licence",
    f"{CONTACT_CENTRE}:supervisor", f"{CONTACT_CENTRE}:extensionNumber", "meta.created", "$ref", "", "a.b.c", "[",
    "type", "value", "primary", "emails[",
    'emails[type eq "work"]', 'emails[type eq "work"].value', 'members[value eq "x"]',
)  # fmt: skip
TEXTS = st.sampled_from(
    ["", "a", "A", "work", "True", "false", "ß", "é", "e\u0301", "%", "_", "\\", '"', "\U0001f600", "x" * 600]
)
STRINGS = TEXTS | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | STRINGS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | STRINGS, inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "Add", "Replace", "move", 1])},
    optional={"path": st.sampled_from(NAMES) | STRINGS | st.none(), "value": VALUES | BODIES},
)
LITERALS = st.one_of(
    st.sampled_from(["true", "null", "1", "-1.5e3", "bare", '"2026-01-01T00:00:00Z"']), STRINGS.map(json.dumps)
)
TESTS = st.builds(
    "{} {} {}".format,
    st.sampled_from(NAMES),
    st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "le", "pr", "zz"]),
    LITERALS,
)
FILTERS = st.recursive(
    TESTS | st.builds("{} pr".format, st.sampled_from(NAMES)) | STRINGS,
    lambda inner: st.one_of(
        st.builds("({}) and {}".format, inner, inner),
        st.builds("{} or {}".format, inner, inner),
        st.builds("not ({})".format, inner),
        st.builds("{}[{}]".format, st.sampled_from(NAMES), inner),
    ),
    max_leaves=5,
)
GENERATED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def client(on_both: Server) -> Client:
    return Client(on_both.app(), on_both.token(on_both.tenant()))


@pytest.fixture(scope="module")
def addresses(client: Client) -> list[str]:
    """A user with much in it, and a group that it is in."""
    user = client.create(
        "someone",
        emails=[{"type": "work", "value": "a@example.com", "primary": True}, {"type": "home", "value": "b"}],
        **{ENTERPRISE: {"manager": {"value": "x"}}, CONTACT_CENTRE: {"supervisor": True, "licence": "pro"}},
    )
    body = {"schemas": [GROUP], "displayName": "everyone", "members": [{"value": user["id"]}]}
    group = client.send("POST", "/Groups", body).get_json(force=True)
    return [f"/Users/{user['id']}", f"/Groups/{group['id']}"]


def state(client: Client, address: str) -> bytes:
    return client.get(address).data


def assert_refused_or_done(client: Client, address: str, method: str, body: Any) -> None:
    """The heart of it: never a 5xx, and nothing happened where it was refused."""
    before = state(client, address)
    answer = client.send(method, address, body)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert state(client, address) == before


@pytest.mark.req("R-TYPE-14", "R-SEC-08", "R-POST-07")
@GENERATED
@given(body=BODIES)
def test_any_body_is_created_or_refused(client: Client, body: dict[str, Any]) -> None:
    total = client.get("/Users?count=0").get_json(force=True)["totalResults"]
    answer = client.send("POST", "/Users", {"schemas": [USER], **body})
    assert answer.status_code in (201, 400, 409), answer.text
    created = 1 if answer.status_code == 201 else 0
    assert client.get("/Users?count=0").get_json(force=True)["totalResults"] == total + created
    if created:
        assert client.get(f"/Users/{answer.get_json(force=True)['id']}").status_code == 200


@pytest.mark.req("R-PATCH-12", "R-PATCH-17", "CC-54")
@GENERATED
@given(data=st.data(), operations=st.lists(OPERATIONS, min_size=1, max_size=4))
def test_any_patch_is_done_whole_or_not_at_all(
    client: Client, addresses: list[str], data: st.DataObject, operations: list[Any]
) -> None:
    address = data.draw(st.sampled_from(addresses))
    assert_refused_or_done(client, address, "PATCH", {"schemas": [PATCH_OP], "Operations": operations})


@pytest.mark.req("R-PUT-08")
@GENERATED
@given(data=st.data(), body=BODIES)
def test_any_put_is_done_whole_or_not_at_all(
    client: Client, addresses: list[str], data: st.DataObject, body: dict[str, Any]
) -> None:
    address = data.draw(st.sampled_from(addresses))
    schema = USER if address.startswith("/Users") else GROUP
    assert_refused_or_done(client, address, "PUT", {"schemas": [schema], **body})


@pytest.mark.req("R-FILT-34", "R-FILT-42", "R-SORT-08", "R-PAGE-08")
@GENERATED
@given(
    filter=FILTERS,
    sort=st.sampled_from(NAMES) | STRINGS,
    start=st.integers(-5, 2**65),
    endpoint=st.sampled_from(["/Users", "/Groups", ""]),
)
def test_any_query_is_answered_or_refused(client: Client, filter: str, sort: str, start: int, endpoint: str) -> None:
    for query in (f"filter={quote(filter)}", f"sortBy={quote(sort)}", f"startIndex={start}&count=2"):
        answer = client.get(f"{endpoint}/?{query}")
        assert answer.status_code in (200, 400), answer.text


@pytest.mark.req("R-HTTP-03", "R-HTTP-15", "R-I18N-09")
@GENERATED
@given(
    body=st.binary(max_size=60)
    | st.text(max_size=40).map(lambda text: f'{{"userName":"{text}"}}'.encode(errors="surrogatepass"))
)
def test_any_bytes_are_read_or_refused(client: Client, body: bytes) -> None:
    assert client.send("POST", "/Users", body).status_code in (201, 400, 409)


@pytest.mark.req("R-FILT-07", "R-FILT-41", "R-PAGE-07")
@pytest.mark.parametrize(
    "leaf", ["id pr", 'emails[type eq "w" and (value eq "x" or not (display pr))]', 'groups eq "x"']
)
def test_a_deep_filter_is_answered_or_refused_as_too_deep(client: Client, leaf: str) -> None:
    """How much SQLite's parser holds depends on what the leaves become."""
    for levels, answers in ((10, {200}), (20, {200, 400}), (24, {200, 400}), (25, {400})):
        text = leaf
        for depth in range(levels):
            text = f"({leaf} {('and', 'or')[depth % 2]} {text})"
        assert client.get(f"/Users?filter={quote(text)}&startIndex=999999999999999999").status_code in answers
