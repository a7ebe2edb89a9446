"""Paths as they come, and the base URL that goes out."""

from typing import Any

import pytest
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Request, Response

from scim_server.errors import BadRequest
from scim_server.http.address import Entrance, base_url, is_scim, tenant_name, tidy

TIDY = [
    ("/scim/v2/Users", "/scim/v2/Users"),
    ("/scim/v2/Users/", "/scim/v2/Users"),
    ("/scim/v2//Users", "/scim/v2/Users"),
    ("//scim///v2////Users//1//", "/scim/v2/Users/1"),
    ("/", "/"),
    ("", "/"),
    ("///", "/"),
]


@pytest.mark.req("CL-03", "OL-01")
@pytest.mark.parametrize(("path", "tidied"), TIDY)
def test_slashes_too_many_are_taken_away(path: str, tidied: str) -> None:
    assert tidy(path) == tidied


def enter(url: str, public_url: str | None = None, **options: Any) -> tuple[str, str | None, str, bool]:
    """(path that the routes see, tenant, base URL, whether it is SCIM)."""
    seen: list[tuple[str, str | None, str, bool]] = []

    @Request.application
    def inner(request: Request) -> Response:
        seen.append((request.path, tenant_name(request), base_url(request, public_url), is_scim(request)))
        return Response()

    run_wsgi_app(Entrance(inner), EnvironBuilder(url, **options).get_environ())
    return seen[0]


ENTERED = [
    ("http://h/scim/v2/Users/1", "/scim/v2/Users/1", None, "http://h/scim/v2", True),
    ("https://h:8443/scim/v2", "/scim/v2", None, "https://h:8443/scim/v2", True),
    ("http://h/scim/Users", "/scim/Users", None, "http://h/scim", True),
    ("http://h/scim/v9/Users", "/scim/v9/Users", None, "http://h/scim", True),
    ("http://h/t/acme/scim/v2/Users", "/scim/v2/Users", "acme", "http://h/t/acme/scim/v2", True),
    ("http://h/t//acme//scim/v2/", "/scim/v2", "acme", "http://h/t/acme/scim/v2", True),
    ("http://h/t/a%20b%C3%A9/scim/Users", "/scim/Users", "a bé", "http://h/t/a%20b%C3%A9/scim", True),
    ("http://h/t/acme/other", "/t/acme/other", None, "http://h/scim/v2", False),
    ("http://h/t/acme/scimitar", "/t/acme/scimitar", None, "http://h/scim/v2", False),
    ("http://h/scimitar/v2", "/scimitar/v2", None, "http://h/scim/v2", False),
    ("http://h/healthz", "/healthz", None, "http://h/scim/v2", False),
    ("http://[::1]:80/scim/v2", "/scim/v2", None, "http://[::1]/scim/v2", True),
]


@pytest.mark.req("R-META-08", "R-TEN-04")
@pytest.mark.parametrize(("url", "path", "tenant", "base", "scim"), ENTERED)
def test_a_url_gives_its_path_tenant_and_base(url: str, path: str, tenant: str | None, base: str, scim: bool) -> None:
    scheme, _, rest = url.partition("://")
    host, slash, below = rest.partition("/")
    assert enter(slash + below, base_url=f"{scheme}://{host}") == (path, tenant, base, scim)


@pytest.mark.req("R-HTTP-01")
def test_the_base_url_has_the_prefix_under_which_the_application_is_mounted() -> None:
    _, _, base, _ = enter("/t/acme/scim/v2/Users", base_url="http://h/a/b")
    assert base == "http://h/a/b/t/acme/scim/v2"


@pytest.mark.req("R-META-08")
def test_the_public_url_stands_for_host_and_prefix() -> None:
    _, _, base, _ = enter("/t/acme/scim/v2/Users", "https://scim.example.com/dir", base_url="http://h/a/b")
    assert base == "https://scim.example.com/dir/t/acme/scim/v2"


@pytest.mark.parametrize("host", ['h"', "h/x", "h x", "h\\", "h:99999999", "<h>", "h:x", "", "h" * 256])
def test_a_host_that_is_none_is_refused(host: str) -> None:
    environ = EnvironBuilder("/scim/v2").get_environ() | {"HTTP_HOST": host, "SERVER_NAME": ""}
    with pytest.raises(BadRequest):
        base_url(Request(environ), None)
