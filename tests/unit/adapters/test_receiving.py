"""One feed into one database: exactly one effect per delivery, whatever breaks and whenever."""

import json
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text
from sqlalchemy.dialects import mssql, mysql, postgresql, sqlite
from sqlalchemy.schema import CreateTable

from adapters.kit.errors import HubRefused, HubUnreachable, RetractionNotDone, SinkUnavailable
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.sink import Bookmark, PendingReceipt
from adapters.sql.sink import SqlSink
from adapters.sql.tables import METADATA
from oncetold.v1 import common_pb2, delivery_service_pb2
from tests.unit.adapters.certificates import pem
from tests.unit.adapters.fake_hub import FEED, FakeHub, refuse
from tests.unit.adapters.feed import RESTRICTED, STOPPED, Setting, element, fragment, terms


def test_a_disclosure_becomes_a_row_that_a_screen_can_show(setting: Setting, fake: FakeHub) -> None:
    fake.queue_delivery(disclose=element(1))
    report = setting.start()
    [row] = setting.rows()
    assert report.applied == 1 and fake.acknowledged == 1 and not fake.queue
    assert (row["client_reference"], row["origin_agency"], row["record_type"]) == ("c-1", "hostel", "contact")
    assert json.loads(row["content"]) == {"mode": {"system": "test:mode", "code": "street"}}
    assert row["content_bytes"] == element(1).content.SerializeToString(deterministic=True)
    assert (row["state"], row["no_longer_updated"], row["level"]) == ("ACTIVE", 0, "N")
    assert json.loads(row["purposes"]) == [
        {"purpose": "DIRECT_SUPPORT", "agreement_id": "a-1", "state": "ACTIVE"}
    ]


def test_redelivery_changes_nothing(setting: Setting, fake: FakeHub) -> None:
    first = fake.queue_delivery(disclose=element(1))
    second = fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(1)))
    sink = setting.sink()
    sink.apply([first], Bookmark(FEED, 1, 1))
    [staged] = sink.apply([first, second], Bookmark(FEED, 1, 2))
    before = (setting.rows(), setting.rows("oncetold_receipts"))
    assert before[0] == [] and staged.sequence == 2
    assert sink.apply([first, second], Bookmark(FEED, 1, 2)) == []
    assert sink.apply([first], Bookmark(FEED, 1, 1)) == []
    assert (setting.rows(), setting.rows("oncetold_receipts")) == before
    assert sink.bookmark().sequence == 2


def test_an_answer_that_is_lost_is_fetched_again(setting: Setting, fake: FakeHub) -> None:
    fake.queue_delivery(disclose=element(1))
    failures = iter([True, False, True])

    def sometimes_down(method: str, context: grpc.ServicerContext) -> None:
        if next(failures, False):
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    fake.before = sometimes_down
    assert setting.start().applied == 1
    assert [type(pause) for pause in setting.pauses] == [HubUnreachable, HubUnreachable]
    assert fake.acknowledged == 1 and len(setting.rows()) == 1


def test_a_hub_that_stays_down_ends_a_single_run_with_its_error(setting: Setting, fake: FakeHub) -> None:
    fake.before = lambda method, context: refuse(context, "UNAVAILABLE")
    with pytest.raises(HubRefused) as caught:
        setting.start()
    assert caught.value.reason == "UNAVAILABLE" and len(setting.pauses) >= 2
    assert "words" not in str(caught.value)


def test_correction_of_content_and_of_terms_only(setting: Setting, fake: FakeHub) -> None:
    fake.queue_delivery(disclose=element(1))
    fake.queue_delivery(disclose=element(2))
    fake.queue_delivery(
        correct=delivery_service_pb2.Correction(
            fragment_id=fragment(1), replacement=element(1, "phone"), terms=terms(), etag="b" * 32
        )
    )
    fake.queue_delivery(
        correct=delivery_service_pb2.Correction(
            fragment_id=fragment(2), terms=terms(RESTRICTED, STOPPED), etag="c" * 32
        )
    )
    setting.start()
    first, second = setting.rows()
    assert (json.loads(first["content"])["mode"]["code"], first["etag"]) == ("phone", "b" * 32)
    assert (json.loads(second["content"])["mode"]["code"], second["etag"]) == ("street", "c" * 32)
    assert (second["state"], second["no_longer_updated"]) == ("STOPPED", 1)
    assert (first["state"], first["no_longer_updated"]) == ("ACTIVE", 0)


def test_a_retraction_deletes_the_row_and_only_that(setting: Setting, fake: FakeHub) -> None:
    fake.queue_delivery(disclose=element(1))
    fake.queue_delivery(disclose=element(2))
    setting.start()
    fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(1)))
    report = setting.start()
    assert [row["fragment_id"] for row in setting.rows()] == [fragment(2)]
    assert report.retracted == 1 and fake.receipts[3].looked_at[0] == "live-rows"


