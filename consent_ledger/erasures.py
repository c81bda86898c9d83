"""What is erased or held, why, and how far it has come: terms and committed facts, never content."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import auto
from uuid import UUID

from consent_ledger.vocabulary import DataCategory, Term


class ErasurePart(Term):
    """What is erased or held of a registration. `FRAGMENTS`: those whose retention period is over."""

    RECORD = auto()
    CATEGORY = auto()
    REGISTRATION = auto()
    CLIENT = auto()
    FRAGMENTS = auto()


class ErasureGround(Term):
    """Why content is erased (UK GDPR Article 17(1))."""

    NO_LONGER_NECESSARY = auto()
    CONSENT_WITHDRAWN = auto()
    OBJECTION = auto()
    UNLAWFUL = auto()
    LEGAL_OBLIGATION = auto()
    RETENTION = auto()


class HoldGround(Term):
    """Why content may not be erased (UK GDPR Article 17(3))."""

    LEGAL_OBLIGATION = auto()
    PUBLIC_HEALTH = auto()
    ARCHIVING = auto()
    LEGAL_CLAIMS = auto()


class ErasureState(Term):
    """How far an erasure has come."""

    HELD = auto()
    FENCED = auto()
    COMPLETE = auto()


class DepartedCopies(Term):
    """What an agency that leaves attests of the copies in its own system."""

    ERASED = auto()
    RETAINED_OWN_BASIS = auto()
    UNKNOWN = auto()


class DepartedRecords(Term):
    """What becomes of the records that a leaving agency published."""

    KEPT = auto()
    ERASED = auto()


@dataclass(slots=True)
class Hold:
    """What the law keeps from being erased: all of its registrations, or a record or category of them."""

    hold_id: UUID
    agency_id: str
    registration_id: UUID
    registrations: tuple[UUID, ...]
    part: ErasurePart
    record_id: UUID | None
    category: DataCategory | None
    ground: HoldGround
    review_time: datetime
    position: int
    lifted: bool = False
    lifted_at: int = 0

    def keeps(
        self, registration_id: UUID, record_id: UUID, categories: Iterable[DataCategory] | None = None
    ) -> bool:
        """Whether it keeps a fragment of these categories, its envelope's among them. None: any category."""
        if self.lifted or registration_id not in self.registrations:
            return False
        if self.part is ErasurePart.RECORD:
            return record_id == self.record_id
        return self.category is None or categories is None or self.category in categories


@dataclass(slots=True)
class Erasure:
    """One erasure as far as it has come. `waiting`: what a hold keeps, fragment to (registration, record).

    `last_fenced` is the position by which all that is fenced was; `whole`: its registrations go altogether.
    `told`: how many of the `fragments` were told on which registration; not noted in the oldest entries.
    """

    erasure_id: UUID
    registration_id: UUID
    registrations: tuple[UUID, ...]
    part: ErasurePart
    ground: ErasureGround
    position: int
    fenced_at: datetime
    horizon: datetime
    fragments: int
    waiting: dict[bytes, tuple[UUID, UUID]]
    whole: bool
    last_fenced: int
    complete_position: int = 0
    gone_at: datetime | None = None
    told: dict[UUID, int] = field(default_factory=dict)

    def on(self, registrations: Iterable[UUID]) -> "Erasure":
        """As much of it as was recorded on these: what others recorded, or have to keep, does not show."""
        own = tuple(registrations)
        if set(own) == set(self.registrations):
            return self
        noted = sum(self.told.values()) == self.fragments
        return replace(
            self,
            registrations=own,
            fragments=sum(self.told.get(one, 0) for one in own) if noted else 0,
            waiting={fragment: at for fragment, at in self.waiting.items() if at[0] in own},
        )

    @property
    def state(self) -> ErasureState:
        """How far it has come."""
        if self.waiting:
            return ErasureState.HELD
        return ErasureState.COMPLETE if self.complete_position else ErasureState.FENCED
