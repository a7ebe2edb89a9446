"""What is advertised is enforced: every claim of the discovery documents is probed, whatever it is about.

The probes know no attribute. They read /ServiceProviderConfig, /ResourceTypes and /Schemas as a client does and try
each claim: over the resource types that come along, those of the contact centre among them, over one of an extension
folder, and over one that has an attribute of every kind. What is written, found or told apart by its values is tried in
both databases, what is refused whatever they hold in one. A claim without a probe is a failure.
"""

import base64
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from scim_server.config import Settings
from tests.databases import ENGINES
from tests.every_resource_type import every, extensions
from tests.http.bulk import BULK_REQUEST
from tests.http.published import MISFITS, ONCE, Claim, Kind, kinds, value
from tests.http.server import PATCH_OP, Client, Server, assert_error

pytestmark = pytest.mark.unmeasured


@pytest.fixture(scope="module", params=ENGINES)
def server(
    request: pytest.FixtureRequest, new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = extensions(tmp_path_factory.mktemp("advertised"))
    every(folder)
    small = Settings(page_max=4, page_default=3, cursor_timeout=1, bulk_max_operations=5, bulk_max_payload=20_000)
    server = Server(replace(small, database_url=new_database(request.param), extensions=folder))
    yield server
    server.close()


refused_at_once = pytest.mark.parametrize("server", ["sqlite"], indirect=True)
"""Of thousands of requests that come to nothing, whatever the database holds."""


@pytest.fixture
def client(server: Server) -> Client:
    """A client of a new tenant, in the default dialect."""
    return Client(server.app(), server.token(server.tenant()))


@pytest.fixture
def strict(server: Server) -> Client:
    """A client of a new tenant to which no deviation is let pass."""
    return Client(server.app(), server.token(server.tenant(), "strict"))


def loaded(answer: TestResponse, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return dict(answer.get_json(force=True))


def create(client: Client, kind: Kind, *assignments: Iterable[tuple[Claim, Any]]) -> dict[str, Any]:
    return loaded(client.send("POST", kind.endpoint, kind.body(*assignments)), 201)


def patch(client: Client, address: str, *operations: dict[str, Any]) -> TestResponse:
    return client.send("PATCH", address, {"schemas": [PATCH_OP], "Operations": list(operations)})


def scim_type(answer: TestResponse) -> tuple[int, Any]:
    return answer.status_code, (answer.get_json(force=True) or {}).get("scimType") if answer.data else None


BAD_VALUE, FIXED, TAKEN = (400, "invalidValue"), (400, "mutability"), (409, "uniqueness")


def found(client: Client, kind: Kind, filter: str) -> int:
    return int(loaded(client.get(f"{kind.endpoint}?count=0&filter={quote(filter)}"), 200)["totalResults"])


# Every claim has a probe ---------------------------------------------------------------------------------------------

CHARACTERISTICS = {
    "type": "test_a_value_has_the_type_and_the_multiplicity_that_is_published",
    "multiValued": "test_a_value_has_the_type_and_the_multiplicity_that_is_published",
    "required": "test_what_is_required_is_asked_for",
    "canonicalValues": "test_suggested_values_are_suggestions",
    "caseExact": "test_case_counts_in_filters_where_it_is_published",
    "mutability": "test_what_only_the_server_writes_is_ignored_in_bodies_and_refused_in_patch",
    "returned": "test_what_is_returned_is_what_is_published",
    "uniqueness": "test_what_is_unique_is_taken_once",
    "referenceTypes": "test_a_reference_is_kept_as_it_was_sent",
}
"""The probe of each characteristic."""
SAYS_NOTHING = {"name", "description", "subAttributes"}
RESOURCE_TYPE = {"schemas", "id", "name", "endpoint", "description", "schema", "schemaExtensions", "meta"}


@pytest.mark.req("R-DISC-13")
def test_every_characteristic_that_is_published_has_a_probe(client: Client) -> None:
    published = {name for kind in kinds(client) for claim in kind.claims() for name in claim.published}
    assert published == CHARACTERISTICS.keys() | SAYS_NOTHING
    assert all(callable(globals()[probe]) for probe in CHARACTERISTICS.values())
    assert {name for kind in kinds(client) for name in kind.published} == RESOURCE_TYPE


def test_the_kinds_of_attributes_are_all_there(client: Client) -> None:
    """Else the probes below would say little."""
    claims = [claim.published for kind in kinds(client) if kind.name == "Sample" for claim in kind.attributes]
    seen = {(c["type"], c["multiValued"], c["mutability"], c["returned"], c.get("uniqueness")) for c in claims}
    assert len(seen) == 352


# mutability and returned ---------------------------------------------------------------------------------------------


def read(client: Client, address: str, query: str = "") -> dict[str, Any]:
    return loaded(client.get(f"{address}?{query}"), 200)


MOST_NAMES = 100
"""Of attributes in one request; more than 200 are refused."""


def parted(many: Sequence[Any], size: int = MOST_NAMES) -> Iterator[Sequence[Any]]:
    """As many of them at a time as one request may name."""
    for start in range(0, len(many), size):
        yield many[start : start + size]


def named(client: Client, kind: Kind, address: str) -> dict[str, Any]:
    """The resource with every attribute that is ever returned."""
    answer: Any = {}
    for some in parted([*kind.leaves()]):
        answer = merged(answer, read(client, address, f"attributes={quote(','.join(c.path for c in some))}"))
    return dict(answer)


def merged(first: Any, second: Any) -> Any:
    """Two projections of one value in one."""
    if isinstance(first, dict):
        both = {name: merged(first[name], second[name]) for name in first.keys() & second.keys() - {"schemas"}}
        return {**first, **second, **both}
    if isinstance(first, list):
        return [merged(one, other) for one, other in zip(first, second, strict=True)]
    return second


def left_out(client: Client, kind: Kind, address: str) -> dict[str, Any]:
    """What is there of each attribute although a request excludes it."""
    answer: Any = {}
    for some in parted(kind.attributes):
        found = read(client, address, f"excludedAttributes={quote(','.join(c.path for c in some))}")
        kept = kind.body((c, v if c.published["multiValued"] else v[0]) for c in some if (v := c.values(found)))
        answer = merged(answer, kept)
    return dict(answer)


SHOWN = {
    "always": {"create", "read", "named", "another named", "excluded"},
    "default": {"create", "read", "named"},
    # What the client sent comes back in the answer to a write (RFC 7643 section 7).
    "request": {"create", "named"},
    "never": set(),
}
"""By `returned`, in which answers a value is: to the create that sent it, to a plain read, and to reads that name it,
name another, or exclude it.
"""


@pytest.mark.req("R-CHAR-10", "R-CHAR-11", "R-CHAR-12", "R-CHAR-13", "R-ATTR-01", "R-ATTR-02", "R-ATTR-03")
def test_what_is_returned_is_what_is_published(client: Client) -> None:
    faults = []
    for kind in kinds(client):
        created = create(client, kind, kind.full(1, lambda a: a.is_writable))
        address = f"{kind.endpoint}/{created['id']}"
        answers = {"create": created, "read": read(client, address), "named": named(client, kind, address)}
        answers |= {"another named": read(client, address, "attributes=externalId")}
        answers |= {"excluded": left_out(client, kind, address)}
        for claim in (leaf for leaf in kind.leaves() if leaf.is_writable):
            shown = {name for name, answer in answers.items() if claim.values(answer)}
            if shown != SHOWN[claim.returned]:
                faults.append(f"{kind.name} {claim.path} {claim.returned}: {sorted(shown)}")
    assert faults == []


@pytest.mark.req("R-CHAR-03", "R-CHAR-04", "R-PATCH-13", "R-PUT-06")
@refused_at_once
def test_what_only_the_server_writes_is_ignored_in_bodies_and_refused_in_patch(client: Client) -> None:
    faults = []
    for kind in kinds(client):
        plain, read_only = kind.required(1), kind.full(2, lambda a: not a.is_writable)
        address = f"{kind.endpoint}/{create(client, kind, read_only, plain)['id']}"
        before = named(client, kind, address)
        sent = kind.body(read_only, plain)
        read_only_leaves = (claim for claim in kind.leaves() if not claim.is_writable and claim.values(before))
        faults += [f"{kind.name} {c.path} was created" for c in read_only_leaves if c.values(before) == c.values(sent)]
        loaded(client.send("PUT", address, kind.body(read_only, plain)), 200)
        for operation in (operation for claim in kind.claims() for operation in refused(claim)):
            answer = patch(client, address, operation)
            faults += [] if scim_type(answer) == FIXED else [f"{kind.name} {operation}: {answer.text}"]
        assert named(client, kind, address) == before
    assert faults == []


def refused(claim: Claim) -> Iterator[dict[str, Any]]:
    """Operations on what only the server writes."""
    if claim.is_writable:
        return
    yield {"op": "replace", "path": claim.path, "value": value(claim, 2)}
    if claim.parent is None:
        yield {"op": "add", "path": claim.path, "value": value(claim, 2)}
        yield {"op": "remove", "path": claim.path}


@pytest.mark.req("R-CHAR-05", "R-CHAR-06", "R-CHAR-07", "R-CHAR-09", "R-PATCH-15", "R-PUT-07")
def test_what_is_immutable_is_set_once(client: Client) -> None:
    faults = []
    for kind in kinds(client):
        fixed = [a for a in kind.attributes if a.mutability == "immutable"]
        address = f"{kind.endpoint}/{create(client, kind, kind.required(1))['id']}"
        body = kind.body(kind.required(1), [(a, value(a, 1)) for a in fixed])
        loaded(client.send("PUT", address, body), 200)
        before = named(client, kind, address)
        faults += [f"{a.path} was not set" for a in fixed if a.returned != "never" and not a.values(before)]
        for claim in fixed:
            other = [(claim, value(claim, 2))]
            tried = [
                client.send("PUT", address, kind.body(kind.required(1), other)),
                patch(client, address, {"op": "replace", "path": claim.path, "value": value(claim, 2)}),
                patch(client, address, {"op": "remove", "path": claim.path}),
            ]
            faults += [f"{kind.name} {claim.path}: {answer.text}" for answer in tried if scim_type(answer) != FIXED]
        loaded(client.send("PUT", address, body), 200)
        loaded(client.send("PUT", address, kind.body(kind.required(1))), 200)
        assert named(client, kind, address) == before
    assert faults == []


@pytest.mark.req("R-PUT-01", "R-PUT-03", "R-PATCH-33", "R-PATCH-34", "R-PATCH-42", "R-PATCH-43")
def test_what_is_written_is_read_back_replaced_and_removed(client: Client) -> None:
    faults = []
    for kind in kinds(client):
        free = [a for a in kind.attributes if a.mutability == "readWrite"]
        address = f"{kind.endpoint}/{create(client, kind, [(a, value(a, 1)) for a in free])['id']}"
        faults += [f"{kind.name} {fault} created" for fault in differing(kind, named(client, kind, address), 1)]
        loaded(client.send("PUT", address, kind.body([(a, value(a, 2)) for a in free])), 200)
        faults += [f"{kind.name} {fault} put" for fault in differing(kind, named(client, kind, address), 2)]
        changes = [{"op": "replace", "path": a.path, "value": value(a, 3)} for a in free]
        loaded(patch(client, address, *changes), 200)
        faults += [f"{kind.name} {fault} patched" for fault in differing(kind, named(client, kind, address), 3)]
        needed = {claim.path for claim, _ in kind.required(1)}
        removed = [a for a in free if a.path not in needed and not a.has_fixed_parts]
        loaded(patch(client, address, *({"op": "remove", "path": a.path} for a in removed)), 200)
        after = named(client, kind, address)
        faults += [f"{kind.name} {a.path} not removed" for a in removed if a.values(after)]
    assert faults == []


def differing(kind: Kind, resource: Mapping[str, Any], number: int) -> Iterator[str]:
    """The attributes that clients write and read at any time, whose values are not those of the number."""
    for claim in kind.leaves():
        if claim.mutability == "readWrite" and claim.returned != "never":
            sent = value(claim, number)
            if claim.values(resource) != (sent if isinstance(sent, list) else [sent]):
                yield f"{claim.path} {claim.values(resource)}"


@pytest.mark.req("R-CHAR-08", "R-GRP-04")
def test_parts_that_are_set_once_do_not_keep_an_element_from_coming_and_going(client: Client) -> None:
    faults = []
    for kind in kinds(client):
        several = [a for a in kind.attributes if a.published["multiValued"] and a.mutability == "readWrite"]
        with_fixed = [a for a in several if any(p.mutability == "immutable" for p in a.parts())]
        for claim in with_fixed:
            first, second = ([value(claim, n)[0] | fixed_parts(claim, n)] for n in (1, 2))
            address = f"{kind.endpoint}/{create(client, kind, kind.required(1), [(claim, first)])['id']}"
            for operation in ("replace", "remove"):
                change = {"op": operation, "path": claim.path} | ({"value": second} if operation == "replace" else {})
                answer = patch(client, address, change)
                faults += [] if answer.status_code == 200 else [f"{kind.name} {claim.path} {operation}: {answer.text}"]
    assert faults == []


def fixed_parts(claim: Claim, number: int) -> dict[str, Any]:
    return {p.published["name"]: value(p, number) for p in claim.parts() if p.mutability == "immutable"}


@pytest.mark.req("R-PATCH-35", "R-PATCH-48", "R-FILT-16")
def test_an_element_is_found_changed_and_removed_by_what_it_holds(client: Client) -> None:
    faults, tried = [], 0
    for kind in kinds(client):
        for claim in listing(kind):
            tried += 1
            elements = [value(claim, n)[0] | fixed_parts(claim, n) for n in (1, 2)]
            address = f"{kind.endpoint}/{create(client, kind, kind.required(tried), [(claim, elements)])['id']}"
            first, second, third = (f"{claim.path}[value eq {literal(claim, n)}]" for n in (1, 2, 3))
            assert [found(client, kind, test) for test in (second, third)] == [1, 0], claim.path
            parts = [part for part in claim.parts() if is_changeable(part)][:MOST_NAMES]
            changes = {f"{second}.{part.published['name']}": value(part, 4) for part in parts}
            steps = [{"op": "replace", "path": path, "value": new} for path, new in changes.items()]
            loaded(patch(client, address, *steps, {"op": "add", "path": "externalId", "value": "x"}), 200)
            changed = of_parts(client, address, parts)
            loaded(patch(client, address, {"op": "remove", "path": first}), 200)
            shown = [
                (part.path, *of) for part, *of in zip(parts, changed, of_parts(client, address, parts), strict=True)
            ]
            wanted = [(p.path, listed(p, 1) + listed(p, 4), listed(p, 4)) for p in parts]
            faults += [f"{kind.name} {one}" for one, other in zip(shown, wanted, strict=True) if one != other]
            client.send("DELETE", address)
    assert faults == []
    assert tried > 10


def of_parts(client: Client, address: str, parts: list[Claim]) -> list[list[Any]]:
    """The values of each of the parts, in the order of the elements."""
    shown = read(client, address, f"attributes={quote(','.join(['id', *(part.path for part in parts)]))}")
    return [part.values(shown) for part in parts]


def listing(kind: Kind) -> list[Claim]:
    """Lists of objects that clients write and read, whose elements have a value."""
    several = [a for a in kind.attributes if a.published["multiValued"] and a.mutability == "readWrite"]
    return [a for a in several if any(p.published["name"] == "value" and p.returned != "never" for p in a.parts())]


def literal(claim: Claim, number: int) -> str:
    """The value of the element of that number, as a filter has it; what is set once has the number too."""
    (part,) = (p for p in claim.parts() if p.published["name"] == "value")
    return json.dumps(value(part, number))


def is_changeable(part: Claim) -> bool:
    """Whether it is neither what elements are told apart by nor set once, and one value of a type with many."""
    mine = part.published
    return (
        (mine["mutability"], mine["multiValued"]) == ("readWrite", False)
        and part.returned != "never"
        and mine["name"] not in ("value", "type", "primary", "booleanPart")
    )


def listed(claim: Claim, number: int) -> list[Any]:
    made = value(claim, number)
    return made if isinstance(made, list) else [made]


# required, type, multiValued, uniqueness, case, suggested values, references ------------------------------------------


@pytest.mark.req("R-CHAR-01", "R-POST-07", "R-PUT-08", "R-PATCH-16", "R-RT-05", "R-GRP-01")
@refused_at_once
def test_what_is_required_is_asked_for(strict: Client) -> None:
    """The default dialect lets a PUT keep what it does not name, where the binding of an extension says so."""
    faults, asked = [], 0
    for kind in kinds(strict):
        whole = kind.required(1)
        address = f"{kind.endpoint}/{create(strict, kind, whole)['id']}"
        for body, path in lacking(kind):
            asked += 1
            tried = {
                "POST": (strict.send("POST", kind.endpoint, body), BAD_VALUE),
                "PUT": (strict.send("PUT", address, body), BAD_VALUE),
                "PATCH": (patch(strict, address, {"op": "remove", "path": path}), FIXED),
            }
            faults += [
                f"{kind.name} {path} {m}: {a.text}" for m, (a, wanted) in tried.items() if scim_type(a) != wanted
            ]
        assert loaded(strict.get(f"{kind.endpoint}?count=0"), 200)["totalResults"] == 1
    assert faults == []
    assert asked > 40


def lacking(kind: Kind) -> Iterator[tuple[dict[str, Any], str]]:
    """Bodies that lack one thing that must be there, each way in which it can be lacking, and the path of the thing."""
    whole = kind.required(1)
    for claim, _ in whole:
        if claim.published["required"]:
            yield kind.body((c, v) for c, v in whole if c != claim), claim.path
            yield kind.body(whole, [(claim, None)]), claim.path
            if claim.published["multiValued"]:
                yield kind.body(whole, [(claim, [])]), claim.path
    for extension in kind.published.get("schemaExtensions", ()):
        if extension["required"]:
            yield kind.body((c, v) for c, v in whole if c.urn != extension["schema"]), extension["schema"]


@pytest.mark.req("R-CHAR-02")
@refused_at_once
def test_a_required_part_is_asked_for_where_there_is_a_value(client: Client) -> None:
    asked = 0
    for kind in kinds(client):
        for claim in kind.attributes:
            for part in claim.parts():
                if part.published["required"] and part.is_writable:
                    asked += 1
                    made = value(claim, 1)
                    element = made[0] if isinstance(made, list) else made
                    del element[part.published["name"]]
                    answer = client.send("POST", kind.endpoint, kind.body(kind.required(1), [(claim, made)]))
                    assert scim_type(answer) == BAD_VALUE, f"{part.path}: {answer.text}"
    assert asked >= 4


@pytest.mark.req("R-TYPE-14", "R-TYPE-02", "R-TYPE-04", "R-TYPE-06", "R-TYPE-08", "R-MV-06", "R-PATCH-17")
@refused_at_once
def test_a_value_has_the_type_and_the_multiplicity_that_is_published(strict: Client) -> None:
    """The default dialect reads some of these, as docs/connectors.md says."""
    faults = []
    for kind in kinds(strict):
        address = f"{kind.endpoint}/{create(strict, kind, kind.required(1))['id']}"
        before = named(strict, kind, address)
        for claim in (c for c in kind.attributes if c.is_writable):
            for misfit in (*misfits(claim), *misfit_parts(claim)):
                answer = strict.send("POST", kind.endpoint, kind.body(kind.required(2), [(claim, misfit)]))
                faults += [] if scim_type(answer) == BAD_VALUE else [f"{kind.name} {claim.path} {misfit} POST"]
            for misfit in misfits(claim):
                answer = patch(strict, address, {"op": "replace", "path": claim.path, "value": misfit})
                faults += [] if scim_type(answer) == BAD_VALUE else [f"{kind.name} {claim.path} {misfit} PATCH"]
        assert named(strict, kind, address) == before
        assert loaded(strict.get(f"{kind.endpoint}?count=0"), 200)["totalResults"] == 1
    assert faults == []


def misfits(claim: Claim) -> Iterator[Any]:
    """A value of another type, and another number of values."""
    right, wrong = value(claim, 2), MISFITS[claim.published["type"]]
    yield [wrong] if claim.published["multiValued"] else wrong
    if not claim.published["multiValued"]:
        yield [right]
    elif not claim.is_complex:
        yield right[0]


def misfit_parts(claim: Claim) -> Iterator[Any]:
    """Values in which one part is of another type, a part of each type."""
    right = value(claim, 2)
    parts = {part.published["type"]: part for part in claim.parts() if part.published["mutability"] != "readOnly"}
    for kind, part in parts.items():
        wrong = [MISFITS[kind]] if part.published["multiValued"] else MISFITS[kind]
        element = (right[0] if isinstance(right, list) else right) | {part.published["name"]: wrong}
        yield [element] if claim.published["multiValued"] else element


@pytest.mark.req("R-CHAR-14", "R-CHAR-15", "R-CHAR-16", "R-POST-04", "R-PUT-10")
def test_what_is_unique_is_taken_once(client: Client) -> None:
    faults, tried = [], 0
    for kind in kinds(client):
        unique = [a for a in kind.attributes if a.is_writable and a.published.get("uniqueness", "none") != "none"]
        others = [a for a in kind.attributes if a.is_writable and a not in unique]
        needed = [(a, value(a, 1)) for a in unique if a.published["required"]]
        first = create(client, kind, [(a, value(a, 1)) for a in (*unique, *others)])
        address = f"{kind.endpoint}/{first['id']}"
        second = create(client, kind, [(a, value(a, 1)) for a in others], [(a, value(a, 2)) for a, _ in needed])
        for claim in unique:
            for number, (taken, wanted) in enumerate(spellings(claim), start=3):
                tried += 1
                free = [(a, value(a, number)) for a, _ in needed]
                answer = client.send("POST", kind.endpoint, kind.body(kind.required(number), free, [(claim, taken)]))
                faults += [] if scim_type(answer) == wanted else [f"{kind.name} {claim.path} {taken}: {answer.text}"]
                if answer.status_code == 201:
                    client.send("DELETE", f"{kind.endpoint}/{answer.get_json(force=True)['id']}")
            answer = patch(
                client,
                f"{kind.endpoint}/{second['id']}",
                {"op": "add", "path": claim.path, "value": value(claim, 1)},
            )
            faults += [] if scim_type(answer) == TAKEN else [f"{kind.name} {claim.path} PATCH: {answer.text}"]
        own = kind.body([(a, value(a, 1)) for a in (*unique, *others)])
        loaded(client.send("PUT", address, own), 200)
    assert faults == []
    assert tried > 100


CREATED = (201, None)


def spellings(claim: Claim) -> Iterator[tuple[Any, tuple[int, Any]]]:
    """Values that are taken, and what comes of using them again."""
    yield value(claim, 1), TAKEN
    if claim.published["type"] == "string":
        swapped = ["TEXT 1"] if claim.published["multiValued"] else "TEXT 1"
        yield swapped, CREATED if claim.published["caseExact"] else TAKEN


def visible(kind: Kind) -> Iterator[Claim]:
    """What clients write and read."""
    for claim in kind.leaves():
        if claim.is_writable and claim.published["mutability"] != "readOnly" and claim.returned != "never":
            yield claim


def first_value(claim: Claim) -> Any:
    """The value that a resource of the number 1 has."""
    fixed = claim.published["mutability"] == "immutable" != claim.top["mutability"]
    made = value(claim, ONCE if fixed else 1)
    return made[0] if isinstance(made, list) else made


def unfound(client: Client, kind: Kind, tests: Iterable[str]) -> list[str]:
    """Which of the tests in filters do not find the one resource that there is; many are tried at once."""
    every = list(tests)
    wrong = [some for some in parted(every, 50) if found(client, kind, " and ".join(some)) != 1]
    return [f"{kind.name} {test}" for some in wrong for test in some if found(client, kind, test) != 1]


@pytest.mark.req("R-FILT-21", "R-CHAR-14", "R-CHAR-15")
def test_case_counts_in_filters_where_it_is_published(client: Client) -> None:
    faults, asked = [], 0
    for kind in kinds(client):
        create(client, kind, kind.full(1, lambda a: a.is_writable))
        texts = [claim for claim in visible(kind) if claim.published["type"] == "string"]
        asked += len(texts)
        other = {c.path: f'{c.path} eq "{first_value(c).swapcase()}"' for c in texts}
        same_case = [f'{c.path} eq "{first_value(c)}"' for c in texts]
        tests = [f"not ({other[c.path]})" if c.published["caseExact"] else other[c.path] for c in texts]
        faults += unfound(client, kind, [*same_case, *tests])
    assert faults == []
    assert asked > 100


@pytest.mark.req("R-FILT-37", "R-FILT-38", "R-SORT-09")
@refused_at_once
def test_what_is_never_returned_is_not_asked_about(client: Client) -> None:
    hidden = [(kind, c) for kind in kinds(client) for c in kind.leaves() if c.returned == "never"]
    assert len(hidden) > 20
    for kind, claim in hidden:
        assert_error(client.get(f"{kind.endpoint}?filter={quote(claim.path + ' pr')}"), 400, "invalidFilter")
        assert_error(client.get(f"{kind.endpoint}?sortBy={quote(claim.path)}"), 400)


@pytest.mark.req("R-TYPE-01", "R-COMPAT-02", "R-USER-14")
def test_suggested_values_are_suggestions(client: Client) -> None:
    suggesting = 0
    for kind in kinds(client):
        claims = [c for c in kind.leaves() if c.published.get("canonicalValues") and c.is_writable]
        created = create(client, kind, kind.full(1, lambda a: a.is_writable))
        suggesting += len(claims)
        assert all(c.values(created) == ["Text 1"] for c in claims if c.mutability == "readWrite")
        assert all("Text 1" not in c.published["canonicalValues"] for c in claims)
    assert suggesting > 10


REFERENCES = ("https://example.com/a b?c=d#e", "Users/1", "urn:example:thing")


@pytest.mark.req("R-COMPAT-02")
def test_a_reference_is_kept_as_it_was_sent(client: Client) -> None:
    """Absolute or relative, to a resource or to anything else: the published types are what a client may expect."""
    kept = 0
    for kind in kinds(client):
        references = [c for c in kind.attributes if c.published["type"] == "reference" and c.mutability == "readWrite"]
        claims = [c for c in references if c.published["uniqueness"] == "none" and c.returned != "never"]
        for number, address in enumerate(REFERENCES):
            sent = [(c, [address] if c.published["multiValued"] else address) for c in claims]
            created = create(client, kind, kind.required(number), sent)
            assert [c.values(created) for c in claims] == [[address]] * len(claims)
            kept += len(claims)
    assert kept > 20


# ServiceProviderConfig -----------------------------------------------------------------------------------------------


def probe_patch(client: Client, supported: bool) -> None:
    for kind in kinds(client):
        address = f"{kind.endpoint}/{create(client, kind, kind.required(1))['id']}"
        answer = patch(client, address, {"op": "add", "path": "externalId", "value": "x"})
        assert answer.status_code == (200 if supported else 501)
        assert not supported or read(client, address)["externalId"] == "x"


def bulk(client: Client, operations: int, padding: int = 0) -> int:
    (kind,) = (kind for kind in kinds(client) if kind.name == "Device")
    creations = [
        {"method": "POST", "path": kind.endpoint, "bulkId": str(n), "data": kind.body(kind.required(n))}
        for n in range(operations)
    ]
    body = json.dumps({"schemas": [BULK_REQUEST], "Operations": creations}).encode()
    status = client.send("POST", "/Bulk", body + b" " * (padding - len(body))).status_code
    created = loaded(client.get(f"{kind.endpoint}?count=0"), 200)["totalResults"]
    assert created == (operations if status == 200 else 0)
    return status


def probe_bulk(client: Client, supported: bool) -> None:
    assert bulk(client, 2) == (200 if supported else 501)


def probe_most_operations(client: Client, most: int) -> None:
    if most:
        assert bulk(client, most + 1) == 413
        assert bulk(client, most) == 200


def probe_largest_payload(client: Client, most: int) -> None:
    if most:
        assert bulk(client, 1, padding=most + 1) == 413
        assert bulk(client, 1, padding=most) == 200


def probe_filter(client: Client, supported: bool) -> None:
    """Every attribute that is ever returned is found by its value and by its presence, and not by another value."""
    assert supported
    faults = []
    for kind in kinds(client):
        create(client, kind, kind.full(1, lambda a: a.is_writable))
        tests = [f"{claim.path} eq {json.dumps(first_value(claim))}" for claim in visible(kind)]
        tests += [f"not ({claim.path} eq {json.dumps(other_value(claim))})" for claim in visible(kind)]
        faults += unfound(client, kind, [*tests, *(f"{claim.path} pr" for claim in visible(kind))])
    assert faults == []


def other_value(claim: Claim) -> Any:
    made = value(claim, 2)
    return made[0] if isinstance(made, list) else made


def probe_most_results(client: Client, most: int) -> None:
    for kind in kinds(client):
        for number in range(1, most + 2):
            create(client, kind, kind.required(number))
        page = loaded(client.get(f"{kind.endpoint}?filter=id%20pr&count={most + 1}"), 200)
        assert (page["itemsPerPage"], len(page["Resources"]), page["totalResults"]) == (most, most, most + 1)


def probe_sort(client: Client, supported: bool) -> None:
    """Attributes of every kind that are ever returned order; a boolean has too few values to tell."""
    assert supported
    faults = []
    for kind in kinds(client):
        made = {n: create(client, kind, kind.full(n, lambda a: a.is_writable))["id"] for n in (2, 1, 3)}
        for claim in sortable(kind):
            for order, numbers in {"ascending": (1, 2, 3), "descending": (3, 2, 1)}.items():
                query = f"sortBy={quote(claim.path)}&sortOrder={order}&attributes=id"
                page = loaded(client.get(f"{kind.endpoint}?{query}"), 200)
                if [r["id"] for r in page["Resources"]] != [made[n] for n in numbers]:
                    faults.append(f"{kind.name} {claim.path} {order}")
    assert faults == []


def sortable(kind: Kind) -> list[Claim]:
    """One attribute of each kind, as far as order is concerned."""
    chosen: dict[Any, Claim] = {}
    for claim in visible(kind):
        mine, top = claim.published, claim.top
        if mine["type"] != "boolean" and mine["mutability"] == top["mutability"]:
            what = (claim.parent is None, mine["type"], mine["multiValued"], top["multiValued"])
            chosen.setdefault((*what, mine.get("caseExact"), claim.urn), claim)
    return list(chosen.values())


def probe_etag(client: Client, supported: bool) -> None:
    assert supported
    for kind in kinds(client):
        created = client.send("POST", kind.endpoint, kind.body(kind.required(1)))
        version = created.headers["ETag"]
        body = loaded(created, 201)
        assert body["meta"]["version"] == version
        address = f"{kind.endpoint}/{body['id']}"
        # What is derived from others can change without a version of its own, so it is left out.
        assert client.get(f"{address}?attributes=externalId", If_None_Match=version).status_code == 304
        add = {"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": "externalId", "value": "x"}]}
        for method, sent in {"PUT": kind.body(kind.required(1)), "PATCH": add, "DELETE": None}.items():
            assert_error(client.send(method, address, sent, {"If-Match": 'W/"0.0"'}), 412)
        assert client.get(address).headers["ETag"] == version
        changed = client.send("PATCH", address, add, {"If-Match": version})
        assert changed.headers["ETag"] != version


