"""What came of a task. A task itself is never recorded: it follows from the ledger and is sent nowhere."""

from typing import Any
from uuid import UUID

from consent_ledger.domain.base import RecordedAggregate


class Task(RecordedAggregate):
    """One task, which begins in the ledger when somebody says what came of it, once and for good."""

    TOPIC = "task"

    class Created(RecordedAggregate.Created):
        """`kind`, `subject` and `boundary` say again what the task was about, as its id does, but keyed.

        `registration_id` is the agency's own registration, if it has one of the person. `record_id` is set
        where a judgement is meant. `reason` and `people_told` are said of a breach.
        """

        TOPIC = "task.completed.v1"
        class_version = 2
        agency_id: str
        registration_id: UUID | None
        kind: str
        subject: str
        boundary: str
        record_id: UUID | None
        outcome: str
        by: str
        reason: str | None
        people_told: str | None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """At first no task was about a breach."""
            state["reason"] = state["people_told"] = None

    def __init__(
        self,
        *,
        agency_id: str,
        registration_id: UUID | None,
        kind: str,
        subject: str,
        boundary: str,
        record_id: UUID | None,
        outcome: str,
        by: str,
        reason: str | None,
        people_told: str | None,
    ) -> None:
        self.agency_id = agency_id
        self.outcome = outcome
