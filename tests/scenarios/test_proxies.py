"""H36: whoever speaks in a client's place is nobody whom the client has shut out, or is at risk from."""

from pathlib import Path

import pytest

from oncetold.v1 import records_pb2
from oncetold.v1.common_pb2 import Coding
from oncetold.v1.consent_service_pb2 import GivenBy, PersonAtAgency
from tests.twins.cast import Cast, also_about, bedded_down, cast
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins

SHARED = ("ACCOMMODATION", "SERVICE_CONTACT")
WORKER = GivenBy(person=PersonAtAgency(agency_id="elsewhere", staff_reference="k-9"))
MOTHER = GivenBy(other="mother")
PARTNER = GivenBy(client_reference="mia")


async def given_by(c: Cast, who: GivenBy) -> str:
    return await c.outreach.grant("rosa", SHARED, to="hostel", given_by=who)


@pytest.mark.parametrize("who", [WORKER, MOTHER, PARTNER])
async def test_somebody_else_may_speak_and_the_grant_says_who(
    tmp_path: Path, authority: Authority, who: GivenBy
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await c.outreach.publish("rosa", "met-1", contact=bedded_down())
        await given_by(c, who)
        [choice] = (await c.outreach.list_choices("rosa")).choices
        assert choice.grant.given_by == who
        await c.hostel.drain()
        assert c.hostel.store


@pytest.mark.parametrize("staff", ["k-9", ""])
async def test_nobody_whom_the_client_shut_out_speaks_for_them(
    tmp_path: Path, authority: Authority, staff: str
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        shut_out = await c.outreach.exclude("rosa", "elsewhere", staff=staff)
        assert await c.outreach.refused(given_by(c, WORKER)) == "PROXY_EXCLUDED"
        colleague = GivenBy(person=PersonAtAgency(agency_id="elsewhere", staff_reference="k-10"))
        if staff:
            assert await given_by(c, colleague), "a colleague may"
        else:
            assert await c.outreach.refused(given_by(c, colleague)) == "PROXY_EXCLUDED"
        await c.outreach.let_in("rosa", shut_out.exclusion_id)
        assert await given_by(c, WORKER)


@pytest.mark.parametrize(("on", "about"), [("rosa", "mia"), ("mia", "rosa")])
async def test_nobody_whom_a_record_of_risk_names_speaks_for_them(
    tmp_path: Path, authority: Authority, on: str, about: str
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        risk = records_pb2.Risk(risk_to=Coding(system="test:risk-to", code="from-others"))
        await c.outreach.publish(on, "risk-1", risk=risk, others=[also_about(about, "SAFEGUARDING_RISK")])
        assert await c.outreach.refused(given_by(c, PARTNER)) == "PROXY_EXCLUDED"
        assert await given_by(c, MOTHER)


async def test_a_record_of_something_else_keeps_nobody_from_speaking(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await c.outreach.publish("rosa", "met-1", contact=bedded_down())
        risk = records_pb2.Risk(risk_to=Coding(system="test:risk-to", code="self"))
        await c.outreach.publish("rosa", "risk-1", risk=risk)
        assert await given_by(c, PARTNER)


async def test_an_exclusion_told_elsewhere_shows_to_nobody_and_the_grant_opens_nothing(
    tmp_path: Path, authority: Authority
) -> None:
    """Rosa shut the worker out at the hostel; the street team must not learn that from a refusal."""

    async def script(world: Stage, hidden: bool) -> None:
        c = await cast(world)
        await c.hostel.register("room-5")
        await c.hostel.exclude("room-4" if hidden else "room-5", "elsewhere", staff="k-9")
        await given_by(c, WORKER)
        await c.outreach.list_choices("rosa")
        await c.outreach.publish("rosa", "met-1", contact=bedded_down())
        came = await c.hostel.drain()
        assert bool(came) != hidden, "control: what the grant opens differs"

    await assert_twins(tmp_path, authority, script, "outreach")
