"""Row 17: a delivery that cannot be written is put aside and seen; what takes something back never is."""

import json
import time

import pytest
from sqlalchemy import text

from adapters.kit.errors import CorrectionNotDone, RetractionNotDone
from oncetold.v1 import delivery_service_pb2
from tests.unit.adapters.fake_hub import FakeHub
from tests.unit.adapters.feed import Setting, element, fragment, terms


def retraction(number: int) -> delivery_service_pb2.Retraction:
    return delivery_service_pb2.Retraction(fragment_id=fragment(number))


def refusing(setting: Setting, event: str, condition: str = "1") -> None:
    """The agency's database refuses something until `repaired`."""
    setting.sink()
    with setting.engine.begin() as connection:
        connection.execute(
            text(
                f"CREATE TRIGGER refusing BEFORE {event} ON oncetold_elements WHEN {condition} "
                "BEGIN SELECT RAISE(ABORT, 'agency rule'); END"
            )
        )


def repaired(setting: Setting) -> None:
    with setting.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER refusing"))


def test_others_flow_within_a_second(setting: Setting, fake: FakeHub) -> None:
    setting.refuse_code("forbidden")
    fake.queue_delivery(disclose=element(1, "forbidden"))
    for number in range(2, 40):
        fake.queue_delivery(disclose=element(number))
    began = time.monotonic()
    began = time.monotonic()
    report = setting.start()
    assert time.monotonic() - began < 1
    assert (report.put_aside, len(setting.rows()), fake.acknowledged) == (1, 38, 39)


def test_what_a_correction_put_aside_would_have_changed_is_greyed(setting: Setting, fake: FakeHub) -> None:
    """The old words must not be taken for current, nor be used as if nothing had ended."""
    setting.refuse_code("forbidden")
    fake.queue_delivery(disclose=element(1))
    fake.queue_delivery(
        correct=delivery_service_pb2.Correction(
            fragment_id=fragment(1), replacement=element(1, "forbidden"), terms=terms(), etag="b" * 32
        )
    )
    report = setting.start()
    [row] = setting.rows()
    assert report.put_aside == 1
    assert (row["state"], row["no_longer_updated"], row["etag"]) == ("RESTRICTED", 1, "0" * 32)
    assert [one["state"] for one in json.loads(row["purposes"])] == ["RESTRICTED"]
    assert setting.sink().status().put_aside == [(2, "CONSTRAINT_BROKEN")]


def test_a_row_that_cannot_even_be_greyed_stops_the_feed(setting: Setting, fake: FakeHub) -> None:
    fake.queue_delivery(disclose=element(1))
    setting.start()
    refusing(setting, "UPDATE")
    fake.queue_delivery(
        correct=delivery_service_pb2.Correction(fragment_id=fragment(1), terms=terms(), etag="b" * 32)
    )
    fake.queue_delivery(disclose=element(2))
    with pytest.raises(CorrectionNotDone) as stopped:
        setting.start()
    status = setting.sink().status()
    assert stopped.value.sequence == 2 and status.bookmark.sequence == 1
    assert (status.put_aside, status.blocked) == ([], [(2, "CONSTRAINT_BROKEN")])
    repaired(setting)
    setting.start()
    assert [row["etag"] for row in setting.rows()][:1] == ["b" * 32]


def test_a_retraction_that_fails_blocks_and_is_seen(setting: Setting, fake: FakeHub) -> None:
    """One person's stands in the way of the feed, and not of another person's retraction."""
    for number in (1, 2):
        fake.queue_delivery(disclose=element(number))
    setting.start()
    refusing(setting, "DELETE", f"OLD.fragment_id = '{fragment(1)}'")
    fake.queue_delivery(retract=retraction(1))
    fake.queue_delivery(disclose=element(3))
    fake.queue_delivery(retract=retraction(2))
    for _ in range(2):
        # Started again it stops again, and what was done behind it is not done twice.
        with pytest.raises(RetractionNotDone):
            setting.start()
        status = setting.sink().status()
        assert (status.put_aside, status.blocked) == ([], [(3, "CONSTRAINT_BROKEN")])
        assert status.bookmark.sequence == 2
        assert [row["fragment_id"] for row in setting.rows()] == [fragment(1)]
    assert set(fake.receipts) == {5} and fake.acknowledged == 2
    repaired(setting)
    setting.start()
    status = setting.sink().status()
    assert [row["fragment_id"] for row in setting.rows()] == [fragment(3)]
    assert (status.put_aside, status.blocked, set(fake.receipts)) == ([], [], {3, 5})
    assert fake.acknowledged == 5


def test_a_retraction_takes_away_what_was_put_aside(setting: Setting, fake: FakeHub) -> None:
    setting.refuse_code("forbidden")
    fake.queue_delivery(disclose=element(1, "forbidden"))
    setting.start()
    assert setting.sink().status().put_aside == [(1, "CONSTRAINT_BROKEN")]
    fake.queue_delivery(retract=retraction(1))
    setting.start()
    assert setting.sink().status().put_aside == []
    assert set(fake.receipts) == {2}
