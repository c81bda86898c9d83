"""I1: an acknowledged command stands at one dense position; a repeat gets its answer, another body none."""

import asyncio
from pathlib import Path

import grpc

from oncetold.v1 import record_service_pb2, records_pb2
from tests.integration.loopback import refused
from tests.invariants.ledger import entries, stored
from tests.twins.cast import bedded_down, cast
from tests.twins.stage import Authority, stage

PUBLISH = "RecordService/PublishRecords"


async def test_i1_a_repeat_gets_the_same_answer_and_another_body_is_refused(
    tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        answer = record_service_pb2.PublishRecordsResponse
        first = await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        request = record_service_pb2.PublishRecordsRequest.FromString(c.outreach.seen[-1].asked)
        size = await world.size()
        assert c.outreach.seen[-1].grew == 1, "control: the first attempt was recorded"
        for _ in range(3):
            assert await c.outreach.ask(PUBLISH, request, answer) == first
            assert c.outreach.seen[-1].grew == 0
        request.records[0].content.contact.bedded_down = False
        outcome = await refused(c.outreach.ask(PUBLISH, request, answer))
        assert outcome == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED", {})
        assert c.outreach.seen[-1].grew == 1, "a refusal is on record (I15)"
        assert first.positions[0].index == size
        content = records_pb2.Contact(bedded_down=True)
        await c.outreach.grant("rosa", ("ACCOMMODATION", "SERVICE_CONTACT"), to="hostel")
        [told] = await c.hostel.drain()
        assert told.disclose.content.contact == content, "told once, and as it was first told"


async def test_i1_positions_are_dense_and_durable_when_they_are_answered(
    tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        before = await world.size()
        answers = await asyncio.gather(
            *(c.outreach.publish("rosa", f"visit-{number}", contact=bedded_down()) for number in range(20))
        )
        positions = sorted(answer.positions[0].index for answer in answers)
        assert positions == list(range(before + 1, before + 21))
        assert stored(world) == before + 20, "another connection sees what was acknowledged"
        every = await entries(world)
        assert [entry.position for entry in every] == list(range(1, len(every) + 1))
