"""`import` and `export`, as an operator sees them, on both engines: what they print, and what is stored then."""

import csv
import fcntl
import io
import json
import os
import pty
import re
import select
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from scim_server import app as composition
from scim_server import cli
from scim_server.cli import sheets as commands
from scim_server.cli.progress import Progress
from scim_server.config import Settings
from scim_server.sheets import Directory, exporting, importing
from tests.http.server import GROUP, USER, Client, Server

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

AGENT = "urn:ietf:params:scim:schemas:extension:contactcentre:2.0:User"


class Office:
    """One tenant, seen through the commands and over HTTP."""

    def __init__(self, server: Server, folder: Path, profile: str | None = None) -> None:
        self.server = server
        self.folder = folder
        self.tenant = server.tenant(profile)
        self.environ = {"SCIM_DATABASE_URL": server.settings.database_url}
        self.client = Client(server.app(), server.token(self.tenant))
        self._runner = CliRunner()

    def file(self, content: str | bytes, name: str = "some.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run(self, command: str, *arguments: str) -> Result:
        return self._runner.invoke(cli.main, [command, "--tenant", self.tenant.name, *arguments], env=self.environ)

    def bring(self, content: str | bytes, *arguments: str) -> Result:
        """What an import of a file with that content comes to."""
        return self.run("import", "--csv", str(self.file(content)), *arguments)

    def brought(self, content: str | bytes, *arguments: str) -> str:
        """The summary of an import with which nothing is wrong."""
        result = self.bring(content, *arguments)
        assert (result.exit_code, result.stderr) == (0, ""), result.stderr
        return result.stdout.strip()

    def exported(self, *arguments: str) -> list[list[str]]:
        result = self.run("export", "--csv", *arguments)
        assert (result.exit_code, result.stderr) == (0, ""), result.stderr
        return list(csv.reader(io.StringIO(result.stdout_bytes.decode(), newline="")))

    def users(self, filter: str = "id pr") -> list[dict[str, Any]]:
        listed = self.client.get(f"/Users?filter={quote(filter)}&sortBy=userName&count=1000")
        found: list[dict[str, Any]] = json.loads(listed.data)["Resources"]
        return found

    def names(self) -> list[str]:
        return [user["userName"] for user in self.users()]

    def taken(self, number: str) -> str:
        """What a request is told that wants a number which somebody has."""
        answer = self.client.send("POST", "/Users", {"userName": "other", AGENT: {"extensionNumber": number}})
        assert answer.status_code == 409, answer.text
        return str(json.loads(answer.data)["detail"])

    def total(self) -> int:
        """How many users there are."""
        return int(json.loads(self.client.get("/Users?count=0").data)["totalResults"])

    def group(self, name: str, *members: str) -> str:
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": id} for id in members]}
        answer = self.client.send("POST", "/Groups", body)
        assert answer.status_code == 201, answer.text
        return str(json.loads(answer.data)["id"])

    def members(self, group: str) -> set[str]:
        """The user names of a group's members."""
        found = json.loads(self.client.get(f"/Groups/{group}").data)
        ids = {member["value"] for member in found.get("members", ())}
        return {user["userName"] for user in self.users() if user["id"] in ids}


@pytest.fixture(autouse=True)
def read_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of this process need not read the same files of schemas again and again."""
    if "on_both" in request.fixturenames:
        server = request.getfixturevalue("on_both")
        monkeypatch.setattr(composition, "load_catalogue", lambda settings: server.catalogue)


@pytest.fixture
def office(on_both: Server, tmp_path: Path) -> Office:
    return Office(on_both, tmp_path)


def summary(created: int = 0, changed: int = 0, unchanged: int = 0, refused: int = 0) -> str:
    total = created + changed + unchanged + refused
    rows = "1 row" if total == 1 else f"{total} rows"
    return f"{rows}: {created} created, {changed} changed, {unchanged} unchanged, {refused} refused."


PEOPLE = """userName,name.givenName,"emails[type eq ""work""].value",extensionNumber,active,role
ana,Ana,ana@contoso.example,0100,TRUE,agent
bo,Bo,bo@contoso.example,0101,,admin
cy,"Cy ""the one""
Ng",,0102,false,
"""


@pytest.mark.req("CC-42")
def test_rows_become_users(office: Office) -> None:
    assert office.brought(PEOPLE) == summary(created=3)
    ana, bo, cy = office.users()
    assert (ana["userName"], ana["active"], ana[AGENT]) == ("ana", True, {"extensionNumber": "0100", "role": "agent"})
    assert ana["emails"] == [{"type": "work", "value": "ana@contoso.example"}]
    assert bo["active"] is True, "an empty cell says nothing, so that the default holds"
    assert (cy["name"], cy["active"], "emails" in cy) == ({"givenName": 'Cy "the one"\nNg'}, False, False)


@pytest.mark.req("CC-42", "CC-54")
def test_running_it_again_changes_nothing(office: Office) -> None:
    office.brought(PEOPLE)
    before = office.users()
    assert office.brought(PEOPLE) == summary(unchanged=3)
    assert office.users() == before, "no version and no time has moved"


def test_what_differs_is_changed_and_what_is_not_named_stays(office: Office) -> None:
    office.brought(PEOPLE)
    before = office.users()
    changed = "userName,role,title\nANA,admin,\nbo,,Boss\ncy,,\n"
    assert office.brought(changed) == summary(changed=2, unchanged=1)
    ana, bo, cy = office.users()
    assert (ana["userName"], ana[AGENT]) == ("ANA", {"extensionNumber": "0100", "role": "admin"})
    assert bo == {**before[1], "title": "Boss", "meta": bo["meta"]}
    assert cy == before[2]


@pytest.mark.req("CC-42", "CC-54")
def test_each_refused_row_has_its_line_its_key_and_a_reason(office: Office) -> None:
    content = (
        "userName,extensionNumber,supervisor\n"
        'ana,0100,"true"\n'
        '"two\nlines",0100,\n'
        "bo,,maybe\n"
        ",0103,\n"
        "cy,0104\n"
        "\n"
        "dee,0105,false\n"
    )
    result = office.bring(content)
    assert result.stderr.splitlines() == [
        f"line 3: two�lines: refused: {office.taken('0100')}",
        "line 5: bo: refused: supervisor: expected true or false, got other text.",
        "line 6: refused: userName is empty.",
        "line 7: refused: The row has 2 cells, the header has 3.",
    ]
    assert (result.exit_code, result.stdout.strip()) == (1, summary(created=2, refused=4))
    assert office.names() == ["ana", "dee"]


@pytest.mark.req("CC-42")
def test_refused_rows_are_kept_mended_and_imported_again(office: Office) -> None:
    rejects = office.folder / "refused.csv"
    rejects.touch(mode=0o644)  # as another program left it
    content = "\ufeffuserName;extensionNumber;title\nana;0100;\nbo;0100;=1+1\ncy\n"
    assert office.bring(content, "--rejects", str(rejects)).exit_code == 1
    kept = rejects.read_text(encoding="utf-8")
    assert kept.splitlines() == [
        "\ufeff#line;#reason;userName;extensionNumber;title",
        f"3;{office.taken('0100')};bo;0100;'=1+1",
        '4;"The row has 1 cell, the header has 3.";cy',
    ]
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    mended = kept.replace("0100", "0101").replace(";cy", ";cy;0102;")
    again = office.folder / "again.csv"
    assert office.brought(mended, "--rejects", str(again)) == summary(created=2)
    assert again.read_text(encoding="utf-8").splitlines() == ["\ufeff#line;#reason;userName;extensionNumber;title"]
    assert [user.get("title") for user in office.users()] == [None, "=1+1", None]


def test_the_file_itself_is_no_file_for_refused_rows(office: Office) -> None:
    path = office.file(PEOPLE)
    result = office.run("import", "--csv", str(path), "--rejects", str(path))
    assert result.exit_code == 2
    assert path.read_text() == PEOPLE


@pytest.mark.req("CC-42")
def test_all_accepted_rows_join_the_team_and_those_of_before_stay(office: Office) -> None:
    team = office.group("Night, shift", office.client.create("zoe")["id"])
    content = "userName,extensionNumber\nana,0100\nbo,0100\ncy,\n"
    assert office.bring(content, "--team", "night, SHIFT").exit_code == 1
    assert office.members(team) == {"ana", "cy", "zoe"}
    version = json.loads(office.client.get(f"/Groups/{team}").data)["meta"]["version"]
    assert office.brought("userName\nana\ncy\nzoe\n", "--team", team) == summary(unchanged=3)
    assert json.loads(office.client.get(f"/Groups/{team}").data)["meta"]["version"] == version


def test_who_is_there_already_joins_the_team_too(office: Office) -> None:
    """What an import that was killed between users and members left undone, the next one does."""
    team = office.group("Sales")
    office.brought("userName\nana\nbo\n")
    assert office.brought("userName\nana\nbo\n", "--team", "Sales") == summary(unchanged=2)
    assert office.members(team) == {"ana", "bo"}


def test_a_team_that_is_none_stops_the_import(office: Office) -> None:
    result = office.bring(PEOPLE, "--team", "Sales")
    assert (result.exit_code, result.stderr) == (1, "Error: Group 'Sales': there is none.\n")
    assert office.names() == []


def test_a_member_that_the_team_cannot_take_is_refused_alone(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.group("Sales")
    plain = Directory.write

    def refusing(self: Any, wanted: Sequence[Any]) -> Any:
        """As if a rule of the team had something against whoever is made last."""
        last = max((user["id"] for user in office.users()), default="")
        (first, *_) = wanted
        if first.method == "PATCH" and last in json.dumps(first.data):
            first.data[0]["op"] = "none"
        return plain(self, wanted)

    monkeypatch.setattr(Directory, "write", refusing)
    result = office.bring("userName\nana\nbo\n", "--team", "Sales")
    assert result.stderr.startswith("line 3: bo: refused: It is created, but no member of the team: ")
    assert result.stdout.strip() == summary(created=1, refused=1)
    assert office.names() == ["ana", "bo"]


def test_values_for_each_row_are_given_where_it_has_none(office: Office) -> None:
    office.brought("userName,title\nana,\nbo,Boss\n", "--set", "title=Agent", "--set", "supervisor=true")
    assert [(user["title"], user[AGENT]["supervisor"]) for user in office.users()] == [("Agent", True), ("Boss", True)]


def test_a_mapping_file_translates_a_customers_headers(office: Office) -> None:
    mapping = office.file('[columns]\nLogin = "userName"\nNote = ""\n[constants]\nrole = "agent"\n', "map.toml")
    assert office.brought("Login\tNote\nana\tx\n", "--mapping", str(mapping)) == summary(created=1)
    assert [(user["userName"], user[AGENT]["role"]) for user in office.users()] == [("ana", "agent")]


@pytest.mark.parametrize("match", ["externalId", 'emails[type eq "work"].value'])
def test_rows_can_be_matched_by_another_attribute(office: Office, match: str) -> None:
    header = f'userName,"{match.replace(chr(34), chr(34) * 2)}"'
    office.brought(f"{header}\nana,a1\nbo,b1\n")
    assert office.brought(f"{header}\nanna,a1\nbo,b1\n", "--match", match) == summary(changed=1, unchanged=1)
    assert office.names() == ["anna", "bo"]


def test_rows_can_be_matched_by_the_id_which_is_not_given_out(office: Office) -> None:
    ana = office.client.create("ana")["id"]
    result = office.bring(f"id,userName\n{ana},anna\n01,bo\n", "--match", "id")
    assert result.stderr == "line 3: 01: refused: There is no User with this id.\n"
    assert office.names() == ["anna"]


def test_a_row_that_means_several_is_refused(office: Office) -> None:
    for name in ("ana", "bo"):
        office.client.create(name, externalId="x")
    result = office.bring("externalId,title\nx,Boss\n", "--match", "externalId")
    assert result.stderr == "line 2: x: refused: Several have this externalId.\n"


def test_a_cell_that_is_no_value_refuses_its_row_alone(office: Office) -> None:
    result = office.bring('chatsPerUser,userName,roles\n1,ana,"""x"\nmany,bo,\n3,cy,x\n', "--match", "chatsPerUser")
    assert result.stdout.strip() == summary(created=1, refused=2)
    first, second = result.stderr.splitlines()
    assert first == "line 2: 1: refused: The quotes in the list do not match."
    assert second.startswith("line 3: many: refused: ")
    assert office.names() == ["cy"]


def test_rows_about_the_same_resource_come_one_after_the_other_and_are_told_of(office: Office) -> None:
    result = office.bring("userName,title,nickName\nana,A,\nbo,B,\nANA,C,An\nana,A,\nana,A,\n")
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "line 4: ANA: changed; userName differs; title differs; nickName differs; line 2 is about the same",
        "line 5: ana: changed; userName differs; title differs; line 2 is about the same",
        "line 6: ana: unchanged; line 2 is about the same",
    ]
    assert result.stdout.strip() == summary(created=2, changed=2, unchanged=1)
    assert [(user["userName"], user["title"]) for user in office.users()] == [("ana", "A"), ("bo", "B")]


