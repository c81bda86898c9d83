"""Erasures and the holds that delay them: ids and grounds, never content, never free text.

Both are sealed under the registration's key for consent, which outlives what is erased: that something was
erased, when and on what ground stays to be shown (UK GDPR Article 5(2)).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger.domain.base import RecordedAggregate, event


class Erasure(RecordedAggregate):
    """One erasure: fenced at once, complete when the keys' epoch has ended."""

    TOPIC = "erasure"

    class Created(RecordedAggregate.Created):
        """`registrations` are all that it reaches; `gone` those of which nothing is to be read any more, not
        even the reference. `waiting`: what a hold keeps, fragment to [registration, record]. `fragments`: how
        many were made unreadable, `told` how many of them on which registration. `horizon`: when copies of
        their keys are gone. Ids are hexadecimal.

        The keys' ids and the fragments' stand in a part of their own beside this event.
        """

        TOPIC = "erasure.fenced.v1"
        class_version = 2
        agency_id: str
        registration_id: UUID
        registrations: list[str]
        part: str
        record_id: UUID | None
        category: str | None
        ground: str
        by: str
        fragments: int
        waiting: dict[str, list[str]]
        gone: list[str]
        horizon: datetime
        told: dict[str, int]

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """At first nobody noted whose they were."""
            state["told"] = {}

    class Completed(RecordedAggregate.Event):
        """The key under which the erased keys lay was beyond recovery at `gone_time`, its provider says, and
        copies that others keep of it are at `horizon`."""

        TOPIC = "erasure.completed.v1"
        gone_time: datetime
        horizon: datetime

    def __init__(
        self,
        *,
        agency_id: str,
        registration_id: UUID,
        registrations: list[str],
        part: str,
        record_id: UUID | None,
        category: str | None,
        ground: str,
        by: str,
        fragments: int,
        waiting: dict[str, list[str]],
        gone: list[str],
        horizon: datetime,
        told: dict[str, int],
    ) -> None:
        self.registration_id = registration_id

    @event(Completed)
    def complete(self, gone_time: datetime, horizon: datetime) -> None:
        """Nothing that the hub has opens it any more."""


class Hold(RecordedAggregate):
    """The law needs content kept for now (UK GDPR Article 17(3)): it wins for what it names, and no more."""

    TOPIC = "hold"

    class Created(RecordedAggregate.Created):
        TOPIC = "hold.placed.v1"
        agency_id: str
        registration_id: UUID
        registrations: list[str]
        part: str
        record_id: UUID | None
        category: str | None
        ground: str
        review_time: datetime
        by: str

    class Lifted(RecordedAggregate.Event):
        """It ends, and what waited for it is erased by this same entry: `released`, fragments, and `gone`,
        registrations, both hexadecimal."""

        TOPIC = "hold.lifted.v1"
        by: str
        released: list[str]
        gone: list[str]
        horizon: datetime

    def __init__(
        self,
        *,
        agency_id: str,
        registration_id: UUID,
        registrations: list[str],
        part: str,
        record_id: UUID | None,
        category: str | None,
        ground: str,
        review_time: datetime,
        by: str,
    ) -> None:
        self.registration_id = registration_id

    @event(Lifted)
    def lift(self, by: str, released: list[str], gone: list[str], horizon: datetime) -> None:
        """The content is needed no longer."""
