"""Python's side of `disk.c`: builds it, runs a process over it, and steers it from inside that process."""

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).parents[2]
WRITES, SYNCS = 1, 2
PRELOADED = "ONCETOLD_DISK_LIBRARY"


def impossible(reason: str) -> NoReturn:
    """Ends a test that this machine cannot run. It fails: what was not tried must not look like a pass."""
    pytest.fail(f"This cannot be tried here: {reason}", pytrace=False)


def build(folder: Path) -> Path:
    """The compiled library. Needs a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        impossible("a failing disk needs a C compiler (Debian: apt-get install gcc libc6-dev)")
    library = folder / "disk.so"
    source = Path(__file__).with_name("disk.c")
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl", "-lpthread"]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return library


def environment(library: Path | None = None, **more: str) -> dict[str, str]:
    """What a child process is given; with `library`, its writes and syncs go through it."""
    found = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto")]), **more}
    if library is not None:
        found |= {"LD_PRELOAD": str(library), PRELOADED: str(library)}
    return found


def run(library: Path, module: str, *arguments: object) -> str:
    """Runs a module of this folder over the library; returns what it printed."""
    command = [sys.executable, "-m", f"tests.faults.{module}", *map(str, arguments)]
    done = subprocess.run(
        command, env=environment(library), cwd=ROOT, capture_output=True, text=True, timeout=1500
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


class Disk:
    """The library within a process that was started with it."""

    def __init__(self, folder: Path) -> None:
        self._library = ctypes.CDLL(os.environ[PRELOADED])
        self._library.disk_mark.argtypes = [ctypes.c_uint64]
        self._library.disk_fail.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.c_int]
        self._library.disk_fired.restype = ctypes.c_long
        self._library.disk_watch(os.fsencode(folder))

    def fail(self, kinds: int, countdown: int, error: int) -> None:
        """The operation with this number from now (1 is the next) fails, once."""
        self._library.disk_fail(kinds, countdown, error)

    def heal(self) -> None:
        """Nothing fails any more."""
        self._library.disk_fail(0, 0, 0)

    @property
    def fired(self) -> int:
        """How many operations failed so far."""
        return int(self._library.disk_fired())

    def record(self, log: Path) -> None:
        """From now on everything goes to the log."""
        assert self._library.disk_record(os.fsencode(log)) >= 0

    def mark(self, position: int) -> None:
        """Notes in the log that this position was acknowledged."""
        self._library.disk_mark(position)
