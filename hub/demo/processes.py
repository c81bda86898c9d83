"""The demo's processes: the hub and the adapters, each started as anybody would, each ended by us."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hub.cli.errors import CliError

START_SECONDS = 60.0
STOP_SECONDS = 10.0


class Processes:
    """Starts programs of ours and ends exactly those, whatever happens."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def serve(self, data: Path) -> dict[str, str]:
        """Starts `oncetold serve` on a free port; returns what it says of itself once it serves."""
        hub = self._start("hub", ["hub", "--data", str(data), "serve", "--json"], stdout=subprocess.PIPE)
        assert hub.stdout is not None
        ready, _, _ = select.select([hub.stdout], [], [], START_SECONDS)
        line = hub.stdout.readline() if ready else b""
        try:
            return {str(key): str(value) for key, value in json.loads(line).items()}
        except ValueError:
            raise self._ended("hub", hub.poll()) from None

    def follow(self, agency_id: str, words: Sequence[str]) -> None:
        """Starts an adapter that goes on until the demo ends."""
        self._start(agency_id, ["adapters", *words], stdout=subprocess.DEVNULL)

    def once(self, agency_id: str, words: Sequence[str]) -> dict[str, object]:
        """Runs an adapter's command to its end and returns its JSON answer. Raises CliError if it fails."""
        log = self._logs / f"{agency_id}.log"
        with log.open("ab") as errors:
            done = subprocess.run(  # noqa: S603  # our own program
                [sys.executable, "-m", "adapters", *words], stdout=subprocess.PIPE, stderr=errors, check=False
            )
        if done.returncode != 0:
            raise self._ended(agency_id, done.returncode)
        answer = json.loads(done.stdout.splitlines()[-1])
        assert isinstance(answer, dict)
        return answer

    def check(self) -> None:
        """Raises CliError when something that should run has ended."""
        for name, process in self._running:
            if process.poll() is not None:
                raise self._ended(name, process.returncode)

    def stop(self) -> None:
        """Ends everything that was started, adapters before the hub, gently first."""
        # An impatient second Ctrl-C must not leave any of them behind.
        before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._stop()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self) -> None:
        for _, process in reversed(self._running):
            process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + STOP_SECONDS
        for _, process in reversed(self._running):
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._running.clear()

    def _ended(self, name: str, code: int | None) -> CliError:
        """The failure of a process, with its last words: no log of ours holds anything about anybody."""
        said = (self._logs / f"{name}.log").read_text(encoding="utf-8", errors="replace").split("\n")
        last = " ".join(line for line in said[-3:] if line)
        return CliError(
            f"The demo's process {name} ended or did not start (exit code {code}): {last or 'no word'}",
            "Please report it; with --data DIR its whole log is kept.",
            reason="PROCESS_ENDED",
        )

    def _start(self, name: str, words: Sequence[str], *, stdout: int) -> subprocess.Popen[bytes]:
        with (self._logs / f"{name}.log").open("ab") as errors:
            process = subprocess.Popen(  # noqa: S603  # our own program
                [sys.executable, "-m", *words],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=errors,
                # A group of its own: Ctrl-C reaches the demo alone, which then ends the others in order.
                start_new_session=True,
            )
        self._running.append((name, process))
        return process
