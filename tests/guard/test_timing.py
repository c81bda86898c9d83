"""Whether something exists cannot be told from how long the hub takes to say no (I8).

`ONCETOLD_PAIRS` says how many pairs the slow test makes, over all calls of the contract that can quote
something of another's (10,000 unless set; a release makes 100,000).
"""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from google.protobuf.message import Message

from tests.guard.area import Area
from tests.guard.cases import CASES, call_of
from tests.guard.cases_authority import NOBODYS, Its
from tests.guard.timing import FrontDoor, asked_in_turn, welch
from tests.integration.loopback import make_site
from tests.races.playing import in_memory

TELLS = 4.5
"""A larger |t| tells one kind from the other."""
FAST_PAIRS = 40
PAIRS = int(os.environ.get("ONCETOLD_PAIRS", "10000"))
LEAKING = "ConsentService.WithdrawGrant"


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module")
def area(runner: asyncio.Runner) -> Iterator[Area]:
    stack = AsyncExitStack()
    with tempfile.TemporaryDirectory(prefix="timing-", dir=in_memory()) as folder:
        yield runner.run(Area.founded(make_site(Path(folder)), stack))
        runner.run(stack.aclose())


@pytest.fixture(scope="module")
def door(area: Area) -> FrontDoor:
    return FrontDoor(area.running, area.members["clinic"])


def asking(method: str, quoted: Its) -> Callable[[], Message]:
    return lambda: CASES[method].request(quoted)


def t_of(runner: asyncio.Runner, door: FrontDoor, area: Area, method: str, pairs: int) -> float:
    theirs = asking(method, area.members["outreach"].its)
    unknown = asking(method, NOBODYS)
    found = runner.run(asked_in_turn(door, call_of(method), theirs, unknown, pairs, seed=pairs))
    return welch(*found)


@pytest.mark.parametrize("method", CASES)
def test_how_long_it_takes_says_nothing(
    method: str, runner: asyncio.Runner, door: FrontDoor, area: Area
) -> None:
    assert abs(t_of(runner, door, area, method, FAST_PAIRS)) < TELLS


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_how_long_it_takes_says_nothing_in_many_pairs(
    runner: asyncio.Runner, door: FrontDoor, area: Area, record_property: Callable[[str, object], None]
) -> None:
    each = {method: t_of(runner, door, area, method, PAIRS // len(CASES)) for method in CASES}
    most = max(each, key=lambda method: abs(each[method]))
    record_property(
        "figures", f"{PAIRS} pairs over {len(each)} calls; the largest t {each[most]:.1f}, of {most}"
    )
    assert {method: t for method, t in each.items() if abs(t) >= TELLS} == {}


@contextmanager
def taking_longer(area: Area, seconds: float) -> Iterator[None]:
    """A hub whose code looks a little longer at a grant that exists."""
    index = area.running.hub.projector.index
    sound = index.grants

    class Slow(dict[Any, Any]):
        def get(self, key: Any, default: Any = None) -> Any:
            known = super().get(key, default)
            until = time.perf_counter() + (seconds if known is not None else 0.0)
            while time.perf_counter() < until:
                pass
            return known

    with patch.object(index, "grants", Slow(sound)):
        yield


def test_a_hub_that_takes_longer_over_what_exists_is_found_out(
    runner: asyncio.Runner, door: FrontDoor, area: Area
) -> None:
    """Control: as many pairs as in the fast test show a few milliseconds."""
    with taking_longer(area, 4e-3):
        assert abs(t_of(runner, door, area, LEAKING, FAST_PAIRS)) > TELLS


@pytest.mark.slow
def test_a_hub_that_takes_a_little_longer_is_found_out_in_many_pairs(
    runner: asyncio.Runner, door: FrontDoor, area: Area, record_property: Callable[[str, object], None]
) -> None:
    """Control: a quarter as many as in the slow test show half a millisecond."""
    with taking_longer(area, 500e-6):
        found = t_of(runner, door, area, LEAKING, PAIRS // 4)
    record_property("figures", f"control of 500 microseconds: t = {found:.1f}")
    assert abs(found) > TELLS


def test_welchs_t_is_welchs_t() -> None:
    dice = random.Random(7)
    same = [[dice.gauss(1.0, 0.1) for _ in range(5000)] for _ in range(2)]
    assert abs(welch(*same)) < TELLS
    assert welch([1.0, 2.0, 3.0, 4.0] * 30, [2.0, 3.0, 4.0, 5.0] * 30) == pytest.approx(-6.9, abs=0.4)
