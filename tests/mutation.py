"""What `make mutation` found: how many deliberate faults of each module the tests catch, and which ones they miss.

mutmut leaves a file beside each mutated module: its mutants by name, with the exit code of the tests, None where they
did not run.
"""

import json
import sys
from pathlib import Path

MUTANTS = Path("mutants")
SUFFIX = ".py.meta"
CAUGHT = {1, 3, 36, 24, -24, 152, 255, -9, -11}
"""A test failed; pytest itself did; no end within the time; the process died."""
MISSED = {0, 5, 33}
"""All tests passed; pytest found none; mutmut knew of none."""

Codes = dict[str, int | None]


def results(folder: Path) -> dict[str, Codes]:
    """The exit code of each mutant, by module and name; modules of which none was tried are left out."""
    found = {}
    for path in sorted(folder.rglob(f"*{SUFFIX}")):
        codes: Codes = json.loads(path.read_text())["exit_code_by_key"]
        if not CAUGHT.isdisjoint(codes.values()) or not MISSED.isdisjoint(codes.values()):
            found[str(path.relative_to(folder)).removesuffix(SUFFIX)] = codes
    return found


def row(module: str, codes: Codes) -> str:
    """A line of the table: mutants caught and missed, the share that was caught, and those not tried yet."""
    caught = sum(code in CAUGHT for code in codes.values())
    missed = sum(code in MISSED for code in codes.values())
    left = len(codes) - caught - missed
    return f"{module:36} {caught:6} {missed:6} {caught / (caught + missed):7.1%} {left:6}"


def report(found: dict[str, Codes]) -> list[str]:
    """The table, its total, and the names of the mutants that were missed."""
    everything = {name: code for codes in found.values() for name, code in codes.items()}
    return [
        f"{'module':36} {'caught':>6} {'missed':>6} {'share':>7} {'left':>6}",
        *(row(module, codes) for module, codes in found.items()),
        row("all", everything),
        *(f"missed: {name}" for name, code in sorted(everything.items()) if code in MISSED),
    ]


if __name__ == "__main__":
    found = results(MUTANTS)
    if not found:
        sys.exit("No mutant has been tried yet.")
    sys.stdout.writelines(f"{line}\n" for line in report(found))
