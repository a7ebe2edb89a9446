"""Counters in the format that Prometheus scrapes, right under several worker processes.

`serve` names a folder in PROMETHEUS_MULTIPROC_DIR; each worker counts in a file of its own there, and any of them
adds them up. prometheus_client looks at that variable when it is first imported, so it is imported on first use,
which is in a worker.

No label has a value that a client can invent: tenants and ids stay in the log.
"""

from __future__ import annotations

import os
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Final

from scim_server.observability.facts import RequestFacts

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counters of this process. Children are kept by their labels, which saves a look-up under a lock."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram

        self.registry = CollectorRegistry()
        self._requests = Counter(
            "scim_requests", "Requests answered.", ["method", "type", "status"], registry=self.registry
        )
        self._duration = Histogram(
            "scim_request_duration_seconds",
            "Time from the request to its answer.",
            ["method", "type"],
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self._tolerances = Counter(
            "scim_tolerances",
            "Deviations from the RFC that a dialect let through.",
            ["tolerance", "dialect"],
            registry=self.registry,
        )
        self._dry_runs = Counter(
            "scim_dry_runs", "Requests among them that were to change nothing.", ["method"], registry=self.registry
        )
        self._stopped = Counter(
            "scim_guard_stops", "Departures stopped by the guard against mass deprovisioning.", registry=self.registry
        )
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._histograms: dict[tuple[str, str], Histogram] = {}

    def count(self, facts: RequestFacts) -> None:
        """Count one request."""
        method = facts.known_method
        kind = facts.resource_type or ""
        self._counter(method, kind, facts.status).inc()
        self._histogram(method, kind).observe(facts.seconds)
        if facts.is_dry_run:
            self._dry_runs.labels(method).inc()
        else:
            self._stopped.inc(facts.stopped)
        for tolerance, times in facts.tolerances.items():
            self._tolerances.labels(tolerance, facts.dialect or "").inc(times)

    def _counter(self, method: str, kind: str, status: int) -> Counter:
        key = (method, kind, status)
        if key not in self._counters:
            self._counters[key] = self._requests.labels(method, kind, str(status))
        return self._counters[key]

    def _histogram(self, method: str, kind: str) -> Histogram:
        key = (method, kind)
        if key not in self._histograms:
            self._histograms[key] = self._duration.labels(method, kind)
        return self._histograms[key]


_lock = Lock()


@cache
def _made() -> Metrics:
    return Metrics()


def metrics() -> Metrics:
    """The counters of this process, made once even where two threads ask first."""
    with _lock:
        return _made()


def metrics_page() -> tuple[bytes, str]:
    """The page for a scrape and its content type: all workers together, or this process alone outside of `serve`."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return generate_latest(_registry()), CONTENT_TYPE_LATEST


def forget_worker(pid: int) -> None:
    """Book that a worker has ended; what it counted stays in the sums. For the process that started it."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _registry() -> CollectorRegistry:
    if FOLDER_VARIABLE not in os.environ:
        return metrics().registry
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
