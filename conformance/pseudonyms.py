"""Made-up values for those of people: of the same form, equal where they were equal, different where they differed."""

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from conformance.masking import SECRETS
from conformance.templates import FILTERS, PLACEHOLDER

ETAG: Final = re.compile(r'((?:W/)?")([^"]*)"')
EMAIL: Final = re.compile(r"([^@\s]+)@[^@\s]+")
UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
URL: Final = re.compile(r"(?i)(https?)://\S+")
SCHEME: Final = re.compile(r"(?i)(tel|sips?|mailto):(?=.)")
DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:(T\d{2}:\d{2}:\d{2}(?:\.\d+)?)(Z|[+-]\d{2}:\d{2})?)?")
CASES: Final = ("upper", "lower", "swapcase")
"""Filters that make another case of a value."""

ALPHABETS: Final = ("xyzabcdefghijklmnopqrstuvw", "XYZABCDEFGHIJKLMNOPQRSTUVW", "567891234", "éèêëàâçîôû", "ÉÈÊËÀÂÇÎÔÛ")
"""What letters and digits become: the first of each, and the next ones where that is taken."""


@dataclass(slots=True)
class _Family:
    """Values that are equal but for their case: the name of each, and what each is like when it is filled in.

    `first` is one of which the others can be made: if there is one, one in which both cases are.
    """

    first: str
    name: str
    names: dict[str, str]
    texts: set[str]


class Pseudonyms:
    """Which placeholder stands for which value; `let` is what the placeholders stand for.

    `originals` are all the values that there are: none of them is made up by chance. `distinctive` are those that
    must be nobody else's wherever the scenario is played (names), in any case.
    """

    def __init__(self, originals: Iterable[str], distinctive: Iterable[str]) -> None:
        self.let: dict[str, str] = {}
        self._bases: dict[str, str] = {}
        for value in originals:
            base = self._bases.setdefault(value.casefold(), value)
            if base in (base.lower(), base.upper()):
                self._bases[value.casefold()] = value
        self._taken = set(self._bases)
        self._distinctive = {value.casefold() for value in distinctive}
        self._families: dict[str, _Family] = {}
        self._saved: dict[str, str] = {}
        self._saved_in_any_case: set[str] = set()
        self._latest: dict[str, str] = {}
        self._numbers: dict[float, float] = {}

    def save(self, value: str, placeholder: str) -> None:
        """From now on `placeholder` stands for what a server gave out."""
        self._saved.setdefault(value, placeholder)
        self._saved_in_any_case.add(value.casefold())

    def saved(self, value: str) -> str | None:
        """The placeholder of what a server gave out, in this case or in another one."""
        if value in self._saved:
            return self._saved[value]
        if value.casefold() not in self._saved_in_any_case:
            return None
        for other in (value.lower(), value.upper(), value.swapcase()):
            known = self._saved.get(other, "|")
            case = next((case for case in CASES if FILTERS[case](other) == value), None)
            if case and "|" not in known:
                return f"{known[:-2]}|{case}}}}}"
        return None

    def knows(self, value: str) -> bool:
        """Whether something stands for the value already."""
        return value in self._saved or value.casefold() in self._families

    def of(self, value: str, key: str) -> str:
        """The placeholder of a value that stands under `key`."""
        saved = self.saved(value)
        if saved:
            return saved
        family = self._families.get(value.casefold())
        if family is None:
            base = self._bases.get(value.casefold(), value)
            name = self._made(base, key)
            family = _Family(base, name, {base: name}, {_filled(self.let[name])})
            self._families[value.casefold()] = family
        if value not in family.names:
            family.names[value] = self._variant(family, value, key)
        return f"{{{{{family.names[value]}}}}}"

    def number(self, value: float) -> float:
        """A number of as many digits; what no JSON can hold becomes one that it can."""
        if value not in self._numbers:
            text = "5" if not math.isfinite(value) else _digits(abs(value))
            made: float = json.loads(self._free(text))
            self._numbers[value] = -made if value < 0 else made
        return self._numbers[value]

    def quoted(self, placeholder: str) -> str:
        """The placeholder of the value as a filter writes it: in quotes, with what must be escaped."""
        name = placeholder[2:-2]
        if name not in self.let:
            return f'"{placeholder}"'
        self.let[f"{name}_quoted"] = f"{{{{{name}|quoted}}}}"
        return f"{{{{{name}_quoted}}}}"

    def _made(self, value: str, key: str) -> str:
        """The name of a value that nothing stood for."""
        name = f"value{len(self._families) + 1}"
        while name in self.let:
            name += "_other"
        self.let[name] = self._form(value, key)
        return name

    def _variant(self, family: _Family, value: str, key: str) -> str:
        """The name of a value in another case; the case that it has if the made-up value has it to give."""
        first = _filled(self.let[family.name])
        for case in sorted(CASES, key=lambda case: FILTERS[case](family.first) != value):
            text = FILTERS[case](first)
            if text not in family.texts:
                family.texts.add(text)
                name = f"{family.name}_{case}"
                self.let[name] = f"{{{{{family.name}|{case}}}}}"
                return name
        return self._made(value, key)

    # Forms ------------------------------------------------------------------------------------------------------------

    def _form(self, value: str, key: str) -> str:
        number = len(self.let) + 1
        if key.rpartition(".")[2] in SECRETS:
            return "Xx5-{{uuid}}"
        for expression, form in FORMS.items():
            match = expression.fullmatch(value)
            if match:
                return form(self, match, number)
        scheme = SCHEME.match(value)
        prefix = scheme[0].lower() if scheme else ""
        rest = value.removeprefix(scheme[0]) if scheme else value
        if value.casefold() in self._distinctive:
            return f"{prefix}{self._free(rest)}{' ' if ' ' in value else '-'}{{{{unique}}}}-{number}"
        return prefix + self._free(rest)

    def _email(self, match: re.Match[str], number: int) -> str:
        local = self._free(match[1])
        is_mixed = local not in (local.lower(), local.upper())
        return f"{'' if is_mixed else _mixed(match[0])}{local}-{{{{unique}}}}-{number}@{{{{domain}}}}"

    def _etag(self, match: re.Match[str], number: int) -> str:
        return f'{match[1]}{self._free(match[2] or "x")}"'

    def _url(self, match: re.Match[str], number: int) -> str:
        return f"{match[1].lower()}://{{{{domain}}}}/{_mixed(match[0])}{{{{unique}}}}-{number}"

    def _date(self, match: re.Match[str], number: int) -> str:
        day = date(2005, 5, 5) + timedelta(days=number)
        time = "" if match[1] is None else "T05:05:05.5" if "." in match[1] else "T05:05:05"
        return f"{day}{time}{match[2] or ''}"

    def _uuid(self, match: re.Match[str], number: int) -> str:
        return "{{uuid}}"

    def _free(self, value: str) -> str:
        """A text of that form that is nobody's yet."""
        first = re.sub(r"\{(?=\{)", "{ ", "".join(map(_masked, value)))
        text = self._latest.get(first, first)
        while text.casefold() in self._taken:
            text = _next(text)
        self._taken.add(text.casefold())
        self._latest[first] = text
        return text


