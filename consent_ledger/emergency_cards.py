"""Emergency cards (SAFETY H17): five lines that a client agreed beforehand may be read in an emergency.

The lines stand sealed in the ledger alone; what is kept in memory says only where.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import auto
from typing import NamedTuple
from uuid import UUID

from consent_ledger.entry import KeyOwner, Part
from consent_ledger.vocabulary import DataCategory, Term

LONGEST_LINE = 300
_SCHEMA = "emergency-card-lines.v1"
_POSTCODE = re.compile(r"\b[A-Z]{1,2}[0-9][0-9A-Z]?\s?[0-9][ABD-HJLNP-UW-Z]{2}\b", re.IGNORECASE)
"""A postcode of the United Kingdom. Source: BS 7666-2; its last two letters leave out C, I, K, M, O and V."""


class CardReason(Term):
    """Why an emergency team opens a card."""

    OVERDOSE_OR_COLLAPSE = auto()
    SELF_HARM = auto()
    ILLNESS_OR_INJURY = auto()
    CUSTODY_HEALTH = auto()


class CardMatch(Term):
    """How sure it is that a card is of the person in front of the team."""

    SURE = auto()
    POSSIBLE = auto()


class CardLines(NamedTuple):
    """What stands on a card; empty where the client said nothing."""

    medicines: str = ""
    allergies: str = ""
    overdose_or_self_harm: str = ""
    who_to_ring: str = ""
    how_to_approach: str = ""

    def part(self, registration_id: UUID) -> Part:
        """As they are sealed: under a key of their own, which goes when the client asks to be forgotten."""
        written = json.dumps(self, separators=(",", ":")).encode()
        return Part(_SCHEMA, written, (KeyOwner(registration_id, DataCategory.OWN_STORY),), fragment_key=True)

    @property
    def with_postcode(self) -> str | None:
        """The first line that holds a postcode, by name: no card gives an address away."""
        return next((name for name in self._fields if _POSTCODE.search(getattr(self, name))), None)


def read_lines(parts: tuple[Part, ...]) -> CardLines | None:
    """The lines in an entry's parts; `None` once they are erased."""
    for part in parts:
        if part.schema == _SCHEMA:
            return CardLines(*json.loads(part.payload))
    return None


@dataclass(slots=True)
class EmergencyCard:
    """One card as it was agreed at one agency. `position` is where its lines stand."""

    card_id: UUID
    registration_id: UUID
    agency_id: str
    position: int
    agreed_time: datetime
    asked_alone: bool
    ended_at: int = 0
    """The position that ended it; 0 while it stands."""


@dataclass(frozen=True, slots=True)
class CardOpening:
    """That somebody at an emergency desk asked for cards, and which they were given.

    `registration_id` is the desk's own of the person, where it has one.
    """

    opening_id: UUID
    agency_id: str
    staff_reference: str
    reason: CardReason
    registration_id: UUID | None
    cards: dict[UUID, CardMatch]
    position: int
    at: datetime
