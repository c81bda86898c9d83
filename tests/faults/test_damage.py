"""Row 5: bits that flip, a page, a log cut off, a key that is gone: found, and nothing of it is served."""

import json
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from consent_ledger.check import Finding, check_ledger
from consent_ledger.errors import EntryCorrupt, LedgerShortened, OnceToldError, StorageFailed
from consent_ledger.ledger import Entry, KeyOwner, Ledger, create_ledger, open_ledger
from hub.__main__ import app
from tests.clock import ManualClock
from tests.contract.drafting import append, draft, payloads, run
from tests.faults.figures import Figures

ENTRIES = 80
PEOPLE = [UUID(int=number + 1, version=4) for number in range(6)]
COLUMNS = ("class", "entry_id", "stream_id", "version", "leaf_hash", "body")


class Stored:
    """A ledger of known content, and hands on its bytes."""

    def __init__(self, folder: Path) -> None:
        self.file, self.key = folder / "ledger.db", folder / "root.key"
        ledger = create_ledger(str(self.file), self.key, clock=ManualClock())
        self.said = [f"entry {number} ".encode() * (number % 40 + 1) for number in range(1, ENTRIES + 1)]
        for number, payload in enumerate(self.said):
            append(ledger, draft(payload, owner=KeyOwner(PEOPLE[number % len(PEOPLE)], "HOUSING")))
        ledger.close()

    def open(self) -> Ledger:
        return open_ledger(str(self.file), self.key, clock=ManualClock())

    def write(self, statement: str, *values: object) -> None:
        """Changes the file behind the ledger's back."""
        with sqlite3.connect(self.file, timeout=10) as connection:
            assert connection.execute(statement, values).rowcount > 0
        connection.close()

    def row(self, position: int) -> dict[str, bytes | int]:
        with sqlite3.connect(self.file, timeout=10) as connection:
            columns = ", ".join(COLUMNS)
            [row] = connection.execute(f"SELECT {columns} FROM entries WHERE position = ?", (position,))
        connection.close()
        return dict(zip(COLUMNS, row, strict=True))

    def damages(self) -> list[tuple[str, int | None]]:
        """What `oncetold ledger check` finds."""
        report = check_ledger(str(self.file), self.key)
        return [(str(one.finding), one.position) for one in report.damages]


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return Stored(tmp_path)


def entry_at(ledger: Ledger, position: int) -> Entry:
    """Reads one entry."""
    return run(ledger, lambda transaction: transaction.entry(position))


def _flipped(value: bytes | int, chance: random.Random) -> bytes | int:
    """One bit is another."""
    if isinstance(value, int):
        return value ^ 1 << chance.randrange(32)
    damaged = bytearray(value)
    damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def _flip(stored: Stored, seed: int, flips: int, figures: Figures) -> None:
    chance = random.Random(seed)
    ledger = stored.open()
    found: Counter[str] = Counter()
    for flip in range(flips):
        position = chance.randint(1, ENTRIES)
        row = stored.row(position)
        sizes = [1 if isinstance(row[name], int) else len(row[name]) for name in COLUMNS]  # type: ignore[arg-type]
        # Half of them anywhere in the stored bytes, half in the columns that are smaller than a body.
        weights = sizes if flip % 2 else [1] * len(sizes)
        column = chance.choices(COLUMNS, weights)[0]
        stored.write(
            f'UPDATE entries SET "{column}" = ? WHERE position = ?', _flipped(row[column], chance), position
        )
        try:
            with pytest.raises(EntryCorrupt) as served:
                entry_at(ledger, position)
            assert served.value.position == position
            found[column] += 1
            if flip % 10 == 0:
                assert stored.damages() == [("ALTERED", position)]
                found["found by a check too"] += 1
        finally:
            stored.write(f'UPDATE entries SET "{column}" = ? WHERE position = ?', row[column], position)
    assert payloads(ledger) == stored.said
    ledger.close()
    figures.update(found, flips=flips, served=0)
    assert sum(found[column] for column in COLUMNS) == flips


def test_every_flipped_bit_of_an_entry_is_found(stored: Stored, seed: int, figures: Figures) -> None:
    _flip(stored, seed, 60, figures)


@pytest.mark.slow
def test_a_thousand_flipped_bits_are_found(stored: Stored, seed: int, figures: Figures) -> None:
    _flip(stored, seed, 1000, figures)


