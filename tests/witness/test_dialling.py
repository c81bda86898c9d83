"""The witness that dials out: it cosigns, stays current, and notices a hub whose ledger is another one."""

from pathlib import Path

import pytest

from adapters.kit.backoff import Backoff
from adapters.kit.errors import HubRefused, HubUnreachable, LogMisbehaved, ProofRefused
from adapters.kit.evidence import Evidence, check
from adapters.witness.dialling import EVERY_SECONDS, Dialling
from adapters.witness.signer import Witness, new_key
from oncetold.v1.log_service_pb2 import GetConsistencyProofRequest, GetConsistencyProofResponse
from oncetold.v1.witness_service_pb2 import AwaitCheckpointRequest, AwaitCheckpointResponse
from tests.unit.adapters.merkle import ToyLog
from tests.witness.toy_hub import ToyHub


class Clock:
    """Seconds for both: what is stated, and what is waited for."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


class Stage:
    def __init__(self, folder: Path) -> None:
        self.log = ToyLog().grow(5)
        self.folder = folder
        self.clock = Clock()
        self.hub = ToyHub(self.log, new_key(folder, "north.example/witness"))
        self.started()

    def started(self) -> None:
        """The witness's process begins, for the first time or again."""
        self.witness = Witness(self.folder, [self.log.key], now=self.clock)
        self.dialling = Dialling(self.hub, self.witness, self.log.key, monotonic=self.clock)

    def evidence(self) -> str:
        """What the one piece of evidence shows to somebody who has the ledger's key and nothing else."""
        (kept,) = self.witness.evidence.files()
        return check(Evidence.parse(kept.read_bytes()), self.log.key)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_it_cosigns_each_checkpoint_once_and_then_waits(stage: Stage) -> None:
    assert stage.dialling.step()
    assert not stage.dialling.step()
    stage.log.grow(4)
    assert stage.dialling.step()

    assert stage.hub.cosigned == [(5, 1_790_000_000), (9, 1_790_000_000)]
    assert stage.dialling.cosigned == 2


def test_a_ledger_in_which_nothing_happens_is_cosigned_again_in_time(stage: Stage) -> None:
    stage.dialling.step()
    stage.clock.now += EVERY_SECONDS - 1
    assert not stage.dialling.step()
    stage.clock.now += 1
    assert stage.dialling.step()

    assert EVERY_SECONDS < 60
    assert stage.hub.cosigned == [(5, 1_790_000_000), (5, 1_790_000_000 + int(EVERY_SECONDS))]


def test_a_cosignature_that_never_arrived_is_handed_over_after_a_restart(stage: Stage) -> None:
    stage.witness.cosign(stage.log.checkpoint(), 0, [])
    stage.started()

    assert not stage.dialling.step()
    assert stage.hub.cosigned == [(5, 1_790_000_000)]


def test_a_hub_that_is_away_is_waited_for(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    pauses: list[Exception] = []
    real = stage.hub.await_checkpoint

    def coming_back(request: AwaitCheckpointRequest) -> AwaitCheckpointResponse:
        nonlocal asked
        asked += 1
        if asked <= 2:
            raise HubUnreachable("NO_ANSWER", "The hub did not answer.", "Wait.", retryable=True)
        if stage.hub.cosigned:
            raise KeyboardInterrupt
        return real(request)

    monkeypatch.setattr(stage.hub, "await_checkpoint", coming_back)
    backoff = Backoff(attempts=None, first=0.001, longest=0.001, jitter=0.0)
    dialling = Dialling(stage.hub, stage.witness, stage.log.key, backoff=backoff, on_pause=pauses.append)
    with pytest.raises(KeyboardInterrupt):
        dialling.run()

    assert [size for size, _ in stage.hub.cosigned] == [5]
    assert len(pauses) == 2


def test_a_hub_that_was_cut_back_is_refused_and_both_of_its_words_are_kept(stage: Stage) -> None:
    stage.dialling.step()
    stage.hub.log = ToyLog().grow(3)

    with pytest.raises(LogMisbehaved, match="RAN_BACK"):
        stage.dialling.step()
    assert stage.evidence() == "RAN_BACK"
    stage.started()
    with pytest.raises(LogMisbehaved, match="RAN_BACK"):
        stage.dialling.step()
    assert [size for size, _ in stage.hub.cosigned] == [5]


@pytest.mark.parametrize("grown_to", [4, 5, 6, 12])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_restored_hub_that_grew_again_is_refused_whatever_its_size(
    stage: Stage, grown_to: int, restarted: bool
) -> None:
    stage.dialling.step()
    stage.hub.log = ToyLog().grow(3).grow(grown_to - 3, "other ")
    if restarted:
        stage.started()
    stage.clock.now += EVERY_SECONDS

    with pytest.raises(LogMisbehaved):
        stage.dialling.step()
    shown = {4: "RAN_BACK", 5: "TWO_ROOTS_OF_ONE_SIZE"}.get(grown_to, "OTHER_BEGINNING")
    assert stage.evidence() == shown
    assert [size for size, _ in stage.hub.cosigned] == [5]


@pytest.mark.parametrize("size", [4, 8, 16])
def test_a_fork_behind_a_whole_tree_is_convicted_by_the_proof_from_one_entry_on(
    tmp_path: Path, size: int
) -> None:
    stage = Stage(tmp_path)
    stage.log.grow(size - 5) if size > 5 else stage.log.entries.pop()
    stage.dialling.step()
    stage.hub.log = ToyLog().grow(size - 2).grow(2, "other ").grow(7)

    with pytest.raises(LogMisbehaved, match="OTHER_BEGINNING"):
        stage.dialling.step()
    kept = {check(Evidence.parse(one.read_bytes()), stage.log.key) for one in stage.witness.evidence.files()}
    assert kept == {"NOT_CONSISTENT", "OTHER_BEGINNING"}


def test_a_forged_proof_is_refused(stage: Stage) -> None:
    stage.dialling.step()
    stage.log.grow(4)
    stage.hub.forged = [bytes(32)] * 3

    with pytest.raises(LogMisbehaved, match="NOT_CONSISTENT"):
        stage.dialling.step()
    assert stage.evidence() == "NOT_CONSISTENT", "suspicious, and proven by nothing"
    assert [size for size, _ in stage.hub.cosigned] == [5]


def test_a_wrong_proof_that_is_right_when_asked_again_convicts_nobody(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.dialling.step()
    stage.log.grow(4)
    real = stage.hub.consistency_proof

    def right(request: GetConsistencyProofRequest) -> GetConsistencyProofResponse:
        stage.hub.forged = None
        return real(request)

    stage.hub.forged = [bytes(32)] * 3
    monkeypatch.setattr(stage.hub, "consistency_proof", right)
    with pytest.raises(ProofRefused, match="CONSISTENCY"):
        stage.dialling.step()
    assert stage.dialling.step()


def test_a_key_that_was_not_authorised_is_told_and_convicts_nobody(stage: Stage) -> None:
    stage.hub.authorised = ToyLog(seed=9).key

    with pytest.raises(HubRefused, match="BAD_COSIGNATURE"):
        stage.dialling.step()
    with pytest.raises(HubRefused, match="BAD_COSIGNATURE"):
        stage.dialling.step()
    assert stage.witness.evidence.files() == []
