"""Projection cells and remembered answers: read by key, in order, and kept or dropped with their command."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from consent_ledger.errors import RequestReused
from consent_ledger.ledger import KeyOwner, Ledger, Transaction
from tests.clock import ManualClock
from tests.contract.backends import Backend
from tests.contract.drafting import append, draft, run, together

LABEL, MAC = b"l" * 32, b"m" * 32


def put(ledger: Ledger, **values: bytes) -> None:
    def command(transaction: Transaction) -> None:
        for key, value in values.items():
            transaction.put("p", key.encode(), value)

    run(ledger, command)


def test_cells_are_put_replaced_and_deleted(ledger: Ledger) -> None:
    put(ledger, a=b"1", b=b"2")
    put(ledger, a=b"3")
    run(ledger, lambda t: t.delete("p", b"b"))

    assert run(ledger, lambda t: [t.get("p", key) for key in (b"a", b"b", b"c")]) == [b"3", None, None]
    assert run(ledger, lambda t: t.get("other", b"a")) is None


def test_a_command_sees_its_own_cells(ledger: Ledger) -> None:
    put(ledger, a=b"1", b=b"2", d=b"4")

    def command(transaction: Transaction) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
        transaction.put("p", b"c", b"3")
        transaction.put("p", b"a", b"one")
        transaction.delete("p", b"b")
        return transaction.get("p", b"b"), transaction.scan("p", b"")

    assert run(ledger, command) == (None, [(b"a", b"one"), (b"c", b"3"), (b"d", b"4")])


def test_a_scan_stays_within_its_prefix_in_order_page_by_page(ledger: Ledger) -> None:
    keys = [b"\x00", b"a\x00", b"a\x01", b"a\xff", b"a\xff\xff", b"b", b"\xff", b"\xff\x00"]

    def fill(transaction: Transaction) -> None:
        for key in reversed(keys):
            transaction.put("p", key, key)

    run(ledger, fill)

    def found(prefix: bytes, after: bytes | None = None, limit: int = 100) -> list[bytes]:
        return [key for key, _ in run(ledger, lambda t: t.scan("p", prefix, after=after, limit=limit))]

    assert found(b"") == sorted(keys)
    assert found(b"a") == [b"a\x00", b"a\x01", b"a\xff", b"a\xff\xff"]
    assert found(b"a\xff") == [b"a\xff", b"a\xff\xff"]
    assert found(b"\xff") == [b"\xff", b"\xff\x00"]
    assert found(b"a", limit=2) == [b"a\x00", b"a\x01"]
    assert found(b"a", after=b"a\x01") == [b"a\xff", b"a\xff\xff"]


def test_a_page_is_full_although_the_command_deleted_some_of_it(ledger: Ledger) -> None:
    put(ledger, a=b"", b=b"", c=b"", d=b"")

    def command(transaction: Transaction) -> list[bytes]:
        transaction.delete("p", b"a")
        transaction.delete("p", b"b")
        return [key for key, _ in transaction.scan("p", b"", limit=2)]

    assert run(ledger, command) == [b"c", b"d"]


def test_a_dropped_projection_is_empty_and_can_be_filled_again(ledger: Ledger) -> None:
    put(ledger, a=b"1", b=b"2")

    def command(transaction: Transaction) -> list[tuple[bytes, bytes]]:
        transaction.put("other", b"a", b"stays")
        transaction.put("p", b"c", b"gone too")
        transaction.drop("p")
        assert transaction.get("p", b"a") is None
        transaction.put("p", b"b", b"new")
        return transaction.scan("p", b"")

    assert run(ledger, command) == [(b"b", b"new")]
    assert run(ledger, lambda t: t.scan("p", b"")) == [(b"b", b"new")]
    assert run(ledger, lambda t: t.get("other", b"a")) == b"stays"


def test_a_drop_by_a_command_that_raised_drops_nothing(ledger: Ledger) -> None:
    put(ledger, a=b"1")

    def command(transaction: Transaction) -> None:
        transaction.drop("p")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(ledger, command)
    assert run(ledger, lambda t: t.get("p", b"a")) == b"1"


def test_commands_of_one_commit_see_each_others_cells(ledger: Ledger) -> None:
    def count(transaction: Transaction) -> int:
        before = int(transaction.get("p", b"n") or b"0")
        transaction.put("p", b"n", str(before + 1).encode())
        assert [value for _, value in transaction.scan("p", b"n")] == [str(before + 1).encode()]
        return before

    assert [future.result(30) for future in together(ledger, *[count] * 10)] == list(range(10))
    assert run(ledger, lambda t: t.get("p", b"n")) == b"10"


def test_losing_changed_cells_resets_memory(ledger: Ledger) -> None:
    resets: list[str] = []
    ledger.on_reset(lambda: resets.append("reset"))

    def raising(change: Callable[[Transaction], None]) -> Callable[[Transaction], None]:
        def command(transaction: Transaction) -> None:
            change(transaction)
            raise ValueError("no")

        return command

    for change, expected in (
        (lambda t: t.put("p", b"a", b"1"), 1),
        (lambda t: t.drop("p"), 2),
        (lambda t: t.append([draft()], decided_at=0), 2),
        (lambda t: t.scan("p", b""), 2),
    ):
        with pytest.raises(ValueError, match="no"):
            run(ledger, raising(change))
        assert len(resets) == expected


def test_kept_cells_outlive_the_command_that_raises(backend: Backend, clock: ManualClock) -> None:
    ledger = backend.create(clock)
    resets: list[str] = []
    ledger.on_reset(lambda: resets.append("reset"))
    owner = KeyOwner(None, "LINK")

    def command(transaction: Transaction) -> None:
        transaction.put("p", b"a", transaction.vault.seal_cell(owner, b"a", b"caught up"))
        transaction.keep_cells()
        transaction.append([draft()], decided_at=0)
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        run(ledger, command)
    ledger.close()

    again = backend.open(clock)
    sealed = run(again, lambda t: t.get("p", b"a"))
    assert sealed is not None
    assert run(again, lambda t: t.vault.open_cell(owner, b"a", sealed)) == b"caught up"
    assert run(again, lambda t: t.size) == 0
    assert resets == []
    again.close()


def test_cells_that_are_not_bytes_fail_their_command_alone(ledger: Ledger) -> None:
    with pytest.raises(TypeError):
        run(ledger, lambda t: t.put("p", b"a", "text"))  # type: ignore[arg-type]
    put(ledger, a=b"1")
    assert run(ledger, lambda t: t.get("p", b"a")) == b"1"


def test_a_repeated_request_gets_its_first_answer(ledger: Ledger) -> None:
    def publish(transaction: Transaction) -> bytes:
        answer = transaction.answered(LABEL, MAC)
        if answer is None:
            [position] = transaction.append([draft()], decided_at=transaction.size)
            answer = str(position).encode()
            transaction.remember(LABEL, MAC, answer)
        return answer

    first, repeated = together(ledger, publish, publish)

    assert (first.result(30), repeated.result(30), run(ledger, publish)) == (b"1", b"1", b"1")
    assert run(ledger, lambda t: t.size) == 1


def test_a_request_id_with_another_body_is_refused(ledger: Ledger) -> None:
    run(ledger, lambda t: t.remember(LABEL, MAC, b"1"))

    with pytest.raises(RequestReused):
        run(ledger, lambda t: t.answered(LABEL, b"x" * 32))
    assert run(ledger, lambda t: t.answered(b"k" * 32, b"x" * 32)) is None


def test_answers_are_kept_for_fourteen_days(ledger: Ledger, clock: ManualClock) -> None:
    run(ledger, lambda t: t.remember(LABEL, MAC, b"1"))
    clock.advance(timedelta(days=14))
    append(ledger, draft())
    assert run(ledger, lambda t: t.answered(LABEL, MAC)) == b"1"

    clock.advance(timedelta(days=1))
    assert run(ledger, lambda t: t.answered(LABEL, MAC)) is None
    assert run(ledger, lambda t: t.answered(LABEL, b"x" * 32)) is None
    append(ledger, draft())
    run(ledger, lambda t: t.remember(LABEL, MAC, b"2"))
    assert run(ledger, lambda t: t.answered(LABEL, MAC)) == b"2"
