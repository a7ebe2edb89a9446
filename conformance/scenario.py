"""Scenarios: what a connector sends, what it needs to come back, and what breaks where it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from conformance.exchange import Json


class Level(Enum):
    """How much hangs on it, for the connector: without a MUST its synchronisation fails or data is lost."""

    MUST = "must"
    SHOULD = "should"
    MAY = "may"

    def is_below(self, other: "Level") -> bool:
        """Whether less hangs on it."""
        levels = list(Level)
        return levels.index(self) > levels.index(other)


class Capability(Enum):
    """What a connector needs of a server: the columns of the matrix. The value is its name in a file and in reports."""

    CONNECTION = "connection"
    DISCOVERY = "discovery"
    MATCHING = "matching"
    CREATE = "create"
    READ = "read"
    UPDATE = "update"
    DEACTIVATION = "deactivation"
    DELETION = "deletion"
    GROUPS = "groups"
    MEMBERSHIP = "membership"
    PAGING = "paging"
    SORTING = "sorting"
    VERSIONS = "versions"
    BULK = "bulk"
    ENTITLEMENTS = "entitlements"
    ERRORS = "errors"
    AUTHENTICATION = "authentication"


@dataclass(frozen=True, slots=True)
class Stake:
    """What an expectation proves, how much hangs on it, what breaks at the connector without it, and what to change."""

    items: tuple[str, ...]
    level: Level
    breaks: str
    fix: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """`statuses` is empty where any will do; `headers` (in lower case) and `body` are matchers (see `matching`)."""

    statuses: tuple[int, ...] = ()
    headers: Mapping[str, Json] = field(default_factory=dict)
    body: Json = None
    has_body: bool = False
    within: float | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """A further expectation of the same answer, with a stake of its own; the scenario goes on where it is not met."""

    expect: Expectation
    stake: Stake | None


@dataclass(frozen=True, slots=True)
class Send:
    """One request, or the same one several times, one after the other or at once.

    `target`, `query`, `headers` and `body` are templates; `text` is a body that is no JSON. A header that is None is
    left out. `save` names what is kept of the answer: a JSON pointer into its body, `header:` and a name, or `status`.
    With `times` what is saved is a list, and `index` counts from 1.
    """

    method: str
    target: str
    query: Mapping[str, Json]
    headers: Mapping[str, str | None]
    body: Json
    has_body: bool
    text: str | None
    expect: Expectation
    asides: tuple[Aside, ...]
    save: Mapping[str, str]
    times: int | str = 1
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """All pages of a list, by index or by cursor; `each` is expected of every page, `expect` of what they come to.

    That is an object with `pages`, `resources` (how many were shown), `ids`, `totals` (the totalResults of each page),
    `starts` (what each page called its startIndex), and `complete` (false where it was stopped after `most` pages).
    """

    target: str
    query: Mapping[str, Json]
    headers: Mapping[str, str | None]
    by: str
    count: int
    most: int
    each: Expectation
    expect: Json
    save: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds to wait, so that a clock goes on."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Together:
    """Steps that are taken at once. What they save is kept when all are done."""

    steps: tuple["Step", ...]


Action = Send | Walk | Pause | Together


@dataclass(frozen=True, slots=True)
class Step:
    """An action. Where its expectation is not met the scenario ends, unless it is `independent` of what follows."""

    title: str
    action: Action
    stake: Stake | None = None
    independent: bool = False


@dataclass(frozen=True, slots=True)
class Fixture:
    """Steps that make what a scenario needs. `let` are its parameters with what they are if nothing is given."""

    let: Mapping[str, Json]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """A fixture that a scenario wants, `count` times where that is set (the name then stands for a list)."""

    fixture: str
    name: str
    parameters: Mapping[str, Json]
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What the server must say of itself (`facts`) for a scenario to apply, and why it does not apply otherwise."""

    facts: Json
    otherwise: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """Steps in order, and what they prove. `alone` ones are played while nothing else is."""

    id: str
    title: str
    capability: Capability
    stake: Stake
    when: tuple[Condition, ...]
    let: Mapping[str, Json]
    given: tuple[Given, ...]
    steps: tuple[Step, ...]
    alone: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for every answer of a suite whose status is one of `statuses` (all, where empty)."""

    id: str
    title: str
    statuses: tuple[int, ...]
    expect: Expectation
    stake: Stake
    capability: Capability


@dataclass(frozen=True, slots=True)
class Suite:
    """A connector: its scenarios in the order of the files, the headers that it sends, its fixtures and rules."""

    name: str
    title: str
    about: str
    headers: Mapping[str, str]
    fixtures: Mapping[str, Fixture]
    rules: tuple[Rule, ...]
    scenarios: tuple[Scenario, ...]

    @property
    def items(self) -> frozenset[str]:
        """Every item that a scenario or a rule of the suite proves."""
        stakes = [scenario.stake for scenario in self.scenarios] + [rule.stake for rule in self.rules]
        for scenario in self.scenarios:
            stakes += list(step_stakes(scenario.steps))
        return frozenset(item for stake in stakes for item in stake.items)


def step_stakes(steps: Sequence[Step]) -> list[Stake]:
    """The stakes that steps have of their own, those of asides and of steps within steps included."""
    stakes = [step.stake for step in steps if step.stake]
    for step in steps:
        if isinstance(step.action, Send):
            stakes += [aside.stake for aside in step.action.asides if aside.stake]
        if isinstance(step.action, Together):
            stakes += step_stakes(step.action.steps)
    return stakes
