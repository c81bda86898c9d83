"""Two sides measured in turn within one run, and what their ratio comes to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """One side's rate for a moment; `microseconds` of its server's processor for each thing, if looked at."""

    rate: float
    microseconds: float | None = None


Slice = Callable[[], Sample]
"""Measures a side for a moment."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table: what was measured in each round, and what it should come to."""

    title: str
    goal: float
    values: tuple[float, ...]
    unit: str = ""
    at_most: bool = False
    detail: str = ""
    """The sides' own rates, for whoever looks closer."""

    @property
    def middle(self) -> float:
        """The median over the rounds."""
        return median(self.values)

    @property
    def holds(self) -> bool:
        """Whether the median meets the goal."""
        return self.middle <= self.goal if self.at_most else self.middle >= self.goal


@dataclass(slots=True)
class Rounds:
    """Two sides' samples, round by round."""

    first: list[Sample] = field(default_factory=list)
    second: list[Sample] = field(default_factory=list)

    @property
    def ratios(self) -> tuple[float, ...]:
        """First over second, within each round."""
        return tuple(one.rate / other.rate for one, other in zip(self.first, self.second, strict=True))


def interleaved(first: Slice, second: Slice, rounds: int, *, warm: bool = True) -> Rounds:
    """Measures both sides in turn: A, B, A, B, …; if `warm`, after one of each that does not count."""
    if warm:
        first()
        second()
    found = Rounds()
    for _ in range(rounds):
        found.first.append(first())
        found.second.append(second())
    return found


def compared(
    title: str,
    goal: float,
    sides: tuple[str, str],
    slices: tuple[Slice, Slice],
    rounds: int,
    unit: str,
    *,
    at_most: bool = False,
    warm: bool = True,
) -> Figure:
    """A line that says how much faster the first side is than the second."""
    found = interleaved(*slices, rounds, warm=warm)
    both = zip(sides, (found.first, found.second), strict=True)
    detail = "; ".join(f"{name} {rate(samples, unit)}" for name, samples in both)
    return Figure(title, goal, found.ratios, at_most=at_most, detail=detail)


def rate(samples: Sequence[Sample], unit: str) -> str:
    """The medians of several samples, written for people."""
    middle = median(sample.rate for sample in samples)
    shown = f"{middle:,.0f}" if middle >= 10 else f"{middle:.2f}"
    looked_at = [sample.microseconds for sample in samples if sample.microseconds is not None]
    processor = f" at {median(looked_at):,.0f} µs of processor each" if looked_at else ""
    return f"{shown} {unit}/s{processor}"