def test_what_is_kept_on_an_own_basis_moves_and_the_receipt_says_so(setting: Setting, fake: FakeHub) -> None:
    setting.keep = {"OFFENDING": "A6_1_C"}
    fake.queue_delivery(disclose=element(1, category=common_pb2.DATA_CATEGORY_OFFENDING))
    fake.queue_delivery(disclose=element(2))
    fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(1)))
    fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(2)))
    setting.start()
    assert setting.rows() == []
    [kept] = setting.rows("oncetold_retained")
    assert (kept["fragment_id"], kept["own_basis"]) == (fragment(1), "A6_1_C")
    assert fake.receipts[3].outcome == delivery_service_pb2.RETRACTION_OUTCOME_RETAINED_OWN_BASIS
    assert fake.receipts[3].own_basis == common_pb2.LAWFUL_BASIS_A6_1_C
    assert fake.receipts[4].outcome == delivery_service_pb2.RETRACTION_OUTCOME_ERASED
    assert setting.sink().holdings(1, 10) == []


def test_a_delivery_that_cannot_be_written_is_put_aside_and_the_others_flow(
    setting: Setting, fake: FakeHub
) -> None:
    setting.refuse_code("forbidden")
    fake.queue_delivery(disclose=element(1))
    fake.queue_delivery(disclose=element(2, "forbidden"))
    fake.queue_delivery(disclose=element(3))
    report = setting.start()
    assert [row["fragment_id"] for row in setting.rows()] == [fragment(1), fragment(3)]
    assert (report.applied, report.put_aside, fake.acknowledged) == (2, 1, 3)
    assert setting.sink().status().put_aside == [(2, "CONSTRAINT_BROKEN")]
    assert "forbidden" not in str(setting.rows("oncetold_poison"))


def test_reconciling_brings_back_what_was_put_aside(setting: Setting, fake: FakeHub) -> None:
    setting.refuse_code("forbidden")
    fake.queue_delivery(disclose=element(1))
    fake.queue_delivery(disclose=element(2, "forbidden"))
    setting.start()
    with setting.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER refusing"))
    fake.on_reconcile = lambda holdings: (
        None if len(holdings) == 2 else (fake.queue_delivery(disclose=element(2, "forbidden")), None)[1]
    )
    report = setting.start(reconcile=True)
    assert report.reconciled == 1 and setting.sink().status().put_aside == []
    assert [row["fragment_id"] for row in setting.rows()] == [fragment(1), fragment(2)]


def test_a_retraction_is_never_put_aside(setting: Setting, fake: FakeHub) -> None:
    fake.queue_delivery(disclose=element(1))
    setting.start()
    with setting.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER keeping BEFORE DELETE ON oncetold_elements "
                "BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        )
    fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(7)))
    fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(1)))
    with pytest.raises(RetractionNotDone) as caught:
        setting.start()
    assert caught.value.sequence == 3 and setting.sink().bookmark().sequence == 2
    assert 3 not in fake.receipts and fake.acknowledged == 1
    with setting.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER keeping"))
    setting.start()
    assert setting.rows() == [] and set(fake.receipts) == {2, 3} and fake.acknowledged == 3


def test_a_database_that_refuses_everything_is_not_blamed_on_the_items(
    setting: Setting, fake: FakeHub
) -> None:
    setting.refuse_code("street")
    for number in range(1, 6):
        fake.queue_delivery(disclose=element(number))
    with pytest.raises(SinkUnavailable):
        setting.start()
    assert setting.sink().status().put_aside == [] and fake.acknowledged == 0


def test_a_missing_table_is_not_blamed_on_the_items(setting: Setting, fake: FakeHub) -> None:
    sink = setting.sink()
    with setting.engine.begin() as connection:
        connection.execute(text("DROP TABLE oncetold_elements"))
    fake.queue_delivery(disclose=element(1))
    with pytest.raises(SinkUnavailable):
        setting.start(sink)
    assert setting.rows("oncetold_poison") == [] and sink.bookmark().sequence == 0


def test_an_unknown_step_and_terms_without_a_purpose_are_put_aside(setting: Setting, fake: FakeHub) -> None:
    without_terms = element(2)
    without_terms.ClearField("terms")
    fake.queue_delivery()
    fake.queue_delivery(disclose=without_terms)
    fake.queue_delivery(disclose=element(3))
    setting.start()
    assert setting.sink().status().put_aside == [(1, "NOT_UNDERSTOOD"), (2, "NOT_UNDERSTOOD")]
    assert [row["fragment_id"] for row in setting.rows()] == [fragment(3)]


