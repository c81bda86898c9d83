"""Which emergency cards stand, and who opened them. Never what they say."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from consent_ledger.emergency_cards import CardOpening, EmergencyCard


@dataclass(slots=True)
class Emergencies:
    """Committed facts about emergency cards. `folding_emergencies` alone changes it."""

    cards: dict[UUID, EmergencyCard] = field(default_factory=dict)
    openings: list[CardOpening] = field(default_factory=list)
    _newest: dict[UUID, EmergencyCard] = field(default_factory=dict)

    def agree(self, card: EmergencyCard) -> None:
        """Keeps a card; it stands in the place of the one before."""
        self.cards[card.card_id] = card
        self._newest[card.registration_id] = card

    def newest(self, registration_id: UUID) -> EmergencyCard | None:
        """The registration's newest card, though it may have ended."""
        return self._newest.get(registration_id)

    def openings_of(self, agency_id: str) -> Iterator[CardOpening]:
        """Those by the agency's own staff, and those in which a card of its own was given; oldest first."""
        for opening in self.openings:
            given = (self.cards[one].agency_id for one in opening.cards)
            if opening.agency_id == agency_id or agency_id in given:
                yield opening
