"""Requests and answers as text, as they stand on the wire but for JSON, which is laid out."""

import json
from collections.abc import Mapping

from conformance.exchange import Exchange, Request, Response
from conformance.reports.characters import clipped, visible


def sent(request: Request, most: int) -> str:
    """Request line, headers and body, of which `most` characters are shown."""
    return _message(f"{request.method} {request.target} HTTP/1.1", request.headers, request.body or b"", most)


def received(response: Response, most: int) -> str:
    """Status line, headers and body, of which `most` characters are shown."""
    return _message(f"HTTP/1.1 {response.status}", response.headers, response.body, most)


def outcome(exchange: Exchange) -> str:
    """What came back, in a word or two: the status, or why there is none."""
    return str(exchange.response.status) if exchange.response else visible(exchange.fault or "no answer")


def text(exchange: Exchange, most: int) -> str:
    """A request and its answer, one below the other."""
    answer = received(exchange.response, most) if exchange.response else outcome(exchange)
    return f"{sent(exchange.request, most)}\n\n{answer}"


def _message(line: str, headers: Mapping[str, str], body: bytes, most: int) -> str:
    head = "\n".join([line, *(f"{name}: {value}" for name, value in headers.items())])
    return visible(f"{head}\n\n{clipped(_laid_out(body), most)}" if body else head)


def _laid_out(body: bytes) -> str:
    """JSON with a line for each member, anything else as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
