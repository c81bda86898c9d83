"""I14 for protected places: whoever folds the ledger finds the same fragments to hold them.

A hub that goes on, one that rebuilds everything, and a process that starts later and recalls only what the
index needs (as another replica does) must agree, also once something of it is erased or lifted.
"""

import asyncio
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from hub.projections.places import Places
from hub.projections.projector import Projector
from tests.erasure.asking import erase
from tests.twins.places import at, lift, planted, protect
from tests.twins.stage import Authority, Stage, stage
from tests.twins.test_h10_places import ELSEWHERE, plant, the_family


async def recalled(world: Stage) -> Places:
    """What a process that starts now makes of the ledger."""

    def read(transaction: Any) -> Places:
        later = Projector()
        assert later.catch_up(transaction)
        return later.index.places

    return await asyncio.wrap_future(world.hub.ledger.submit(read))


async def known(world: Stage) -> Places:
    """What the running hub has."""
    places: Places = await world.hub.look(lambda _: deepcopy(world.hub.projector.index.places))
    return places


async def a_place_in_many_hands(world: Stage) -> None:
    """Told before and since, one record erased, another corrected, a second place protected and lifted."""
    outreach, hostel = await the_family(world)
    await plant(outreach, "mia", "before")
    await outreach.publish("rosa", "home", contact=at("7 Mill Lane"))
    await hostel.drain()
    await protect(outreach, "rosa")
    await plant(outreach, "rosa", "since")
    await outreach.publish("rosa", "home", revision=2, contact=at("7 Mill Lane, flat 2"))
    await erase(outreach, "rosa", "since-note")
    await erase(outreach, "mia", "before-note")
    await lift(outreach, "mia", await protect(outreach, "mia", ELSEWHERE))


async def test_i14_every_process_finds_the_same_fragments_to_hold_a_place(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        await a_place_in_many_hands(world)
        going_on = await known(world)
        assert sum(map(len, going_on._held.values())) >= 2 * len(planted()), "control: found on both"
        assert await recalled(world) == going_on
        await world.hub.rebuild()
        assert await known(world) == going_on
        assert await recalled(world) == going_on


async def test_i14_unless_what_is_erased_were_forgotten(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control removed once: the hub that goes on would know more than one that starts."""
    monkeypatch.setattr(Places, "forget", lambda *_: None)
    async with stage(tmp_path, authority) as world:
        await a_place_in_many_hands(world)
        assert await recalled(world) != await known(world)
