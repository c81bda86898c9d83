"""The adapter kit beside a real hub: published by one agency, kept in the other's database, and gone
again."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import create_engine, text

from adapters.kit.client import Hub
from adapters.kit.config import FeedSettings, HubSettings
from adapters.kit.copies import NOTHING_ELSE
from adapters.kit.published import Published
from adapters.kit.publisher import Publisher
from adapters.kit.quarantine import Quarantine
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.runner import Runner, RunReport
from adapters.kit.source import Nothing, Origin, PublishReport, Rejected, SourceRecord
from adapters.sql.sink import SqlSink
from hub import pki
from hub.bootstrap import RunningHub, running_hub
from oncetold.v1 import audit_service_pb2, common_pb2, records_pb2
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from oncetold.v1.record_service_pb2 import Record
from tests.integration.loopback import Site, adapter_channel
from tests.integration.story import Story, begin, grant, link, withdraw

Answer = TypeVar("Answer")


class Visits:
    """The outreach team's own system: one visit, and one whose words nobody released."""

    def __init__(self, *, bedded_down: bool) -> None:
        self.bedded_down = bedded_down

    def records(self) -> Iterator[SourceRecord | Rejected | Nothing]:
        for number, contact in enumerate(
            (
                records_pb2.Contact(bedded_down=self.bedded_down),
                records_pb2.Contact(narrative=common_pb2.FreeText(text="Not released.")),
            ),
            start=1,
        ):
            record = Record(
                record_id=f"visit-{number}",
                client_reference="out-7",
                service_type=common_pb2.SERVICE_TYPE_STREET_OUTREACH,
                source_system="test",
                content=records_pb2.RecordContent(contact=contact),
            )
            record.occurred_time.FromDatetime(datetime(2026, 3, number, tzinfo=UTC))
            yield SourceRecord("out-7", record, Origin("visits", number))


class Adapters:
    """Both agencies' adapters over one folder; the kit is synchronous, so each call runs in a thread."""

    def __init__(self, site: Site, running: RunningHub, story: Story, folder: Path) -> None:
        self._site, self._running, self._story, self._folder = site, running, story, folder
        self.database = folder / "hostel.sqlite"

    def _settings(self, credentials: pki.Credentials) -> HubSettings:
        return HubSettings(
            f"localhost:{self._running.port}",
            self._site.authority.certificate,
            credentials.certificate,
            credentials.key,
        )

    async def publish(self, source: Visits) -> PublishReport:
        def work() -> PublishReport:
            with (
                Hub.connect(self._settings(self._story.outreach)) as hub,
                Published(self._folder / "published.sqlite") as published,
                Quarantine(self._folder / "quarantine.csv") as quarantine,
            ):
                return Publisher(hub, published, quarantine).publish(source)

        return await _in_thread(work)

    async def receive(self) -> RunReport:
        def work() -> RunReport:
            settings = self._settings(self._story.hostel)
            engine = create_engine(f"sqlite:///{self.database}")
            with Hub.connect(settings) as hub:
                signer = ReceiptSigner.from_file(settings.key_file)
                sink = SqlSink(engine, self._story.feed_id, beside=NOTHING_ELSE)
                report = Runner(hub, sink, signer, FeedSettings(self._story.feed_id)).run(once=True)
            engine.dispose()
            return report

        return await _in_thread(work)

    def held(self) -> list[tuple[str, str]]:
        engine = create_engine(f"sqlite:///{self.database}")
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT client_reference, content FROM oncetold_elements"))
            found = [(row.client_reference, row.content) for row in rows]
        engine.dispose()
        return found


async def _in_thread(work: Callable[[], Answer]) -> Answer:
    async with asyncio.timeout(60):
        return await asyncio.to_thread(work)


async def test_published_kept_corrected_and_gone_again(site: Site, tmp_path: Path) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        adapters = Adapters(site, running, story, tmp_path)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            first = await adapters.publish(Visits(bedded_down=True))
            assert (first.published, first.quarantined) == (1, 1)
            assert "visits,2,FREE_TEXT_NOT_RELEASED" in (tmp_path / "quarantine.csv").read_text()
            grant_id = await grant(outreach)
            assert (await adapters.receive()).applied == 1
            assert adapters.held() == [("hos-3", '{"bedded_down": true}')]

            assert (await adapters.publish(Visits(bedded_down=False))).published == 1
            assert (await adapters.receive()).applied == 1
            assert adapters.held() == [("hos-3", '{"bedded_down": false}')]

            await withdraw(outreach, grant_id)
            assert (await adapters.receive()).retracted == 1
            assert adapters.held() == []
            status = await AuditServiceStub(hostel).GetFeedStatus(
                audit_service_pb2.GetFeedStatusRequest(feed_id=story.feed_id)
            )
            assert (status.held, status.open_retractions, status.receipted_retractions) == (0, 0, 1)


async def test_a_database_restored_from_a_backup_loses_what_was_retracted_meanwhile(
    site: Site, tmp_path: Path
) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        adapters = Adapters(site, running, story, tmp_path)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await adapters.publish(Visits(bedded_down=True))
            grant_id = await grant(outreach)
            await adapters.receive()
            shutil.copy(adapters.database, tmp_path / "backup.sqlite")
            await withdraw(outreach, grant_id)
            await adapters.receive()
            assert adapters.held() == []

            shutil.copy(tmp_path / "backup.sqlite", adapters.database)
            assert len(adapters.held()) == 1
            report = await adapters.receive()

            assert (report.reconciled, report.retracted) == (1, 1)
            assert adapters.held() == []
            assert (await adapters.receive()).applied == 0
