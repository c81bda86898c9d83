"""What every aggregate of the ledger shares: the hub's clock, a given identity, a stable topic."""

from contextvars import ContextVar
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from eventsourcing.domain import Aggregate, event

recording_time: ContextVar[datetime] = ContextVar("recording_time")
"""The one instant of the transaction that an event is recorded in, aware and in UTC.

Permission runs from it, so it is the hub's clock and never the library's own.
"""


class RecordedAggregate(Aggregate):
    """An aggregate whose events are stamped with the transaction's time."""

    TOPIC: ClassVar[str]

    class Event(Aggregate.Event):
        """Something that happened."""

        @staticmethod
        def create_timestamp() -> datetime:
            """The transaction's time; `LookupError` outside a transaction."""
            return recording_time.get()

    class Created(Event, Aggregate.Created):
        """The first event."""

    @classmethod
    def begin(cls, identity: UUID, **facts: Any) -> Self:
        """Begins an aggregate under a given identity, so that tests and twin worlds can repeat it."""
        return cls._create(cls.Created, id=identity, **facts)


__all__ = ["RecordedAggregate", "event", "recording_time"]
