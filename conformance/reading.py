"""Scenario files -> scenarios.

A suite is a folder: `suite.json` says who the connector is and holds what its scenarios share, every other file holds
the scenarios of one capability. `scenario.schema.json` and `suite.schema.json` say how they are written, for editors;
`read_suite` and `read_scenarios` are what the tool goes by, and name the file and the place of a fault.
"""

import json
import re
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Final, TypeVar

from conformance import matching, templates
from conformance.exchange import Json
from conformance.matching import MATCHERS
from conformance.scenario import (
    Action,
    Aside,
    Capability,
    Condition,
    Expectation,
    Fixture,
    Given,
    Level,
    Pause,
    Rule,
    Scenario,
    Send,
    Stake,
    Step,
    Suite,
    Together,
    Walk,
)
from conformance.templates import DIRECTIVES, FILTERS, PLACEHOLDER

SUITES: Final = Path(__file__).parent / "suites"
SCENARIO_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class ScenarioFault(Exception):
    """A file that is no scenario file; the message names the file, the place and what is expected."""


def names(folder: Path = SUITES) -> list[str]:
    """The suites that are there."""
    return sorted(path.parent.name for path in folder.glob("*/suite.json"))


def read_suite(name: str, folder: Path = SUITES) -> Suite:
    """The suite of that name. Raises `ScenarioFault`."""
    home = folder / name
    if not (home / "suite.json").is_file():
        raise ScenarioFault(f"There is no suite {name!r}; there are {', '.join(names(folder))}.")
    head = Node.read(home / "suite.json")
    files = sorted(path for path in home.glob("*.json") if path.name != "suite.json")
    scenarios = [scenario for path in files for scenario in read_scenarios(path)]
    suite = Suite(
        name=name,
        title=head.text("title"),
        about=head.text("about"),
        headers=head.texts("headers"),
        fixtures={key: fixture_of(node) for key, node in head.members("fixtures")},
        rules=tuple(_rule(node) for node in head.list("always")),
        scenarios=tuple(scenarios),
    )
    head.close("$schema", "name")
    _check_references(suite, head.place)
    return suite


def suite_of_file(path: Path) -> Suite:
    """A suite of the scenarios of one file, which then say all headers themselves. Raises `ScenarioFault`."""
    suite = Suite(path.stem, path.stem, str(path), {}, {}, (), tuple(read_scenarios(path)))
    _check_references(suite, str(path))
    return suite


def read_scenarios(path: Path) -> list[Scenario]:
    """The scenarios of a file. Raises `ScenarioFault`."""
    node = Node.read(path)
    capability = node.choice("capability", Capability)
    scenarios = [scenario_of(each, capability) for each in node.list("scenarios", required=True)]
    node.close("$schema")
    return scenarios


def _check_references(suite: Suite, place: str) -> None:
    """Ids differ and fixtures exist."""
    seen: set[str] = set()
    for scenario in suite.scenarios:
        if scenario.id in seen:
            raise ScenarioFault(f"{place}: two scenarios of the suite have the id {scenario.id!r}")
        seen.add(scenario.id)
        for given in scenario.given:
            if given.fixture not in suite.fixtures:
                raise ScenarioFault(
                    f"{place}: scenario {scenario.id!r} wants a fixture {given.fixture!r} that is not there"
                )


E_ = TypeVar("E_", bound=Enum)
T = TypeVar("T")


