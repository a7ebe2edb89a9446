"""Findings that say the same, put together: of fifty requests at once all may fail alike."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from conformance.results import Finding
from conformance.scenario import Stake


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """One for all of the same step, stake and mismatches: the first, with the number of times in all."""
    found: dict[tuple[str, Stake, tuple[str, ...]], Finding] = {}
    for finding in findings:
        key = (finding.title, finding.stake, finding.mismatches)
        known = found.get(key)
        found[key] = replace(known, count=known.count + finding.count) if known else finding
    return list(found.values())


def by_stake(findings: Iterable[Finding]) -> Mapping[Stake, list[Finding]]:
    """What was missed with the same at stake, merged, in the order in which it came."""
    found: dict[Stake, list[Finding]] = {}
    for finding in merged(findings):
        found.setdefault(finding.stake, []).append(finding)
    return found
