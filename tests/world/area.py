"""The area lives: the export is published, the plan is played, deliveries arrive; all of it is remembered."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from adapters.hmis import HmisExport
from adapters.kit.source import Nothing, PublishReport, Rejected
from oncetold.v1 import audit_service_pb2
from oncetold.v1.common_pb2 import Purpose
from tests.oracle import history as h
from tests.oracle.contract import record_event, record_message
from tests.oracle.facts import Facts
from tests.oracle.play import Player
from tests.oracle.store import expected_store
from tests.world.fragments import Fragments
from tests.world.hub_beside import Callers, HubBeside
from tests.world.partners import Counted, Partner, by_file
from tests.world.plan import Plan

T = TypeVar("T")
THREADS = 4
IN_FLIGHT = 32
"""People whose events are played side by side, so that the hub commits many at once."""


@dataclass
class Published:
    """What became of the export's rows, by file."""

    published: Counter[str] = field(default_factory=Counter)
    nothing: Counter[str] = field(default_factory=Counter)
    quarantined: list[tuple[str, int, str]] = field(default_factory=list)
    unchanged: int = 0

    @property
    def by_file(self) -> Counter[str]:
        """All rows that were accounted for."""
        return self.published + self.nothing + Counter(file for file, _, _ in self.quarantined)


class Area:
    """A hub, its agencies' adapters, and the history that the hub accepted."""

    def __init__(
        self, hub: HubBeside, speak: Callers, folder: Path, plan: Plan, tell: Callable[[str], None]
    ) -> None:
        self.hub, self.plan, self._speak, self._tell = hub, plan, speak, tell
        self.fragments = Fragments(plan.behind)
        self.partners = {agency: Partner(hub, agency, folder, self.fragments) for agency in hub.credentials}
        self.player = Player(speak.call, hub.certificate)
        self.history: list[h.Event] = []
        self.registered: set[tuple[str, str]] = set()
        """Agency and reference, as the agencies' adapters registered them."""
        self.seconds: dict[str, float] = {}
        self._done = 0

    @contextmanager
    def phase(self, name: str, total: int = 0) -> Iterator[None]:
        """Tells every few seconds how far it has come, and in the end how long it took. `total` is 0 where
        nobody knows."""
        began, self._done = time.monotonic(), 0
        self._tell(f"{name} ...")
        telling = asyncio.get_running_loop().create_task(self._progress(name, total))
        try:
            yield
        finally:
            telling.cancel()
            self.seconds[name] = time.monotonic() - began
            self._tell(f"{name}: {self.seconds[name]:.1f} s")

    async def _progress(self, name: str, total: int) -> None:
        while True:
            await asyncio.sleep(5)
            self._tell(f"  {name}: {self._done}" + (f" of {total}" if total else ""))

    def _advance(self) -> None:
        self._done += 1

    # -- what happens ---------------------------------------------------------------------------

    async def found(self) -> None:
        """Agencies, feeds and agreements, one after another."""
        for event in self.plan.founding:
            await self._play(event)
            if isinstance(event, h.FeedOpened):
                partner = self.partners[event.agency]
                partner.feed, partner.feed_id = event.feed, self.player.ids[event.feed]

    async def publish(self, export: HmisExport) -> Published:
        """Every agency publishes its rows; what the hub took becomes history."""
        found = Published()

        def work(partner: Partner) -> tuple[Counter[str], PublishReport]:
            nothing: Counter[str] = Counter()
            return nothing, partner.publish(Counted(export, partner.agency, nothing, self._advance))

        for agency, (nothing, report) in zip(self.partners, await self._with_each(work), strict=True):
            partner = self.partners[agency]
            accepted, partner.accepted = partner.accepted, []
            assert report.published == len(accepted)
            assert report.nothing_recorded == nothing.total()
            found.published += by_file(record for _, record in accepted)
            found.nothing += nothing
            found.unchanged += report.unchanged
            found.quarantined += partner.quarantined()
            for reference, position in partner.registered.items():
                self.registered.add((agency, reference))
                self.history.append(
                    h.ClientRegistered(seq=position, at=self.now, agency=agency, reference=reference)
                )
            partner.registered.clear()
            for position, record in accepted:
                self.fragments.publish(agency, record)
                self.history.append(record_event(agency, record, position, self.now))
        for left in export.unattributed().records():
            match left:
                case Nothing(origin):
                    found.nothing[origin.file] += 1
                case Rejected(origin, reason):
                    found.quarantined.append((origin.file, origin.line, reason))
        return found

    async def play(self, lists: Sequence[Iterable[h.Event]]) -> None:
        """Plays lists side by side, each in its own order."""
        room = asyncio.Semaphore(IN_FLIGHT)

        async def live(events: Iterable[h.Event]) -> None:
            async with room:
                for event in events:
                    await self._play(event)

        async with asyncio.TaskGroup() as group:
            for events in lists:
                group.create_task(live(events))

    async def _play(self, event: h.Event) -> None:
        position = await self.player.play(event)
        self.history.append(replace(event, seq=position, at=self.now))
        if isinstance(event, h.RecordPublished):
            self.fragments.publish(event.agency, record_message(event))
        self._advance()

    @property
    def now(self) -> datetime:
        """What time it is at the hub and everywhere."""
        return self.hub.now

    async def deliver(self) -> None:
        """Every agency's adapter receives until nothing is left."""

        for partner in self.partners.values():
            partner.arrived = self._advance
        await self._with_each(Partner.receive)

    async def _with_each(self, work: Callable[[Partner], T]) -> list[T]:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(THREADS) as threads:
            return await asyncio.gather(
                *(loop.run_in_executor(threads, work, one) for one in self.partners.values())
            )

    # -- what must be ---------------------------------------------------------------------------

    def facts(self) -> Facts:
        """All that the hub accepted, in the ledger's order."""
        self.history.sort(key=lambda event: event.seq)
        return Facts(self.history)

    async def differences(self, facts: Facts) -> list[str]:
        """Where a partner's database is not what the oracle computes; empty when all are right."""
        found = []
        for partner in self.partners.values():
            store = partner.store()
            expected = await asyncio.to_thread(
                expected_store, facts, partner.observations, partner.feed, self.now
            )
            found += [
                f"{partner.feed} {place}: expected {expected.get(place)}, holds {store.get(place)}"
                for place in sorted({*expected, *store}, key=str)
                if expected.get(place) != store.get(place)
            ]
            self._done += 1
        return found

    async def status(self, partner: Partner) -> Any:
        """What the hub says of an agency's feed."""
        request = audit_service_pb2.GetFeedStatusRequest(feed_id=partner.feed_id)
        return await self._speak.call(partner.agency, "GetFeedStatus", request)

    async def explain(self, agency: str, record_id: str, recipient: str, purpose: str) -> set[str]:
        """The reasons why an agency's record, or a part of it, does not go to another."""
        request = audit_service_pb2.ExplainDecisionRequest(
            record_id=record_id,
            recipient_agency_id=recipient,
            purpose=Purpose.Value(f"PURPOSE_{purpose}"),
        )
        answer = await self._speak.call(agency, "ExplainDecision", request)
        return {one.reason for one in answer.explanations}
