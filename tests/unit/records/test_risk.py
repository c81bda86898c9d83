"""SAFETY H18 and H25: whose a risk is, how long an allegation lasts, and what is left at the end."""

from datetime import UTC, datetime
from typing import Any

import protovalidate
import pytest

from consent_ledger.errors import Refused
from hub.records.risk import is_risk_to_others, review_by, risk_stub
from hub.records.splitter import split
from oncetold.v1 import common_pb2, record_service_pb2, records_pb2

OCCURRED = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


def code(word: str) -> common_pb2.Coding:
    return common_pb2.Coding(system="test:risk", code=word)


def record(
    occurred: datetime = OCCURRED, review: datetime | None = None, **risk: Any
) -> record_service_pb2.Record:
    content = records_pb2.RecordContent(risk=records_pb2.Risk(**risk))
    made = record_service_pb2.Record(
        record_id="risk-1", service_type=common_pb2.SERVICE_TYPE_HOSTEL, content=content
    )
    made.occurred_time.FromDatetime(occurred)
    if review is not None:
        made.review_by_time.FromDatetime(review)
    return made


@pytest.mark.parametrize(
    ("to", "others"),
    [
        ("worker", True),
        ("public", True),
        ("child", True),
        ("self", False),
        ("from-others", False),
        ("", False),
    ],
)
def test_which_fragment_holds_a_risk_to_others(to: str, others: bool) -> None:
    kinds = [
        common_pb2.CategorisedAnswer(
            category=common_pb2.DATA_CATEGORY_MENTAL_HEALTH, question=code("kind"), yes=True
        ),
        common_pb2.CategorisedAnswer(
            category=common_pb2.DATA_CATEGORY_DOMESTIC_ABUSE, question=code("kind"), yes=True
        ),
    ]
    made = record(risk_to=code(to) if to else None, level=code("high"), kinds=kinds)
    found = {one.categories: one.risk_to_others for one in split(made).fragments}
    assert found == {("DOMESTIC_ABUSE",): False, ("SAFEGUARDING_RISK",): others}
    assert is_risk_to_others(made.content) == others


def test_what_is_left_is_a_warning_and_a_number_and_nothing_else() -> None:
    stub = records_pb2.RecordContent.FromString(risk_stub("+44 20 7946 0999"))
    protovalidate.validate(stub)
    assert [field.name for field, _ in stub.risk.ListFields()] == ["do_not_visit_alone", "ring"]
    assert stub.risk.do_not_visit_alone and stub.risk.ring == "+44 20 7946 0999"
    alone = records_pb2.RecordContent.FromString(risk_stub(""))
    protovalidate.validate(alone)
    assert [field.name for field, _ in alone.risk.ListFields()] == ["do_not_visit_alone"]


@pytest.mark.parametrize(
    "field", [{"do_not_visit_alone": False}, {"do_not_visit_alone": True}, {"ring": "999"}]
)
def test_only_the_hub_writes_what_is_left(field: dict[str, Any]) -> None:
    made = record(level=code("high"), **field)
    with pytest.raises(Refused) as refusal:
        split(made, "records[2].")
    assert refusal.value.code == "INVALID_FIELD"
    assert refusal.value.details["field"] == f"records[2].content.risk.{next(iter(field))}"
    made.content.risk.ClearField("do_not_visit_alone")
    made.content.risk.ClearField("ring")
    assert len(split(made).fragments) == 1, "control"


@pytest.mark.parametrize(
    ("occurred", "ends"),
    [
        (OCCURRED, datetime(2027, 3, 1, 10, 30, tzinfo=UTC)),
        (datetime(2024, 2, 29, 23, 59, tzinfo=UTC), datetime(2025, 2, 28, 23, 59, tzinfo=UTC)),
        (datetime(2023, 2, 28, 0, 0, tzinfo=UTC), datetime(2024, 2, 28, 0, 0, tzinfo=UTC)),
        (datetime(2023, 3, 1, 0, 0, tzinfo=UTC), datetime(2024, 3, 1, 0, 0, tzinfo=UTC)),
    ],
)
def test_an_allegation_without_outcome_ends_at_twelve_months(occurred: datetime, ends: datetime) -> None:
    assert review_by(record(occurred, source=code("alleged"))) == ends
    assert review_by(record(occurred, source=code("observed"))) is None
    assert review_by(record(occurred, source=code("alleged"), outcome=code("founded"))) is None


def test_the_author_may_look_again_earlier_but_not_later() -> None:
    sooner, later = OCCURRED.replace(month=6), OCCURRED.replace(year=2030)
    assert review_by(record(OCCURRED, sooner, source=code("alleged"))) == sooner
    assert review_by(record(OCCURRED, later, source=code("alleged"))) == OCCURRED.replace(year=2027)
    assert review_by(record(OCCURRED, later, source=code("told"))) == later


def test_other_records_end_as_their_author_says() -> None:
    made = record(level=code("high"))
    made.content.CopyFrom(records_pb2.RecordContent(contact=records_pb2.Contact(bedded_down=True)))
    assert review_by(made) is None
    made.review_by_time.FromDatetime(OCCURRED)
    assert review_by(made) == OCCURRED
