"""What a run was measured on, so that nobody takes its figures for another machine's."""

import os
import platform
import sqlite3
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.worker import ROOT

PACKAGES = ("grpcio", "protobuf", "cryptography", "eventsourcing", "SQLAlchemy")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The machine, the software and the moment."""

    date: str
    commit: str
    processor: str
    cores: int
    memory_gigabytes: float
    kernel: str
    python: str
    sqlite: str
    packages: tuple[tuple[str, str], ...]
    load: tuple[float, float, float]

    def rows(self) -> list[tuple[str, str]]:
        """For a table."""
        return [
            ("Date", self.date),
            ("Commit", self.commit),
            ("Processor", f"{self.cores} of {self.processor}"),
            ("Memory", f"{self.memory_gigabytes:.0f} GB"),
            ("Kernel", self.kernel),
            ("Python, SQLite", f"{self.python}, {self.sqlite}"),
            ("Packages", ", ".join(f"{name} {number}" for name, number in self.packages)),
            ("Load at the start (1, 5, 15 minutes)", ", ".join(f"{one:.2f}" for one in self.load)),
        ]


def surroundings() -> Surroundings:
    """Of this process, now."""
    return Surroundings(
        datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        _commit(),
        _processor(),
        os.cpu_count() or 1,
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9,
        platform.release(),
        platform.python_version(),
        sqlite3.sqlite_version,
        tuple((name, version(name)) for name in PACKAGES),
        os.getloadavg(),
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    found = next((line for line in lines if line.startswith("model name")), "")
    return found.partition(":")[2].strip() or platform.machine()


def _commit() -> str:
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=10"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        return "unknown"
    return found.stdout.strip() or "unknown"
