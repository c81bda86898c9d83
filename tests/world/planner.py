"""What every part of a plan needs: chance from one seed, numbers in one order, names, the planned hour."""

import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

from tests.oracle import history as h

T = TypeVar("T")


class Planner:
    """Makes events. The same seed and calls make the same events."""

    def __init__(self, seed: int, start: datetime) -> None:
        self.random = random.Random(seed)
        self.start = start
        self._seq = 0
        self._names = 0

    def event(self, kind: type[h.Event], /, **fields: Any) -> h.Event:
        self._seq += 1
        return kind(seq=self._seq, at=self.start, **fields)

    def name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def some(self, of: Sequence[T], at_least: int = 1, at_most: int = 99) -> list[T]:
        return self.random.sample(of, self.random.randint(min(at_least, len(of)), min(at_most, len(of))))
