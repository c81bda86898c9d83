"""What somebody has to look at: causes, folded from the same entries as the facts, and what came of them.

Tasks have no entries of their own, so that nobody's growth tells of another's. Whom a cause is a task for is
asked only when somebody looks: the agency itself, and whoever leads for the person by then.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from consent_ledger.tasks import BreachReason, PeopleTold, TaskOutcome
from consent_ledger.vocabulary import PostKind, TaskKind


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that happened, which somebody has to look at.

    `subject` and `boundary` name what it is about and which end of it: with the kind and an agency they are
    one task. `recipient` is the agency whose permission ended, where one was named. `agency_id`: whose task
    it is, where that does not follow from the registration, of which there may be none.
    """

    kind: TaskKind
    subject: str
    boundary: str
    registration_id: UUID | None
    post: PostKind
    raised: datetime
    due: datetime
    grant_id: UUID | None = None
    record_id: UUID | None = None
    recipient: str | None = None
    agency_id: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """A record with a review date, or one that says that others are at risk, as last published.

    `own_id` is the publisher's own id of it.
    """

    record_id: UUID
    registration_id: UUID
    revision: int
    is_risk: bool
    risk_to_others: bool
    own_id: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What an agency said came of one of its tasks."""

    agency_id: str
    outcome: TaskOutcome
    position: int
    reason: BreachReason | None = None
    people_told: PeopleTold | None = None


@dataclass(slots=True)
class Tasks:
    """Everything that is or was a task. `folding_tasks.follow` alone changes it.

    `causes_on`: by registration, the newest of each kind and subject; `causes_at`: by agency, those that are
    one agency's alone. `judgements` by the record's id, and `judged_on` which stand on a registration.
    `completed` names tasks as `Cause` does, with the agency that said what came of them. `denied`:
    registrations of which the person themselves knows nothing.
    """

    causes_on: dict[UUID, dict[tuple[TaskKind, str], Cause]] = field(default_factory=dict)
    causes_at: dict[str, dict[tuple[TaskKind, str], Cause]] = field(default_factory=dict)
    judgements: dict[bytes, Judgement] = field(default_factory=dict)
    judged_on: dict[UUID, list[bytes]] = field(default_factory=dict)
    completions: dict[UUID, Completion] = field(default_factory=dict)
    completed: set[tuple[TaskKind, str, str, str]] = field(default_factory=set)
    denied: set[UUID] = field(default_factory=set)

    def keep(self, judgement: Judgement) -> None:
        """Keeps a judgement as it was last published."""
        self.judgements[judgement.record_id.bytes] = judgement
        self.judged_on.setdefault(judgement.registration_id, []).append(judgement.record_id.bytes)

    def let_go(self, record_id: bytes) -> Judgement | None:
        """Forgets a judgement, which is answered; `None` when the record was none."""
        judgement = self.judgements.pop(record_id, None)
        if judgement is not None:
            self.judged_on[judgement.registration_id].remove(record_id)
        return judgement

    def add(self, cause: Cause) -> None:
        """Keeps a cause; the newest of its kind and subject counts."""
        if cause.agency_id is not None:
            self.causes_at.setdefault(cause.agency_id, {})[cause.kind, cause.subject] = cause
        elif cause.registration_id is not None:
            self.causes_on.setdefault(cause.registration_id, {})[cause.kind, cause.subject] = cause

    def drop(self, kind: TaskKind, subject: str, registration_id: UUID) -> None:
        """There is nothing to look at any more."""
        self.causes_on.get(registration_id, {}).pop((kind, subject), None)

    def is_open(self, kind: TaskKind, subject: str, registration_id: UUID, agency_id: str) -> bool:
        """Whether the agency has such a task already, and has not said what came of it."""
        known = self.causes_on.get(registration_id, {}).get((kind, subject))
        return known is not None and not self.is_done(known, agency_id)

    def is_done(self, cause: Cause, agency_id: str) -> bool:
        """Whether the agency said what came of it."""
        return (cause.kind, cause.subject, cause.boundary, agency_id) in self.completed
