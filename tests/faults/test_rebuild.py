"""Damage to what is derived heals by itself; damage to the ledger never does, and stops all decisions."""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from consent_ledger.errors import EntryCorrupt
from hub.use_cases.audit import get_ledger_size
from tests.faults.figures import Figures
from tests.machine.play import Play
from tests.machine.player import OPERATOR


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Play]:
    """A small world with some history behind it, delivered to its partners."""
    play = Play(tmp_path, seed=17)
    for _ in range(60):
        play.step()
    assert play.differences() == []
    yield play
    play.close()


def _damage(folder: Path, statement: str, *values: object) -> int:
    with sqlite3.connect(folder / "ledger.db", timeout=10) as connection:
        changed = connection.execute(statement, values).rowcount
    connection.close()
    return changed


def _cells(folder: Path) -> list[tuple[str, bytes, bytes]]:
    with sqlite3.connect(folder / "ledger.db", timeout=10) as connection:
        found = connection.execute(
            "SELECT projection, key, value FROM cells WHERE length(value) > 16"
        ).fetchall()
    connection.close()
    return found


def _flip(folder: Path, cell: tuple[str, bytes, bytes], chance: random.Random) -> None:
    damaged = bytearray(cell[2])
    damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    of_cell = "UPDATE cells SET value = ? WHERE projection = ? AND key = ?"
    assert _damage(folder, of_cell, bytes(damaged), *cell[:2]) == 1


def test_every_damaged_cell_is_made_anew_without_a_human(
    lived: Play, tmp_path: Path, seed: int, figures: Figures
) -> None:
    """A cell of every projection, then half of all at once: stores and histories stay the oracle's."""
    chance = random.Random(seed)
    cells = _cells(tmp_path)
    kinds = sorted({projection for projection, _, _ in cells})
    assert len(kinds) >= 5
    healed = 0
    for kind in kinds:
        _flip(tmp_path, chance.choice([cell for cell in _cells(tmp_path) if cell[0] == kind]), chance)
        lived.product.reopen()
        for _ in range(3):
            lived.step()
        assert lived.differences() == []
        healed += lived.product.hub._recovery.rebuilt
    for cell in _cells(tmp_path)[::2]:
        _flip(tmp_path, cell, chance)
    lived.product.reopen()
    assert lived.differences() == []
    healed += lived.product.hub._recovery.rebuilt
    figures.update({"kinds of cells": len(kinds), "rebuilt": healed})
    assert healed >= 1


@pytest.mark.parametrize("lost", ["journal", "position"])
def test_a_lost_cell_of_the_index_is_noticed(lived: Play, tmp_path: Path, lost: str) -> None:
    """Of these cells even a missing one must be noticed: the index would lack a withdrawal."""
    vault = lived.product.ledger.submit(lambda transaction: transaction.vault).result()
    before = lived.product.call(get_ledger_size, OPERATOR)
    assert _damage(tmp_path, "DELETE FROM cells WHERE projection = ?", vault.cells_of(lost)) >= 1
    lived.product.reopen()
    assert lived.product.call(get_ledger_size, OPERATOR) == before
    assert lived.product.hub._recovery.rebuilt == 1
    assert lived.differences() == []


def test_over_a_damaged_entry_nothing_is_decided(lived: Play, tmp_path: Path) -> None:
    """Neither at the start nor by folding again: what does not open may be a withdrawal."""
    size = lived.product.call(get_ledger_size, OPERATOR)
    journal = lived.product.ledger.submit(lambda t: t.vault.cells_of("journal")).result()
    assert size > 20
    assert _damage(tmp_path, "UPDATE entries SET body = zeroblob(length(body)) WHERE position = 9") == 1
    assert _damage(tmp_path, "DELETE FROM cells WHERE projection = ?", journal) >= 1
    lived.product.reopen()
    for _ in range(2):
        with pytest.raises(EntryCorrupt) as refused:
            lived.product.call(get_ledger_size, OPERATOR)
        assert refused.value.position == 9
        assert "withdrawal" in refused.value.next_step
