"""What a history has in common is gathered as it comes in a row: in whatever order, as one by one."""

import random
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

from consent_ledger.vocabulary import HandlingMark
from hub.projections.fragments import Item
from hub.projections.held import Terms, terms_of
from hub.use_cases.history import _groups
from hub.use_cases.wanted import Wanted, etags

TERMS = [terms_of((), marks) for marks in ((), (HandlingMark.NOREUSE,), (HandlingMark.PERSISTLABEL,))]
_KIND: Any = None


def _wanted(number: int, terms: Terms, revision: int, origin: int, ring: str | None) -> Wanted:
    item = Item(_KIND, revision, 0, 0, bytes(16), b"", 0, 0, False)
    return Wanted(number.to_bytes(16), number.to_bytes(16), origin.to_bytes(16), item, terms, ring)


def _story(chance: random.Random) -> list[Wanted]:
    return [
        _wanted(
            number,
            chance.choice(TERMS),
            chance.choice((1, 2)),
            chance.choice((7, 8)),
            chance.choice((None, "1", "2")),
        )
        for number in range(60)
    ]


def _tag(*context: str, blocks: bytes) -> bytes:
    return b"".join(
        sha256(repr((context, blocks[at : at + 16])).encode()).digest()[:16]
        for at in range(0, len(blocks), 16)
    )


def test_in_any_order_as_one_by_one() -> None:
    chance = random.Random(17)
    work: Any = SimpleNamespace(vault=SimpleNamespace(opaque_ids=_tag))
    for _ in range(20):
        story = _story(chance)

        tags = etags(work, story)
        assert tags == {one.element_id: etags(work, [one])[one.element_id] for one in story}
        assert len(set(tags.values())) == len(story), "control"

        groups = {
            (one.origin, one.marks, one.stub): [item.fragment_id for item in one.items]
            for one in _groups(story)
        }
        assert sum(map(len, groups.values())) == len(story)
        for (origin, marks, stub), fragments in groups.items():
            assert fragments == [
                one.fragment_id
                for one in story
                if (one.origin, one.terms.marks, one.ring is not None) == (origin, marks, stub)
            ]
