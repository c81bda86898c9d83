"""A source into a hub: nothing twice, changes as revisions, wrong rows in quarantine, words home unless
released."""

import csv
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest

from adapters.kit.backoff import Backoff
from adapters.kit.client import Hub
from adapters.kit.errors import HubRefused, HubUnreachable, StateUnusable
from adapters.kit.published import Published
from adapters.kit.publisher import MOST_BYTES, Publisher
from adapters.kit.quarantine import Quarantine
from adapters.kit.source import Nothing, Origin, PublishReport, Rejected, SourceRecord
from oncetold.v1 import common_pb2, records_pb2
from oncetold.v1.record_service_pb2 import Record
from tests.unit.adapters.fake_hub import FakeHub, refuse, serving


def item(record_id: str, code: str = "street", *, line: int = 2, client: str = "c-1") -> SourceRecord:
    contact = records_pb2.Contact(mode=common_pb2.Coding(system="test:mode", code=code))
    record = Record(
        record_id=record_id,
        client_reference=client,
        service_type=common_pb2.SERVICE_TYPE_HOSTEL,
        source_system="test",
        content=records_pb2.RecordContent(contact=contact),
    )
    record.occurred_time.FromDatetime(datetime(2026, 3, 1, tzinfo=UTC))
    return SourceRecord(client, record, Origin("contacts.csv", line))


class Rows:
    def __init__(self, *rows: SourceRecord | Rejected | Nothing) -> None:
        self.rows = rows

    def records(self) -> Iterator[SourceRecord | Rejected | Nothing]:
        yield from self.rows


