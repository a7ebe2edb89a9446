"""Every direct dependency has a documented reason, and the lock files pin all of them by hash."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
USES = ("runtime", "dev", "mutation")
LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-mutation.txt")
"""The lock of each use holds what the uses before it need, too."""


def normal(name: str) -> str:
    """A package's name as the packaging standard compares it, without extras and versions."""
    bare = re.match(r"[A-Za-z0-9._-]+", name.strip())
    assert bare, f"{name!r} is no requirement"
    return re.sub(r"[-_.]+", "-", bare[0]).lower()


def declared() -> dict[str, set[str]]:
    """The direct dependencies of pyproject.toml by use."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {"runtime": project["dependencies"], **project["optional-dependencies"]}
    assert tuple(names) == USES
    return {use: set(map(normal, listed)) for use, listed in names.items()}


def documented() -> list[tuple[str, str, str]]:
    """(dependency, use, reason), a row of the table each."""
    text = (ROOT / "docs" / "dependencies.md").read_text()
    return re.findall(r"^\| ([a-z0-9-]+) \| (runtime|dev|mutation) \| (.+) \|$", text, re.MULTILINE)


def requirements(lock: str) -> dict[str, str]:
    """Each pinned requirement of a lock file with everything that follows it, up to the next."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / lock).read_text(), flags=re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.strip())
    return {normal(entry): entry for entry in entries}


@pytest.mark.parametrize("use", USES)
def test_the_documented_dependencies_are_the_declared_ones(use: str) -> None:
    assert sorted(name for name, where, _ in documented() if where == use) == sorted(declared()[use])


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_requirement_by_version_and_hash(lock: str) -> None:
    pinned = re.compile(r"[\w.-]+(\[[\w,-]+\])?==\S+( ; .+)? \\\n(    --hash=sha256:[0-9a-f]{64}( \\\n|$))+")
    assert [name for name, entry in requirements(lock).items() if not pinned.fullmatch(entry)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_registry_and_no_path(lock: str) -> None:
    named = re.compile(r"https?:|index-url|find-links|trusted-host|\bfile:/|(^|\s)/")
    assert named.findall((ROOT / lock).read_text()) == []


def test_the_locks_hold_what_is_declared() -> None:
    needed: set[str] = set()
    for use, lock in zip(USES, LOCKS, strict=True):
        needed |= declared()[use]
        assert needed <= set(requirements(lock))


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_the_tests_run_with_the_versions_that_the_server_runs_with(lock: str) -> None:
    runtime = requirements("requirements.txt")
    assert {name: entry for name, entry in requirements(lock).items() if name in runtime} == runtime
