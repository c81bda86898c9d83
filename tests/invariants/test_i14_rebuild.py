"""I14: every projection can be dropped and rebuilt from the ledger to the same content, numbers included."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from consent_ledger.vault import Vault
from hub.projections.projector import CELLS
from hub.projections.segments import SEGMENTS
from tests.staff_reads.asking import KEYWORKER, NURSE, breaks_glass, give, sees, works_with
from tests.twins.cast import Cast, bedded_down, cast, dose, note
from tests.twins.stage import Authority, Stage, stage

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH", "FAMILY")
Cells = dict[str, list[tuple[bytes, bytes]]]


@pytest.fixture
def unsealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cells are kept as they are, so that two foldings of the same ledger can be compared."""
    monkeypatch.setattr(Vault, "seal_cell", lambda self, owner, context, plaintext: plaintext)
    monkeypatch.setattr(Vault, "open_cell", lambda self, owner, context, sealed: sealed)
    monkeypatch.setattr(Vault, "open_cells", lambda self, owner, sealed: [value for _, value in sealed])


async def cells(world: Stage) -> Cells:
    """Every cell of every projection."""

    def read(transaction: Any) -> Cells:
        return {name: transaction.scan(name, b"", limit=1_000_000) for name in CELLS}

    return await asyncio.wrap_future(world.hub.ledger.submit(read))


def index(world: Stage) -> dict[str, Any]:
    """Every fact that a decision reads. Views and decisions are made from these and not compared."""
    found = dict(vars(world.hub.projector.index))
    found.pop("_people")
    found.pop("decisions")
    found["_boundaries"] = sorted(found["_boundaries"])
    # A list that was looked for and not found may stand there empty.
    return {
        name: {key: one for key, one in value.items() if one != [] and one != set()}
        if isinstance(value, dict)
        else value
        for name, value in found.items()
    }


async def a_busy_day(c: Cast) -> None:
    """Something of everything: told, corrected, taken back, lost answers, choices, an end, links."""
    hostel, outreach = c.hostel, c.outreach
    first = await outreach.grant("rosa", WIDE, to="hostel")
    await outreach.publish("rosa", "visit-1", contact=bedded_down())
    await outreach.publish("rosa", "medicine-1", assessment=dose("40mg"))
    await outreach.publish("rosa", "note-1", note=note("Ask about the sea.", "FAMILY"))
    await hostel.fetch(max_items=1)
    await hostel.fetch(max_items=2, lose=True)
    await hostel.drain()
    await outreach.publish("rosa", "medicine-1", revision=2, assessment=dose("50mg"))
    await outreach.publish("rosa", "visit-1", revision=2)
    await hostel.drain()
    await outreach.exclude("rosa", kind="FAMILY", remove=True)
    await hostel.fetch(lose=True)
    await outreach.withdraw("rosa", first)
    await hostel.refused(hostel.history("room-99"))
    await hostel.history("room-4")
    await give(hostel, KEYWORKER, NURSE)
    await works_with(hostel, KEYWORKER, "room-4", until=c.stage.clock.now() + timedelta(hours=1))
    await works_with(hostel, KEYWORKER, "room-4", "HANDED_BY_CLIENT", handed=("FAMILY",))
    await breaks_glass(hostel, NURSE, "room-4")
    await sees(hostel, NURSE, "room-4")
    await outreach.refuse("mia", to="hostel")
    await outreach.mark("mia", "PROTECTED_ADDRESS")
    await hostel.register("room-5")
    link_id = await outreach.link("mia", hostel, "room-5")
    await outreach.unlink(link_id)
    await outreach.grant("rosa", ("ACCOMMODATION", "SERVICE_CONTACT"), to="hostel")
    await outreach.publish("rosa", "visit-2", contact=bedded_down())
    await hostel.fetch()
    await outreach.publish("rosa", "visit-3", contact=bedded_down())


@pytest.mark.usefixtures("unsealed")
async def test_i14_dropped_and_rebuilt_every_cell_and_every_fact_is_the_same(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world, ends=dict.fromkeys(WIDE, "RESTRICT"))
        await a_busy_day(c)
        await world.hub.start()
        before, facts = await cells(world), index(world)
        assert [name for name in CELLS if not before[name]] in ([], ["report"]), (
            "control: all of them are used"
        )

        await world.hub.rebuild()

        after = await cells(world)
        assert {name for name in CELLS if after[name] != before[name]} <= {SEGMENTS}
        assert content(after[SEGMENTS]) == content(before[SEGMENTS])
        rebuilt = index(world)
        assert {name for name in facts if rebuilt[name] != facts[name]} == set()


def content(segments: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """What segments hold, however many chunks it came in."""
    whole: dict[bytes, bytes] = {}
    for key, chunk in segments:
        whole[key[:32]] = whole.get(key[:32], b"") + (b"," if key[:32] in whole else b"") + chunk
    return whole


async def test_i14_deliveries_go_on_where_they_were(tmp_path: Path, authority: Authority) -> None:
    """Twice the same day, once with a rebuild before each fetch: the partner cannot tell."""
    seen = []
    for rebuilt in (False, True):
        async with stage(tmp_path / str(rebuilt), authority) as world:
            c = await cast(world, ends=dict.fromkeys(WIDE, "RESTRICT"))
            await a_busy_day(c)
            if rebuilt:
                await world.hub.rebuild()
            await c.hostel.drain(max_items=1)
            if rebuilt:
                await world.hub.rebuild()
            await c.hostel.history("room-4")
            await c.hostel.feed_status()
            assert c.hostel.bookmark > 5, "control"
            seen.append(c.hostel.seen)
    assert seen[0] == seen[1]
