"""What is done about 429: a server that has too much to do says when to come back."""

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from conformance.exchange import Request, Response, Transport
from conformance.span import Span


@dataclass(frozen=True, slots=True)
class Patience:
    """Repeats what was answered 429, after the time that the answer asks for, as connectors do.

    At most `attempts` times, and never waiting more than `longest` seconds for one; after that the 429 is the answer.
    """

    attempts: int = 5
    longest: float = 60.0

    def send(self, transport: Transport, request: Request, span: Span) -> Response:
        """The answer, or the last one of those that asked to wait: for longer than `span` leaves, nobody waits."""
        for _ in range(self.attempts):
            response = transport.send(request)
            wait = retry_after(response)
            if wait is None or wait > min(self.longest, span.left):
                return response
            span.pause(wait)
            if not span.left:
                return response
        return transport.send(request)


def retry_after(response: Response, now: float | None = None) -> float | None:
    """The seconds that a 429 asks to wait, 1 if it does not say (RFC 9110 section 10.2.3); None for other answers."""
    if response.status != 429:
        return None
    text = response.headers.get("retry-after", "")
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except ValueError:
        return 1.0
    return max(0.0, moment - (time.time() if now is None else now))