class Setting:
    def __init__(self, folder: Path, hub: Hub, quick: Backoff) -> None:
        self.folder, self.hub, self.quick = folder, hub, quick
        self.state = folder / "published.sqlite"

    def publish(self, source: Any, **options: Any) -> PublishReport:
        with (
            Published(self.state) as published,
            Quarantine(self.folder / "quarantine.csv") as quarantine,
        ):
            return Publisher(self.hub, published, quarantine, backoff=self.quick, **options).publish(source)

    def quarantined(self) -> list[list[str]]:
        with (self.folder / "quarantine.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))[1:]


@pytest.fixture
def setting(tmp_path: Path, hub: Hub, quick: Backoff) -> Setting:
    return Setting(tmp_path, hub, quick)


def test_a_second_run_publishes_nothing(setting: Setting, fake: FakeHub) -> None:
    rows = Rows(item("r-1"), item("r-2", client="c-2"), Nothing(Origin("contacts.csv", 4)))
    first = setting.publish(rows)
    assert first == PublishReport(published=2, unchanged=0, nothing_recorded=1, quarantined=0, registered=2)
    sent = len(fake.batches)
    second = setting.publish(rows)
    assert second == PublishReport(published=0, unchanged=2, nothing_recorded=1, quarantined=0)
    assert sent == len(fake.batches) == 1 and fake.references == {"c-1", "c-2"}


def test_a_changed_row_is_the_next_revision_and_a_withdrawn_one_too(setting: Setting, fake: FakeHub) -> None:
    setting.publish(Rows(item("r-1"), item("r-2")))
    assert setting.publish(Rows(item("r-1", "phone"), item("r-2"))).published == 1
    assert [record.revision for record in fake.records["r-1"]] == [1, 2]
    withdrawn = item("r-1")
    withdrawn.record.ClearField("content")
    assert setting.publish(Rows(withdrawn)).published == 1
    assert not fake.records["r-1"][-1].HasField("content") and fake.records["r-1"][-1].revision == 3
    withdrawn.record.occurred_time.FromDatetime(datetime(2026, 4, 1, tzinfo=UTC))
    assert setting.publish(Rows(withdrawn)).unchanged == 1


def test_withdrawing_what_never_was_published_records_nothing(setting: Setting, fake: FakeHub) -> None:
    withdrawn = item("r-1")
    withdrawn.record.ClearField("content")
    assert setting.publish(Rows(withdrawn)).nothing_recorded == 1
    assert fake.batches == []


def test_the_same_record_twice_in_one_run_is_two_revisions(setting: Setting, fake: FakeHub) -> None:
    report = setting.publish(Rows(item("r-1"), item("r-1", "phone"), item("r-1", "phone")))
    assert (report.published, report.unchanged) == (2, 1)
    assert [record.revision for record in fake.records["r-1"]] == [1, 2]


def test_one_bad_record_does_not_keep_its_neighbours(setting: Setting, fake: FakeHub) -> None:
    fake.refused = {"r-5": "FREE_TEXT_NOT_RELEASED", "r-11": "INVALID_FIELD"}
    rows = [item(f"r-{number}", line=number + 1) for number in range(1, 21)]
    report = setting.publish(Rows(*rows, Rejected(Origin("contacts.csv", 99), "IMPOSSIBLE_DATE")))
    assert (report.published, report.quarantined) == (18, 3)
    assert sorted(setting.quarantined(), key=lambda row: int(row[1])) == [
        ["contacts.csv", "6", "FREE_TEXT_NOT_RELEASED"],
        ["contacts.csv", "12", "INVALID_FIELD"],
        ["contacts.csv", "99", "IMPOSSIBLE_DATE"],
    ]
    fake.refused = {}
    again = setting.publish(Rows(*rows))
    assert (again.published, again.unchanged, setting.quarantined()) == (2, 18, [])


def test_the_quarantine_holds_no_contents_and_no_formula(setting: Setting, fake: FakeHub) -> None:
    setting.publish(
        Rows(Rejected(Origin("=cmd|calc.csv", 3), "RAGGED_ROW"), Rejected(Origin("a\nb", 4), "X"))
    )
    assert setting.quarantined() == [["'=cmd|calc.csv", "3", "RAGGED_ROW"], ["a?b", "4", "X"]]
    fake.refused = {"r-1": "INVALID_FIELD"}
    setting.publish(Rows(item("r-1", "SECRETCODE", client="client-name")))
    written = (setting.folder / "quarantine.csv").read_text()
    assert "SECRETCODE" not in written and "client-name" not in written and "contacts.csv,2" in written
    assert (setting.folder / "quarantine.csv").stat().st_mode & 0o077 == 0
    assert setting.state.stat().st_mode & 0o077 == 0


def test_a_refusal_of_the_caller_ends_the_run(setting: Setting, fake: FakeHub) -> None:
    fake.before = lambda method, context: (
        refuse(context, "STORAGE_FULL") if method == "PublishRecords" else None
    )
    with pytest.raises(HubRefused) as caught:
        setting.publish(Rows(item("r-1"), item("r-2")))
    assert caught.value.reason == "STORAGE_FULL" and "disk is full" in str(caught.value)
    assert setting.quarantined() == []
    fake.before = lambda method, context: None
    assert setting.publish(Rows(item("r-1"), item("r-2"))).published == 2


@contextmanager
def answers_lost(fake: FakeHub) -> Iterator[None]:
    """The hub records batches; their answers never arrive."""
    publish = fake.PublishRecords

    def recorded_and_lost(request: Any, context: grpc.ServicerContext) -> Any:
        publish(request, context)
        context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    fake.PublishRecords = recorded_and_lost  # type: ignore[method-assign]
    yield
    fake.PublishRecords = publish  # type: ignore[method-assign]


def test_a_lost_answer_is_asked_again_under_the_same_id_even_if_the_row_changed(
    key: Any, tmp_path: Path, quick: Backoff
) -> None:
    fake = FakeHub(key.public_key())
    with (
        answers_lost(fake),
        serving(fake) as address,
        Hub(grpc.insecure_channel(address)) as hub,
        pytest.raises(HubUnreachable),
    ):
        Setting(tmp_path, hub, quick).publish(Rows(item("r-1"), item("r-2")))
    assert len(fake.records["r-1"]) == 1 and len({batch.request_id for batch in fake.batches}) == 1
    with serving(fake) as address, Hub(grpc.insecure_channel(address)) as hub:
        report = Setting(tmp_path, hub, quick).publish(Rows(item("r-1", "phone"), item("r-2")))
    assert (report.published, report.unchanged) == (1, 1)
    assert [record.revision for record in fake.records["r-1"]] == [1, 2] and len(fake.records["r-2"]) == 1
    with sqlite3.connect(tmp_path / "published.sqlite") as state:
        assert state.execute("SELECT count(*) FROM in_flight").fetchone() == (0,)


def test_a_lost_memory_continues_at_the_revision_that_the_hub_expects(
    setting: Setting, fake: FakeHub
) -> None:
    setting.publish(Rows(item("r-1"), item("r-2")))
    setting.state.unlink()
    assert setting.publish(Rows(item("r-1", "phone"), item("r-3"))).published == 2
    assert [record.revision for record in fake.records["r-1"]] == [1, 2]


def test_batches_hold_at_most_64_records_and_900_kib(setting: Setting, fake: FakeHub) -> None:
    setting.publish(Rows(*(item(f"r-{number}") for number in range(130))))
    assert [len(batch.records) for batch in fake.batches] == [64, 64, 2]
    fake.batches.clear()
    large = [item(f"large-{number}") for number in range(4)]
    for one in large:
        words = common_pb2.FreeText(text="x" * 400_000, released_categories=[common_pb2.DATA_CATEGORY_FAMILY])
        one.record.content.contact.narrative.CopyFrom(words)
    too_large = item("too-large", line=7)
    too_large.record.content.contact.narrative.text = "x" * 1_000_000
    report = setting.publish(Rows(*large, too_large))
    assert [len(batch.records) for batch in fake.batches] == [2, 2] and report.published == 4
    assert all(batch.ByteSize() <= MOST_BYTES + 100 for batch in fake.batches)
    assert setting.quarantined() == [["contacts.csv", "7", "RECORD_TOO_LARGE"]]


def test_without_registration_unknown_references_are_quarantined(setting: Setting, fake: FakeHub) -> None:
    fake.references = {"c-1"}
    report = setting.publish(Rows(item("r-1"), item("r-2", client="c-2", line=3)), register_clients=False)
    assert (report.published, report.quarantined, report.registered) == (1, 1, 0)
    assert setting.quarantined() == [["contacts.csv", "3", "REFERENCE_NOT_REGISTERED"]]
    assert fake.references == {"c-1"}


def test_a_record_for_another_client_than_it_says_is_quarantined(setting: Setting, fake: FakeHub) -> None:
    wrong = SourceRecord("c-2", item("r-1").record, Origin("contacts.csv", 2))
    assert setting.publish(Rows(wrong)).quarantined == 1 and fake.batches == []


def test_a_memory_of_a_newer_adapter_is_left_alone(setting: Setting) -> None:
    with sqlite3.connect(setting.state) as state:
        state.execute("PRAGMA user_version = 99")
    with pytest.raises(StateUnusable, match="newer adapter"):
        Published(setting.state)


def test_two_publishers_do_not_share_a_memory(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.kit.published.LOCK_SECONDS", 0.01)
    with Published(setting.state), pytest.raises(StateUnusable, match="Another adapter"):
        Published(setting.state)
    Published(setting.state).close()


def test_a_file_that_is_no_memory_is_left_alone(setting: Setting) -> None:
    setting.state.write_bytes(b"a spreadsheet, say" * 100)
    with pytest.raises(StateUnusable, match="damaged"):
        Published(setting.state)
    assert setting.state.read_bytes() == b"a spreadsheet, say" * 100
