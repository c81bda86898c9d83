"""Measures the goals of speed and memory, each pair of sides in turn within one run.

Usage: python -m tests.bench [--only fetch,history] [--rounds 5] [--quick] [--output FILE]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tests.bench import (
    lines_append,
    lines_fetch,
    lines_guard,
    lines_history,
    lines_log,
    lines_postgres,
    lines_scale,
    lines_size,
    lines_waiting,
    report,
)
from tests.bench.ratios import Figure
from tests.bench.stages import Profile
from tests.bench.suite import FULL, QUICK, Bench, Size, bench
from tests.bench.surroundings import Surroundings, surroundings

Lines = Callable[[Bench], tuple[list[Figure], list[Profile]]]
GROUPS: dict[str, Lines] = {
    "append": lines_append.lines,
    "guard": lines_guard.lines,
    "history": lines_history.lines,
    "fetch": lines_fetch.lines,
    "waiting": lines_waiting.lines,
    "start": lines_scale.start,
    "cost": lines_scale.cost,
    "replay": lines_scale.replay,
    "log": lines_log.lines,
    "size": lines_size.lines,
    "postgres": lines_postgres.lines,
}
RESULTS = Path(__file__).with_name("RESULTS.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the bench; 1 when a line does not hold."""
    asked = _parsed(arguments)
    size = QUICK if asked.quick else FULL
    size = replace(
        size, **{name: value for name in ("rounds", "seconds", "many") if (value := getattr(asked, name))}
    )
    groups = asked.only.split(",") if asked.only else list(GROUPS)
    machine = surroundings()
    said = _said(machine, asked.quick, size, groups)
    with tempfile.TemporaryDirectory(prefix="oncetold-bench-", dir=asked.folder) as folder:
        figures, profiles = run(size, Path(folder), groups)
    for line in said:
        print(line)
    print(report.figures(figures))
    output = asked.output or (RESULTS if size == FULL and len(groups) == len(GROUPS) else None)
    if output is not None:
        output.write_text(report.document(machine, figures, profiles, said), encoding="utf-8")
        print(f"Written to {output}.")
    missed = [figure.title for figure in figures if not figure.holds]
    for title in missed:
        print(f"Does not hold: {title}.")
    return 1 if missed else 0


def run(size: Size, folder: Path, groups: Sequence[str]) -> tuple[list[Figure], list[Profile]]:
    """Every line of these groups, and the profiles taken on the way."""
    begun = time.perf_counter()

    def say(text: str) -> None:
        print(f"{time.perf_counter() - begun:6.1f} s  {text}", file=sys.stderr, flush=True)

    figures: list[Figure] = []
    profiles: list[Profile] = []
    with bench(size, folder, say) as running:
        for name in groups:
            say(name)
            found, taken = GROUPS[name](running)
            figures += found
            profiles += taken
            for figure in found:
                say("  ".join(report.row(figure)))
    return figures, profiles


def _said(machine: Surroundings, quick: bool, size: Size, groups: Sequence[str]) -> list[str]:
    said = [f"{size.rounds} rounds of {size.seconds:g} s a side; {size.in_flight} calls in flight."]
    if machine.load[0] > machine.cores / 2:
        said.append(f"Other work was running (load {machine.load[0]:.1f}): the ratios swing the more for it.")
    if quick:
        said.append(f"A quick run: {size.many:,} records stand for the {FULL.many:,} of the goals.")
    if len(groups) < len(GROUPS):
        said.append(f"Only {', '.join(groups)}.")
    return said


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help=f"some of {','.join(GROUPS)}", type=_groups)
    parser.add_argument("--rounds", type=int, help="how often each side is measured")
    parser.add_argument("--seconds", type=float, help="how long each time")
    parser.add_argument("--many", type=int, help="records of the large ledger")
    parser.add_argument(
        "--quick", action="store_true", help=f"a large ledger of {QUICK.many:,}, fewer rounds"
    )
    parser.add_argument("--output", type=Path, help="default: RESULTS.md beside this, for a full run only")
    parser.add_argument("--folder", help="where ledgers are made for the run")
    return parser.parse_args(arguments)


def _groups(text: str) -> str:
    unknown = set(text.split(",")) - set(GROUPS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no such lines: {', '.join(sorted(unknown))}")
    return text


if __name__ == "__main__":
    sys.exit(main())
