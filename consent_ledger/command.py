"""The `Transaction` that one command is given: it holds what the command writes until the command returns."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hmac import compare_digest
from uuid import UUID

from consent_ledger.batch import Batch
from consent_ledger.body import Sealer
from consent_ledger.cells import CellChanges
from consent_ledger.destruction import Destruction
from consent_ledger.entry import Draft, Entry, KeyOwner, microseconds, read_part
from consent_ledger.epochs import EpochKeys
from consent_ledger.errors import EntryNotFound, LedgerClosed, RequestReused, StalePolicy, StreamConflict
from consent_ledger.store.port import AnswerRow, EntryRow, KeyRow, StoredEntry, StoredKey
from consent_ledger.vault import Vault

ANSWERS_KEPT = 14
"""Days that a request's answer is remembered for."""


def day_of(moment: datetime) -> int:
    """Days since 1970-01-01, UTC."""
    return moment.astimezone(UTC).toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal()


class Command:
    """Implements `Transaction`; ends with `accept` or `discard`."""

    def __init__(self, batch: Batch, sealer: Sealer, vault: Vault, now: datetime, in_doubt: bool) -> None:
        self._open_batch: Batch | None = batch
        self._sealer = sealer
        self._vault = vault
        self._now = now
        self._in_doubt = in_doubt
        self._head = batch.head
        self._rows: list[EntryRow] = []
        self._entries: list[Entry] = []
        self._next_versions: dict[bytes, int] = {}
        self._dropped: set[str] = set()
        self._cells = CellChanges()
        self._answers: dict[bytes, AnswerRow] = {}
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._states: dict[str, bytes | None] = {}
        self._destructions: list[Destruction] = []
        self._replaced: tuple[Sequence[StoredKey], Sequence[KeyRow], bool] | None = None
        self._renewed: list[tuple[str, bytes, KeyOwner, bytes]] = []

    @property
    def now(self) -> datetime:
        return self._now

    @property
    def clock_in_doubt(self) -> bool:
        return self._in_doubt

    @property
    def size(self) -> int:
        return self._head.size

    @property
    def policy_position(self) -> int:
        return self._head.policy_position

    @property
    def vault(self) -> Vault:
        return self._vault

    @property
    def _batch(self) -> Batch:
        if self._open_batch is None:
            raise LedgerClosed(reason="transaction ended")
        return self._open_batch

    def append(self, drafts: Sequence[Draft], *, decided_at: int) -> list[int]:
        batch = self._batch
        if self._head.policy_position > decided_at:
            raise StalePolicy(decided_at, self._head.policy_position)
        versions = dict(self._next_versions)
        streams = [draft.stream_id.bytes for draft in drafts]
        lowest: dict[bytes, int] = {}
        for draft, stream in zip(drafts, streams, strict=True):
            lowest.setdefault(stream, draft.version)
        versions.update(batch.next_versions(lowest.keys() - versions.keys(), lowest))
        for draft, stream in zip(drafts, streams, strict=True):
            if draft.version != versions[stream]:
                raise StreamConflict(draft.stream_id, versions[stream])
            versions[stream] += 1
        first = self._head.size + len(self._rows) + 1
        recorded = microseconds(self._now)
        for position, draft in enumerate(drafts, start=first):
            row = self._sealer.seal(draft, position, recorded)
            self._rows.append(row)
            self._entries.append(_as_read(draft, row, recorded))
        self._next_versions = versions
        return list(range(first, first + len(drafts)))

    def entries(self, after: int, limit: int = 1000) -> list[Entry]:
        return self._batch.entries(max(after, 0), limit)

    def entry(self, position: int) -> Entry:
        if not 1 <= position <= self._head.size:
            raise EntryNotFound(position)
        return self._batch.entries(position - 1, 1)[0]

    def stream(self, stream_id: UUID) -> list[Entry]:
        return self._batch.stream(stream_id)

    def version_of(self, stream_id: UUID) -> int:
        stream = stream_id.bytes
        return self._batch.next_versions((stream,))[stream] - 1

    def rows(self, after: int, through: int) -> list[StoredEntry]:
        return self._batch.rows(after, through)

    def leaf_hashes(self, after: int, through: int) -> list[bytes]:
        return self._batch.leaf_hashes(after, through)

    def tile(self, level: int, number: int) -> bytes | None:
        batch = self._batch
        return self._tiles.get((level, number)) or batch.tile(level, number)

    def write_tiles(self, tiles: Sequence[tuple[int, int, bytes]]) -> None:
        self._running()
        self._tiles.update(((level, number), hashes) for level, number, hashes in tiles)

    def state(self, name: str) -> bytes | None:
        batch = self._batch
        return self._states[name] if name in self._states else batch.state(name)

    def write_state(self, name: str, value: bytes | None) -> None:
        self._running()
        self._states[name] = value

    def part_keys(self, position: int) -> list[tuple[bytes, bool]]:
        if not 1 <= position <= self._head.size:
            raise EntryNotFound(position)
        return self._batch.part_keys(position)

    def erase_keys(
        self,
        *,
        categories: Iterable[KeyOwner] = (),
        fragments: Iterable[tuple[int, Sequence[bytes]]] = (),
        rotate: Iterable[KeyOwner] = (),
    ) -> None:
        if not self._rows:
            raise ValueError("what is erased is recorded first")
        label = self._vault.owner_label
        doomed = [(position, key_id) for position, key_ids in fragments for key_id in key_ids]
        for position in {position for position, _ in doomed}:
            own = {key_id for key_id, is_own in self.part_keys(position) if is_own}
            if any(key_id not in own for at, key_id in doomed if at == position):
                raise ValueError("not the key of a part of this entry alone")
        self._destructions.append(
            Destruction(tuple(map(label, categories)), tuple(doomed), tuple(map(label, rotate)))
        )

    def put_renewed(self, projection: str, key: bytes, owner: KeyOwner, content: bytes) -> None:
        self._running()
        self._renewed.append((projection, key, owner, content))

    @property
    def epochs(self) -> EpochKeys:
        batch = self._batch
        return EpochKeys(self, batch.stored_keys(), batch.keys)

    def replace_keys(self, old: Sequence[StoredKey], new: Sequence[KeyRow], *, removed: bool) -> None:
        """Changes rows of the key table with this command, once. `removed`: no copy is to linger."""
        self._running()
        if self._replaced is not None:
            raise ValueError("one step of a key epoch to a command")
        self._replaced = (old, new, removed)

    def get(self, projection: str, key: bytes) -> bytes | None:
        projection = self._vault.cells_of(projection)
        batch = self._batch
        return self._cells.get(
            projection, key, lambda: None if projection in self._dropped else batch.cell(projection, key)
        )

    def put(self, projection: str, key: bytes, value: bytes) -> None:
        # Checked here: a value the driver refuses at commit would fail the other commands too.
        if not (isinstance(key, bytes) and isinstance(value, bytes)):
            raise TypeError("cells hold bytes under keys of bytes")
        self._running()
        self._cells.change(self._vault.cells_of(projection), key, value)

    def delete(self, projection: str, key: bytes) -> None:
        self._running()
        self._cells.change(self._vault.cells_of(projection), key, None)

    def scan(
        self, projection: str, prefix: bytes, *, after: bytes | None = None, limit: int = 1000
    ) -> list[tuple[bytes, bytes]]:
        batch, projection = self._batch, self._vault.cells_of(projection)

        def below(most: int) -> list[tuple[bytes, bytes]]:
            return [] if projection in self._dropped else batch.scan(projection, prefix, after, most)

        return self._cells.scan(projection, prefix, after, limit, below)

    def drop(self, projection: str) -> None:
        self._running()
        projection = self._vault.cells_of(projection)
        self._dropped.add(projection)
        self._cells.forget(projection)

    def keep_cells(self) -> None:
        if self._rows:
            raise ValueError("cells are kept before the command appends")
        self._batch.accept_cells(self._dropped, self._cells)
        self._dropped, self._cells = set(), CellChanges()
        self._batch.accept_keys()

    def answered(self, label: bytes, body_mac: bytes) -> bytes | None:
        row = self._answers.get(label) or self._batch.answer(label)
        if row is None or row.day < day_of(self._now) - ANSWERS_KEPT:
            return None
        if not compare_digest(row.body_mac, body_mac):
            raise RequestReused()
        return row.answer

    def remember(self, label: bytes, body_mac: bytes, answer: bytes) -> None:
        self._running()
        self._answers[label] = AnswerRow(label, body_mac, answer, day_of(self._now))

    def accept(self) -> bool:
        """The command returned: its writes join the batch. True if it appended."""
        batch = self._batch
        batch.accept_entries(self._rows, self._entries)
        batch.accept_cells(self._dropped, self._cells)
        batch.accept_answers(self._answers)
        batch.accept_log(self._tiles, self._states)
        batch.accept_keys()
        if self._replaced is not None:
            batch.replace_keys(*self._replaced)
        for asked in self._destructions:
            batch.destroy_keys(self._rows[-1].position, asked)
        if self._renewed:
            self._accept_renewed(batch)
        self._open_batch = None
        return bool(self._rows)

    def _accept_renewed(self, batch: Batch) -> None:
        """Cells of owners whose key is new: only now is there that key to seal them under."""
        cells = CellChanges()
        for projection, key, owner, content in self._renewed:
            sealed = self._vault.seal_cell(owner, key, content)
            cells.change(self._vault.cells_of(projection), key, sealed)
        batch.accept_cells((), cells)
        batch.accept_keys()

    def discard(self) -> bool:
        """The command raised: nothing of it stays. True if changed cells were lost."""
        self._batch.undo_keys()
        self._open_batch = None
        return bool(self._cells or self._dropped)

    def _running(self) -> Batch:
        return self._batch


def _as_read(draft: Draft, row: EntryRow, recorded: int) -> Entry:
    """The entry as it would be read."""
    parts = tuple(read_part(part.schema, part.payload) for part in draft.parts)
    return Entry(
        row.position, draft.entry_class, row.stream_id, draft.version, parts, draft.changes_policy, recorded
    )
