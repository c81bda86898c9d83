"""One agency's flood is refused with a time to wait; what must not wait goes on, as does everybody else."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from consent_ledger.errors import Refused
from hub.limit_settings import LimitSettings
from hub.rpc.limits import NEVER_SHED, Allowance, Limits
from hub.rpc.rules import RULES, Rule
from hub.use_cases.work import Caller

READ = "oncetold.v1.RecordService.GetHistory"
WITHDRAW = "oncetold.v1.ConsentService.WithdrawGrant"
HOSTEL, CLINIC = Caller("hostel"), Caller("clinic")
SMALL = LimitSettings(
    calls_at_once=2, all_calls_at_once=3, calls_per_second=10, kibibytes_per_second=100, seconds_in_advance=1
)


class Seconds:
    """A clock by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def once(
    limits: Limits, caller: Caller = HOSTEL, method: str = READ, size: int = 0, *, waits: bool = False
) -> None:
    async with limits.place(caller, method, size, waits=waits):
        pass


async def pause(limits: Limits, caller: Caller = HOSTEL, method: str = READ, size: int = 0) -> str:
    """The seconds that a refused call is told to wait."""
    with pytest.raises(Refused) as refusal:
        await once(limits, caller, method, size)
    assert refusal.value.code == "TOO_MANY_CALLS"
    return refusal.value.details["retry_seconds"]


async def test_an_agency_has_so_many_places_and_another_agency_has_its_own() -> None:
    limits = Limits(SMALL, Seconds())
    async with AsyncExitStack() as under_way:
        for _ in range(2):
            await under_way.enter_async_context(limits.place(HOSTEL, READ, 0, waits=False))
        assert await pause(limits) == "1"
        await once(limits, CLINIC)
        await under_way.enter_async_context(limits.place(CLINIC, READ, 0, waits=False))
        assert await pause(limits, CLINIC) == "1", "all places are taken"
    await once(limits)
    await once(limits, CLINIC)


async def test_a_place_is_given_back_by_a_call_that_fails() -> None:
    limits = Limits(SMALL, Seconds())
    for _ in range(5):
        with pytest.raises(RuntimeError):
            async with limits.place(HOSTEL, READ, 0, waits=False):
                raise RuntimeError
    await once(limits)


async def test_a_call_that_waits_for_news_takes_no_place() -> None:
    limits = Limits(SMALL, Seconds())
    async with AsyncExitStack() as waiting:
        for _ in range(5):
            await waiting.enter_async_context(limits.place(HOSTEL, READ, 0, waits=True))
        await once(limits)


async def test_calls_are_counted_over_time() -> None:
    seconds = Seconds()
    limits = Limits(SMALL, seconds)
    for _ in range(10):
        await once(limits)
    assert await pause(limits) == "1"
    await once(limits, CLINIC)
    seconds.now += 0.11
    await once(limits)
    assert await pause(limits) == "1"
    seconds.now += 3600
    for _ in range(10):  # what was not used for an hour is not saved up
        await once(limits)
    assert await pause(limits) == "1"


async def test_what_is_sent_is_counted_over_time_too() -> None:
    seconds = Seconds()
    limits = Limits(SMALL, seconds)
    await once(limits, size=100 * 1024)
    assert await pause(limits, size=100 * 1024) == "1"
    seconds.now += 1
    await once(limits, size=1000 * 1024)  # more than fits at any time goes when everything is there
    assert await pause(limits, size=1) == "10", "and is made up for afterwards"
    seconds.now += 10
    await once(limits, size=1)


async def test_a_refused_call_uses_nothing_up() -> None:
    seconds = Seconds()
    limits = Limits(SMALL, seconds)
    for _ in range(10):
        await once(limits)
    for _ in range(1000):
        await pause(limits)
    seconds.now += 0.11
    await once(limits)


async def test_a_withdrawal_goes_through_whatever_else_its_agency_asks() -> None:
    limits = Limits(SMALL, Seconds())
    async with AsyncExitStack() as under_way:
        for _ in range(2):
            await under_way.enter_async_context(limits.place(HOSTEL, READ, 0, waits=False))
        for _ in range(8):
            await once(limits, waits=True)
        assert await pause(limits) == "1"
        for _ in range(10):
            await once(limits, method=WITHDRAW)


async def test_the_lane_slows_down_before_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    seconds = Seconds()

    async def sleep(delay: float) -> None:
        slept.append(round(delay, 6))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    limits = Limits(SMALL, seconds)
    for _ in range(20):
        await once(limits, method=WITHDRAW)
    assert slept == [round(0.1 * turn, 6) for turn in range(1, 11)]
    assert await pause(limits, method=WITHDRAW) == "2", "a second's worth waits already"
    await once(limits, CLINIC, WITHDRAW)
    seconds.now += 2
    await once(limits, method=WITHDRAW)


async def test_callers_without_an_agency_share_one_share() -> None:
    limits = Limits(SMALL, Seconds())
    for turn in range(10):
        await once(limits, Caller(None, f"newcomer-{turn}"))
    assert await pause(limits, Caller(None, "newcomer-11")) == "1"


def test_an_allowance_never_holds_more_than_it_may() -> None:
    seconds = Seconds()
    allowance = Allowance(10, 2, seconds)
    seconds.now += 1000
    assert allowance.missing(20) == 0
    allowance.take(20)
    assert allowance.missing(1) == pytest.approx(0.1)


def test_what_is_never_shed_is_in_the_contract() -> None:
    assert set(RULES) >= NEVER_SHED


ENDING = ("Withdraw", "Revoke", "End", "Undo", "Terminate", "Close", "Place", "Protect", "Erase", "Retract")
MAY_WAIT: set[str] = set()
"""Named as if they stopped something, and a minute's wait harms nobody; each with why."""


def test_whatever_ends_or_forbids_is_never_shed() -> None:
    # The operator's socket has no limits.
    of_agencies = [name for name, rule in RULES.items() if rule is not Rule.OPERATOR]
    ending = {
        name.removeprefix("oncetold.v1.")
        for name in of_agencies
        if name.rpartition(".")[2].startswith(ENDING) or name.endswith(("Refusal", "RecordExclusion"))
    }

    assert ending - MAY_WAIT <= {name.removeprefix("oncetold.v1.") for name in NEVER_SHED}
