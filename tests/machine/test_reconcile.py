"""A report of what a partner holds that breaks off says nothing of what it holds later."""

from pathlib import Path

import pytest

from consent_ledger.errors import Refused
from tests.machine.play import Play


def test_a_report_that_broke_off_is_forgotten_by_the_next(tmp_path: Path) -> None:
    play = Play(tmp_path, seed=5)
    try:
        assert play.differences() == []
        partner = max(play.product.partners.values(), key=lambda one: len(one.durable.elements))
        first, *others = sorted(partner.durable.elements)
        assert others, "nothing to lose"
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
    play = Play(tmp_path, seed=5)
    try:
        assert play.differences() == []
        partner = min(play.product.partners.items())[1]
        with pytest.raises(Refused) as refused:
            play.product.run(partner.report_page(3))
        assert (refused.value.code, refused.value.details["field"]) == ("INVALID_FIELD", "page")
        assert play.differences() == []
    finally:
        play.close()
