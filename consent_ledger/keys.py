"""Keys: root → epoch's key-encryption key → key per (registration, category) → key per fragment.

The root and the object that wraps each epoch's key belong to a provider (`root_keys`). Every other key lies
wrapped in the key table, beside nothing that says whose it is: ids are random, labels are keyed. Wrapping is
AES-256-GCM, bound to the key's id, its parent's id and its label. What was destroyed leaves a row that says
so and that only this ledger can make: its key is neither looked for nor taken back.
"""

import os
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent_ledger.entry_keys import EntryKeys
from consent_ledger.errors import KeyErased, KeyFileRefused, KeyMissing, UnsealFailed
from consent_ledger.fences import Fences
from consent_ledger.mac import KeyedMac
from consent_ledger.root_keys.port import RootKeys
from consent_ledger.store.port import KeyRow, StoredKey
from consent_ledger.wrapping import (
    KEY_ID_SIZE,
    KEY_SIZE,
    NONCE_SIZE,
    Entropy,
    KeyTable,
    NoKeys,
    unwrap,
    unwrapped,
    wrap,
    wrapping_context,
)

__all__ = ["KEY_ID_SIZE", "NONCE_SIZE", "NO_PARENT", "Entropy", "KeyRing"]

V = TypeVar("V")

NO_PARENT = bytes(KEY_ID_SIZE)
"""Parent of the row that a destroyed key leaves."""
_DESTROYED, _RETIRED = b"\x05", b"\x06"
"""What a message under the index key begins with; the vault uses those before."""
_KEPT_OPEN = 65_536
"""Opened keys of categories kept in memory: about 1 KiB each. Keys of fragments are not kept."""
_NEAR = 4
"""Times as many positions as entries are wanted, within which their keys are read in one range."""


