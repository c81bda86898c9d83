"""A report of what a partner holds that breaks off says nothing of what it holds later."""

from pathlib import Path

import pytest

from consent_ledger.errors import Refused
from tests.machine.partner import Partner
from tests.machine.play import Play


def _richest(play: Play) -> Partner:
    return max(play.product.partners.values(), key=lambda one: len(one.durable.elements))


def _with_something_to_lose(folder: Path) -> Play:
    """The first history in which a partner holds more than one element."""
    for seed in range(30):
        (folder / str(seed)).mkdir()
        play = Play(folder / str(seed), seed)
        assert play.differences() == []
        if len(_richest(play).durable.elements) > 1:
            return play
        play.close()
    raise AssertionError("nobody is ever given anything")


def test_a_report_that_broke_off_is_forgotten_by_the_next(tmp_path: Path) -> None:
    play = _with_something_to_lose(tmp_path)
    try:
        partner = _richest(play)
        first = min(partner.durable.elements)
        # It says that it holds the first; the adapter dies, and the row is lost before it starts again.
        play.product.run(partner.reconcile(page_size=1, stop_before=2))
        del partner.durable.elements[first]
        play.product.run(partner.reconcile())
        play.product.run(partner.drain())
        assert first in partner.durable.elements, "the hub believed the old report, and never sent it again"
        assert play.differences() == []
    finally:
        play.close()


def test_a_page_out_of_order_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    play = Play(tmp_path, seed=6)
    try:
        assert play.differences() == []
        partner = min(play.product.partners.items())[1]
        with pytest.raises(Refused) as refused:
            play.product.run(partner.report_page(3))
        assert (refused.value.code, refused.value.details["field"]) == ("INVALID_FIELD", "page")
        assert play.differences() == []
    finally:
        play.close()
