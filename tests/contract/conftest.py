"""One suite for every backend: a test asks for `backend` or `ledger` and runs once on each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from consent_ledger.ledger import Ledger
from tests.clock import ManualClock
from tests.contract.backends import BACKENDS, Backend


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    made = BACKENDS[request.param](tmp_path)
    yield made
    made.clean_up()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(backend: Backend, clock: ManualClock) -> Iterator[Ledger]:
    opened = backend.create(clock)
    yield opened
    opened.close()
