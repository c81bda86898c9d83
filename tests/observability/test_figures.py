"""What becomes of figures: totals, lots, whole minutes; and nothing that a caller could make grow."""

from uuid import UUID

import pytest

from hub.telemetry import Exporters
from hub.telemetry.figures import LOT, LOT_SECONDS, MOST_FEEDS, Figures
from hub.telemetry.providers import INSTRUMENTS
from hub.use_cases.observer import Outcomes
from hub.use_cases.standing import FeedStanding, Standing
from hub.use_cases.witnesses import WitnessStanding
from tests.observability.page import Sample, samples, scrape, series
from tests.privacy import person
from tests.privacy.scanner import hits

REGISTER = "oncetold.v1.RegistrationService.RegisterClient"
FEED = UUID("11111111-2222-4333-8444-555555555555")


@pytest.fixture
def exporters(request: pytest.FixtureRequest) -> Exporters:
    started = Exporters.start(prometheus="127.0.0.1:0")
    request.addfinalizer(started.stop)
    return started


def page_of(exporters: Exporters) -> bytes:
    assert exporters.page is not None
    return scrape(exporters.page.port)


def read(exporters: Exporters, name: str) -> list[Sample]:
    return [one for one in samples(page_of(exporters)) if one.name == name]


def test_calls_are_told_by_method_status_and_reason(exporters: Exporters) -> None:
    for status, reason in ((0, ""), (0, ""), (3, "INVALID_FIELD")):
        with exporters.telemetry.call(REGISTER) as call:
            call.ended(status, reason)

    told = {
        (
            one["rpc_method"],
            one["rpc_grpc_status_code"],
            dict(one.labels).get("oncetold_reason", ""),
        ): one.value
        for one in read(exporters, "oncetold_calls_total")
    }
    assert told == {(REGISTER, "0", ""): 2, (REGISTER, "3", "INVALID_FIELD"): 1}
    counts = read(exporters, "rpc_server_call_duration_seconds_count")
    assert {one["rpc_grpc_status_code"]: one.value for one in counts} == {"0": 2, "3": 1}


def test_only_groups_that_wrote_are_commits_and_failures_are_of_two_kinds(exporters: Exporters) -> None:
    figures = exporters.telemetry.figures
    figures.committed(3, 7, 0.002, "")
    figures.committed(5, 0, 0.001, "")
    for failure in ("StorageFull", "StorageFailed", "EntryCorrupt"):
        figures.committed(1, 0, 0.001, failure)

    assert [one.value for one in read(exporters, "oncetold_commit_commands_sum")] == [3]
    assert [one.value for one in read(exporters, "oncetold_commit_duration_seconds_count")] == [1]
    assert [one.value for one in read(exporters, "oncetold_commit_entries_total")] == [7]
    failures = read(exporters, "oncetold_storage_failures_total")
    assert {one["oncetold_failure"]: one.value for one in failures} == {
        "STORAGE_FULL": 1,
        "STORAGE_FAILED": 2,
    }


def test_outcomes_are_told_in_lots_so_that_no_two_looks_differ_by_one_call() -> None:
    """Whoever makes one call between two looks at the page learns nothing of its outcome."""
    time = [0.0]
    told: list[tuple[int, str]] = []

    class Counter:
        def add(self, number: int, attributes: dict[str, str]) -> None:
            told.append((number, next(iter(attributes.values()))))

    class Meter:
        def __getattr__(self, name: str) -> object:
            return lambda *_, **__: Counter()

    figures = Figures(Meter(), monotonic=lambda: time[0])  # type: ignore[arg-type]
    told.clear()
    figures.judged(Outcomes(permit=LOT - 1))
    time[0] += LOT_SECONDS
    figures.judged(Outcomes())
    assert told == [], "fewer than a lot"
    figures.judged(Outcomes(deny=1))
    assert told == [(LOT - 1, "PERMIT"), (1, "DENY"), (0, "REVIEW")]
    told.clear()
    figures.judged(Outcomes(review=5 * LOT))
    assert told == [], "a lot, too soon"
    time[0] += LOT_SECONDS
    figures.judged(Outcomes(review=1))
    assert told == [(0, "PERMIT"), (0, "DENY"), (5 * LOT + 1, "REVIEW")]


