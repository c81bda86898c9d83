"""Aggregates over a transaction: folded from their stream, turned into drafts."""

from typing import TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate, DomainEventProtocol
from eventsourcing.persistence import StoredEvent

from consent_ledger.domain import DETAILS, TOPICS, Details
from consent_ledger.entry import Draft, Entry, EntryClass, KeyOwner, Part
from consent_ledger.errors import AggregateNotFound
from consent_ledger.mapper import ClosedMapper
from consent_ledger.transaction import Transaction

EVENT_SCHEMA = "event:"
"""What the schema of a part begins with that holds an aggregate's event; its topic follows."""

DOMAIN = ClosedMapper(TOPICS)
"""Maps the events of this program's own aggregates, and no others."""

A = TypeVar("A", bound=Aggregate)


class Repository:
    """Reads and prepares aggregates within one command."""

    def __init__(self, transaction: Transaction, mapper: ClosedMapper = DOMAIN) -> None:
        self._transaction = transaction
        self._mapper = mapper

    def get(self, cls: type[A], aggregate_id: UUID) -> A:
        """The aggregate as its entries leave it. Raises `AggregateNotFound` if none, or of another kind."""
        aggregate: Aggregate | None = None
        for entry in self._transaction.stream(aggregate_id):
            event = self.event(entry)
            if isinstance(event, Aggregate.Event):
                aggregate = event.mutate(aggregate)
        if not isinstance(aggregate, cls):
            raise AggregateNotFound(aggregate_id)
        return aggregate

    def drafts(
        self,
        aggregate: Aggregate,
        *,
        owner: KeyOwner,
        entry_class: EntryClass,
        changes_policy: bool = True,
    ) -> list[Draft]:
        """One draft for each event that the aggregate has collected, which it then forgets."""
        return [
            self._draft(event, owner, entry_class, changes_policy) for event in aggregate.collect_events()
        ]

    def event(self, entry: Entry) -> DomainEventProtocol[UUID] | None:
        """The aggregate's event in an entry; None if it holds something else. Raises `UnknownTopic`."""
        part = entry.parts[0]
        if not part.schema.startswith(EVENT_SCHEMA):
            return None
        topic = part.schema.removeprefix(EVENT_SCHEMA)
        stored = StoredEvent(entry.stream_id, entry.version, topic, part.payload)
        event = self._mapper.to_domain_event(stored)
        if len(entry.parts) > 1 and entry.parts[1].schema == DETAILS:
            vars(event)["details"] = Details.read(entry.parts[1].payload)
        return event

    def _draft(
        self,
        event: DomainEventProtocol[UUID],
        owner: KeyOwner,
        entry_class: EntryClass,
        changes_policy: bool,
    ) -> Draft:
        stored = self._mapper.to_stored_event(event)
        return Draft(
            entry_class=entry_class,
            stream_id=event.originator_id,
            version=event.originator_version,
            parts=(Part(EVENT_SCHEMA + stored.topic, stored.state, (owner,)),),
            changes_policy=changes_policy,
        )
