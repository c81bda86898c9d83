"""The agencies' adapters, each with its own database, state and quarantine file in one folder."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import create_engine

from adapters.kit.client import Hub
from adapters.kit.config import FeedSettings, HubSettings
from adapters.kit.copies import NOTHING_ELSE
from adapters.kit.published import Published
from adapters.kit.publisher import Publisher
from adapters.kit.quarantine import Quarantine
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.runner import Runner, RunReport
from adapters.kit.source import PublishReport
from adapters.sql.sink import SqlSink
from hub import pki
from tests.integration.loopback import Site
from tests.privacy.told import CaseFiles

Answer = TypeVar("Answer")


class Partners:
    """Runs adapters against a hub that listens on a port. The kit is synchronous: each call has a thread."""

    def __init__(self, site: Site, folder: Path) -> None:
        self._site, self._folder = site, folder
        self.port = 0
        self.quarantine = folder / "quarantine.csv"

    def _settings(self, credentials: pki.Credentials) -> HubSettings:
        return HubSettings(
            f"localhost:{self.port}",
            self._site.authority.certificate,
            credentials.certificate,
            credentials.key,
        )

    def database(self, agency: str) -> Path:
        return self._folder / f"{agency}.sqlite"

    async def publish(self, credentials: pki.Credentials, source: CaseFiles) -> PublishReport:
        def work() -> PublishReport:
            with (
                Hub.connect(self._settings(credentials)) as hub,
                Published(self._folder / "published.sqlite") as published,
                Quarantine(self.quarantine) as quarantine,
            ):
                return Publisher(hub, published, quarantine).publish(source)

        return await _in_thread(work)

    async def receive(self, agency: str, credentials: pki.Credentials, feed_id: str) -> RunReport:
        def work() -> RunReport:
            engine = create_engine(f"sqlite:///{self.database(agency)}", hide_parameters=True)
            with Hub.connect(self._settings(credentials)) as hub:
                signer = ReceiptSigner.from_file(credentials.key)
                report = Runner(
                    hub, SqlSink(engine, feed_id, beside=NOTHING_ELSE), signer, FeedSettings(feed_id)
                ).run(once=True)
            engine.dispose()
            return report

        return await _in_thread(work)


async def _in_thread(work: Callable[[], Answer]) -> Answer:
    async with asyncio.timeout(60):
        return await asyncio.to_thread(work)