def test_a_feed_is_told_of_by_its_lag_alone_and_in_whole_minutes(exporters: Exporters) -> None:
    """A delivery that is acknowledged at once never shows: nothing can be seen going out."""
    feed = FeedStanding(FEED, "northside", 59.9, 60.0)
    exporters.telemetry.figures.stands(Standing(False, False, 9, 2, 3, 1, (feed,)))

    of_feeds = [one for one in samples(page_of(exporters)) if "oncetold_feed" in dict(one.labels)]
    assert {(one.name, one.value) for one in of_feeds} == {
        ("oncetold_feed_lag_seconds", 0),
        ("oncetold_feed_silence_seconds", 60),
    }
    assert {one["oncetold_agency"] for one in of_feeds} == {"northside"}
    [dirty] = read(exporters, "oncetold_dirty_pairs")
    assert (dirty.value, dirty.labels) == (2, ())
    for name in ("oncetold_retractions_open", "oncetold_retractions_overdue"):
        assert [one.labels for one in read(exporters, name)] == [()], "all feeds together, by no label"


def test_a_witness_is_told_of_by_its_agency_and_its_lag_in_whole_minutes(exporters: Exporters) -> None:
    witnesses = (WitnessStanding("northside", 59.9), WitnessStanding("harbour", 3_601.0))
    exporters.telemetry.figures.stands(Standing(witnesses=witnesses))

    lag = read(exporters, "oncetold_witness_lag_seconds")
    assert {(dict(one.labels)["oncetold_agency"], one.value) for one in lag} == {
        ("northside", 0),
        ("harbour", 3_600),
    }


def test_what_could_not_be_read_is_not_told(exporters: Exporters) -> None:
    exporters.telemetry.figures.stands(Standing(storage_failed=True))

    assert [one.value for one in read(exporters, "oncetold_storage_failed")] == [1]
    assert read(exporters, "oncetold_ledger_size") == [] == read(exporters, "oncetold_clock_in_doubt")


def test_feeds_beyond_the_limit_make_no_series(exporters: Exporters) -> None:
    feeds = tuple(FeedStanding(UUID(int=number), "northside", 0, 0) for number in range(MOST_FEEDS + 100))
    exporters.telemetry.figures.stands(Standing(feeds=feeds))

    assert len(read(exporters, "oncetold_feed_lag_seconds")) == MOST_FEEDS


def test_ten_thousand_strange_calls_make_no_series(exporters: Exporters) -> None:
    """Names, reasons and agencies that are not ours are dropped before they are counted."""
    telemetry = exporters.telemetry
    with telemetry.call(REGISTER) as call:
        call.ended(3, "INVALID_FIELD")
    with telemetry.call(f"oncetold.v1.{person.FAMILY}-1") as call:
        call.ended(99, person.NOTE)
    before = series(page_of(exporters))
    for number in range(10_000):
        with telemetry.call(f"/{person.FAMILY}/{number}") as call:
            call.ended(100 + number, f"{person.CODE} {number}")
    strange = FeedStanding(FEED, person.ADDRESS, 0, 0)
    telemetry.figures.stands(Standing(feeds=(strange,)))
    after = page_of(exporters)

    added = {name for name, _ in series(after) - before}
    assert added == {"oncetold_storage_failed", "oncetold_standing_age_seconds"} | {
        "oncetold_feed_lag_seconds",
        "oncetold_feed_silence_seconds",
    }
    assert hits(after, person.WORDS) == set()


def test_control_without_the_allow_list_strange_calls_make_series(
    exporters: Exporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.telemetry.calls._told", lambda method, status, reason: {"rpc.method": method})
    before = len(series(page_of(exporters)))
    for number in range(50):
        with exporters.telemetry.call(f"/{person.FAMILY}/{number}") as call:
            call.ended(0)
    page = page_of(exporters)

    assert len(series(page)) > before + 50
    assert hits(page, person.WORDS)


def test_the_sdk_cuts_series_off_even_if_the_allow_list_did_not(
    exporters: Exporters, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.telemetry.calls._told", lambda method, status, reason: {"rpc.method": method})
    for number in range(2_100):
        with exporters.telemetry.call(f"/{number}") as call:
            call.ended(0)

    assert 1_000 < len(read(exporters, "oncetold_calls_total")) <= 2_001


def test_every_figure_on_the_page_is_a_known_one(exporters: Exporters) -> None:
    """Python's own, the process's and the SDK's figures stay away."""
    known = {name.replace(".", "_") for name in INSTRUMENTS}
    with exporters.telemetry.call(REGISTER) as call:
        call.ended(0)

    for one in samples(page_of(exporters)):
        assert any(one.name.startswith(name) for name in known), one.name
