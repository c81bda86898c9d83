"""Dying at any moment: the next start leads to the same end, with each delivery in effect exactly once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import event

from adapters.kit.backoff import Backoff
from adapters.kit.client import Hub
from adapters.kit.copies import NOTHING_ELSE
from adapters.kit.sink import Bookmark, PendingReceipt
from adapters.sql.sink import SqlSink
from oncetold.v1 import delivery_service_pb2
from tests.unit.adapters.fake_hub import FEED, FakeHub
from tests.unit.adapters.feed import STOPPED, Setting, element, fragment, terms


class Crash(BaseException):
    """The process dies here."""


def test_a_crash_between_apply_and_acknowledgement_has_one_effect(setting: Setting, fake: FakeHub) -> None:
    fake.queue_delivery(disclose=element(1))
    fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(9)))

    class DiesAfterCommit(SqlSink):
        def apply(
            self,
            deliveries: Sequence[delivery_service_pb2.Delivery],
            bookmark: Bookmark,
            put_aside: Mapping[int, str] | None = None,
        ) -> list[PendingReceipt]:
            super().apply(deliveries, bookmark, put_aside)
            raise Crash

    with pytest.raises(Crash):
        setting.start(DiesAfterCommit(setting.engine, FEED, beside=NOTHING_ELSE))
    assert fake.acknowledged == 0 and len(setting.rows()) == 1
    setting.start()
    assert fake.acknowledged == 2 and len(setting.rows()) == 1
    assert fake.receipts[2].outcome == delivery_service_pb2.RETRACTION_OUTCOME_ERASED
    assert [row["state"] for row in setting.rows("oncetold_receipts")] == ["SENT"]


def test_a_crash_inside_the_transaction_changes_nothing(setting: Setting, fake: FakeHub) -> None:
    fake.queue_delivery(disclose=element(1))

    class DiesBeforeCommit(SqlSink):
        def _move_bookmark(self, connection: Any, bookmark: Bookmark) -> None:
            raise Crash

    with pytest.raises(Crash):
        setting.start(DiesBeforeCommit(setting.engine, FEED))
    assert setting.rows() == [] and setting.sink().bookmark() == Bookmark(FEED, 1, 0)
    setting.start()
    assert len(setting.rows()) == 1


def test_a_crash_between_reconciling_and_noting_it_reconciles_again(setting: Setting, fake: FakeHub) -> None:
    fake.queue_delivery(disclose=element(1))
    setting.start()

    class DiesBeforeAdopting(SqlSink):
        def adopt(self, bookmark: Bookmark) -> None:
            raise Crash

    with pytest.raises(Crash):
        setting.start(DiesBeforeAdopting(setting.engine, FEED), reconcile=True)
    assert fake.epoch == 2 and setting.sink().bookmark().epoch == 1
    assert setting.start().reconciled == 1
    assert setting.sink().bookmark() == Bookmark(FEED, 3, 1) and len(setting.rows()) == 1


def test_a_crash_at_any_statement_has_one_effect(
    tmp_path: Path, hub: Hub, key: ec.EllipticCurvePrivateKey, quick: Backoff, fake: FakeHub
) -> None:
    """Dies once before each statement that the whole story takes, and starts again: always the same end."""

    def story(setting: Setting) -> None:
        fake.__init__(fake.receipt_key)  # type: ignore[misc]
        fake.queue_delivery(disclose=element(1))
        fake.queue_delivery(disclose=element(2))
        fake.queue_delivery(
            correct=delivery_service_pb2.Correction(
                fragment_id=fragment(1), terms=terms(STOPPED), etag="c" * 32
            )
        )
        fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(2)))

    def end(setting: Setting) -> object:
        receipts = [(row["sequence"], row["state"]) for row in setting.rows("oncetold_receipts")]
        return setting.rows(), receipts, setting.sink().bookmark(), fake.acknowledged, set(fake.receipts)

    calm = Setting(tmp_path / "calm.sqlite", hub, key, quick)
    story(calm)
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    sink = calm.sink()
    event.listen(calm.engine, "before_cursor_execute", count)
    calm.start(sink)
    event.remove(calm.engine, "before_cursor_execute", count)
    expected = end(calm)
    assert statements > 20
    for fatal in range(1, statements + 1):
        setting = Setting(tmp_path / f"{fatal}.sqlite", hub, key, quick)
        story(setting)
        sink, seen = setting.sink(), 0

        def die(*_: object, fatal: int = fatal) -> None:
            nonlocal seen
            seen += 1
            if seen == fatal:
                raise Crash

        event.listen(setting.engine, "before_cursor_execute", die)
        with pytest.raises(Crash):
            setting.start(sink)
        event.remove(setting.engine, "before_cursor_execute", die)
        setting.start()
        assert end(setting) == expected, fatal
