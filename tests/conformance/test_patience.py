"""What is done about 429: who is asked to come back does, for as long as there is time."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Event

import pytest

from conformance.exchange import Request, Response
from conformance.patience import Patience, retry_after
from conformance.span import Span

GET = Request("GET", "/v2/Users", {})


class Waited(Span):
    """A time in which nobody waits indeed: it notes for how long somebody would have."""

    def __init__(self, seconds: float = 1000.0, stop: Event | None = None) -> None:
        super().__init__(seconds, stop)
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Busy:
    """Answers 429 so many times, then 200."""

    def __init__(self, times: int, **headers: str) -> None:
        self.left = times
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.asked = 0

    def send(self, request: Request) -> Response:
        self.asked += 1
        self.left -= 1
        return Response(429, self.headers, b"", 0.0) if self.left >= 0 else Response(200, {}, b"", 0.0)


@pytest.mark.parametrize(
    ("headers", "waits"), [({"retry_after": "7"}, [7.0, 7.0]), ({}, [1.0, 1.0]), ({"retry_after": "soon"}, [1.0, 1.0])]
)
def test_what_is_answered_429_is_repeated_when_the_answer_says(headers: dict[str, str], waits: list[float]) -> None:
    span = Waited()
    assert Patience().send(Busy(2, **headers), GET, span).status == 200
    assert span.pauses == waits


def test_a_date_says_when_to_come_back() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    later = format_datetime(now + timedelta(seconds=9), usegmt=True)
    busy = Response(429, {"retry-after": later}, b"", 0.0)
    assert retry_after(busy, now.timestamp()) == 9.0
    assert retry_after(busy, now.timestamp() + 60) == 0.0
    assert retry_after(Response(503, {"retry-after": "9"}, b"", 0.0)) is None


def test_patience_ends() -> None:
    span, busy = Waited(), Busy(100, retry_after="1")
    assert Patience(attempts=3).send(busy, GET, span).status == 429
    assert (span.pauses, busy.asked) == ([1.0, 1.0, 1.0], 4)
    assert Patience().send(Busy(1, retry_after="61"), GET, span).status == 429
    assert len(span.pauses) == 3


def test_nobody_waits_for_longer_than_there_is_time() -> None:
    span, busy = Waited(5), Busy(100, retry_after="6")
    assert Patience().send(busy, GET, span).status == 429
    assert (span.pauses, busy.asked) == ([], 1)


def test_who_is_told_to_stop_while_waiting_does_not_ask_again() -> None:
    stop, busy = Event(), Busy(100, retry_after="0")
    stop.set()
    assert Patience().send(busy, GET, Span(1000, stop)).status == 429
    assert busy.asked == 1


def test_a_pause_is_over_when_the_time_is() -> None:
    span = Span(0.01)
    span.pause(60)
    assert span.left == 0
