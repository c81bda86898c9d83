"""What a log signed at two times and cannot both be true, kept in one file that anybody can check.

A file holds both signed notes as they were received, and the hub's proof if it gave one. Nothing in it has to
be believed: `check` needs the log's public key and nothing else.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from adapters.kit.durable import write_durably
from adapters.kit.errors import LogMisbehaved, ProofRefused
from adapters.kit.notes import VerifierKey, unbase64
from adapters.kit.proofs import Checkpoint, check_consistency, old_root_within

FORMAT = "oncetold.org/log-evidence/v1"
MOST_FILES = 256
"""Further contradictions of a log say nothing new, and could fill a disk."""

TWO_ROOTS = "TWO_ROOTS_OF_ONE_SIZE"
RAN_BACK = "RAN_BACK"
NOT_CONSISTENT = "NOT_CONSISTENT"
OTHER_BEGINNING = "OTHER_BEGINNING"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two checkpoints of one log that contradict each other. `reason` is what its keeper saw:

    `TWO_ROOTS_OF_ONE_SIZE` and `OTHER_BEGINNING` prove by themselves that the log forked. `RAN_BACK`: it had
    more entries than it now says it has. `NOT_CONSISTENT`: it gave no proof that the earlier is the beginning
    of the later, and whoever doubts it can ask for one.
    """

    reason: str
    first: bytes
    second: bytes
    proof: tuple[bytes, ...] = ()

    def __bytes__(self) -> bytes:
        lines = [FORMAT, f"reason {self.reason}", *(base64.b64encode(one).decode() for one in self.proof)]
        lines += [f"first {len(self.first)}", f"second {len(self.second)}", ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.first + b"\n" + self.second

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Raises ProofRefused `EVIDENCE_FORMAT`."""
        head, _, notes = content.partition(b"\n\n")
        try:
            name, reason, *proof, first, second = head.decode("ascii").split("\n")
            sizes = [int(line.split(" ")[1]) for line in (first, second)]
            hashes = tuple(unbase64(line) for line in proof)
        except (ValueError, IndexError):
            raise ProofRefused("EVIDENCE_FORMAT") from None
        found = cls(
            reason.removeprefix("reason "), notes[: sizes[0]], notes[sizes[0] + 1 :][: sizes[1]], hashes
        )
        if name != FORMAT or bytes(found) != content:
            raise ProofRefused("EVIDENCE_FORMAT")
        return found


def contradiction(first: Checkpoint, second: Checkpoint, proof: Sequence[bytes]) -> str | None:
    """How the later checkpoint contradicts the earlier one, None if it does not. Both are believed to be the
    log's own."""
    if second.size == first.size:
        return None if second.root == first.root else TWO_ROOTS
    if second.size < first.size:
        return RAN_BACK
    try:
        check_consistency(first.size, first.root, second.size, second.root, proof)
    except ProofRefused:
        within = old_root_within(first.size, second.size, second.root, proof)
        return NOT_CONSISTENT if within in (None, first.root) else OTHER_BEGINNING
    return None


def check(evidence: Evidence, log: VerifierKey) -> str:
    """What the evidence shows, whoever kept it: one of the reasons above. Raises ProofRefused if either note
    is not the log's, or if the two do not contradict each other."""
    first, second = (Checkpoint.parse(note) for note in (evidence.first, evidence.second))
    for one in (first, second):
        if one.origin != log.name:
            raise ProofRefused("ORIGIN")
        if one.note.signed_by(log) is None:
            raise ProofRefused("NOT_SIGNED")
    found = contradiction(first, second, evidence.proof)
    if found is None:
        raise ProofRefused("NO_CONTRADICTION")
    return found


class EvidenceFolder:
    """Where evidence is kept. The same contradiction is kept once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(
        self, reason: str, first: Checkpoint, second: Checkpoint, proof: Sequence[bytes] = ()
    ) -> LogMisbehaved:
        """Keeps both notes durably, and answers the error to raise. StateUnusable if they cannot be kept."""
        evidence = Evidence(reason, bytes(first), bytes(second), tuple(proof))
        texts = hashlib.sha256(first.note.text + second.note.text).hexdigest()[:16]
        name = f"{reason.lower().replace('_', '-')}-{first.size}-{second.size}-{texts}.evidence"
        path = self._folder / name
        if not path.exists() and len(self.files()) < MOST_FILES:
            write_durably(path, bytes(evidence))
        return LogMisbehaved(reason, name)

    def files(self) -> list[Path]:
        """What was kept, by name."""
        return sorted(self._folder.glob("*.evidence"))
