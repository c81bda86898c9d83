"""A real Prometheus beside a running demo: every panel's query returns data, every rule is evaluated."""

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.observability.test_monitoring import FOLDER, queries, rules

ROOT = Path(__file__).resolve().parents[2]
TOLD = "Serving until Ctrl-C."


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@contextmanager
def prometheus(folder: Path, hub_port: int) -> Iterator[str]:
    """A Prometheus with the repository's own configuration and rules, a second between looks; its address."""
    if shutil.which("prometheus") is None:
        pytest.fail("prometheus is missing: apt-get install prometheus")
    shutil.copy(FOLDER / "alerts.yml", folder)
    config = (FOLDER / "prometheus.yml").read_text()
    assert '"127.0.0.1:9464"' in config and config.count("15s") == 2
    config = config.replace('"127.0.0.1:9464"', f'"127.0.0.1:{hub_port}"').replace("15s", "1s")
    (folder / "prometheus.yml").write_text(config)
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://{address}/-/ready", timeout=5)
                break
            except (urllib.error.URLError, ConnectionError):
                said = (folder / "prometheus.log").read_text()[-2000:]
                assert time.monotonic() < until and process.poll() is None, said
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def demo(folder: Path, hub_port: int) -> Iterator[str]:
    """The demo once its story is told, still serving; what it said."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto")])}
    told = folder / "demo.out"
    with told.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", "demo", "--prometheus", f"127.0.0.1:{hub_port}"],
            cwd=folder,
            env=environment,
            stdout=out,
            stderr=out,
        )
    try:
        until = time.monotonic() + 180
        while TOLD not in told.read_text():
            assert process.poll() is None and time.monotonic() < until, told.read_text()[-2000:]
            time.sleep(0.5)
        yield told.read_text()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def ask(address: str, path: str, **arguments: str) -> Any:
    with urllib.request.urlopen(
        f"http://{address}/api/v1/{path}?{urllib.parse.urlencode(arguments)}", timeout=30
    ) as answer:
        read = json.load(answer)
    assert read["status"] == "success", read
    return read["data"]


def numbers(address: str, expression: str) -> list[float]:
    """What a panel's query shows: its numbers, those that are none left out."""
    # Grafana puts a span there that holds four looks at least.
    found = ask(address, "query", query=expression.replace("$__rate_interval", "2m"))["result"]
    values = [float(one["value"][1]) for one in found]
    return [value for value in values if not math.isnan(value)]


@pytest.mark.slow
def test_every_panel_shows_something_of_a_running_demo(tmp_path: Path) -> None:
    hub_port = free_port()
    with prometheus(tmp_path, hub_port) as address, demo(tmp_path, hub_port) as told:
        assert f"curl http://127.0.0.1:{hub_port}/metrics" in told
        # A reading every 15 s, and a look every second.
        until = time.monotonic() + 40
        while not numbers(address, "oncetold_feed_silence_seconds") and time.monotonic() < until:
            time.sleep(1)
        time.sleep(2)
        empty = [expression for expression in queries() if not numbers(address, expression)]
        # The day has no witness; `test_figures.py` holds what one's lag is told as.
        assert empty == [expression for expression in queries() if "witness_lag" in expression] != []

        calls = sum(numbers(address, "oncetold_calls_total"))
        assert calls > 50, "the story is told by many calls"
        for entries in ("max(oncetold_ledger_size)", "sum(oncetold_commit_entries_total)"):
            assert numbers(address, entries)[0] > 50
        groups = ask(address, "rules")["groups"]
        read = {rule["name"]: rule for group in groups for rule in group["rules"]}
        assert set(read) == {rule.split()[0] for rule in rules()}
        assert {rule["health"] for rule in read.values()} == {"ok"}
        assert {name for name, rule in read.items() if rule["state"] == "firing"} == set()

        nothing = numbers(address, "oncetold_of_which_there_is_none")
        assert nothing == [], "the control: a query for what is not there shows nothing"
