"""A witness signs one history of each log, whatever it is shown and whenever it dies."""

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.kit.errors import LogMisbehaved, ProofRefused, StateUnusable
from adapters.kit.evidence import Evidence, check
from adapters.kit.notes import SignatureLine, SignedNote
from adapters.kit.proofs import Checkpoint
from adapters.witness.signer import KEY_FILE, OtherState, Witness, new_key
from tests.unit.adapters.merkle import ToyLog

NAME = "north.example/witness"


class Clock:
    def __init__(self) -> None:
        self.now = 1_790_000_000.5

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def log() -> ToyLog:
    return ToyLog().grow(5)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def witness(tmp_path: Path, log: ToyLog, clock: Clock) -> Witness:
    new_key(tmp_path, NAME)
    return Witness(tmp_path, [log.key], now=clock)


def signed_at(witness: Witness, log: ToyLog, line: SignatureLine, size: int | None = None) -> int | None:
    return witness.key.verifies(log.text(size).encode(), line.signature)


def test_it_signs_what_continues_what_it_signed(witness: Witness, log: ToyLog) -> None:
    assert signed_at(witness, log, witness.cosign(log.checkpoint(), 0, [])) == 1_790_000_000
    log.grow(7)
    assert signed_at(witness, log, witness.cosign(log.checkpoint(), 5, log.consistency(5)))
    assert signed_at(witness, log, witness.cosign(log.checkpoint(), 12, []))

    latest = witness.latest(log.key.name)
    assert latest is not None and (latest.size, latest.origin) == (12, log.key.name)
    assert latest.note.signed_by(log.key) == 0 and latest.note.signed_by(witness.key)


def test_what_it_signed_is_on_the_disk_before_the_cosignature_leaves(
    witness: Witness, log: ToyLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness.cosign(log.checkpoint(), 0, [])
    before = witness.latest(log.key.name)
    log.grow(1)

    def full(descriptor: int) -> None:
        raise OSError(28, "full")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StateUnusable):
            witness.cosign(log.checkpoint(), 5, log.consistency(5))

    assert witness.latest(log.key.name) == before


