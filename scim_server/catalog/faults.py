"""What can be wrong with a file, said so that a person can put it right: file, key, problem, what is expected."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from scim_server.domain.schema import Json


class Severity(StrEnum):
    ERROR = "error"
    """The files cannot be used."""
    WARNING = "warning"
    """They can, but they probably do not say what was meant."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `key` is a path into the document (`attributes[2].type`), a line and column, or empty for the file."""

    file: str
    key: str
    problem: str
    expected: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        expected = f"; expected {self.expected}" if self.expected else ""
        warning = "warning: " if self.severity is Severity.WARNING else ""
        return f"{place}: {warning}{self.problem}{expected}"


class CatalogError(Exception):
    """The files have faults; `faults` are all that could be found at once."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, where a fault may be found."""

    file: str
    key: str = ""

    def member(self, name: str) -> Place:
        return Place(self.file, f"{self.key}.{name}" if self.key else name)

    def element(self, index: int) -> Place:
        return Place(self.file, f"{self.key}[{index}]")

    def fault(self, problem: str, expected: str = "") -> Fault:
        return Fault(self.file, self.key, problem, expected)

    def warning(self, problem: str, expected: str = "") -> Fault:
        return Fault(self.file, self.key, problem, expected, Severity.WARNING)


def shown(value: Json) -> str:
    """A value as a message shows it: JSON on one line, cut after 100 characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 100 else f"{text[:97]}..."


def one_of(names: Iterable[str]) -> str:
    """`one of a, b, c`, or the only one."""
    listed = list(names)
    return f"one of {', '.join(listed)}" if len(listed) > 1 else "".join(listed)
