"""A process that serves spares the garbage collector what it has read, and its threads take short turns."""

import gc
import sys
from collections.abc import Iterator

import pytest

from hub.bootstrap import settle_to_serve


class Held:
    """Something that the collector could go through."""

    itself: "Held"


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before, turn = gc.get_threshold(), sys.getswitchinterval()
    yield
    sys.setswitchinterval(turn)
    gc.unfreeze()
    gc.set_threshold(*before)
    # As all tests begin (tests/conftest.py).
    gc.freeze()


def gone_through() -> int:
    return sum(isinstance(one, Held) for one in gc.get_objects())


def test_what_is_held_is_passed_over_and_what_comes_later_is_collected() -> None:
    held = [Held() for _ in range(100)]
    usual, turn = gc.get_threshold(), sys.getswitchinterval()
    assert gone_through() == len(held)

    settle_to_serve()

    assert gone_through() == 0
    assert gc.get_threshold() > usual
    assert sys.getswitchinterval() < turn

    later = Held()
    later.itself = later
    assert gone_through() == 1
    del later
    gc.collect()
    assert gone_through() == 0
