"""Takes away again what a scenario made."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Final

from conformance.exchange import Withheld
from conformance.made import Made
from conformance.session import Session
from conformance.templates import percent

CLEANERS: Final = 4
"""Requests at once that remove what a scenario made."""


def remove(session: Session, made: Iterable[Made]) -> None:
    """Delete what was made, the last first, so that groups go before their members; what stays is a leftover."""
    for _, alike in groupby(reversed(list(made)), lambda one: one.endpoint):
        with ThreadPoolExecutor(CLEANERS) as pool:
            list(pool.map(partial(_remove, session), alike))


def _remove(session: Session, made: Made) -> None:
    if made.address and _delete(session, made.address):
        return
    for address in _addresses(session, made):
        _delete(session, address)


def _delete(session: Session, address: str) -> bool:
    """Whether it was one of ours: only then is it deleted, or left over."""
    try:
        response = session.exchange("DELETE", address, session.signed, None).response
    except Withheld:
        return False
    if response is None or not (response.is_success or response.status in (404, 410)):
        session.leave(address)
    return True


def _addresses(session: Session, made: Made) -> list[str]:
    """Where resources are that bear a name of ours. A server may ignore filters: only equal names count."""
    if made.name is None:
        return []
    attribute, name = made.name
    wanted = f'{attribute} eq "{name}"'
    target = f"{made.endpoint}?filter={percent(wanted)}"
    response = session.exchange("GET", target, session.signed, None).response
    body = response and response.json()
    found = body.get("Resources") if isinstance(body, dict) else None
    return [
        f"{made.endpoint}/{percent(str(one['id']))}"
        for one in (found if isinstance(found, list) else ())
        if isinstance(one, dict) and one.get(attribute) == name and one.get("id")
    ]