def test_file_and_folder_are_both_synced_in_that_order(
    witness: Witness, log: ToyLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the folder's, a power cut may bring the old file back."""
    synced: list[bool] = []
    real = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", watched)
        witness.cosign(log.checkpoint(), 0, [])

    assert synced == [False, True]


@pytest.mark.parametrize(("name", "owner"), [("fsync", os), ("replace", Path)])
def test_a_crash_at_any_step_never_lets_two_roots_of_one_size_be_signed(
    name: str, owner: object, witness: Witness, log: ToyLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dies before each call of the step; afterwards the other history of the same size is offered."""
    witness.cosign(log.checkpoint(), 0, [])
    fork = ToyLog().grow(5).grow(3, "other ")
    log.grow(3)
    for dies_at in range(1, 4):
        calls = 0
        real = getattr(owner, name)

        def dying(*arguments: object) -> object:
            nonlocal calls
            calls += 1
            if calls == dies_at:  # noqa: B023
                raise MemoryError("the machine is gone")
            return real(*arguments)  # noqa: B023

        line = None
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, dying)
            with suppress(MemoryError, OtherState):
                line = witness.cosign(log.checkpoint(), 5, log.consistency(5))
        again = Witness(tmp_path, [log.key])
        kept = again.latest(log.key.name)
        assert kept is not None
        if line is not None:
            assert kept.size == 8, "a cosignature left before it was kept"
        if kept.size == 8:
            with pytest.raises(LogMisbehaved):
                again.cosign(fork.checkpoint(), 8, [])


def test_it_stands_where_it_stands(witness: Witness, log: ToyLog) -> None:
    witness.cosign(log.checkpoint(), 0, [])
    log.grow(3)

    for old in (0, 4, 7):
        with pytest.raises(OtherState) as stands:
            witness.cosign(log.checkpoint(), old, log.consistency(old))
        assert stands.value.size == 5
    with pytest.raises(ProofRefused, match="OLD_SIZE"):
        witness.cosign(log.checkpoint(), 9, [])


def test_a_fork_of_one_size_is_refused_and_anybody_can_check_why(
    witness: Witness, log: ToyLog, tmp_path: Path
) -> None:
    fork = ToyLog().grow(4).grow(1, "other ")
    ours = witness.cosign(log.checkpoint(), 0, [])

    with pytest.raises(LogMisbehaved) as refused:
        witness.cosign(fork.checkpoint(), 5, [])

    kept = Evidence.parse((tmp_path / "evidence" / refused.value.evidence).read_bytes())
    assert check(kept, log.key) == "TWO_ROOTS_OF_ONE_SIZE"
    assert Checkpoint.parse(kept.second).root == Checkpoint.parse(fork.checkpoint()).root
    assert str(ours) in kept.first.decode(), "the witness's own time stands beside what it saw first"
    assert witness.latest(log.key.name) is not None
    with pytest.raises(LogMisbehaved):
        witness.cosign(fork.checkpoint(), 5, [])
    assert len(witness.evidence.files()) == 1


@pytest.mark.parametrize("size", [3, 5, 6, 7, 9, 11, 13])
def test_a_fork_that_grew_is_refused_and_its_own_proof_convicts_it(tmp_path: Path, size: int) -> None:
    """What a restored and re-grown ledger shows: a proof that holds, of another beginning."""
    log, fork = ToyLog().grow(size), ToyLog().grow(size - 2).grow(2, "other ").grow(4)
    new_key(tmp_path, NAME)
    witness = Witness(tmp_path, [log.key])
    witness.cosign(log.checkpoint(), 0, [])

    with pytest.raises(LogMisbehaved, match="OTHER_BEGINNING"):
        witness.cosign(fork.checkpoint(), size, fork.consistency(size))

    (kept,) = witness.evidence.files()
    assert check(Evidence.parse(kept.read_bytes()), log.key) == "OTHER_BEGINNING"


def test_a_wrong_proof_beside_a_true_checkpoint_is_refused_and_does_not_convict(
    witness: Witness, log: ToyLog
) -> None:
    witness.cosign(log.checkpoint(), 0, [])
    log.grow(3)
    right = log.consistency(5)

    for wrong in ([], right[1:], right[::-1], [*right, right[0]], [bytes(32)] * len(right)):
        with pytest.raises(ProofRefused, match="CONSISTENCY"):
            witness.cosign(log.checkpoint(), 5, wrong)
    (kept,) = witness.evidence.files()
    assert check(Evidence.parse(kept.read_bytes()), log.key) == "NOT_CONSISTENT"
    assert signed_at(witness, log, witness.cosign(log.checkpoint(), 5, right))


def test_a_proof_where_none_is_needed_is_refused(witness: Witness, log: ToyLog) -> None:
    with pytest.raises(ProofRefused, match="CONSISTENCY"):
        witness.cosign(log.checkpoint(), 0, [bytes(32)])
    witness.cosign(log.checkpoint(), 0, [])
    with pytest.raises(ProofRefused, match="CONSISTENCY"):
        witness.cosign(log.checkpoint(), 5, [bytes(32)])


def test_only_the_logs_own_words_are_signed(witness: Witness, log: ToyLog) -> None:
    stranger, elsewhere = ToyLog(seed=2).grow(5), ToyLog(origin="elsewhere.example/log").grow(5)

    with pytest.raises(ProofRefused, match="NOT_SIGNED"):
        witness.cosign(stranger.checkpoint(), 0, [])
    with pytest.raises(ProofRefused, match="ORIGIN"):
        witness.cosign(elsewhere.checkpoint(), 0, [])
    assert witness.latest(log.key.name) is None


def test_logs_are_kept_apart(tmp_path: Path, log: ToyLog) -> None:
    second = ToyLog(origin="elsewhere.example/log").grow(3)
    new_key(tmp_path, NAME)
    witness = Witness(tmp_path, [log.key, second.key])

    witness.cosign(log.checkpoint(), 0, [])
    witness.cosign(second.checkpoint(), 0, [])

    sizes = [one.size for key in (log.key, second.key) if (one := witness.latest(key.name))]
    assert sizes == [5, 3]


def test_stated_times_never_run_back(witness: Witness, log: ToyLog, clock: Clock) -> None:
    """Each cosignature says "the largest that I had seen by then": a clock set back must not make two lie."""
    first = signed_at(witness, log, witness.cosign(log.checkpoint(), 0, []))
    clock.now -= 86_400
    log.grow(1)
    second = signed_at(witness, log, witness.cosign(log.checkpoint(), 5, log.consistency(5)))
    again = witness.again(log.key.name)

    assert first == second == 1_790_000_000
    assert again is not None and signed_at(witness, log, again[1]) == first
    clock.now += 90_000
    again = witness.again(log.key.name)
    assert again is not None and signed_at(witness, log, again[1]) == int(clock.now)


def test_many_at_once_sign_one_history(witness: Witness, log: ToyLog, tmp_path: Path) -> None:
    witness.cosign(log.checkpoint(), 0, [])
    logs = [ToyLog().grow(5).grow(4, f"{number} ") for number in range(6)]
    signed: list[int] = []

    def offer(number: int) -> None:
        try:
            Witness(tmp_path, [log.key]).cosign(logs[number].checkpoint(), 5, logs[number].consistency(5))
        except (OtherState, LogMisbehaved):
            return
        signed.append(number)

    threads = [threading.Thread(target=offer, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(signed) == 1
    latest = witness.latest(log.key.name)
    assert latest is not None and latest.root == Checkpoint.parse(logs[signed[0]].checkpoint()).root


def test_a_state_that_somebody_changed_is_not_signed_on(
    witness: Witness, log: ToyLog, tmp_path: Path
) -> None:
    witness.cosign(log.checkpoint(), 0, [])
    (path,) = tmp_path.glob("*.checkpoint")
    kept, older = path.read_bytes(), ToyLog().grow(2)
    mine = SignedNote.parse(kept).signatures[1]
    for wrong in (
        b"",
        kept[:-2],
        older.checkpoint(),
        older.checkpoint() + f"{mine}\n".encode(),
        kept.replace(b"\n5\n", b"\n4\n"),
    ):
        path.write_bytes(wrong)
        with pytest.raises(StateUnusable):
            witness.cosign(log.checkpoint(), 5, [])
        with pytest.raises(StateUnusable):
            witness.again(log.key.name)
    path.write_bytes(kept)
    assert witness.again(log.key.name) is not None


def test_the_key_is_its_owners_alone_and_never_overwritten(tmp_path: Path, log: ToyLog) -> None:
    public = new_key(tmp_path, NAME)
    with pytest.raises(StateUnusable):
        new_key(tmp_path, NAME)
    assert Witness(tmp_path, []).key == public
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0

    (tmp_path / KEY_FILE).chmod(0o640)
    with pytest.raises(StateUnusable, match="chmod 600"):
        Witness(tmp_path, [])
    (tmp_path / KEY_FILE).chmod(0o600)
    (tmp_path / KEY_FILE).write_bytes(b"PRIVATE+KEY+x+00000000+AAAA\n")
    with pytest.raises(StateUnusable, match="no witness's key"):
        Witness(tmp_path, [])
    with pytest.raises(StateUnusable, match="witness key new"):
        Witness(tmp_path / "empty", [])
    with pytest.raises(ProofRefused):
        new_key(tmp_path / "other", "two words")
