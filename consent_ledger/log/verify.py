"""Checks an exported log, or proofs, offline: `python -m consent_ledger.log.verify DIR --vkey KEY`.

It needs nothing but Python's standard library, the `cryptography` package and the modules beside it, knows no
database and trusts nobody's word. The key has to come from elsewhere than the folder: it is what you hold.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from consent_ledger.errors import ProofRefused
from consent_ledger.log.checkpoint import Checkpoint, OpenedCheckpoint, open_checkpoint
from consent_ledger.log.note import KeyType, VerifierKey
from consent_ledger.log.policy import Policy
from consent_ledger.log.proof import Proof, verify_proof
from consent_ledger.log.tiles import (
    CHECKPOINT_PATH,
    ENTRIES,
    Edge,
    parse_path,
    tile_path,
    tiles_of,
    unbundle,
)
from consent_ledger.log.tree import EMPTY_ROOT, HASH_SIZE, TILE_WIDTH, leaf_hash

VKEYS = "vkeys"
LOG = "log"
PROOF, LEAF = ".tlog-proof", ".leaf"
_MOST_BYTES = 32 * 1024 * 1024
"""Of one file: 256 entries of at most 65,535 bytes."""


@dataclass(slots=True)
class Verified:
    """What was shown. `log` is None where the folder holds proofs alone."""

    key: VerifierKey
    pinned: bool
    """The key was given, by itself or by the policy, and not found in the folder."""
    log: OpenedCheckpoint | None = None
    quorum: bool = False
    proofs: list[tuple[str, Proof, OpenedCheckpoint]] = field(default_factory=list)
    older: list[Checkpoint] = field(default_factory=list)
    """Earlier checkpoints whose entries this log begins with."""


def verify_folder(
    folder: Path, keys: Sequence[VerifierKey] = (), policy: Policy | None = None, older: Sequence[Path] = ()
) -> Verified:
    """Raises `ProofRefused` for the first thing that is not right, naming the file.

    `keys`: the log's first, then witnesses'; left out, the policy's, or those of the folder, are taken. The
    log has to be one that the policy names, if it names any: its witnesses cosign others too. `older`:
    checkpoints or proofs that were kept from before.
    """
    named = () if policy is None else policy.logs
    own = list(keys) or (list(named) if len(named) == 1 else _keys_in(folder))
    log = next((key for key in own if key.kind is KeyType.ED25519), None)
    if log is None:
        raise ProofRefused("no key of a log")
    if named and log not in named:
        raise ProofRefused("your policy names another log")
    witnesses = [key for key in own if key.kind is KeyType.COSIGNATURE]
    witnesses += list(policy.witnesses.values()) if policy is not None else []
    found = Verified(log, bool(keys or named))
    earlier = [_older(path, log, witnesses) for path in older]
    for path in sorted(folder.glob(f"*{PROOF}")):
        proof, opened = _proof(path, log, witnesses, policy)
        found.proofs.append((path.name, proof, opened))
        earlier.append(opened.checkpoint)
    if (folder / LOG).is_dir():
        found.log = _log(folder / LOG, log, witnesses, earlier)
        found.older = earlier
        found.quorum = _quorum(found.log, policy)
    elif older:
        raise ProofRefused("there is no log to compare with")
    if found.log is None and not found.proofs:
        raise ProofRefused("neither a log nor proofs in this folder")
    return found


def _keys_in(folder: Path) -> list[VerifierKey]:
    text = _read(folder / VKEYS).decode("utf-8", "replace")
    return [VerifierKey.parse(line) for line in text.splitlines() if line.strip()]


def _proof(
    path: Path, log: VerifierKey, witnesses: Sequence[VerifierKey], policy: Policy | None
) -> tuple[Proof, OpenedCheckpoint]:
    entry = _read(path.with_suffix(LEAF))
    with _naming(path):
        proof, opened = verify_proof(_read(path), entry, log, witnesses)
        name = path.name.removesuffix(PROOF)
        if name.isdecimal() and int(name) != proof.index + 1:
            raise ProofRefused("it proves another position than its name says")
        _quorum(opened, policy)
    return proof, opened


def _older(path: Path, log: VerifierKey, witnesses: Sequence[VerifierKey]) -> Checkpoint:
    """An earlier checkpoint of the same log, from a checkpoint or a proof that was kept."""
    data = _read(path)
    with _naming(path):
        if path.name.endswith(PROOF):
            data = Proof.parse(data).checkpoint
        return open_checkpoint(data, log, witnesses).checkpoint


def _quorum(opened: OpenedCheckpoint, policy: Policy | None) -> bool:
    if policy is None:
        return False
    if not policy.satisfied([one.key for one in opened.cosigned]):
        raise ProofRefused("too few of the policy's witnesses cosigned")
    return True


def _log(
    log: Path, key: VerifierKey, witnesses: Sequence[VerifierKey], earlier: Sequence[Checkpoint]
) -> OpenedCheckpoint:
    with _naming(log / CHECKPOINT_PATH):
        opened = open_checkpoint(_read(log / CHECKPOINT_PATH), key, witnesses)
    size, edge = opened.checkpoint.size, Edge()
    for one in earlier:
        if one.size > size:
            raise ProofRefused("the log is shorter than a checkpoint that you hold", size=one.size)
        if one.size == 0 and one.root != EMPTY_ROOT:
            raise ProofRefused("a checkpoint that you hold is of another log")
    for number in range(-(-size // TILE_WIDTH)):
        leaves = _leaves(log, number, min(TILE_WIDTH, size - number * TILE_WIDTH))
        for one in earlier:
            if edge.size < one.size <= edge.size + len(leaves):
                then = edge.copy()
                then.add(leaves[: one.size - edge.size])
                if then.root() != one.root:
                    raise ProofRefused("the log does not begin with one that you hold", size=one.size)
        for level, at, hashes in edge.add(leaves):
            _require(log / tile_path(level, at), hashes)
    if edge.root() != opened.checkpoint.root:
        raise ProofRefused("the entries do not lead to the signed root")
    for level, at, width in tiles_of(size):
        if width < TILE_WIDTH:
            _require(log / tile_path(level, at, width), edge.partial(level))
    _require_no_more(log, size)
    return opened


def _leaves(log: Path, number: int, width: int) -> list[bytes]:
    path = log / tile_path(ENTRIES, number, width)
    with _naming(path):
        entries = unbundle(_read(path))
        if len(entries) != width:
            raise ProofRefused("not as many entries as the checkpoint says")
    return [leaf_hash(entry) for entry in entries]


def _require(path: Path, expected: bytes) -> None:
    with _naming(path):
        if _read(path) != expected:
            raise ProofRefused("these hashes are not those of the entries")


def _require_no_more(log: Path, size: int) -> None:
    """Nothing beyond the checkpoint; narrower tiles of earlier checkpoints may stay, if they agree."""
    widths = {(level, number): width for level, number, width in tiles_of(size)}
    for path in sorted((log / "tile").rglob("*")):
        if not path.is_file() or path.name.endswith(".new"):
            continue
        with _naming(path):
            level, number, width = parse_path(path.relative_to(log).as_posix())
            now = widths.get((0 if level == ENTRIES else int(level), number), 0)
            if width > now:
                raise ProofRefused("no checkpoint covers this")
            if width < now and not _read(log / tile_path(level, number, now)).startswith(_read(path)):
                raise ProofRefused("it disagrees with the later one")
            if width < now and _count(level, path) != width:
                raise ProofRefused("not as many as its name says")


def _count(level: int | str, path: Path) -> int:
    """How many entries or hashes a file holds; -1 where the last is not whole."""
    if level == ENTRIES:
        return len(unbundle(_read(path)))
    count, rest = divmod(path.stat().st_size, HASH_SIZE)
    return -1 if rest else count


class _naming:
    """Says in which file it is that something was refused."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ProofRefused):
            error.details.setdefault("file", self._path.name)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError:
        raise ProofRefused("a file is missing or cannot be read", file=path.name) from None
    if len(data) > _MOST_BYTES:
        raise ProofRefused("a file is too large", file=path.name)
    return data


