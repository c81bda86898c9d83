"""Which entries the consent index is folded from: after a restart only those are read, not every record.

Positions in clear would tell entries that change decisions from others, so each block of them is sealed.
"""

from collections.abc import Iterator, Sequence

from consent_ledger.ledger import Entry, KeyOwner, Transaction
from consent_ledger.vocabulary import KeyCategory

JOURNAL = "journal"
_OWNER = KeyOwner(None, KeyCategory.ADMINISTRATION)
_BLOCK = 1024
"""Positions that one cell speaks of, as their distances from its first (2 bytes each)."""
_RUN = 1000


class Journal:
    """Reads and keeps the positions within one transaction. What is kept is written by `flush`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._kept: dict[int, list[int]] = {}
        self.count = 0
        """How many positions were kept here, without those dropped."""

    def keep(self, position: int) -> None:
        """The index was folded from this entry. Positions ascend."""
        self._kept.setdefault(position // _BLOCK, []).append(position)
        self.count += 1

    def drop(self, positions: Sequence[int]) -> None:
        """The index takes nothing from these entries any more."""
        self.flush()
        by_block: dict[int, set[int]] = {}
        for position in positions:
            by_block.setdefault(position // _BLOCK, set()).add(position)
        for block, gone in by_block.items():
            before = self._positions(block)
            left = [position for position in before if position not in gone]
            self.count -= len(before) - len(left)
            self._write(block, left)

    def flush(self) -> None:
        """Writes what was kept, each block once."""
        for block, positions in self._kept.items():
            self._write(block, self._positions(block) + positions)
        self._kept.clear()

    def entries(self, after: int, through: int) -> Iterator[Entry]:
        """The kept entries with after < position <= through, ascending; neighbours are read together."""
        run: list[int] = []
        for block in range(after // _BLOCK, through // _BLOCK + 1):
            for position in self._positions(block):
                if not after < position <= through:
                    continue
                if run and (position != run[-1] + 1 or len(run) == _RUN):
                    yield from self._transaction.entries(run[0] - 1, len(run))
                    run = []
                run.append(position)
        if run:
            yield from self._transaction.entries(run[0] - 1, len(run))

    def _positions(self, block: int) -> list[int]:
        key = block.to_bytes(8)
        sealed = self._transaction.get(JOURNAL, key)
        if sealed is None:
            return []
        opened = self._transaction.vault.open_cell(_OWNER, key, sealed)
        first = block * _BLOCK
        return [first + int.from_bytes(opened[at : at + 2]) for at in range(0, len(opened), 2)]

    def _write(self, block: int, positions: list[int]) -> None:
        key, first = block.to_bytes(8), block * _BLOCK
        if not positions:
            self._transaction.delete(JOURNAL, key)
            return
        value = b"".join((position - first).to_bytes(2) for position in positions)
        self._transaction.put(JOURNAL, key, self._transaction.vault.seal_cell(_OWNER, key, value))
