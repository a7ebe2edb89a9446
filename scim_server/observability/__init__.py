"""What an operator sees: one line in the log for each request, faults by their id, and counters.

    configure(...)       once in each process, before the first line; until then nothing is logged
    request_id(...)      the id under which a request is logged and answered
    observe(facts)       log and count a request that has been answered
    report(error, ...)   log an unexpected fault without a single value, and give it an id
    metrics_page()       the counters of all workers

Nothing here ever fails a request: its answer, and what it wrote, stand already.
"""

from scim_server.observability.facts import RequestFacts
from scim_server.observability.faults import describe
from scim_server.observability.logs import configure, logger
from scim_server.observability.metrics import metrics_page
from scim_server.observability.requests import observe, report, request_id

__all__ = ["RequestFacts", "configure", "describe", "logger", "metrics_page", "observe", "report", "request_id"]
