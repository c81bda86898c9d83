"""The same question with every id, name and order another: nothing may depend on them."""

import dataclasses
import random
from typing import Any
from uuid import UUID

from consent_ledger import facts
from consent_ledger.sharing import SharingDecision
from tests.policy_cases.question import Question

AGENCIES = {"ash": "x-4", "beech": "a-1", "cedar": "zz", "dogwood": "m"}


class Renamed:
    """Renames alike whatever is given to it. `id_of`: what became of each id."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.id_of: dict[UUID, UUID] = {}
        self._seen: dict[int, Any] = {}

    def question(self, asked: Question) -> Question:
        found: Question = self._copy(asked)
        return found

    def row(self, key: str) -> str:
        """What became of the id of an agreement or a decision."""
        kind, _, decision = key.partition(":")
        return f"{kind}:{self._copy(UUID(decision))}" if decision else key

    def _copy(self, value: Any) -> Any:
        if isinstance(value, UUID):
            return self.id_of.setdefault(value, UUID(int=self._random.getrandbits(128), version=4))
        if isinstance(value, str) and type(value) is str:
            return AGENCIES.get(value, value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            if id(value) not in self._seen:
                fields = {
                    one.name: self._copy(getattr(value, one.name))
                    for one in dataclasses.fields(value)
                    if one.init
                }
                # Kept with its original, so that no other object gets its address.
                self._seen[id(value)] = (value, type(value)(**fields))
            return self._seen[id(value)][1]
        if isinstance(value, dict):
            pairs = [(self._copy(key), self._copy(one)) for key, one in value.items()]
            self._random.shuffle(pairs)
            return dict(pairs)
        if isinstance(value, tuple | list | set | frozenset):
            copied = [self._copy(one) for one in value]
            if isinstance(value, tuple) and copied and isinstance(copied[0], _IN_NO_ORDER):
                self._random.shuffle(copied)
            return type(value)(copied)
        return value


_IN_NO_ORDER = (
    facts.Grant, facts.Stop, facts.Exclusion, facts.Marker, facts.Opening, facts.Agreement,
    SharingDecision,
)  # fmt: skip