class KeyRing:
    """Finds, makes and opens keys. Belongs to the writer thread.

    Keys made by a command wait in `pending` rows, to be stored with its entries or not at all.
    """

    def __init__(
        self,
        root: RootKeys,
        table: KeyTable,
        entropy: Entropy = os.urandom,
        fences: Fences | None = None,
    ) -> None:
        """`fences`: ids of destroyed keys, whatever the table says."""
        self.root = root
        self._table = table
        self._entropy = entropy
        self.fences = Fences(UUID(int=0)) if fences is None else fences
        self._kek_label = root.name_label("epoch-key")
        self._index_label = root.name_label("index-key")
        self._index: KeyedMac | None = None
        self._ids: OrderedDict[bytes, bytes] = OrderedDict()
        self._open: OrderedDict[bytes, AESGCM] = OrderedDict()
        self._epochs: dict[bytes, AESGCM] = {}
        self._pending: list[KeyRow] = []
        self._pending_labels: dict[bytes, KeyRow] = {}

    @classmethod
    def founding_rows(cls, root: RootKeys, entropy: Entropy = os.urandom) -> list[KeyRow]:
        """A new ledger's first keys: the first epoch's, and the key of all labels."""
        ring = cls(root, NoKeys(), entropy)
        return [ring.new_epoch_key(root.create()), ring._new_named_key(ring._index_label)[0]]

    def index_key(self) -> bytes:
        """The key of all labels. `KeyFileRefused`: the root is another ledger's, or the epoch's is gone."""
        row = self._row(self._index_label)
        epoch = self._row(self._kek_label)
        if row is None or epoch is None or row.parent_id != self.root.root_id:
            raise KeyFileRefused("not this ledger's", "Name the root key that was made with this ledger.")
        if self.root.destroyed(epoch.parent_id):
            raise KeyFileRefused(
                "the key of the database's epoch is gone",
                "Bring back the epochs' keys that stood beside the root key. If this database is a backup "
                "from before the last key epoch, nothing opens it any more: restore a later one.",
            )
        key = self._unwrapped_by_root(row)
        self._index = KeyedMac(key)
        self.epoch_key(epoch.key_id)  # so that what cannot be opened is told at the start
        return key

    def named_key(self, name: str) -> bytes:
        """The 32 bytes of one of the ledger's own keys, under the root; made on first need."""
        label = self.root.name_label(name)
        row = self._row(label)
        if row is not None:
            return self._unwrapped_by_root(row)
        row, key = self._new_named_key(label)
        self._add(row)
        return key

    def category_key(self, owner_label: bytes) -> tuple[bytes, AESGCM]:
        """Id and key of one (registration, category), made on first use."""
        key_id = self._ids.get(owner_label)
        if key_id is not None:
            self._ids.move_to_end(owner_label)
            return key_id, self.key(key_id)
        row = self._row(owner_label)
        if row is None:
            row, key = self.new_category_key(owner_label)
            self._add(row)
            self._keep(self._open, row.key_id, key)
        self._keep(self._ids, owner_label, row.key_id)
        return row.key_id, self.key(row.key_id)

    def existing_category_key(self, owner_label: bytes) -> AESGCM:
        """As `category_key`, but raises `UnsealFailed` where there is none yet."""
        if owner_label not in self._ids and self._row(owner_label) is None:
            raise UnsealFailed(reason="no key")
        return self.category_key(owner_label)[1]

    def id_of(self, owner_label: bytes) -> bytes | None:
        """The id of the key under this label, without opening it."""
        row = self._row(owner_label)
        return None if row is None else row.key_id

    def fragment_key(self, owner_labels: Sequence[bytes], position: int) -> tuple[bytes, AESGCM]:
        """A new key for a part of the entry at `position`, wrapped once for each owner."""
        key_id, key = self._new_id(), self._entropy(KEY_SIZE)
        owners = [self.category_key(owner) for owner in dict.fromkeys(owner_labels)]
        if len(owners) > 1:
            owners.sort(key=lambda pair: pair[0])
        for parent_id, parent in owners:
            self._pending.append(wrap(self._entropy, key_id, key, parent_id, parent, None, position))
        return key_id, AESGCM(key)

    def of_entries(self, positions: Sequence[int]) -> "EntryKeys":
        """The keys that the entries at these positions need."""
        first, last = min(positions), max(positions)
        if last - first < _NEAR * len(positions):
            return EntryKeys(self, [(first - 1, last)])
        return EntryKeys(self, [(position - 1, position) for position in positions])

    def closed(self, rows: Sequence[StoredKey]) -> list[StoredKey]:
        """Those of these stored rows that do not open as they should: for a check of the key table.

        A wrapping under a key that was destroyed is nobody's damage.
        """
        return [row for row in rows if not self._sound(row)]

    def fragment_keys(self, after: int, through: int) -> tuple[dict[bytes, AESGCM], set[bytes]]:
        """The keys for the fragments of entries with after < position <= through, by their ids.

        Each is opened by whichever of its owners' keys does. Beside them the ids of those that were
        destroyed; one that none opens is in neither. They are kept by nobody but the caller.
        """
        rows: list[StoredKey] = [row for row in self._pending if after < row.position <= through]
        rows += self._table.keys_between(after, through)
        parents, dead = self._categories({row[1] for row in rows})
        found: dict[bytes, AESGCM] = {}
        erased = {row[0] for row in rows if row[1] == NO_PARENT and self.says_destroyed(row)}
        orphans: set[bytes] = set()
        for row in rows:
            key_id, parent_id = row[0], row[1]
            if key_id in found or key_id in erased:
                continue
            parent = parents.get(parent_id)
            if parent is None:
                if parent_id in dead:
                    orphans.add(key_id)
            elif self.fences.any and key_id in self.fences:
                erased.add(key_id)
            else:
                if (key := unwrapped(row, parent)) is not None:
                    found[key_id] = key
        return found, erased | (orphans - found.keys())

    def key(self, key_id: bytes) -> AESGCM:
        """A category's key by its id. Raises `KeyErased` if it was destroyed, `KeyMissing` if none opens."""
        key = self.kept(key_id)
        if key is None:
            found, dead = self._categories({key_id})
            if key_id in dead:
                raise KeyErased(reason="destroyed")
            key = found.get(key_id)
        if key is None:
            raise KeyMissing(reason="no key")
        return key

    def kept(self, key_id: bytes) -> AESGCM | None:
        """The key if it is open in memory."""
        key = self._open.get(key_id)
        if key is not None:
            self._open.move_to_end(key_id)
        return key

    def mark(self) -> int:
        """Where the pending rows end now; `undo` and `take_pending` take it back."""
        return len(self._pending)

    def undo(self, mark: int) -> None:
        """Forgets the keys made since `mark`."""
        for row in self._pending[mark:]:
            self.evict(row)
            if row.label is not None:
                self._pending_labels.pop(row.label, None)
        del self._pending[mark:]

    def take_pending(self, mark: int) -> list[KeyRow]:
        """The rows made before `mark`, which the caller now stores."""
        taken, self._pending = self._pending[:mark], self._pending[mark:]
        self._pending_labels = {row.label: row for row in self._pending if row.label is not None}
        return taken

    def forget(self) -> None:
        """Drops pending rows, and all opened keys but the epochs', which never change."""
        self._ids.clear()
        self._open.clear()
        self._pending.clear()
        self._pending_labels.clear()

    def evict(self, row: StoredKey) -> None:
        """Drops an opened key from memory, and what is known of its label."""
        self._open.pop(row[0], None)
        if row[2] is not None:
            self._ids.pop(row[2], None)

    # What keys are replaced by and destroyed with: rows, which the caller stores.

    def epoch_row(self) -> KeyRow:
        """The row of the present epoch's key."""
        # Read each time: another hub of this ledger may have begun an epoch.
        row = self._row(self._kek_label)
        if row is None:
            raise UnsealFailed(reason="no epoch key")
        return row

    def epoch_key(self, key_id: bytes) -> AESGCM:
        """The working key of an epoch, opened by the provider once. Raises `KeyMissing`."""
        key = self._epochs.get(key_id)
        if key is None:
            for row in self._table.keys_by_id([key_id]):
                if self._is_epochs(row):
                    key = self._epochs[key_id] = AESGCM(self._unwrapped_by_root(row))
        if key is None:
            raise KeyMissing(reason="no epoch key")
        return key

    def new_epoch_key(self, object_id: bytes) -> KeyRow:
        """A new epoch's key, wrapped by the provider's object, under the label of the present one."""
        key_id, key = self._new_id(), self._entropy(KEY_SIZE)
        row = self._wrap_by_root(key_id, key, object_id, self._kek_label)
        self._epochs[key_id] = AESGCM(key)
        return row

    def ended(self, row: KeyRow) -> KeyRow:
        """The row of an epoch's key without its label, which the next epoch's has."""
        return self._wrap_by_root(row.key_id, self._unwrapped_by_root(row), row.parent_id, None)

    def new_category_key(self, owner_label: bytes) -> tuple[KeyRow, AESGCM]:
        """A new key of one (registration, category), under the present epoch's."""
        parent_id = self.epoch_row().key_id
        key_id, key = self._new_id(), self._entropy(KEY_SIZE)
        row = wrap(self._entropy, key_id, key, parent_id, self.epoch_key(parent_id), owner_label)
        return row, AESGCM(key)

    def rewrapped(
        self, rows: Iterable[StoredKey], old: AESGCM, parent_id: bytes, parent: AESGCM
    ) -> list[KeyRow]:
        """What these rows under the key `old` are under `parent`.

        One that is damaged stays as it is, under its new parent: still damaged, and told by a check.
        """
        new = []
        for row in rows:
            key_id, _, label, wrapped, position = row
            try:
                new.append(wrap(self._entropy, key_id, unwrap(row, old), parent_id, parent, label, position))
            except UnsealFailed:
                new.append(KeyRow(key_id, parent_id, label, wrapped, position))
        return new

    def retired_label(self, owner_label: bytes, number: int) -> bytes:
        """Under which an owner's key stands that seals nothing new but still opens: the first, second, …"""
        return self._keyed(_RETIRED + owner_label + number.to_bytes(4))

    def relabelled(self, row: KeyRow, label: bytes) -> KeyRow:
        """The row of a category's key under another label."""
        parent = self.epoch_key(row.parent_id)
        return wrap(self._entropy, row.key_id, unwrap(row, parent), row.parent_id, parent, label)

    def tombstone(self, key_id: bytes, position: int) -> KeyRow:
        """What stands where a destroyed key stood."""
        return KeyRow(key_id, NO_PARENT, None, self._destroyed_mac(key_id, position), position)

    def says_destroyed(self, row: StoredKey) -> bool:
        """Whether the row says that its key was destroyed, and this ledger wrote it."""
        return row[1] == NO_PARENT and self._destroyed_mac(row[0], row[4]) == row[3]

    def _destroyed_mac(self, key_id: bytes, position: int) -> bytes:
        return self._keyed(_DESTROYED + position.to_bytes(8) + key_id)

    def _keyed(self, message: bytes) -> bytes:
        if self._index is None:
            self.index_key()
        assert self._index is not None
        return self._index(message)

    def _new_named_key(self, label: bytes) -> tuple[KeyRow, bytes]:
        key_id, key = self._new_id(), self._entropy(KEY_SIZE)
        return self._wrap_by_root(key_id, key, self.root.root_id, label), key

    def _add(self, row: KeyRow) -> None:
        self._pending.append(row)
        if row.label is not None:
            self._pending_labels[row.label] = row

    def _new_id(self) -> bytes:
        key_id = self._entropy(KEY_ID_SIZE)
        while key_id in self.fences:
            key_id = self._entropy(KEY_ID_SIZE)
        return key_id

    def _wrap_by_root(self, key_id: bytes, key: bytes, object_id: bytes, label: bytes | None) -> KeyRow:
        wrapped = self.root.wrap(object_id, key, wrapping_context(key_id, object_id, label))
        return KeyRow(key_id, object_id, label, wrapped)

    def _unwrapped_by_root(self, row: StoredKey) -> bytes:
        key_id, object_id, label, wrapped, _ = row
        return self.root.unwrap(object_id, wrapped, wrapping_context(key_id, object_id, label))

    def _is_epochs(self, row: StoredKey) -> bool:
        return row[4] == 0 and row[2] in (None, self._kek_label) and row[1] != NO_PARENT

    def _kept_of(self, key_ids: Iterable[bytes]) -> tuple[dict[bytes, AESGCM], set[bytes]]:
        """Of these keys those that are open, and the ids of the others."""
        found, unknown = {}, set()
        kept, used = self._open.get, self._open.move_to_end
        for key_id in key_ids:
            if (key := kept(key_id)) is None:
                unknown.add(key_id)
            else:
                used(key_id)
                found[key_id] = key
        return found, unknown

    def _categories(self, key_ids: Iterable[bytes]) -> tuple[dict[bytes, AESGCM], set[bytes]]:
        """Those of these categories' keys that open, with few queries, and the ids of those destroyed."""
        found, unknown = self._kept_of(key_ids)
        unknown.discard(NO_PARENT)
        if not unknown:
            return found, unknown
        rows: list[StoredKey] = [row for row in self._pending if not row.position and row.key_id in unknown]
        rows += self._table.keys_by_id(sorted(unknown))
        dead = {row[0] for row in rows if self.says_destroyed(row)}
        dead.update(key_id for key_id in unknown if key_id in self.fences)
        for row in rows:
            if row[2] is None or row[0] in dead:
                continue
            try:
                key = AESGCM(unwrap(row, self.epoch_key(row[1])))
            except UnsealFailed:
                continue  # told where it is missed
            found[row[0]] = key
            self._keep(self._open, row[0], key)
        return found, dead

    def _sound(self, row: StoredKey) -> bool:
        """Whether a stored row opens, or says rightly that there is nothing to open."""
        key_id, parent_id, position = row[0], row[1], row[4]
        if parent_id == NO_PARENT:
            return self.says_destroyed(row)
        try:
            if position:
                parents, dead = self._categories({parent_id})
                return parent_id in dead or unwrapped(row, parents[parent_id]) is not None
            if parent_id == self.root.root_id or self._is_epochs(row):
                self._unwrapped_by_root(row)
            else:
                unwrap(row, self.epoch_key(parent_id))
        except (UnsealFailed, KeyError):
            return False
        return key_id not in self.fences

    def _row(self, label: bytes) -> KeyRow | None:
        return self._pending_labels.get(label) or self._table.key_by_label(label)

    @staticmethod
    def _keep(kept: OrderedDict[bytes, V], name: bytes, value: V) -> None:
        kept[name] = value
        if len(kept) > _KEPT_OPEN:
            kept.popitem(last=False)
