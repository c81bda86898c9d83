"""An observer who learns: from many histories of known cause to guessing the cause of one never seen."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from tests.twins.ending import Look

Labelled = tuple[str, frozenset[str]]
"""A cause, and the features of what was observed."""


def features(looks: Sequence[Look]) -> frozenset[str]:
    """What there is to see: when what came of whom, of how many bytes, in what order, how far all grew."""

    def each() -> Iterator[str]:
        for number, look in enumerate(looks):
            yield f"growth {number} {look.growth // 4}"
            if look.more:
                yield f"more {number}"
            for place, (kind, reference, size) in enumerate(look.items):
                yield f"{number} {kind} {reference}"
                yield f"{number} {place} {kind} {size}"
                yield f"{kind} at {look.minute}"
        taken = [number for number, look in enumerate(looks) if any(k == "RETRACT" for k, _, _ in look.items)]
        yield f"looks that took {taken}"

    return frozenset(each())


class Observer:
    """Naive Bayes over features present or absent, smoothed; every feature of one kind of byte or another."""

    def __init__(self, seen: Sequence[Labelled]) -> None:
        self._many = Counter(cause for cause, _ in seen)
        self._having: dict[str, Counter[str]] = defaultdict(Counter)
        for cause, found in seen:
            self._having[cause].update(found)
        self._known = frozenset().union(*(found for _, found in seen))

    def guess(self, found: frozenset[str]) -> str:
        """The likeliest cause; among equals the first by name."""
        return min(self._many, key=lambda cause: (-self._likelihood(cause, found), cause))

    def _likelihood(self, cause: str, found: frozenset[str]) -> float:
        many, having = self._many[cause], self._having[cause]
        total = math.log(many)
        for feature in self._known:
            share = (having[feature] + 1) / (many + 2)
            total += math.log(share if feature in found else 1 - share)
        return total


def hits(histories: Sequence[Labelled]) -> int:
    """How many causes are guessed by an observer who learned from the other half."""
    halves = histories[::2], histories[1::2]
    right = 0
    for learned, asked in (halves, halves[::-1]):
        observer = Observer(learned)
        right += sum(observer.guess(found) == cause for cause, found in asked)
    return right


def by_chance(histories: int, causes: int) -> float:
    """Hits that mere guessing exceeds once in a thousand: chance and three standard deviations."""
    mean = histories / causes
    return mean + 3 * math.sqrt(mean * (1 - 1 / causes))
