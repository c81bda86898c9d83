"""A machine that was suspended, and a clock that came back wrong: nothing is granted, ended or told by it."""

import time as machine
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from types import SimpleNamespace

import grpc
import pytest

from consent_ledger import clock as hub_clock
from consent_ledger.domain import ClockAcceptance
from consent_ledger.ledger import Entry
from consent_ledger.repository import Repository
from hub.bootstrap import RunningHub, running_hub
from oncetold.v1 import operator_service_pb2, record_service_pb2
from oncetold.v1.operator_service_pb2_grpc import OperatorServiceStub
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from tests.integration.loopback import Site, adapter_channel, operator_channel, refusal
from tests.integration.story import Story, begin, fetch, grant, link, publish

HOURS, TEN_YEARS = timedelta(hours=8), timedelta(days=3652)
MONOTONIC, BOOTTIME = 1, 7
"""Linux's numbers; only the second counts while the machine sleeps."""


class Machine:
    """The machine's two clocks: that of the wall, and that which counts since boot, suspend included."""

    def __init__(self) -> None:
        self.wall = self.boot = timedelta(0)

    def suspend(self, slept: timedelta, wall_says: timedelta) -> None:
        """It sleeps so long; when it wakes its wall clock has moved by what it says."""
        self.boot += slept
        self.wall += wall_says

    def now(self, zone: tzinfo) -> datetime:
        return datetime.now(zone) + self.wall

    def clock_gettime(self, which: int) -> float:
        slept = self.boot.total_seconds() if which == BOOTTIME else 0.0
        return machine.clock_gettime(machine.CLOCK_MONOTONIC) + slept

    def time(self) -> float:
        return machine.time() + self.wall.total_seconds()


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """What the hub's own clock reads; certificates and the test's process keep the true time."""
    found = Machine()
    times = SimpleNamespace(
        time=found.time, clock_gettime=found.clock_gettime, CLOCK_BOOTTIME=BOOTTIME, CLOCK_MONOTONIC=MONOTONIC
    )
    monkeypatch.setattr(hub_clock, "time", times)
    monkeypatch.setattr(hub_clock, "datetime", found)
    yield found


async def history(hostel: grpc.aio.Channel, story: Story) -> record_service_pb2.GetHistoryResponse:
    request = record_service_pb2.GetHistoryRequest(feed_id=story.feed_id, client_reference="hos-3")
    answer: record_service_pb2.GetHistoryResponse = await RecordServiceStub(hostel).GetHistory(request)
    return answer


async def accept(site: Site) -> bool:
    """The operator says that the time is right; whether the hub still waits."""
    async with operator_channel(site) as operator:
        request = operator_service_pb2.AcceptClockRequest()
        return bool((await OperatorServiceStub(operator).AcceptClock(request)).in_doubt)


def entries(running: RunningHub, after: int = 0) -> list[Entry]:
    return running.hub.ledger.submit(lambda transaction: transaction.entries(after)).result(10)


def acceptances(running: RunningHub) -> list[int]:
    """Where the operator's acceptances stand."""

    def found(transaction: object) -> list[int]:
        events = [
            (entry.position, Repository(transaction).event(entry))  # type: ignore[arg-type]
            for entry in transaction.entries(0)  # type: ignore[attr-defined]
        ]
        return [position for position, event in events if isinstance(event, ClockAcceptance.Created)]

    return running.hub.ledger.submit(found).result(10)


async def in_doubt(call: object) -> None:
    """The call has to be refused for the clock, with nobody named."""
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call  # type: ignore[misc]
    assert refusal(failure.value) == (grpc.StatusCode.UNAVAILABLE, "CLOCK_IN_DOUBT", {})
    assert "hos-3" not in repr(failure.value)


async def test_a_machine_that_slept_and_woke_with_the_right_time_goes_on(site: Site, laptop: Machine) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            await grant(outreach)
            laptop.suspend(HOURS, HOURS)
            assert len((await history(hostel, story)).elements) == 1
            # What really ended while it slept has ended, by an entry of its own.
            laptop.suspend(timedelta(days=31), timedelta(days=31))
            before = len(entries(running))
            assert list((await history(hostel, story)).elements) == []
            assert len(entries(running, before)) > 1
            assert acceptances(running) == []


@pytest.mark.parametrize(
    "wrong",
    [timedelta(days=31), timedelta(hours=1), -timedelta(hours=1), TEN_YEARS, -TEN_YEARS],
    ids=["a month ahead", "an hour ahead", "an hour behind", "ten years ahead", "ten years behind"],
)
async def test_a_clock_that_came_back_wrong_from_suspend_tells_nothing_and_ends_nothing(
    wrong: timedelta, site: Site, laptop: Machine
) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            await grant(outreach)
            before = entries(running)
            laptop.suspend(HOURS, HOURS + wrong)
            await in_doubt(history(hostel, story))
            await in_doubt(fetch(hostel, story))
            # Not even the refusals: an entry would carry the wrong time, and none may be earlier ever after.
            assert entries(running) == before
            laptop.suspend(timedelta(0), -wrong)
            assert len((await history(hostel, story)).elements) == 1, "as if nothing had been"
            assert acceptances(running) == []


async def test_an_accepted_change_is_on_record_before_anything_is_decided_by_it(
    site: Site, laptop: Machine
) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            await grant(outreach)
            assert not await accept(site)
            assert acceptances(running) == [], "nothing was in doubt"
            before = len(entries(running))
            laptop.suspend(HOURS, HOURS + timedelta(days=31))
            await in_doubt(history(hostel, story))
            assert not await accept(site)
            assert acceptances(running) == [before + 1]
            [accepted] = entries(running, before)
            assert accepted.recorded_at > datetime.now(UTC) + timedelta(days=31)
            assert list((await history(hostel, story)).elements) == [], "the grant ended, behind it"
            assert not await accept(site)
            assert acceptances(running) == [before + 1], "repeating it is harmless"


async def test_a_time_before_the_last_entry_is_waited_for_whoever_accepts_it(
    site: Site, laptop: Machine
) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            before = entries(running)
            laptop.suspend(timedelta(0), -timedelta(hours=1))
            assert await accept(site), "an hour before what is written already"
            await in_doubt(history(hostel, story))
            assert entries(running) == before
            laptop.suspend(timedelta(minutes=59), timedelta(minutes=59))
            assert list((await history(hostel, story)).elements) == [], "its time has come"
    # A hub that starts with such a clock has nothing to compare it with but its own entries.
    laptop.suspend(timedelta(0), -timedelta(hours=2))
    async with running_hub(site.config) as running, adapter_channel(site, running, story.hostel) as hostel:
        await in_doubt(history(hostel, story))
        assert await accept(site)
