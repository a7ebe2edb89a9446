"""Effects are carried out in one order, are told of, and what the stock has none of says at which path."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.rules import Decision, Event, NumberChange, SeatChange, Wish
from scim_server.errors import Exhausted, InvalidValue, Uniqueness
from scim_server.service.context import Context, Effect
from scim_server.service.effects import Settlement, Subject, Withheld
from scim_server.storage.base import Transaction
from scim_server.storage.ledgers import Pool, Refused, Taking
from tests.registries import registry_of

NOW = "2026-11-21T10:00:00.000000000Z"
REGISTRY = registry_of()
USER = REGISTRY.named("User")
assert USER is not None


@dataclass
class Stock:
    """A transaction whose ledgers note what they are asked, and answer what they are told to."""

    taking: dict[str, Taking] = field(default_factory=dict)
    refused: Refused | None = None
    number: str | None = None
    has_ranges_: bool = True
    log: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def seats(self) -> "Stock":
        return self

    numbers = notes = outbox = seats

    def held(self, holder: str) -> list[str]:
        return ["b", "d"]

    def free(self, key: str, holder: str, waiting: str | None, now: str) -> str | None:
        self.log.append(("free", key))
        return "heir" if key == "d" else None

    def take(self, key: str, holder: str, *number: str) -> Any:
        self.log.append(("take", key))
        return self.refused if number else self.taking.get(key, Taking.TAKEN)

    def pool(self, key: str) -> Pool | None:
        return None

    def pools(self) -> list[Pool]:
        return []

    def release(self, number: str, holder: str, name: str, until: str) -> bool:
        self.log.append(("release", number, name, until))
        return True

    def allocate(self, holder: str, name: str, now: str) -> str | None:
        return self.number

    def has_ranges(self) -> bool:
        return self.has_ranges_

    def ranges(self, now: str) -> list[Any]:
        return []

    def put(self, resource_type: str, resource: str, kind: str, content: Any, now: str) -> None:
        self.log.append(("put", kind))

    def add(self, resource: str, path: str, value: str, now: str) -> None:
        self.log.append(("add", path, value))

    def drop(self, resources: Any, path: str) -> list[str]:
        self.log.append(("drop", path))
        return []

    def read(self, *_: Any) -> None:
        return None

    def attempt(self, work: Any) -> Any:
        return work()


def settlement(stock: Stock, made: Any = None) -> Settlement:
    context = Context(1, REGISTRY, Leniency(STRICT), "http://localhost")
    return Settlement(cast(Transaction, stock), context, NOW, made or {})


def wish(key: str) -> Wish:
    return Wish(key, key.upper(), "key")


def settle(stock: Stock, **wanted: Any) -> tuple[dict[str, Any], list[Effect]]:
    settling = settlement(stock)
    assert USER is not None
    attributes = settling.settle(Subject(USER, "me"), Decision({"userName": "ana"}, **wanted))
    return attributes, settling.context.effects


def line(*, take: str | None = None, optional: bool = False, path: str = "line") -> NumberChange:
    return NumberChange(path, None, take, take is None, "ana", 30, optional, "userName")


def test_seats_go_by_their_keys_then_the_number_then_what_is_told() -> None:
    stock = Stock({"c": Taking.EXHAUSTED})
    seats = SeatChange(free=(wish("d"), wish("b"), wish("e")), take=(wish("c"), wish("a")), pending="waits")
    number = NumberChange("line", "1", "2", False, "ana", 30, False, "userName")
    _, effects = settle(stock, seats=seats, number=number, events=(Event("told"),), reviewed=("review",), leaves=True)
    assert stock.log == [
        *[("drop", "review"), ("take", "a"), ("free", "b"), ("take", "c"), ("add", "waits", "c"), ("free", "d")],
        *[("free", "e"), ("release", "1", "ana", "2026-12-21T10:00:00.000000000Z"), ("take", "2"), ("put", "told")],
    ]
    assert [(each.kind, each.resource, each.value) for each in effects] == [
        ("seat taken", "me", "a"),
        ("seat freed", "me", "b"),
        ("seat awaited", "me", "c"),
        ("seat freed", "me", "d"),
        ("seat passed on", "heir", "d"),
        ("number released", "me", "1"),
        ("number taken", "me", "2"),
        ("deactivated", "me", ""),
        ("event", "me", "told"),
    ]


@pytest.mark.parametrize("path", ["line", "urn:x:line"])
def test_a_number_that_is_allocated_stands_at_its_path(path: str) -> None:
    attributes, effects = settle(Stock(number="100"), number=line(path=path))
    assert attributes == {"userName": "ana", **({"line": "100"} if path == "line" else {"urn:x": {"line": "100"}})}
    assert effects == [Effect("number allocated", "me", "100")]


# what the stock answers, what is wanted, the error, its text
WITHHELD: list[tuple[Stock, dict[str, Any], type[Exception], str]] = [
    (Stock({"a": Taking.EXHAUSTED}), {"seats": SeatChange(take=(wish("a"),))}, Exhausted, "the licence pool 'A' has"),
    (
        Stock({"a": Taking.UNKNOWN}),
        {"seats": SeatChange(take=(wish("a"),), new=(wish("a"),))},
        InvalidValue,
        "key: there is no licence pool 'A'; there are no licence pools yet.",
    ),
    (Stock(), {"seats": SeatChange(new=(wish("a"),))}, InvalidValue, "there are no licence pools yet"),
    (Stock(refused=Refused()), {"number": line(take="1")}, InvalidValue, "'1' is in no range; there are no ranges of"),
    (Stock(refused=Refused("x")), {"number": line(take="1")}, Uniqueness, "line: '1' belongs to another User."),
    (Stock(), {"number": line()}, Exhausted, "line: no number is free; the ranges are exhausted."),
    (Stock(), {"number": line(optional=True)}, Exhausted, "the ranges are exhausted"),
]


@pytest.mark.parametrize(("stock", "wanted", "error", "text"), WITHHELD)
def test_what_there_is_none_of_is_withheld(
    stock: Stock, wanted: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(Withheld) as caught:
        settle(stock, **wanted)
    assert isinstance(caught.value.error, error)
    assert text in str(caught.value)
    assert caught.value.path in ("key", "line")


def test_what_is_optional_is_a_plain_value_while_there_is_no_stock() -> None:
    seats = SeatChange(take=(wish("a"),), new=(wish("a"),), optional=True)
    assert settle(Stock({"a": Taking.UNKNOWN}), seats=seats) == ({"userName": "ana"}, [])
    assert settle(Stock(refused=Refused()), number=line(take="1", optional=True)) == ({"userName": "ana"}, [])
    assert settle(Stock(has_ranges_=False), number=line(optional=True)) == ({"userName": "ana"}, [])


def test_the_holder_of_a_number_may_be_about_to_be_stored_and_other_refusals_stay_as_they_are() -> None:
    settling = settlement(Stock(), {"x": {"userName": "bob"}})
    assert USER is not None
    told = settling.told(USER, line(take="1"), Uniqueness("taken", path="line", holder="x"))
    assert told.detail == "line: '1' belongs to 'bob'."
    for error in (Uniqueness("taken", path="userName", holder="x"), Uniqueness("taken", path="line"), Uniqueness()):
        assert settling.told(USER, line(take="1"), error) is error
    assert settling.told(USER, None, error) is error


def test_what_an_attempt_did_before_it_failed_is_no_effect() -> None:
    settling = settlement(Stock())
    settling.context.effects.append(Effect("event", "other"))

    def work() -> None:
        settling.context.effects.append(Effect("event", "me"))
        raise InvalidValue("no")

    with pytest.raises(InvalidValue):
        settling.attempt(work)
    assert settling.context.effects == [Effect("event", "other")]
