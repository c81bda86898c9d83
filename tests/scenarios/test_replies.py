"""SAFETY H25: the client's reply stands beside the risk it disputes, and points at nothing that is hidden."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from oncetold.v1 import common_pb2, record_service_pb2, records_pb2
from tests.integration.loopback import refused
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

CATEGORIES = ("SAFEGUARDING_RISK", "OWN_STORY", "SERVICE_CONTACT")
OWN_ID = "risk-of-the-14th"


def risk() -> records_pb2.RecordContent:
    return records_pb2.RecordContent(
        risk=records_pb2.Risk(level=common_pb2.Coding(system="test:risk", code="high"))
    )


def reply(*released: str, to: str = OWN_ID) -> records_pb2.RecordContent:
    """The client's words, released under these categories."""
    named = [common_pb2.DataCategory.Value(f"DATA_CATEGORY_{one}") for one in released]
    text = common_pb2.FreeText(text="It was not me.", released_categories=named)
    return records_pb2.RecordContent(
        client_statement=records_pb2.ClientStatement(text=text, disputes_record_id=to)
    )


async def told(desk: Desk, *records: tuple[str, records_pb2.RecordContent], about: str = "rosa") -> Any:
    """Publishes records in one call, each new."""
    made = []
    for record_id, content in records:
        record = record_service_pb2.Record(
            record_id=record_id, revision=1, client_reference=about, service_type=desk.service_type,
            source_system="case-book", content=content,
        )  # fmt: skip
        record.occurred_time.FromDatetime(desk.stage.clock.now() - timedelta(hours=1))
        made.append(record)
    request = record_service_pb2.PublishRecordsRequest(request_id=desk.stage.request_id(), records=made)
    return await desk.ask("RecordService/PublishRecords", request, record_service_pb2.PublishRecordsResponse)


async def town(world: Stage, *readers: str) -> tuple[Desk, list[Desk]]:
    outreach = await world.agency("outreach", "STREET_OUTREACH")
    others = [await world.agency(name, "HOSTEL", receives=CATEGORIES) for name in readers]
    await world.agreement(("outreach", *readers), dict.fromkeys(CATEGORIES, "ERASE"))
    await outreach.register("rosa")
    await outreach.register("mia")
    for reader in others:
        await reader.register(f"at-{reader.agency_id}")
        await outreach.link("rosa", reader, f"at-{reader.agency_id}")
    return outreach, others


def parts(reader: Desk) -> dict[str, Any]:
    """What the reader holds: the risk, the client's words, and what says that they dispute it."""
    found = {}
    for one in reader.store.values():
        kind = str(one.content.WhichOneof("type"))
        if kind == "client_statement":
            kind = "words" if one.content.client_statement.HasField("text") else "pointer"
        found[kind] = one
    return found


async def test_the_reply_stands_beside_the_risk_under_the_readers_own_id(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, readers = await town(world, "hostel", "shelter")
        await told(outreach, (OWN_ID, risk()))
        await told(outreach, ("statement-1", reply("SAFEGUARDING_RISK")))
        named = set()
        for reader in readers:
            await outreach.grant("rosa", ("SAFEGUARDING_RISK", "SERVICE_CONTACT"), to=reader.agency_id)
            await reader.drain()
            held = parts(reader)
            assert set(held) == {"risk", "words", "pointer"}
            pointed = held["pointer"].content.client_statement.disputes_record_id
            assert pointed == held["risk"].envelope.record_id
            assert held["words"].envelope.record_id == held["pointer"].envelope.record_id
            named.add(pointed)
            read = (await reader.history(f"at-{reader.agency_id}")).elements
            assert {one.fragment_id: one.content for one in read} == {
                one.fragment_id: one.content for one in reader.store.values()
            }
            assert all(OWN_ID.encode() not in one.answered for one in reader.seen), "the author's own id"
        assert len(named) == 2, "readers who compare theirs learn nothing"


async def test_who_may_not_know_the_risk_does_not_learn_that_there_is_one(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, [hostel] = await town(world, "hostel")
        # In one call: the reply may come along with what it answers.
        await told(outreach, (OWN_ID, risk()), ("statement-1", reply("OWN_STORY")))
        await outreach.grant("rosa", ("OWN_STORY", "SERVICE_CONTACT"), to="hostel")
        await hostel.drain()
        assert set(parts(hostel)) == {"words"}
        await outreach.grant("rosa", CATEGORIES, to="hostel")
        await hostel.drain()
        assert set(parts(hostel)) == {"risk", "words", "pointer"}, "control"


async def test_who_may_not_read_the_words_is_not_pointed_at_them(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, [hostel] = await town(world, "hostel")
        await told(outreach, (OWN_ID, risk()), ("statement-1", reply("OWN_STORY")))
        await outreach.grant("rosa", ("SAFEGUARDING_RISK", "SERVICE_CONTACT"), to="hostel")
        await hostel.drain()
        assert set(parts(hostel)) == {"risk"}


async def test_only_what_the_same_agency_told_of_the_same_person_can_be_disputed(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, _ = await town(world, "hostel")
        await told(outreach, ("other-1", risk()), about="mia")
        for unknown in (OWN_ID, "other-1"):
            said = await refused(told(outreach, ("statement-1", reply("SAFEGUARDING_RISK", to=unknown))))
            assert said[1] == "INVALID_FIELD"
            assert said[2]["field"] == "content.client_statement.disputes_record_id"
        await told(outreach, (OWN_ID, risk()))
        await told(outreach, ("statement-1", reply("SAFEGUARDING_RISK")))
