"""The system clock notices when somebody sets it (I12)."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from consent_ledger.clock import TOLERANCE, SystemClock


@pytest.mark.parametrize("direction", [1, -1])
def test_a_wall_clock_that_moves_apart_is_in_doubt_until_accepted(
    monkeypatch: pytest.MonkeyPatch, direction: int
) -> None:
    clock = SystemClock()
    true_time = time.time
    shift = 0.0
    monkeypatch.setattr(time, "time", lambda: true_time() + shift)

    shift = direction * (TOLERANCE.total_seconds() - 5)
    assert not clock.in_doubt()
    shift = direction * (TOLERANCE.total_seconds() + 5)
    assert clock.in_doubt()
    clock.accept()
    assert not clock.in_doubt()


def test_now_is_this_instant_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=10)
