"""What a backup says of itself: which ledger, how long, what its files hash to. It holds no key."""

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from consent_ledger.durable import put_in_place
from consent_ledger.errors import BackupRefused

VERSION = 1
NAME, LOG, KEYS = "manifest.json", "ledger.db", "keys.db"
_PIECE = 1 << 20
_BROKEN = "Take another backup. This one was broken off, altered, or put together from two."


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup. Ids and hashes are hexadecimal."""

    version: int
    ledger_id: str
    layout: int
    made: str
    """When, in UTC."""
    size: int
    root: str
    """Of the log's tree over all entries."""
    root_id: str
    """The provider's root object."""
    epoch: str
    """The provider's object that the keys hang from: once it is destroyed, this backup opens no more."""
    log_sha256: str
    keys_sha256: str

    def write(self, folder: Path) -> None:
        """Last of all: a backup without it was broken off."""
        put_in_place(folder / NAME, f"{json.dumps(asdict(self), indent=2)}\n".encode())


def read_manifest(folder: Path) -> Manifest:
    """Raises `BackupRefused`."""
    try:
        written = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BackupRefused("no manifest", f"Name the folder of a finished backup. {_BROKEN}") from None
    except (OSError, ValueError) as error:
        raise BackupRefused(f"its manifest cannot be read ({type(error).__name__})", _BROKEN) from None
    kinds = Manifest.__annotations__
    if not isinstance(written, dict) or written.get("version") != VERSION:
        raise BackupRefused("of another version", "Restore it with the program that made it.")
    if set(written) != set(kinds) or any(type(value) is not kinds[name] for name, value in written.items()):
        raise BackupRefused("its manifest is not whole", _BROKEN)
    return Manifest(**written)


def require_hash(file: Path, expected: str) -> None:
    """Raises `BackupRefused` unless the file is the one that the manifest means."""
    try:
        found = hash_of(file)
    except OSError:
        raise BackupRefused(f"{file.name} cannot be read", _BROKEN) from None
    if found != expected:
        raise BackupRefused(f"{file.name} is not the one that was written", _BROKEN)


def hash_of(file: Path) -> str:
    """SHA-256, in hexadecimal."""
    found = sha256()
    with file.open("rb") as source:
        while piece := source.read(_PIECE):
            found.update(piece)
    return found.hexdigest()
