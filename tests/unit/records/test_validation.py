"""Bad messages are refused by code, field and rule, and what was sent is never repeated."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from consent_ledger.errors import OnceToldError
from hub.records.validation import check
from oncetold.v1 import common_pb2, consent_service_pb2, record_service_pb2, records_pb2

NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
SECRET = "Zebedee"


def at(moment: datetime) -> Timestamp:
    written = Timestamp()
    written.FromDatetime(moment)
    return written


def publish() -> record_service_pb2.PublishRecordsRequest:
    coding = common_pb2.Coding(system="test:codes", code="seen")
    record = record_service_pb2.Record(
        record_id="r1",
        revision=1,
        client_reference=SECRET,
        service_type=common_pb2.SERVICE_TYPE_HOSTEL,
        occurred_time=at(NOW - timedelta(days=1)),
        source_system="test",
        content=records_pb2.RecordContent(
            contact=records_pb2.Contact(
                outcome=coding,
                details=[
                    common_pb2.CategorisedAnswer(
                        category=common_pb2.DATA_CATEGORY_FAMILY, question=coding, date="2026-02-28"
                    )
                ],
            )
        ),
    )
    return record_service_pb2.PublishRecordsRequest(
        request_id="3b8a5a4e-5d0e-4c7e-8b7d-2f1c6a9e0d11", records=[record]
    )


def grant() -> consent_service_pb2.RecordGrantRequest:
    return consent_service_pb2.RecordGrantRequest(
        request_id="3b8a5a4e-5d0e-4c7e-8b7d-2f1c6a9e0d11",
        grant=consent_service_pb2.Grant(
            client_reference=SECRET,
            scope=consent_service_pb2.Scope(
                purposes=[common_pb2.PURPOSE_DIRECT_SUPPORT],
                categories=[common_pb2.DATA_CATEGORY_FAMILY],
                agency_id="shelter",
            ),
            confidentiality_basis=common_pb2.CONFIDENTIALITY_BASIS_EXPLICIT_CONSENT,
            capture_method=common_pb2.CAPTURE_METHOD_ESIGNATURE,
            notice_id="notice-1",
            given_time=at(NOW),
            effective_until_time=at(NOW + timedelta(days=365)),
        ),
    )


def refusal_of(message: Message) -> dict[str, str]:
    with pytest.raises(OnceToldError) as refused:
        check(message, NOW)
    told = json.dumps([str(refused.value), repr(refused.value), refused.value.details])
    assert SECRET not in told and "Private" not in told
    return {"code": refused.value.code, **refused.value.details}


def set_unknown(message: Message, payload: bytes = b"\xba\x3e\x07Private") -> None:
    """Appends field 999, length-delimited, as a newer or hostile sender might."""
    message.MergeFromString(payload)


def test_good_messages_pass() -> None:
    check(publish(), NOW)
    check(grant(), NOW)


def first(request: record_service_pb2.PublishRecordsRequest) -> record_service_pb2.Record:
    return request.records[0]


Change = Callable[[record_service_pb2.PublishRecordsRequest], object]
BAD: list[tuple[str, Change, dict[str, str]]] = [
    ("unknown field", set_unknown, {"code": "UNKNOWN_FIELD", "field": "999"}),
    (
        "unknown field deep inside",
        lambda r: set_unknown(first(r).content.contact.details[0].question),
        {"code": "UNKNOWN_FIELD", "field": "records[0].content.contact.details[0].question.999"},
    ),
    (
        "unknown category",
        lambda r: setattr(first(r).content.contact.details[0], "category", 77),
        {"code": "UNKNOWN_ENUM", "field": "records[0].content.contact.details[0].category"},
    ),
    (
        "unknown mark",
        lambda r: first(r).marks.append(99),  # type: ignore[arg-type]
        {"code": "UNKNOWN_ENUM", "field": "records[0].marks[0]"},
    ),
    (
        "unspecified category",
        lambda r: setattr(first(r).content.contact.details[0], "category", 0),
        {
            "code": "INVALID_FIELD",
            "field": "records[0].content.contact.details[0].category",
            "rule": "enum.not_in",
        },
    ),
    (
        "empty reference",
        lambda r: setattr(first(r), "client_reference", ""),
        {"code": "INVALID_FIELD", "field": "records[0].client_reference", "rule": "string.min_len"},
    ),
    (
        "control character",
        lambda r: setattr(first(r), "client_reference", "Private\x00"),
        {"code": "INVALID_FIELD", "field": "records[0].client_reference", "rule": "string.pattern"},
    ),
    (
        "bidirectional override",
        lambda r: setattr(first(r).content.contact.place, "address_line", "Private\u202e"),
        {
            "code": "INVALID_FIELD",
            "field": "records[0].content.contact.place.address_line",
            "rule": "string.pattern",
        },
    ),
    (
        "no request id",
        lambda r: setattr(r, "request_id", ""),
        {"code": "INVALID_FIELD", "field": "request_id", "rule": "string.uuid_empty"},
    ),
    (
        "too many records",
        lambda r: r.records.extend([first(r)] * 64),
        {"code": "INVALID_FIELD", "field": "records", "rule": "repeated.max_items"},
    ),
    (
        "future occurrence",
        lambda r: first(r).occurred_time.CopyFrom(at(NOW + timedelta(minutes=3))),
        {"code": "IMPOSSIBLE_TIME", "field": "records[0].occurred_time", "rule": "not_in_the_future"},
    ),
    (
        "before 1900",
        lambda r: first(r).occurred_time.CopyFrom(at(datetime(1899, 12, 31, tzinfo=UTC))),
        {"code": "IMPOSSIBLE_TIME", "field": "records[0].occurred_time", "rule": "between_1900_and_9999"},
    ),
    (
        "seconds beyond any calendar",
        lambda r: setattr(first(r).review_by_time, "seconds", 2**62),
        {"code": "IMPOSSIBLE_TIME", "field": "records[0].review_by_time", "rule": "between_1900_and_9999"},
    ),
    (
        "nanoseconds out of range",
        lambda r: setattr(first(r).occurred_time, "nanos", -1),
        {"code": "IMPOSSIBLE_TIME", "field": "records[0].occurred_time", "rule": "nanoseconds"},
    ),
    (
        "a day no calendar has",
        lambda r: setattr(first(r).content.contact.details[0], "date", "2026-02-31"),
        {
            "code": "IMPOSSIBLE_TIME",
            "field": "records[0].content.contact.details[0].date",
            "rule": "calendar_date",
        },
    ),
]


@pytest.mark.parametrize(("change", "refusal"), [each[1:] for each in BAD], ids=[each[0] for each in BAD])
def test_a_bad_record_is_refused_by_field_and_rule(change: Change, refusal: dict[str, str]) -> None:
    request = publish()
    change(request)

    assert refusal_of(request) == refusal


@pytest.mark.parametrize(
    ("start", "end", "kind"),
    [("start_date", "end_date", "service_episode"), ("from_date", "until_date", "worker_assigned")],
)
def test_an_end_before_its_start_is_refused_and_the_same_day_is_not(start: str, end: str, kind: str) -> None:
    request = publish()
    content = records_pb2.RecordContent()
    setattr(getattr(content, kind), start, "2026-03-02")
    setattr(getattr(content, kind), end, "2026-03-02")
    first(request).content.CopyFrom(content)
    check(request, NOW)

    setattr(getattr(first(request).content, kind), end, "2026-03-01")

    path = f"records[0].content.{kind}.{end}"
    assert refusal_of(request) == {"code": "IMPOSSIBLE_TIME", "field": path, "rule": "end_before_start"}


def test_a_grants_periods_must_run_forwards() -> None:
    request = grant()
    request.grant.data_from_time.CopyFrom(at(NOW))
    request.grant.data_until_time.CopyFrom(at(NOW - timedelta(seconds=1)))

    assert refusal_of(request)["field"] == "grant.data_until_time"


def test_a_senders_clock_may_be_two_minutes_ahead_and_permission_may_run_into_the_future() -> None:
    request = grant()
    request.grant.given_time.CopyFrom(at(NOW + timedelta(minutes=2)))
    check(request, NOW)

    request.grant.given_time.CopyFrom(at(NOW + timedelta(minutes=2, seconds=1)))

    assert refusal_of(request)["field"] == "grant.given_time"
