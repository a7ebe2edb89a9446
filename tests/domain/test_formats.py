"""Formats of values: what each lets through, and that what is there already is nobody's fault."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest

from scim_server.catalog import formats
from scim_server.domain import formats as formats_of_domain
from scim_server.domain.formats import check_formats, listed
from scim_server.domain.resource import Attributes
from scim_server.errors import InvalidValue
from tests.domain.device import DESK, DEVICE

req = pytest.mark.req

CERTIFICATE = (
    "MIIBgTCCASegAwIBAgIUROUoNthp3VgD+hfO4ZfF5Wpn3jcwCgYIKoZIzj0EAwIwFjEUMBIGA1UEAwwLZXhhbXBsZS5jb20wHhcN"
    "MjYxMTIyMDEwNTQyWhcNMzYxMTE5MDEwNTQyWjAWMRQwEgYDVQQDDAtleGFtcGxlLmNvbTBZMBMGByqGSM49AgEGCCqGSM49AwEH"
    "A0IABHhagawOU5FX6wYydt9EVoUANxDAczrmfQ39FABWdWM+GSH9MKF4VvUR3jZ/p/EuH1CWo0iZcbOV+3TiQ9oMbkKjUzBRMB0G"
    "A1UdDgQWBBS6eudDKwx818GSIfJRyI+N9DcmUTAfBgNVHSMEGDAWgBS6eudDKwx818GSIfJRyI+N9DcmUTAPBgNVHRMBAf8EBTAD"
    "AQH/MAoGCCqGSM49BAMCA0gAMEUCIQDWSeI/E7dr53hGWroHxsYhekGIxoMx++fX0NdjuIxGvgIgBgh+H2Gt/YZl+2hnzHUyjtQo"
    "oVbazStyhWLhqT1nciY="
)
"""Self-signed, for example.com; its key is nowhere."""
DER = base64.b64decode(CERTIFICATE)
UUID = "0f0e1b5c-6a3f-4c3e-9b0a-2f6f1f6f9d11"


def text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


FITTING = {
    "country": ["US", "us", "DE", "CI"],
    "time-zone": [
        "America/Los_Angeles", "europe/berlin", "Europe/Kyiv", "Etc/UTC", "UTC", "America/Argentina/Buenos_Aires",
    ],
    "language-tag": [
        "en", "en-US", "en_US", "EN-us", "zh-Hant-TW", "zh-cmn-Hans-CN", "sl-rozaj-biske-1994", "de-CH-1901", "es-419",
        "de-a-value-b-foo", "en-u-ca-buddhist-x-private", "x-whatever", "i-klingon", "en-GB-oed", "qaa",
    ],
    "accept-language": [
        "en", "en-US", "*", "da, en-gb;q=0.8, en;q=0.7", "en-US,en;q=0.5,*;q=0", "fr ; q=1.000", "de;q=0.",
    ],
    "email": [
        "bjensen@example.com", "a.b+c@sub.example.co.uk", '"a b\\""@example.com', "root@localhost", "a@[192.0.2.1]",
        "a@[IPv6:2001:db8::1]", "jörg@müller.example", f"{'a' * 64}@example.com",
    ],
    "telephone-number": [
        "tel:+1-201-555-0123", "TEL:+1(201)555.0123", "tel:7042;phone-context=example.com",
        "tel:863-1234;phone-context=+1-914-555", "tel:+1-201-555-0123;ext=42", "tel:*21#;phone-context=+1",
        "555-555-5555", "+12015550123", "(201)555.0123", "42",
    ],
    "uri": ["https://photos.example.com/profilephoto/72930000000Ccne/F", "../Users/1", "urn:x:y", "/a?b=%20#c", "x"],
    "certificate": [CERTIFICATE, CERTIFICATE.rstrip("="), CERTIFICATE.replace("+", "-").replace("/", "_")],
}  # fmt: skip

UNFIT = {
    "country": ["", "USA", "United States", "XX", "UK", "U", " US", "\u212aE"],
    "time-zone": ["", "Mars/Olympus", "America", "GMT+1:00", "America/Los_Angeles ", "America/New_Yor\u212a", UUID],
    "language-tag": [
        "", "e", "en-", "-en", "en--US", "en-US-u", "en US", "en-US-1994-1994", "de-a-foo-a-bar", "x", "x-",
        "i-nothing", "abcdefghi", "en-verylongsubtag", "en.UTF-8", "español", "en-x", "\u212ao", f"{UUID}-", UUID,
    ],
    "accept-language": ["", "en;", "en;q=2", "en;q=0.1234", "en,,de", "en;q=1.5", "en_US", ",", "en de", "en-", "**"],
    "email": [
        "", "bjensen", "@example.com", "a@", "a b@example.com", ".a@example.com", "a.@example.com", "a..b@example.com",
        "a@-example.com", "a@example-.com", "a@example..com", "a@example.com.", "a@b@example.com", "a@[192.0.2.1",
        f"{'a' * 65}@example.com", f"a@{'b' * 64}.com", f"a@{'.'.join(['b' * 60] * 5)}", '"a"b"@example.com', UUID,
    ],
    "telephone-number": [
        "", "tel:", "tel:+", "+", "+1 201 555 0123", "tel:7042", "tel:+1-201;ext=;x", "tel:+1;=x", "call me",
        "tel:+1x2", "sip:42@example.com", "-", "tel:;phone-context=example.com", UUID,
    ],
    "uri": ["", "a b", "https://example.com/<x>", "%", "%zz", "é", 'x"'],
    "certificate": [
        "", "AQ==", "not base64", text(DER[:-1]), text(DER + b"\0"), text(DER + DER), text(b"\x30\0"),
        text(b"\x30\x80" + DER[4:] + b"\0\0"), text(b"\x31" + DER[1:]), text(b"\x30\x83\0" + DER[2:]),
        text(b"\x30\x81\x04\x30\0\x30\0"), text(b"\x30\x06\x30\0\x30\0\x04\0"), text(bytes(range(16))),
        text(b"\x30\x06\x30\0\x30\0\x03"), text(b"\x30\xff" + DER[2:]), text(b"\x30\x82\x01"),
    ],
}  # fmt: skip


def cases(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, values in table.items() for value in values]


@req("C-26", "R-USER-04", "R-USER-05", "R-USER-06", "R-USER-07", "R-USER-09", "R-I18N-10")
@pytest.mark.parametrize(("name", "value"), cases(FITTING))
def test_a_value_in_the_format_fits(name: str, value: str) -> None:
    assert formats.known()[name].fits(value)


@req("C-26", "R-USER-04", "R-USER-05", "R-USER-06", "R-USER-07", "R-USER-09")
@pytest.mark.parametrize(("name", "value"), cases(UNFIT))
def test_a_value_in_another_form_does_not_fit(name: str, value: str) -> None:
    assert not formats.known()[name].fits(value)


def test_every_format_is_looked_at_here() -> None:
    assert list(formats.known()) == [*dict.fromkeys(formats.known())]
    assert set(formats.known()) == set(FITTING) == set(UNFIT)


LONG = 200_000


@pytest.mark.parametrize("name", sorted(FITTING))
@pytest.mark.parametrize("part", ["a", "1", "-a", "(", "a.", "%41", ";a", ",a", " ", "\\", "MIIB", "=", "@a"])
def test_a_value_of_any_length_is_judged_at_once(name: str, part: str) -> None:
    """A form that looked again at what it had seen would take minutes."""
    formats.known()[name].fits(f"{part * (LONG // len(part))}\n")


@pytest.mark.parametrize("outline", [lambda parts: b"\x30\x83" + len(parts).to_bytes(3) + parts, lambda parts: parts])
def test_a_certificate_of_many_parts_is_refused_after_the_first_few(
    monkeypatch: pytest.MonkeyPatch, outline: Callable[[bytes], bytes]
) -> None:
    steps: list[int] = []
    length = formats_of_domain._der_length

    def counted(octets: memoryview) -> tuple[int, int]:
        steps.append(len(octets))
        return length(octets)

    monkeypatch.setattr(formats_of_domain, "_der_length", counted)
    for parts in (40_000, 320_000):
        steps.clear()
        assert not formats_of_domain.is_certificate(text(outline(b"\x05\0" * parts)))
        assert len(steps) <= 5


WORD = listed("word", "one of yes and no", ["yes", "no"])
LOOKED_AT = replace(
    DEVICE,
    formats=dict.fromkeys(("code", "labels", "ports.value", "place.shelves", f"{DESK}:teams.value"), WORD),
)

WRONG: list[tuple[str, Attributes]] = [
    ("code", {"code": "maybe"}),
    ("labels", {"labels": ["yes", "maybe"]}),
    ("ports.value", {"ports": [{"value": "yes"}, {"type": "a"}, {"value": "maybe"}]}),
    ("place.shelves", {"place": {"shelves": ["no", "maybe"]}}),
    (f"{DESK}:teams.value", {DESK: {"teams": [{"value": "maybe"}]}}),
]


@req("C-26")
@pytest.mark.parametrize(("path", "attributes"), WRONG)
def test_a_value_anywhere_is_held_to_the_format_of_its_path(path: str, attributes: Attributes) -> None:
    with pytest.raises(InvalidValue, match=f"^{path}: expected one of yes and no.$"):
        check_formats(LOOKED_AT, {}, attributes)


@req("C-26")
@pytest.mark.parametrize("attributes", [attributes for _, attributes in WRONG])
def test_a_value_that_was_there_is_let_pass(attributes: Attributes) -> None:
    check_formats(LOOKED_AT, attributes, attributes)


def test_a_value_that_was_there_excuses_no_other() -> None:
    before: Attributes = {"labels": ["maybe"]}
    check_formats(LOOKED_AT, before, {"labels": ["yes", "maybe", "maybe"]})
    with pytest.raises(InvalidValue):
        check_formats(LOOKED_AT, before, {"labels": ["maybe", "perhaps"]})
    with pytest.raises(InvalidValue):
        check_formats(LOOKED_AT, before, {"labels": ["maybe"], "code": "maybe"})


def test_what_is_not_there_and_what_has_no_format_is_not_looked_at() -> None:
    check_formats(LOOKED_AT, {}, {})
    check_formats(LOOKED_AT, {}, {"name": "maybe", "ports": [{"type": "maybe"}], "place": {"room": "maybe"}})
    check_formats(DEVICE, {}, {"code": "maybe"})
