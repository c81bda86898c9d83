"""Of segments is remembered where they end, until a rollback, and how they are labelled, for good."""

import pytest

from hub.projections import tails
from hub.projections.tails import Tails


def test_labels_outlive_a_rollback_and_places_do_not() -> None:
    kept = Tails()
    kept.keep(b"prefix", 7, {b"class": 0})
    kept.keep_labels(b"registration", b"labels")

    kept.clear()

    assert kept.get(b"prefix") is None
    assert kept.labels(b"registration") == b"labels"
    assert kept.labels(b"another") is None


def test_no_more_labels_are_kept_than_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "_LABELS_KEPT", 2)
    kept = Tails()
    for name in (b"a", b"b", b"c"):
        kept.keep_labels(name, name)
    assert [kept.labels(name) for name in (b"a", b"b", b"c")] == [None, b"b", b"c"]
