"""The command: what is asked for on the command line -> a run, its reports, an exit code.

python -m conformance --base-url URL --token TOKEN [--suite entra,okta] [--report report.html]
python -m conformance list [SUITE ...]
python -m conformance check FILE ...
python -m conformance record --target URL --output FILE
"""

import argparse
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Final

from conformance import credentials, login
from conformance import options as options_of
from conformance.exchange import Transport
from conformance.facts import Unreachable
from conformance.masking import Masking
from conformance.patience import Patience
from conformance.progress import Progress
from conformance.reading import ScenarioFault, names, read_scenarios, read_suite, suite_of_file
from conformance.recorder import Proxy, Recording
from conformance.reports import as_json, html, junit, terminal
from conformance.results import Report
from conformance.runner import Limits, run
from conformance.scenario import Suite
from conformance.session import Session
from conformance.stop import Stop
from conformance.transport import HttpTransport, tls_context, trusting

FOUND: Final = 1
MISUSED: Final = 2
"""argparse exits with the same. It is so too where a suite was asked for of which nothing applies."""
NOT_REACHED: Final = 3
"""Nothing can be said of the server: no answer, no token, or a token that it refuses."""
INTERRUPTED: Final = 130
"""What a shell gives a command that was ended with Ctrl-C."""

WRITERS: Final[Mapping[str, Callable[[Report], str]]] = {
    ".html": html.render,
    ".json": as_json.render,
    ".xml": junit.render,
}
"""The ending of a file's name -> what is written into it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the exit code: 0, FOUND, MISUSED, NOT_REACHED or INTERRUPTED."""
    arguments = sys.argv[1:] if arguments is None else arguments
    commands: Mapping[str, Callable[[Sequence[str]], int]] = {"list": _list, "check": _check, "record": _record}
    command = commands.get(arguments[0]) if arguments else None
    if threading.current_thread() is threading.main_thread():
        # A pipeline that is cancelled sends this: what was made has to be removed then too.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return command(arguments[1:]) if command else _run(arguments)
    except ScenarioFault as error:
        _say(str(error))
        return MISUSED
    except (login.LoginFailed, Unreachable) as error:
        _say(str(error))
        return NOT_REACHED
    except KeyboardInterrupt:
        return INTERRUPTED


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


