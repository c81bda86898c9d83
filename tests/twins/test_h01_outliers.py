"""H1 (critical): registrations that stand out are listed for an agency's officer, by its own facts.

Somebody registers a stranger, looks, and writes nothing down. The agency's data protection officer reads that
in the list; and reads the same whether or not anybody else knows the stranger.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from consent_ledger.facts import Registration
from hub.rpc.authentication import ACTING_AGENCY
from hub.use_cases import outliers
from hub.use_cases.work import Work
from oncetold.v1 import audit_service_pb2 as messages
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from tests.integration.loopback import operator_channel, refused
from tests.twins.cast import TOLD_ABOUT, bedded_down, cast
from tests.twins.colleague import Colleague, hired
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage
from tests.twins.test_h01_insider import HERS, UNKNOWN, insider
from tests.twins.twin import first_difference, worlds

MANY, BARE, LOOKED = (messages.OutlierKind.Value(f"OUTLIER_KIND_{one}") for one in outliers.OutlierKind)
FORTNIGHT = timedelta(days=14, minutes=1)
Line = tuple[int, str]


async def officer(desk: Desk) -> Colleague:
    return await hired(desk, "officer-1", "DATA_PROTECTION_OFFICER")


async def page(who: Colleague, after: int = 0) -> messages.ListRegistrationOutliersResponse:
    request = messages.ListRegistrationOutliersRequest(after=after)
    answer: messages.ListRegistrationOutliersResponse = await who.desk.ask(
        "AuditService/ListRegistrationOutliers",
        request,
        messages.ListRegistrationOutliersResponse,
        metadata=who.signed(request),
    )
    return answer


async def listed(desk: Desk) -> list[Line]:
    return sorted((one.kind, one.client_reference) for one in (await page(await officer(desk))).outliers)


async def counted(world: Stage, agency_id: str) -> tuple[int, int, int]:
    async with operator_channel(world.site) as channel:
        request = messages.CountRegistrationOutliersRequest(agency_id=agency_id)
        answer = await AuditServiceStub(channel).CountRegistrationOutliers(request)
    return answer.days_with_many, answer.nothing_recorded, answer.denied_by_the_person


async def test_h1_whoever_was_only_looked_at_is_listed(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        outreach = (await cast(world)).outreach
        await outreach.register("lind", **HERS)
        await world.appoint_lead(outreach, "lind", "outreach")
        landlord = await insider(world)
        await landlord.register("file-1", **HERS)
        for reference in ("file-2", "file-3", "file-4"):
            await landlord.register(reference)
        await landlord.publish("file-2", "visit-1", contact=bedded_down())
        await landlord.grant("file-3", ("ACCOMMODATION",), to="outreach")
        for reference in ("file-2", "file-3"):
            await landlord.history(reference)
        assert await listed(landlord) == [], "nobody is suspected on the first day"
        dave = await hired(landlord, "dave", "NAVIGATOR")
        await dave.history("file-1")
        await dave.history("file-1")
        [line] = (await page(await officer(landlord))).outliers
        assert (line.kind, line.client_reference, line.looks) == (LOOKED, "file-1", 2)
        assert list(line.staff_references) == ["dave"]
        world.clock.advance(FORTNIGHT)
        assert await listed(landlord) == [(BARE, "file-1"), (BARE, "file-4"), (LOOKED, "file-1")]
        assert await counted(world, "landlord") == (0, 2, 0)
        await landlord.publish("file-4", "visit-2", contact=bedded_down())
        assert await listed(landlord) == [(BARE, "file-1"), (LOOKED, "file-1")]
        # Her lead asked her, and she knows nothing of it: that is for the operator, and not for his agency.
        [task] = await outreach.tasks()
        await outreach.complete(task.task_id, "PERSON_SAYS_NO")
        assert await counted(world, "landlord") == (0, 1, 1)
        assert await listed(landlord) == [(BARE, "file-1"), (LOOKED, "file-1")]
        # To close the file, or to take it back as an error, hides nothing.
        await landlord.close("file-1", "IN_ERROR")
        assert await listed(landlord) == [(BARE, "file-1"), (LOOKED, "file-1")]


async def test_h1_a_day_with_far_more_than_usual_is_listed(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        landlord = await world.agency("landlord", "HOUSING")
        number = 0

        async def registers(people: int) -> None:
            nonlocal number
            for _ in range(people):
                number += 1
                await landlord.register(f"file-{number}")

        for people in (2, 2, 2, 2, 2, 6, 7):
            await registers(people)
            world.clock.advance(timedelta(days=1))
        days = [one for one in (await page(await officer(landlord))).outliers if one.kind == MANY]
        assert [(one.registered, one.usual, one.client_reference) for one in days] == [(7, 2, "")], (
            "three times as many and five more; six are not"
        )
        assert await counted(world, "landlord") == (1, 0, 0)
        other = await world.agency("other", "HOUSING")
        for people in range(20):
            assert await listed(other) == []
            await other.register(f"o-{people}")
        assert await listed(other) == [(MANY, "")], "twenty on one day, where nothing is usual yet"


async def test_h1_the_list_is_for_the_officer_and_the_count_for_the_operator(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        for role in ("NAVIGATOR", "CALDICOTT_GUARDIAN", "AGENCY_ADMIN"):
            dave = await hired(c.hostel, "dave", role)
            assert await c.hostel.refused(page(dave)) == "ROLE_NEEDED"
        request = messages.CountRegistrationOutliersRequest(agency_id="hostel")
        counting = c.hostel.ask(
            "AuditService/CountRegistrationOutliers", request, messages.CountRegistrationOutliersResponse
        )
        assert await c.hostel.refused(counting) == "OPERATOR_ONLY"
        async with operator_channel(world.site) as channel:
            listing = AuditServiceStub(channel).ListRegistrationOutliers(
                messages.ListRegistrationOutliersRequest(), metadata=((ACTING_AGENCY, "hostel"),)
            )
            assert (await refused(listing))[1] == "UNKNOWN_CERTIFICATE", "not even the operator for it"


async def test_h1_it_goes_on_page_by_page(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outliers, "LOOKED_AT", 10)
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await c.hostel.register("file-1")
        looks = 0
        for number in range(3):
            await c.hostel.history("file-1")
            for _ in range(9 * (number % 2)):
                await c.outreach.tasks()
        who, after, pages = await officer(c.hostel), 0, 0
        while True:
            answer = await page(who, after)
            looks += sum(one.looks for one in answer.outliers if one.client_reference == "file-1")
            after, pages = answer.next, pages + 1
            if not after:
                break
        assert (looks, pages > 2) == (3, True)


async def listing(world: Stage, hidden: bool) -> None:
    """The landlord registers her, or somebody whom nobody knows; looks; and its officer reads the list."""
    c = await cast(world)
    await c.outreach.register("lind", **(HERS if hidden else UNKNOWN))
    await c.outreach.publish("lind", "visit-1", contact=bedded_down())
    await c.outreach.grant("lind", TOLD_ABOUT, support_team=True)
    landlord = await insider(world)
    await landlord.register("file-1", **HERS)
    await landlord.history("file-1")
    who = await officer(landlord)
    await page(who)
    world.clock.advance(FORTNIGHT)
    await page(who)


async def test_h1_the_list_is_no_search(tmp_path: Path, authority: Authority) -> None:
    hidden, plain = await worlds(tmp_path, authority, listing)
    for observer in ("landlord", "elsewhere"):
        assert first_difference(hidden[observer], plain[observer]) == ""
    last = messages.ListRegistrationOutliersResponse.FromString(plain["landlord"][-1].answered)
    assert len(last.outliers) == 2, "control: it stands out, for never and for only"


async def test_h1_without_the_control_the_list_would_be_a_search(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def anybodys(work: Work, one: Registration) -> bool:
        return not any(
            work.segments.holds_any(member) for member in work.index.component(one.registration_id)
        )

    monkeypatch.setattr(outliers, "_is_bare", anybodys)
    one, other = await worlds(tmp_path, authority, listing)
    assert "ListRegistrationOutliers" in first_difference(one["landlord"], other["landlord"])
