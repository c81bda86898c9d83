"""H29 (high): peer mentors and staff who are clients. Where she works, nobody ever reads of her, alike.

Each control is removed once: in the tests named `control` and `without`.
"""

from contextlib import suppress
from pathlib import Path

import grpc
import pytest

from consent_ledger import facts
from oncetold.v1 import consent_service_pb2 as messages
from tests.integration.loopback import refused
from tests.twins.cast import TOLD_ABOUT, Cast, bedded_down, cast, dose
from tests.twins.colleague import hired
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH")


async def she_works_there(c: Cast, *, really: bool) -> None:
    """Rosa volunteers at the hostel; in the twin somebody else does, of whom the hostel has never heard."""
    await c.outreach.exclude("rosa" if really else "mia", "hostel", workplace=True, at_once=True)


async def test_h29_where_she_works_she_is_like_somebody_of_whom_nothing_is_known(
    tmp_path: Path, authority: Authority
) -> None:
    async def script(world: Stage, hidden: bool) -> None:
        c = await cast(world)
        await she_works_there(c, really=hidden)
        await c.outreach.grant("rosa", WIDE, support_team=True)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        waiting = c.hostel.waiting(0.4)
        await waiting.begun
        told = "rosa" if hidden else "mia"
        await c.outreach.publish(told, "visit-1", contact=bedded_down())
        await c.outreach.publish(told, "medicine-1", assessment=dose("60mg"))
        await waiting.answer
        await c.hostel.drain()
        await c.hostel.history("room-4")
        await c.hostel.tasks()
        await c.hostel.list_choices("room-4")
        await c.hostel.feed_status()
        assert c.hostel.store == {}

    await assert_twins(tmp_path, authority, script, "hostel", "elsewhere")


async def test_h29_control_without_it_everything_goes_there(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await she_works_there(c, really=False)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.hostel.drain()
        assert len(c.hostel.store) == 1
        await she_works_there(c, really=True)
        await c.hostel.drain()
        assert c.hostel.store == {}, "applying there now, she takes back what it had"


async def overridden(world: Stage, *, workplace: bool) -> int:
    """How much an authorised safeguarding override brings to an agency that she shut out."""
    c = await cast(world, ends=dict.fromkeys((*TOLD_ABOUT, "SAFEGUARDING_RISK"), "ERASE"))
    await c.outreach.exclude("rosa", "hostel", workplace=workplace)
    await c.outreach.publish("rosa", "medicine-1", assessment=dose("60mg"))
    worker = await (await hired(c.outreach, "worker-1", "NAVIGATOR")).works_with("rosa")
    lead = await hired(c.outreach, "lead-1", "SAFEGUARDING_LEAD")
    with suppress(grpc.aio.AioRpcError):
        await lead.authorise(await worker.ask_for_override("rosa", "hostel"))
    await c.hostel.drain()
    return len(c.hostel.store)


@pytest.mark.parametrize(
    ("rule", "shares"),
    [(True, False), (False, True)],
    ids=["where she works", "control: an ordinary exclusion"],
)
async def test_h29_no_safeguarding_decision_opens_it(
    rule: bool, shares: bool, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        assert bool(await overridden(world, workplace=rule)) is shares


async def test_h29_without_the_control_an_override_would_open_it(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facts.Exclusion, "may_be_overridden", property(lambda exclusion: True))
    async with stage(tmp_path, authority) as world:
        assert await overridden(world, workplace=True) > 0


async def test_h29_for_employment_there_is_not_even_a_feed(tmp_path: Path, authority: Authority) -> None:
    """Control: without that purpose the same agency's feed is opened, by the same calls."""
    async with stage(tmp_path, authority) as world:
        works = world.agency("works", "EMPLOYMENT", receives=TOLD_ABOUT, purposes=("EMPLOYMENT",))
        assert (await refused(works))[1] == "NO_STANDING_RECIPIENT"
    async with stage(tmp_path / "control", authority) as world:
        await world.agency("works", "EMPLOYMENT", receives=TOLD_ABOUT)


async def test_h29_it_is_of_an_agency(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        for wrong in (
            c.outreach.exclude("rosa", "hostel", staff="dave", workplace=True),
            c.outreach.exclude("rosa", kind="FAMILY", workplace=True),
        ):
            assert await c.outreach.refused(wrong) == "INVALID_FIELD"
        answer = await c.outreach.exclude("rosa", "hostel", workplace=True)
        assert answer.effect == messages.EXCLUSION_EFFECT_AGENCY_SHUT_OUT
