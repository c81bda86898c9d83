"""The key of whoever administers a hub, on their own stick or in their own home: never in the hub's folder.

One line of text, in the form of Go's note package, in a file that only its owner may read.
"""

from __future__ import annotations

import os
import stat
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hub.cli.errors import BadFile

if TYPE_CHECKING:
    from consent_ledger.log.note import SigningKey

LARGEST = 1000


@dataclass(frozen=True, slots=True)
class Proposer:
    """Who proposes what this command may not do alone. `key`: their key's file; None for the usual place."""

    name: str
    key: Path | None


proposer: ContextVar[Proposer | None] = ContextVar("proposer", default=None)
"""Set by `--administrator` before the command."""


def key_file(name: str, given: Path | None) -> Path:
    """Where somebody's key is, unless they say otherwise."""
    return given or Path.home() / ".oncetold" / f"{name}.key"


def made_key(name: str, file: Path) -> SigningKey:
    """The key in the file; a new one where there is none. Raises BadFile."""
    from consent_ledger.durable import put_where_none_is
    from consent_ledger.log.note import KeyType, SigningKey

    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        put_where_none_is(
            file, lambda: f"{SigningKey(name, KeyType.ED25519, os.urandom(32)).secret_text()}\n".encode()
        )
    except OSError as error:
        cause = error.strerror or "unknown cause"
        raise BadFile(str(file), "", f"cannot be made ({cause})", "Name another file with --key.") from None
    return read_key(name, file)


def read_key(name: str, file: Path) -> SigningKey:
    """Raises BadFile for what is no key, another administrator's, or open to others."""
    from consent_ledger.errors import ProofRefused
    from consent_ledger.log.note import SigningKey

    try:
        with file.open("rb") as source:
            mode = os.fstat(source.fileno()).st_mode
            text = source.read(LARGEST).decode("ascii", errors="replace").strip()
    except OSError as error:
        raise BadFile(
            str(file),
            "",
            f"cannot be read ({error.strerror or 'unknown cause'})",
            "Name your key's file with --key, or make one: oncetold admin enrol --help",
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        next_step = "Run `chmod 600` on it. If somebody may have read it: oncetold admin end --help"
        raise BadFile(str(file), "", "others may read this key", next_step)
    try:
        key = SigningKey.parse(text)
    except ProofRefused:
        raise BadFile(str(file), "", "holds no administrator's key", "Bring it back from its copy.") from None
    if key.name != name:
        raise BadFile(str(file), "", f"is the key of {key.name}", "Name your own file with --key.")
    return key
