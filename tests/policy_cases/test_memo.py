"""Decisions that are kept until a fact changes are those that would be made anew, after every step."""

import random
from pathlib import Path
from typing import Any

import pytest

from hub.projections.consent_index import ConsentIndex
from hub.use_cases import difference
from hub.use_cases.work import Caller, Work
from tests.machine.play import Play
from tests.machine.player import OPERATOR

STEPS = 40


def wanted(work: Work, caller: Caller) -> dict[tuple[str, str, bytes], Any]:
    """What every feed should hold of everybody, were nothing held yet."""
    index = work.index
    return {
        (str(feed.feed_id), str(registration_id), element_id): (one.item.revision, one.terms.written())
        for feed in index.feeds.values()
        for registration_id in index.by_agency[feed.agency_id]
        for element_id, one in difference.desired(
            work, feed, index.pair_of(registration_id), {}, 0
        ).wanted.items()
    }


def kept_and_anew(play: Play, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    kept = play.product.call(wanted, OPERATOR)
    with monkeypatch.context() as patch:
        patch.setattr(
            difference._Teller, "_active_terms", lambda self, fragment, item: self._decide(fragment, item)
        )
        return kept, play.product.call(wanted, OPERATOR)


def differing_steps(folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """After how many steps of one history they differ, and how much there was to decide at the most."""
    folder.mkdir(exist_ok=True)
    play, differ, most = Play(folder, seed), 0, 0
    try:
        for _ in range(STEPS):
            play.step()
            kept, anew = kept_and_anew(play, monkeypatch)
            differ += kept != anew
            most = max(most, len(anew))
    finally:
        play.close()
    return differ, most


@pytest.mark.parametrize("seed", range(4))
def test_what_is_kept_is_what_would_be_decided_anew(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    differ, most = differing_steps(tmp_path, random.Random(seed).randrange(10**6), monkeypatch)

    assert differ == 0
    assert most > 3, "there was something to decide"


def test_kept_for_too_long_it_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: when a fact changes, only the views of people are forgotten."""
    monkeypatch.setattr(ConsentIndex, "forget_views", lambda self: self._people.clear())

    assert any(differing_steps(tmp_path / str(seed), seed, monkeypatch)[0] for seed in range(4))
