"""`make safety`: runs every test that the hazard log names, and writes the page "What we tested against"."""

import argparse
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.safety.hazards import ROOT, faults, load
from tests.safety.outcomes import PASSED, of_row, run
from tests.safety.page import render


def main() -> int:
    """0 when all tests of every row that is built, even in part, passed; 1 otherwise."""
    reader = argparse.ArgumentParser(prog="make safety", description=__doc__)
    reader.add_argument("--out", type=Path, default=ROOT / "build" / "what-we-tested-against.html")
    reader.add_argument("--without-running", action="store_true", help="the page alone, no test run")
    asked = reader.parse_args()
    rows = load()
    for fault in faults(rows):
        print(fault, file=sys.stderr)
        return 1
    outcomes = {} if asked.without_running else run(rows, ["-n", "2", "--dist", "worksteal"])
    made = f"{datetime.now(UTC):%d %B %Y at %H:%M} UTC"
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(render(rows, outcomes, made, _version()))
    if asked.without_running:
        print(f"{asked.out}: no test was run", file=sys.stderr)
        return 0
    wrong = [row.id for row in rows if row.state != "open" and of_row(row, outcomes) != PASSED]
    print(
        f"{asked.out}: in {len(wrong)} rows a test failed or did not run. {' '.join(wrong)}", file=sys.stderr
    )
    return 1 if wrong else 0


def _version() -> str:
    """The commit that was tested, and whether the files differ from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "of an unknown version"


if __name__ == "__main__":
    sys.exit(main())
