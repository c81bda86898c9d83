"""The demo as a newcomer runs it: a process of its own, its figures checked from outside."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def environment(temporary: Path) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "proto"), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "TMPDIR": str(temporary)}


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "hub", *map(str, words)]


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.slow
def test_the_day_is_told_once_and_its_figures_are_those_of_the_databases(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    done = subprocess.run(
        command("demo", "--once", "--json", "--data", kept),
        env=environment(tmp_path), capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])

    told = done.stdout
    assert "What the drug service need not ask" in told
    assert "What the housing officer never sees" in told
    assert "verified by the hub" in told
    assert "$ oncetold why" in told
    held = {
        agency: len(rows(kept / agency / "cases.db", "SELECT fragment_id FROM oncetold_elements"))
        for agency in ("northside", "riverside", "civic-housing")
    }
    assert {agency: counts["held"] for agency, counts in figures["agencies"].items()} == held
    assert min(held.values()) > 0
    seen = rows(kept / "civic-housing" / "cases.db", "SELECT DISTINCT categories FROM oncetold_elements")
    assert {categories for (categories,) in seen} == {"IDENTITY", "ACCOMMODATION", "SERVICE_CONTACT"}
    [(states,)] = rows(kept / "civic-housing" / "cases.db", "SELECT state FROM oncetold_receipts")
    assert states == "SENT"
    assert "what it has stays, greyed." in told.replace("\n", " ") and "$ oncetold task list" in told
    greyed = rows(
        kept / "northside" / "cases.db", "SELECT no_longer_updated, categories FROM oncetold_elements"
    )
    assert greyed == [(1, "SUBSTANCE_USE")], "the dose stays, greyed; the next one never came"
    assert set(figures["tasks"]) == {"northside", "riverside"}
    assert figures["why"]["verdict"] == "DENY"
    assert figures["never_seen_by_housing"] > 0
    assert figures["told_at_the_hostel"] > figures["not_asked_again_at_the_drug_service"] > 0

    asked = subprocess.run(
        command("--data", kept / "hub", "deliveries", "status", "--json"),
        env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    feeds = json.loads(asked.stdout)["feeds"]
    assert {feed["agency_id"]: feed["held"] for feed in feeds} == held

    asked_why = ("why", "intake-N-1042", "--as", "northside", "--recipient", "riverside")
    why = subprocess.run(
        command("--data", kept / "hub", *asked_why),
        env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    verdicts = {line.partition(": ")[0]: line for line in why.stdout.splitlines()}
    assert "riverside may see this" in verdicts["substance use"]
    assert "riverside may not see this" in verdicts["money work"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped_and_leaves_nothing(short_path: Path, number: signal.Signals) -> None:
    demo = subprocess.Popen(
        command("demo"),
        env=environment(short_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert demo.stdout is not None
    try:
        said = ""
        for line in demo.stdout:
            said += line
            if "Ctrl-C" in line:
                demo.send_signal(number)
        code = demo.wait(timeout=30)
    finally:
        demo.kill()
        _, complaints = demo.communicate()
    assert "Serving until Ctrl-C" in said, complaints
    assert code == 0, complaints
    assert "Traceback" not in complaints
    assert list(short_path.iterdir()) == []


def test_it_mixes_with_nothing(tmp_path: Path) -> None:
    (tmp_path / "something").touch()

    done = subprocess.run(
        command("demo", "--once", "--data", tmp_path),
        env=environment(tmp_path), capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode == 2
    assert "something in" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["something"]