def _print(text: str) -> None:
    """Onto standard output; where nobody reads on (`| head`) the rest goes nowhere, and what else is to be done is."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# Running --------------------------------------------------------------------------------------------------------------


def _run(arguments: Sequence[str]) -> int:
    usage = options_of.of_run()
    options = usage.parse_args(arguments)
    base_url = options_of.base_url(usage, options.base_url, "--base-url")
    suites = chosen(options)
    total = sum(len(suite.scenarios) for suite in suites)
    connect = _connector(usage, options)
    progress = Progress(total, io.StringIO() if options.quiet else sys.stderr)
    with closing(connect(base_url)) as transport:
        session = _session(usage, options, base_url, transport, connect)
        session.stop = Stop(transport.close, partial(_interrupt, progress))
        limits = Limits(options.jobs, options.scenario_limit, options.run_limit)
        try:
            report = run(session, suites, limits, progress)
        except KeyboardInterrupt:
            progress.done()
            left = ", ".join(map(session.masking.text, session.leftovers))
            _say(f"Interrupted; left over: {left}" if left else "Interrupted; what had been made is removed.")
            return INTERRUPTED
    progress.done()
    _print(terminal.render(report, terminal.Screen.of(sys.stdout)))
    for path in options.report:
        try:
            path.write_text(WRITERS[path.suffix](report), encoding="utf-8")
        except OSError as error:
            raise ScenarioFault(f"{path}: {error.strerror or error}") from error
        _say(f"Wrote {path}.")
    return _code(report, options)


def _code(report: Report, options: argparse.Namespace) -> int:
    """The exit code. What was asked for and could not be played was not shown, though nothing was missed."""
    if report.findings(*options_of.FAIL_ON[options.fail_on]):
        return FOUND
    unplayed = [suite for suite in report.suites if not suite.is_played]
    for suite in unplayed:
        _say(f"Nothing of {suite.suite.name} was played: none of it applies to this server.")
    is_asked_for = bool(options.suite or options.file) and not options.scenario
    return MISUSED if unplayed and (is_asked_for or len(unplayed) == len(report.suites)) else 0


def _interrupt(progress: Progress, sentence: str) -> None:
    progress.done()
    _say(sentence)


def chosen(options: argparse.Namespace) -> list[Suite]:
    """The suites that are asked for, those of files last, with the scenarios that are asked for."""
    wanted = options.suite.split(",") if options.suite else ([] if options.file else names())
    suites = [read_suite(name.strip()) for name in wanted] + [suite_of_file(path) for path in options.file]
    if options.scenario is None:
        return suites
    left = [only(suite, options.scenario) for suite in suites]
    if not any(suite.scenarios for suite in left):
        raise ScenarioFault(f"No scenario has {options.scenario!r} in its id or among its items.")
    return [suite for suite in left if suite.scenarios]


def only(suite: Suite, text: str) -> Suite:
    """The suite with the scenarios that have `text` in their id, or that prove an item of that name."""
    kept = [scenario for scenario in suite.scenarios if text in scenario.id or text.upper() in scenario.stake.items]
    return replace(suite, scenarios=tuple(kept), rules=())


def _connector(usage: argparse.ArgumentParser, options: argparse.Namespace) -> Callable[[str], HttpTransport]:
    """What connects to a URL as the options say."""
    try:
        tls = tls_context(options.ca_file, options.client_certificate, options.client_key)
    except OSError as error:
        files = [name for name in (options.ca_file, options.client_certificate, options.client_key) if name]
        usage.error(f"{', '.join(files)}: {error.strerror or error}")
    if options.insecure:
        tls = trusting(tls)
    return partial(HttpTransport, timeout=options.timeout, tls=tls, proxy=options.proxy)


def _session(
    usage: argparse.ArgumentParser,
    options: argparse.Namespace,
    base_url: str,
    transport: Transport,
    connect: Callable[[str], HttpTransport],
) -> Session:
    masking = Masking()
    if options.proxy:
        credentials.learn_of_proxy(options.proxy, masking)
    signed = credentials.chosen(usage, options, masking, connect)
    return Session(
        base_url=base_url,
        transport=signed.over(transport),
        credentials=signed.headers,
        run=f"c{token_hex(4)}",
        masking=masking,
        domain=options.domain,
        facts={"options": {"login": signed.kind, "browser": options.browser}},
        patience=Patience(options.retries),
    )


# Other commands -------------------------------------------------------------------------------------------------------


def _list(arguments: Sequence[str]) -> int:
    """Print the suites, or the scenarios of those that are named."""
    for name in arguments or names():
        suite = read_suite(name)
        _print(f"{suite.name}: {suite.title}, {len(suite.scenarios)} scenarios\n")
        for scenario in suite.scenarios if arguments else ():
            items = ", ".join(scenario.stake.items)
            _print(f"  {scenario.id}  [{scenario.stake.level.value}] {scenario.title} ({items})\n")
    return 0


def _check(arguments: Sequence[str]) -> int:
    """Read scenario files and say whether they are some."""
    if not arguments:
        raise ScenarioFault("Which files? python -m conformance check FILE ...")
    for name in arguments:
        scenarios = read_scenarios(Path(name))
        _print(f"{name}: {len(scenarios)} scenarios\n")
    return 0


def _record(arguments: Sequence[str]) -> int:
    """Stand between a connector and a server, and write what goes by into a scenario file, until interrupted."""
    usage = options_of.of_recording()
    options = usage.parse_args(arguments)
    target = options_of.base_url(usage, options.target, "--target")
    recording = Recording(options.output, options.capability, options.id)
    with closing(_connector(usage, options)(target)) as transport:
        try:
            proxy = Proxy(options.listen, target, transport, recording)
        except OSError as error:
            usage.error(f"argument --listen: {error.strerror}")
        with proxy:
            _say(f"Base URL for the connector: http://{options.listen[0]}:{proxy.server_address[1]}")
            with suppress(KeyboardInterrupt):
                proxy.serve_forever()
    _say(f"{len(recording)} requests are in {options.output}." if len(recording) else "There was nothing to record.")
    return 0
