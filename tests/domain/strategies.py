"""Generated payloads and operations for the attributes of a resource type: right ones, and ones that are wrong."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from scim_server.domain import coerce
from scim_server.domain.dialect import Dialect, Leniency, Tolerance
from scim_server.domain.resource import Attributes
from scim_server.domain.schema import VALUE, Attribute, AttributeType, Json, Kept, ResourceType
from tests.domain.device import DEVICE

TOLERANT = Dialect("tolerant", frozenset(Tolerance))

WORDS = st.sampled_from(["a", "A", "b", "work", "home", "é", "É", "ｗork", "a b", "%", '"', "\\", "1", "true"])
TEXTS = st.one_of(
    WORDS, st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)
)

OF_TYPE: dict[AttributeType, st.SearchStrategy[Json]] = {
    AttributeType.STRING: TEXTS,
    AttributeType.REFERENCE: st.one_of(TEXTS, st.just("https://example.com/v2/Devices/1")),
    AttributeType.BOOLEAN: st.booleans(),
    AttributeType.INTEGER: st.one_of(st.integers(-2, 2), st.integers(-(2**63), 2**63 - 1)),
    AttributeType.DECIMAL: st.one_of(
        st.integers(-2, 2), st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-9, max_value=9)
    ),
    AttributeType.DATE_TIME: st.sampled_from(
        ["2026-01-02T03:04:05Z", "2026-01-02T04:04:05+01:00", "2026-01-02T03:04:05.5"]
    ),
    AttributeType.BINARY: st.sampled_from(["AQ", "AQ==", "-_8=", "+/8"]),
}

JUNK: st.SearchStrategy[Json] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.just(Decimal("1.0")),
        WORDS,
        st.sampled_from(["", "True", "false", "12", "1.5", "work"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["value", "VALUE", "type", "primary", "display", "street", "shoe"]), inner, max_size=3
        ),
    ),
    max_leaves=5,
)


def cased(name: str) -> st.SearchStrategy[str]:
    """The name as it is, mostly, or in another case."""
    return st.sampled_from([name, name, name, name.upper()])


def single(attribute: Attribute) -> st.SearchStrategy[Json]:
    """One value that fits the attribute."""
    if not attribute.is_complex:
        return OF_TYPE[attribute.type]
    needed = {sub.name for sub in attribute.sub_attributes if sub.required}
    if attribute.kept is Kept.ROWS:
        needed.add(VALUE)
    optional = {sub.name: value(sub) for sub in attribute.sub_attributes if sub.name not in needed}
    return st.fixed_dictionaries(dict.fromkeys(sorted(needed), WORDS), optional=optional).filter(bool)


def value(attribute: Attribute) -> st.SearchStrategy[Json]:
    """A value that fits the attribute, as a whole."""
    return st.lists(single(attribute), max_size=3) if attribute.multi_valued else single(attribute)


def members(attributes: Sequence[Attribute]) -> st.SearchStrategy[dict[str, Json]]:
    """A few attributes with values."""
    by_name = {a.name: a for a in attributes}
    names = st.lists(st.sampled_from(sorted(by_name)), unique=True, max_size=6)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: value(by_name[name]) for name in chosen}))


@st.composite
def payloads(draw: st.DrawFn, resource_type: ResourceType = DEVICE) -> dict[str, Json]:
    """A body that is right for the resource type."""
    body = {"schemas": [resource_type.schema.id], **draw(members(resource_type.schema.attributes))}
    for attribute in resource_type.schema.attributes:
        if attribute.required:
            body[attribute.name] = draw(WORDS)
    for extension in resource_type.extensions:
        if draw(st.booleans()):
            body[extension.schema.id] = draw(members(extension.schema.attributes))
    return body


@st.composite
def states(draw: st.DrawFn, resource_type: ResourceType = DEVICE) -> Attributes:
    """The attributes of a stored resource, with what only the server writes among them."""
    state = coerce.body(draw(payloads(resource_type)), resource_type, Leniency(TOLERANT)).attributes
    for urn, schema in resource_type.containers:
        written = [a for a in schema.attributes if a.is_read_only and a.kept is Kept.DOCUMENT]
        for attribute in written:
            if draw(st.booleans()):
                container = state.setdefault(urn, {}) if urn else state
                container[attribute.name] = draw(OF_TYPE[attribute.type])
    return state


@st.composite
def paths(draw: st.DrawFn, resource_type: ResourceType = DEVICE) -> tuple[str | None, Attribute | None]:
    """A path as a client may write it, and the attribute that it means, if any."""
    urn, schema = draw(st.sampled_from([(None, resource_type.common), *resource_type.containers]))
    if urn is not None and draw(st.integers(0, 5)) == 0:
        return urn, None
    attribute = draw(st.sampled_from(schema.attributes))
    text = draw(cased(attribute.name))
    if urn is not None:
        text = f"{urn}:{text}"
    if draw(st.booleans()) and (attribute.is_complex or attribute.multi_valued):
        text += f"[{draw(filters(attribute))}]"
    if attribute.is_complex and draw(st.booleans()):
        attribute = draw(st.sampled_from(attribute.sub_attributes))
        text += f".{draw(cased(attribute.name))}"
    return draw(st.sampled_from([text, text, text, text, text, text, "shoe", "place.shoe", "a b", None])), attribute


@st.composite
def filters(draw: st.DrawFn, attribute: Attribute) -> str:
    """A filter on the elements of an attribute, mostly right."""
    subs = [sub.name for sub in attribute.sub_attributes] or ["value"]

    def term() -> str:
        operator = draw(st.sampled_from(["eq", "eq", "eq", "eq", "ne", "sw", "gt", "pr"]))
        sub = draw(st.sampled_from(subs))
        literal = draw(st.sampled_from(['"a"', '"work"', '"A"', "true", '"True"', "1", "null"]))
        return f"{sub} pr" if operator == "pr" else f"{sub} {operator} {literal}"

    joined = draw(st.sampled_from(["", "", " and ", " or "]))
    return f"{term()}{joined}{term()}" if joined else term()


@st.composite
def operations(draw: st.DrawFn, resource_type: ResourceType = DEVICE) -> dict[str, Any]:
    """One operation, right or wrong in any of its members."""
    verb = draw(st.sampled_from(["add", "remove", "replace", "add", "replace", "Add"]))
    path, attribute = draw(paths(resource_type))
    right = JUNK if attribute is None else st.one_of(value(attribute), single(attribute))
    given = draw(st.one_of(right, right, right, JUNK, payloads(resource_type)))
    operation: dict[str, Any] = {"op": verb}
    if path is not None:
        operation["path"] = path
    if verb != "remove" or draw(st.integers(0, 3)) == 0:
        operation["value"] = given
    return operation
