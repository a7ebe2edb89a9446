"""Formats of text values: what RFC 7643 section 4.1 asks of countries, languages, addresses, numbers and certificates.

A binding names the format of a path; nothing here knows an attribute. Only a dialect without ANY_FORMAT looks at them
(C-26, R-USER-05), and a value that was there already passes: nobody is refused for what somebody else stored.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from scim_server.domain.elements import as_list
from scim_server.domain.resource import Attributes
from scim_server.domain.schema import Format, ResourceType, path_key
from scim_server.errors import InvalidValue


def check_formats(resource_type: ResourceType, before: Attributes, after: Attributes) -> None:
    """Raises InvalidValue for a new value that is not in the format of its path, and names the path."""
    for urn, name, sub, form in resource_type.formatted:
        unfit = [value for value in _values(after, urn, name, sub) if not form.fits(value)]
        if unfit and not set(_values(before, urn, name, sub)).issuperset(unfit):
            raise InvalidValue(f"{path_key(urn, name, sub)}: expected {form.expected}.")


def listed(name: str, expected: str, words: Iterable[str]) -> Format:
    """The format of a value that is one of these words, in any case."""
    known = frozenset(map(_lower, words))
    return Format(name, expected, lambda text: _lower(text) in known)


def is_language_tag(text: str) -> bool:
    """Whether it is a well-formed language tag (RFC 5646 section 2.1), or one with underscores (R-I18N-10)."""
    tag = _lower(text.replace("_", "-"))
    if tag in _GRANDFATHERED:
        return True
    found = _LANGTAG.fullmatch(tag)
    if found is None:
        return bool(_PRIVATE_USE.fullmatch(tag))
    singletons = _SINGLETON.findall(found["extensions"])
    variants = found["variants"].split("-")[1:]
    return all(len(set(parts)) == len(parts) for parts in (singletons, variants))


def is_accept_language(text: str) -> bool:
    """Whether it is a value of Accept-Language (RFC 9110 section 12.5.4): language ranges, some with a weight."""
    return bool(_ACCEPT_LANGUAGE.fullmatch(text))


def is_email(text: str) -> bool:
    """Whether it is a Mailbox (RFC 5321 section 4.1.2) of at most 254 octets; beyond ASCII as RFC 6531 has it."""
    local, at, domain = text.rpartition("@")
    if not at or _octets(text) > _MAILBOX or _octets(local) > _LOCAL_PART:
        return False
    if not (_DOT_STRING.fullmatch(local) or _QUOTED_STRING.fullmatch(local)):
        return False
    return bool(_DOMAIN.fullmatch(domain) or _ADDRESS_LITERAL.fullmatch(domain))


def is_telephone_number(text: str) -> bool:
    """Whether it is a tel URI (RFC 3966 section 3), or the digits of one alone, as RFC 7643 section 8.2 writes them."""
    if text[:4].lower() != "tel:":
        return bool(_DIGITS.fullmatch(text))
    number, *parameters = text[4:].split(";")
    if not all(map(_TEL_PARAMETER.fullmatch, parameters)):
        return False
    has_context = any(parameter.lower().startswith("phone-context=") for parameter in parameters)
    return bool((_LOCAL_NUMBER if has_context else _GLOBAL_NUMBER).fullmatch(number))


def is_uri(text: str) -> bool:
    """Whether it has the characters of a URI or a relative reference (RFC 3986 section 4.1)."""
    return bool(_URI_REFERENCE.fullmatch(text))


def is_certificate(text: str) -> bool:
    """Whether it is base64 of exactly one DER value with the outline of an X.509 certificate (RFC 5280 section 4.1): a
    sequence of the part that is signed, an algorithm and a signature.
    """
    padded = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        der = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
        ((tag, content),) = _der(memoryview(der))
        # Whatever follows the three is one too many: a value of a million parts is not walked through.
        parts = list(islice(_der(content), 4)) if tag == _SEQUENCE else []
    except (binascii.Error, ValueError):
        return False
    return [tag for tag, _ in parts] == [_SEQUENCE, _SEQUENCE, _BIT_STRING]


_LANGTAG: Final = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})"
    r"(?:-[a-z]{4})?"
    r"(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)"
    r"(?P<extensions>(?:-[a-wyz0-9](?:-[a-z0-9]{2,8})+)*)"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?"
)
_PRIVATE_USE: Final = re.compile(r"x(?:-[a-z0-9]{1,8})+")
_SINGLETON: Final = re.compile(r"-([a-z0-9])(?=-)")
_GRANDFATHERED: Final = frozenset(
    {
        *("en-gb-oed", "i-ami", "i-bnn", "i-default", "i-enochian", "i-hak", "i-klingon", "i-lux", "i-mingo"),
        *("i-navajo", "i-pwn", "i-tao", "i-tay", "i-tsu", "sgn-be-fr", "sgn-be-nl", "sgn-ch-de", "art-lojban"),
        *("cel-gaulish", "no-bok", "no-nyn", "zh-guoyu", "zh-hakka", "zh-min", "zh-min-nan", "zh-xiang"),
    }
)

_RANGE: Final = (
    r"(?:\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?:[ \t]*;[ \t]*[qQ]=(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?"
)
_ACCEPT_LANGUAGE: Final = re.compile(rf"{_RANGE}(?:[ \t]*,[ \t]*{_RANGE})*")

_MAILBOX, _LOCAL_PART = 254, 64
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_DOT_STRING: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_QUOTED_STRING: Final = re.compile(r'"(?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*"')
_LABEL: Final = r"[A-Za-z0-9\u0080-\U0010ffff](?:[A-Za-z0-9\u0080-\U0010ffff-]{0,61}[A-Za-z0-9\u0080-\U0010ffff])?"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ADDRESS_LITERAL: Final = re.compile(r"\[[!-Z^-~]+\]")

_DIGITS: Final = re.compile(r"\+?[().-]*[0-9*#][0-9*#().-]*")
_GLOBAL_NUMBER: Final = re.compile(r"\+[().-]*[0-9][0-9().-]*")
_LOCAL_NUMBER: Final = re.compile(r"[().-]*[0-9A-Fa-f*#][0-9A-Fa-f*#().-]*")
_TEL_PARAMETER: Final = re.compile(r"[A-Za-z0-9-]+(?:=(?:[A-Za-z0-9\[\]/:&+$_.!~*'()-]|%[0-9A-Fa-f]{2})+)?")

_URI_REFERENCE: Final = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")

_SEQUENCE, _BIT_STRING = 0x30, 0x03
_LONG_LENGTH: Final = 0x80


def _values(attributes: Attributes, urn: str | None, name: str, sub: str | None) -> Iterator[str]:
    held = (attributes.get(urn, {}) if urn else attributes).get(name)
    for element in as_list(held):
        yield from as_list(element.get(sub) if sub and isinstance(element, dict) else element)


def _octets(text: str) -> int:
    return len(text.encode())


def _lower(text: str) -> str:
    """The text in lower case, where it is ASCII: the lower case of the Kelvin sign is the letter k."""
    return text.lower() if text.isascii() else text


def _der(octets: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The values that follow each other in DER (X.690 section 10.1): tag and content, none of it copied. Raises
    ValueError where they do not end where the octets do.
    """
    while octets:
        tag, length, head = octets[0], *_der_length(octets)
        if head + length > len(octets):
            raise ValueError("the value ends too early")
        yield tag, octets[head : head + length]
        octets = octets[head + length :]


def _der_length(octets: memoryview) -> tuple[int, int]:
    """The length of the first value's content, and of what stands before it; in as few octets as can be."""
    if len(octets) < 2:
        raise ValueError("there is no length")
    if octets[1] < _LONG_LENGTH:
        return octets[1], 2
    head = 2 + octets[1] - _LONG_LENGTH
    length = int.from_bytes(octets[2:head])
    if len(octets) < head or length < _LONG_LENGTH or octets[2] == 0:
        raise ValueError("the length is no length of DER")
    return length, head


FORMATS: Final = (
    Format("accept-language", "languages as in Accept-Language, such as en-US, en;q=0.8", is_accept_language),
    Format("certificate", "base64 of one DER certificate", is_certificate),
    Format("email", "an e-mail address as in RFC 5321", is_email),
    Format("language-tag", "a language tag as in RFC 5646, such as en-US", is_language_tag),
    Format("telephone-number", "a number as in RFC 3966, such as tel:+1-201-555-0123", is_telephone_number),
    Format("uri", "a URI", is_uri),
)
