"""Settings: what is read, what is refused, and that the manual knows all of it."""

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from scim_server.config import PROJECT, Settings, SettingsError, manual

ROOT = Path(__file__).parent.parent


def test_without_variables_every_setting_has_its_default() -> None:
    settings = Settings.load({})
    assert settings == Settings()
    assert settings.database_url == "sqlite:///scim-server.db"
    assert settings.extensions == PROJECT / "extensions"
    assert 1 <= settings.workers <= 4


GOOD = [
    ("SCIM_DATABASE_URL", "postgresql://scim@db.example.com/scim", "database_url"),
    ("SCIM_DATABASE_URL", "postgres://scim:secret@[2001:db8::7]:5432/scim", "database_url"),
    ("SCIM_DATABASE_URL", "postgresql+psycopg:///scim?host=/run/postgresql", "database_url"),
    ("SCIM_DATABASE_URL", "sqlite:////var/lib/scim.db", "database_url"),
    ("SCIM_PORT", "9000", "port"),
    ("SCIM_READ_TIMEOUT", "2.5", "read_timeout"),
    ("SCIM_EXTENSIONS", "/srv/extensions", "extensions"),
    ("SCIM_PUBLIC_URL", "https://scim.example.com", "public_url"),
    ("SCIM_LOG_FORMAT", "console", "log_format"),
    ("SCIM_SQLITE_SYNCHRONOUS", "NORMAL", "sqlite_synchronous"),
    ("SCIM_METRICS_DIR", "/run/scim-metrics", "metrics_dir"),
]


@pytest.mark.parametrize(("variable", "value", "name"), GOOD)
def test_a_variable_sets_its_field_in_the_type_of_the_field(variable: str, value: str, name: str) -> None:
    found = getattr(Settings.load({variable: value}), name)
    assert str(found) == value
    assert type(found).__name__ in str(Settings.__annotations__[name]) or isinstance(found, Path)


def test_there_is_a_connection_for_each_thread_and_one_more() -> None:
    assert Settings.load({"SCIM_THREADS": "16"}).pool_size == 17
    assert Settings.load({"SCIM_THREADS": "16", "SCIM_POOL_SIZE": "30"}).pool_size == 30
    with pytest.raises(SettingsError, match="SCIM_POOL_SIZE"):
        Settings.load({"SCIM_THREADS": "16", "SCIM_POOL_SIZE": "16"})


def test_what_does_not_begin_with_scim_is_none_of_our_business() -> None:
    assert Settings.load({"PORT": "x", "HOME": "/", "scim_port": "x"}) == Settings()


def test_a_public_url_loses_its_last_slash() -> None:
    assert Settings.load({"SCIM_PUBLIC_URL": "https://scim.example.com/"}).public_url == "https://scim.example.com"


ORIGINS = [
    ("*", ("*",)),
    (" * ", ("*",)),
    ("https://scimvalidator.example.com", ("https://scimvalidator.example.com",)),
    ("HTTPS://Portal.Example.com/", ("https://portal.example.com",)),
    ("https://a.example.com:443,http://b.example.com:80", ("https://a.example.com", "http://b.example.com")),
    ("http://localhost:443, http://[::1]:3000", ("http://localhost:443", "http://[::1]:3000")),
]


@pytest.mark.req("ENTRA-95")
@pytest.mark.parametrize(("value", "origins"), ORIGINS)
def test_an_origin_is_kept_as_a_browser_sends_it(value: str, origins: tuple[str, ...]) -> None:
    assert Settings.load({"SCIM_CORS_ORIGINS": value}).cors_origins == origins


NO_ORIGINS = [
    "",
    ",",
    "https://a.example.com,",
    "*,https://a.example.com",
    "a.example.com",
    "null",
    "ftp://a.example.com",
    "https://",
    "https://*.example.com",
    "https://a.example.com/scim",
    "https://a.example.com?x",
    "https://user@a.example.com",
    "https://a.example.com:",
    "https://a.example.com:0",
    "https://a.example.com:65536",
    "https://a.example.com:x",
    "https://a.example.com https://b.example.com",
    "https://a.example.com\nhttps://b.example.com",
    "https://ä.example.com",
    "https://[::1",
    "https://[1:::::::::::1]",
]


@pytest.mark.req("ENTRA-95")
@pytest.mark.parametrize("value", NO_ORIGINS)
def test_what_no_browser_sends_as_an_origin_is_refused(value: str) -> None:
    with pytest.raises(SettingsError) as fault:
        Settings.load({"SCIM_CORS_ORIGINS": value})
    kind = f"text of {len(value)} characters" if len(value) > 1 else "a single character" if value else "empty"
    expected = "* or a list like https://a.example.com,https://b.example.com"
    assert str(fault.value) == f"SCIM_CORS_ORIGINS is {kind}; {expected} is expected."