def test_after_an_epoch_change_the_hub_is_told_what_is_held_in_pages(
    setting: Setting, fake: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.kit.runner.HOLDINGS_PAGE", 2)
    for number in range(1, 5):
        fake.queue_delivery(disclose=element(number))
    setting.start()
    fake.epoch = 5  # the hub was restored

    def retract_first(holdings: list[delivery_service_pb2.Holding]) -> None:
        fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=holdings[0].fragment_id))

    fake.on_reconcile = retract_first
    report = setting.start()
    assert [(page.page, len(page.holdings), page.last_page) for page in fake.pages] == [
        (1, 2, False),
        (2, 2, True),
    ]
    told = [
        (held.fragment_id, held.etag, held.client_reference) for page in fake.pages for held in page.holdings
    ]
    assert told == [(fragment(number), f"{number:032x}", "c-1") for number in range(1, 5)]
    assert len({page.request_id for page in fake.pages}) == 2 and fake.pages[0].bookmark == 4
    assert report.reconciled == 1 and len(setting.rows()) == 3
    assert setting.sink().bookmark() == Bookmark(FEED, 6, 5) and fake.receipts[5].epoch == 6


def test_a_receipt_outlives_its_epoch(setting: Setting, fake: FakeHub) -> None:
    item = fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(1)))
    fake.sent[1] = (1, item)
    setting.sink().apply([item], Bookmark(FEED, 1, 1))
    setting.start(reconcile=True)
    assert fake.epoch == 2 and fake.receipts[1].epoch == 1
    assert [row["state"] for row in setting.rows("oncetold_receipts")] == ["SENT"]
    assert setting.sink().apply([item], Bookmark(FEED, 1, 1)) == []


def test_a_receipt_that_a_later_epoch_does_not_know_is_superseded(setting: Setting, fake: FakeHub) -> None:
    item = fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(1)))
    setting.sink().apply([item], Bookmark(FEED, 1, 1))
    fake.on_reconcile = lambda holdings: fake.queue_delivery(disclose=element(2)) and None
    report = setting.start(reconcile=True)
    assert (report.reconciled, report.applied, fake.receipts) == (1, 1, {})
    assert [row["state"] for row in setting.rows("oncetold_receipts")] == ["SUPERSEDED"]


def test_a_receipt_of_the_present_epoch_is_never_given_up(setting: Setting, fake: FakeHub) -> None:
    item = fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(1)))
    setting.sink().apply([item], Bookmark(FEED, 1, 1))
    with pytest.raises(HubRefused) as caught:
        setting.start()
    assert caught.value.reason == "BAD_RECEIPT"
    assert [row["state"] for row in setting.rows("oncetold_receipts")] == ["PENDING"]


def test_an_epoch_that_changes_again_at_once_ends_the_run(setting: Setting, fake: FakeHub) -> None:
    fake.before = lambda method, context: (
        refuse(context, "EPOCH_CHANGED") if method == "FetchDeliveries" else None
    )
    with pytest.raises(HubRefused) as caught:
        setting.start()
    assert caught.value.reason == "EPOCH_CHANGED" and len(fake.pages) == 2


def test_a_hub_that_forgot_what_it_sent_is_not_argued_with(setting: Setting, fake: FakeHub) -> None:
    fake.queue_delivery(disclose=element(1))
    setting.start()
    fake.last_sequence = fake.acknowledged = 0
    with pytest.raises(HubRefused) as caught:
        setting.start()
    assert caught.value.reason == "NEVER_SENT" and fake.pages == [] and len(setting.rows()) == 1


def test_ctrl_c_ends_cleanly(setting: Setting, fake: FakeHub) -> None:
    class Interrupted(SqlSink):
        def pending_receipts(self, limit: int) -> list[PendingReceipt]:
            raise KeyboardInterrupt

    assert setting.start(Interrupted(setting.engine, FEED)).stopped


def test_two_feeds_in_one_database_do_not_touch_each_other(setting: Setting, fake: FakeHub) -> None:
    other = "0e4be2b3-5c0f-4a2d-8f4c-6a1b2c3d4e5f"
    item = fake.queue_delivery(disclose=element(1))
    gone = fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(1)))
    for feed in (FEED, other):
        SqlSink(setting.engine, feed).apply([item], Bookmark(feed, 1, 1))
    SqlSink(setting.engine, other).apply([gone], Bookmark(other, 1, 2))
    assert [row["feed_id"] for row in setting.rows()] == [FEED]


def test_the_same_statement_gets_the_same_signature(key: ec.EllipticCurvePrivateKey) -> None:
    signer = ReceiptSigner(pem(key))
    assert signer.sign(PendingReceipt(1, 1, b"said")) == signer.sign(PendingReceipt(1, 1, b"said"))
    assert signer.sign(PendingReceipt(1, 1, b"said")) != signer.sign(PendingReceipt(1, 1, b"other"))


@pytest.mark.parametrize("database", [postgresql, mysql, mssql, sqlite])
def test_the_tables_can_be_made_in_other_databases(database: Any) -> None:
    dialect = database.dialect()
    made = [str(CreateTable(table).compile(dialect=dialect)) for table in METADATA.sorted_tables]
    assert len(made) == 5 and all("PRIMARY KEY (feed_id" in statement for statement in made)
