"""A long way read with another process gives what reading it here gives, whatever becomes of the process."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent_ledger import reading_ahead
from consent_ledger.entry import read_part
from consent_ledger.errors import EntryCorrupt
from consent_ledger.keys import read_root_key
from consent_ledger.ledger import Draft, Entry, EntryClass, KeyOwner, Ledger, Part, create_ledger
from consent_ledger.opener import read_back, written
from consent_ledger.reading_ahead import ReadingAhead
from consent_ledger.store import open_store
from tests.clock import ManualClock
from tests.contract.drafting import append, run

SIZE = 3000
STEP = 350


def a_record(number: int) -> Draft:
    """One part under a category's key, one under a key of its own."""
    owner = (KeyOwner(UUID(int=1 + number % 7), "HOUSING"),)
    parts = (
        Part("record", b"%d" % number, owner),
        Part("fragment", os.urandom(number % 200), owner, fragment_key=True),
    )
    return Draft(EntryClass(number % 2), UUID(int=number + 1), 1, parts, changes_policy=number % 50 == 0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long")
    ledger = create_ledger(str(folder / "ledger.db"), folder / "root.key", clock=ManualClock())
    append(ledger, *map(a_record, range(SIZE)))
    ledger.close()
    return folder


def opened(folder: Path, processes: int) -> tuple[Ledger, ReadingAhead]:
    """A ledger that reads ahead much earlier than it would."""
    key = read_root_key(folder / "root.key")
    ahead = ReadingAhead(str(folder / "ledger.db"), key, far=400, processes=processes)
    return Ledger(open_store(str(folder / "ledger.db")), key, ManualClock(), ahead=ahead), ahead


@pytest.fixture
def both(made: Path) -> Iterator[tuple[Ledger, ReadingAhead]]:
    ledger, ahead = opened(made, processes=2)
    yield ledger, ahead
    ledger.close()


@pytest.fixture(scope="module")
def alone(made: Path) -> list[Entry]:
    """Every entry, as one process reads it."""
    ledger, _ = opened(made, processes=0)
    found = run(ledger, lambda t: t.entries(0, SIZE))
    ledger.close()
    return found


def copied(made: Path, folder: Path) -> Path:
    """The ledger and its key in another folder."""
    for file in ("ledger.db", "root.key"):
        (folder / file).write_bytes((made / file).read_bytes())
        (folder / file).chmod(0o600)
    return folder


def children(ahead: ReadingAhead) -> list[int]:
    """The process ids of those that read ahead now."""
    stretch = ahead._stretch
    return [] if stretch is None else [process._process.pid for process in stretch._processes]


def in_steps(ledger: Ledger, start: int = 0, end: int = SIZE) -> list[Entry]:
    """Reads in several commands, as a long catch-up does."""
    found = []
    for after in range(start, end, STEP):
        found += run(ledger, lambda t, after=after: t.entries(after, min(STEP, end - after)))  # type: ignore[misc]
    return found


ENTRIES = st.builds(
    Entry,
    st.integers(1, 2**63 - 1),
    st.sampled_from(EntryClass),
    st.binary(min_size=16, max_size=16),
    st.integers(1, 2**63 - 1),
    st.lists(st.builds(read_part, st.text(max_size=9), st.binary(max_size=9)), min_size=1, max_size=4).map(
        tuple
    ),
    st.booleans(),
    st.integers(0, 2**63 - 1),
)


@given(entries=st.lists(ENTRIES, max_size=4))
def test_entries_arrive_as_they_were_sent(entries: list[Entry]) -> None:
    arrived = read_back(written(entries))

    assert arrived == entries
    assert [repr(entry) for entry in arrived] == [repr(entry) for entry in entries]


def test_the_same_entries_come_and_the_processes_go(
    both: tuple[Ledger, ReadingAhead], alone: list[Entry]
) -> None:
    ledger, ahead = both
    begun = in_steps(ledger, end=5 * STEP)
    working = children(ahead)
    assert len(working) == 2

    assert begun + in_steps(ledger, start=5 * STEP) == alone
    assert all(isinstance(part, Part) for entry in begun for part in entry.parts)
    assert children(ahead) == []
    assert not any(Path(f"/proc/{process}").exists() for process in working)


def test_keys_and_places_stand_where_nobody_else_can_read_them(
    both: tuple[Ledger, ReadingAhead], made: Path
) -> None:
    ledger, ahead = both
    in_steps(ledger, end=5 * STEP)
    key = read_root_key(made / "root.key")

    for process in children(ahead):
        shown = b"".join(Path(f"/proc/{process}/{file}").read_bytes() for file in ("cmdline", "environ"))
        assert key not in shown
        assert key.hex().encode() not in shown
        assert b"ledger.db" not in shown
    assert children(ahead)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_stands_still_is_not_waited_for(
    both: tuple[Ledger, ReadingAhead], alone: list[Entry], blow: signal.Signals
) -> None:
    ledger, ahead = both
    begun = in_steps(ledger, end=5 * STEP)
    struck = children(ahead)
    os.kill(struck[0], blow)

    with patch.object(reading_ahead, "_SECONDS", 0.2):
        assert begun + in_steps(ledger, start=5 * STEP) == alone
    assert children(ahead) == []
    assert not any(Path(f"/proc/{process}").exists() for process in struck)


def test_reading_here_and_there_neither_begins_nor_disturbs(
    both: tuple[Ledger, ReadingAhead], alone: list[Entry]
) -> None:
    ledger, ahead = both
    for _ in range(40):
        assert run(ledger, lambda t: t.entries(20, 30)) == alone[20:50]
    assert children(ahead) == []

    begun = in_steps(ledger, end=5 * STEP)
    working = children(ahead)
    assert run(ledger, lambda t: t.entry(7)) == alone[6]
    assert children(ahead) == working
    assert begun + in_steps(ledger, start=5 * STEP) == alone


def test_what_was_appended_since_is_read_here(made: Path, tmp_path: Path) -> None:
    ledger, ahead = opened(copied(made, tmp_path), processes=2)
    in_steps(ledger, end=5 * STEP)

    append(ledger, a_record(SIZE))

    found = in_steps(ledger, start=5 * STEP, end=SIZE + 1)
    assert [entry.position for entry in found] == list(range(5 * STEP + 1, SIZE + 2))
    assert children(ahead) == []
    ledger.close()


def test_closing_the_ledger_ends_the_processes(made: Path) -> None:
    ledger, ahead = opened(made, processes=1)
    in_steps(ledger, end=5 * STEP)
    [process] = children(ahead)
    ledger.close()

    assert not Path(f"/proc/{process}").exists()


def test_a_damaged_entry_is_found_at_its_place(made: Path, tmp_path: Path) -> None:
    damaged = 2500
    copied(made, tmp_path)
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("UPDATE entries SET body = zeroblob(1024) WHERE position = ?", (damaged,))
    connection.close()
    ledger, _ = opened(tmp_path, processes=1)
    found = in_steps(ledger, end=7 * STEP)
    with pytest.raises(EntryCorrupt) as corrupt:
        in_steps(ledger, start=7 * STEP)
    ledger.close()

    assert len(found) == 7 * STEP < damaged
    assert corrupt.value.position == damaged
