"""From an Authorization header to a client, or to the right refusal."""

import re
from datetime import timedelta

import pytest

from scim_server.auth import Authenticator, Client, Terms, authorize, grant
from scim_server.auth.authenticator import CACHE_SECONDS, CACHE_SIZE
from scim_server.domain.guard import Guard
from scim_server.errors import BadRequest, Forbidden, ScimError, Unauthorized
from scim_server.storage.base import Tenant
from tests.auth.fakes import FakeClock, FakeTenancy


class Service:
    """An authenticator over a fake tenancy with one tenant."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.tenancy = FakeTenancy()
        self.tenant = self.tenancy.add_tenant("acme", "default", {})
        self.authenticator = Authenticator(self.tenancy, self.clock)

    def issue(self, terms: Terms | None = None) -> str:
        return grant(self.tenancy, self.tenant, terms or Terms("generic", None), self.clock()).value

    def call(self, authorization: str | None) -> Client:
        return self.authenticator.authenticate(authorization, query_token=False)

    def revoke_all(self) -> None:
        for credential in self.tenancy.credentials(self.tenant.id):
            assert self.tenancy.revoke(self.tenant.id, credential.id, self.clock())


@pytest.fixture
def service():
    service = Service()
    yield service
    service.authenticator.close()


def challenge(error: ScimError) -> dict[str, str]:
    """The attributes of a Bearer challenge, parsed as strictly as RFC 6750 section 3 allows."""
    header = error.headers["WWW-Authenticate"]
    assert header.startswith("Bearer ")
    pairs = re.findall(r'(\w+)="([\x20-\x21\x23-\x5b\x5d-\x7e]*)"(?:, |$)', header.removeprefix("Bearer "))
    assert ", ".join(f'{name}="{value}"' for name, value in pairs) == header.removeprefix("Bearer ")
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def refusal(service: Service, authorization: str | None, *, query_token: bool = False) -> ScimError:
    with pytest.raises(ScimError) as refused:
        service.authenticator.authenticate(authorization, query_token)
    return refused.value


@pytest.mark.req("R-AUTH-01", "R-AUTH-02")
@pytest.mark.parametrize("header", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer   {}", " Bearer {} "])
def test_a_token_leads_to_its_client(service: Service, header: str) -> None:
    token = service.issue(Terms("entra", None, read_only=True, subject="42"))
    client = service.call(header.format(token))
    (credential,) = service.tenancy.credentials(service.tenant.id)
    assert client == Client(service.tenant, credential.id, "entra", True, "42", Guard("acme"))


@pytest.mark.req("R-AUTH-05", "R-AUTH-08", "OKTA-40")
@pytest.mark.parametrize(
    "header", [None, "", "non-token", "Basic dXNlcjpwYXNz", "Bearerx y", "Digest username=x", "\x00", "Bearer\tx"]
)
def test_without_a_bearer_token_the_challenge_has_no_error_code(service: Service, header: str | None) -> None:
    error = refusal(service, header)
    assert isinstance(error, Unauthorized)
    assert challenge(error) == {"realm": "scim"}
    assert error.detail


@pytest.mark.req("R-AUTH-06", "R-AUTH-08")
@pytest.mark.parametrize(
    "token", ["unknown", "", "two words", 'with"quote', "ünïcode", "x" * 5000, "line\nbreak", "=", "a=b", "scim_"]
)
def test_a_token_that_is_malformed_or_unknown_is_invalid(service: Service, token: str) -> None:
    error = refusal(service, f"Bearer {token}")
    assert isinstance(error, Unauthorized)
    assert challenge(error)["error"] == "invalid_token"
    assert len(token) < 6 or token not in error.headers["WWW-Authenticate"] + error.detail


@pytest.mark.req("R-AUTH-06", "R-AUTH-10")
def test_an_expiry_holds_to_the_instant_even_from_the_cache(service: Service) -> None:
    token = service.issue(Terms("generic", service.clock() + timedelta(seconds=2)))
    service.clock.forward(seconds=1.999999)
    service.call(f"Bearer {token}")
    service.clock.forward(microseconds=1)
    error = refusal(service, f"Bearer {token}")
    assert challenge(error) == {
        "realm": "scim",
        "error": "invalid_token",
        "error_description": "The token has expired.",
    }


@pytest.mark.req("R-AUTH-06")
def test_a_revocation_holds_within_five_seconds(service: Service) -> None:
    token = service.issue()
    service.call(f"Bearer {token}")
    service.revoke_all()
    service.clock.forward(seconds=CACHE_SECONDS)
    assert challenge(refusal(service, f"Bearer {token}"))["error_description"] == "The token has been revoked."
    assert CACHE_SECONDS <= 5


def test_a_removed_tenant_takes_its_credentials_along(service: Service) -> None:
    token = service.issue()
    service.call(f"Bearer {token}")
    service.tenancy.remove_tenant(service.tenant.id)
    service.clock.forward(seconds=CACHE_SECONDS)
    assert challenge(refusal(service, f"Bearer {token}"))["error"] == "invalid_token"


def test_a_clock_that_is_set_back_does_not_keep_a_revoked_credential_alive(service: Service) -> None:
    token = service.issue()
    service.call(f"Bearer {token}")
    service.revoke_all()
    service.clock.forward(hours=-1)
    assert isinstance(refusal(service, f"Bearer {token}"), Unauthorized)


def test_a_burst_of_requests_reads_the_credential_once(service: Service) -> None:
    token = service.issue()
    for _ in range(100):
        service.call(f"Bearer {token}")
        service.clock.forward(milliseconds=49)
    assert service.tenancy.reads.total() == 1


def test_a_token_works_from_the_moment_it_is_issued_even_if_it_was_tried_before(service: Service) -> None:
    refusal(service, "Bearer scim_soon")
    issued = grant(service.tenancy, service.tenant, Terms("generic", None), service.clock())
    service.call(f"Bearer {issued.value}")


def test_the_cache_is_bounded_and_forgets_the_oldest_first(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scim_server.auth.authenticator.CACHE_SIZE", 2)
    tokens = [service.issue() for _ in range(3)]
    for token in [*tokens, *reversed(tokens)]:
        service.call(f"Bearer {token}")
    assert sorted(service.tenancy.reads.values()) == [1, 1, 2]
    assert CACHE_SIZE == 10_000


@pytest.mark.req("R-AUTH-03")
def test_a_token_in_the_query_is_refused_without_a_look_at_it(service: Service) -> None:
    error = refusal(service, None, query_token=True)
    assert isinstance(error, Unauthorized)
    assert challenge(error) == {"realm": "scim"}
    assert service.tenancy.reads.total() == 0


@pytest.mark.req("R-AUTH-04")
def test_a_token_in_two_places_is_an_invalid_request(service: Service) -> None:
    error = refusal(service, f"Bearer {service.issue()}", query_token=True)
    assert isinstance(error, BadRequest)
    assert error.status == 400
    assert challenge(error)["error"] == "invalid_request"


def client(*, read_only: bool) -> Client:
    return Client(Tenant(1, "acme", "default", {}), "c1", "generic", read_only)


PERMITTED = [
    ("GET", "/scim/v2/Users/42"),
    ("HEAD", "/scim/v2/Users"),
    ("POST", "/scim/v2/.search"),
    ("POST", "/scim/v2/Groups/.search"),
    ("POST", "/scim/v2/Bulk"),
]
DENIED = [
    ("POST", "/scim/v2/Users"),
    ("PUT", "/scim/v2/Bulk"),
    ("PUT", "/scim/v2/Users/42"),
    ("PATCH", "/scim/v2/Users/42"),
    ("DELETE", "/scim/v2/Users/42"),
    ("PATCH", "/scim/v2/Users/.search"),
    ("POST", "/scim/v2/Users.search"),
]


def is_allowed(client: Client, method: str, path: str) -> bool:
    try:
        authorize(client, method, path)
    except Forbidden:
        return False
    return True


@pytest.mark.req("R-AUTH-01", "R-AUTH-07")
@pytest.mark.parametrize(("method", "path"), PERMITTED)
def test_a_read_only_credential_may_read(method: str, path: str) -> None:
    assert is_allowed(client(read_only=True), method, path)


@pytest.mark.req("R-AUTH-01", "R-AUTH-07", "R-AUTH-08")
@pytest.mark.parametrize(("method", "path"), DENIED)
def test_a_read_only_credential_may_not_write(method: str, path: str) -> None:
    with pytest.raises(Forbidden) as refused:
        authorize(client(read_only=True), method, path)
    found = challenge(refused.value)
    assert (found["error"], found["scope"]) == ("insufficient_scope", "scim:write")


@pytest.mark.req("R-AUTH-01")
@pytest.mark.parametrize(("method", "path"), [*PERMITTED, *DENIED])
def test_any_other_credential_may_do_both(method: str, path: str) -> None:
    assert is_allowed(client(read_only=False), method, path)


def test_every_use_is_recorded_when_the_authenticator_closes(service: Service) -> None:
    token = service.issue()
    service.call(f"Bearer {token}")
    service.clock.forward(seconds=1)
    service.call(f"Bearer {token}")
    assert service.tenancy.uses == {}
    service.authenticator.close()
    (credential,) = service.tenancy.credentials(service.tenant.id)
    assert service.tenancy.uses == {credential.id: service.clock()}


def test_a_refused_credential_counts_as_no_use(service: Service) -> None:
    token = service.issue(Terms("generic", service.clock()))
    refusal(service, f"Bearer {token}")
    service.authenticator.close()
    assert service.tenancy.uses == {}
