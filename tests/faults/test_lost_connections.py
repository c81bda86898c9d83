"""Connections end and the database server dies under load: nothing acknowledged is lost, nothing happens
twice, and writes come back unaided (FAULTS 6)."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

from consent_ledger.errors import LedgerDiverged, LedgerShortened, StorageUnreachable
from consent_ledger.ledger import Ledger, Transaction, create_ledger, open_ledger
from tests.clock import ManualClock
from tests.contract.drafting import append, draft, payloads, run
from tests.postgres import Server

BACK_WITHIN = 30.0
"""Seconds after the server answers again (FAULTS 6)."""


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that may be killed: nobody else uses it."""
    server = Server()
    yield server
    server.start()
    server.stop()


@dataclass
class Writer:
    """One replica whose callers ask again, with the same request id, until they are answered."""

    ledger: Ledger
    name: str
    stop: threading.Event
    acknowledged: dict[bytes, int] = field(default_factory=dict)
    unanswered: int = 0
    last: float = 0.0
    """When it was last answered, by the monotonic clock."""
    failures: list[BaseException] = field(default_factory=list)

    def work(self) -> None:
        """Until told to stop."""
        number = 0
        try:
            while not self.stop.is_set():
                number += 1
                self._write(f"{self.name} {number}".encode())
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            self.failures.append(error)

    def _write(self, payload: bytes) -> None:
        label = sha256(payload).digest()

        def command(transaction: Transaction) -> int:
            answered = transaction.answered(label, label)
            if answered is not None:
                return int(answered)
            [position] = transaction.append([draft(payload)], decided_at=transaction.size)
            transaction.remember(label, label, b"%d" % position)
            return position

        while True:
            try:
                self.acknowledged[payload] = self.ledger.submit(command).result(60)
                self.last = time.monotonic()
                return
            except StorageUnreachable:
                self.unanswered += 1
                time.sleep(0.02)


def hammered(server: Server, folder: Path, faults: Callable[[list[Writer], str], None]) -> list[Writer]:
    """Two replicas write while `faults` happen; what was acknowledged is there once, where it was told."""
    name = server.create_database()
    clock = ManualClock()
    ledgers = [
        create_ledger(server.url(name), folder / "root.key", clock=clock),
        open_ledger(server.url(name), folder / "root.key", clock=clock),
    ]
    stop = threading.Event()
    writers = [Writer(ledger, f"w{number}", stop) for number, ledger in enumerate(ledgers)]
    threads = [threading.Thread(target=writer.work) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        faults(writers, name)
    finally:
        stop.set()
        for thread in threads:
            thread.join(90)
    assert not any(thread.is_alive() for thread in threads)
    assert [writer.failures for writer in writers] == [[], []]
    found = payloads(ledgers[0])
    assert payloads(ledgers[1]) == found
    assert max(Counter(found).values()) == 1
    for writer in writers:
        assert {found[position - 1]: position for position in writer.acknowledged.values()} == (
            writer.acknowledged
        )
    assert len(found) == sum(len(writer.acknowledged) for writer in writers)
    for ledger in ledgers:
        ledger.close()
    return writers


def until_written(writers: list[Writer], since: float) -> float:
    """Seconds until every replica has been answered after `since`."""
    while not all(writer.last > since for writer in writers):
        assert time.monotonic() - since < BACK_WITHIN
        time.sleep(0.01)
    return time.monotonic() - since


def told(writers: list[Writer], name: str, times: list[float]) -> str:
    """Figures, for whoever runs this."""
    return (
        f"{len(times)} {name}; {sum(len(writer.acknowledged) for writer in writers)} acknowledged, 0 lost; "
        f"{sum(writer.unanswered for writer in writers)} asked again; "
        f"back within {max(times):.2f} s at most"
    )


def test_connections_end_under_load(
    own_server: Server, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    times: list[float] = []

    def faults(writers: list[Writer], database: str) -> None:
        for _ in range(20):
            time.sleep(0.05)
            assert own_server.end_connections(database) >= 1
            times.append(until_written(writers, time.monotonic()))

    writers = hammered(own_server, tmp_path, faults)
    record_property("figures", told(writers, "times all connections ended", times))
    # Some did end within a transaction; the control for "asked again" as well.
    assert sum(writer.unanswered for writer in writers) > 0


def killed(server: Server, folder: Path, kills: int) -> str:
    times: list[float] = []

    def faults(writers: list[Writer], _database: str) -> None:
        for _ in range(kills):
            time.sleep(0.2)
            server.kill()
            time.sleep(0.2)
            server.start()
            times.append(until_written(writers, time.monotonic()))

    writers = hammered(server, folder, faults)
    assert sum(writer.unanswered for writer in writers) > 0
    return told(writers, "kills of the server", times)


def test_the_server_is_killed_under_load(
    own_server: Server, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("figures", killed(own_server, tmp_path, 2))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_server_is_killed_twenty_times_under_load(
    own_server: Server, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    record_property("figures", killed(own_server, tmp_path, 20))


def test_while_the_server_is_away_everything_is_refused_honestly(own_server: Server, tmp_path: Path) -> None:
    name = own_server.create_database()
    ledger = create_ledger(own_server.url(name), tmp_path / "root.key", clock=ManualClock())
    append(ledger, draft(b"before"))
    own_server.kill()
    for _ in range(3):
        with pytest.raises(StorageUnreachable) as refused:
            append(ledger, draft(b"meanwhile"))
        assert refused.value.code == "UNAVAILABLE"
        assert "Repeat the request" in refused.value.next_step
    own_server.start()
    append(ledger, draft(b"after"))
    assert payloads(ledger) == [b"before", b"after"]
    ledger.close()


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_database_that_comes_back_without_what_was_acknowledged_is_refused_for_good(
    own_server: Server, tmp_path: Path, goes_on: bool
) -> None:
    """Shorter; or as long again, by another hub's entries, when this one looks."""
    key, name = tmp_path / "root.key", own_server.create_database()
    ledger = create_ledger(own_server.url(name), key, clock=ManualClock())
    append(ledger, draft(b"kept"))
    ledger.close()
    older = own_server.create_database(like=name)
    ledger = open_ledger(own_server.url(name), key, clock=ManualClock())
    append(ledger, draft(b"acknowledged"))
    # As after a failover to a standby that had not heard of the last commit.
    with own_server.connect() as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        own_server.end_connections(name)
        connection.execute(f"ALTER DATABASE {name} RENAME TO gone")
        connection.execute(f"ALTER DATABASE {older} RENAME TO {name}")
    if goes_on:
        other = open_ledger(own_server.url(name), key, clock=ManualClock())
        append(other, draft(b"somebody else's"), draft(b"and more"))
        other.close()
    for _ in range(2):
        with pytest.raises(LedgerDiverged if goes_on else LedgerShortened):
            run(ledger, lambda t: t.size)
    ledger.close()


def test_another_servers_copy_that_has_it_all_is_gone_on_with(own_server: Server, tmp_path: Path) -> None:
    """The control: a failover that lost nothing."""
    name = own_server.create_database()
    ledger = create_ledger(own_server.url(name), tmp_path / "root.key", clock=ManualClock())
    append(ledger, draft(b"acknowledged"))
    own_server.end_connections(name)
    copy = own_server.create_database(like=name)
    with own_server.connect() as connection:
        connection.execute(f"ALTER DATABASE {name} RENAME TO gone")
        connection.execute(f"ALTER DATABASE {copy} RENAME TO {name}")
    assert append(ledger, draft(b"goes on")) == [2]
    assert payloads(ledger) == [b"acknowledged", b"goes on"]
    ledger.close()
