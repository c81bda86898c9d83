"""Requests to share, what was answered, and what people decided: kept by id, and by whom they are about."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from consent_ledger.sharing import Answered, Asked, Made, Override, SharingDecision, SharingStatus


@dataclass(slots=True)
class Sharing:
    """Committed facts about sharing by people's decisions. `folding_sharing` alone changes it.

    `answers`: by request, each holder's newest; `made`: of each decision what only its own people see.
    """

    requests: dict[UUID, Asked] = field(default_factory=dict)
    answers: dict[UUID, dict[str, Answered]] = field(default_factory=dict)
    overrides: dict[UUID, Override] = field(default_factory=dict)
    decisions: dict[UUID, SharingDecision] = field(default_factory=dict)
    made: dict[UUID, Made] = field(default_factory=dict)
    _decisions_on: dict[UUID, list[SharingDecision]] = field(default_factory=dict)

    def ask(self, asked: Asked) -> None:
        """Keeps a request."""
        self.requests[asked.sharing_request_id] = asked

    def answer(self, sharing_request_id: UUID, answered: Answered) -> None:
        """Keeps a holder's newest answer."""
        self.answers.setdefault(sharing_request_id, {})[answered.agency_id] = answered

    def decide(self, decision: SharingDecision, made: Made) -> None:
        """Keeps a decision; an override that it answers is authorised by it."""
        self.decisions[decision.decision_id] = decision
        self.made[decision.decision_id] = made
        self._decisions_on.setdefault(decision.registration_id, []).append(decision)
        override = None if made.answers is None else self.overrides.get(made.answers)
        if override is not None:
            override.decision_id = decision.decision_id

    def decisions_on(self, registrations: Iterable[UUID]) -> list[SharingDecision]:
        """What stands on any of these registrations, oldest first; nothing for most."""
        if not self._decisions_on:
            return []
        found = [one for member in registrations for one in self._decisions_on.get(member, ())]
        return sorted(found, key=lambda one: one.position)

    def answer_of(self, sharing_request_id: UUID, agency_id: str) -> Answered | None:
        """What the agency answered last."""
        return self.answers.get(sharing_request_id, {}).get(agency_id)

    def permitted(self, sharing_request_id: UUID) -> Iterator[SharingDecision]:
        """The decisions that answered it."""
        for answered in self.answers.get(sharing_request_id, {}).values():
            if answered.decision_id is not None:
                yield self.decisions[answered.decision_id]

    def status(self, sharing_request_id: UUID) -> SharingStatus:
        """What the asker is told: whoever says no, or nothing, or is not there, is not seen in it."""
        if next(self.permitted(sharing_request_id), None) is not None:
            return SharingStatus.PERMITTED
        ended = self.requests[sharing_request_id].clock_ended
        return SharingStatus.NOT_SHARED if ended else SharingStatus.WAITING
