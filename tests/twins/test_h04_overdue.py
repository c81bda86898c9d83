"""H4 (critical): who is late with giving back is for two posts, and looks alike whatever the cause.

Where she shut out "Dave at Northside", he may be whoever reads an overdue list there. So of the agency that
told it only its data protection officer reads it, and at the agency that has it only the Caldicott guardian,
or the data protection officer while there is none, and never whoever she shut out by name.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from consent_ledger.access import AccessKind
from consent_ledger.staff import Role
from hub.use_cases import audit
from hub.use_cases.work import Caller, Staff, Work
from oncetold.v1 import audit_service_pb2
from tests.erasure.asking import erase
from tests.twins.cast import Cast, bedded_down, cast
from tests.twins.colleague import Colleague, hired
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins, first_difference, worlds

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT")
CAUSES = ("exclusion", "person shut out", "withdrawal", "category", "unlinking", "correction", "erasure")
DPO, GUARDIAN = Role.DATA_PROTECTION_OFFICER, Role.CALDICOTT_GUARDIAN
OTHERS = sorted(set(Role) - {DPO, GUARDIAN})
LATE = timedelta(hours=73)


async def ends(c: Cast, grant_id: str, cause: str) -> None:
    """Rosa's sharing with the hostel ends."""
    match cause:
        case "exclusion":
            await c.outreach.exclude("rosa", "hostel")
        case "person shut out":
            await c.outreach.exclude("rosa", "hostel", staff="dave")
        case "withdrawal":
            await c.outreach.withdraw("rosa", grant_id)
        case "category":
            await c.outreach.exclude("rosa", kind="ACCOMMODATION")
        case "unlinking":
            await c.outreach.unlink(c.link_id)
        case "correction":
            await c.outreach.publish("rosa", "visit-1", revision=2)
        case "erasure":
            await erase(c.outreach, "rosa", "visit-1")


async def late(world: Stage, cause: str, *, fetched: bool = False) -> Cast:
    """The hostel keeps a copy that it should have given back three days ago: nobody there fetched that, or
    its adapter did and never signed."""
    c = await cast(world)
    grant_id = await c.outreach.grant("rosa", WIDE, to="hostel")
    await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
    await c.hostel.drain()
    await ends(c, grant_id, cause)
    if fetched:
        [gone] = await c.hostel.fetch(lose=True)
        assert gone.WhichOneof("step") == "retract"
    world.clock.advance(LATE)
    return c


async def read_by(colleague: Colleague, reference: str = "") -> audit_service_pb2.ListRetractionsResponse:
    """What they read, without where in the ledger their looking stands."""
    answer = await colleague.retractions(reference)
    answer.ClearField("access")
    for line in answer.retractions:
        line.ClearField("position")
    return answer


