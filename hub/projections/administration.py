"""Who administers the hub, what waits for a second of them, and what one person stopped. No client."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from consent_ledger.vocabulary import Term

NEEDED = 2
"""Administrators by whom a hub is founded."""


@dataclass(slots=True)
class Administrator:
    """Somebody who signs. `public_key`: 32 bytes."""

    name: str
    public_key: bytes
    position: int
    ended: int | None = None
    """Where it stands that they sign no more."""


class ProposalState(Term):
    """What became of a proposal."""

    OPEN = "OPEN"
    APPROVED = "APPROVED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(slots=True)
class Proposal:
    """A request that waits for a second administrator, or waited. Its body is in the ledger alone."""

    proposal_id: UUID
    method: str
    by: str
    position: int
    until: datetime
    state: ProposalState = ProposalState.OPEN


@dataclass(slots=True)
class Stop:
    """What one person stopped. `topic`: the kind of entry; `at`: when."""

    position: int
    topic: str
    at: datetime
    ratified: int | None = None


@dataclass(slots=True)
class Administration:
    """All of it, as the ledger leaves it."""

    administrators: dict[str, Administrator] = field(default_factory=dict)
    codes: dict[str, datetime] = field(default_factory=dict)
    """Labels of the codes that are not used yet, and until when each may be."""
    founded: bool = False
    """Two were enrolled once: from then on two people change agencies, keys and policy, whoever has ended."""
    proposals: dict[UUID, Proposal] = field(default_factory=dict)
    stops: dict[int, Stop] = field(default_factory=dict)
    file_root_accepted: int | None = None
    """Where a data protection officer's word stands that the root key may lie in a file."""
    wind_down_until: datetime | None = None
    """Until when the hub may be wound up; None where nobody wants that."""

    @property
    def standing(self) -> list[Administrator]:
        """Those who still sign, by name."""
        known = sorted(self.administrators.values(), key=lambda one: one.name)
        return [one for one in known if one.ended is None]

    def signer(self, name: str) -> Administrator | None:
        """Who signs by this name; None for nobody, and for one who signs no more."""
        known = self.administrators.get(name)
        return known if known is not None and known.ended is None else None
