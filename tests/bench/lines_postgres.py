"""Appending to PostgreSQL from four processes at once: the ledger against the library's default recorder.

The server's files lie on a disk, and it syncs. The library is eventsourcing's own `EventStore` with its
mapper, its AES cipher and its PostgreSQL recorder, as in `rival_process`.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from consent_ledger.clock import SystemClock
from consent_ledger.ledger import create_ledger
from tests.bench.ratios import Figure, Sample, compared
from tests.bench.stages import Profile
from tests.bench.suite import Bench
from tests.bench.worker import Worker
from tests.postgres import Server

WRITERS = 4
BATCH = 50
"""Entries in one command."""
SINGLE = "PostgreSQL, 4 processes: single appends / eventsourcing's default recorder"
BATCHED = f"the same, {BATCH} entries in one command / its single appends"
GUARD = "single appends to streams that go on: with the guard of versions / without"
SKIPPED = "entries that a follower by position missed meanwhile"


def lines(bench: Bench) -> tuple[list[Figure], list[Profile]]:
    """The four lines, over one server."""
    bench.say("starting a PostgreSQL server")
    server = Server(on_disk=True)
    try:
        return _lines(bench, server), []
    finally:
        server.stop()


def _lines(bench: Bench, server: Server) -> list[Figure]:
    name = server.create_database()
    url, key = server.url(name), bench.folder / "postgres-root.key"
    create_ledger(url, key, clock=SystemClock()).close()
    library = server.create_database()
    with (
        _writers("ledger", url, str(key)) as ours,
        _writers("library", str(server.folder), library) as theirs,
        _followed(server, name) as follower,
    ):
        callers = max(1, bench.size.in_flight // WRITERS)

        def appending(writers: list[Worker], batch: int = 1, **how: bool) -> Sample:
            for worker in writers:
                job, values = ("go_on", how) if how else ("append", {"batch": batch})
                worker.tell(job, seconds=bench.size.seconds, callers=callers, **values)
            heard = [worker.hear() for worker in writers]
            return Sample(sum(one["items"] / one["seconds"] for one in heard))

        rounds = bench.size.rounds
        single = compared(
            SINGLE,
            2.0,
            ("ledger", "library"),
            (lambda: appending(ours), lambda: appending(theirs)),
            rounds,
            "appends",
        )
        batched = compared(
            BATCHED,
            8.0,
            ("ledger", "library"),
            (lambda: appending(ours, BATCH), lambda: appending(theirs)),
            rounds,
            "entries",
        )
        guard = compared(
            GUARD,
            0.75,
            ("guarded", "unguarded"),
            (lambda: appending(ours, guard=True), lambda: appending(ours, guard=False)),
            rounds,
            "appends",
        )
    detail = f"{follower.seen:,} entries seen in {follower.looks:,} looks"
    return [single, batched, guard, Figure(SKIPPED, 0, (follower.missed(),), at_most=True, detail=detail)]


@contextmanager
def _writers(*arguments: str) -> Iterator[list[Worker]]:
    with ExitStack() as stack:
        writers: list[Worker] = []
        for _ in range(WRITERS):
            # One after another: the library's tables cannot be made by two at once.
            writers.append(stack.enter_context(Worker("tests.bench.postgres_process", *arguments)))
            writers[-1].hear()
        yield writers


class _Follower:
    """Reads every entry behind the last that it saw, as a projection does."""

    def __init__(self, server: Server, database: str) -> None:
        self._server, self._database = server, database
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._follow)
        self.seen = self.looks = 0
        self._stored = 0
        self._thread.start()

    def _follow(self) -> None:
        last = 0
        with self._server.connect(self._database) as connection:
            ending = False
            while not ending:
                ending = self._ending.is_set()
                rows = connection.execute(
                    "SELECT position FROM entries WHERE position > %s ORDER BY position", (last,)
                ).fetchall()
                last = rows[-1][0] if rows else last
                self.seen += len(rows)
                self.looks += 1
                time.sleep(0.005)
            [[self._stored]] = connection.execute("SELECT count(*) FROM entries").fetchall()

    def end(self) -> None:
        """Looks once more."""
        self._ending.set()
        self._thread.join()

    def missed(self) -> float:
        """Entries that are there and were never seen."""
        return float(self._stored - self.seen)


@contextmanager
def _followed(server: Server, database: str) -> Iterator[_Follower]:
    follower = _Follower(server, database)
    try:
        yield follower
    finally:
        follower.end()
