"""I6: every retraction ends in a signed receipt, or stays visibly open to data protection officers.

Agencies that leave: `tests/erasure/test_departure.py`; what is overdue: `tests/twins/test_h04_overdue.py`.
"""

from pathlib import Path
from typing import Any

from oncetold.v1 import delivery_service_pb2
from tests.twins.cast import bedded_down, cast
from tests.twins.colleague import taken_back
from tests.twins.stage import Authority, stage

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT")


async def test_i6_a_retraction_stays_open_until_its_receipt_is_there(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        grant_id = await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.hostel.drain()
        await c.outreach.withdraw("rosa", grant_id)

        async def standing() -> tuple[int, int, list[Any]]:
            status = await c.hostel.feed_status()
            outcomes = [line.outcome for line in await taken_back(c.outreach, "rosa")]
            return status.open_retractions, status.receipted_retractions, outcomes

        due = [delivery_service_pb2.RETRACTION_OUTCOME_UNSPECIFIED]
        assert await standing() == (0, 0, due), "not fetched yet, and the origin sees that it is due"
        await c.hostel.fetch(lose=True)
        open_one = (1, 0, [delivery_service_pb2.RETRACTION_OUTCOME_UNSPECIFIED])
        assert await standing() == open_one, "sent and lost: open"
        await c.hostel.fetch()
        assert await standing() == open_one, "sent again: still one, still open"
        kept, c.hostel.receipts = c.hostel.receipts, []
        await c.hostel.fetch()
        assert await standing() == open_one, "acknowledged is not receipted"
        c.hostel.receipts = kept
        await c.hostel.fetch()
        assert await standing() == (0, 1, [delivery_service_pb2.RETRACTION_OUTCOME_ERASED])
