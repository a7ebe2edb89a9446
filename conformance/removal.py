"""Takes away again what a scenario made."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from conformance.exchange import Withheld
from conformance.made import Made
from conformance.session import Session
from conformance.span import Span
from conformance.templates import percent

CLEANERS: Final = 4
"""Requests at once that remove what a scenario made."""

WAITING: Final = 20.0
"""Seconds, for a scenario, that the removal waits for a server that has too much to do."""


def remove(session: Session, made: Iterable[Made]) -> None:
    """Delete what was made, the last first, so that groups go before their members; what stays is a leftover."""
    removal = Removal(session, Span(WAITING, session.stop.of_cleaning))
    for _, alike in groupby(reversed(list(made)), lambda one: one.endpoint):
        with ThreadPoolExecutor(CLEANERS) as pool:
            list(pool.map(removal.take, alike))


@dataclass(frozen=True, slots=True)
class Removal:
    """What takes away; until `span` is over it waits for a server that has too much to do."""

    session: Session
    span: Span

    def take(self, made: Made) -> None:
        """Delete it, wherever it is; a run that is to end at once leaves it there and says so."""
        if self.session.stop.of_cleaning.is_set():
            self.session.leave(_described(made))
        elif not (made.address and self._delete(made.address)):
            for address in self._addresses(made):
                self._delete(address)

    def _delete(self, address: str) -> bool:
        """Whether it was one of ours: only then is it deleted, or left over."""
        try:
            response = self.session.exchange("DELETE", address, self.session.signed, None, self.span).response
        except Withheld:
            return False
        if response is None or not (response.is_success or response.status in (404, 410)):
            self.session.leave(address)
        return True

    def _addresses(self, made: Made) -> list[str]:
        """Where resources are that bear a name of ours. A server may ignore filters: only equal names count."""
        if made.name is None:
            return []
        attribute, name = made.name
        wanted = f'{attribute} eq "{name}"'
        target = f"{made.endpoint}?filter={percent(wanted)}"
        response = self.session.exchange("GET", target, self.session.signed, None, self.span).response
        body = response and response.json()
        found = body.get("Resources") if isinstance(body, dict) else None
        return [
            f"{made.endpoint}/{percent(str(one['id']))}"
            for one in (found if isinstance(found, list) else ())
            if isinstance(one, dict) and one.get(attribute) == name and one.get("id")
        ]


def _described(made: Made) -> str:
    """By its name, where it has one: an address may be that of somebody else, whom nobody should remove by hand."""
    if made.name is None:
        return made.address or made.endpoint
    attribute, name = made.name
    return f"{made.endpoint} with the {attribute} {name}"
