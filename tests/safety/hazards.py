"""The hazard log, read: one row per rule of safety, and what is wrong with the log itself."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOG = ROOT / "deploy" / "safety" / "hazards.toml"

IDS = tuple(f"H{number}" for number in range(1, 39))
SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM")
STATES = ("built", "part", "open")
CONSEQUENCES = ("Minor", "Significant", "Considerable", "Major", "Catastrophic")
LIKELIHOODS = ("Very low", "Low", "Medium", "High", "Very high")
_RISK = ("11223", "12234", "22334", "23345", "34455")
"""Rows by likelihood, columns by consequence, as in NHS England's template of a hazard log (DCB0129)."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """One row. What each field means stands at the head of the log."""

    id: str
    severity: str
    state: str
    hazard: str
    harm: str
    cause: str
    control: str
    consequence: str
    before: str
    after: str
    residual: str
    tests: tuple[str, ...]
    without: tuple[str, ...] = ()
    open: str = ""

    @property
    def proofs(self) -> tuple[str, ...]:
        """Every test that the row names."""
        return (*self.tests, *self.without)

    def risk(self, likelihood: str) -> int:
        """1, acceptable, to 5, never acceptable."""
        return int(_RISK[LIKELIHOODS.index(likelihood)][CONSEQUENCES.index(self.consequence)])


def load(path: Path = LOG) -> list[Hazard]:
    """Every row. Raises `TypeError` for one that lacks a field or has one more."""
    rows = tomllib.loads(path.read_text())["hazard"]
    return [
        Hazard(**{**row, **{key: tuple(row.get(key, ())) for key in ("tests", "without")}}) for row in rows
    ]


@cache
def known_tests(file: str) -> frozenset[str]:
    """The test functions of a file, by their pytest ids; none when there is no such file."""
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    return frozenset(
        f"{file}::{node.name}"
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


def faults(rows: Sequence[Hazard]) -> Iterator[str]:
    """What is wrong with the rows, each in one line."""
    if [row.id for row in rows] != list(IDS):
        yield f"the rows are not {IDS[0]} to {IDS[-1]}, each once and in order"
    for row in rows:
        yield from (f"{row.id}: {fault}" for fault in _faults_of(row))


def _faults_of(row: Hazard) -> Iterator[str]:
    allowed: Mapping[str, tuple[str, ...]] = {
        "severity": SEVERITIES, "state": STATES, "consequence": CONSEQUENCES,
        "before": LIKELIHOODS, "after": LIKELIHOODS,
    }  # fmt: skip
    for name, values in allowed.items():
        if getattr(row, name) not in values:
            yield f"{name} is none of {', '.join(values)}"
            return
    for one in fields(row):
        if one.name not in ("open", "tests", "without") and not getattr(row, one.name):
            yield f"{one.name} is empty"
    for test in row.proofs:
        if test not in known_tests(test.partition("::")[0]):
            yield f"there is no test {test}"
    if len(set(row.proofs)) != len(row.proofs):
        yield "a test is named twice"
    if (row.state == "open") != (not row.tests):
        yield "what is built is proved by a test, and what is open by none"
    if row.severity == "CRITICAL" and row.tests and not row.without:
        yield "the control of a critical hazard was never taken out"
    if (row.state == "built") != (not row.open):
        yield "what is not all built says what is open"
    if row.state == "open" and row.after != row.before:
        yield "what is not built makes nothing less likely"
    if LIKELIHOODS.index(row.after) > LIKELIHOODS.index(row.before):
        yield "a control makes nothing more likely"
    if row.state == "built" and row.risk(row.after) > 3:
        yield "a risk of more than 3 is left, and that is called built"


def unlisted(rows: Sequence[Hazard], files: Sequence[Path]) -> Iterator[str]:
    """Twin-world tests that are there while the row they are named after does not know of them."""
    known = {row.id: {test.partition("::")[0] for test in row.proofs} for row in rows}
    for path in files:
        named = re.match(r"test_h(\d\d)_", path.name)
        file = str(path.relative_to(ROOT))
        if named and file not in known.get(f"H{int(named[1])}", set()):
            yield f"H{int(named[1])} names no test of {file}"
