"""Who was given or shown what of a registration's fragments: the origin's answer to "who knows?"."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from consent_ledger.access import Accessed, StepKind
from consent_ledger.ledger import KeyOwner, Transaction
from consent_ledger.vocabulary import KeyCategory

DISCLOSURES = "disclosure"


@dataclass(frozen=True, slots=True)
class Disclosed:
    """One step about one fragment. `sequence` is 0 for a read."""

    fragment_id: UUID
    agency_id: str
    feed_id: UUID
    kind: StepKind
    sequence: int
    position: int
    recorded_at: datetime


class Disclosures:
    """Reads and folds the disclosures of a registration's fragments within one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def fold(self, access: Accessed, position: int, recorded_at: datetime) -> None:
        """Adds every step of one call to the registration that its fragment came from."""
        if access.feed_id is None or access.agency_id is None:
            return
        number = 0
        for person in access.people:
            for step in person.steps:
                if step.origin is None or step.fragment_id is None:
                    continue
                number += 1
                key = step.origin.bytes + position.to_bytes(8) + number.to_bytes(4)
                value = [
                    step.fragment_id.hex,
                    access.agency_id,
                    access.feed_id.hex,
                    step.kind,
                    step.sequence,
                    recorded_at.isoformat(),
                ]
                owner = KeyOwner(step.origin, KeyCategory.ACCESS)
                sealed = self._transaction.vault.seal_cell(owner, key, json.dumps(value).encode())
                self._transaction.put(DISCLOSURES, key, sealed)

    def of_registration(self, registration_id: UUID) -> list[Disclosed]:
        """Every step about the registration's fragments, oldest first."""
        owner = KeyOwner(registration_id, KeyCategory.ACCESS)
        found = []
        for key, sealed in self._transaction.scan(DISCLOSURES, registration_id.bytes, limit=1_000_000):
            fragment, agency_id, feed, kind, sequence, at = json.loads(
                self._transaction.vault.open_cell(owner, key, sealed)
            )
            found.append(
                Disclosed(
                    UUID(fragment),
                    agency_id,
                    UUID(feed),
                    StepKind(kind),
                    sequence,
                    int.from_bytes(key[16:24]),
                    datetime.fromisoformat(at),
                )
            )
        return found
