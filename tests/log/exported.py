"""An exported log with two witnesses, what somebody kept from before, and ways to tamper with all of it."""

import asyncio
import shutil
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from consent_ledger.ledger import Draft, Ledger, Transaction, create_ledger
from consent_ledger.log.checkpoint import Checkpoint
from consent_ledger.log.checkpointer import Checkpointer
from consent_ledger.log.export import export_log
from consent_ledger.log.note import KeyType, Note, SigningKey, VerifierKey, encode64
from consent_ledger.log.reading import prove_consistency, prove_inclusion
from consent_ledger.log.signing import signing_key
from consent_ledger.log.stored import StoredLog
from consent_ledger.log.tiles import Edge, bundle, tile_path, tiles_of, unbundle
from consent_ledger.log.tree import TILE_WIDTH, leaf_hash
from consent_ledger.store import read_store
from tests.clock import ManualClock
from tests.contract.drafting import draft

WITNESSES = tuple(
    SigningKey(f"{name}.example/witness", KeyType.COSIGNATURE, name.encode() * 8) for name in ("east", "west")
)
TIME = 1_772_442_000
_TOGETHER = 500


@dataclass(frozen=True)
class Kept:
    """A folder with an export and what belongs to it; copied whole before it is tampered with."""

    root: Path
    key: SigningKey
    size: int
    older_size: int

    @property
    def export(self) -> Path:
        return self.root / "export"

    @property
    def log(self) -> Path:
        return self.export / "log"

    @property
    def older(self) -> Path:
        """The checkpoint of an earlier size."""
        return self.root / "older"

    @property
    def consistency(self) -> Path:
        """From the earlier size to this one, base64, a hash a line."""
        return self.root / "consistency"

    @property
    def position(self) -> int:
        return self.older_size + 3

    @property
    def proof(self) -> Path:
        return self.root / f"{self.position}.tlog-proof"

    @property
    def leaf(self) -> Path:
        return self.root / f"{self.position}.leaf"

    @property
    def keys(self) -> list[VerifierKey]:
        return [self.key.verifier, *(witness.verifier for witness in WITNESSES)]

    def copy(self, to: Path) -> "Kept":
        shutil.copytree(self.root, to)
        return Kept(to, self.key, self.size, self.older_size)


def append_many(ledger: Ledger, count: int) -> None:
    waiting: list[Future[list[int]]] = []
    for start in range(0, count, _TOGETHER):
        some = [draft() for _ in range(min(_TOGETHER, count - start))]
        waiting.append(ledger.submit(partial(_append, drafts=some)))
    for one in waiting:
        one.result(120)


def _append(transaction: Transaction, drafts: list[Draft]) -> list[int]:
    return transaction.append(drafts, decided_at=transaction.size)


def catch_up(ledger: Ledger) -> None:
    asyncio.run(Checkpointer(ledger).catch_up())


def cosigned(note: bytes) -> bytes:
    """A checkpoint with both witnesses' signatures."""
    parsed = Note.parse(note)
    lines = (*parsed.lines, *(witness.sign(parsed.text, time=TIME) for witness in WITNESSES))
    return bytes(Note(parsed.text, lines))


def stored_log(path: Path) -> StoredLog:
    return StoredLog(read_store(str(path)))


def make(root: Path, older_size: int, size: int) -> Kept:
    """A ledger of `size` entries and its export; beside it what somebody kept at `older_size`."""
    root.mkdir()
    database, root_key = root.parent / f"{root.name}.db", root.parent / f"{root.name}.key"
    ledger = create_ledger(str(database), root_key, clock=ManualClock())
    try:
        append_many(ledger, older_size)
        catch_up(ledger)
        (root / "older").write_bytes(cosigned(stored_log(database).note))
        append_many(ledger, size - older_size)
        catch_up(ledger)
        key = ledger.submit(lambda transaction: signing_key(transaction, ledger.ledger_id)).result(30)
    finally:
        ledger.close()
    kept = Kept(root, key, size, older_size)
    log = stored_log(database)
    note = cosigned(log.note)
    export_log(log, kept.export, note=note, witnesses=kept.keys[1:])
    hashes = log.viewed(lambda view: prove_consistency(view.tiles(), older_size, size))
    kept.consistency.write_text("".join(f"{encode64(one)}\n" for one in hashes))
    proof, entry = log.viewed(
        lambda view: prove_inclusion(view, view.tiles(), log.checkpoint, note, kept.position)
    )
    kept.proof.write_bytes(proof)
    kept.leaf.write_bytes(entry)
    return kept


