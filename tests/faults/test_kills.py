"""Rows 1 and 19, and recovery without a human: hub and adapters are killed at random moments, on and on.

A hub serves over mutual TLS; one adapter publishes, two receive; a town publishes, grants and withdraws. All
of it is killed with SIGKILL and started again while it works and while it starts. In the end nothing
acknowledged is lost, nothing happened twice, and every partner's database is what the oracle computes.
"""

import asyncio
import random
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import create_engine

from adapters.kit.client import Hub
from adapters.kit.config import FeedSettings
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.runner import Runner
from adapters.sql.sink import SqlSink
from consent_ledger.clock import SystemClock
from consent_ledger.entry import Entry
from consent_ledger.ledger import Ledger, Transaction, open_ledger
from consent_ledger.records import read_fragment_class, read_record
from consent_ledger.repository import EVENT_SCHEMA
from oncetold.v1.record_service_pb2 import GetHistoryRequest
from tests.faults import processes
from tests.faults.children import Nursery, nursery
from tests.faults.effects import count_effects, sent_steps, wrong_effects
from tests.faults.figures import Figures, rounds
from tests.faults.town import PEOPLE, RECEIVERS, Town, make_town
from tests.faults.tree_head import TreeHead
from tests.oracle import history as h
from tests.postgres import server
from tests.world.hub_beside import MODULES

TOPIC_OF = {
    h.AgencyRegistered: "agency.registered.v1",
    h.FeedOpened: "agency.subscribed.v1",
    h.AgreementDrafted: "agreement.drafted.v1",
    h.AgreementSigned: "agreement.signed.v1",
    h.ClientRegistered: "registration.opened.v1",
    h.LinkConfirmed: "link.confirmed.v1",
    h.GrantRecorded: "grant.recorded.v1",
    h.GrantWithdrawn: "grant.withdrawn.v1",
    h.ExclusionRecorded: "exclusion.recorded.v1",
    h.ExclusionLifted: "exclusion.lifted.v1",
}
"""What one acknowledged event leaves in the ledger, once."""


class Killing:
    """Starts the town's processes, and kills them."""

    def __init__(self, town: Town, home: Nursery, head: TreeHead, seed: int) -> None:
        self._town, self._home, self._head, self._chance = town, home, head, random.Random(seed)
        self.kills: Counter[str] = Counter()

    def start(self, name: str) -> None:
        town = self._town
        if name == "hub":
            self._home.start(name, "serve", str(town.site.config.data), f"127.0.0.1:{town.port}")
        elif name == "publisher":
            self._home.start(
                name, "publish", town.told("outreach"), "outreach", str(town.rows_file), str(town.folder)
            )
        else:
            self._home.start(
                name, "receive", town.told(name), town.player.ids[name], str(town.database(name))
            )

    async def until(self, kills: int) -> None:
        """Kills something and starts it again: a third of the time at once again, so that it dies while it
        starts, and otherwise once the hub serves and has worked for a moment."""
        while self.kills.total() < kills:
            name = self._chance.choices(("hub", "publisher", *RECEIVERS), (5, 2, 2, 2))[0]
            assert await asyncio.to_thread(self._home.kill, name), f"{name} ended by itself"
            self.start(name)
            self.kills[name] += 1
            if self._chance.random() < 0.3:
                await asyncio.sleep(self._chance.uniform(0, 0.3))
                continue
            while not await self._town.is_served():
                await asyncio.sleep(0.01)
            if name == "hub":
                await self._head.look(self._town)
            await asyncio.sleep(self._chance.uniform(0, 0.6))


async def _lived(town: Town, home: Nursery, head: TreeHead, kills: int, figures: Figures) -> None:
    killing = Killing(town, home, head, figures["seed"])
    killing.start("hub")
    async with town.connected():
        await town.found()
        for name in RECEIVERS:
            count_effects(town.database(name), town.player.ids[name])
        for name in ("publisher", *RECEIVERS):
            killing.start(name)
        lives = asyncio.ensure_future(killing.until(kills))
        while not lives.done():
            await town.live()
            await asyncio.sleep(0)
        await lives
        figures.update(killing.kills, kills=killing.kills.total())
        for name in ("publisher", *RECEIVERS):
            home.kill(name)
        await asyncio.to_thread(town.publish_the_rest)
        for name in RECEIVERS:
            await asyncio.to_thread(_receive_the_rest, town, name)
        await _the_same_answers(town, figures)
        await _histories_equal_stores(town)
    home.kill("hub")


def _receive_the_rest(town: Town, agency: str) -> None:
    settings = processes.settings(town.told(agency))
    engine = create_engine(f"sqlite:///{town.database(agency)}")
    sink = SqlSink(engine, town.player.ids[agency])
    signer = ReceiptSigner.from_file(settings.key_file)
    with Hub.connect(settings) as hub:
        feed = FeedSettings(town.player.ids[agency])
        report = Runner(hub, sink, signer, feed, backoff=processes.IMPATIENT).run(once=True)
    status = sink.status()
    assert (report.put_aside, report.reconciled, status.receipts_to_send, status.bookmark.epoch) == (
        0,
        0,
        0,
        1,
    )
    engine.dispose()


