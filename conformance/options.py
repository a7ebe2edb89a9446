"""What can be said on the command line."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from conformance.reading import SCENARIO_ID, names
from conformance.scenario import Capability, Level

FAIL_ON: Final[Mapping[str, tuple[Level, ...]]] = {
    "must": (Level.MUST,),
    "should": (Level.MUST, Level.SHOULD),
    "may": tuple(Level),
    "never": (),
}

LONGEST: Final = 1_000_000
"""Seconds: more than a week, and less than what a socket refuses."""

ENDINGS: Final = (".html", ".json", ".xml")
"""Of the files that a run can write; .xml is JUnit's."""


def of_run() -> argparse.ArgumentParser:
    """The options of a run."""
    usage = argparse.ArgumentParser(
        prog="python -m conformance",
        description="Replays what identity providers send against a SCIM server, and says what fails and why.",
        epilog="Further commands: list [SUITE ...], check FILE ..., record --help. "
        "Exit codes: 0 nothing found, 1 found something, 2 misused or nothing applies, 3 the server was not reached, "
        "130 interrupted.",
    )
    usage.add_argument("--base-url", required=True, help="where the endpoints hang, as in https://host/scim/v2")
    usage.add_argument("--suite", metavar="NAMES", help=f"which suites, by commas: {', '.join(names())} (all)")
    usage.add_argument("--scenario", metavar="TEXT", help="only scenarios with this text in their id or items")
    usage.add_argument("--file", metavar="FILE", type=Path, action="append", default=[], help="further scenario files")
    _add_login(usage.add_argument_group("signing in"))
    _add_limits(usage.add_argument_group("playing"))
    _add_connection(usage.add_argument_group("network"))
    _add_reports(usage.add_argument_group("reports"))
    return usage


def _add_login(group: "argparse._ActionsContainer") -> None:
    group.add_argument("--token", help="a bearer token; better in the environment, as SCIM_TOKEN")
    group.add_argument("--user", metavar="NAME", help="a name for Basic; the password is read from SCIM_PASSWORD")
    group.add_argument("--token-url", metavar="URL", help="where a token is fetched with client credentials")
    group.add_argument("--client-id", metavar="ID", help="the client; its secret is read from SCIM_CLIENT_SECRET")
    group.add_argument("--scope", help="the scope to ask for")


def _add_limits(group: "argparse._ActionsContainer") -> None:
    group.add_argument("--jobs", type=positive, default=4, metavar="N", help="scenarios at once (%(default)s)")
    group.add_argument(
        "--scenario-limit", type=seconds, default=180.0, metavar="S", help="seconds for a scenario (%(default)g)"
    )
    group.add_argument(
        "--run-limit", type=seconds, default=3600.0, metavar="S", help="seconds after which none begins (%(default)g)"
    )
    group.add_argument("--retries", type=int, default=5, metavar="N", help="of what is answered 429 (%(default)s)")
    group.add_argument("--browser", action="store_true", help="the server should let pages of a browser in (CORS)")
    group.add_argument("--domain", default="example.com", help="of the userNames that are made (%(default)s)")


def _add_connection(group: "argparse._ActionsContainer") -> None:
    # Okta waits for 60 seconds: an answer that comes later has to be seen, not cut off.
    group.add_argument("--timeout", type=seconds, default=65.0, metavar="S", help="for a whole answer (%(default)g)")
    group.add_argument("--ca-file", metavar="FILE", help="authorities to trust instead of the system's")
    group.add_argument("--client-certificate", metavar="FILE", help="a certificate to show, PEM, with its key or with:")
    group.add_argument("--client-key", metavar="FILE", help="the key of the certificate")
    group.add_argument("--insecure", action="store_true", help="do not look at the server's certificate")
    group.add_argument(
        "--proxy", metavar="URL", type=proxy, help="an HTTP proxy on the way, as in http://name:password@proxy:3128"
    )


def _add_reports(group: "argparse._ActionsContainer") -> None:
    endings = ", ".join(ENDINGS)
    group.add_argument(
        "--report",
        metavar="FILE",
        type=report,
        action="append",
        default=[],
        help=f"to write, by ending: {endings}",
    )
    group.add_argument("--fail-on", choices=FAIL_ON, default="must", help="what makes the exit code 1 (%(default)s)")
    group.add_argument("--quiet", action="store_true", help="no progress")


def positive(text: str) -> int:
    """A number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def seconds(text: str) -> float:
    """A time in seconds, more than none."""
    number = float(text)
    if not 0 < number <= LONGEST:
        raise argparse.ArgumentTypeError(f"must be more than 0, and at most {LONGEST}")
    return number


def report(text: str) -> Path:
    """A file whose ending says what is written into it, in a folder that is there."""
    path = Path(text)
    if path.suffix not in ENDINGS:
        raise argparse.ArgumentTypeError(f"{text!r} must end in {', '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    return path


def of_recording() -> argparse.ArgumentParser:
    """The options of `record`."""
    usage = argparse.ArgumentParser(
        prog="python -m conformance record",
        description="Records a connector's traffic as a scenario file, without secrets and personal values. Point the "
        "connector at this proxy; end with Ctrl-C. Play it with: python -m conformance --file FILE --base-url URL ...",
    )
    columns = ", ".join(capability.value for capability in Capability)
    usage.add_argument("--target", required=True, metavar="URL", help="the base URL of the server")
    usage.add_argument("--output", required=True, type=Path, metavar="FILE", help="the scenario file to write")
    usage.add_argument(
        "--listen", type=address, default="127.0.0.1:8079", metavar="HOST:PORT", help="where to listen (%(default)s)"
    )
    usage.add_argument(
        "--capability", type=Capability, default=Capability.UPDATE, help=f"of the matrix: {columns}", metavar="NAME"
    )
    usage.add_argument("--id", type=scenario_id, default="recorded", help="the id of the scenario (%(default)s)")
    _add_connection(usage.add_argument_group("network"))
    return usage


def scenario_id(text: str) -> str:
    """The id of a scenario."""
    if not SCENARIO_ID.fullmatch(text):
        raise argparse.ArgumentTypeError("it is written in small letters, digits and hyphens")
    return text


def address(text: str) -> tuple[str, int]:
    """A host and a port."""
    host, _, port = text.rpartition(":")
    if not (host and port.isdecimal() and int(port) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT")
    return host, int(port)


def proxy(text: str) -> str:
    """The URL of an HTTP proxy, which may have credentials: no message shows it."""
    url = _url(text)
    if url is None or url.scheme != "http":
        raise argparse.ArgumentTypeError("it is the http URL of a proxy, as in http://proxy:3128")
    return text


def base_url(usage: argparse.ArgumentParser, text: str, option: str) -> str:
    """A URL below which endpoints hang, without its last slash; exits if it is none."""
    if urlsplit(endpoint(usage, text, option)).query:
        usage.error(f"argument {option}: it has a query; that does not belong there")
    return text.rstrip("/")


def endpoint(usage: argparse.ArgumentParser, text: str, option: str) -> str:
    """A URL to which requests go, which may have a query; exits if it is none."""
    url = _url(text)
    if url is None:
        usage.error(f"argument {option}: {text!r} is no http or https URL")
    if url.fragment or url.username or url.password:
        usage.error(f"argument {option}: it has a fragment or credentials; those do not belong there")
    return text


def _url(text: str) -> SplitResult | None:
    """The parts of an http or https URL; None if it is none."""
    try:
        url = urlsplit(text)
        is_url = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        return None
    return url if is_url else None
