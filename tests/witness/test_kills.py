"""A witness that is killed at any moment has kept whatever it handed over, and signs no second history."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.kit.errors import LogMisbehaved
from adapters.witness.signer import OtherState, Witness, new_key
from tests.unit.adapters.merkle import ToyLog

ROOT = Path(__file__).resolve().parents[2]
KILLS = 25
COSIGNING = """
import sys
from pathlib import Path
from adapters.witness.signer import Witness
from tests.unit.adapters.merkle import ToyLog
folder, begun = Path(sys.argv[1]), int(sys.argv[2])
log = ToyLog().grow(begun)
witness = Witness(folder, [log.key])
print("ready", flush=True)
while True:
    last = witness.latest(log.key.name)
    old = 0 if last is None else last.size
    log.grow(old + 1 - len(log.entries))
    line = witness.cosign(log.checkpoint(), old, log.consistency(old))
    print(old + 1, line, flush=True)
"""


@pytest.mark.slow
def test_killed_while_it_cosigns(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    log = ToyLog()
    new_key(tmp_path, "north.example/witness")
    moments, handed = random.Random("kills"), 0
    for _ in range(KILLS):
        witness = Witness(tmp_path, [log.key])
        last = witness.latest(log.key.name)
        process = subprocess.Popen(
            [sys.executable, "-c", COSIGNING, str(tmp_path), str(0 if last is None else last.size)],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0.001, 0.1))
        process.kill()
        lines = [line.split(" ", 1) for line in process.stdout.read().splitlines() if line.endswith("=")]
        process.stdout.close()
        process.wait()
        handed += len(lines)
        kept = witness.latest(log.key.name)
        if lines:
            assert kept is not None and kept.size >= int(lines[-1][0])
        if kept is not None:
            assert bytes(kept.note.text).decode() == ToyLog().grow(kept.size).text()
            other = ToyLog().grow(kept.size - 1).grow(1, "other ")
            with pytest.raises((LogMisbehaved, OtherState)):
                witness.cosign(other.checkpoint(), kept.size, [])
    assert handed > 0
    record_property("figures", f"{handed} cosignatures handed over before {KILLS} kills; each was kept")
