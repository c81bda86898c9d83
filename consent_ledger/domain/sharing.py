"""Asking another agency to share, its people's answer, and what people decided to share.

Why it was necessary stands beside the first event of each, sealed apart, so that it can be erased.
"""

from datetime import datetime
from uuid import UUID

from consent_ledger.domain.base import RecordedAggregate, event


class SharingRequest(RecordedAggregate):
    """One agency asks whoever holds something of its client. It says the same whether or not anybody does."""

    TOPIC = "sharing-request"

    class Created(RecordedAggregate.Created):
        """`basis` is the asker's in law: Article 6(1), 9(2) and 10, each empty where it names none. `due` is
        when the asker is answered, whatever anybody said by then."""

        TOPIC = "sharing-request.made.v1"
        registration_id: UUID
        agency_id: str
        purposes: list[str]
        categories: list[str]
        basis: list[str]
        power: str
        asked_by: str
        role: str
        due: datetime

    class ClockEnded(RecordedAggregate.Event):
        """The asker's time is over; whoever has not answered is asked more urgently."""

        TOPIC = "sharing-request.clock-ended.v1"

    def __init__(
        self,
        *,
        registration_id: UUID,
        agency_id: str,
        purposes: list[str],
        categories: list[str],
        basis: list[str],
        power: str,
        asked_by: str,
        role: str,
        due: datetime,
    ) -> None:
        self.registration_id = registration_id

    @event(ClockEnded)
    def end_clock(self) -> None:
        """The asker's time is over."""


class SharingAnswer(RecordedAggregate):
    """What one holder's people answered. `decision_id` is set where they permit all or a part of it."""

    TOPIC = "sharing-answer"

    class Created(RecordedAggregate.Created):
        """`registration_id` is the holder's own."""

        TOPIC = "sharing-answer.given.v1"
        sharing_request_id: UUID
        registration_id: UUID
        agency_id: str
        outcome: str
        reason: str
        decision_id: UUID | None
        answered_by: str
        role: str

    def __init__(
        self,
        *,
        sharing_request_id: UUID,
        registration_id: UUID,
        agency_id: str,
        outcome: str,
        reason: str,
        decision_id: UUID | None,
        answered_by: str,
        role: str,
    ) -> None:
        self.registration_id = registration_id


class SharingOverride(RecordedAggregate):
    """A worker asks a safeguarding lead of the same agency to share against a danger."""

    TOPIC = "sharing-override"

    class Created(RecordedAggregate.Created):
        """`told` says whether the client was told, or why not."""

        TOPIC = "sharing-override.asked.v1"
        registration_id: UUID
        agency_id: str
        recipient: str
        purposes: list[str]
        categories: list[str]
        record_ids: list[str]
        holder_basis: list[str]
        recipient_basis: list[str]
        risk: str
        why_no_consent: str
        told: str
        until: datetime
        asked_by: str
        role: str

    class Declined(RecordedAggregate.Event):
        TOPIC = "sharing-override.declined.v1"
        by: str

    def __init__(
        self,
        *,
        registration_id: UUID,
        agency_id: str,
        recipient: str,
        purposes: list[str],
        categories: list[str],
        record_ids: list[str],
        holder_basis: list[str],
        recipient_basis: list[str],
        risk: str,
        why_no_consent: str,
        told: str,
        until: datetime,
        asked_by: str,
        role: str,
    ) -> None:
        self.registration_id = registration_id

    @event(Declined)
    def decline(self, by: str) -> None:
        """The lead does not share."""


class SharingDecision(RecordedAggregate):
    """A holder's people share with one other agency, until an end that they set."""

    TOPIC = "sharing-decision"

    class Created(RecordedAggregate.Created):
        """`opens`: the tests that it answers. `answers` is the request or the override it decides, if any."""

        TOPIC = "sharing-decision.made.v1"
        registration_id: UUID
        holder: str
        recipient: str
        kind: str
        purposes: list[str]
        categories: list[str]
        record_ids: list[str]
        opens: list[int]
        holder_basis: list[str]
        recipient_basis: list[str]
        confidentiality_basis: str
        notice_id: str
        evidence_reference: str
        told_care_team: bool
        decision_maker: str
        authorised_by: str
        recorded_by: str
        duty: str
        duty_since: datetime | None
        until: datetime
        answers: UUID | None
        decided_by: str
        role: str

    class Countersigned(RecordedAggregate.Event):
        """Somebody else of the holder's looked at what one person decided in an emergency, and agrees."""

        TOPIC = "sharing-decision.countersigned.v1"
        by: str
        role: str

    class Ended(RecordedAggregate.Event):
        TOPIC = "sharing-decision.ended.v1"
        by: str

    class Expired(RecordedAggregate.Event):
        """Its end has passed."""

        TOPIC = "sharing-decision.expired.v1"

    def __init__(
        self,
        *,
        registration_id: UUID,
        holder: str,
        recipient: str,
        kind: str,
        purposes: list[str],
        categories: list[str],
        record_ids: list[str],
        opens: list[int],
        holder_basis: list[str],
        recipient_basis: list[str],
        confidentiality_basis: str,
        notice_id: str,
        evidence_reference: str,
        told_care_team: bool,
        decision_maker: str,
        authorised_by: str,
        recorded_by: str,
        duty: str,
        duty_since: datetime | None,
        until: datetime,
        answers: UUID | None,
        decided_by: str,
        role: str,
    ) -> None:
        self.registration_id = registration_id

    @event(Countersigned)
    def countersign(self, by: str, role: str) -> None:
        """A second person stands by it."""

    @event(Ended)
    def end(self, by: str) -> None:
        """Somebody ended it before its time."""

    @event(Expired)
    def expire(self) -> None:
        """Its end has passed."""
