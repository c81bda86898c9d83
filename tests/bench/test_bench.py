"""The bench itself: its arithmetic, its table, and every line once, as small as can be."""

import cProfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.records import validation
from tests.bench import __main__ as bench_command
from tests.bench import payload, report
from tests.bench.area import KINDS
from tests.bench.payload import CONTENT_BYTES
from tests.bench.ratios import Figure, Sample, compared, interleaved
from tests.bench.stages import BESIDE, OTHER, THREADS, WAITING, Profile, read, stage_of
from tests.bench.suite import SMOKE
from tests.bench.surroundings import Surroundings


def test_sides_are_measured_in_turn_and_the_first_of_each_does_not_count() -> None:
    order = []

    def side(name: str, rates: list[float]) -> Sample:
        order.append(name)
        return Sample(rates.pop(0))

    first, second = [999.0, 10.0, 30.0], [1.0, 5.0, 10.0]
    found = interleaved(lambda: side("A", first), lambda: side("B", second), 2)

    assert order == ["A", "B"] * 3
    assert found.ratios == (2.0, 3.0)


def test_a_line_holds_when_its_median_does() -> None:
    rates = iter([1.0, 1.0, 9.0, 10.0, 30.0, 10.0, 5.0, 10.0])

    def side() -> Sample:
        return Sample(next(rates), 5000.0)

    figure = compared("x", 0.9, ("a", "b"), (side, side), 3, "calls")

    assert figure.values == (0.9, 3.0, 0.5)
    assert figure.middle == 0.9
    assert figure.holds
    assert (
        figure.detail
        == "a 9.00 calls/s at 5,000 µs of processor each; b 10 calls/s at 5,000 µs of processor each"
    )
    assert not Figure("x", 0.91, figure.values).holds


def test_every_record_has_the_size_that_the_goals_name() -> None:
    assert {payload.content(kind).ByteSize() for kind in KINDS} == {CONTENT_BYTES}
    for kind in KINDS:
        validation.check(payload.message("1", "p-1", kind), datetime.now(UTC))


def test_of_what_may_be_at_most_less_is_right() -> None:
    assert Figure("memory", 150, (149.0,), at_most=True).holds
    assert not Figure("memory", 150, (151.0,), at_most=True).holds


def test_the_table_says_goal_spread_and_whether_it_holds() -> None:
    shown = report.figures(
        [Figure("fast", 2.5, (2.0, 3.0, 40.0)), Figure("small", 150, (200.0,), " MB", at_most=True)]
    )

    assert shown.splitlines()[2:] == [
        "| fast  | ≥ 2.5    | 2.00   | 3.00   | 40.0   | yes   |",
        "| small | ≤ 150 MB | 200 MB | 200 MB | 200 MB | NO    |",
    ]


def test_the_document_names_the_machine_and_the_day() -> None:
    now = datetime.now(UTC)
    machine = Surroundings(
        str(now), "abc", "Processor", 2, 24.0, "6.1", "3.11", "3.40", (("x", "1"),), (1, 1, 1)
    )
    figure = Figure("fast", 2.5, (3.0,), detail="hub 3; other 1")
    profile = Profile("append", 10, 50.0, (("SQL", 30.0), ("JSON", 20.0)), (("a.py:1 f", 2.0, 9.0),))

    written = report.document(machine, [figure], [profile], ["3 rounds"])

    for said in (str(now), "2 of Processor", "- fast: hub 3; other 1.", "append: 50 µs", "60%", "3 rounds"):
        assert said in written


def test_a_functions_stage_is_its_own_or_its_callers(tmp_path: Path) -> None:
    assert stage_of(("/x/hub/projections/segments.py", 1, "fold")) == "projections"
    assert stage_of(("~", 0, "<method 'execute' of 'sqlite3.Cursor' objects>")) == "SQL: execute"
    assert stage_of(("~", 0, "<method 'poll' of 'select.epoll' objects>")) == WAITING
    assert stage_of(("~", 0, "<built-in method builtins.len>")) is None

    profiler = cProfile.Profile()
    profiler.runcall(report.figures, [Figure("x", 1, (1.0,))])
    for thread in THREADS:
        profiler.dump_stats(str(tmp_path / f"{thread}.prof"))
    found = read("x", tmp_path, 1, {"writer": 500.0, "loop": 300.0, "process": 1000.0})

    assert dict(found.stages) == pytest.approx({OTHER: 800.0, BESIDE: 200.0})
    assert sum(spent for _, spent in found.stages) == pytest.approx(1000.0)
    assert any("report.py" in name for name, _, _ in found.busiest)


@pytest.mark.slow
def test_every_line_can_be_measured(short_path: Path) -> None:
    figures, profiles = bench_command.run(SMOKE, short_path, list(bench_command.GROUPS))

    assert len(figures) == 26
    for figure in figures:
        assert all(value > 0 for value in figure.values) or figure.at_most
    assert [profile.title for profile in profiles] == [
        "append",
        "history of 500",
        "fetch of 64",
        "replay, one entry",
    ]
    for profile in profiles:
        assert profile.calls > 0
        assert {"seal, open, hash", "projections", "SQL: execute"} <= {name for name, _ in profile.stages}
