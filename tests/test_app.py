"""The composition root: ids, and an application over a database of its own."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from uuid import UUID

import pytest

from scim_server import app as composition
from scim_server.app import Ids, close, create_app, load_catalogue, new_id, now, open_database
from scim_server.auth import Terms, grant
from scim_server.catalog import CatalogError
from scim_server.config import Settings
from tests.http.server import Client

NANOSECONDS = 1_795_298_705_123_456_789


@pytest.mark.req("R-ID-01", "R-ID-03")
def test_an_id_is_a_version_7_uuid_in_lower_case_that_begins_with_the_time() -> None:
    id = Ids(lambda: NANOSECONDS)()
    parsed = UUID(id)
    assert id == str(parsed)
    assert (parsed.version, parsed.variant) == (7, "specified in RFC 4122")
    assert parsed.int >> 80 == NANOSECONDS // 1_000_000
    assert "bulkid" not in id.lower()


def test_ids_are_ordered_even_when_the_clock_stands_still_or_goes_back() -> None:
    times = iter([5_000_000, 5_000_000, 5_000_300, 4_000_000, 5_000_000, 9_000_000])
    ids = Ids(lambda: next(times))
    made = [ids() for _ in range(6)]
    assert made == sorted(set(made))


def test_ids_of_several_threads_are_all_different() -> None:
    ids = Ids(lambda: NANOSECONDS)
    made: list[str] = []
    threads = [Thread(target=lambda: made.extend(ids() for _ in range(200))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 800


def test_an_id_of_now_begins_with_now() -> None:
    milliseconds = UUID(new_id()).int >> 80
    assert abs(milliseconds / 1000 - now().timestamp()) < 60


def settings(folder: Path) -> Settings:
    return Settings(database_url=f"sqlite:///{folder / 'scim.db'}")


def test_time_and_ids_are_those_that_are_given(tmp_path: Path) -> None:
    database = open_database(settings(tmp_path))
    database.migrate()
    tenant = database.tenancy.add_tenant("acme", "contact-centre", {})
    token = grant(database.tenancy, tenant, Terms("generic", None), now()).value
    database.close()
    app = create_app(settings(tmp_path), lambda: datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC), lambda: "an-id")
    created = Client(app, token).create("ana")
    assert created["id"] == "an-id"
    assert created["meta"]["created"] == "2031-02-03T04:05:06.000Z"
    close(app)


def test_making_an_application_touches_no_database(tmp_path: Path) -> None:
    app = create_app(settings(tmp_path))
    assert Client(app, None).send_raw("GET", "/healthz").status_code == 200
    close(app)
    assert not (tmp_path / "scim.db").exists()


def test_a_server_that_is_not_migrated_is_not_ready(tmp_path: Path) -> None:
    app = create_app(settings(tmp_path))
    assert Client(app, None).send_raw("GET", "/readyz").status_code == 503
    close(app)


def test_an_extensions_folder_that_somebody_chose_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogError):
        load_catalogue(Settings(extensions=tmp_path / "nowhere"))


def test_the_default_extensions_folder_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Settings(extensions=tmp_path / "nowhere")
    monkeypatch.setattr(composition, "Settings", lambda: missing)
    assert load_catalogue(missing).whole.named("User")


def test_importing_the_module_makes_nothing() -> None:
    code = (
        "import scim_server.app, threading; from sqlalchemy import engine; "
        "import gc; assert not [o for o in gc.get_objects() if isinstance(o, engine.Engine)]; "
        "assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent.parent)
