"""What the commands of one commit have in common: rows not yet written, seen by the commands that follow."""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from consent_ledger.body import Sealer, checked_parts
from consent_ledger.cells import CellChanges
from consent_ledger.destruction import Destroyer, Destruction
from consent_ledger.entry import Entry
from consent_ledger.epochs import StoredKeys
from consent_ledger.errors import EntryCorrupt
from consent_ledger.keys import KeyRing
from consent_ledger.store.port import AnswerRow, EntryRow, Head, KeyRow, Store, StoredEntry, StoredKey
from consent_ledger.transaction import Foreseen

_READ_TOGETHER = 200
"""Entries read and opened in one go: as many as stay in the processor's cache meanwhile."""


class Recent:
    """The last entries appended, opened, so that nobody decrypts what was just sealed. Without gaps."""

    def __init__(self, most_entries: int = 4096, most_bytes: int = 32 * 1024 * 1024) -> None:
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._most_entries = most_entries
        self._most_bytes = most_bytes
        self._bytes = 0

    def add(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._entries[entry.position] = entry
            self._bytes += _content(entry)
        while len(self._entries) > self._most_entries or self._bytes > self._most_bytes:
            self._bytes -= _content(self._entries.popitem(last=False)[1])

    def get(self, position: int) -> Entry | None:
        return self._entries.get(position)

    def first(self) -> int | None:
        """The lowest position held; every later one is held too."""
        return next(iter(self._entries), None)

    def clear(self) -> None:
        self._entries.clear()
        self._bytes = 0


class Batch:
    """Reads through to the store, and writes to it in bulk when `flush`ed."""

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        sealer: Sealer,
        recent: Recent,
        head: Head,
        *,
        trusting: bool = False,
    ) -> None:
        """`trusting`: see `next_versions`."""
        self._trusting = trusting
        self._believed: dict[bytes, int] = {}
        self.head = head
        self._store = store
        self.keys = keys
        self._sealer = sealer
        self._recent = recent
        self._written_head = head
        self._rows: list[EntryRow] = []
        self._versions: dict[bytes, int] = {}
        self._cells = CellChanges()
        self._answers: dict[bytes, AnswerRow] = {}
        self._known_answers: dict[bytes, AnswerRow | None] = {}
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._states: dict[str, bytes | None] = {}
        self._keys_mark = 0
        self.removed = False
        """Whether keys were destroyed, so that no copy is to linger in the database's own files."""

    def accept_keys(self) -> None:
        """Takes over the keys made so far; those made from here on are the next command's to keep."""
        self._keys_mark = self.keys.mark()

    def undo_keys(self) -> None:
        """Forgets the running command's keys."""
        self.keys.undo(self._keys_mark)

    def accept_entries(self, rows: Sequence[EntryRow], entries: Sequence[Entry]) -> None:
        """Takes over what a command appended."""
        if not rows:
            return
        if self._trusting:
            lowest: dict[bytes, int] = {}
            for row in rows:
                lowest.setdefault(row.stream_id, row.version)
            self._believed.update(
                (stream, version)
                for stream, version in lowest.items()
                if version > 1 and stream not in self._versions
            )
        self._rows.extend(rows)
        self._recent.add(entries)
        self._versions.update((row.stream_id, row.version) for row in rows)
        changed = max((entry.position for entry in entries if entry.changes_policy), default=0)
        self.head = Head(rows[-1].position, max(changed, self.head.policy_position))

    def accept_cells(self, dropped: Iterable[str], cells: CellChanges) -> None:
        """Takes over what a command put, deleted and dropped."""
        for projection in dropped:
            self._flush_cells()
            self._store.drop_cells(projection)
        self._cells.update(cells)

    def accept_answers(self, answers: Mapping[bytes, AnswerRow]) -> None:
        self._answers.update(answers)
        self._known_answers.update(answers)

    def accept_log(self, tiles: Mapping[tuple[int, int], bytes], states: Mapping[str, bytes | None]) -> None:
        """Takes over what a command wrote of the log as a whole."""
        self._tiles.update(tiles)
        self._states.update(states)

    def destroy_keys(self, at: int, asked: Destruction) -> None:
        """Destroys keys for the entry at `at`, which was accepted. What was read with them is forgotten."""
        self.flush()
        Destroyer(self._store, self.keys).destroy(at, asked)
        self._recent.clear()
        self.removed = True

    def stored_keys(self) -> StoredKeys:
        """The key table, with everything in it that was accepted so far."""
        self.flush()
        return self._store

    def replace_keys(self, old: Sequence[StoredKey], new: Sequence[KeyRow], removed: bool) -> None:
        """Changes rows of the key table. `removed`: no copy of the old ones is to linger."""
        self.flush()
        self._store.replace_keys(old, new)
        self.removed = self.removed or removed

    def part_keys(self, position: int) -> list[tuple[bytes, bool]]:
        """Of each part of an entry its key's id, and whether that is a key of its own, destroyed or not."""
        self._flush_entries()
        rows = self._store.entries(position - 1, position)
        if not rows:
            raise EntryCorrupt(position)
        own = {row[0] for row in self._store.keys_between(position - 1, position)}
        return [(key_id, key_id in own) for key_id, _, _ in checked_parts(rows[0])]

    def flush(self) -> None:
        """Writes everything accepted so far."""
        self._check_believed()  # ahead of all that waits for its one round trip
        key_rows = self.keys.take_pending(self._keys_mark)
        self._keys_mark = 0
        if key_rows:
            self._store.insert_keys(key_rows)
        if self._rows:
            self._store.insert_entries(self._rows)
            self._rows = []
        self._flush_cells()
        if self._answers:
            self._store.write_answers(list(self._answers.values()))
            self._answers = {}
        if self._tiles:
            self._store.write_tiles([(*place, hashes) for place, hashes in self._tiles.items()])
            self._tiles = {}
        for name, value in self._states.items():
            self._store.write_state(name, value)
        self._states = {}
        if self.head != self._written_head:
            self._store.write_head(self.head)
            self._written_head = self.head

    def next_versions(
        self, streams: Collection[bytes], claimed: Mapping[bytes, int] = MappingProxyType({})
    ) -> dict[bytes, int]:
        """The version that each stream's next entry has.

        Where asking costs a round trip, a version that is `claimed` for an entry is believed until the rows
        are written; if it was not the next (`StreamTaken`), all is done once more by asking first.
        """
        versions = self._versions
        believed = {
            stream: claimed[stream]
            for stream in streams
            if self._trusting and claimed.get(stream, 0) > 0 and stream not in versions
        }
        unknown = [stream for stream in streams if stream not in versions and stream not in believed]
        if unknown:
            stored = self._store.versions(unknown)
            # Kept: whoever asks before appending asks again when it appends.
            versions.update((stream, stored.get(stream, 0)) for stream in unknown)
        # What is only believed is not kept: whoever looks at the stream asks.
        return {
            stream: believed[stream] if stream in believed else versions[stream] + 1 for stream in streams
        }

    def _check_believed(self) -> None:
        """One question for all; of streams that begin none, as the database holds each version once."""
        believed, self._believed = self._believed, {}
        if believed:
            self._store.check_versions(believed)

    def entries(self, after: int, limit: int) -> list[Entry]:
        through = min(after + limit, self.head.size)
        first = self._recent.first()
        stored_through = through if first is None else min(through, first - 1)
        found: list[Entry] = []
        if after < stored_through:
            self._flush_entries()
            for start in range(after, stored_through, _READ_TOGETHER):
                found += self._stored(start, min(start + _READ_TOGETHER, stored_through))
        for position in range(max(after, stored_through) + 1, through + 1):
            entry = self._recent.get(position)
            if entry is None:
                raise EntryCorrupt(position)
            found.append(entry)
        return found

    def _stored(self, after: int, through: int) -> list[Entry]:
        rows = self._store.entries(after, through)
        # They come in order, each position once: as many as there are means every one.
        if len(rows) != through - after:
            there = {row[0] for row in rows}
            raise EntryCorrupt(next(one for one in range(after + 1, through + 1) if one not in there))
        return self._sealer.opened(rows)

    def rows(self, after: int, through: int) -> list[StoredEntry]:
        """As they are stored, unopened and unchecked."""
        self._flush_entries()
        return self._store.entries(after, through)

    def leaf_hashes(self, after: int, through: int) -> list[bytes]:
        """As they are stored, unchecked."""
        self._flush_entries()
        return self._store.leaf_hashes(after, through)

    def tile(self, level: int, number: int) -> bytes | None:
        return self._tiles.get((level, number)) or self._store.tile(level, number)

    def state(self, name: str) -> bytes | None:
        return self._states[name] if name in self._states else self._store.state(name)

    def stream(self, stream_id: UUID) -> list[Entry]:
        self._flush_entries()
        rows = self._store.stream(stream_id.bytes)
        opened = {
            entry.position: entry
            for entry in self._sealer.opened([row for row in rows if self._recent.get(row[0]) is None])
        }
        found = []
        for expected, row in enumerate(rows, start=1):
            position, version = row[0], row[4]
            if version != expected:
                raise EntryCorrupt(position)
            found.append(opened.get(position) or self.entries(position - 1, 1)[0])
        return found

    def cell(self, projection: str, key: bytes) -> bytes | None:
        return self._cells.get(projection, key, lambda: self._store.cell(projection, key))

    def scan(
        self, projection: str, prefix: bytes, after: bytes | None, limit: int
    ) -> list[tuple[bytes, bytes]]:
        return self._cells.scan(
            projection,
            prefix,
            after,
            limit,
            lambda most: self._store.scan_cells(projection, prefix, after, most),
        )

    def foresee(self, foreseen: Iterable[Foreseen]) -> None:
        """Reads in few questions what the commands are going to ask for, one by one."""
        labels: dict[bytes, None] = {}
        streams: dict[bytes, None] = {}
        for one in foreseen:
            labels.update(dict.fromkeys(one.answers))
            streams.update(dict.fromkeys(one.streams))
        self._look_up(list(labels))
        self.next_versions(streams)

    def _look_up(self, labels: Sequence[bytes]) -> None:
        if labels:
            self._known_answers.update(dict.fromkeys(labels))
            self._known_answers.update((row.label, row) for row in self._store.answers(labels))

    def answer(self, label: bytes) -> AnswerRow | None:
        if label not in self._known_answers:
            self._look_up([label])
        return self._known_answers[label]

    def has_writes(self) -> bool:
        """True if a flush would write."""
        return bool(
            self._rows
            or self._cells
            or self._answers
            or self._tiles
            or self._states
            or self.head != self._written_head
        )

    def _flush_entries(self) -> None:
        if self._rows:
            self.flush()

    def _flush_cells(self) -> None:
        if self._cells:
            self._store.write_cells(self._cells)
            self._cells = CellChanges()


def _content(entry: Entry) -> int:
    return sum(len(part.payload) for part in entry.parts)
