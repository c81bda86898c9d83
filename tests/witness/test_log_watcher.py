"""An agency that is no witness keeps what the ledger signed last, and notices when it is another one."""

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.kit.errors import HubRefused, LogMisbehaved, ProofRefused, StateUnusable
from adapters.kit.evidence import MOST_FILES, Evidence, EvidenceFolder, check
from adapters.kit.log_watcher import LogWatcher, compared
from adapters.kit.notes import CosignerKey
from adapters.kit.proofs import Checkpoint, TrustRule, check_proof
from adapters.witness.comparing import compare
from oncetold.v1.common_pb2 import LedgerPosition
from oncetold.v1.log_service_pb2 import GetConsistencyProofRequest, GetConsistencyProofResponse
from tests.unit.adapters.merkle import ToyLog
from tests.witness.toy_hub import ToyHub


@pytest.fixture
def hub() -> ToyHub:
    return ToyHub(ToyLog().grow(6))


@pytest.fixture
def watcher(hub: ToyHub, tmp_path: Path) -> LogWatcher:
    return LogWatcher(hub, TrustRule(hub.log.key), tmp_path / "ledger.checkpoint")


def shown_by(watcher: LogWatcher, hub: ToyHub) -> str:
    """What the one piece of evidence shows to somebody who has the ledger's key and nothing else."""
    (kept,) = watcher.evidence.files()
    return check(Evidence.parse(kept.read_bytes()), hub.log.key)


def test_it_follows_a_ledger_that_grows_and_remembers_it(watcher: LogWatcher, hub: ToyHub) -> None:
    assert watcher.look().size == 6
    hub.log.grow(5)
    assert watcher.look().size == 11
    assert watcher.look().size == 11

    seen = watcher.seen()
    assert seen is not None and bytes(seen) == hub.log.checkpoint()


def test_a_proof_is_checked_and_its_checkpoint_remembered(watcher: LogWatcher, hub: ToyHub) -> None:
    proof, entry = watcher.prove(LedgerPosition(index=4))

    assert entry == hub.log.entries[3]
    assert check_proof(proof, entry, 4, TrustRule(hub.log.key)).size == 6
    seen = watcher.seen()
    assert seen is not None and seen.size == 6


def test_a_proof_under_an_older_checkpoint_does_not_set_it_back(watcher: LogWatcher, hub: ToyHub) -> None:
    """The newest cosigned checkpoint may be behind the newest one; that is no ledger that ran back."""
    whole = hub.log
    watcher.look()
    early = ToyLog().grow(4)
    hub.checkpoint = lambda request: ToyHub(early).checkpoint(request)  # type: ignore[method-assign]

    assert watcher.look().size == 6
    assert bytes(watcher.seen() or b"") == whole.checkpoint()
    assert watcher.evidence.files() == []


@pytest.mark.parametrize(
    ("grown_to", "shows"),
    [(4, "RAN_BACK"), (6, "TWO_ROOTS_OF_ONE_SIZE"), (7, "OTHER_BEGINNING"), (20, "OTHER_BEGINNING")],
)
def test_a_ledger_that_is_another_one_is_refused_each_time(
    watcher: LogWatcher, hub: ToyHub, grown_to: int, shows: str
) -> None:
    watcher.look()
    hub.log = ToyLog().grow(3).grow(grown_to - 3, "other ")

    for _ in range(2):
        with pytest.raises(LogMisbehaved, match=shows):
            watcher.look()
        with pytest.raises(LogMisbehaved, match=shows):
            watcher.prove(LedgerPosition(index=2))
    assert shown_by(watcher, hub) == shows
    seen = watcher.seen()
    assert seen is not None and seen.size == 6


