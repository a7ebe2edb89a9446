"""Settings: read once, checked as a whole, then never changed.

Every setting is an environment variable `SCIM_` plus the field's name in capitals. The entry of a field is its
manual: the default, the unit and the meaning. docs/settings.md is held against it by a test, so a setting without
documentation cannot be.

    Settings.load()             from the process environment
    Settings.load({...})        from any mapping, for tests and for options of the command line

A fault names the variable, says what kind of value it got and what is expected, and never repeats a text: a
database URL holds a password.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError
from marshmallow import fields as kinds
from marshmallow.validate import OneOf, Range

PREFIX: Final = "SCIM_"
PROJECT: Final = Path(__file__).parent.parent
KIB: Final = 1024
MIB: Final = 1024 * KIB

_POSTGRESQL: Final = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
_ORIGIN: Final = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]*))?/?")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


class SettingsError(Exception):
    """A setting that the server cannot start with; the text is one line for the operator."""


class Entry(NamedTuple):
    """One line of the manual, as docs/settings.md has it."""

    variable: str
    default: str
    unit: str
    meaning: str


def _path(text: str) -> Path:
    if not text:
        raise ValidationError("empty")
    return Path(text)


def _database_url(text: str) -> str:
    scheme, _, rest = text.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and rest[1:] not in ("", ":memory:"):
        return text
    if scheme in _POSTGRESQL and _has_sound_port(text):
        return text
    raise ValidationError("no database URL")


def _has_sound_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _public_url(text: str) -> str:
    parts = urlsplit(text) if _has_sound_port(text) else None
    if not parts or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValidationError("no absolute URL")
    return text.rstrip("/")


def _origins(text: str) -> tuple[str, ...]:
    return ("*",) if text.strip() == "*" else tuple(_origin(part.strip()) for part in text.split(","))


def _origin(text: str) -> str:
    """The origin as browsers send it (RFC 6454 section 6.2): in lower case, without the default port or a path."""
    origin = _ORIGIN.fullmatch(text.lower())
    if not origin or not _has_sound_port(text):
        raise ValidationError("no origin")
    scheme, host, port = origin.groups()
    return f"{scheme}://{host}" if port in (None, _DEFAULT_PORTS[scheme]) else f"{scheme}://{host}:{port}"


class _Parsed(kinds.String):
    """Text that a function makes into a value, or refuses."""

    def __init__(self, parse: Any, **options: Any) -> None:
        self._parse = parse
        super().__init__(**options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        return self._parse(super()._deserialize(value, attr, data, **options))


def _setting(default: Any, kind: kinds.Field[Any], expected: str, unit: str, meaning: str, **more: Any) -> Any:
    """A field with its manual. `shown` is the default in words, where the value itself says little."""
    shown = more.pop("shown", None)
    metadata = {"kind": kind, "expected": expected, "unit": unit, "meaning": meaning, "shown": shown}
    return field(default=default, metadata=metadata, **more)


def _whole(default: int, least: int, most: int, unit: str, meaning: str, **more: Any) -> Any:
    kind = kinds.Integer(strict=False, validate=Range(least, most))
    return _setting(default, kind, f"a whole number from {least} to {most}", unit, meaning, **more)


def _one_of(default: str, choices: tuple[str, ...], meaning: str) -> Any:
    return _setting(default, kinds.String(validate=OneOf(choices)), f"one of {', '.join(choices)}", "", meaning)


def _url(meaning: str) -> Any:
    expected = "an absolute http or https URL without query"
    return _setting(None, _Parsed(_public_url), expected, "URL", meaning)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that an operator can choose; see the entry of each field."""

    database_url: str = _setting(
        "sqlite:///scim-server.db",
        _Parsed(_database_url),
        "a URL like sqlite:///scim.db or postgresql://user@host/name",
        "URL",
        "Where everything is kept. A SQLite path after three slashes is relative, after four absolute.",
        repr=False,
    )
    pool_size: int = _whole(
        5,
        2,
        1000,
        "connections",
        "Most database connections of a worker for reading, and as many for writing; more than its threads.",
        shown="one more than `SCIM_THREADS`",
    )
    read_timeout: float = _setting(
        10.0,
        kinds.Float(validate=Range(0.1, 3600)),
        "a number from 0.1 to 3600",
        "seconds",
        "How long a search may keep the database busy; then it is refused with tooMany.",
    )
    sqlite_synchronous: str = _one_of(
        "FULL",
        ("FULL", "NORMAL"),
        "SQLite only. With FULL an acknowledged write survives a power failure, with NORMAL a crash.",
    )

    extensions: Path = _setting(  # noqa: RUF009 -- it is dataclasses.field
        PROJECT / "extensions",
        _Parsed(_path),
        "a path",
        "path",
        "The folder of extension schemas and product profiles.",
        shown="the project's `extensions`",
    )

    host: str = _setting(
        "127.0.0.1",
        _Parsed(lambda text: str(_path(text))),
        "an address or a host name",
        "address",
        "The address to listen on; `0.0.0.0` for all of IPv4, `::` for all.",
    )
    port: int = _whole(8080, 0, 65535, "port", "The port to listen on; 0 takes a free one.")
    workers: int = _whole(
        min(os.cpu_count() or 1, 4),
        1,
        256,
        "processes",
        "Worker processes.",
        shown="one for each processor, at most 4",
    )
    threads: int = _whole(4, 1, 256, "threads", "Requests that one worker serves at the same time.")
    graceful_timeout: int = _whole(30, 1, 3600, "seconds", "How long a stopping server lets requests in flight finish.")
    keepalive: int = _whole(
        75,
        1,
        3600,
        "seconds",
        "How long a connection without requests stays open; choose more than the proxy in front.",
    )
    client_timeout: int = _whole(
        30,
        1,
        3600,
        "seconds",
        "How long a client may pause within a request, or in taking the answer; then it is cut off.",
    )

    public_url: str | None = _url(
        "Where clients reach the server, as in `https://scim.example.com`; else the URL of the request."
    )
    trusted_proxies: int = _whole(
        0, 0, 10, "proxies", "Proxies in front whose X-Forwarded-For, -Proto and -Host are believed; 0 believes none."
    )
    documentation_url: str | None = _url("The documentation that ServiceProviderConfig points to; none by default.")

    cors_origins: tuple[str, ...] = _setting(
        (),
        _Parsed(_origins),
        "* or a list like https://a.example.com,https://b.example.com",
        "origins",
        "Sites, separated by commas, whose pages may call the server from a browser; `*` for all. For tests.",
        shown="none",
    )

    page_default: int = _whole(100, 1, 100_000, "resources", "Resources on a page where the client names no count.")
    page_max: int = _whole(1000, 1, 100_000, "resources", "Most resources on a page, published as filter.maxResults.")
    group_answer_members: int = _whole(
        200, 0, 10_000_000, "members", "A PATCH on a resource with more members than this answers 204 without content."
    )

    max_body: int = _whole(16 * MIB, KIB, KIB * MIB, "bytes", "Largest request body; a larger one is refused with 413.")
    bulk_max_operations: int = _whole(
        1000, 1, 100_000, "operations", "Most operations in one bulk request; more are refused with 413."
    )
    bulk_max_payload: int = _whole(
        10 * MIB, KIB, KIB * MIB, "bytes", "Largest body of a bulk request; a larger one is refused with 413."
    )
    cursor_timeout: int = _whole(
        3600, 1, 7 * 24 * 3600, "seconds", "How long a cursor can be used from the moment it was given out."
    )
    max_filter: int = _whole(
        8 * KIB, 64, MIB, "bytes", "Longest filter, or path of a PATCH; a longer one is refused with 400."
    )
    max_patch_operations: int = _whole(
        10_000, 1, 1_000_000, "operations", "Most operations in one PATCH; more are refused with 413."
    )
    max_request_line: int = _whole(
        64 * KIB,
        4 * KIB,
        MIB,
        "bytes",
        "Longest request line, the URL with its query; a longer one is refused with 414.",
    )
    max_header: int = _whole(64 * KIB, 4 * KIB, MIB, "bytes", "Longest header field; a longer one is refused with 431.")

    log_format: str = _one_of("json", ("json", "console"), "One JSON object a line, or coloured text for a terminal.")
    log_level: str = _one_of(
        "info", ("debug", "info", "warning", "error"), "The least level that is logged; requests are logged at info."
    )
    metrics_dir: Path | None = _setting(  # noqa: RUF009 -- it is dataclasses.field
        None,
        _Parsed(_path),
        "a path",
        "path",
        "An empty folder for the counters that the workers share; else a temporary one.",
    )

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The settings that the SCIM_* variables of `environ` name. Raises SettingsError on the first fault."""
        given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
        _refuse_unknown(given)
        texts = {name.removeprefix(PREFIX).lower(): value for name, value in given.items()}
        try:
            values = _schema().load(texts)
        except ValidationError as error:
            raise _fault(texts, error) from None
        settings = cls(**values)
        if "pool_size" not in values:
            settings = replace(settings, pool_size=settings.threads + 1)
        if settings.pool_size <= settings.threads:
            raise SettingsError("SCIM_POOL_SIZE is not more than SCIM_THREADS; at least one more is expected.")
        if settings.page_default > settings.page_max:
            raise SettingsError("SCIM_PAGE_DEFAULT is more than SCIM_PAGE_MAX; at most that many are expected.")
        return settings


def manual() -> tuple[Entry, ...]:
    """The manual of every setting, in the order of the fields."""
    return tuple(
        Entry(variable(item), _shown(item), item.metadata["unit"], item.metadata["meaning"])
        for item in fields(Settings)
    )


def variable(item: Field[Any]) -> str:
    """The environment variable of a field."""
    return PREFIX + item.name.upper()


def _shown(item: Field[Any]) -> str:
    if item.metadata["shown"]:
        return str(item.metadata["shown"])
    return "" if item.default is None else f"`{item.default}`"


@cache
def _schema() -> Schema:
    """The marshmallow schema: a field for each setting."""
    names = {item.name: item.metadata["kind"] for item in fields(Settings)}
    return Schema.from_dict(names, name="SettingsSchema")()


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = [variable(item) for item in fields(Settings)]
    for name in sorted(given):
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "docs/settings.md lists them all."
            raise SettingsError(f"{name} is no setting; {hint}")


def _fault(texts: Mapping[str, str], error: ValidationError) -> SettingsError:
    item = next(item for item in fields(Settings) if item.name in error.messages_dict)
    kind = _kind_of(texts[item.name])
    return SettingsError(f"{variable(item)} is {kind}; {item.metadata['expected']} is expected.")


def _kind_of(value: str) -> str:
    """What a value looks like, in words that do not give it away."""
    if not value.strip():
        return "empty"
    try:
        float(value)
    except ValueError:
        return f"text of {len(value)} characters" if len(value) > 1 else "a single character"
    return f"the number {value.strip()}"