PUBLIC_URL = "an absolute http or https URL without query"
DATABASE_URL = "a URL like sqlite:///scim.db or postgresql://user@host/name"
BAD = [
    ("SCIM_PORT", "http", "SCIM_PORT is text of 4 characters; a whole number from 0 to 65535 is expected."),
    ("SCIM_PORT", "x", "SCIM_PORT is a single character; a whole number from 0 to 65535 is expected."),
    ("SCIM_PORT", "65536", "SCIM_PORT is the number 65536; a whole number from 0 to 65535 is expected."),
    ("SCIM_PORT", "80.5", "SCIM_PORT is the number 80.5; a whole number from 0 to 65535 is expected."),
    ("SCIM_PORT", "", "SCIM_PORT is empty; a whole number from 0 to 65535 is expected."),
    ("SCIM_WORKERS", "0", "SCIM_WORKERS is the number 0; a whole number from 1 to 256 is expected."),
    ("SCIM_READ_TIMEOUT", "nan", "SCIM_READ_TIMEOUT is the number nan; a number from 0.1 to 3600 is expected."),
    ("SCIM_LOG_FORMAT", "xml", "SCIM_LOG_FORMAT is text of 3 characters; one of json, console is expected."),
    ("SCIM_HOST", "", "SCIM_HOST is empty; an address or a host name is expected."),
    ("SCIM_EXTENSIONS", "", "SCIM_EXTENSIONS is empty; a path is expected."),
    ("SCIM_PUBLIC_URL", "scim.example.com", f"SCIM_PUBLIC_URL is text of 16 characters; {PUBLIC_URL} is expected."),
    ("SCIM_PUBLIC_URL", "http://[::1", f"SCIM_PUBLIC_URL is text of 11 characters; {PUBLIC_URL} is expected."),
    ("SCIM_PUBLIC_URL", "http://x:port", f"SCIM_PUBLIC_URL is text of 13 characters; {PUBLIC_URL} is expected."),
    ("SCIM_PUBLIC_URL", "http://x/?a=b", f"SCIM_PUBLIC_URL is text of 13 characters; {PUBLIC_URL} is expected."),
    (
        "SCIM_DATABASE_URL",
        "mysql://db.example.com/scim",
        f"SCIM_DATABASE_URL is text of 27 characters; {DATABASE_URL} is expected.",
    ),
    ("SCIM_DATABASE_URL", "sqlite:///", f"SCIM_DATABASE_URL is text of 10 characters; {DATABASE_URL} is expected."),
    ("SCIM_DATABASE_URL", "sqlite://", f"SCIM_DATABASE_URL is text of 9 characters; {DATABASE_URL} is expected."),
    (
        "SCIM_DATABASE_URL",
        "sqlite:///:memory:",
        f"SCIM_DATABASE_URL is text of 18 characters; {DATABASE_URL} is expected.",
    ),
    (
        "SCIM_DATABASE_URL",
        "postgresql://db:port/scim",
        f"SCIM_DATABASE_URL is text of 25 characters; {DATABASE_URL} is expected.",
    ),
    ("SCIM_DATABSE_URL", "x", "SCIM_DATABSE_URL is no setting; did you mean SCIM_DATABASE_URL?"),
    ("SCIM_ZZZ", "x", "SCIM_ZZZ is no setting; docs/settings.md lists them all."),
    ("SCIM_POOL_SIZE", "4", "SCIM_POOL_SIZE is not more than SCIM_THREADS; at least one more is expected."),
    ("SCIM_PAGE_MAX", "10", "SCIM_PAGE_DEFAULT is more than SCIM_PAGE_MAX; at most that many are expected."),
]


@pytest.mark.parametrize(("variable", "value", "message"), BAD)
def test_a_fault_is_one_line_that_names_the_variable_and_what_is_expected(
    variable: str, value: str, message: str
) -> None:
    with pytest.raises(SettingsError) as fault:
        Settings.load({variable: value})
    assert str(fault.value) == message


def test_the_password_of_a_database_url_is_not_shown() -> None:
    url = "postgresql://scim:opensesame@db.example.com/scim"
    assert "opensesame" not in repr(Settings.load({"SCIM_DATABASE_URL": url}))
    with pytest.raises(SettingsError) as fault:
        Settings.load({"SCIM_DATABASE_URL": "mysql" + url})
    assert "opensesame" not in str(fault.value)


def test_settings_never_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


def test_the_manual_page_has_exactly_the_settings_with_their_defaults_and_meanings() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `SCIM_")]
    assert rows == [f"| `{e.variable}` | {e.default} | {e.unit} | {e.meaning} |" for e in manual()]


def test_every_setting_says_what_it_means() -> None:
    assert len(manual()) == len(fields(Settings))
    assert [entry.variable for entry in manual() if not entry.meaning.endswith(".")] == []
