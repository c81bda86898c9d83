"""What a group commit tells its measurer, and that measuring never stands in its way."""

from typing import Any

import pytest

from consent_ledger.errors import StorageFailed, StorageFull
from consent_ledger.ledger import Ledger
from consent_ledger.root_keys import FileRootKeys
from consent_ledger.store import open_store
from tests.clock import ManualClock
from tests.contract.backends import Backend
from tests.contract.drafting import append, draft, payloads, run, together
from tests.contract.test_durability import FailingStore

Told = list[tuple[int, int, float, str]]


def figures(told: Told) -> list[tuple[int, int, str]]:
    return [(commands, entries, failure) for commands, entries, _, failure in told]


def test_a_commit_tells_its_commands_its_entries_and_its_seconds(ledger: Ledger) -> None:
    told: Told = []
    ledger.on_commit(lambda *one: told.append(one))
    append(ledger, draft(), draft())
    run(ledger, lambda transaction: transaction.size)
    both = [lambda t: t.append([draft()], decided_at=t.size)] * 2
    commands: list[Any] = both
    for future in together(ledger, *commands):
        future.result(30)
    ledger.close()

    # `together` holds the writer with a command of its own first, which writes nothing.
    assert figures(told) == [(1, 2, ""), (1, 0, ""), (1, 0, ""), (2, 2, "")]
    assert all(0 < seconds < 30 for _, _, seconds, _ in told)


def test_a_failed_commit_tells_the_kind_of_failure_and_no_entries(
    backend: Backend, clock: ManualClock
) -> None:
    backend.create(clock).close()
    failing = FailingStore(open_store(backend.url))
    ledger = Ledger(failing, FileRootKeys.opened(backend.root_key), clock)
    told: Told = []
    ledger.on_commit(lambda *one: told.append(one))
    for error in (StorageFull(), StorageFailed(reason="fsync")):
        failing.error = error
        with pytest.raises(type(error)):
            append(ledger, draft())
    ledger.close()

    assert figures(told) == [(1, 0, "StorageFull"), (1, 0, "StorageFailed")]


def test_a_measurer_that_fails_is_dropped_and_the_ledger_goes_on(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*figures: object) -> None:
        raise ValueError("Zoëphyrine")

    ledger.on_commit(failing)
    append(ledger, draft(b"one"))
    append(ledger, draft(b"two"))

    assert payloads(ledger) == [b"one", b"two"]
    assert [record.getMessage() for record in caplog.records] == ["commits are measured no more: ValueError"]
