"""The application for any WSGI server: `gunicorn wsgi:app`, or `wsgi:application` where that is the name.

The settings are read and checked at once; the rest is made by the first request, which is in a worker, so that a server
that loads this file before it forks shares no connection. `scim-server serve` needs none of this. Migrate first:
`scim-server migrate`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Final

from flask import Flask

from scim_server.app import create_app
from scim_server.config import Settings
from scim_server.observability import configure

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

settings: Final = Settings.load()
_lock: Final = Lock()


@cache
def _made() -> Flask:
    configure(settings.log_format, settings.log_level)
    return create_app(settings)


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The WSGI callable."""
    with _lock:
        made = _made()
    return made(environ, start_response)


application: Final = app
