"""SAFETY H25 by the clock, to the microsecond: an allegation without outcome ends at twelve months, what was
judged at its review; a spent conviction is nothing where people are housed, employed or found eligible."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from oncetold.v1 import common_pb2, record_service_pb2, records_pb2
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

INSTANT = timedelta(microseconds=1)
CATEGORIES = ("SAFEGUARDING_RISK", "OFFENDING", "SERVICE_CONTACT")


def code(word: str) -> common_pb2.Coding:
    return common_pb2.Coding(system="test:risk", code=word)


async def told(
    desk: Desk,
    record_id: str,
    content: records_pb2.RecordContent,
    occurred: datetime,
    *,
    revision: int = 1,
    review_by: datetime | None = None,
    spent_on: datetime | None = None,
) -> None:
    """Publishes about Rosa."""
    record = record_service_pb2.Record(
        record_id=record_id,
        revision=revision,
        client_reference="rosa",
        service_type=desk.service_type,
        source_system="case-book",
        content=content,
    )
    record.occurred_time.FromDatetime(occurred)
    if review_by is not None:
        record.review_by_time.FromDatetime(review_by)
    if spent_on is not None:
        record.spent_on_time.FromDatetime(spent_on)
    request = record_service_pb2.PublishRecordsRequest(request_id=desk.stage.request_id(), records=[record])
    await desk.ask("RecordService/PublishRecords", request, record_service_pb2.PublishRecordsResponse)


def risk(**said: Any) -> records_pb2.RecordContent:
    return records_pb2.RecordContent(risk=records_pb2.Risk(level=code("high"), **said))


def conviction() -> records_pb2.RecordContent:
    answer = common_pb2.CategorisedAnswer(
        category=common_pb2.DATA_CATEGORY_OFFENDING, question=code("conviction"), coded=code("theft")
    )
    return records_pb2.RecordContent(assessment=records_pb2.Assessment(answers=[answer]))


async def town(
    world: Stage, kind: str = "HOSTEL", purposes: tuple[str, ...] = ("DIRECT_SUPPORT",)
) -> tuple[Desk, Desk]:
    """A street team that knows Rosa, and a service of some kind that may hear of her for these purposes."""
    outreach = await world.agency("outreach", "STREET_OUTREACH")
    other = await world.agency("other", kind, receives=CATEGORIES, purposes=purposes)
    await world.agreement(("outreach", "other"), dict.fromkeys(CATEGORIES, "ERASE"), purposes=purposes)
    await outreach.register("rosa")
    await other.register("r-1")
    await outreach.link("rosa", other, "r-1")
    until = world.clock.now() + timedelta(days=364)
    await outreach.grant("rosa", CATEGORIES, to="other", purposes=purposes, until=until)
    return outreach, other


async def stands(other: Desk) -> int:
    """How many fragments the other reads now; what it holds is the same once nothing more comes."""
    read = len((await other.history("r-1")).elements)
    await other.drain()
    assert len(other.store) == read
    return read


async def test_an_allegation_without_outcome_ends_to_the_moment(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, other = await town(world)
        ends = world.clock.now() + timedelta(days=30)
        occurred = ends.replace(year=ends.year - 1)
        await told(outreach, "a", risk(source=code("alleged")), occurred)
        # Controls: what was seen, and what was found to be so, does not end with it.
        await told(outreach, "o", risk(source=code("observed")), occurred)
        await told(outreach, "f", risk(source=code("alleged"), outcome=code("founded")), occurred)
        # However late its author would look again.
        late = ends + timedelta(days=200)
        await told(outreach, "l", risk(source=code("alleged")), occurred, review_by=late)
        assert await stands(other) == 4
        world.clock.advance(timedelta(days=30) - INSTANT)
        assert await stands(other) == 4
        world.clock.advance(INSTANT)
        assert await stands(other) == 2, "both allegations"

        # A revision is judged anew: with an outcome, or of something that happened since, it stands again.
        await told(outreach, "a", risk(source=code("alleged")), occurred, revision=2)
        assert await stands(other) == 2, "nothing new was said"
        outcome = risk(source=code("alleged"), outcome=code("founded"))
        await told(outreach, "a", outcome, occurred, revision=3)
        assert await stands(other) == 3
        [again] = [one for one in other.store.values() if one.envelope.revision == 3]
        assert again.content.risk.outcome.code == "founded", "the outcome stands beside it"
        await told(outreach, "l", risk(source=code("alleged")), world.clock.now(), revision=2)
        assert await stands(other) == 4


async def test_a_review_that_is_due_ends_delivery_until_it_is_affirmed(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, other = await town(world)
        now = world.clock.now()
        due = now + timedelta(days=5)
        await told(outreach, "t", risk(source=code("told")), now - timedelta(days=1), review_by=due)
        world.clock.advance(timedelta(days=5) - INSTANT)
        assert await stands(other) == 1
        world.clock.advance(INSTANT)
        assert await stands(other) == 0
        again = world.clock.now() + timedelta(days=5)
        await told(
            outreach, "t", risk(source=code("told")), now - timedelta(days=1), revision=2, review_by=again
        )
        assert await stands(other) == 1, "affirmed"


async def _spent(kind: str, folder: Path, authority: Authority) -> list[int]:
    async with stage(folder, authority) as world:
        outreach, other = await town(world, kind)
        now = world.clock.now()
        spent = now + timedelta(days=5)
        await told(outreach, "c", conviction(), now - timedelta(days=400), spent_on=spent)
        found = [await stands(other)]
        for step in (timedelta(days=5) - INSTANT, INSTANT):
            world.clock.advance(step)
            found.append(await stands(other))
        return found


async def test_a_spent_conviction_is_nothing_to_housing_and_employment(
    tmp_path: Path, authority: Authority
) -> None:
    for kind in ("HOUSING", "EMPLOYMENT"):
        assert await _spent(kind, tmp_path / kind[:5], authority) == [1, 1, 0]
    assert await _spent("HOSTEL", tmp_path / "HOSTEL", authority) == [1, 1, 1], "control"


async def test_a_spent_conviction_decides_nobodys_eligibility(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, other = await town(world, purposes=("DIRECT_SUPPORT", "REFERRAL_ELIGIBILITY"))
        now = world.clock.now()
        spent = now + timedelta(days=5)
        await told(outreach, "c", conviction(), now - timedelta(days=400), spent_on=spent)

        async def purposes() -> list[str]:
            await other.drain()
            [held] = other.store.values()
            active = [one for one in held.terms.purposes if one.state == 1]
            return sorted(common_pb2.Purpose.Name(one.purpose).removeprefix("PURPOSE_") for one in active)

        world.clock.advance(timedelta(days=5) - INSTANT)
        assert await purposes() == ["DIRECT_SUPPORT", "REFERRAL_ELIGIBILITY"]
        world.clock.advance(INSTANT)
        assert await purposes() == ["DIRECT_SUPPORT"]
