"""Keys: root (a file) → epoch's key-encryption key → key per (registration, category) → key per fragment.

Every key but the root lies wrapped in the key table, beside nothing that says whose it is: ids are random,
labels are HMACs. Wrapping is AES-256-GCM, bound to the key's id, its parent's id and its label.
"""

import hashlib
import hmac
import os
import stat
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent_ledger.errors import KeyFileRefused, UnsealFailed
from consent_ledger.store.port import KeyRow

Entropy = Callable[[int], bytes]
V = TypeVar("V")

KEY_SIZE = 32
KEY_ID_SIZE = 16
NONCE_SIZE = 12
_WRAP = b"oncetold.org/wrap/v1\n"
_KEPT_OPEN = 16_384
"""Opened keys kept in memory: about 1 KiB each."""


class KeyTable(Protocol):
    """The part of a store that holds wrapped keys."""

    def key_by_label(self, label: bytes) -> KeyRow | None: ...

    def keys_by_id(self, key_ids: Sequence[bytes]) -> list[KeyRow]: ...


class _NoKeys:
    """The key table of a ledger that is being made."""

    def key_by_label(self, label: bytes) -> KeyRow | None:
        return None

    def keys_by_id(self, key_ids: Sequence[bytes]) -> list[KeyRow]:
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
        self._kek_label = hmac.digest(root, b"oncetold.org/epoch-key/v1", hashlib.sha256)
        self._index_label = hmac.digest(root, b"oncetold.org/index-key/v1", hashlib.sha256)
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
        return self._unwrap(row, self._root)

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

    def fragment_key(self, owner_labels: Sequence[bytes]) -> tuple[bytes, AESGCM]:
        """A new key, wrapped once for each owner."""
        key_id, key = self._entropy(KEY_ID_SIZE), self._entropy(KEY_SIZE)
        owners = [self.category_key(owner) for owner in dict.fromkeys(owner_labels)]
        for parent_id, parent in sorted(owners, key=lambda pair: pair[0]):
            self._pending.append(self._wrap(key_id, key, parent_id, parent, None))
        return key_id, AESGCM(key)

    def prefetch(self, key_ids: Sequence[bytes]) -> None:
        """Opens many keys with few queries. Those that do not open fail when `key` asks for them."""
        missing = [key_id for key_id in dict.fromkeys(key_ids) if key_id not in self._open]
        rows = self._rows(missing)
        # One by one: taking away all open keys would walk through thousands of them.
        parents = {row.parent_id for row in rows if row.parent_id not in self._open}
        parent_rows = self._rows(sorted(parents - {self._root_id}))
        grandparents = {row.parent_id for row in parent_rows if row.parent_id not in self._open}
        self._open_rows(self._rows(sorted(grandparents)))
        self._open_rows(parent_rows)
        self._open_rows(rows)

    def key(self, key_id: bytes) -> AESGCM:
        """The key of this id, opened by whichever of its owners' keys does. Raises `UnsealFailed`."""
        if key_id not in self._open:
            self.prefetch([key_id])
        key = self._open.get(key_id)
        if key is None:
            raise UnsealFailed(reason="no key")
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
        self, key_id: bytes, key: bytes, parent_id: bytes, parent: AESGCM, label: bytes | None
    ) -> KeyRow:
        nonce = self._entropy(NONCE_SIZE)
        wrapped = nonce + parent.encrypt(nonce, key, _WRAP + key_id + parent_id + (label or b""))
        return KeyRow(key_id, parent_id, label, wrapped)

    @staticmethod
    def _unwrap(row: KeyRow, parent: AESGCM) -> bytes:
        context = _WRAP + row.key_id + row.parent_id + (row.label or b"")
        try:
            return parent.decrypt(row.wrapped[:NONCE_SIZE], row.wrapped[NONCE_SIZE:], context)
        except (InvalidTag, ValueError) as error:
            raise UnsealFailed(reason="wrapped key") from error

    def _open_rows(self, rows: Sequence[KeyRow]) -> None:
        for row in rows:
            parent = self._root if row.parent_id == self._root_id else self._open.get(row.parent_id)
            if parent is not None and row.key_id not in self._open:
                try:
                    key = self._unwrap(row, parent)
                except UnsealFailed:
                    continue  # another owner's wrapping may open it; if none does, `key` raises
                self._keep(self._open, row.key_id, AESGCM(key))

    def _row(self, label: bytes) -> KeyRow | None:
        return self._pending_labels.get(label) or self._table.key_by_label(label)

    def _rows(self, key_ids: Sequence[bytes]) -> list[KeyRow]:
        if not key_ids:
            return []
        wanted = set(key_ids)
        return [row for row in self._pending if row.key_id in wanted] + self._table.keys_by_id(key_ids)

    @staticmethod
    def _keep(kept: OrderedDict[bytes, V], name: bytes, value: V) -> None:
        kept[name] = value
        if len(kept) > _KEPT_OPEN:
            kept.popitem(last=False)
