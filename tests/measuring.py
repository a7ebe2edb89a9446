"""Which tests coverage follows: all but those that are marked `unmeasured`, and what they start.

Being followed takes Python twice the time. Tests that do at length what others do once (generated requests, thousands
of members, servers that are started) reach no line that the others leave out, so that is spent on the others alone.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

FOLLOW_THE_STARTED = "COVERAGE_PROCESS_CONFIG"
"""Where it is set, coverage runs, and a Python process that is started runs it as well."""


@contextmanager
def unmeasured() -> Iterator[None]:
    """Coverage follows nothing that this thread does inside the block, nor the threads and processes that it starts.

    It is not stopped, since with each new start it would add one more handler of forks.
    """
    configuration = os.environ.pop(FOLLOW_THE_STARTED, None)
    if configuration is None:
        yield
        return
    tracer, tracer_of_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        os.environ[FOLLOW_THE_STARTED] = configuration
        threading.settrace(tracer_of_threads)
        sys.settrace(tracer)
