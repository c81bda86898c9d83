"""What a witness signs, and what it refuses: only a checkpoint that continues the last one that it signed.

The state is one signed note for each log: the log's checkpoint with our own cosignature below. It is on the
disk before the cosignature leaves, so that no crash lets two roots of one size be signed. The key lies in the
same folder: a copy of one without the other would sign what this one refuses.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from adapters.kit.durable import held_alone, read_kept, write_durably
from adapters.kit.errors import ProofRefused, StateUnusable
from adapters.kit.evidence import NOT_CONSISTENT, EvidenceFolder, contradiction
from adapters.kit.notes import CosignerKey, SignatureLine, SignedNote, VerifierKey
from adapters.kit.proofs import Checkpoint

KEY_FILE = "witness.key"
MOST_UNPROVEN = 32
"""Refused proofs of which anybody may send any number are kept only so often."""


class OtherState(Exception):
    """The checkpoint does not begin where the witness stands; `size` is where it does."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def new_key(folder: Path, name: str, entropy: Callable[[int], bytes] = os.urandom) -> VerifierKey:
    """Makes the witness's key in its folder, mode 0600. StateUnusable if there is one; ProofRefused for a
    name that notes do not allow."""
    key = CosignerKey(name, entropy(32))
    with held_alone(folder / ".lock"):
        if read_kept(folder / KEY_FILE) is not None:
            raise StateUnusable(
                f"{folder.name} holds a witness's key already; nothing was changed.",
                "Use it, or name another folder.",
            )
        write_durably(folder / KEY_FILE, f"{key.secret_text()}\n".encode())
    return key.public


class Witness:
    """One witness: a key, the logs it knows, and the last checkpoint of each that it signed.

    Safe from several threads and processes on the same folder.
    """

    def __init__(
        self,
        folder: Path,
        logs: Iterable[VerifierKey],
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """StateUnusable if the folder holds no key, or others may read it."""
        self._folder = folder
        self._logs = {key.name: key for key in logs}
        self._now = now
        self._key = _read_key(folder)
        self.evidence = EvidenceFolder(folder / "evidence")

    @property
    def key(self) -> VerifierKey:
        """What others verify the cosignatures with."""
        return self._key.public

    def knows(self, origin: str) -> bool:
        """Whether checkpoints of this log are signed at all."""
        return origin in self._logs

    def latest(self, origin: str) -> Checkpoint | None:
        """The last checkpoint of a log that was signed, with our cosignature; None if none was.

        StateUnusable if what is kept is not what was written: then nothing may be signed.
        """
        kept = read_kept(self._path(origin))
        if kept is None:
            return None
        try:
            checkpoint = Checkpoint.parse(kept)
            # Our own signature tells that nothing of the file was changed since.
            if checkpoint.origin == origin and checkpoint.note.signed_by(self.key) is not None:
                return checkpoint
        except ProofRefused:
            pass
        raise StateUnusable(
            f"{self._path(origin).name} is not what this witness wrote.",
            "Sign nothing with this key any more: make a new witness in another folder, and have its key"
            " authorised. Keep this folder: it says what was signed before.",
        )

    def cosign(self, note: bytes, old_size: int, proof: Sequence[bytes]) -> SignatureLine:
        """The cosignature of a checkpoint that continues the tree of `old_size`, the last one signed.

        ProofRefused `ORIGIN`, `NOT_SIGNED`, `SIGNATURE` for what is not the log's; `CONSISTENCY` for a proof
        that proves nothing; `OtherState` when `old_size` is not where we stand; LogMisbehaved, with evidence
        kept, for a log that contradicts itself.
        """
        checkpoint = self.known(note)
        if old_size > checkpoint.size:
            raise ProofRefused("OLD_SIZE")
        with held_alone(self._folder / ".lock"):
            last = self.latest(checkpoint.origin)
            if old_size != (0 if last is None else last.size):
                raise OtherState(0 if last is None else last.size)
            self._require_continued(last, checkpoint, proof)
            return self._sign(checkpoint, last)

    def known(self, note: bytes) -> Checkpoint:
        """A checkpoint that a log which we know has signed. ProofRefused for any other."""
        checkpoint = Checkpoint.parse(note)
        log = self._logs.get(checkpoint.origin)
        if log is None:
            raise ProofRefused("ORIGIN")
        if checkpoint.note.signed_by(log) is None:
            raise ProofRefused("NOT_SIGNED")
        return checkpoint

    def again(self, origin: str) -> tuple[Checkpoint, SignatureLine] | None:
        """The last checkpoint signed once more, at the present time: it is still the largest that was seen.
        None if none was signed, or the log is not known any more."""
        with held_alone(self._folder / ".lock"):
            last = self.latest(origin) if self.knows(origin) else None
            return None if last is None else (last, self._sign(last, last))

    def _require_continued(
        self, last: Checkpoint | None, checkpoint: Checkpoint, proof: Sequence[bytes]
    ) -> None:
        if last is None or last.size == 0:
            if proof:
                raise ProofRefused("CONSISTENCY")
            return
        found = contradiction(last, checkpoint, proof)
        if found == NOT_CONSISTENT:
            # Anybody may have put a wrong proof beside a true checkpoint: suspicious, and no more.
            if len(self.evidence.files()) < MOST_UNPROVEN:
                self.evidence.keep(found, last, checkpoint, proof)
            raise ProofRefused("CONSISTENCY")
        if found is not None:
            raise self.evidence.keep(found, last, checkpoint, proof)
        if proof and checkpoint.size == last.size:
            raise ProofRefused("CONSISTENCY")

    def _sign(self, checkpoint: Checkpoint, last: Checkpoint | None) -> SignatureLine:
        """Signs, keeps, and only then answers. Time never runs back: each says "the largest seen by then"."""
        before = 0 if last is None else (last.note.signed_by(self.key) or 0)
        line = self._key.cosign(checkpoint.note.text, max(int(self._now()), before, 1))
        others = tuple(one for one in checkpoint.note.signatures if not one.is_of(self.key))
        log = self._logs[checkpoint.origin]
        kept = SignedNote(checkpoint.note.text, (*(one for one in others if one.is_of(log)), line))
        write_durably(self._path(checkpoint.origin), bytes(kept))
        return line

    def _path(self, origin: str) -> Path:
        # An origin may hold anything; a file's name may not.
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()[:32]}.checkpoint"


def _read_key(folder: Path) -> CosignerKey:
    path = folder / KEY_FILE
    kept = read_kept(path)
    if kept is None:
        raise StateUnusable(
            f"{folder.name} holds no witness's key.",
            "Make one: oncetold-adapter witness key new --name NAME",
        )
    if path.stat().st_mode & 0o077:
        raise StateUnusable(f"Others may read {path.name}.", f"Say: chmod 600 {path.name}")
    try:
        return CosignerKey.parse(kept.decode("ascii").strip())
    except (UnicodeDecodeError, ProofRefused):
        raise StateUnusable(
            f"{path.name} holds no witness's key.", "Restore the whole folder from its backup."
        ) from None
