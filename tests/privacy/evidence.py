"""What a hub and its partners left behind, as bytes to look through."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("hub_process.py")


@dataclass
class Evidence:
    """Everything by where it was found. `partners` holds what was lawfully delivered."""

    stored: dict[str, bytes] = field(default_factory=dict, repr=False)
    """Files of the hub at several moments, and its tables' rows."""
    spoken: dict[str, bytes] = field(default_factory=dict, repr=False)
    """Output and logs of the hub, logs of the adapters, quarantine."""
    measured: dict[str, bytes] = field(default_factory=dict, repr=False)
    """Pages of figures, and what crossed the network to a collector."""
    errors: dict[str, bytes] = field(default_factory=dict, repr=False)
    """What refused and failed calls were told, and the hub's own errors."""
    partners: dict[str, bytes] = field(default_factory=dict, repr=False)
    """The agencies' databases."""

    def keep_files(self, moment: str, folder: Path) -> None:
        """Copies every file of the hub but the certificates, with the names of all."""
        names = []
        for path in sorted(folder.rglob("*")):
            names.append(str(path.relative_to(folder)))
            if path.is_file() and "pki" not in path.parts:
                self.stored[f"{moment}: {names[-1]}"] = path.read_bytes()
        self.stored[f"{moment}: file names"] = "\n".join(names).encode()

    def keep_rows(self, moment: str, database: Path) -> None:
        """Copies every table cell by cell: a long value is scattered over a file's pages."""
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            tables = [
                name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            ]
            for table in tables:
                cells = [
                    cell if isinstance(cell, bytes) else str(cell).encode()
                    for row in connection.execute(f'SELECT * FROM "{table}"')
                    for cell in row
                ]
                self.stored[f"{moment}: table {table}"] = b"\n".join(cells)
        connection.close()

    def keep_error(self, name: str, error: grpc.aio.AioRpcError) -> None:
        """Keeps all that a caller was told by a failed call."""
        told = [
            repr(error.code()),
            str(error.details()),
            str(error.debug_error_string()),
            repr(error),
            str(error),
        ]
        for metadata in (error.initial_metadata(), error.trailing_metadata()):
            for key, value in metadata or ():
                told += [key, value if isinstance(value, str) else value.decode("latin-1")]
        self.errors[name] = "\n".join(told).encode("utf-8", "surrogateescape")


@contextmanager
def hub_process(
    data: Path, folder: Path, name: str, evidence: Evidence
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A hub at its most talkative; its port. Its output is kept when the block ends it (or it was killed)."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto")]),
        "GRPC_VERBOSITY": "DEBUG",
        "TMPDIR": str(temporary),
        "SQLITE_TMPDIR": str(temporary),
        "OTEL_BSP_SCHEDULE_DELAY": "500",
    }
    with (folder / f"{name}.stderr").open("wb") as stderr, (folder / f"{name}.stdout").open("wb") as stdout:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(data), str(folder / "errors.txt")],
            env=environment,
            stdout=stdout,
            stderr=stderr,
        )
    try:
        yield process, _port(process, folder / f"{name}.stdout")
    finally:
        process.terminate()
        process.wait(timeout=30)
        for stream in ("stdout", "stderr"):
            evidence.spoken[f"{name} {stream}"] = (folder / f"{name}.{stream}").read_bytes()


def _port(process: subprocess.Popen[bytes], output: Path) -> int:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        line = output.read_text()
        if line.endswith("\n"):
            return int(line)
        time.sleep(0.02)
    raise AssertionError("the hub did not start")