def probe_password(client: Client, supported: bool) -> None:
    """A password is accepted, since clients send one, and nothing comes of it."""
    assert not supported
    for kind in kinds(client):
        for claim in (c for c in kind.attributes if c.published["name"] == "password"):
            address = f"{kind.endpoint}/{create(client, kind, kind.required(1), [(claim, 'first')])['id']}"
            before = client.get(address).data
            assert patch(client, address, {"op": "replace", "path": claim.path, "value": "second"}).status_code == 200
            assert client.get(address).data == before


def probe_index(client: Client, supported: bool) -> None:
    assert supported
    ids = devices(client, 3)
    page = loaded(client.get("/Devices?startIndex=2&count=1"), 200)
    assert ([r["id"] for r in page["Resources"]], page["startIndex"], page["totalResults"]) == ([ids[1]], 2, 3)


def probe_cursor(client: Client, supported: bool) -> None:
    assert supported
    ids = devices(client, 3)
    first = loaded(client.get("/Devices?cursor=&count=2"), 200)
    second = loaded(client.get(f"/Devices?cursor={first['nextCursor']}&count=2"), 200)
    assert [r["id"] for page in (first, second) for r in page["Resources"]] == ids
    assert "nextCursor" not in second


def probe_default_method(client: Client, method: str) -> None:
    devices(client, 2)
    page = loaded(client.get("/Devices?count=1"), 200)
    assert ("nextCursor" in page, "startIndex" in page) == (method == "cursor", method == "index")


