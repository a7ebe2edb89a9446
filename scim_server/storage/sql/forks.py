"""Forked processes: what is made anew in a child."""

from __future__ import annotations

import os
from collections.abc import Callable
from weakref import WeakMethod


def in_child(method: Callable[[], None]) -> None:
    """Call the method in every child that is forked, as long as its object lives."""
    reference = WeakMethod(method)

    def call() -> None:
        live = reference()
        if live is not None:
            live()

    os.register_at_fork(after_in_child=call)
