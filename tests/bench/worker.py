"""Processes beside the one that measures: each answers a line of JSON with a line of JSON."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[2]
Job = Callable[..., Awaitable[dict[str, Any] | None]]


def environment() -> dict[str, str]:
    """A process's surroundings in which our packages are found."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto")])}


class WorkerFailed(Exception):
    """A process ended, or could not do its job; what it said on stderr stands there."""


class Worker:
    """A Python process running a module of ours. Jobs are done one after another."""

    def __init__(self, module: str, *arguments: str, quiet: bool = False) -> None:
        """Starts it; `quiet` keeps what it says on stderr to itself."""
        self._module = module
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            text=True,
        )

    def hear(self) -> dict[str, Any]:
        """The next thing it says. Raises `WorkerFailed` when it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise WorkerFailed(f"{self._module} ended with {self.process.wait()}")
        heard: dict[str, Any] = json.loads(line)
        return heard

    def ask(self, job: str, **values: Any) -> dict[str, Any]:
        """Has a job done and returns what came of it. Raises `WorkerFailed`."""
        self.tell(job, **values)
        return self.hear()

    def tell(self, job: str, **values: Any) -> None:
        """Has a job begun; `hear` says what came of it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"job": job, **values}) + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """Lets it finish. Raises `WorkerFailed` when it did not end well."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        try:
            ended = self.process.wait(timeout=60)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
        if ended != 0:
            raise WorkerFailed(f"{self._module} ended with {ended}")

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.process.kill()
            self.process.communicate()

    def megabytes(self, what: str = "VmRSS") -> float:
        """Its resident memory; `VmHWM` for the most that it ever was."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith(f"{what}:"))
        return int(line.split()[1]) / 1024

    def cpu_seconds(self) -> float:
        """Processor time of all its threads so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def say(**values: Any) -> None:
    """From within a worker: one line to the process that started it."""
    print(json.dumps(values), flush=True)


async def do_jobs(jobs: Mapping[str, Job]) -> None:
    """From within a worker: does what it is asked until nobody asks any more."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        say(**(await jobs[asked.pop("job")](**asked) or {}))
