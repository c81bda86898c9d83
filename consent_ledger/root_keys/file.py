"""The embedded default: the root is a file of 32 bytes, and each epoch's object another one beside it.

Destroying one overwrites and unlinks it. What a copying file system, a solid-state disk or a backup of the
folder keeps is out of reach here: whoever needs more than that names another provider.
"""

import hashlib
import hmac
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent_ledger.durable import put_where_none_is, sync_folder
from consent_ledger.errors import KeyFileRefused, UnsealFailed
from consent_ledger.root_keys.port import OBJECT_ID_SIZE

Entropy = Callable[[int], bytes]

KEY_SIZE = 32
NONCE_SIZE = 12


class FileRootKeys:
    """`RootKeys` in files of mode 0600."""

    def __init__(self, root: bytes, epochs: Path, entropy: Entropy = os.urandom) -> None:
        """`epochs`: the folder of the epochs' objects, made when the first is."""
        self._key = root
        self._root = AESGCM(root)
        self._root_id = hmac.digest(root, b"oncetold.org/root-id/v1", hashlib.sha256)[:OBJECT_ID_SIZE]
        self._epochs = epochs
        self._entropy = entropy

    @classmethod
    def created(cls, file: Path, entropy: Entropy = os.urandom) -> "FileRootKeys":
        """Makes the root key unless there is a good one. Raises `KeyFileRefused`."""
        return cls(create_root_key(file, entropy), epochs_of(file), entropy)

    @classmethod
    def opened(cls, file: Path, entropy: Entropy = os.urandom) -> "FileRootKeys":
        """Raises `KeyFileRefused`."""
        return cls(read_root_key(file), epochs_of(file), entropy)

    @property
    def root_id(self) -> bytes:
        return self._root_id

    def name_label(self, name: str) -> bytes:
        return hmac.digest(self._key, f"oncetold.org/{name}/v1".encode(), hashlib.sha256)

    def create(self) -> bytes:
        object_id = self._entropy(OBJECT_ID_SIZE)
        try:
            new = not self._epochs.exists()
            self._epochs.mkdir(mode=0o700, exist_ok=True)
            if new:
                sync_folder(self._epochs.parent)
        except OSError as error:
            raise _not_created(error) from error
        create_root_key(self._file(object_id), self._entropy)
        return object_id

    def wrap(self, object_id: bytes, key: bytes, context: bytes) -> bytes:
        nonce = self._entropy(NONCE_SIZE)
        return nonce + self._object(object_id).encrypt(nonce, key, context)

    def unwrap(self, object_id: bytes, wrapped: bytes, context: bytes) -> bytes:
        try:
            return self._object(object_id).decrypt(wrapped[:NONCE_SIZE], wrapped[NONCE_SIZE:], context)
        except (InvalidTag, ValueError) as error:
            raise UnsealFailed(reason="wrapped key") from error

    def destroy(self, object_id: bytes) -> datetime:
        file = self._file(object_id)
        try:
            with suppress(FileNotFoundError):
                with file.open("r+b") as out:
                    out.write(bytes(KEY_SIZE))
                    out.flush()
                    os.fsync(out.fileno())
                file.unlink()
                sync_folder(self._epochs)
        except OSError as error:
            raise KeyFileRefused(
                f"an epoch's key cannot be destroyed (errno {error.errno})",
                "Give the folder of the epochs' keys to the hub's own user; the hub tries again.",
            ) from error
        return datetime.now(UTC)

    def destroyed(self, object_id: bytes) -> bool:
        return object_id != self._root_id and not self._file(object_id).exists()

    def _file(self, object_id: bytes) -> Path:
        return self._epochs / object_id.hex()

    def _object(self, object_id: bytes) -> AESGCM:
        if object_id == self._root_id:
            return self._root
        if self.destroyed(object_id):
            raise UnsealFailed(reason="the epoch's key is not beside the root key")
        return AESGCM(read_root_key(self._file(object_id)))


def epochs_of(root_key_file: Path) -> Path:
    """Where the epochs' objects stand."""
    return root_key_file.with_name(f"{root_key_file.name}.epochs")


def create_root_key(file: Path, entropy: Entropy = os.urandom) -> bytes:
    """Writes a new root key that only its owner may read, durably. An existing good one is used as it is.

    The name appears only once the key is written: a power cut leaves no key or a whole one.
    """
    try:
        put_where_none_is(file, lambda: entropy(KEY_SIZE))
    except OSError as error:
        raise _not_created(error) from error
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


def _not_created(error: OSError) -> KeyFileRefused:
    return KeyFileRefused(
        f"cannot be created (errno {error.errno})", "Name a folder that exists and is writable."
    )
