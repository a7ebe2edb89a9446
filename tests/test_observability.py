"""The log and the counters: what an operator can rely on, and what must never be in them."""

import io
import logging
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from scim_server.observability import RequestFacts, configure, describe, metrics_page, observe, report, request_id
from scim_server.observability import logs as logs_module
from tests.logs import Log

ROOT = Path(__file__).parent.parent
ID = "0199d5a0-1111-7222-8333-444455556666"
FACTS = RequestFacts(
    request_id="r-1",
    method="PATCH",
    status=200,
    seconds=0.0123456,
    route="/scim/v2/Users/<id>",
    resource_type="User",
    resource_id=ID,
    tenant="acme",
    client="c1",
    dialect="entra",
    tolerances={"bare-word": 2},
)


def test_a_request_is_one_line_with_its_facts(log: Log) -> None:
    observe(FACTS)
    (line,) = log.lines
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request",
        "level": "info",
        "request_id": "r-1",
        "tenant": "acme",
        "client": "c1",
        "dialect": "entra",
        "method": "PATCH",
        "route": "/scim/v2/Users/<id>",
        "type": "User",
        "id": ID,
        "status": 200,
        "duration_ms": 12.35,
        "tolerances": {"bare-word": 2},
    }


def test_the_line_of_a_bulk_request_says_how_many_operations_it_had(log: Log) -> None:
    observe(replace(FACTS, method="POST", operations=3))
    assert log.lines[0]["operations"] == 3


def test_what_is_not_known_is_not_there(log: Log) -> None:
    observe(RequestFacts("r-1", "GET", 401, 0.001))
    assert set(log.lines[0]) == {"event", "level", "timestamp", "request_id", "method", "status", "duration_ms"}


def test_a_failure_of_the_server_is_an_error(log: Log) -> None:
    observe(replace(FACTS, status=503, scim_type=None))
    observe(replace(FACTS, status=409, scim_type="uniqueness"))
    assert [(line["level"], line.get("scim_type")) for line in log.lines] == [("error", None), ("info", "uniqueness")]


@pytest.mark.parametrize("invented", ["bjensen@example.com", "bjensen", "1", "../x", ID.upper(), ID + "\n"])
def test_an_id_that_a_client_made_up_is_not_logged(log: Log, invented: str) -> None:
    observe(replace(FACTS, resource_id=invented))
    assert "id" not in log.lines[0]


def test_a_method_that_a_client_made_up_is_neither_logged_nor_counted(log: Log) -> None:
    observe(replace(FACTS, method="BJENSEN"))
    assert log.lines[0]["method"] == "other"
    page, _ = metrics_page()
    assert b"BJENSEN" not in page


def test_below_its_level_nothing_is_logged(restored: None) -> None:
    log = Log()
    configure("json", "warning", log.stream)
    observe(FACTS)
    assert log.text == ""


def test_the_console_shows_the_same_facts(restored: None) -> None:
    log = Log()
    configure("console", "info", log.stream)
    observe(FACTS)
    assert log.text.count("\n") == 1
    assert "acme" in log.text


def test_without_a_stream_lines_go_to_standard_output(restored: None, capfdbinary: pytest.CaptureFixture) -> None:
    configure("json", "info")
    observe(FACTS)
    assert orjson.loads(capfdbinary.readouterr().out)["event"] == "request"


def test_before_it_is_configured_nothing_is_logged(capfdbinary: pytest.CaptureFixture) -> None:
    observe(FACTS)
    assert capfdbinary.readouterr() == (b"", b"")


class FullDisk(io.BytesIO):
    def write(self, data: object) -> int:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_fails_no_request(restored: None) -> None:
    configure("json", "info", FullDisk())
    observe(FACTS)
    closed = io.BytesIO()
    closed.close()
    configure("json", "info", closed)
    observe(FACTS)


KEPT = ["abc", "0199d5a0-1111", "A.b_c-9", "x" * 128]
REPLACED = [
    None,
    "",
    "x" * 129,
    "two words",
    'quo"te',
    "line\nbreak",
    "trailing\n",
    "ünïcode",
    "a/b",
    "a;b",
    "scim_abc",
    "SCIM_x",
]


@pytest.mark.parametrize("sent", KEPT)
def test_a_plain_request_id_is_kept(sent: str) -> None:
    assert request_id(sent) == sent


@pytest.mark.parametrize("sent", REPLACED)
def test_any_other_request_id_is_replaced_by_one_of_our_own(sent: str | None) -> None:
    made = request_id(sent)
    assert made != sent
    assert request_id(made) == made
    assert request_id(sent) != made


class DatabaseFault(Exception):
    """As a driver raises it: a code, and a text that repeats what a user sent."""

    sqlstate = "23505"