def test_columns_that_the_server_alone_writes_are_named(office: Office) -> None:
    result = office.bring("userName,groups.display\nana,Sales\n")
    assert (result.exit_code, result.stdout.strip()) == (0, summary(created=1))
    assert result.stderr == "Left out, since the server alone writes them: groups.display.\n"


def test_more_rows_than_a_transaction_are_imported(office: Office) -> None:
    content = "userName\n" + "".join(f"user{number:03}\n" for number in range(2 * importing._BATCH + 5))
    assert office.brought(content) == summary(created=205)
    assert len(office.names()) == 205


STOPPED = [
    ("userName,Login\nana,x\n", (), "'Login'. There are: id, "),
    ("userName\nana\n", ("--match", "externalId"), "There is no column externalId"),
    ("userName\nana\n", ("--type", "Robot"), "There is no resource type Robot; there are: Group, User"),
    (b"userName\n\xff\n", (), "line 2: byte 0xFF is not UTF-8"),
    ("", (), "the file is empty"),
]


@pytest.mark.parametrize(("content", "arguments", "told"), STOPPED, ids=[told for _, _, told in STOPPED])
def test_what_is_wrong_with_the_whole_file_is_one_line(
    office: Office, content: str | bytes, arguments: Sequence[str], told: str
) -> None:
    result = office.bring(content, *arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert told in result.stderr
    assert office.names() == []


def test_rows_before_a_fault_of_the_file_are_stored_and_counted(office: Office) -> None:
    rows = "".join(f"user{number:03}\n" for number in range(150))
    result = office.bring(f"userName\n{rows}".encode() + b"\xff\n")
    assert (result.exit_code, result.stdout.strip()) == (1, summary(created=100))
    assert "line 152: byte 0xFF" in result.stderr
    assert len(office.names()) == 100


@pytest.mark.parametrize("constant", ["title", "=x"])
def test_a_value_for_each_row_needs_a_path(office: Office, constant: str) -> None:
    assert office.bring(PEOPLE, "--set", constant).exit_code == 2


# Dry runs ------------------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-42", "CC-54")
def test_a_dry_run_says_what_each_row_would_do_and_changes_nothing(office: Office) -> None:
    team = office.group("Sales")
    office.brought("userName,title\nana,A\nbo,B\n")
    before = office.users()
    rejects = office.folder / "refused.csv"
    content = "userName,title,extensionNumber\nana,Z,\nbo,B,\ncy,,0100\ndee,,0100\nCY,C,\nana\n"
    result = office.bring(content, "--dry-run", "--team", "Sales", "--rejects", str(rejects))
    assert result.stderr == ""
    assert [re.sub("refused: .*extensionNumber.*", "refused", line) for line in result.stdout.splitlines()] == [
        "line 2: ana: would be changed; title differs",
        "line 3: bo: unchanged",
        "line 4: cy: would be created",
        "line 5: dee: would be refused",
        "line 6: CY: would be changed; userName differs; title differs; line 4 is about the same",
        "line 7: would be refused: The row has 1 cell, the header has 3.",
        "6 rows: 1 would be created, 2 would be changed, 1 unchanged, 2 would be refused. Nothing has been changed.",
    ]
    assert result.exit_code == 1
    assert office.users() == before
    assert office.members(team) == set()
    assert [line.partition(",")[0] for line in rejects.read_text().splitlines()] == ["#line", "5", "7"]


def test_after_a_dry_run_the_import_comes_to_what_it_said(office: Office) -> None:
    content = "userName,extensionNumber\n" + "".join(f"user{n:03},{n % 90:04}\n" for n in range(150))
    rehearsed = office.bring(content, "--dry-run")
    done = office.bring(content)
    counts = [re.findall(r"\d+", result.stdout.splitlines()[-1]) for result in (rehearsed, done)]
    assert counts[0] == counts[1] == ["150", "90", "0", "0", "60"]
    assert done.stderr.replace("refused:", "") == "".join(
        f"{line}\n".replace("would be refused:", "") for line in rehearsed.stdout.splitlines() if "refused: " in line
    )


# Products ------------------------------------------------------------------------------------------------------------


def operate(office: Office, *arguments: str) -> str:
    """What another command about the tenant prints."""
    result = CliRunner().invoke(cli.main, [*arguments, "--tenant", office.tenant.name], env=office.environ)
    assert result.exit_code == 0, result.stderr
    return result.stdout


def seats_used(office: Office) -> int:
    return int(operate(office, "licence", "list").splitlines()[1].split()[3])


@pytest.mark.req("CC-42", "CC-50", "CC-54")
def test_a_dry_run_knows_for_whom_the_seats_do_not_suffice(on_both: Server, tmp_path: Path) -> None:
    office = Office(on_both, tmp_path, "cosoft-sidekick")
    operate(office, "licence", "set", "--key", "sidekick", "--seats", "50")
    header = 'userName,"emails[type eq ""work""].value",licence\n'
    content = header + "".join(f"user{n},user{n}@contoso.example,sidekick\n" for n in range(60))
    lines = office.bring(content, "--dry-run").stdout.splitlines()
    assert lines[0] == "line 2: user0: would be created; seat taken sidekick"
    assert lines[-1].startswith("60 rows: 50 would be created, 0 would be changed, 0 unchanged, 10 would be refused.")
    assert [line for line in lines if "would be refused: " in line and "the licence pool 'sidekick'" in line] == lines[
        50:60
    ]
    assert (seats_used(office), office.names()) == (0, [])
    result = office.bring(content, "--role", "user")
    assert result.stdout.strip() == summary(created=50, refused=10)
    assert seats_used(office) == 50


def test_licence_pools_are_exported_and_not_imported(on_both: Server, tmp_path: Path) -> None:
    office = Office(on_both, tmp_path, "cosoft-sidekick")
    operate(office, "licence", "set", "--key", "sidekick", "--seats", "50")
    header, pool = office.exported("--type", "Licence")
    shown = dict(zip(header, pool, strict=True))
    assert (shown["value"], shown["totalAssignmentsPermitted"], shown["totalAssignmentsUsed"]) == (
        "sidekick",
        "50",
        "0",
    )
    refused = office.bring("value\nconnect\n", "--type", "Licence")
    assert refused.stdout.strip() == summary(refused=1)
    alone = office.bring("value\nconnect\n", "--type", "Licence", "--team", "Sales")
    assert alone.stderr == "Error: Nothing has Licence resources as members.\n"


@pytest.mark.req("CC-42")
def test_one_role_holds_for_all_rows_without_one(on_both: Server, tmp_path: Path) -> None:
    office = Office(on_both, tmp_path, "samespace")
    content = "userName,role,roles\nana,,\nbo,manager,\ncy,,supervisor\n"
    assert office.brought(content, "--role", "admin") == summary(created=3)
    roles = [(user.get(AGENT, {}).get("role"), "roles" in user) for user in office.users()]
    assert roles[:2] == [("admin", False), ("manager", False)]
    assert office.users()[2]["roles"] == [{"value": "supervisor"}]
    refused = office.bring("userName\ndee\n", "--role", "boss")
    assert refused.stderr.startswith(f"line 2: dee: refused: {AGENT}:role: expected one of admin, manager")


@pytest.mark.req("CC-22", "CC-54")
def test_a_dry_run_shows_the_numbers_and_gives_none_out(on_both: Server, tmp_path: Path) -> None:
    office = Office(on_both, tmp_path, "connectel-customer-center")
    operate(office, "numbers", "add", "0100-0101")
    content = "userName\nana\nbo\ncy\n"
    for _ in range(2):
        told = office.bring(content, "--dry-run").stdout.splitlines()
        assert [line.rpartition("; ")[2] for line in told[:2]] == ["number allocated 0100", "number allocated 0101"]
        assert told[2].startswith("line 4: cy: would be refused: ")
    assert office.bring(content).stdout.strip() == summary(created=2, refused=1)
    assert [row[1] for row in office.exported("--columns", "userName,extensionNumber")[1:]] == ["0100", "0101"]


@pytest.mark.req("CC-23")
def test_a_password_is_set_at_creation_and_never_after(on_both: Server, tmp_path: Path) -> None:
    office = Office(on_both, tmp_path, "connectel-customer-center")
    operate(office, "numbers", "add", "0100-0101")
    result = office.bring("userName,password\nana,long enough\nbo,short\n")
    assert result.stdout.strip() == summary(created=1, refused=1)
    assert "short" not in result.stderr
    before = office.users()
    assert office.brought("userName,password\nana,another one\n") == summary(unchanged=1)
    assert office.users() == before


@pytest.mark.req("CC-34", "CC-42")
def test_who_joins_a_team_leaves_the_one_before_where_the_product_says_so(on_both: Server, tmp_path: Path) -> None:
    office = Office(on_both, tmp_path, "convirza")
    north, south = office.group("North"), office.group("South")
    office.brought("userName\nana\nbo\n", "--team", "North")
    assert office.brought("userName\nbo\n", "--team", "South") == summary(unchanged=1)
    assert (office.members(north), office.members(south)) == ({"ana"}, {"bo"})


# Interruption --------------------------------------------------------------------------------------------------------


def interrupted_after(monkeypatch: pytest.MonkeyPatch, rows: int, number: int = signal.SIGINT) -> None:
    """A Ctrl-C, or another signal, comes when so many rows have been told."""
    plain = commands._Report.tell

    def tell(self: Any, result: Any) -> None:
        plain(self, result)
        if self._counts.total() == rows:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(commands._Report, "tell", tell)


@pytest.mark.req("CC-42")
def test_ctrl_c_ends_it_in_order_and_the_next_run_does_the_rest(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = office.group("Sales")
    content = "userName\n" + "".join(f"user{number:03}\n" for number in range(250))
    with monkeypatch.context() as patched:
        interrupted_after(patched, 120)
        result = office.bring(content, "--team", "Sales")
    assert (result.exit_code, result.stdout.strip()) == (130, summary(created=200))
    assert result.stderr == "Interrupted: run it again to do the rest.\n"
    assert len(office.names()) == len(office.members(team)) == 200, "who is stored is a member"
    assert office.brought(content, "--team", "Sales") == summary(created=50, unchanged=200)
    assert len(office.members(team)) == 250


def test_a_dry_run_that_is_interrupted_changes_nothing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted_after(monkeypatch, 1)
    result = office.bring(PEOPLE, "--dry-run")
    assert (result.exit_code, office.names()) == (130, [])
    assert result.stderr == "Interrupted: the rest of the file has not been looked at.\n"


def test_an_operator_may_end_it_with_a_signal_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted_after(monkeypatch, 1, signal.SIGTERM)
    assert office.bring(PEOPLE).exit_code == 128 + signal.SIGTERM


@pytest.mark.req("CC-42")
def test_what_a_killed_import_left_undone_the_next_one_does(new_database: Callable[..., str], tmp_path: Path) -> None:
    """With a process of its own, since there is no other way to be killed."""
    server = Server(Settings(database_url=new_database("sqlite")))
    office = Office(server, tmp_path)
    team = office.group("Sales")
    path = str(office.file("userName\n" + "".join(f"user{number:04}\n" for number in range(500))))
    arguments = ["--tenant", office.tenant.name, "--csv", path, "--team", "Sales"]
    program = Path(sys.executable).parent / "scim-server"
    process = subprocess.Popen([program, "import", *arguments], env={**os.environ, **office.environ})
    while process.poll() is None and not office.total():
        time.sleep(0.01)
    process.kill()
    process.wait(timeout=30)
    stored = office.total()
    assert 100 <= stored < 500
    assert office.run("import", *arguments).stdout.strip() == summary(created=500 - stored, unchanged=stored)
    assert len(office.members(team)) == 500
    server.close()


def test_a_second_ctrl_c_ends_it_at_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = commands._Report.tell

    def tell(self: Any, result: Any) -> None:
        plain(self, result)
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(commands._Report, "tell", tell)
    handler = signal.getsignal(signal.SIGINT)
    assert office.bring(PEOPLE).exit_code != 0
    assert signal.getsignal(signal.SIGINT) is handler


# Export --------------------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-35")
def test_users_are_exported_as_the_query_says(office: Office) -> None:
    office.brought(PEOPLE)
    arguments = ("--columns", "userName, extensionNumber", "--columns", "active", "--sort-by", "userName")
    assert office.exported(*arguments, "--descending", "--filter", "active eq true") == [
        ["userName", "extensionNumber", "active"],
        ["bo", "0101", "true"],
        ["ana", "0100", "true"],
    ]


@pytest.mark.req("CC-35")
def test_groups_are_exported_with_their_members_where_these_are_named(office: Office) -> None:
    office.brought(PEOPLE)
    ids = [user["id"] for user in office.users()]
    top = office.group("Top")
    office.client.send(
        "POST",
        "/Groups",
        {
            "schemas": [GROUP],
            "displayName": "Below",
            "members": [{"value": ids[0], "display": "Ana, R"}, {"value": ids[1], "display": "Bo"}],
            f"{AGENT.replace('User', 'Group')}": {"parent": top},
        },
    )
    default = office.exported("--type", "Group", "--sort-by", "displayName")
    assert [row[1:] for row in default] == [
        ["externalId", "displayName", "parent"],
        ["", "Below", top],
        ["", "Top", ""],
    ]
    named = office.exported(
        "--type", "Group", "--columns", "displayName,members,members.display", "--sort-by", "displayName"
    )
    assert named[1:] == [["Below", ",".join(ids[:2]), '"Ana, R",Bo'], ["Top", "", ""]]
    assert office.exported("--columns", "userName,groups.display", "--filter", 'userName eq "ana"')[1:] == [
        ["ana", "Below"]
    ]


@pytest.mark.req("CC-35")
def test_groups_and_their_members_are_imported(office: Office) -> None:
    office.brought(PEOPLE)
    ana, bo, cy = (user["id"] for user in office.users())
    header = "displayName,members\n"
    assert office.brought(f'{header}Sales,"{ana},{bo}"\n', "--type", "Group") == summary(created=1)
    assert office.brought(f'{header}Sales,"{cy},{bo}"\n', "--type", "Group") == summary(changed=1)
    assert office.brought(f'{header}sales,"{bo},{cy}"\n', "--type", "Group", "--set", "externalId=1") == summary(
        changed=1
    )
    (group,) = json.loads(office.client.get("/Groups").data)["Resources"]
    assert {member["value"] for member in group["members"]} == {bo, cy}


@pytest.mark.parametrize("order", [(), ("--sort-by", "userName")])
def test_more_resources_than_a_page_are_exported(
    office: Office, order: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_PAGE", 40)
    monkeypatch.setattr(exporting, "_SORTED_PAGE", 50)
    names = [f"user{number:04}" for number in range(130)]
    office.brought("userName\n" + "\n".join(names) + "\n")
    assert office.exported("--columns", "userName", *order)[1:] == [[name] for name in names]


def test_commas_in_brackets_separate_no_columns(office: Office) -> None:
    path = 'emails[type eq "a,b"].value'
    office.client.create("ana", emails=[{"type": "a,b", "value": "x"}])
    assert office.exported("--columns", f"{path},userName") == [[path, "userName"], ["x", "ana"]]


def test_an_empty_tenant_has_a_header(office: Office) -> None:
    assert office.exported("--columns", "userName") == [["userName"]]


def test_a_file_is_there_as_a_whole_and_for_its_owner_alone(office: Office) -> None:
    office.brought(PEOPLE)
    output = office.folder / "users.csv"
    result = office.run(
        "export", "--columns", "userName,name.givenName", "--output", str(output), "--bom", "--delimiter", "tab"
    )
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    content = output.read_bytes()
    assert content.startswith(b"\xef\xbb\xbfuserName\tname.givenName\r\nana\tAna\r\n")
    assert content.endswith(b'cy\t"Cy ""the one""\nNg"\r\n')
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    failed = office.run("export", "--output", str(output), "--sort-by", "name")
    assert (failed.exit_code, output.read_bytes()) == (1, content)
    assert sorted(path.name for path in office.folder.iterdir()) == ["some.csv", "users.csv"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--columns", "password"), "password is returned never"),
        (("--columns", "Login"), "'Login'"),
        (("--columns", "name"), "name has parts"),
        (("--filter", "userName qe"), "filter"),
        (("--filter", 'Login eq "x"'), "'Login'"),
        (("--sort-by", "Login"), "'Login'"),
        (("--sort-by", "user name"), "is not a path"),
        (("--type", "Robot"), "Robot"),
    ],
)
def test_an_export_that_is_not_possible_says_why(office: Office, arguments: Sequence[str], told: str) -> None:
    result = office.run("export", "--csv", *arguments)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert told in result.stderr


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
RISKY = st.text("'=+-@\t\r\n＝\";, a", min_size=1, max_size=6)
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "title": TEXTS | RISKY,
        "name": st.fixed_dictionaries({"familyName": TEXTS | RISKY}),
        "active": st.booleans(),
        "emails": st.just([{"type": "work", "value": "+x@contoso.example"}]),
        "roles": st.lists(TEXTS | RISKY, min_size=1, max_size=3, unique_by=str.casefold).map(
            lambda values: [{"value": value} for value in values]
        ),
        AGENT: st.fixed_dictionaries({"role": TEXTS | RISKY, "supervisor": st.booleans()}),
        "urn:ietf:params:scim:schemas:extension:agentsettings:2.0:User": st.fixed_dictionaries(
            {"chatsPerUser": st.integers(-(2**63), 2**63 - 1)}
        ),
    },
)
COLUMNS = 'userName,title,name.familyName,active,emails[type eq "work"].value,role,supervisor,chatsPerUser,roles'


