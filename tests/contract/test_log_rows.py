"""What the log needs of a transaction: rows, tiles and values of its own. A failing command leaves none."""

from collections.abc import Callable

import pytest

from consent_ledger.ledger import Ledger, Transaction
from tests.clock import ManualClock
from tests.contract.backends import Backend
from tests.contract.drafting import append, draft, run, together

TILE = bytes(range(256)) * 32
OTHER = TILE[::-1]


def write(transaction: Transaction) -> None:
    transaction.write_tiles([(1, 7, TILE)])
    transaction.write_state("name", b"value")


def read(transaction: Transaction) -> tuple[bytes | None, bytes | None]:
    return transaction.tile(1, 7), transaction.state("name")


def test_what_a_command_writes_stays(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    assert run(ledger, read) == (None, None)
    run(ledger, write)
    assert run(ledger, read) == (TILE, b"value")
    ledger.close()
    again = backend.open(clock)
    assert run(again, read) == (TILE, b"value")
    again.close()


def test_a_command_sees_what_it_wrote_itself(ledger: Ledger) -> None:
    def command(transaction: Transaction) -> tuple[bytes | None, bytes | None]:
        write(transaction)
        return read(transaction)

    assert run(ledger, command) == (TILE, b"value")


def test_what_is_written_again_is_replaced_and_none_deletes(ledger: Ledger) -> None:
    run(ledger, write)

    def replace(transaction: Transaction) -> None:
        transaction.write_tiles([(1, 7, OTHER)])
        transaction.write_state("name", None)

    run(ledger, replace)
    assert run(ledger, read) == (OTHER, None)


def test_a_command_that_raises_leaves_nothing_of_the_log(ledger: Ledger) -> None:
    def failing(transaction: Transaction) -> None:
        write(transaction)
        raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        run(ledger, failing)
    assert run(ledger, read) == (None, None)


def test_a_later_command_of_the_same_commit_sees_what_an_earlier_wrote(ledger: Ledger) -> None:
    commands: list[Callable[[Transaction], object]] = [write, read]
    futures = together(ledger, *commands)
    assert futures[1].result(30) == (TILE, b"value")


def test_rows_and_leaf_hashes_are_those_appended(ledger: Ledger) -> None:
    append(ledger, *[draft() for _ in range(5)])
    rows = run(ledger, lambda transaction: transaction.rows(1, 4))
    leaves = run(ledger, lambda transaction: transaction.leaf_hashes(1, 4))
    assert [row[0] for row in rows] == [2, 3, 4]
    assert leaves == [row[5] for row in rows]


def test_rows_of_the_same_commit_are_there(ledger: Ledger) -> None:
    def adding(transaction: Transaction) -> int:
        return transaction.append([draft()], decided_at=0)[0]

    def rows(transaction: Transaction) -> int:
        return len(transaction.rows(0, 10)) + len(transaction.leaf_hashes(0, 10))

    commands: list[Callable[[Transaction], int]] = [adding, rows]
    assert together(ledger, *commands)[1].result(30) == 2


def test_growth_is_told_and_nothing_else(ledger: Ledger) -> None:
    told: list[int] = []
    ledger.on_growth(lambda: told.append(1))
    run(ledger, read)
    run(ledger, write)
    assert told == []
    append(ledger, draft(), draft())
    run(ledger, read)  # whoever was answered may be ahead of the telling
    assert told == [1]