def fail() -> None:
    secret = "bjensen@example.com"  # a local value, which a traceback could show as well
    try:
        try:
            os.environ[secret]
        except KeyError as error:
            raise DatabaseFault(f"Key (userName)=({secret}) already exists.") from error
    except DatabaseFault:
        raise RuntimeError(f"INSERT INTO resources VALUES ('{secret}')")  # noqa: B904 -- an implicit context


def caught() -> Exception:
    with pytest.raises(RuntimeError) as fault:
        fail()
    return fault.value


@pytest.mark.req("R-SEC-03")
def test_a_fault_is_logged_with_its_types_places_and_codes_and_without_a_value(log: Log) -> None:
    error_id = report(caught(), "r-1")
    (line,) = log.lines
    assert "bjensen" not in log.text
    assert (line["event"], line["level"], line["error_id"], line["request_id"]) == ("fault", "error", error_id, "r-1")
    assert line["error"] == "builtins.RuntimeError"
    assert [cause["error"].rpartition(".")[2] for cause in line["causes"]] == ["DatabaseFault", "KeyError"]
    assert line["causes"][0]["code"] == "23505"
    assert ".fail:" in line["places"][-1]


def test_faults_have_ids_of_their_own(log: Log) -> None:
    assert report(caught(), "r-1") != report(caught(), "r-1")


def hide() -> None:
    try:
        fail()
    except RuntimeError:
        raise ValueError("y") from None


def test_a_suppressed_context_is_left_out() -> None:
    with pytest.raises(ValueError, match="y") as fault:
        hide()
    assert "causes" not in describe(fault.value)


def test_an_endless_chain_of_causes_is_cut() -> None:
    error: Exception = ValueError("first")
    for _ in range(100):
        following = ValueError("next")
        following.__cause__ = error
        error = following
    assert len(describe(error)["causes"]) == 4


@pytest.mark.req("R-SEC-03")
def test_what_libraries_log_goes_the_same_way(log: Log) -> None:
    logging.getLogger("gunicorn.error").warning("worker %s is gone", 7)
    logging.getLogger("sqlalchemy.pool").error("Exception during reset", exc_info=caught())
    logging.getLogger("psycopg").warning("failed: %s", "bjensen@example.com")
    logging.getLogger("scim_serverless").warning("bjensen")
    logging.getLogger("scim_server.auth.uses").warning("ours")
    first, second, third, fourth, ours = log.lines
    assert (first["event"], first["level"], first["logger"]) == ("worker 7 is gone", "warning", "gunicorn.error")
    assert second["error"] == "builtins.RuntimeError"
    assert (third["event"], third["level"], third["logger"]) == ("library", "warning", "psycopg")
    assert third["place"].startswith("test_observability.test_what_libraries_log")
    assert fourth["event"] == "library"
    assert ours["event"] == "ours"
    assert "bjensen" not in log.text


def test_configuring_again_does_not_double_the_lines(log: Log) -> None:
    configure("json", "info", log.stream)
    logging.getLogger("x").warning("once")
    assert len(log.lines) == 1


def test_what_is_no_json_value_is_named_by_its_type(log: Log) -> None:
    logs_module.logger().info("odd", value=object())
    assert log.lines[0]["value"] == "<object>"


COUNT = """
import os, sys
from scim_server.observability import RequestFacts, observe, metrics_page
facts = RequestFacts("r", "GET", 200, 0.004, resource_type="User", tenant="acme", dialect="okta", tolerances={"x": 2})
children = []
for _ in range(2):
    child = os.fork()
    if not child:
        observe(facts)
        observe(facts)
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
observe(facts)
page, content_type = metrics_page()
sys.stdout.write(page.decode())
"""


def test_the_counters_of_several_processes_are_added_up(tmp_path: Path) -> None:
    environ = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    page = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", COUNT], env=environ, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert 'scim_requests_total{method="GET",status="200",type="User"} 5.0' in page
    assert 'scim_request_duration_seconds_bucket{le="0.005",method="GET",type="User"} 5.0' in page
    assert 'scim_request_duration_seconds_bucket{le="0.0025",method="GET",type="User"} 0.0' in page
    assert 'scim_tolerances_total{dialect="okta",tolerance="x"} 10.0' in page
    assert "acme" not in page


def test_outside_of_serve_the_page_shows_this_process() -> None:
    observe(replace(FACTS, resource_type="Robot"))
    page, content_type = metrics_page()
    assert b'scim_requests_total{method="PATCH",status="200",type="Robot"} 1.0' in page
    assert content_type.startswith("text/plain")


def test_the_example_in_the_operation_page_has_the_keys_of_a_real_line(log: Log) -> None:
    page = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")
    (example,) = (orjson.loads(found) for found in re.findall(r"^```json\n(.*)\n```$", page, re.MULTILINE))
    observe(replace(FACTS, status=400, scim_type="invalidPath"))
    assert list(example) == list(log.lines[0])
