"""An older ledger is brought up to this version's tables, or left as it is (FAULTS 24)."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import pytest
from sqlalchemy import MetaData, inspect, update

from consent_ledger.errors import LayoutNewer, LayoutOlder, LedgerMissing
from consent_ledger.ledger import KeyOwner
from consent_ledger.store import open_store, read_store, upgrade_store
from consent_ledger.store.migrations import STEPS
from consent_ledger.store.tables import LAYOUT, head
from tests.clock import ManualClock
from tests.contract.backends import BACKENDS, Backend
from tests.contract.drafting import NOBODY, append, draft, payloads, run
from tests.contract.layout_2 import become_layout_2, connect, layout_of, rows_of

OWNER = KeyOwner(UUID(int=7), "HOUSING")
KILLS = 50


@pytest.fixture
def old(backend: Backend, clock: ManualClock) -> Backend:
    """A ledger of layout 2 with entries, keys and cells."""
    ledger = backend.create(clock)
    append(ledger, *(draft(b"%d" % n, owner=OWNER if n % 2 else NOBODY) for n in range(40)))
    run(ledger, lambda t: t.put("p", b"k", t.vault.seal_cell(OWNER, b"k", b"cell")))
    ledger.close()
    become_layout_2(backend)
    return backend


def upgraded(backend: Backend) -> list[int]:
    """The layouts that were told as done."""
    told: list[int] = []
    upgrade_store(backend.url, lambda reached, last: told.append(reached))
    return told


def structure(backend: Backend) -> dict[str, Any]:
    """Tables with their columns, keys and indexes, as the database itself tells them."""
    with connect(backend) as connection:
        looked_at = inspect(connection)
        tables = MetaData()
        tables.reflect(connection)
        return {
            name: (
                [(one.name, str(one.type), one.nullable, one.primary_key) for one in table.c],
                sorted(
                    (str(index["name"]), str(index["column_names"]), bool(index["unique"]))
                    for index in looked_at.get_indexes(name)
                ),
                sorted(str(one) for one in looked_at.get_unique_constraints(name)),
            )
            for name, table in tables.tables.items()
        }


def test_an_older_layout_is_refused_with_the_command_that_helps(old: Backend, clock: ManualClock) -> None:
    before = rows_of(old)
    for open_it in (lambda: open_store(old.url), lambda: read_store(old.url), lambda: old.open(clock)):
        with pytest.raises(LayoutOlder) as refused:
            open_it()
        assert "oncetold ledger upgrade" in refused.value.next_step
        assert refused.value.details == {"layout": "2", "known": str(LAYOUT)}
    assert (rows_of(old), layout_of(old)) == (before, 2)


def test_an_upgraded_ledger_is_whole_and_like_a_new_one(
    old: Backend, clock: ManualClock, tmp_path: Path
) -> None:
    before = rows_of(old)
    assert upgraded(old) == [3, 4]
    assert (rows_of(old), layout_of(old)) == (before, LAYOUT)
    folder = tmp_path / "new"
    folder.mkdir()
    new = type(old)(folder)
    new.create(clock).close()
    assert structure(old) == structure(new)
    new.clean_up()

    ledger = old.open(clock)
    assert payloads(ledger) == [b"%d" % n for n in range(40)]
    cell = run(ledger, lambda t: t.vault.open_cell(OWNER, b"k", t.get("p", b"k") or b""))
    assert cell == b"cell"
    assert append(ledger, draft()) == [41]
    ledger.close()


def test_a_second_run_does_nothing(old: Backend) -> None:
    upgraded(old)
    before = (rows_of(old), structure(old))
    assert upgraded(old) == []
    assert (rows_of(old), structure(old)) == before


def test_a_newer_layout_is_left_alone(old: Backend, clock: ManualClock) -> None:
    with connect(old) as connection, connection.begin():
        connection.execute(update(head).values(layout=LAYOUT + 1))
    before = (rows_of(old), structure(old))
    for open_it in (lambda: upgraded(old), lambda: old.open(clock)):
        with pytest.raises(LayoutNewer) as refused:
            open_it()
        assert "newer program" in refused.value.next_step
    assert (rows_of(old), structure(old), layout_of(old)) == (*before, LAYOUT + 1)


def test_one_from_before_the_first_step_is_left_alone(old: Backend) -> None:
    with connect(old) as connection, connection.begin():
        connection.execute(update(head).values(layout=min(STEPS) - 2))
    before = structure(old)
    with pytest.raises(LayoutOlder) as refused:
        upgraded(old)
    assert "upgrade" not in refused.value.next_step
    assert structure(old) == before


def test_where_no_ledger_is_nothing_is_upgraded(backend: Backend) -> None:
    with pytest.raises(LedgerMissing):
        upgraded(backend)


def test_a_step_that_fails_leaves_the_layout_before_it(old: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: Any) -> None:
        STEPS_BEFORE[4](connection)
        raise KeyError("half-way")

    STEPS_BEFORE = dict(STEPS)
    monkeypatch.setitem(STEPS, 4, broken)
    with pytest.raises(KeyError):
        upgraded(old)
    assert layout_of(old) == 3
    assert "keys_parent" not in str(structure(old))
    monkeypatch.undo()
    assert upgraded(old) == [4]


class Upgrades:
    """Upgrades in processes of their own, killed at a chosen moment."""

    def __init__(self, backend: Backend) -> None:
        command = [sys.executable, "-m", "tests.contract.killed_upgrade", backend.url]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
        )

    def until(self, moment: int) -> tuple[int, int]:
        """How it ended, as `subprocess` has it, and how many moments it had if it came to its end."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(moment, file=self._process.stdin, flush=True)
        code, moments = map(int, self._process.stdout.readline().split())
        return code, moments

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)


@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_killed_upgrade_is_undone_or_done(old: Backend, clock: ManualClock, share: float) -> None:
    killed_at(old, clock, [share])


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sorted(BACKENDS))
def test_an_upgrade_killed_at_fifty_points(name: str, tmp_path: Path, clock: ManualClock) -> None:
    made = BACKENDS[name](tmp_path)
    ledger = made.create(clock)
    append(ledger, *(draft(b"%d" % n, owner=OWNER) for n in range(40)))
    ledger.close()
    become_layout_2(made)
    killed_at(made, clock, [point / KILLS for point in range(KILLS)])
    made.clean_up()


def killed_at(backend: Backend, clock: ManualClock, shares: list[float]) -> None:
    """Kills upgrades after these shares of their moments; each time all rows are there, and one finishes."""
    before = rows_of(backend)
    found: list[int] = []
    with Upgrades(backend) as upgrades:
        code, moments = upgrades.until(0)
        assert code == 0
        assert moments > 12
        for share in shares:
            become_layout_2(backend)
            assert upgrades.until(1 + int(share * moments))[0] == -signal.SIGKILL
            assert rows_of(backend) == before
            found.append(layout_of(backend))
            upgrade_store(backend.url, lambda reached, last: None)
            assert (rows_of(backend), layout_of(backend)) == (before, LAYOUT)
    ledger = backend.open(clock)
    assert run(ledger, lambda t: t.size) == 40
    ledger.close()
    assert set(found) <= {2, 3, 4}
    if len(shares) > 10:
        assert {2, 3} <= set(found)