def test_what_the_log_did_not_sign_is_not_remembered(watcher: LogWatcher, hub: ToyHub) -> None:
    true = hub.log
    hub.log = ToyLog(seed=2).grow(6)
    with pytest.raises(ProofRefused, match="NOT_SIGNED"):
        watcher.look()
    hub.log = true
    assert watcher.seen() is None
    watcher.look()
    hub.log.grow(1)
    hub.forged = [bytes(32)]
    with pytest.raises(LogMisbehaved, match="NOT_CONSISTENT"):
        watcher.look()


def test_a_hub_that_refuses_the_proof_is_not_convicted_nor_believed(
    watcher: LogWatcher, hub: ToyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher.look()
    hub.log.grow(1)

    def refuse(request: object) -> object:
        raise HubRefused("INTERNAL", {}, "", retryable=False)

    monkeypatch.setattr(hub, "consistency_proof", refuse)
    with pytest.raises(HubRefused):
        watcher.look()
    seen = watcher.seen()
    assert seen is not None and seen.size == 6
    assert watcher.evidence.files() == []


def test_one_wrong_proof_of_an_honest_ledger_proves_nothing(
    hub: ToyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a whole tree a second proof is asked for; where that one is right, nothing was proven."""
    junk, real = [bytes(32)], hub.consistency_proof
    hub.log.grow(6)

    def wrong_once(request: GetConsistencyProofRequest) -> GetConsistencyProofResponse:
        return GetConsistencyProofResponse(hashes=junk) if request.old_size == 8 else real(request)

    monkeypatch.setattr(hub, "consistency_proof", wrong_once)
    first, second = (Checkpoint.parse(hub.log.checkpoint(size)) for size in (8, 12))
    assert compared(hub, first, second) == ("NOT_CONSISTENT", tuple(junk))


def test_witnesses_are_asked_for(hub: ToyHub, tmp_path: Path) -> None:
    key = CosignerKey("north.example/witness", bytes([7]) * 32)
    rule = TrustRule(hub.log.key, (key.public,), 1)

    with pytest.raises(ProofRefused, match="TOO_FEW"):
        LogWatcher(hub, rule, tmp_path / "ledger.checkpoint").look()


def test_a_file_that_is_no_checkpoint_of_the_ledger_is_not_begun_anew(
    watcher: LogWatcher, tmp_path: Path
) -> None:
    watcher.look()
    for wrong in (b"", ToyLog(seed=2).grow(2).checkpoint()):
        (tmp_path / "ledger.checkpoint").write_bytes(wrong)
        with pytest.raises(StateUnusable):
            watcher.look()


def test_a_hub_that_disowns_what_it_just_signed_is_not_taken_for_one_that_ran_back(hub: ToyHub) -> None:
    first, second = (Checkpoint.parse(hub.log.checkpoint(size)) for size in (4, 6))
    hub.log = ToyLog().grow(5)

    with pytest.raises(HubRefused, match="BEYOND_LEDGER"):
        compared(hub, first, second)
    assert compared(hub, second, first)[0] == "RAN_BACK"


# -- two witnesses exchange what they have --------------------------------------------------------


@pytest.mark.parametrize(("one", "other"), [(6, 6), (6, 9), (9, 6), (8, 11), (64, 70), (1, 2)])
def test_a_log_with_two_faces_is_found_at_the_first_exchange(tmp_path: Path, one: int, other: int) -> None:
    first, second = ToyLog().grow(one), ToyLog().grow(max(min(one, other) - 2, 0))
    second.grow(other - len(second.entries), "other ")
    evidence = EvidenceFolder(tmp_path)

    for hub in (ToyHub(first), ToyHub(second)):
        with pytest.raises(LogMisbehaved):
            compare(hub, first.key, first.checkpoint(), second.checkpoint(), evidence)
    for kept in evidence.files():
        assert check(Evidence.parse(kept.read_bytes()), first.key) in {
            "TWO_ROOTS_OF_ONE_SIZE",
            "OTHER_BEGINNING",
            "NOT_CONSISTENT",
        }


def test_one_ledger_seen_at_two_times_is_one(tmp_path: Path) -> None:
    log = ToyLog().grow(9)
    notes = log.checkpoint(4), log.checkpoint(9)

    for first, second in (notes, notes[::-1], (notes[1], notes[1])):
        older, newer = compare(ToyHub(log), log.key, first, second, EvidenceFolder(tmp_path))
        assert older.size <= newer.size == 9
    assert EvidenceFolder(tmp_path).files() == []


# -- evidence -------------------------------------------------------------------------------------

LOG = ToyLog().grow(6)
FORK = ToyLog().grow(5).grow(4, "other ")
TRUE = Evidence("OTHER_BEGINNING", LOG.checkpoint(), FORK.checkpoint(), tuple(FORK.consistency(6)))


def test_evidence_survives_being_written_down() -> None:
    assert Evidence.parse(bytes(TRUE)) == TRUE
    assert check(TRUE, LOG.key) == "OTHER_BEGINNING"


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        (replace(TRUE, second=LOG.checkpoint()), "NO_CONTRADICTION"),
        (replace(TRUE, second=ToyLog(seed=2).grow(9).checkpoint()), "NOT_SIGNED"),
        (replace(TRUE, first=ToyLog(seed=2).grow(6).checkpoint()), "NOT_SIGNED"),
        (replace(TRUE, first=ToyLog(origin="elsewhere.example/log").grow(6).checkpoint()), "ORIGIN"),
        (replace(TRUE, first=LOG.checkpoint().replace(b"\n6\n", b"\n5\n")), "SIGNATURE"),
    ],
)
def test_nobody_is_convicted_by_words_that_are_not_its_own(forged: Evidence, reason: str) -> None:
    with pytest.raises(ProofRefused, match=reason):
        check(forged, LOG.key)


def test_an_honest_log_is_never_proven_guilty_by_a_forged_proof() -> None:
    log = ToyLog().grow(9)
    right = log.consistency(6)
    forged = [right[::-1], right[1:], [*right, right[0]], [bytes(32)] * 4, FORK.consistency(6), []]

    for proof in forged:
        accusation = Evidence("OTHER_BEGINNING", log.checkpoint(6), log.checkpoint(9), tuple(proof))
        assert check(accusation, log.key) == "NOT_CONSISTENT"
    whole = ToyLog().grow(13)
    for size in (1, 2, 4, 8):
        for proof in (*forged, whole.consistency(size), whole.consistency(size + 1), FORK.consistency(5)):
            accusation = Evidence("", whole.checkpoint(size), whole.checkpoint(13), tuple(proof))
            try:
                assert check(accusation, whole.key) == "NOT_CONSISTENT"
            except ProofRefused as refusal:
                assert refusal.reason == "NO_CONTRADICTION" and proof == whole.consistency(size)
    with pytest.raises(ProofRefused, match="NO_CONTRADICTION"):
        check(Evidence("", log.checkpoint(6), log.checkpoint(9), tuple(right)), log.key)


@pytest.mark.parametrize(
    "content",
    [b"", b"oncetold.org/log-evidence/v1\n", bytes(TRUE)[:-1], bytes(TRUE) + b"\n", bytes(TRUE)[1:]],
)
def test_what_is_no_evidence_is_refused(content: bytes) -> None:
    with pytest.raises(ProofRefused, match="EVIDENCE_FORMAT"):
        Evidence.parse(content)


def test_evidence_does_not_fill_a_disk(tmp_path: Path) -> None:
    evidence = EvidenceFolder(tmp_path)
    for number in range(MOST_FILES):
        (tmp_path / f"{number}.evidence").touch()
    first, second = Checkpoint.parse(LOG.checkpoint()), Checkpoint.parse(FORK.checkpoint())

    assert isinstance(evidence.keep("OTHER_BEGINNING", first, second), LogMisbehaved)
    assert len(evidence.files()) == MOST_FILES
