"""Row 15: a partner is down for a week while somebody withdraws. It is seen, and made good on its return."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.kit.client import Hub
from adapters.kit.config import FeedSettings, HubSettings
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.runner import Runner
from adapters.sql.engine import open_engine
from adapters.sql.sink import SqlSink
from hub.bootstrap import RunningHub, running_hub
from oncetold.v1 import audit_service_pb2, delivery_service_pb2
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from tests.clock import ManualClock
from tests.faults.figures import Figures
from tests.integration.loopback import Site, adapter_channel, make_site
from tests.integration.officer import taken_back
from tests.integration.story import Story, begin, grant, link, publish, withdraw

RESTRICTED = delivery_service_pb2.RETRACTION_OUTCOME_RESTRICTED


def test_a_partner_away_for_a_week(tmp_path: Path, figures: Figures) -> None:
    asyncio.run(_a_week(make_site(tmp_path), tmp_path, figures))


async def _a_week(site: Site, folder: Path, figures: Figures) -> None:
    clock = ManualClock(datetime.now(UTC) + timedelta(minutes=1))
    async with running_hub(site.config, clock=clock) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await publish(outreach)
            grant_id = await grant(outreach)
            assert await _receive(site, running, story, folder, clock) == 1
            assert [line.step for line in await _told(site, running, story)] == ["DISCLOSE"]

            await withdraw(outreach, grant_id)
            fetched = clock.now()
            clock.advance(timedelta(hours=1))
            [_, due] = await _told(site, running, story)
            assert (due.step, due.due, due.overdue, due.HasField("position")) == (
                "RETRACT",
                True,
                False,
                False,
            )
            assert abs(due.recorded_time.ToDatetime(UTC) - fetched) < timedelta(seconds=1)
            days_overdue = 0
            for _ in range(7):
                clock.advance(timedelta(days=1))
                [_, due] = await _told(site, running, story)
                assert due.due and due.outcome == 0
                days_overdue += due.overdue
            assert days_overdue == 5, "72 hours and an hour are gone on the third of seven days' looks"

            assert await _receive(site, running, story, folder, clock) == 0
            [_, retracted] = await _told(site, running, story)
            assert (retracted.step, retracted.due, retracted.overdue) == ("RETRACT", False, False)
            # This sink does not say where else it keeps things, so its receipt claims no more than that.
            assert retracted.outcome == RESTRICTED and retracted.position.index > 0
            status = await AuditServiceStub(hostel).GetFeedStatus(
                audit_service_pb2.GetFeedStatusRequest(feed_id=story.feed_id)
            )
            assert (status.held, status.open_retractions, status.receipted_retractions) == (0, 0, 1)
    figures.update({"days away": 7, "days on which it read overdue": days_overdue, "left behind": 0})


async def _told(site: Site, running: RunningHub, story: Story) -> list[Any]:
    """What the teller's data protection officer reads: what left, and what is taken back."""
    async with adapter_channel(site, running, story.outreach) as outreach:
        request = audit_service_pb2.ListDisclosuresRequest(client_reference="out-7")
        left = await AuditServiceStub(outreach).ListDisclosures(request)
    return [*left.disclosures, *await taken_back(site, running, story.outreach, "out-7")]


async def _receive(site: Site, running: RunningHub, story: Story, folder: Path, clock: ManualClock) -> int:
    """The hostel's adapter runs until nothing more comes; returns how many fragments it then holds."""

    def work() -> int:
        found = story.hostel
        settings = HubSettings(
            f"localhost:{running.port}", site.authority.certificate, found.certificate, found.key
        )
        engine = open_engine("sink", {"url": "sqlite:///hostel.sqlite"}, folder)
        sink = SqlSink(engine, story.feed_id, now=clock.now)
        with Hub.connect(settings) as hub:
            Runner(hub, sink, ReceiptSigner.from_file(found.key), FeedSettings(story.feed_id)).run(once=True)
        held = sink.status().held
        engine.dispose()
        return held

    return await asyncio.to_thread(work)
