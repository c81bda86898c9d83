"""Emergency cards, and that they were opened. A card's lines stand beside its first event, sealed apart."""

from datetime import datetime
from uuid import UUID

from consent_ledger.domain.base import RecordedAggregate, event


class EmergencyCard(RecordedAggregate):
    """What a client agreed that an emergency team may read. Agreed anew it is another card."""

    TOPIC = "emergency-card"

    class Created(RecordedAggregate.Created):
        TOPIC = "emergency-card.agreed.v1"
        registration_id: UUID
        agency_id: str
        agreed_time: datetime
        asked_alone: bool

    class Ended(RecordedAggregate.Event):
        TOPIC = "emergency-card.ended.v1"
        by: str

    def __init__(
        self, *, registration_id: UUID, agency_id: str, agreed_time: datetime, asked_alone: bool
    ) -> None:
        self.registration_id = registration_id

    @event(Ended)
    def end(self, by: str) -> None:
        """The client does not want it opened any more."""


class CardOpening(RecordedAggregate):
    """Somebody at an emergency desk asked for cards: recorded alike whether or not there were any."""

    TOPIC = "emergency-card-opening"

    class Created(RecordedAggregate.Created):
        """`cards`: the ids of those given, and how sure each match was. `registration_id`: the desk's own."""

        TOPIC = "emergency-card.opened.v1"
        agency_id: str
        staff_reference: str
        reason: str
        registration_id: UUID | None
        cards: dict[str, str]

    def __init__(
        self,
        *,
        agency_id: str,
        staff_reference: str,
        reason: str,
        registration_id: UUID | None,
        cards: dict[str, str],
    ) -> None:
        self.agency_id = agency_id
