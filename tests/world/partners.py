"""Twenty-four agencies' adapters, each with its own database; and what really came to them."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, select

from adapters.hmis import HmisExport
from adapters.hmis.export import Outcome
from adapters.kit.client import Hub
from adapters.kit.config import FeedSettings
from adapters.kit.copies import NOTHING_ELSE
from adapters.kit.published import Published
from adapters.kit.publisher import Publisher
from adapters.kit.quarantine import Quarantine
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.runner import Runner
from adapters.kit.source import Nothing, PublishReport, Source, SourceRecord
from adapters.sql.engine import open_engine
from adapters.sql.sink import SqlSink
from adapters.sql.tables import ELEMENTS
from oncetold.v1.common_pb2 import Purpose
from oncetold.v1.delivery_service_pb2 import (
    Delivery,
    FetchDeliveriesRequest,
    FetchDeliveriesResponse,
    PermissionState,
    Terms,
)
from oncetold.v1.record_service_pb2 import PublishRecordsRequest, PublishRecordsResponse, Record
from oncetold.v1.registration_service_pb2 import RegisterClientRequest, RegisterClientResponse
from tests.oracle import history as h
from tests.oracle.store import Held, Place
from tests.world.fragments import Fragments
from tests.world.hub_beside import HubBeside


class WatchedHub(Hub):
    """The kit's own client, which notes what went over it once it was answered."""

    notes: "Partner"

    def fetch(self, request: FetchDeliveriesRequest) -> FetchDeliveriesResponse:
        response = super().fetch(request)
        self.notes.fetched(request, response)
        return response

    def publish(self, request: PublishRecordsRequest) -> PublishRecordsResponse:
        response = super().publish(request)
        positions = [int(position.index) for position in response.positions]
        self.notes.accepted += zip(positions, request.records, strict=True)
        return response

    def register(self, request: RegisterClientRequest) -> RegisterClientResponse:
        response = super().register(request)
        self.notes.registered[request.client_reference] = int(response.position.index)
        return response