FORMS: Final[dict[re.Pattern[str], Callable[[Pseudonyms, re.Match[str], int], str]]] = {
    UUID: Pseudonyms._uuid,
    URL: Pseudonyms._url,
    EMAIL: Pseudonyms._email,
    ETAG: Pseudonyms._etag,
    DATE: Pseudonyms._date,
}
"""Forms that servers check."""


def _masked(character: str) -> str:
    """A character of the same kind; what is written around letters and digits in ASCII stays."""
    if character.isascii() and not character.isalnum():
        return character
    if character.isspace():
        return " "
    if character.isnumeric():
        return "5"
    lower, upper = ("x", "X") if character.isascii() else ("é", "É")
    return upper if character.isupper() else lower


def _mixed(value: str) -> str:
    """What a made-up value begins with, so that it has both cases where `value` has."""
    return "" if value in (value.lower(), value.upper()) else "Xx"


def _digits(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6f}"


def _next(text: str) -> str:
    """The text after this one, of the same form; a longer one after the last."""
    characters = list(text)
    for position in reversed(range(len(characters))):
        alphabet = next((alphabet for alphabet in ALPHABETS if characters[position] in alphabet), "")
        if not alphabet:
            continue
        at = (alphabet.index(characters[position]) + 1) % len(alphabet)
        characters[position] = alphabet[at]
        if at:
            return "".join(characters)
    return "".join(characters) + "5"


def _filled(form: str) -> str:
    """What a form is like when its placeholders are filled: in small letters."""
    return PLACEHOLDER.sub("c1", form)
