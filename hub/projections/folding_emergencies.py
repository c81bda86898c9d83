"""Folds emergency cards into the consent index. They change no delivery: a card is read by its own rule."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger import domain
from consent_ledger.emergency_cards import CardMatch, CardOpening, CardReason, EmergencyCard
from consent_ledger.vocabulary import PostKind, TaskKind
from consent_ledger.working_days import next_office_day
from hub.projections.consent_index import ConsentIndex
from hub.projections.tasks import Cause
from hub.projections.touched import Touched


def _agreed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.emergencies.agree(
        EmergencyCard(
            event.originator_id,
            event.registration_id,
            event.agency_id,
            position,
            event.agreed_time,
            event.asked_alone,
        )
    )
    return Touched()


def _ended(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.emergencies.cards[event.originator_id].ended_at = position
    return Touched()


def _opened(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """The data protection officers of both sides look at it when their office next opens."""
    given = {UUID(card): CardMatch(match) for card, match in event.cards.items()}
    opening = CardOpening(
        event.originator_id,
        event.agency_id,
        event.staff_reference,
        CardReason(event.reason),
        event.registration_id,
        given,
        position,
        at,
    )
    index.emergencies.openings.append(opening)
    _review(index, opening, event.registration_id, agency_id=opening.agency_id)
    for card_id in given:
        card = index.emergencies.cards[card_id]
        if card.agency_id != opening.agency_id:
            _review(index, opening, card.registration_id)
    return Touched()


def _review(
    index: ConsentIndex, opening: CardOpening, registration_id: UUID | None, *, agency_id: str | None = None
) -> None:
    index.tasks.add(
        Cause(
            TaskKind.EMERGENCY_CARD_OPENED,
            str(opening.opening_id),
            str(opening.position),
            registration_id,
            PostKind.DATA_PROTECTION_OFFICER,
            opening.at,
            next_office_day(opening.at),
            agency_id=agency_id,
        )
    )


FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
    domain.EmergencyCard.Created: _agreed,
    domain.EmergencyCard.Ended: _ended,
    domain.CardOpening.Created: _opened,
}