# -- tampering -------------------------------------------------------------------------------------------


def flip(path: Path, byte: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[byte] ^= 1 << bit
    path.write_bytes(data)


def replace(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def last_path(kept: Kept, level: int | str) -> Path:
    """The last tile of a level."""
    number, width = next(
        (number, width)
        for at, number, width in reversed(list(tiles_of(kept.size)))
        if at == (0 if isinstance(level, str) else level)
    )
    return kept.log / tile_path(level, number, width)


def entries_of(kept: Kept) -> list[bytes]:
    found: list[bytes] = []
    for level, number, width in tiles_of(kept.size):
        if level == 0:
            found += unbundle((kept.log / tile_path("entries", number, width)).read_bytes())
    return found


def sign(kept: Kept, checkpoint: Checkpoint, *, witnessed: bool) -> bytes:
    """By the log's own key, as somebody who stole it, or the operator, could."""
    note = bytes(Note(checkpoint.text, (kept.key.sign(checkpoint.text),)))
    return cosigned(note) if witnessed else note


def rewrite(kept: Kept, entries: list[bytes]) -> None:
    """Another history, whole in itself: entries, tiles and a checkpoint that everybody signed."""
    shutil.rmtree(kept.log / "tile")
    edge, whole = Edge(), {}
    for level, number, hashes in edge.add([leaf_hash(entry) for entry in entries]):
        whole[level, number] = hashes
    for level, number, width in tiles_of(len(entries)):
        path = kept.log / tile_path(level, number, width)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(whole.get((level, number)) or edge.partial(level))
        if level == 0:
            path = kept.log / tile_path("entries", number, width)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bundle(entries[number * TILE_WIDTH : number * TILE_WIDTH + width]))
    checkpoint = Checkpoint(kept.key.name, len(entries), edge.root())
    (kept.log / "checkpoint").write_bytes(sign(kept, checkpoint, witnessed=True))


def another(entry: bytes) -> bytes:
    return entry[:2] + bytes(16) + entry[18:]


def rewritten(kept: Kept) -> None:
    entries = entries_of(kept)
    entries[1] = another(entries[1])
    rewrite(kept, entries)


def forked(kept: Kept) -> None:
    """A backup from before what somebody kept was restored, and went on under the same origin."""
    entries = entries_of(kept)
    before = kept.older_size - 2
    rewrite(kept, [*entries[:before], *map(another, entries[before:])])


def rolled_back(kept: Kept) -> None:
    rewrite(kept, entries_of(kept)[: kept.older_size - 1])


def added(kept: Kept) -> None:
    path = last_path(kept, "entries")
    path.write_bytes(path.read_bytes() + bundle([bytes(50)]))


def removed(kept: Kept) -> None:
    path = last_path(kept, "entries")
    path.write_bytes(bundle(unbundle(path.read_bytes())[:-1]))


def removed_first(kept: Kept) -> None:
    path = kept.log / tile_path("entries", 0)
    path.write_bytes(bundle(unbundle(path.read_bytes())[1:]))


def exchanged(kept: Kept) -> None:
    path = kept.log / tile_path("entries", 0)
    first, second, *rest = unbundle(path.read_bytes())
    path.write_bytes(bundle([second, first, *rest]))


def checkpoint_line(line: int, text: Callable[[str], str], kept: Kept) -> None:
    path = kept.log / "checkpoint"
    lines = path.read_text().split("\n")
    lines[line] = text(lines[line])
    path.write_text("\n".join(lines))


def signature_line(of: int, byte: int, kept: Kept) -> None:
    """One bit of a signature, where its base64 stays what it is."""
    path = kept.log / "checkpoint"
    note = Note.parse(path.read_bytes())
    lines = list(note.lines)
    signature = bytearray(lines[of].signature)
    signature[byte] ^= 1
    lines[of] = lines[of]._replace(signature=bytes(signature))
    path.write_bytes(bytes(Note(note.text, tuple(lines))))


def without_witness(kept: Kept) -> None:
    path = kept.log / "checkpoint"
    note = Note.parse(path.read_bytes())
    path.write_bytes(bytes(Note(note.text, note.lines[:-1])))


def signed_by_another(kept: Kept) -> None:
    stranger = SigningKey(kept.key.name, KeyType.ED25519, b"stranger" * 4)
    path = kept.log / "checkpoint"
    text = Note.parse(path.read_bytes()).text
    path.write_bytes(cosigned(bytes(Note(text, (stranger.sign(text),)))))


def other_index(kept: Kept) -> None:
    replace(kept.proof, b"index %d\n" % (kept.position - 1), b"index %d\n" % kept.position)


def altered_hash_line(path: Path) -> None:
    lines = path.read_text().split("\n")
    at = next(at for at, line in enumerate(lines) if len(line) == 44)
    lines[at] = ("B" if lines[at][0] == "A" else "A") + lines[at][1:]
    path.write_text("\n".join(lines))


TAMPERINGS: dict[str, Callable[[Kept], object]] = {
    "a leaf altered": lambda kept: flip(kept.log / tile_path(0, 0), 77),
    "a leaf altered in the last tile": lambda kept: flip(last_path(kept, 0), 3, 5),
    "an entry altered": lambda kept: flip(kept.log / tile_path("entries", 0), 30),
    "the last entry altered": lambda kept: flip(last_path(kept, "entries"), -1, 7),
    "an entry's length altered": lambda kept: flip(kept.log / tile_path("entries", 0), 1),
    "a tile altered": lambda kept: flip(last_path(kept, 1), 12),
    "a tile cut": lambda kept: last_path(kept, 1).write_bytes(last_path(kept, 1).read_bytes()[:-1]),
    "a tile missing": lambda kept: last_path(kept, 0).unlink(),
    "entries missing": lambda kept: last_path(kept, "entries").unlink(),
    "the root altered": partial(checkpoint_line, 2, lambda line: ("B" if line[0] == "A" else "A") + line[1:]),
    "the size altered": partial(checkpoint_line, 1, lambda line: str(int(line) - 1)),
    "the size with a zero before": partial(checkpoint_line, 1, lambda line: f"0{line}"),
    "the origin altered": partial(checkpoint_line, 0, lambda line: f"{line}/2"),
    "the log's signature altered": partial(signature_line, 0, 9),
    "signed by another key": signed_by_another,
    "a cosignature altered": partial(signature_line, 1, 40),
    "a cosignature's time altered": partial(signature_line, 2, 7),
    "a cosignature missing": without_witness,
    "an entry removed": removed,
    "the first entry removed": removed_first,
    "an entry added": added,
    "two entries exchanged": exchanged,
    "history rewritten, and signed by all": rewritten,
    "a fork from a restored backup, and signed by all": forked,
    "rolled back, and signed by all": rolled_back,
    "the index altered": other_index,
    "the proof's hash altered": lambda kept: altered_hash_line(kept.proof),
    "the proved entry altered": lambda kept: flip(kept.leaf, 20),
    "the consistency altered": lambda kept: altered_hash_line(kept.consistency),
    "the consistency cut": lambda kept: kept.consistency.write_text(
        "\n".join(kept.consistency.read_text().split("\n")[1:])
    ),
}  # fmt: skip
