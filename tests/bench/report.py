"""The table, for the terminal and for RESULTS.md."""

from collections.abc import Sequence

from tests.bench.ratios import Figure
from tests.bench.stages import Profile
from tests.bench.surroundings import Surroundings

HEADER = ("What", "Goal", "Min", "Median", "Max", "Holds")


def row(figure: Figure) -> tuple[str, ...]:
    """One line of the table."""
    sign = "≤" if figure.at_most else "≥"
    return (
        figure.title,
        f"{sign} {figure.goal:g}{figure.unit}",
        *(
            f"{value:{_digits(value)}}{figure.unit}"
            for value in (min(figure.values), figure.middle, max(figure.values))
        ),
        "yes" if figure.holds else "NO",
    )


def _digits(value: float) -> str:
    return ",.0f" if value >= 100 else ".1f" if value >= 10 else ".2f" if value >= 1 else ".3f"


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """A table in Markdown, its columns as wide as what stands in them."""
    widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join(
        [line(header), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)]
    )


def figures(found: Sequence[Figure]) -> str:
    """Every line with its goal."""
    return table([row(figure) for figure in found], HEADER)


def profile(found: Profile) -> str:
    """One call's stages, then its busiest functions."""
    total = sum(spent for _, spent in found.stages) or 1.0
    stages = [(name, f"{spent:,.0f}", f"{spent / total:.0%}") for name, spent in found.stages]
    busiest = [(f"`{name}`", f"{calls:,.1f}", f"{spent:,.0f}") for name, calls, spent in found.busiest]
    return "\n\n".join(
        [
            f"### {found.title}: {found.microseconds:,.0f} µs",
            table(stages, ("Stage", "µs", "Share")),
            table(busiest, ("Busiest functions", "Calls", "µs in it alone")),
        ]
    )


def document(
    machine: Surroundings, found: Sequence[Figure], profiles: Sequence[Profile], said: Sequence[str]
) -> str:
    """The whole of RESULTS.md."""
    parts = [
        "# Speed and memory",
        "Written by `make bench`. Both sides of a ratio were measured in turn within one run (A, B, A, B, …),"
        " after one of each that does not count, both over mutual TLS on loopback with the calls from a"
        " process of their own. Min, median and max are over the rounds; a line holds when its median does."
        " Absolute rates are this machine's.",
        table([(name, value) for name, value in machine.rows()], ("Measured on", "")),
        *said,
        "## Goals",
        figures(found),
        "\n".join(f"- {figure.title}: {figure.detail}." for figure in found if figure.detail),
    ]
    if profiles:
        parts += [
            "## Where the time goes",
            "Processor time of the hub for one call, measured for each of its threads without a profiler and"
            " shared out in the proportions that cProfile finds. Waiting for the disk or for another thread"
            " is not in it.",
            *map(profile, profiles),
        ]
    return "\n\n".join(parts) + "\n"
