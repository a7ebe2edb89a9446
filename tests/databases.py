"""Fresh databases for tests, on both engines.

A SQLite database is a file. PostgreSQL databases live in a server that is started for the tests alone, on
the first request for one, and is gone after them. A missing server is an error, never a skipped test: both
engines must mean the same.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from functools import cached_property
from glob import escape, glob
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import LiteralString, Self, TypedDict

import psycopg
from psycopg import sql
from sqlalchemy import make_url

ENGINES = ("sqlite", "postgresql")

PROGRAMS = ("initdb", "pg_ctl", "postgres")
# The same places as in tests/install-postgresql. Debian keeps the server programs out of PATH.
PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    # Nothing outlives the tests, so nothing needs to reach the disk.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Tests that bring about a deadlock on purpose need not wait a second for each.
    "deadlock_timeout": "50ms",
}


class Identity(TypedDict, total=False):
    """Who a program runs as."""

    user: int
    group: int
    extra_groups: list[int]


class Databases:
    """Makes databases and, at the end, leaves nothing behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    def create(self, engine: str, template: str | None = None) -> str:
        """A new database's SQLAlchemy URL.

        It is empty, or a copy of the database at the URL `template`, which must be of the same engine and
        have no open connections.
        """
        if engine not in ENGINES:
            raise ValueError(f"{engine!r} is none of {', '.join(ENGINES)}")
        name = f"scim_test_{next(self._numbers)}"
        if engine == "sqlite":
            return self._create_file(self._folder / f"{name}.db", template)
        return self.postgresql.create(name, template)

    def drop(self, url: str) -> None:
        """Remove the database, even when connections to it are still open."""
        database = make_url(url).database or ""
        if url.startswith("sqlite"):
            for path in glob(escape(database) + "*"):
                Path(path).unlink()
        else:
            self.postgresql.drop(database)

    @cached_property
    def postgresql(self) -> "PostgresqlServer":
        """The server, started by the first to ask."""
        return PostgresqlServer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "postgresql" in vars(self):
            self.postgresql.stop()

    def _create_file(self, path: Path, template: str | None) -> str:
        if template is None:
            path.touch()
        else:
            shutil.copyfile(make_url(template).database or "", path)
        return f"sqlite:///{path}"


class PostgresqlServer:
    """A PostgreSQL server on a free port of 127.0.0.1, with its data in a temporary folder."""

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self._programs = programs
        self._folder = folder
        self._port = port

    @property
    def url(self) -> str:
        """The URL of the maintenance database, as the superuser."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/{database}"

    @classmethod
    def start(cls) -> Self:
        # Not below pytest's own folders: only their owner may enter those, and the server may be
        # another user.
        folder = Path(tempfile.mkdtemp(prefix="scim-postgresql-"))
        server = cls(find_programs(candidate_folders()), folder, free_port())
        try:
            server._start()
        except BaseException:
            shutil.rmtree(folder)
            raise
        return server

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--mode=immediate", f"--pgdata={self._data}")
        shutil.rmtree(self._folder)

    def create(self, name: str, template: str | None = None) -> str:
        source = "template0" if template is None else make_url(template).database or ""
        with self._connected() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} " + copying(connection.info.server_version)).format(
                    sql.Identifier(name), sql.Identifier(source)
                )
            )
        return self.url_of(name)

    def drop(self, name: str) -> None:
        with self._connected() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _start(self) -> None:
        if os.geteuid() == 0:
            os.chown(self._folder, *unprivileged_user())
        self._run(
            "initdb",
            "--username=postgres",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            *locale_options(self._run("initdb", "--version")),
            f"--pgdata={self._data}",
        )
        settings = SETTINGS | {"port": str(self._port), "unix_socket_directories": str(self._folder)}
        self._run(
            "pg_ctl",
            "start",
            "--wait",
            "--timeout=60",
            f"--pgdata={self._data}",
            f"--log={self._folder / 'log'}",
            "--options=" + " ".join(f"-c {name}={value}" for name, value in settings.items()),
        )

    def _run(self, program: str, *arguments: str) -> str:
        """What the program prints; files take the place of pipes, which a started server would keep open."""
        with tempfile.TemporaryFile("w+") as output:
            finished = subprocess.run(
                [self._programs / program, *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                **identity(),
            )
            output.seek(0)
            printed = output.read()
        if finished.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{printed}{self._log()}")
        return printed

    def _log(self) -> str:
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _connected(self) -> psycopg.Connection:
        return psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True)


def candidate_folders() -> Iterator[Path]:
    """Where the server programs may be, best first: PATH, pg_config's word, the packagers' places."""
    yield from map(Path, os.environ.get("PATH", "").split(os.pathsep))
    if shutil.which("pg_config"):
        printed = subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True, text=True)
        yield Path(printed.stdout.strip())
    for place in PLACES:
        yield from sorted(map(Path, glob(place)), key=version_in, reverse=True)


def version_in(folder: Path) -> int:
    """The version number in the folder's path: 9 comes before 15."""
    number = re.search(r"\d+", str(folder))
    return int(number[0]) if number else 0


def find_programs(folders: Iterable[Path]) -> Path:
    """The first folder that holds all the server programs."""
    for folder in folders:
        if all(os.access(folder / program, os.X_OK) for program in PROGRAMS):
            return folder
    raise RuntimeError(
        f"The PostgreSQL server programs ({', '.join(PROGRAMS)}) were not found; run tests/install-postgresql"
    )


def locale_options(version: str) -> list[str]:
    """A default order and case that differ from SQLite's wherever the server can.

    What the tests read must come from the statements (`COLLATE "C"`), never from the luck of a database made
    with the C locale. ICU locales exist since PostgreSQL 15 and need no locale of the operating system.
    """
    major = re.search(r"\d+", version)
    if major and int(major[0]) >= 15:
        return ["--locale=C", "--locale-provider=icu", "--icu-locale=en-US"]
    return ["--locale=C"]


def copying(version: int) -> LiteralString:
    """How CREATE DATABASE copies its template where there is a choice, since PostgreSQL 15 (`version` 150000).

    Files that are copied as such take half the time of pages that go through the write-ahead log.
    """
    return "STRATEGY file_copy" if version >= 150_000 else ""


def unprivileged_user() -> tuple[int, int]:
    """Ids of a user and group to run the server as, since PostgreSQL refuses root."""
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise RuntimeError("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


def identity() -> Identity:
    """Arguments for `subprocess` that drop root's rights; none are needed for anybody else."""
    if os.geteuid() != 0:
        return {}
    user, group = unprivileged_user()
    return {"user": user, "group": group, "extra_groups": []}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
