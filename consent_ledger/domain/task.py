"""What came of a task. A task itself is never recorded: it follows from the ledger and is sent nowhere."""

from uuid import UUID

from consent_ledger.domain.base import RecordedAggregate


class Task(RecordedAggregate):
    """One task, which begins in the ledger when somebody says what came of it, once and for good."""

    TOPIC = "task"

    class Created(RecordedAggregate.Created):
        """`kind`, `subject` and `boundary` say again what the task was about, as its id does, but keyed.

        `registration_id` is the agency's own registration, if it has one of the person. `record_id` is set
        where a judgement is meant.
        """

        TOPIC = "task.completed.v1"
        agency_id: str
        registration_id: UUID | None
        kind: str
        subject: str
        boundary: str
        record_id: UUID | None
        outcome: str
        by: str

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
    ) -> None:
        self.agency_id = agency_id
        self.outcome = outcome
