"""Keys: root (a file) → epoch's key-encryption key → key per (registration, category) → key per fragment.

Every key but the root lies wrapped in the key table, beside nothing that says whose it is: ids are random,
labels are HMACs. Wrapping is AES-256-GCM, bound to the key's id, its parent's id and its label.
"""

import hashlib
import hmac
import os
import stat
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent_ledger.errors import KeyFileRefused, KeyMissing, UnsealFailed
from consent_ledger.store.port import KeyRow, StoredKey

Entropy = Callable[[int], bytes]
V = TypeVar("V")

KEY_SIZE = 32
KEY_ID_SIZE = 16
NONCE_SIZE = 12
_WRAP = b"oncetold.org/wrap/v1\n"
_KEPT_OPEN = 65_536
"""Opened keys of categories kept in memory: about 1 KiB each. Keys of fragments are not kept."""
_NEAR = 4
"""Times as many positions as entries are wanted, within which their keys are read in one range."""
_DEPTH = 2
"""Wrappings between the root and a category's key."""


class KeyTable(Protocol):
    """The part of a store that holds wrapped keys."""

    def key_by_label(self, label: bytes) -> KeyRow | None: ...

    def keys_by_id(self, key_ids: Sequence[bytes]) -> Sequence[StoredKey]: ...

    def keys_between(self, after: int, through: int) -> Sequence[StoredKey]: ...


class _NoKeys:
    """The key table of a ledger that is being made."""

    def key_by_label(self, label: bytes) -> KeyRow | None:
        return None

    def keys_by_id(self, key_ids: Sequence[bytes]) -> Sequence[StoredKey]:
        return []

    def keys_between(self, after: int, through: int) -> Sequence[StoredKey]:
        return []