@dataclass
class Partner:
    """One agency. `feed` is the plan's name of its feed, `feed_id` the hub's."""

    hub: HubBeside
    agency: str
    folder: Path
    fragments: Fragments
    feed: str = ""
    feed_id: str = ""
    accepted: list[tuple[int, Record]] = field(default_factory=list)
    registered: dict[str, int] = field(default_factory=dict)
    observations: list[h.Observation] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)
    seen: set[tuple[int, int]] = field(default_factory=set)
    arrived: Callable[[], None] = lambda: None
    """Is told of every delivery."""

    # -- publishing -----------------------------------------------------------------------------

    def publish(self, source: Source) -> PublishReport:
        """One run of the publisher, as `oncetold-adapter publish` makes it."""
        with (
            self._connected() as hub,
            Published(self.folder / f"{self.agency}-published.sqlite") as published,
            Quarantine(self.quarantine) as quarantine,
        ):
            return Publisher(hub, published, quarantine).publish(source)

    @property
    def quarantine(self) -> Path:
        return self.folder / f"{self.agency}-quarantine.csv"

    def quarantined(self) -> list[tuple[str, int, str]]:
        """File, line and reason of each row of the last run that was left out."""
        with self.quarantine.open(encoding="utf-8", newline="") as stream:
            return [(row["file"], int(row["line"]), row["reason"]) for row in csv.DictReader(stream)]

    # -- receiving ------------------------------------------------------------------------------

    def receive(self) -> None:
        """Fetches until nothing is left, acknowledged and receipted."""
        engine = self._database()
        sink = SqlSink(engine, self.feed_id, beside=NOTHING_ELSE, now=lambda: self.hub.now)
        signer = ReceiptSigner.from_file(self.hub.settings(self.agency).key_file)
        with self._connected() as hub:
            report = Runner(hub, sink, signer, FeedSettings(self.feed_id)).run(once=True)
        assert (report.put_aside, report.reconciled, report.stopped) == (0, 0, False)
        assert sink.status().receipts_to_send == 0
        engine.dispose()

    def store(self) -> dict[Place, Held]:
        """What stands in the agency's database, as the oracle describes it."""
        engine = self._database()
        with engine.connect() as connection:
            rows = connection.execute(select(ELEMENTS)).all()
        engine.dispose()
        return {
            (row.client_reference, self._known(row.client_reference, row.fragment_id)): Held(
                row.revision,
                frozenset(
                    (one["purpose"], one["agreement_id"], one["state"]) for one in json.loads(row.purposes)
                ),
                frozenset(json.loads(row.marks)),
            )
            for row in rows
        }

    def fetched(self, request: FetchDeliveriesRequest, response: FetchDeliveriesResponse) -> None:
        """Notes what one fetch acknowledged and brought."""
        at, epoch = int(response.access.index), request.epoch
        self.observations.append(
            h.Acknowledged(seq=at, feed=self.feed, epoch=epoch, sequence=request.acknowledge)
        )
        for delivery in response.deliveries:
            assert (epoch, delivery.sequence) not in self.seen, "no answer was lost, yet it came twice"
            self.seen.add((epoch, delivery.sequence))
            self.arrived()
            self.observations.append(self._observed(delivery, at, epoch))

    def _observed(self, delivery: Delivery, at: int, epoch: int) -> h.Observation:
        step, reference = delivery.WhichOneof("step"), delivery.client_reference
        assert step is not None
        self.steps[step] += 1
        element = delivery.disclose if step == "disclose" else None
        if step == "correct" and delivery.correct.HasField("replacement"):
            element = delivery.correct.replacement
        fragment_id = getattr(delivery, step).fragment_id
        if element is not None:
            key = self.fragments.name((self.agency, reference), fragment_id, element)
        else:
            key = self._known(reference, fragment_id)
        sequence = int(delivery.sequence)
        if step == "retract":
            return h.Retracted(
                seq=at,
                feed=self.feed,
                epoch=epoch,
                sequence=sequence,
                client_reference=reference,
                key=key,
            )
        terms = delivery.disclose.terms if step == "disclose" else delivery.correct.terms
        return h.Delivered(
            seq=at,
            feed=self.feed,
            epoch=epoch,
            sequence=sequence,
            client_reference=reference,
            key=key,
            revision=element.envelope.revision if element is not None else None,
            rows=_rows(terms),
        )

    def _known(self, reference: str, fragment_id: str) -> h.FragmentKey:
        return self.fragments.known((self.agency, reference), fragment_id)

    def _database(self) -> Engine:
        return open_engine("sink", {"url": f"sqlite:///{self.agency}.sqlite"}, self.folder)

    def _connected(self) -> WatchedHub:
        hub = WatchedHub.connect(self.hub.settings(self.agency))
        hub.notes = self
        return hub


class Counted:
    """A source of the export, and by file how many of its rows said nothing. `read` is told of every row."""

    def __init__(
        self, export: HmisExport, agency: str, nothing: Counter[str], read: Callable[[], None]
    ) -> None:
        self._source, self._nothing, self._read = export.source(agency), nothing, read

    def records(self) -> Iterator[Outcome]:
        for found in self._source.records():
            if isinstance(found, Nothing) or (
                isinstance(found, SourceRecord) and not found.record.HasField("content")
            ):
                self._nothing[found.origin.file] += 1
            self._read()
            yield found


def by_file(records: Iterable[Record]) -> Counter[str]:
    """How many records came out of each file."""
    return Counter(f"{record.record_id.partition(':')[0]}.csv" for record in records)


def _rows(terms: Terms) -> frozenset[tuple[str, str, str]]:
    return frozenset(
        (
            Purpose.Name(row.purpose).removeprefix("PURPOSE_"),
            row.agreement_id,
            PermissionState.Name(row.state).removeprefix("PERMISSION_STATE_"),
        )
        for row in terms.purposes
    )
