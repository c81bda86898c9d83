"""Where to look when an agency asks whose copies are overdue, so that nobody else's are looked through.

Kept is only where to look, by an agency and a feed together: which retractions on the feed nobody has
answered, for the agency that told it and for the one that has it; and of whom the feed was ever sent what the
agency told. A name made of both under a key stands for them: who steals the database cannot tell whose it is.
"""

from collections.abc import Iterable, Iterator
from uuid import UUID

from consent_ledger.access import Accessed, AccessKind, StepKind
from consent_ledger.erasures import DepartedCopies
from consent_ledger.ledger import KeyOwner, Transaction
from consent_ledger.vocabulary import KeyCategory
from hub.projections.consent_index import ConsentIndex

OWED = "owed"
TOLD = "told"
_OWNER = KeyOwner(None, KeyCategory.ACCESS)
_LOOK = 256
"""Keys read at once."""


class Owed:
    """Reads and folds both within one transaction. `index` says whose registration and whose feed it is."""

    def __init__(self, transaction: Transaction, index: ConsentIndex) -> None:
        self._transaction = transaction
        self._index = index
        self._names: dict[tuple[str, str, UUID], bytes] = {}

    # -- reading --------------------------------------------------------------------------------

    def unanswered(self, agency_id: str, feed_id: UUID) -> Iterator[int]:
        """The retractions on the feed, by number, that nobody has answered: those of content that the agency
        told, or all where the feed is the agency's own."""
        yield from (int.from_bytes(end) for end in self._under(OWED, agency_id, feed_id))

    def told_about(self, agency_id: str, feed_id: UUID) -> Iterator[UUID]:
        """The pairs about whom the feed was ever sent something that the agency told."""
        yield from (UUID(bytes=end) for end in self._under(TOLD, agency_id, feed_id))

    def _under(self, kept: str, agency_id: str, feed_id: UUID) -> Iterator[bytes]:
        name, after = self._name(kept, agency_id, feed_id), None
        while keys := [key for key, _ in self._transaction.scan(kept, name, after=after, limit=_LOOK)]:
            yield from (key[len(name) :] for key in keys)
            after = keys[-1]

    # -- folding --------------------------------------------------------------------------------

    def fold(self, access: Accessed) -> None:
        """Folds one fetch: what it answered, took back and gave."""
        if access.feed_id is None or access.kind is not AccessKind.FETCH:
            return
        for receipt in access.receipts:
            self._answered(access.feed_id, receipt.sequence)
        for person in access.people:
            for group in person.groups:
                if group.resent or not any(group.origin):
                    continue
                teller = self._index.registrations[UUID(bytes=group.origin)].agency_id
                if group.kind is StepKind.RETRACT:
                    for item in group.items:
                        self._asked(access.feed_id, item.sequence, teller)
                else:
                    key = self._name(TOLD, teller, access.feed_id) + person.pair.bytes
                    self._transaction.put(TOLD, key, b"")

    def fold_departure(self, feeds: Iterable[UUID], copies: str) -> None:
        """The agency left: what it attested answers all that it owed, unless nobody there could say."""
        if copies == DepartedCopies.UNKNOWN:
            return
        for feed_id in feeds:
            for sequence in list(self.unanswered(self._holder(feed_id), feed_id)):
                self._answered(feed_id, sequence)

    def _asked(self, feed_id: UUID, sequence: int, teller: str) -> None:
        self._transaction.put(OWED, self._key(teller, feed_id, sequence), b"")
        key = self._key(self._holder(feed_id), feed_id, sequence)
        self._transaction.put(OWED, key, self._transaction.vault.seal_cell(_OWNER, key, teller.encode()))

    def _answered(self, feed_id: UUID, sequence: int) -> None:
        key = self._key(self._holder(feed_id), feed_id, sequence)
        sealed = self._transaction.get(OWED, key)
        if sealed is not None:
            teller = self._transaction.vault.open_cell(_OWNER, key, sealed).decode()
            self._transaction.delete(OWED, self._key(teller, feed_id, sequence))
            self._transaction.delete(OWED, key)

    def _holder(self, feed_id: UUID) -> str:
        return self._index.feeds[feed_id].agency_id

    def _key(self, agency_id: str, feed_id: UUID, sequence: int) -> bytes:
        return self._name(OWED, agency_id, feed_id) + sequence.to_bytes(8)

    def _name(self, kept: str, agency_id: str, feed_id: UUID) -> bytes:
        known = self._names.get((kept, agency_id, feed_id))
        if known is None:
            name = self._transaction.vault.opaque_id(kept, agency_id, feed_id.bytes)
            known = self._names[kept, agency_id, feed_id] = name.bytes
        return known
