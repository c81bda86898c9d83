"""A hub that is told to end does: while it starts, while it is busy, and when something in it never ends."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from consent_ledger.check import check_ledger
from hub.config import LogSettings, write_config
from tests.faults.stopped_hub import READY
from tests.integration.loopback import Site, make_site, register
from tests.observability.collector import deaf_endpoint

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto")])}
PATIENCE = 20.0
BOTH = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@contextmanager
def hub(folder: Path, what: str, errors: int | None = None, witness: str = "") -> Iterator["Hub"]:
    """A hub in a process of its own; `what` is wrong with it."""
    site = make_site(folder)
    write_config(replace(site.config, log=LogSettings("json", witness_urls=witness)))
    words = [sys.executable, "-m", "tests.faults.stopped_hub", what, str(site.config.data)]
    if not what:
        words = [sys.executable, "-m", "hub", "--data", str(site.config.data), "serve", "--json"]
    with (folder / "stderr").open("wb") as said:
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=said if errors is None else errors,
            text=True,
        )
    try:
        yield Hub(site, folder, process)
    finally:
        process.kill()
        process.communicate()


class Hub:
    """A hub's process."""

    def __init__(self, site: Site, folder: Path, process: "subprocess.Popen[str]") -> None:
        self.site, self.folder, self.process = site, folder, process

    def hear(self, word: str) -> None:
        """Waits until it says a line with this word."""
        assert self.process.stdout is not None
        while word not in (line := self.process.stdout.readline()):
            assert line, self.said()

    def said(self) -> str:
        return (self.folder / "stderr").read_text()

    def told(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """How it ended, and how long that took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(PATIENCE), time.monotonic() - began

    def is_sound(self) -> bool:
        """Whether its ledger can be opened and is whole."""
        return not check_ledger(self.site.config.ledger, self.site.config.root_key).damages


@BOTH
def test_a_hub_that_reads_its_ledger_for_an_hour_stops_at_once(tmp_path: Path, number: int) -> None:
    with hub(tmp_path, "start_without_end") as starting:
        starting.hear(READY)
        code, seconds = starting.told(number)
        assert code == 0, starting.said()
    assert seconds < 15
    assert "Traceback" not in starting.said() and '"STOPPING"' in starting.said()
    assert starting.is_sound()


def test_a_signal_is_not_lost_however_often_the_loop_is_woken(tmp_path: Path) -> None:
    with hub(tmp_path, "busy_loop") as busy:
        busy.hear(READY)
        code, _ = busy.told()
        assert code == 0, busy.said()


@pytest.mark.parametrize("what", ["database_that_hangs", "interpreter_held"])
def test_what_never_ends_is_cut_short_and_says_where_it_was(tmp_path: Path, what: str) -> None:
    with hub(tmp_path, what) as stuck:
        stuck.hear("address")
        code, seconds = stuck.told()
        assert code == 1
    assert 1.4 < seconds < 15
    assert "Timeout" in stuck.said() and "stopped_hub.py" in stuck.said()
    assert stuck.is_sound()


def test_a_log_that_nobody_reads_does_not_keep_it_either(tmp_path: Path) -> None:
    read, write = os.pipe()
    try:
        os.set_blocking(write, False)
        with suppress(BlockingIOError):
            while True:
                os.write(write, b"x")
        os.set_blocking(write, True)
        with hub(tmp_path, "database_that_hangs", write) as stuck:
            stuck.hear("address")
            code, _ = stuck.told()
            assert code == -signal.SIGALRM
    finally:
        os.close(read)
        os.close(write)


def test_a_hub_whose_log_goes_nowhere_stops_as_any_other(tmp_path: Path) -> None:
    with hub(tmp_path, "no_log") as silent:
        silent.hear("address")
        time.sleep(1)  # until it does nothing but wait: what writes its log would swallow an error
        code, _ = silent.told()
        assert code == 0


def test_a_witness_that_does_not_answer_holds_nothing_up(tmp_path: Path) -> None:
    with deaf_endpoint() as (port, taken), hub(tmp_path, "", witness=f"http://127.0.0.1:{port}") as serving:
        serving.hear("address")
        asyncio.run(register(serving.site, "outreach"))
        until = time.monotonic() + PATIENCE
        while not taken:
            assert time.monotonic() < until, "the witness was not asked"
            time.sleep(0.02)
        code, seconds = serving.told()
        assert code == 0, serving.said()
    assert seconds < 10
