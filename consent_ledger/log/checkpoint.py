"""Checkpoints (C2SP tlog-checkpoint v1.0.0): a log's origin, size and root, signed. No extension lines."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from consent_ledger.errors import ProofRefused
from consent_ledger.log.note import KeyType, Note, Signed, VerifierKey, decode64, encode64
from consent_ledger.log.tree import EMPTY_ROOT, HASH_SIZE

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_LARGEST = 2**63 - 1


class Checkpoint(NamedTuple):
    """What is signed. `origin` names the log."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note's text."""
        return f"{self.origin}\n{self.size}\n{encode64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Raises `ProofRefused`."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise ProofRefused("checkpoint")
        checkpoint = cls(lines[0], decimal(lines[1]), decode64(lines[2]))
        if len(checkpoint.root) != HASH_SIZE or (checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT):
            raise ProofRefused("root")
        return checkpoint


class OpenedCheckpoint(NamedTuple):
    """A checkpoint whose log's signature verified, and those cosignatures that did."""

    checkpoint: Checkpoint
    note: Note
    cosigned: tuple[Signed, ...]


def open_checkpoint(data: bytes, log: VerifierKey, witnesses: Sequence[VerifierKey] = ()) -> OpenedCheckpoint:
    """Raises `ProofRefused` unless this log signed it; its origin is the name of the log's key."""
    note = Note.parse(data)
    signed = note.verified([log, *witnesses])
    if all(one.key != log for one in signed):
        raise ProofRefused("not signed by the log")
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != log.name:
        raise ProofRefused("origin")
    cosigned = tuple(one for one in signed if one.key.kind is KeyType.COSIGNATURE)
    return OpenedCheckpoint(checkpoint, note, cosigned)


def decimal(text: str) -> int:
    """A number below 2^63 without leading zeroes. Raises `ProofRefused`."""
    if not _SIZE.fullmatch(text) or int(text) > _LARGEST:
        raise ProofRefused("number")
    return int(text)
