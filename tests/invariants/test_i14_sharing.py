"""I14 for what people decide: a hub that folds its ledger anew finds every request, answer and decision, and
the partner's deliveries go on as if nothing had happened."""

from datetime import timedelta
from pathlib import Path

from tests.invariants.test_i14_rebuild import index
from tests.twins.cast import Cast, bedded_down, cast, dose
from tests.twins.colleague import hired
from tests.twins.desk import Seen
from tests.twins.stage import Authority, stage


async def a_day_of_decisions(c: Cast, *, rebuilt: bool) -> None:
    """Something of every kind: refused, narrowed, overridden, declined, signed, ended, lapsed, unanswered."""

    async def again() -> None:
        if rebuilt:
            await c.stage.hub.rebuild()

    lead = await (await hired(c.outreach, "lead-1", "SAFEGUARDING_LEAD")).works_with("rosa")
    guardian = await hired(c.outreach, "guardian-1", "CALDICOTT_GUARDIAN")
    asker = await hired(c.hostel, "worker-1", "KEYWORKER")
    await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
    await c.outreach.publish("rosa", "medicine-1", assessment=dose("40mg"))
    first = (await asker.request("room-4", ("ACCOMMODATION", "PHYSICAL_HEALTH"))).sharing_request_id
    await lead.refuse(first)
    await again()
    narrowed = (await guardian.permit(first, of=("ACCOMMODATION",))).decision_id
    await c.hostel.drain()
    override = await lead.ask_for_override("rosa", "hostel")
    await again()
    await guardian.authorise(override)
    await lead.authorise(await lead.ask_for_override("rosa", "hostel"), decline=True)
    signed = await lead.decide_at_once("rosa", "hostel")
    await again()
    await guardian.countersign(signed)
    await c.hostel.drain()
    await guardian.end(narrowed)
    await again()
    await c.hostel.drain()
    await asker.request("room-4")
    c.stage.clock.advance(timedelta(days=9))
    await again()
    await c.hostel.drain()
    await c.hostel.tasks()
    await c.outreach.tasks()
    await asker.requests()
    await lead.decisions()


async def test_i14_decisions_are_folded_to_the_same_facts(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        await a_day_of_decisions(await cast(world), rebuilt=False)
        await world.hub.start()
        before = index(world)["sharing"]
        assert len(before.requests) == 2
        assert len(before.decisions) == 3
        assert {one.declined for one in before.overrides.values()} == {True, False}
        await world.hub.rebuild()
        assert index(world)["sharing"] == before
        assert index(world)["sharing"] is not before


async def test_i14_deliveries_by_decision_go_on_where_they_were(tmp_path: Path, authority: Authority) -> None:
    seen: list[dict[str, list[Seen]]] = []
    for rebuilt in (False, True):
        async with stage(tmp_path / str(rebuilt), authority) as world:
            c = await cast(world)
            await a_day_of_decisions(c, rebuilt=rebuilt)
            assert c.hostel.retracted, "control: something was taken back"
            assert c.hostel.store, "control: something is left"
            seen.append({name: list(desk.seen) for name, desk in world.desks.items()})
    assert seen[0] == seen[1]
