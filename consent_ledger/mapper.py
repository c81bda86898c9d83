"""Aggregate events to JSON and back, for a closed set of topics.

The library imports whatever a stored topic names; here a row may name only what the program passed in.
Sealing is the vault's: what the mapper makes is the payload of a part whose schema holds the topic.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from eventsourcing.domain import CanInitAggregate, DomainEventProtocol
from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    Mapper,
    StoredEvent,
    UUIDAsHex,
)

from consent_ledger.errors import UnknownTopic


class ClosedMapper(Mapper[UUID]):
    """Knows the events and aggregates in `topics`, by the name each is stored under, and nothing else."""

    def __init__(self, topics: Mapping[str, type]) -> None:
        transcoder = JSONTranscoder()
        for transcoding in (UUIDAsHex(), DecimalAsStr(), DatetimeAsISO()):
            transcoder.register(transcoding)
        super().__init__(transcoder)
        self._classes = dict(topics)
        self._topics = {kind: topic for topic, kind in topics.items()}

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Raises `UnknownTopic` for an event that could not be read back."""
        if type(domain_event) not in self._topics:
            raise UnknownTopic(topic=type(domain_event).__name__)
        return super().to_stored_event(domain_event)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Raises `UnknownTopic` if the row names anything else than a known event of a known aggregate."""
        kind = self._classes.get(stored_event.topic)
        if kind is None:
            raise UnknownTopic(topic=stored_event.topic)
        state: dict[str, Any] = self.transcoder.decode(stored_event.state)
        # The library resolves this one by itself when it folds a first event.
        if issubclass(kind, CanInitAggregate) and state.get("originator_topic") not in self._classes:
            raise UnknownTopic(topic=state.get("originator_topic"))
        written_as = state.pop("class_version", 1)
        for version in range(written_as, getattr(kind, "class_version", 1)):
            getattr(kind, f"upcast_v{version}_v{version + 1}")(state)
        state["originator_id"] = stored_event.originator_id
        state["originator_version"] = stored_event.originator_version
        event: DomainEventProtocol[UUID] = object.__new__(kind)
        event.__dict__.update(state)
        return event
