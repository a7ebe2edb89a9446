"""Scenario files: what is one, and what is said of one that is not."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from conformance.reading import SUITES, ScenarioFault, names, read_scenarios, read_suite, suite_of_file
from conformance.scenario import Capability, Level, Pause, Send, Together, Walk

HOME = SUITES.parent
FILES = sorted(str(path.relative_to(SUITES)) for path in SUITES.glob("*/*.json"))


def validator(name: str) -> Draft202012Validator:
    schemas = {key: json.loads((HOME / key).read_text()) for key in ("scenario.schema.json", "suite.schema.json")}
    resources = [(key, Resource.from_contents(schema)) for key, schema in schemas.items()]
    return Draft202012Validator(schemas[name], registry=Registry().with_resources(resources))


@pytest.mark.parametrize("file", FILES)
def test_every_file_is_as_its_schema_says(file: str) -> None:
    path = SUITES / file
    content = json.loads(path.read_text())
    schema = Path(content["$schema"]).name
    assert schema == ("suite.schema.json" if path.name == "suite.json" else "scenario.schema.json")
    assert [error.message for error in validator(schema).iter_errors(content)] == []


@pytest.mark.parametrize("name", names())
def test_every_suite_is_read_and_has_scenarios(name: str) -> None:
    suite = read_suite(name)
    assert suite.name == json.loads((SUITES / name / "suite.json").read_text())["name"] == name
    assert suite.scenarios


def test_the_schema_knows_the_capabilities_and_the_levels() -> None:
    definitions = json.loads((HOME / "scenario.schema.json").read_text())["$defs"]
    assert definitions["capability"]["enum"] == [capability.value for capability in Capability]
    assert definitions["level"]["enum"] == [level.value for level in Level]


SCENARIO: dict[str, Any] = {
    "id": "a-user-is-found",
    "title": "A user is found",
    "items": ["ENTRA-03"],
    "level": "must",
    "breaks": "Nobody is found.",
    "fix": "Evaluate the filter.",
    "when": [{"facts": {"config": {"filter": {"supported": True}}}, "otherwise": "no filters"}],
    "let": {"name": "{{unique}}"},
    "steps": [
        {
            "send": "POST /Users",
            "body": {"userName": "{{name}}"},
            "expect": {"status": 201},
            "save": {"id": "/id"},
            "also": [{"expect": {"headers": {"Location": {"$any": True}}}, "level": "may"}],
        },
        {"wait": 0.01},
        {"walk": "GET /Users", "by": "cursor", "count": 2, "expect": {"complete": True}},
        {"together": [{"send": "GET /Users/{{id}}", "expect": {"status": [200, 404]}, "items": ["ENTRA-09"]}]},
    ],
}


def file_of(tmp_path: Path, *scenarios: Any, **changes: Any) -> Path:
    path = tmp_path / "file.json"
    path.write_text(json.dumps({"capability": "matching", "scenarios": list(scenarios), **changes}))
    return path


def test_a_file_becomes_scenarios(tmp_path: Path) -> None:
    (scenario,) = read_scenarios(file_of(tmp_path, SCENARIO))
    assert scenario.capability is Capability.MATCHING
    assert scenario.stake.items == ("ENTRA-03",)
    assert [type(step.action) for step in scenario.steps] == [Send, Pause, Walk, Together]
    send, _, walk, together = (step.action for step in scenario.steps)
    assert isinstance(send, Send)
    assert isinstance(walk, Walk)
    assert isinstance(together, Together)
    assert send.expect.statuses == (201,)
    assert send.asides[0].stake is not None
    assert (send.asides[0].stake.level, send.asides[0].stake.items) == (Level.MAY, ("ENTRA-03",))
    assert list(send.asides[0].expect.headers) == ["location"]
    assert (walk.by, walk.count, walk.each.statuses) == ("cursor", 2, (200,))
    (inner,) = together.steps
    assert inner.stake is not None
    assert (inner.stake.items, inner.stake.level, inner.stake.fix) == (
        ("ENTRA-09",),
        Level.MUST,
        "Evaluate the filter.",
    )


def change(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda scenario: scenario.update(changes)


def step(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda scenario: scenario["steps"][0].update(changes)


def without(name: str) -> Callable[[dict[str, Any]], None]:
    def remove(scenario: dict[str, Any]) -> None:
        del scenario[name]

    return remove


FAULTS: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (without("title"), "scenarios/0: 'title' is missing"),
    (without("steps"), "scenarios/0: 'steps' is missing"),
    (change(steps=[]), "scenarios/0: 'steps' must have at least one element"),
    (change(id="A user"), "'id' is 'A user'"),
    (change(level="perhaps"), "'level' is 'perhaps'; it may be must, should, may"),
    (change(items=[]), "'items' must be a list of texts"),
    (change(items="ENTRA-03"), "'items' must be of type list"),
    (change(title=7), "'title' must be of type str, not 7"),
    (change(alone="yes"), "'alone' must be of type bool"),
    (change(note="x"), "scenarios/0: unknown: note"),
    (change(when=[{"facts": {}}]), "scenarios/0/when/0: 'otherwise' is missing"),
    (change(given=[{"fixture": "user"}]), "given/0: 'as' is missing"),
    (change(steps=[{"title": "nothing"}]), "steps/0: a step has one of send, walk, wait, together"),
    (change(steps=[{"wait": 1, "together": [{"wait": 1}]}]), "steps/0: a step has one of"),
    (change(steps=[{"wait": -1}]), "'wait' must be a number, not -1"),
    (change(steps=[{"walk": "POST /Users"}]), "'walk' is GET and a path"),
    (change(steps=[{"walk": "GET /Users", "by": "hand"}]), "'by' is index or cursor"),
    (step(send="Users"), "steps/0: 'send' is a method and a path"),
    (step(send="get /Users"), "steps/0: 'send' is a method and a path"),
    (step(expect={"status": "201"}), "expect: 'status' must be a status"),
    (step(expect={"status": 42}), "expect: 'status' must be a status"),
    (step(expect={"code": 201}), "steps/0/expect: unknown: code"),
    (step(headers={"Accept": 1}), "'headers/Accept' must be a text or null"),
    (step(save={"id": 1}), "'save/id' must be a text"),
    (step(times=[1]), "'times' must be a number or a template"),
    (step(also=[{"level": "may"}]), "also/0: 'expect' is missing"),
    (step(exspect={}), "steps/0: unknown: exspect"),
]
NOT_OF_THE_SCHEMA: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (step(body={"a": "{{name|shout}}"}), "'body' has no filter 'shout'"),
    (step(expect={"body": {"$anything": True}}), "'body' has '$anything', which is neither a directive nor a matcher"),
    (step(expect={"body": {"$any": True, "id": "x"}}), "'body' has '$any' beside other members"),
    (
        step(expect={"body": {"a": [{"$matches": "(x"}]}}),
        "scenarios/0/steps/0/expect: 'body' has a '$matches' that is no regular expression: missing )",
    ),
    (step(expect={"body": {"$matches": 7}}), "'body' has a '$matches' that must be a text"),
    (step(body={"a": {"$range": 100_001, "make": 1}}), "carried out: 100001 times is more than 100000"),
    (step(body={"$repeat": "ab", "times": 10**7}), "carried out: 20000000 characters are more than 16777216"),
    (step(body={"$repeat": "ab"}), "carried out: it must say how many: 'times'"),
    (step(body={"$range": "many", "make": 1}), "it must say how many: "),
    (step(times=10**6), "steps/0: 'times' is 1000000; it may be 100000"),
    (change(given=[{"fixture": "user", "as": "ana", "count": 10**6}]), "'count' is 1000000"),
    (change(given=[{"fixture": "user", "as": "ana"}]), "wants a fixture 'user' that is not there"),
]


@pytest.mark.parametrize(("spoil", "message"), FAULTS + NOT_OF_THE_SCHEMA)
def test_a_fault_is_named_with_its_file_and_place(
    tmp_path: Path, spoil: Callable[[dict[str, Any]], None], message: str
) -> None:
    scenario = deepcopy(SCENARIO)
    spoil(scenario)
    with pytest.raises(ScenarioFault) as fault:
        suite_of_file(file_of(tmp_path, scenario))
    assert str(fault.value).startswith(str(tmp_path / "file.json"))
    assert message in str(fault.value)


def test_a_placeholder_may_stand_in_an_expression_and_for_a_number(tmp_path: Path) -> None:
    scenario = deepcopy(SCENARIO)
    step(body={"$repeat": "{{name}}", "times": "{{n}}"}, expect={"body": {"$matches": "^{{name}}{2}$"}})(scenario)
    assert read_scenarios(file_of(tmp_path, scenario))


@pytest.mark.parametrize(("spoil", "message"), FAULTS)
def test_the_schema_refuses_what_reading_refuses(spoil: Callable[[dict[str, Any]], None], message: str) -> None:
    scenario = deepcopy(SCENARIO)
    assert validator("scenario.schema.json").is_valid({"capability": "matching", "scenarios": [scenario]})
    spoil(scenario)
    assert not validator("scenario.schema.json").is_valid({"capability": "matching", "scenarios": [scenario]})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Expecting property name"),
        ("[]", "must be an object"),
        ('{"capability": "matching", "scenarios": [7]}', "scenarios/0: must be an object"),
        ('{"capability": "flying", "scenarios": []}', "'capability' is 'flying'; it may be connection, "),
        ('{"capability": "matching", "scenarios": []}', "'scenarios' must have at least one element"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content)
    with pytest.raises(ScenarioFault, match=f"{path}.*{message}"):
        read_scenarios(path)


def test_a_file_that_is_not_there_and_a_suite_that_is_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFault, match="No such file"):
        read_scenarios(tmp_path / "none.json")
    with pytest.raises(ScenarioFault, match=r"There is no suite 'nobody'; there are .*entra"):
        read_suite("nobody")


def test_two_scenarios_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioFault, match="two scenarios of the suite have the id 'a-user-is-found'"):
        suite_of_file(file_of(tmp_path, SCENARIO, SCENARIO))