@pytest.mark.parametrize("fetched", [False, True], ids=["not fetched", "not signed for"])
async def test_h4_two_posts_see_who_is_late_and_nobody_else(
    fetched: bool, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await late(world, "person shut out", fetched=fetched)
        for desk in (c.outreach, c.hostel):
            for role in OTHERS:
                dave = await hired(desk, "dave", role)
                assert await desk.refused(dave.retractions()) == "ROLE_NEEDED"
            assert await desk.tasks() == []
        guardian, officer = await hired(c.hostel, "g-1", GUARDIAN), await hired(c.hostel, "o-1", DPO)
        teller, told_nobody = await hired(c.outreach, "o-1", DPO), await hired(c.elsewhere, "o-1", DPO)
        [copy] = (await read_by(guardian)).copies
        assert (copy.client_reference, copy.due) == ("room-4", not fetched)
        assert [copy.fragment_id] == list(c.hostel.store)
        nothing = audit_service_pb2.ListRetractionsResponse()
        assert await read_by(officer) == await read_by(told_nobody) == nothing
        [line] = (await read_by(teller)).retractions
        assert (line.client_reference, line.recipient_agency_id) == ("rosa", "hostel")
        assert line.overdue and line.due is not fetched and not line.outcome
        assert list((await read_by(teller)).copies) == []
        # The agency's list of who has what about her, which anybody there may be shown, says nothing of it.
        listed = (await c.outreach.list_disclosures("rosa")).disclosures
        assert [one.step for one in listed] == ["DISCLOSE"] and not any(one.overdue for one in listed)


async def test_h4_without_a_guardian_it_is_for_the_officer_there(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await late(world, "exclusion")
        officer = await hired(c.hostel, "o-1", DPO)
        assert len((await read_by(officer)).copies) == 1
        await hired(c.hostel, "g-1", GUARDIAN)
        assert list((await read_by(officer)).copies) == []


@pytest.mark.parametrize("role", [GUARDIAN, DPO])
async def test_h4_whoever_she_shut_out_by_name_reads_nothing_of_it(
    role: str, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await late(world, "person shut out")
        dave, other = await hired(c.hostel, "dave", role), await hired(c.hostel, "g-2", role)
        assert list((await read_by(dave)).copies) == []
        assert len((await read_by(other)).copies) == 1
        # Nor after the two were found to be two women.
        await c.outreach.unlink(c.link_id)
        assert list((await read_by(dave)).copies) == []


async def test_h4_an_officer_where_she_told_it_whom_she_shut_out_by_name_reads_nothing_of_her(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await late(world, "withdrawal")
        shut_out, other = await hired(c.outreach, "o-9", DPO), await hired(c.outreach, "o-1", DPO)
        assert len((await read_by(shut_out, "rosa")).retractions) == 1
        await c.outreach.exclude("rosa", "outreach", staff="o-9")
        for reference in ("", "rosa"):
            assert list((await read_by(shut_out, reference)).retractions) == []
            assert len((await read_by(other, reference)).retractions) == 1


async def test_h4_who_is_late_looks_alike_whatever_the_cause(tmp_path: Path, authority: Authority) -> None:
    seen: dict[tuple[str, bool], list[str]] = {}
    for cause in CAUSES:
        for fetched in (False, True):
            async with stage(tmp_path / str(len(seen)), authority) as world:
                c = await late(world, cause, fetched=fetched)
                guardian, teller = await hired(c.hostel, "g-1", GUARDIAN), await hired(c.outreach, "o-1", DPO)
                seen[cause, fetched] = [str(await read_by(one)) for one in (guardian, teller)]
    for fetched in (False, True):
        assert all(seen[cause, fetched] == seen["withdrawal", fetched] for cause in CAUSES)
    assert seen["withdrawal", False] != seen["withdrawal", True], "control: a difference would be seen"


async def frontline(world: Stage, hidden: bool) -> None:
    """The hostel gives it back, or fetches and never signs; and all that the street team can look at."""
    c = await cast(world)
    grant_id = await c.outreach.grant("rosa", WIDE, to="hostel")
    await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
    await c.hostel.drain()
    await c.outreach.withdraw("rosa", grant_id)
    for _ in range(2):
        await c.hostel.fetch(lose=hidden)
    world.clock.advance(LATE)
    await c.outreach.list_disclosures("rosa")
    await c.outreach.tasks()
    await c.outreach.history("rosa")
    await c.outreach.feed_status()
    await c.outreach.explain("visit-1", "hostel")
    await c.elsewhere.tasks()


async def test_h4_an_agency_at_large_cannot_tell_who_is_late(tmp_path: Path, authority: Authority) -> None:
    await assert_twins(tmp_path, authority, frontline, "outreach", "elsewhere")


async def test_h4_without_the_control_everybody_at_the_agency_reads_it(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def everything(work: Work, caller: Caller, *, client_reference: str) -> tuple[list[object], int]:
        found = work.registration(caller, client_reference, open_only=False)
        return [*audit.disclosure_lines(work, found.registration_id)], work.record_access(
            caller, AccessKind.AUDIT
        )

    monkeypatch.setattr(audit, "list_disclosures", everything)
    one, other = await worlds(tmp_path, authority, frontline)
    assert "ListDisclosures" in first_difference(one["outreach"], other["outreach"])


async def test_h4_without_the_posts_dave_reads_it(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def anybody(work: Work, caller: Caller, *roles: Role) -> Staff:
        return caller.require_staff()

    async with stage(tmp_path, authority) as world:
        c = await late(world, "exclusion")
        dave = await hired(c.hostel, "dave", Role.KEYWORKER)
        monkeypatch.setattr(Work, "require_role", anybody)
        assert len((await read_by(dave)).copies) == 1