def create_root_key(file: Path, entropy: Entropy = os.urandom) -> bytes:
    """Writes a new root key that only its owner may read, durably. An existing good one is used as it is.

    The name appears only once the key is written: a power cut leaves no key or a whole one.
    """
    unfinished = file.with_name(f"{file.name}.new")
    try:
        if not file.exists():
            unfinished.unlink(missing_ok=True)
            handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as out:
                out.write(entropy(KEY_SIZE))
                out.flush()
                os.fsync(out.fileno())
            with suppress(FileExistsError):
                os.link(unfinished, file)  # unlike a renaming, this never replaces a key
        unfinished.unlink(missing_ok=True)
        folder = os.open(file.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise KeyFileRefused(
            f"cannot be created (errno {error.errno})", "Name a folder that exists and is writable."
        ) from error
    return read_root_key(file)


def read_root_key(file: Path) -> bytes:
    """The 32 bytes of the root key. Raises `KeyFileRefused`, saying what to do, rather than work unsafely."""
    try:
        with file.open("rb") as source:
            mode = os.fstat(source.fileno()).st_mode
            key = source.read(KEY_SIZE + 1)
    except FileNotFoundError:
        raise KeyFileRefused("missing", "Bring back the root key file; without it nothing opens.") from None
    except OSError as error:
        raise KeyFileRefused(
            f"cannot be read (errno {error.errno})", "Give the file to the hub's own user."
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise KeyFileRefused(
            f"open to others (mode {stat.S_IMODE(mode):04o})",
            "Run `chmod 600` on it, and ask who may have read it.",
        )
    if len(key) != KEY_SIZE:
        raise KeyFileRefused("not 32 bytes long", "Bring back the root key file from its backup.")
    return key


class KeyRing:
    """Finds, makes and opens keys. Belongs to the writer thread.

    Keys made by a command wait in `pending` rows, to be stored with its entries or not at all.
    """

    def __init__(self, root: bytes, table: KeyTable, entropy: Entropy = os.urandom) -> None:
        self._table = table
        self._entropy = entropy
        self._root_id = hmac.digest(root, b"oncetold.org/root-id/v1", hashlib.sha256)[:KEY_ID_SIZE]
        self._root = AESGCM(root)
        self._name_label = partial(_name_label, root)
        self._kek_label = self._name_label("epoch-key")
        self._index_label = self._name_label("index-key")
        self._ids: OrderedDict[bytes, bytes] = OrderedDict()
        self._open: OrderedDict[bytes, AESGCM] = OrderedDict()
        self._pending: list[KeyRow] = []
        self._pending_labels: dict[bytes, KeyRow] = {}

    @classmethod
    def founding_rows(cls, root: bytes, entropy: Entropy = os.urandom) -> list[KeyRow]:
        """A new ledger's first keys: the key-encryption key and the key of all labels."""
        ring = cls(root, _NoKeys(), entropy)
        ring._mint(ring._root_id, ring._root, ring._kek_label)
        ring._mint(ring._root_id, ring._root, ring._index_label)
        return ring.take_pending(ring.mark())

    def index_key(self) -> bytes:
        """The key of all labels. Raises `KeyFileRefused` if the root key is another ledger's."""
        row = self._row(self._index_label)
        if row is None or self._row(self._kek_label) is None:
            raise KeyFileRefused("not this ledger's", "Name the root key file made with this ledger.")
        return _unwrap(row, self._root)

    def named_key(self, name: str) -> bytes:
        """The 32 bytes of one of the ledger's own keys, under the root; made on first need."""
        label = self._name_label(name)
        row = self._row(label)
        if row is not None:
            return _unwrap(row, self._root)
        key = self._entropy(KEY_SIZE)
        row = self._wrap(self._entropy(KEY_ID_SIZE), key, self._root_id, self._root, label)
        self._pending.append(row)
        self._pending_labels[label] = row
        return key

    def category_key(self, owner_label: bytes) -> tuple[bytes, AESGCM]:
        """Id and key of one (registration, category), made on first use."""
        key_id = self._ids.get(owner_label)
        if key_id is not None:
            self._ids.move_to_end(owner_label)
            return key_id, self.key(key_id)
        row = self._row(owner_label)
        key_id = self._mint(*self._kek(), owner_label) if row is None else row.key_id
        self._keep(self._ids, owner_label, key_id)
        return key_id, self.key(key_id)

    def existing_category_key(self, owner_label: bytes) -> AESGCM:
        """As `category_key`, but raises `UnsealFailed` where there is none yet."""
        if owner_label not in self._ids and self._row(owner_label) is None:
            raise UnsealFailed(reason="no key")
        return self.category_key(owner_label)[1]

    def fragment_key(self, owner_labels: Sequence[bytes], position: int) -> tuple[bytes, AESGCM]:
        """A new key for a part of the entry at `position`, wrapped once for each owner."""
        key_id, key = self._entropy(KEY_ID_SIZE), self._entropy(KEY_SIZE)
        owners = [self.category_key(owner) for owner in dict.fromkeys(owner_labels)]
        if len(owners) > 1:
            owners.sort(key=lambda pair: pair[0])
        for parent_id, parent in owners:
            self._pending.append(self._wrap(key_id, key, parent_id, parent, None, position))
        return key_id, AESGCM(key)

    def of_entries(self, positions: Sequence[int]) -> "EntryKeys":
        """The keys that the entries at these positions need."""
        first, last = min(positions), max(positions)
        if last - first < _NEAR * len(positions):
            return EntryKeys(self, [(first - 1, last)])
        return EntryKeys(self, [(position - 1, position) for position in positions])

    def closed(self, rows: Sequence[StoredKey]) -> list[StoredKey]:
        """Those of these stored rows that their parent's key does not open: for a check of the key table."""
        parents = self._categories({row[1] for row in rows})
        return [row for row in rows if row[1] not in parents or _unwrapped(row, parents[row[1]]) is None]

    def fragment_keys(self, after: int, through: int) -> dict[bytes, AESGCM]:
        """The keys for the fragments of entries with after < position <= through, by their ids.

        Each is opened by whichever of its owners' keys does; one that none opens is not there. They are
        kept by nobody but the caller.
        """
        rows: list[StoredKey] = [row for row in self._pending if after < row.position <= through]
        rows += self._table.keys_between(after, through)
        parents = self._categories({row[1] for row in rows})
        found = {}
        for row in rows:
            key_id = row[0]
            parent = parents.get(row[1])
            if parent is not None and key_id not in found:
                key = _unwrapped(row, parent)
                if key is not None:
                    found[key_id] = key
        return found

    def key(self, key_id: bytes) -> AESGCM:
        """The key of this id, which is no fragment's. Raises `UnsealFailed`."""
        key = self.kept(key_id) or self._categories({key_id}).get(key_id)
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
            self._open.pop(row.key_id, None)
            if row.label is not None:
                self._ids.pop(row.label, None)
                self._pending_labels.pop(row.label, None)
        del self._pending[mark:]

    def take_pending(self, mark: int) -> list[KeyRow]:
        """The rows made before `mark`, which the caller now stores."""
        taken, self._pending = self._pending[:mark], self._pending[mark:]
        self._pending_labels = {row.label: row for row in self._pending if row.label is not None}
        return taken

    def forget(self) -> None:
        """Drops all opened keys and pending rows."""
        self._ids.clear()
        self._open.clear()
        self._pending.clear()
        self._pending_labels.clear()

    def _kek(self) -> tuple[bytes, AESGCM]:
        key_id = self._ids.get(self._kek_label)
        if key_id is None:
            row = self._row(self._kek_label)
            if row is None:
                raise UnsealFailed(reason="no epoch key")
            key_id = row.key_id
            self._keep(self._ids, self._kek_label, key_id)
        return key_id, self.key(key_id)

    def _mint(self, parent_id: bytes, parent: AESGCM, label: bytes) -> bytes:
        key_id, key = self._entropy(KEY_ID_SIZE), self._entropy(KEY_SIZE)
        row = self._wrap(key_id, key, parent_id, parent, label)
        self._pending.append(row)
        self._pending_labels[label] = row
        self._keep(self._open, key_id, AESGCM(key))
        return key_id

    def _wrap(
        self,
        key_id: bytes,
        key: bytes,
        parent_id: bytes,
        parent: AESGCM,
        label: bytes | None,
        position: int = 0,
    ) -> KeyRow:
        nonce = self._entropy(NONCE_SIZE)
        wrapped = nonce + parent.encrypt(nonce, key, _WRAP + key_id + parent_id + (label or b""))
        return KeyRow(key_id, parent_id, label, wrapped, position)

    def _kept_of(self, key_ids: Iterable[bytes]) -> tuple[dict[bytes, AESGCM], set[bytes]]:
        """Of these keys those that are open, and the ids of the others."""
        found, unknown = {}, set()
        for key_id in key_ids:
            key = self.kept(key_id)
            if key is None:
                unknown.add(key_id)
            else:
                found[key_id] = key
        return found, unknown

    def _categories(self, key_ids: Iterable[bytes], depth: int = _DEPTH) -> dict[bytes, AESGCM]:
        """Those of these keys that open, the root's among them, with few queries."""
        found, unknown = self._kept_of(key_ids)
        if self._root_id in unknown:
            unknown.remove(self._root_id)
            found[self._root_id] = self._root
        if not unknown or not depth:
            return found
        rows: list[StoredKey] = [row for row in self._pending if not row.position and row.key_id in unknown]
        rows += self._table.keys_by_id(sorted(unknown))
        parents = self._categories({row[1] for row in rows}, depth - 1)
        for row in rows:
            parent = parents.get(row[1])
            key = None if parent is None else _unwrapped(row, parent)
            if key is not None:
                found[row[0]] = key
                self._keep(self._open, row[0], key)
        return found

    def _row(self, label: bytes) -> KeyRow | None:
        return self._pending_labels.get(label) or self._table.key_by_label(label)

    @staticmethod
    def _keep(kept: OrderedDict[bytes, V], name: bytes, value: V) -> None:
        kept[name] = value
        if len(kept) > _KEPT_OPEN:
            kept.popitem(last=False)


class EntryKeys(dict[bytes, AESGCM]):
    """Keys by their ids, found when they are first asked for: those of fragments all at once."""

    def __init__(self, ring: KeyRing, ranges: Sequence[tuple[int, int]]) -> None:
        """`ranges`: (after, through) of the positions that fragments' keys are looked for at."""
        super().__init__()
        self._ring = ring
        self._unread = ranges

    def __missing__(self, key_id: bytes) -> AESGCM:
        """Raises `UnsealFailed`."""
        key = self._ring.kept(key_id)
        if key is None and self._unread:
            for after, through in self._unread:
                self.update(self._ring.fragment_keys(after, through))
            self._unread = ()
            key = self.get(key_id)
        if key is None:
            key = self._ring.key(key_id)
        self[key_id] = key
        return key


def _name_label(root: bytes, name: str) -> bytes:
    return hmac.digest(root, f"oncetold.org/{name}/v1".encode(), hashlib.sha256)


def _unwrap(row: StoredKey, parent: AESGCM) -> bytes:
    key_id, parent_id, label, wrapped, _ = row
    context = _WRAP + key_id + parent_id + (label or b"")
    try:
        return parent.decrypt(wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:], context)
    except (InvalidTag, ValueError) as error:
        raise UnsealFailed(reason="wrapped key") from error


def _unwrapped(row: StoredKey, parent: AESGCM) -> AESGCM | None:
    """None if it does not open: another row of the same key may; if none does, the key is missing."""
    try:
        return AESGCM(_unwrap(row, parent))
    except UnsealFailed:
        return None