@pytest.mark.slow
def test_flips_anywhere_in_the_file_are_refused_or_harmless(
    stored: Stored, seed: int, figures: Figures
) -> None:
    """Heads, indexes, keys, free room: what is served is what was appended, and a refusal has its reason."""
    chance = random.Random(seed)
    whole = stored.file.read_bytes()
    beside = stored.file.with_name("ledger.db.size").read_bytes()
    outcomes: Counter[str] = Counter()
    for _ in range(400):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        for leftover in stored.file.parent.glob("ledger.db*"):
            leftover.unlink()
        stored.file.write_bytes(damaged)
        stored.file.with_name("ledger.db.size").write_bytes(beside)
        try:
            ledger = stored.open()
        except OnceToldError as refusal:
            assert refusal.next_step
            outcomes[f"refused at the start: {type(refusal).__name__}"] += 1
            continue
        try:
            assert payloads(ledger) == stored.said
            outcomes["harmless"] += 1
        except OnceToldError as refusal:
            assert refusal.next_step
            outcomes[f"refused when read: {type(refusal).__name__}"] += 1
        finally:
            ledger.close()
    figures.update(outcomes, served=0)
    assert outcomes["harmless"] < 400


def test_a_position_that_changes_is_a_hole(stored: Stored) -> None:
    stored.write("UPDATE entries SET position = 1000 WHERE position = ?", ENTRIES)
    assert stored.damages() == [("MISSING", number) for number in range(ENTRIES, 1000)] + [("ALTERED", 1000)]
    with pytest.raises(EntryCorrupt):
        stored.open()


def test_the_heads_numbers_have_to_fit(stored: Stored) -> None:
    stored.write("UPDATE head SET policy_position = 7")
    assert stored.damages() == [(Finding.HEAD, None)]
    stored.write("UPDATE head SET policy_position = 0, size = size + 1")
    assert stored.damages() == [(Finding.HEAD, None)]


def test_a_ledger_whose_head_is_gone_is_not_made_anew(stored: Stored) -> None:
    """It must not read as "no ledger here: make one"."""
    with sqlite3.connect(stored.file) as connection:
        connection.execute("ALTER TABLE head RENAME TO heae")
    connection.close()
    with pytest.raises(StorageFailed):
        stored.open()
    with pytest.raises(StorageFailed):
        create_ledger(str(stored.file), stored.key, clock=ManualClock())


def test_a_name_that_is_no_text_any_more_is_a_refusal(stored: Stored) -> None:
    """The driver's own error would quote bytes of the file."""
    whole = stored.file.read_bytes()
    assert whole.count(b"CREATE TABLE head (") == 1
    stored.file.write_bytes(whole.replace(b"CREATE TABLE head (", b"CREATE TABLE h\xc5ad ("))
    for look in (stored.open, stored.damages):
        with pytest.raises(StorageFailed) as refused:
            look()
        assert "xc5" not in repr(refused.value) and refused.value.__cause__ is None


def test_a_page_overwritten_is_refused_with_its_entries_named(stored: Stored, seed: int) -> None:
    row = bytes(stored.row(40)["body"])
    whole = bytearray(stored.file.read_bytes())
    page = whole.index(row[:60]) // 8192 * 8192
    whole[page : page + 8192] = random.Random(seed).randbytes(8192)
    stored.file.write_bytes(whole)
    found = stored.damages()
    assert 40 in [position for _, position in found]
    assert {finding for finding, _ in found} <= {"UNREADABLE", "MISSING", "ALTERED", "STRUCTURE"}
    ledger = stored.open()
    with pytest.raises(OnceToldError):
        payloads(ledger)
    ledger.close()