@pytest.mark.req("CC-35")
@settings(max_examples=8)
@given(st.lists(ROWS, min_size=1, max_size=12), st.sampled_from(["comma", "semicolon", "tab"]))
def test_what_is_exported_is_imported_as_it_was(on_both: Server, people: list[dict[str, Any]], delimiter: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        here, there = Office(on_both, folder), Office(on_both, folder)
        for number, person in enumerate(people):
            answer = here.client.send("POST", "/Users", {"schemas": [USER], "userName": f"user{number}", **person})
            assert answer.status_code == 201, answer.text
        path = str(folder / "users.csv")
        exported = here.run("export", "--columns", COLUMNS, "--output", path, "--delimiter", delimiter)
        assert exported.exit_code == 0, exported.stderr
        assert here.run("import", "--csv", path).stdout.strip() == summary(unchanged=len(people))
        brought = there.run("import", "--csv", path)
        assert brought.stdout.strip() == summary(created=len(people)), brought.stderr

    def content(office: Office) -> list[dict[str, Any]]:
        return [{k: v for k, v in user.items() if k not in ("id", "meta", "schemas")} for user in office.users()]

    assert content(there) == content(here)


@pytest.mark.req("CC-35")
def test_the_default_export_of_one_tenant_is_imported_for_another(on_both: Server, tmp_path: Path) -> None:
    here, there = Office(on_both, tmp_path), Office(on_both, tmp_path)
    here.brought(PEOPLE)
    path = str(tmp_path / "users.csv")
    assert here.run("export", "--output", path).exit_code == 0
    assert here.run("import", "--csv", path).stdout.strip() == summary(unchanged=3)
    result = there.run("import", "--csv", path)
    assert result.stdout.strip() == summary(created=3)
    assert there.names() == here.names()


# The terminal --------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_is_drawn_on_a_terminal_and_lines_stand_above_it() -> None:
    stream, times = Terminal(), iter([0.0, 1.0, 1.05, 2.0])
    progress = Progress(stream, lambda: next(times))
    progress.show(30, 100, "3 rows")
    progress.show(31, 100, "4 rows")
    progress.echo("line 5: refused", stream)
    progress.show(60, 100, "6 rows")
    progress.end()
    assert stream.getvalue().split("\r\x1b[K") == [
        "",
        "[" + "#" * 9 + "-" * 21 + "]  30%  3 rows  0:02 left",
        "line 5: refused\n[" + "#" * 9 + "-" * 21 + "]  30%  3 rows  0:02 left",
        "[" + "#" * 18 + "-" * 12 + "]  60%  6 rows  0:01 left",
        "",
    ]


# columns of the terminal, what is drawn
NARROW = [
    (80, "[" + "#" * 15 + "-" * 15 + "]  50%  12 rows, 3 refused"),
    (40, "[" + "#" * 6 + "-" * 6 + "]  50%  12 rows, 3 refused"),
    (28, "50%  12 rows, 3 refused"),
    (16, "50%  12 rows, 3"),
]


@pytest.mark.parametrize(("columns", "drawn"), NARROW)
def test_the_line_is_never_wider_than_the_terminal(columns: int, drawn: str) -> None:
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(follower, "w") as stream:
        Progress(stream, lambda: 0.0).show(1, 2, "12 rows, 3 refused")
        assert os.read(leader, 1000).decode() == f"\r\x1b[K{drawn}"
    os.close(leader)
    assert len(drawn) < columns


def test_nothing_is_drawn_elsewhere() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.show(1, 2, "x")
    progress.end()
    assert stream.getvalue() == ""


def on_terminal(arguments: Sequence[str], environ: dict[str, str]) -> tuple[int, str]:
    """The exit code and everything that a command prints on a terminal."""
    leader, follower = pty.openpty()
    program = Path(sys.executable).parent / "scim-server"
    process = subprocess.Popen(
        [program, *arguments], stdin=follower, stdout=follower, stderr=follower, env={**os.environ, **environ}
    )
    os.close(follower)
    printed = b"".join(iter(lambda: _read(leader), b""))
    os.close(leader)
    return process.wait(timeout=30), printed.decode()


def _read(leader: int) -> bytes:
    select.select([leader], [], [], 30)
    try:
        return os.read(leader, 65536)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.req("CC-42")
def test_a_terminal_shows_how_far_it_is(new_database: Callable[..., str], tmp_path: Path) -> None:
    server = Server(Settings(database_url=new_database("sqlite")))
    office = Office(server, tmp_path)
    path = office.file("userName,extensionNumber\n" + "".join(f"user{n},{n % 140}\n" for n in range(150)))
    code, printed = on_terminal(["import", "--tenant", office.tenant.name, "--csv", str(path)], office.environ)
    server.close()
    assert code == 1, printed
    assert re.search(r"\r\x1b\[K\[#*-*\] +\d+%  1 rows?, 0 refused", printed)
    assert "\r\x1b[Kline 142: user140: refused: " in printed
    assert printed.replace("\r\n", "\n").endswith(f"\r\x1b[K{summary(created=140, refused=10)}\n")