class Node:
    """An object of a file, and where it stands. Members that are asked for are known; `close` refuses the others."""

    def __init__(self, value: Json, place: str) -> None:
        self.place = place
        if not isinstance(value, dict):
            raise self.fault("must be an object")
        self._value = value
        self._asked: set[str] = set()

    @classmethod
    def read(cls, path: Path) -> "Node":
        """The object that a file holds."""
        try:
            return cls(json.loads(path.read_text(encoding="utf-8")), str(path))
        except (OSError, ValueError) as error:
            raise ScenarioFault(f"{path}: {error}") from error

    def fault(self, message: str) -> ScenarioFault:
        return ScenarioFault(f"{self.place}: {message}")

    def has(self, key: str) -> bool:
        self._asked.add(key)
        return key in self._value

    def get(self, key: str, kind: type[T], default: T | None = None) -> T:
        """The member of that name, which is of that type and, without a default, must be there."""
        if not self.has(key):
            if default is None:
                raise self.fault(f"{key!r} is missing")
            return default
        value = self._value[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.fault(f"{key!r} must be of type {kind.__name__}, not {json.dumps(value)[:80]}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        return self.get(key, str, default)

    def flag(self, key: str) -> bool:
        return self.get(key, bool, False)

    def number(self, key: str) -> float | None:
        if not self.has(key):
            return None
        value = self._value[key]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            raise self.fault(f"{key!r} must be a number, not {json.dumps(value)[:80]}")
        return float(value)

    def any(self, key: str) -> Json:
        """The member, whatever it is, as a template; None where there is none."""
        if not self.has(key):
            return None
        _check_template(self._value[key], self, key)
        return self._value[key]

    def choice(self, key: str, kind: type[E_]) -> E_:
        value = self.text(key)
        try:
            return kind(value)
        except ValueError:
            allowed = ", ".join(str(member.value) for member in kind)
            raise self.fault(f"{key!r} is {value!r}; it may be {allowed}") from None

    def object(self, key: str) -> "Node":
        return Node(self.get(key, dict), f"{self.place}/{key}")

    def mapping(self, key: str) -> Mapping[str, Json]:
        """An object whose members are templates."""
        value: Mapping[str, Json] = self.get(key, dict, {})
        _check_template(value, self, key)
        return value

    def texts(self, key: str) -> Mapping[str, str]:
        """An object whose members are texts."""
        value = self.mapping(key)
        for name, text in value.items():
            if not isinstance(text, str):
                raise self.fault(f"'{key}/{name}' must be a text, not {json.dumps(text)[:80]}")
        return value

    def members(self, key: str) -> list[tuple[str, "Node"]]:
        value = self.get(key, dict, {})
        return [(name, Node(member, f"{self.place}/{key}/{name}")) for name, member in value.items()]

    def list(self, key: str, required: bool | None = None) -> list["Node"]:
        """The objects of a list. One that is required has at least one."""
        value = self.get(key, list, None if required else [])
        if required and not value:
            raise self.fault(f"{key!r} must have at least one element")
        return [Node(element, f"{self.place}/{key}/{position}") for position, element in enumerate(value)]

    def words(self, key: str) -> tuple[str, ...]:
        value = self.get(key, list)
        if not value or not all(isinstance(word, str) for word in value):
            raise self.fault(f"{key!r} must be a list of texts, at least one")
        return tuple(value)

    def close(self, *others: str) -> None:
        """Refuse members that nobody asked for."""
        unknown = sorted(self._value.keys() - self._asked - set(others))
        if unknown:
            raise self.fault(f"unknown: {', '.join(unknown)}")


def _check_template(value: Json, node: Node, key: str) -> None:
    """Filters exist, and a member that starts with `$` is a directive, a matcher or SCIM's `$ref`."""
    if isinstance(value, str):
        for match in PLACEHOLDER.finditer(value):
            if match[2] and match[2] not in FILTERS:
                raise node.fault(f"{key!r} has no filter {match[2]!r}; there are {', '.join(FILTERS)}")
    elif isinstance(value, list):
        for element in value:
            _check_template(element, node, key)
    elif isinstance(value, dict):
        _check_words(value, node, key)
        for member in value.values():
            _check_template(member, node, key)


def _check_words(value: Mapping[str, Json], node: Node, key: str) -> None:
    for name, member in value.items():
        if name.startswith("$") and name not in KNOWN_WORDS:
            raise node.fault(f"{key!r} has {name!r}, which is neither a directive nor a matcher")
        if name in MATCHERS and len(value) > 1:
            raise node.fault(f"{key!r} has {name!r} beside other members; it stands alone, or within $all")
        if fault := matching.fault_of(name, member):
            raise node.fault(f"{key!r} has a {name!r} that {fault}")
    if fault := templates.fault_of(value):
        raise node.fault(f"{key!r} has a directive that cannot be carried out: {fault}")


KNOWN_WORDS: Final = {*DIRECTIVES, *MATCHERS, "$ref"}


def _stake(node: Node) -> Stake:
    return Stake(node.words("items"), node.choice("level", Level), node.text("breaks"), node.text("fix"))


def _own_stake(node: Node, over: Stake | None) -> Stake | None:
    """The stake of a step: what it says itself, and for the rest what the scenario says."""
    said = [key for key in ("items", "level", "breaks", "fix") if node.has(key)]
    if not said:
        return None
    if over is None:
        return _stake(node)
    return Stake(
        node.words("items") if "items" in said else over.items,
        node.choice("level", Level) if "level" in said else over.level,
        node.text("breaks", over.breaks),
        node.text("fix", over.fix),
    )


def scenario_of(node: Node, capability: Capability) -> Scenario:
    """The scenario of an object. Raises `ScenarioFault`."""
    stake = _stake(node)
    id = node.text("id")
    if not SCENARIO_ID.fullmatch(id):
        raise node.fault(f"'id' is {id!r}; it is written in small letters, digits and hyphens")
    scenario = Scenario(
        id=id,
        title=node.text("title"),
        capability=capability,
        stake=stake,
        when=tuple(_condition(each) for each in node.list("when")),
        let=node.mapping("let"),
        given=tuple(_given(each) for each in node.list("given")),
        steps=tuple(_step(each, stake) for each in node.list("steps", required=True)),
        alone=node.flag("alone"),
    )
    node.close()
    return scenario


def _condition(node: Node) -> Condition:
    condition = Condition(node.mapping("facts"), node.text("otherwise"))
    node.close()
    return condition


def _given(node: Node) -> Given:
    count = int(node.number("count") or 0) or None
    if count and count > templates.MOST:
        raise node.fault(f"'count' is {count}; it may be {templates.MOST}")
    given = Given(node.text("fixture"), node.text("as"), node.mapping("with"), count)
    node.close()
    return given


def fixture_of(node: Node) -> Fixture:
    """The fixture of an object. Raises `ScenarioFault`."""
    fixture = Fixture(node.mapping("let"), tuple(_step(each, None) for each in node.list("steps", required=True)))
    node.close()
    return fixture


def _rule(node: Node) -> Rule:
    rule = Rule(
        id=node.text("id"),
        title=node.text("title"),
        statuses=_statuses(node, "statuses"),
        expect=_expectation(node.object("expect")),
        stake=_stake(node),
        capability=node.choice("capability", Capability),
    )
    node.close()
    return rule


def _step(node: Node, over: Stake | None) -> Step:
    stake = _own_stake(node, over)
    action = _action(node, stake or over)
    title = node.text("title", _title(action))
    step = Step(title, action, stake, node.flag("independent"))
    node.close()
    return step


def _title(action: Action) -> str:
    if isinstance(action, Send):
        return f"{action.method} {action.target}"
    return f"every page of {action.target}" if isinstance(action, Walk) else "at once"


def _action(node: Node, over: Stake | None) -> Action:
    kinds: Mapping[str, Callable[[], Action]] = {
        "send": lambda: _send(node, over),
        "walk": lambda: _walk(node),
        "wait": lambda: Pause(node.number("wait") or 0.0),
        "together": lambda: Together(tuple(_step(each, over) for each in node.list("together", required=True))),
    }
    said = [kind for kind in kinds if node.has(kind)]
    if len(said) != 1:
        raise node.fault(f"a step has one of {', '.join(kinds)}")
    return kinds[said[0]]()


def _send(node: Node, over: Stake | None) -> Send:
    method, _, target = node.text("send").partition(" ")
    if not (method.isupper() and target):
        raise node.fault("'send' is a method and a path, as in 'GET /Users'")
    times = node.get("times", object, 1)
    if not isinstance(times, (int, str)) or isinstance(times, bool):
        raise node.fault("'times' must be a number or a template of one")
    if isinstance(times, int) and times > templates.MOST:
        raise node.fault(f"'times' is {times}; it may be {templates.MOST}")
    return Send(
        method=method,
        target=target,
        query=node.mapping("query"),
        headers=_headers(node),
        body=node.any("body"),
        has_body=node.has("body"),
        text=node.text("text") if node.has("text") else None,
        expect=_expectation(node.object("expect")),
        asides=tuple(_aside(each, over) for each in node.list("also")),
        save=node.texts("save"),
        times=times,
        at_once=node.flag("at_once"),
    )


def _headers(node: Node) -> Mapping[str, str | None]:
    headers = node.mapping("headers")
    for name, text in headers.items():
        if not isinstance(text, str | None):
            raise node.fault(f"'headers/{name}' must be a text or null, not {json.dumps(text)[:80]}")
    return headers


def _aside(node: Node, over: Stake | None) -> Aside:
    aside = Aside(_expectation(node.object("expect")), _own_stake(node, over))
    node.close()
    return aside


def _walk(node: Node) -> Walk:
    method, _, target = node.text("walk").partition(" ")
    by = node.text("by", "index")
    if method != "GET" or by not in ("index", "cursor"):
        raise node.fault("'walk' is GET and a path, 'by' is index or cursor")
    return Walk(
        target=target,
        query=node.mapping("query"),
        headers=_headers(node),
        by=by,
        count=int(node.number("count") or 100),
        most=int(node.number("most") or 20),
        each=_expectation(node.object("each")) if node.has("each") else Expectation((200,)),
        expect=node.any("expect"),
        save=node.texts("save"),
    )


def _expectation(node: Node) -> Expectation:
    expectation = Expectation(
        statuses=_statuses(node, "status"),
        headers={name.lower(): matcher for name, matcher in node.mapping("headers").items()},
        body=node.any("body"),
        has_body=node.has("body"),
        within=node.number("within"),
    )
    node.close()
    return expectation


def _statuses(node: Node, key: str) -> tuple[int, ...]:
    if not node.has(key):
        return ()
    value = node.get(key, object)
    statuses = value if isinstance(value, list) else [value]
    if not all(isinstance(status, int) and 100 <= status <= 599 for status in statuses):
        raise node.fault(f"{key!r} must be a status or a list of them, not {json.dumps(value)[:80]}")
    return tuple(statuses)