def test_a_page_of_keys_overwritten_leaves_a_check_that_ends(stored: Stored, seed: int) -> None:
    with sqlite3.connect(stored.file) as connection:
        keys = connection.execute("SELECT wrapped FROM keys WHERE label IS NOT NULL").fetchall()
    connection.close()
    whole = bytearray(stored.file.read_bytes())
    pages = {whole.index(wrapped) // 8192 * 8192 for (wrapped,) in keys}
    [page] = pages
    # Its head alone stays: the rows are gone, and so is every key.
    whole[page + 8 : page + 8192] = random.Random(seed).randbytes(8184)
    stored.file.write_bytes(whole)
    try:
        found = {finding for finding, _ in stored.damages()}
    except OnceToldError as refusal:
        # The key of all labels is among what is gone: then not even a check can begin.
        assert refusal.next_step
    else:
        assert "STRUCTURE" in found
    with pytest.raises(OnceToldError):
        stored.open()


def test_a_log_cut_off_is_not_taken_for_the_whole_ledger(tmp_path: Path) -> None:
    """SQLite alone would open what is left, and a withdrawal might be among what is gone."""
    there, key = tmp_path / "ledger.db", tmp_path / "root.key"
    ledger = create_ledger(str(there), key, clock=ManualClock())
    for _ in range(30):
        append(ledger, draft())
    left = tmp_path / "left"
    left.mkdir()
    for file in tmp_path.glob("ledger.db*"):
        shutil.copy(file, left / file.name)  # as a kill leaves it
    ledger.close()
    log = left / "ledger.db-wal"
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    with pytest.raises(LedgerShortened) as refused:
        open_ledger(str(left / "ledger.db"), key, clock=ManualClock())
    assert refused.value.noted == 30 > refused.value.size > 0
    assert "withdrawal" in refused.value.next_step
    # An older copy in a folder of its own is a restored backup, and opens.
    (left / "ledger.db.size").unlink()
    open_ledger(str(left / "ledger.db"), key, clock=ManualClock()).close()


def test_one_registrations_key_is_missing(stored: Stored) -> None:
    """Whose it is cannot be told; what it sealed is named, and everybody else's can be read."""
    with sqlite3.connect(stored.file) as connection:
        # The registrations' keys are the most numerous of those under one parent.
        [(label,)] = connection.execute(
            "SELECT label FROM keys WHERE parent_id = (SELECT parent_id FROM keys WHERE label IS NOT NULL"
            " GROUP BY parent_id ORDER BY count(*) DESC LIMIT 1) ORDER BY label LIMIT 1"
        )
    connection.close()
    stored.write("DELETE FROM keys WHERE label = ?", label)
    found = stored.damages()
    assert {finding for finding, _ in found} == {"KEY"}
    assert len(found) in (ENTRIES // len(PEOPLE), ENTRIES // len(PEOPLE) + 1)
    gone = {position for _, position in found}
    if ENTRIES in gone:
        with pytest.raises(EntryCorrupt):
            stored.open()
        return
    ledger = stored.open()
    for position in range(1, ENTRIES + 1):
        if position in gone:
            with pytest.raises(EntryCorrupt):
                entry_at(ledger, position)
        else:
            assert entry_at(ledger, position).position == position
    ledger.close()


def test_a_check_runs_beside_a_writer(stored: Stored) -> None:
    ledger = stored.open()
    append(ledger, draft(changes_policy=True))
    assert stored.damages() == []
    append(ledger, draft())
    assert check_ledger(str(stored.file), stored.key).size == ENTRIES + 2
    ledger.close()


@pytest.fixture
def hub_folder(tmp_path: Path) -> Iterator[Path]:
    data = tmp_path / "hub"
    assert typed(data, "init").exit_code == 0
    yield data


def typed(data: Path, *words: str) -> Result:
    """Runs one of the operator's commands."""
    return CliRunner().invoke(app, ["--data", str(data), *words])


def test_the_operator_is_told_in_plain_words(hub_folder: Path) -> None:
    for number in range(3):
        words = ("agency", "add", f"agency-{number}", "--name", "A", "--service-type", "HOSTEL")
        assert typed(hub_folder, *words).exit_code == 0
    well = typed(hub_folder, "ledger", "check")
    assert well.exit_code == 0 and "each as it was appended" in well.stdout
    with sqlite3.connect(hub_folder / "ledger.db") as connection:
        connection.execute("UPDATE entries SET body = zeroblob(1024) WHERE position = 2")
    connection.close()
    told = typed(hub_folder, "ledger", "check")
    assert told.exit_code == 1
    assert "Entry 2: its stored bytes are not those that were appended." in told.stdout
    assert "withdrawal" in told.stdout and "Traceback" not in told.stdout + told.stderr
    as_json = json.loads(typed(hub_folder, "ledger", "check", "--json").stdout)
    assert as_json["damages"] == [{"finding": "ALTERED", "position": 2}]
    refused = typed(hub_folder, "serve")
    assert refused.exit_code == 2
    assert "entry 2" in refused.stderr and "ledger check" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_cell_that_cannot_be_found_any_more_is_found_by_a_check(hub_folder: Path) -> None:
    """A bit of a row's key: nobody would ever meet it, so only the database file's own indexes tell."""
    for number in range(3):
        words = ("agency", "add", f"agency-{number}", "--name", "A", "--service-type", "HOSTEL")
        assert typed(hub_folder, *words).exit_code == 0
    file = hub_folder / "ledger.db"
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(key,)] = connection.execute("SELECT max(key) FROM cells WHERE length(key) >= 5").fetchall()
    connection.close()
    whole = file.read_bytes()
    at = whole.rindex(key)
    file.write_bytes(whole[:at] + bytes((whole[at] ^ 0x80,)) + whole[at + 1 :])
    told = typed(hub_folder, "ledger", "check")
    assert told.exit_code == 1 and "trees and indexes" in told.stdout and "ledger rebuild" in told.stdout
    rebuilt = typed(hub_folder, "ledger", "rebuild")
    assert rebuilt.exit_code == 0, rebuilt.stderr
    assert typed(hub_folder, "ledger", "check").exit_code == 0


def test_a_check_of_nothing_says_so(tmp_path: Path) -> None:
    told = typed(tmp_path, "ledger", "check")
    assert told.exit_code == 2 and "There is no hub" in told.stderr
