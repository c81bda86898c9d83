"""SQLite's own files hold no copy of a key that was destroyed, while the hub goes on."""

from pathlib import Path

import pytest

from tests.clock import ManualClock
from tests.contract.backends import SqliteBackend
from tests.contract.drafting import append, run
from tests.contract.test_erased_keys import erasing, key_rows, record


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_no_copy_of_a_destroyed_key_lingers_in_the_databases_files(
    tmp_path: Path, clock: ManualClock
) -> None:
    """A server's pages and logs do keep copies, until the key epoch ends."""
    backend = SqliteBackend(tmp_path)
    ledger = backend.create(clock)
    append(ledger, record(b"kept"), record(b"gone"))
    copies = [row for row in key_rows(backend) if row[4] == 2 or (row[2] is not None and row[4] == 0)]
    housing = [row for row in copies if row[4] == 2]
    assert len(housing) == 2
    assert all(row[3] in backend.stored_bytes() for row in housing)  # the control

    run(ledger, erasing(2))
    while_open = backend.stored_bytes()
    ledger.close()
    assert [row for row in housing if row[3] in while_open] == []
    parents = {row[1] for row in housing}
    assert [row for row in copies if row[0] in parents and row[3] in while_open] == []