def probe_default_size(client: Client, size: int) -> None:
    devices(client, size + 1)
    for query in ("", "?cursor="):
        assert loaded(client.get(f"/Devices{query}"), 200)["itemsPerPage"] == size


def probe_largest_page(client: Client, size: int) -> None:
    devices(client, size + 1)
    for query in ("", "&cursor="):
        assert loaded(client.get(f"/Devices?count={size + 1}{query}"), 200)["itemsPerPage"] == size


def probe_cursor_timeout(client: Client, seconds: int) -> None:
    devices(client, 2)
    cursor = loaded(client.get("/Devices?cursor=&count=1"), 200)["nextCursor"]
    assert client.get(f"/Devices?cursor={cursor}&count=1").status_code == 200
    time.sleep(seconds + 0.1)
    assert_error(client.get(f"/Devices?cursor={cursor}&count=1"), 400, "expiredCursor")


def devices(client: Client, number: int) -> list[str]:
    """The ids of so many new devices."""
    (kind,) = (kind for kind in kinds(client) if kind.name == "Device")
    return [create(client, kind, kind.required(n))["id"] for n in range(1, number + 1)]


def probe_schemes(client: Client, schemes: list[dict[str, Any]]) -> None:
    """The schemes that are named let a request in, and no other does."""
    assert [scheme["type"] for scheme in schemes] == ["oauthbearertoken"]
    assert client.get("/Users").status_code == 200
    anonymous = Client(client.app, None)
    basic = base64.b64encode(f"user:{client.token}".encode()).decode()
    for header in ({}, {"Authorization": f"Basic {basic}"}, {"Authorization": f"Digest username={client.token}"}):
        answer = anonymous.send("GET", "/Users", headers=header)
        assert_error(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


PROBES: Mapping[str, Callable[[Client, Any], None]] = {
    "patch.supported": probe_patch,
    "bulk.supported": probe_bulk,
    "bulk.maxOperations": probe_most_operations,
    "bulk.maxPayloadSize": probe_largest_payload,
    "filter.supported": probe_filter,
    "filter.maxResults": probe_most_results,
    "changePassword.supported": probe_password,
    "sort.supported": probe_sort,
    "etag.supported": probe_etag,
    "authenticationSchemes": probe_schemes,
    "pagination.cursor": probe_cursor,
    "pagination.index": probe_index,
    "pagination.defaultPaginationMethod": probe_default_method,
    "pagination.defaultPageSize": probe_default_size,
    "pagination.maxPageSize": probe_largest_page,
    "pagination.cursorTimeout": probe_cursor_timeout,
}


def claims_of(client: Client) -> dict[str, Any]:
    """What the server says that it can, by the path of the member."""
    document = loaded(client.get("/ServiceProviderConfig"), 200)
    claimed: dict[str, Any] = {}
    for name, member in document.items():
        if isinstance(member, dict):
            claimed |= {f"{name}.{sub}": value for sub, value in member.items()}
        else:
            claimed[name] = member
    return {path: value for path, value in claimed.items() if path != "schemas" and not path.startswith("meta.")}


@pytest.mark.req("R-DISC-13", "R-SPC-01", "R-SPC-04", "R-CUR-13", "R-EVT-21", "R-ROLE-05")
def test_every_claim_of_the_configuration_has_a_probe(client: Client) -> None:
    """So there is no word of events, nor of definitions of roles."""
    assert claims_of(client).keys() == PROBES.keys()
    assert client.get("/Roles").status_code == client.get("/Entitlements").status_code == 404


@pytest.mark.req("R-DISC-13", "R-PATCH-01", "R-FILT-01", "R-SORT-01", "R-ETAG-01", "R-BULK-02", "R-AUTH-24")
@pytest.mark.parametrize("path", PROBES)
def test_the_configuration_says_what_is_so(client: Client, path: str) -> None:
    PROBES[path](client, claims_of(client)[path])
