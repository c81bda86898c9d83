"""Who was given or shown what of a registration's fragments: the origin's answer to "who knows?".

Kept is only where to look: the positions of access entries that touched a registration's fragments.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consent_ledger.access import Accessed, StepKind, read_access_entry
from consent_ledger.ledger import Transaction

DISCLOSURES = "disclosure"


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One step about one fragment. `sequence` is 0 for a read. `pair` is the recipient's person."""

    fragment_id: UUID
    agency_id: str
    feed_id: UUID
    kind: StepKind
    sequence: int
    position: int
    recorded_at: datetime
    pair: UUID


class Disclosures:
    """Reads and folds the disclosures of a registration's fragments within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def fold(self, access: Accessed, position: int) -> None:
        """Notes the call with every registration whose fragments it touched."""
        origins = {group.origin for person in access.people for group in person.groups if any(group.origin)}
        for origin in origins:
            self._transaction.put(DISCLOSURES, origin + position.to_bytes(8), b"")

    def of_registration(self, registration_id: UUID) -> list[Disclosed]:
        """Every step about the registration's fragments, oldest first."""
        found = []
        for key, _ in self._transaction.scan(DISCLOSURES, registration_id.bytes, limit=1_000_000):
            entry = self._transaction.entry(int.from_bytes(key[16:]))
            access = read_access_entry(entry)
            assert access is not None and access.feed_id is not None and access.agency_id is not None
            for person in access.people:
                for step in person.steps:
                    if step.origin == registration_id and step.fragment_id is not None:
                        found.append(
                            Disclosed(
                                step.fragment_id,
                                access.agency_id,
                                access.feed_id,
                                step.kind,
                                step.sequence,
                                entry.position,
                                entry.recorded_at,
                                person.pair,
                            )
                        )
        return found
