"""Where a request came to: the path that the routes see, and the base URL that every `location` begins with.

    [prefix] [/t/<tenant>] /scim[/v2] [/Users[/42]]

`Entrance` stands before Flask. It takes the tenant out of the path, so that both base URLs have the same routes, and
mends what connectors write: doubled and trailing slashes (OL-01, CL-03).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.wrappers import Request

from scim_server.errors import BadRequest

VERSION: Final = "v2"
BASES: Final = (f"/scim/{VERSION}", "/scim")
"""Without a version the newest one answers (RFC 7644 section 3.13); the longer base comes first."""

_SLASHES: Final = re.compile("/{2,}")
_ENCODED_SLASH: Final = re.compile("%2f", re.IGNORECASE)
_TENANT: Final = re.compile(r"/t/([^/]+)(?=/scim(?:/|$))")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
_LONGEST_HOST: Final = 255  # RFC 1035 section 2.3.4
_TENANT_KEY: Final = "scim_server.tenant"


class Entrance:
    """The WSGI application around the Flask one."""

    def __init__(self, inner: WSGIApplication) -> None:
        self._inner = inner

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = tidy(_path(environ))
        if tenant := _TENANT.match(path):
            # WSGI hands over bytes as Latin-1 text (PEP 3333).
            environ[_TENANT_KEY] = tenant[1].encode("latin-1").decode(errors="replace")
            path = path[tenant.end() :]
        environ["PATH_INFO"] = path
        return self._inner(environ, start_response)


def _path(environ: WSGIEnvironment) -> str:
    """PATH_INFO, in which an encoded slash is no slash: it belongs to an id, and no id has one (R-HTTP-02).

    Only the address as it was sent shows it, which servers give as RAW_URI or REQUEST_URI.
    """
    path: str = environ.get("PATH_INFO", "")
    sent = str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or "").partition("?")[0]
    if not _ENCODED_SLASH.search(sent):
        return path
    whole = unquote_to_bytes(_ENCODED_SLASH.sub("%252F", sent)).decode("latin-1")
    return whole.removeprefix(environ.get("SCRIPT_NAME", ""))


def tidy(path: str) -> str:
    """The path with single slashes and none at its end."""
    if "//" in path:
        path = _SLASHES.sub("/", path)
    return path.rstrip("/") or "/"


def tenant_name(request: Request) -> str | None:
    """The tenant that the URL names."""
    name: str | None = request.environ.get(_TENANT_KEY)
    return name


def is_scim(request: Request) -> bool:
    """Whether the path is below a SCIM base, known there or not."""
    return _base(request.path) is not None


def base_url(request: Request, public_url: str | None) -> str:
    """The base URL that the request came through, without a slash at its end (R-META-08, R-TEN-04).

    `public_url` stands for scheme, host and prefix where the operator gave it. Raises BadRequest for a Host that is
    none.
    """
    root = public_url or _root(request.scheme, request.host, request.root_path)
    name = tenant_name(request)
    mount = "" if name is None else f"/t/{quote(name, safe='')}"
    return f"{root}{mount}{_base(request.path) or BASES[0]}"


def _base(path: str) -> str | None:
    return next((base for base in BASES if path == base or path.startswith(f"{base}/")), None)


@lru_cache(maxsize=256)
def _root(scheme: str, host: str, prefix: str) -> str:
    if len(host) > _LONGEST_HOST or not _HOST.fullmatch(host):
        raise BadRequest("The Host header is not valid.")
    return f"{scheme}://{host}{quote(prefix.rstrip('/'))}"
