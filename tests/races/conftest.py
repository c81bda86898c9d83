"""Withdrawals and every other stop, raced against everything that may give something away (I3).

A schedule is replayed from its seed: `python -m tests.races.replay SEED`. `ONCETOLD_INTERLEAVINGS` says how
many the slow test plays (1,000 unless set).
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.races.playing import in_memory
from tests.races.town import Town


@pytest.fixture(scope="session")
def town() -> Iterator[Town]:
    with tempfile.TemporaryDirectory(prefix="town-", dir=in_memory()) as folder:
        yield Town(Path(folder))
