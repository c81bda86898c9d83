"""Row 2: the power fails at any moment. Every state of the disk opens, and holds what was acknowledged."""

import random
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from consent_ledger.errors import KeyFileRefused, LedgerMissing
from consent_ledger.ledger import Ledger, create_ledger, open_ledger
from tests.clock import ManualClock
from tests.contract.drafting import append, draft, payloads, run
from tests.faults import disk
from tests.faults.figures import Figures, rounds
from tests.faults.power import Disk, Step, read_recording
from tests.faults.recorded_writer import payload

ENTRIES = 600
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - only for speed; any other folder does


@pytest.fixture
def recording(failing_disk: Path, tmp_path: Path, seed: int) -> tuple[Path, list[Step]]:
    """The folder that was written to, and everything that happened to it."""
    folder, log = tmp_path / "ledger", tmp_path / "recording"
    folder.mkdir()
    disk.run(failing_disk, "recorded_writer", folder, log, seed, ENTRIES)
    return folder, read_recording(log)


def _restored(files: dict[str, bytes], folder: Path) -> Path:
    """Those files on a new disk; modes are kept by any file system."""
    for name, content in files.items():
        if not name.endswith("-shm"):
            (folder / name).parent.mkdir(mode=0o700, exist_ok=True)
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o600)
    return folder


def _opened(folder: Path, *, was_made: bool) -> Ledger:
    """Opens what is there. What nobody was told of yet may be missing; then it is made, without a human."""
    place, key = str(folder / "ledger.db"), folder / "root.key"
    try:
        return open_ledger(place, key, clock=ManualClock())
    except (LedgerMissing, KeyFileRefused):
        assert not was_made, "an acknowledged ledger is missing"
        return create_ledger(place, key, clock=ManualClock())


def _cut(disk_now: Disk, chance: random.Random, seed: int, counts: Counter[str]) -> None:
    folder = Path(tempfile.mkdtemp(dir=IN_MEMORY if IN_MEMORY.is_dir() else None))
    try:
        was_made = disk_now.acknowledged >= 0
        ledger = _opened(_restored(disk_now.after_a_cut(chance), folder), was_made=was_made)
        try:
            found = payloads(ledger)
            assert len(found) >= disk_now.acknowledged, "an acknowledged entry was lost"
            assert found == [payload(seed, number) for number in range(1, len(found) + 1)]
            assert append(ledger, draft()) == [len(found) + 1]
            assert run(ledger, lambda t: t.size) == len(found) + 1
            counts["cuts"] += 1
            counts["cuts before the ledger was made"] += not was_made
            counts["cuts that kept more than was acknowledged"] += len(found) > max(0, disk_now.acknowledged)
        finally:
            ledger.close()
    finally:
        shutil.rmtree(folder)


def _cut_often(recording: tuple[Path, list[Step]], seed: int, cuts: int, figures: Figures) -> None:
    folder, steps = recording
    chance = random.Random(seed)
    made = next(number for number, step in enumerate(steps) if step.kind == "A")
    # A fifth of the cuts come while the ledger is being made, which is a few dozen steps.
    early = [chance.randrange(made + 1) for _ in range(cuts // 5)]
    late = [chance.randrange(made + 1, len(steps) + 1) for _ in range(cuts - len(early))]
    where = Counter(early + late)
    disk_now, counts = Disk(folder), Counter[str]()
    for number in range(len(steps) + 1):
        for _ in range(where[number]):
            _cut(disk_now, chance, seed, counts)
        if number < len(steps):
            disk_now.follow(steps[number])
    kinds = Counter(step.kind for step in steps)
    figures.update(counts, writes=kinds["W"], syncs=kinds["S"])
    figures["acknowledged and lost"] = 0  # or it had stopped above
    assert counts["cuts"] == cuts


def test_every_state_after_a_cut_opens_and_holds_what_was_acknowledged(
    recording: tuple[Path, list[Step]], seed: int, figures: Figures
) -> None:
    _cut_often(recording, seed, 25, figures)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_thousand_cuts(recording: tuple[Path, list[Step]], seed: int, figures: Figures) -> None:
    _cut_often(recording, seed, rounds(1000, "ONCETOLD_CUTS"), figures)


def test_a_sync_that_is_left_out_is_noticed(recording: tuple[Path, list[Step]], seed: int) -> None:
    """The control: had the writer not synced, cuts would lose what was acknowledged."""
    folder, steps = recording
    made = next(number for number, step in enumerate(steps) if step.kind == "A")
    careless = [step for number, step in enumerate(steps) if number <= made or step.kind != "S"]
    with pytest.raises(Exception, match=r"lost|missing|malformed|STORAGE|UNAVAILABLE|INTERNAL"):
        _cut_often((folder, careless), seed, 50, Figures())
