"""I14 with erasures: whatever was erased, projections made anew from the ledger are the same, in both ways.

Dropped and folded from the first entry; and, after a restart, the index alone from what the journal kept.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from consent_ledger.ledger import Transaction
from hub.projections.projector import CELLS, Projector
from hub.projections.segments import SEGMENTS
from oncetold.v1 import common_pb2, records_pb2
from tests.erasure.asking import erase, erase_client, hold, lift
from tests.invariants.test_i14_rebuild import cells, content, index, unsealed
from tests.twins.cast import Cast, also_about, bedded_down, cast, dose, note
from tests.twins.stage import Authority, stage

__all__ = ["unsealed"]

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH", "FAMILY", "SAFEGUARDING_RISK")
FAR_AWAY = datetime(9999, 1, 1, tzinfo=UTC)


def risk(to: str = "worker") -> records_pb2.Risk:
    return records_pb2.Risk(risk_to=common_pb2.Coding(system="test:risk-to", code=to))


async def a_day(c: Cast) -> None:
    """Records of every kind that the index takes something of, some of them changed."""
    outreach, hostel, clock = c.outreach, c.hostel, c.stage.clock
    soon = clock.now() + timedelta(hours=2)
    await outreach.grant("rosa", WIDE, to="hostel")
    for number in range(3):
        await outreach.publish("rosa", f"visit-{number}", contact=bedded_down())
        await outreach.publish("rosa", f"dose-{number}", assessment=dose(f"{number}0mg"))
    await outreach.publish("rosa", "risk-1", review_by=soon, risk=risk())
    await outreach.publish("rosa", "risk-2", review_by=soon, risk=risk())
    await outreach.publish("rosa", "risk-2", revision=2, review_by=soon, risk=risk("child"))
    await outreach.publish(
        "mia", "both-1", note=note("With Rosa.", "FAMILY"), others=[also_about("rosa", "FAMILY", solely=True)]
    )
    await outreach.publish("mia", "mine-1", note=note("Alone.", "FAMILY"))
    await outreach.publish("rosa", "dose-1", revision=2, assessment=dose("15mg"))
    await outreach.publish("rosa", "visit-1", revision=2)
    await hostel.drain()
    await hostel.publish("room-4", "h-1", contact=bedded_down())
    clock.advance(timedelta(hours=3))
    await hostel.drain()


async def erased_one_by_one(c: Cast) -> None:
    await erase(c.outreach, "rosa", "risk-1")
    await erase(c.outreach, "rosa", "visit-1")
    await erase(c.outreach, "mia", "both-1")


async def erased_by_category(c: Cast) -> None:
    await erase(c.outreach, "rosa", "SAFEGUARDING_RISK")
    await erase(c.outreach, "rosa", "PHYSICAL_HEALTH")
    await c.outreach.publish("rosa", "dose-9", assessment=dose("90mg"))


async def erased_around_a_hold(c: Cast) -> None:
    hold_id = await hold(c.outreach, "rosa", "risk-2")
    await erase(c.outreach, "rosa", "everything")
    await c.hostel.drain()
    await lift(c.outreach, hold_id)


async def still_held(c: Cast) -> None:
    await hold(c.outreach, "rosa", "SAFEGUARDING_RISK")
    await erase(c.outreach, "rosa", "everything")
    await c.hostel.fetch(lose=True)


async def everybody(c: Cast) -> None:
    await erase_client(c.stage, c.outreach, "rosa")
    await c.outreach.register("rosa")
    await c.outreach.publish("rosa", "new-1", contact=bedded_down())


@pytest.mark.parametrize(
    "erasing", [erased_one_by_one, erased_by_category, erased_around_a_hold, still_held, everybody]
)
@pytest.mark.usefixtures("unsealed")
async def test_dropped_or_recalled_everything_is_the_same(
    tmp_path: Path, authority: Authority, erasing: object
) -> None:
    assert callable(erasing)
    async with stage(tmp_path, authority) as world:
        c = await cast(world, ends=dict.fromkeys(WIDE, "RESTRICT"))
        await a_day(c)
        assert world.hub.projector.index.tasks.judgements, "control: the index took something"
        await erasing(c)
        await c.hostel.fetch()
        await world.hub.look(lambda _: None)
        before, facts = await cells(world), compared(world)

        def recalled(transaction: Transaction) -> Projector:
            fresh = Projector()
            assert fresh.catch_up(transaction)
            return fresh

        fresh = await world.hub.look(recalled)
        again = compared(_As(fresh))
        assert {name for name in facts if again[name] != facts[name]} == set()

        await world.hub.rebuild()

        after = await cells(world)
        assert {name for name in CELLS if after[name] != before[name]} <= {SEGMENTS}
        assert content(after[SEGMENTS]) == content(before[SEGMENTS])
        rebuilt = compared(world)
        assert {name for name in facts if rebuilt[name] != facts[name]} == set()


def compared(world: Any) -> dict[str, Any]:
    """Every fact, without what a moment that passed leaves behind, and without lists that are empty."""
    found = index(world)
    found["_boundaries"] = world.hub.projector.index.due_boundaries(FAR_AWAY)
    tasks = vars_of(found.pop("tasks"))
    return found | {f"tasks.{name}": filled(value) for name, value in tasks.items()}


def vars_of(tasks: Any) -> dict[str, Any]:
    return {name: getattr(tasks, name) for name in tasks.__slots__}


def filled(value: Any) -> Any:
    return {key: one for key, one in value.items() if one} if isinstance(value, dict) else value


class _As:
    """A projector in the place where `index` looks for one."""

    def __init__(self, projector: Projector) -> None:
        self.hub = self
        self.projector = projector
