"""Recovery without a human: killed while a hub is made, starts or folds anew; and two hubs on one ledger."""

import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from consent_ledger.check import check_ledger
from tests.faults import disk
from tests.faults.children import nursery
from tests.faults.figures import Figures, rounds
from tests.faults.test_damage import typed
from tests.machine.play import Play


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_while_a_hub_is_made(tmp_path: Path, seed: int, figures: Figures) -> None:
    """Whatever is there then: making it again works, or says that it is made, and it serves."""
    chance, outcomes = random.Random(seed), Counter[str]()
    with nursery(tmp_path) as home:
        for number in range(rounds(300, "ONCETOLD_STARTS")):
            data = tmp_path / f"hub-{number}"
            home.start("making", "make", str(data))
            time.sleep(chance.uniform(0, 0.3))
            outcomes["killed" if home.kill("making") else "made before it could be killed"] += 1
            home.start("again", "make", str(data))
            assert home.wait("again") == 0, home.log.read_text()[-3000:]
            report = check_ledger(str(data / "ledger.db"), data / "root.key")
            assert (report.size, report.damages) == (0, ())
    figures.update(outcomes)
    assert outcomes["killed"] > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_while_it_starts_and_while_it_folds_anew(tmp_path: Path, seed: int, figures: Figures) -> None:
    """However often it was broken off, the next start ends with the same stores and histories."""
    chance, kills = random.Random(seed), rounds(300, "ONCETOLD_STARTS")
    play = Play(tmp_path, seed=5)
    for _ in range(120):
        play.step()
    assert play.differences() == []
    play.product.run(play.product.hub.stop())
    play.product.ledger.close()
    killed: Counter[str] = Counter()
    with nursery(tmp_path) as home:
        for _ in range(kills):
            what = chance.choice(("starts", "folds anew"))
            home.start(what, "start", str(tmp_path), what == "folds anew")
            time.sleep(chance.uniform(0, 0.25))
            killed[what if home.kill(what) else f"{what}: done before it could be killed"] += 1
    play.product.reopen()
    assert play.differences() == []
    play.close()
    figures.update(killed)
    assert sum(killed.values()) == kills


@pytest.mark.slow
def test_a_second_hub_is_refused_and_told_who_holds_the_first(tmp_path: Path) -> None:
    """Row 10. A hub that is killed lets go by dying: the next one starts at once."""
    data = tmp_path / "hub"
    assert typed(data, "init").exit_code == 0
    assert typed(data, "dev-pki", "northside").exit_code == 0
    for _ in range(2):
        command = [sys.executable, "-m", "hub", "--data", str(data), "serve", "--listen", "localhost:0"]
        first = subprocess.Popen(
            command, env=disk.environment(), cwd=disk.ROOT, stdout=subprocess.PIPE, text=True
        )
        try:
            assert first.stdout is not None and first.stdout.readline().startswith("Serving")
            second = typed(data, "serve", "--listen", "localhost:0")
            assert second.exit_code == 2
            held_by = re.search(r"process (\d+)", second.stderr)
            assert held_by is not None and int(held_by[1]) == first.pid
            assert first.poll() is None
        finally:
            first.send_signal(signal.SIGKILL)
            first.communicate()
