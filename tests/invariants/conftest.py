"""One test file for each invariant of the design (section 4), named after it.

I5 is tested in tests/machine against the oracle, I8 in tests/twins, I9 in tests/log and
tests/integration/test_log_service.py, I11 in tests/privacy. That a departure answers what was owed (I6) is in
tests/erasure/test_departure.py.
These tests play on the twins' stage: a real hub whose clock the test decides. Those that ask for `ledger`
play on SQLite and on PostgreSQL: what hangs on commits, on their order, and on the ledger's time. Those that
ask for `shared` play on a PostgreSQL database that two hubs serve (`beside`).
"""

from collections.abc import Iterator

import pytest

from tests.postgres import server
from tests.twins.conftest import authority, pytest_pyfunc_call

__all__ = ["authority", "pytest_pyfunc_call"]


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def ledger(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the ledger is, as in `hub.toml`."""
    if request.param == "SQLite":
        yield ""
        return
    yield from _database()


@pytest.fixture
def shared() -> Iterator[str]:
    """Where a ledger is that several hubs may serve."""
    yield from _database()


def _database() -> Iterator[str]:
    database = server().create_database()
    yield server().url(database)
    server().drop_database(database)
