"""A hub that is killed again and again while it ends a key epoch, by the system and not by an exception."""

import random
import subprocess
import sys
import time
from pathlib import Path

from consent_ledger.check import check_ledger
from consent_ledger.ledger import create_ledger, open_ledger
from tests.clock import ManualClock
from tests.contract.drafting import run
from tests.contract.test_erased_keys import contents
from tests.contract.test_key_epochs import some_records

ROTATING = """
import sys
from pathlib import Path
from consent_ledger.ledger import open_ledger
from tests.clock import ManualClock

folder = Path(sys.argv[1])
ledger = open_ledger(str(folder / "ledger.db"), folder / "root.key", clock=ManualClock())
print("open", flush=True)
while True:
    ledger.submit(lambda t: t.epochs.advance(force=True, most=2)).result()
    print("step", flush=True)
"""
KILLS = 8


def test_killed_again_and_again_nothing_is_lost(tmp_path: Path) -> None:
    chance = random.Random(4)
    place, root, clock = str(tmp_path / "ledger.db"), tmp_path / "root.key", ManualClock()
    ledger = create_ledger(place, root, clock=clock)
    some_records(ledger, 12)
    left, steps = contents(ledger), 0
    ledger.close()
    for _ in range(KILLS):
        hub = subprocess.Popen([sys.executable, "-c", ROTATING, str(tmp_path)], stdout=subprocess.PIPE)
        assert hub.stdout is not None
        assert hub.stdout.readline() == b"open\n"
        time.sleep(chance.uniform(0, 0.05))
        hub.kill()
        steps += hub.stdout.read().count(b"step")
        hub.wait()
        hub.stdout.close()
        ledger = open_ledger(place, root, clock=clock)
        assert contents(ledger) == left
        ledger.close()

    assert steps > KILLS
    ledger = open_ledger(place, root, clock=clock)
    while run(ledger, lambda t: t.epochs.advance()).remaining:
        pass
    assert contents(ledger) == left
    assert run(ledger, lambda t: t.epochs.standing()).remaining == 0
    ledger.close()
    assert check_ledger(place, root).damages == ()