async def _the_same_answers(town: Town, figures: Figures) -> None:
    """Row 19: a request that was answered is answered the same again, and nothing comes of it."""
    asked = list(town.acknowledged.items())
    town.acknowledged = {}
    for position, (agency, method, request, answer) in asked[:: max(1, len(asked) // 200)]:
        again = await town.call(agency, method, _request_class(method).FromString(request))
        assert again.SerializeToString() == answer, f"{method} at {position} was answered anew"
        figures["repeated and answered the same"] = figures.get("repeated and answered the same", 0) + 1
        town.acknowledged.clear()
    town.acknowledged = dict(asked)


def _request_class(method: str) -> type[Message]:
    return next(
        GetMessageClass(one.input_type)
        for module in MODULES
        for service in module.DESCRIPTOR.services_by_name.values()
        for one in service.methods
        if one.name == method
    )


async def _histories_equal_stores(town: Town) -> None:
    """What is read live is what is held."""
    for agency in RECEIVERS:
        store = town.store(agency)
        for person in range(PEOPLE):
            reference = f"{agency}-{person}"
            request = GetHistoryRequest(feed_id=town.player.ids[agency], client_reference=reference)
            answer = await town.call(agency, "GetHistory", request)
            own = [key for (of, key) in store if of == reference]
            assert len(answer.elements) == len(own), f"history of {reference} is not what is held"


def _opened(town: Town) -> Ledger:
    return open_ledger(town.site.config.ledger, town.site.config.root_key, clock=SystemClock())


def _judged(town: Town, head: TreeHead, figures: Figures) -> None:
    """Opens the ledger itself, and holds all that was acknowledged, signed and done against it."""

    def everything(transaction: Transaction) -> tuple[list[Entry], list[bytes]]:
        return transaction.entries(0, transaction.size), transaction.leaf_hashes(0, transaction.size)

    with closing(_opened(town)) as ledger:
        entries, leaves = ledger.submit(everything).result(300)
    figures["tree heads after kills"] = head.judge(leaves)
    rows = _told_rows(town, entries)
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    lost = [position for position in town.acknowledged if position > len(entries)]
    figures["entries"], figures["acknowledged"] = len(entries), len(town.acknowledged)
    figures["acknowledged and lost"] = len(lost)
    assert lost == []
    topics = Counter(entry.parts[0].schema.removeprefix(EVENT_SCHEMA) for entry in entries)
    told = Counter(type(event) for event in town.history)
    twice = {
        topic: topics[topic] - told[kind] for kind, topic in TOPIC_OF.items() if topics[topic] != told[kind]
    }
    assert twice == {}, "more or fewer of these stand in the ledger than were acknowledged"
    for agency in RECEIVERS:
        sent = sent_steps(entries, town.player.ids[agency])
        transactions, wrong = wrong_effects(town.database(agency), sent)
        figures[f"{agency}: steps sent, transactions"] = (len(sent), transactions)
        assert wrong == []
        assert town.differences(town.facts(rows), agency) == []
        figures[f"{agency}: held"] = len(town.store(agency))
    figures["duplicated effects"] = 0  # or it had stopped above
    figures["calls repeated"] = town.repeated


def _told_rows(town: Town, entries: list[Entry]) -> list[h.Event]:
    """What the adapter published, as the ledger has it: each row's content once, the last one last."""
    rows = {f"record-{number}": row for number, row in town.rows.items()}
    found: list[h.Event] = []
    last: dict[str, list[bytes]] = {}
    revisions: Counter[str] = Counter()
    for entry in entries:
        record = read_record(entry)
        if record is None or record.agency_id != "outreach" or record.own_id not in rows:
            continue
        content = sorted(fragment.content for fragment in record.fragments)
        assert last.get(record.own_id) != content, "a row was published twice"
        revisions[record.own_id] += 1
        assert record.revision == revisions[record.own_id]
        last[record.own_id] = content
        categories = {
            one for part in record.fragments for one in read_fragment_class(part.fragment_class).categories
        }
        row = rows[record.own_id] | {"categories": sorted(categories)}
        event = processes.row_event("outreach", row, record.revision)
        found.append(replace(event, seq=entry.position, at=entry.recorded_at))
    assert last.keys() == rows.keys(), "a row was never published"
    return found


def _killed(tmp_path: Path, seed: int, kills: int, figures: Figures, ledger: str = "") -> None:
    town = make_town(tmp_path, seed, ledger=ledger)
    began = time.monotonic()
    with closing(_opened(town)) as found:
        head = TreeHead(found)
    with nursery(tmp_path) as home:
        try:
            asyncio.run(_lived(town, home, head, kills, figures))
        except BaseException:
            print(home.log.read_text()[-5000:])
            raise
    _judged(town, head, figures)
    figures["seconds"] = round(time.monotonic() - began, 1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_a_thousand_times(tmp_path: Path, seed: int, figures: Figures) -> None:
    _killed(tmp_path, seed, rounds(1000, "ONCETOLD_KILLS"), figures)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_a_thousand_times_over_postgresql(tmp_path: Path, seed: int, figures: Figures) -> None:
    database = server().create_database()
    try:
        _killed(tmp_path, seed, rounds(1000, "ONCETOLD_KILLS"), figures, ledger=server().url(database))
    finally:
        server().drop_database(database)
