"""How fast a server answers says little where tests share a machine: what is merely slow is no fault of the server."""

from conformance.results import Outcome, Result


def is_merely_slow(result: Result) -> bool:
    """Whether all that was missed is a time."""
    missed = [mismatch for finding in result.findings for mismatch in finding.mismatches]
    return result.outcome is Outcome.FAILED and bool(missed) and all(text.startswith("time: ") for text in missed)
