"""`scim-server events`, as the product's own side fetches what it is told."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from scim_server import app
from scim_server.cli.database import opened
from scim_server.config import Settings
from scim_server.storage.base import Transaction
from tests.databases import ENGINES
from tests.test_cli import Command

pytestmark = [pytest.mark.usefixtures("read_once"), pytest.mark.unmeasured]
"""What they run of the server, other tests run too: coverage need not follow."""

NOW = "2026-03-02T06:30:00.000000000Z"


@pytest.fixture(scope="module", params=ENGINES)
def command(
    request: pytest.FixtureRequest, new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Command:
    """The command over a database with the tenants `contoso` and `fabrikam`."""
    command = Command(tmp_path_factory.mktemp("events"))
    command.environ["SCIM_DATABASE_URL"] = new_database(request.param)
    command.good("migrate")
    for name in ("contoso", "fabrikam"):
        command.good("tenant", "add", name)
    return command


def post(command: Command, name: str, *kinds: str) -> None:
    """Write an event of each kind, as a write of a resource does."""
    with opened(Settings.load(command.environ)) as database:
        tenant = database.tenancy.tenant(name)
        assert tenant is not None

        def put_all(transaction: Transaction) -> None:
            for kind in kinds:
                transaction.outbox.put("User", "u-1", kind, {"title": "Zoë"}, NOW)

        database.storage.write(tenant.id, put_all)


def said(command: Command, *arguments: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in command.good("events", *arguments).splitlines()]


def kinds(command: Command, *arguments: str) -> list[str]:
    return [event["kind"] for event in said(command, *arguments)]


@pytest.mark.req("CC-13", "CC-34", "CC-41")
def test_events_are_listed_and_taken_in_their_order_each_once(command: Command) -> None:
    post(command, "contoso", "first", "second", "third")
    post(command, "fabrikam", "other")
    (event, *_) = said(command, "list", "contoso")
    assert event.pop("sequence") > 0
    assert event == {
        "at": "2026-03-02T06:30:00.000Z",
        "kind": "first",
        "resourceType": "User",
        "id": "u-1",
        "content": {"title": "Zoë"},
    }
    assert kinds(command, "list", "contoso", "--limit", "2") == ["first", "second"]
    assert kinds(command, "take", "contoso", "--limit", "2") == ["first", "second"]
    assert kinds(command, "list", "contoso") == ["third"]
    assert kinds(command, "take", "contoso") == ["third"]
    assert kinds(command, "take", "contoso") == []
    assert kinds(command, "take", "fabrikam") == ["other"]


def test_what_was_shown_and_not_removed_comes_again_with_the_same_sequence(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(command, "contoso", "first")
    before = said(command, "list", "contoso")

    def broken(*_: Any) -> None:
        raise OperationalError("DELETE", {}, Exception("gone"))

    with monkeypatch.context() as patched:
        patched.setattr(app, "forget_events", broken)
        assert command.run("events", "take", "contoso").exit_code == 1
    assert said(command, "take", "contoso") == before


def test_who_is_not_known_has_no_events(command: Command) -> None:
    assert "There is no tenant adatum" in command.bad("events", "list", "adatum")