# -- telling it ------------------------------------------------------------------------------------------


def sentences(found: Verified) -> Iterator[str]:
    """What was proved and what not, in plain words."""
    log = found.log
    if log is not None:
        checkpoint = log.checkpoint
        yield f"The log {checkpoint.origin} holds {checkpoint.size:,} entries."
        yield "Every entry is as it was signed for: hashed again, they lead to the root that its key signed."
        for one in found.older:
            yield f"It begins with the {one.size:,} entries of a checkpoint that you hold: all unchanged."
    for name, proof, opened in found.proofs:
        yield (
            f"{name}: this entry stands at position {proof.index + 1:,} "
            f"of the {opened.checkpoint.size:,} entries that the log's key signed."
        )
    cosigned = {one.key.name for opened in _all_opened(found) for one in opened.cosigned}
    for witness in sorted(cosigned):
        yield f"The witness {witness} cosigned: what it had seen before was still the beginning."
    if not cosigned:
        yield "No witness's signature was checked: whoever holds the log's key could show others another log."
    if found.quorum:
        yield "As many witnesses cosigned as your policy asks for."
    if not found.pinned:
        yield (
            "The keys were taken from the folder itself. Compare them with those that you were given in "
            f"another way: {found.key}"
        )
    yield (
        "Not proved: that what was recorded is true, or that nothing was left unrecorded. Entries are "
        "sealed; what they say is for those who hold their keys."
    )


def _all_opened(found: Verified) -> Iterator[OpenedCheckpoint]:
    if found.log is not None:
        yield found.log
    for _, _, opened in found.proofs:
        yield opened


def main(arguments: Sequence[str] | None = None, out: TextIO = sys.stdout, err: TextIO = sys.stderr) -> int:
    """0: all of it is right. 1: something is not. 2: it could not be looked at."""
    parser = argparse.ArgumentParser(
        prog="python -m consent_ledger.log.verify", description="Checks an exported log or proofs, offline."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="what was exported")
    parser.add_argument("--vkey", action="append", default=[], help="a key: the log's, or a witness's")
    parser.add_argument("--policy", type=Path, help="a C2SP tlog-policy file: whose cosignatures you ask for")
    parser.add_argument(
        "--older", type=Path, action="append", default=[], help="a checkpoint or proof that you kept"
    )
    asked = parser.parse_args(arguments)
    if not asked.folder.is_dir():
        print(f"There is no folder {asked.folder}.", file=err)
        return 2
    try:
        keys = [VerifierKey.parse(text) for text in asked.vkey]
        policy = None if asked.policy is None else Policy.parse(_read(asked.policy))
        found = verify_folder(asked.folder, keys, policy, asked.older)
    except ProofRefused as refused:
        print(f"REFUSED: {refusal(refused)}", file=err)
        print(ProofRefused.next_step, file=err)
        return 1
    for sentence in sentences(found):
        print(sentence, file=out)
    return 0


def refusal(refused: ProofRefused) -> str:
    """Why, and where."""
    where = ", ".join(f"{name} {value}" for name, value in refused.details.items() if name != "reason")
    return f"{refused.reason}{f' ({where})' if where else ''}."


if __name__ == "__main__":
    sys.exit(main())
