"""A report as a run makes it, of a server whose answers hold what a report must not let through.

Nine connectors, each with a scenario for every capability: one works, one has flaws, one fails, one cannot be judged,
and five more, so that tables are as wide as they get.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

from conformance.reading import Node, fixture_of, scenario_of
from conformance.results import Report
from conformance.runner import Limits, run
from conformance.scenario import Capability, Expectation, Level, Rule, Scenario, Stake, Suite
from tests.conformance.fakes import Answer, Scripted, session

TOKEN: Final = "t0ken"
COOKIE: Final = "s3ssion"
PASSWORD: Final = "pa55word"
HOSTILE: Final = (
    "</script></style></pre>]]><script>document.title = 'taken'</script><img src='https://elsewhere.example/pixel.png'"
    " onerror=\"document.title = 'taken'\"> &amp; \x00\x07\x1b[31m\x7f\x9b\u202e\u2028\ud800\ufffe " + "long" * 100
)
CONFIG: Final = {
    "patch": {"supported": True},
    "bulk": {"supported": False, "maxOperations": 0},
    "filter": {"supported": HOSTILE, "echo": TOKEN},
    "documentationUri": f"https://scim.example/?token={TOKEN}",
}
HEADERS: Final = {"Content-Type": "application/json", "Set-Cookie": f"id={COOKIE}", "X-Odd": "<b>\x1b[0m"}


def respond(method: str, target: str, body: Any) -> Answer:
    """Users are made and stay, groups cannot be made, and one address is not answered at all."""
    if method == "DELETE":
        return 500, {"detail": HOSTILE}
    if target.endswith("/Groups"):
        return 500, {"detail": HOSTILE}
    if target.endswith("/Silent"):
        return RuntimeError(f"no answer: {HOSTILE}")
    if target.endswith("/Page"):
        return 200, f"<html>{HOSTILE}".encode("utf-8", "surrogatepass"), HEADERS
    if target.endswith("/ServiceProviderConfig"):
        return 200, CONFIG
    user = {
        "id": f"1-{TOKEN}",
        "userName": "run",
        "displayName": HOSTILE,
        "echo": f"Bearer {TOKEN}",
        "password": PASSWORD,
    }
    return (201 if method == "POST" else 200), user, HEADERS


USER: Final = {
    "steps": [
        {
            "send": "POST /Users",
            "body": {"userName": "{{unique}}", "password": PASSWORD},
            "expect": {"status": 201},
            "save": {"id": "/id"},
        }
    ]
}
GROUP: Final = {"steps": [{"title": "making a group", "send": "POST /Groups", "body": {}, "expect": {"status": 201}}]}
READ: Final = {"send": "GET /Users/{{ana.id}}", "expect": {"status": 200}}
WRONG: Final = {"send": "GET /Users/{{ana.id}}", "expect": {"status": 200, "body": {"displayName": "Ana"}}}
ODD: Final[list[Mapping[str, Any]]] = [
    {
        "title": "a page that is no JSON",
        "send": "GET /Page",
        "expect": {"status": 200, "body": {}},
        "independent": True,
    },
    {"title": "nothing", "send": "GET /Silent", "expect": {"status": 200}, "level": "must", "items": ["R-HTTP-04"]},
]


def scenario(capability: Capability, level: str, *steps: Mapping[str, Any], **members: Any) -> Scenario:
    node = {
        "id": f"{capability.value}-{level}",
        "title": f"It does {capability.value} <as> it should",
        "items": ["ENTRA-03", "NOBODY-1"],
        "level": level,
        "breaks": f"Nobody gets {capability.value}.",
        "fix": f"Do {capability.value} & all.",
        "given": [{"fixture": "user", "as": "ana"}],
        "steps": [READ, *steps],
        **members,
    }
    return scenario_of(Node(node, "test"), capability)


RULE: Final = Rule(
    id="media-type",
    title="Every answer is of type application/scim+json",
    statuses=(200,),
    expect=Expectation(headers={"content-type": "application/scim+json"}),
    stake=Stake(("ENTRA-95",), Level.SHOULD, "The validator stops.", "Send the right media type."),
    capability=Capability.ERRORS,
)


def suite(name: str, title: str, *further: Scenario, rules: tuple[Rule, ...] = ()) -> Suite:
    """A scenario for each capability that passes; a further one takes the place of its capability's."""
    taken = {scenario.capability for scenario in further}
    sound = [scenario(capability, "must") for capability in Capability if capability not in taken]
    fixtures = {"user": fixture_of(Node(USER, "user")), "group": fixture_of(Node(GROUP, "group"))}
    return Suite(name, title, "", {"Accept": "application/scim+json"}, fixtures, rules, (*sound, *further))


GROUPS: Final = {"given": [{"fixture": "group", "as": "all"}]}
NO_BULK: Final = [{"facts": {"config": {"bulk": {"supported": True}}}, "otherwise": "The server has no <Bulk>."}]
BLOCKED: Final = tuple(scenario(capability, "must", **GROUPS) for capability in Capability)
SUITES: Final = (
    suite(
        "entra",
        "Microsoft Entra ID",
        scenario(Capability.UPDATE, "must", WRONG),
        scenario(Capability.READ, "may", *ODD),
    ),
    suite("okta", "Okta", scenario(Capability.PAGING, "should", WRONG), rules=(RULE,)),
    suite("google", "Google Workspace", scenario(Capability.BULK, "must", when=NO_BULK)),
    suite(
        "onelogin",
        "OneLogin",
        scenario(Capability.SORTING, "may", WRONG),
        scenario(Capability.GROUPS, "should", **GROUPS),
    ),
    suite("jumpcloud", "JumpCloud", *BLOCKED),
    *(suite(name, name.title()) for name in ("ping", "sailpoint", "rippling", "rfc")),
)


@cache
def report() -> Report:
    """The run, of which the time it took is not of interest."""
    within = session(Scripted(respond))
    made = run(within, SUITES, Limits(jobs=1), lambda result: None)
    return replace(made, leftovers=made.leftovers[:3])
