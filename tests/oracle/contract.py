"""Between the oracle's terms and the contract's messages. Splits a record by the contract's options alone."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from google.protobuf.message import Message

from oncetold.v1 import common_pb2, record_service_pb2, records_pb2
from oncetold.v1.common_pb2 import (
    CategorisedAnswer,
    Coding,
    DataCategory,
    FreeText,
    HandlingMark,
    ServiceType,
)
from tests.oracle import history as h
from tests.oracle.terms import level_of

_SYSTEM = "test:oracle"
_CARRYING = (CategorisedAnswer, records_pb2.UnaskedQuestion)
"""What names its own category."""


def categories(names: Iterable[str]) -> list[DataCategory.ValueType]:
    return [DataCategory.Value(f"DATA_CATEGORY_{name}") for name in sorted(names)]


def service(name: str) -> ServiceType.ValueType:
    return ServiceType.Value(f"SERVICE_TYPE_{name}")


def _name(number: int) -> str:
    return DataCategory.Name(DataCategory.ValueType(number)).removeprefix("DATA_CATEGORY_")


def record_message(event: h.RecordPublished) -> record_service_pb2.Record:
    """The message by which an agency publishes this."""
    record = record_service_pb2.Record(
        record_id=event.record_id,
        revision=event.revision,
        client_reference=event.reference,
        service_type=service(event.service_type),
        source_system=_SYSTEM,
        marks=[HandlingMark.Value(f"HANDLING_MARK_{mark}") for mark in sorted(event.marks)],
        other_subjects=[
            record_service_pb2.OtherSubject(
                client_reference=other.reference,
                categories=categories(other.categories),
                solely_about=other.solely_about,
            )
            for other in event.other_subjects
        ],
    )
    record.occurred_time.FromDatetime(event.occurred)
    if event.review_by is not None:
        record.review_by_time.FromDatetime(event.review_by)
    if event.spent_on is not None:
        record.spent_on_time.FromDatetime(event.spent_on)
    if not event.withdrawn:
        record.content.CopyFrom(_content(event.parts))
    return record


def _content(parts: tuple[h.Part, ...]) -> records_pb2.RecordContent:
    judged = next((part.risk for part in parts if part.risk is not None), None)
    if judged is not None:
        return records_pb2.RecordContent(risk=_risk(judged, parts))
    words = next((part for part in parts if part.free_text), None)
    text = None
    if words is not None:
        text = FreeText(text=words.content or "words", released_categories=categories(words.categories))
    if words is not None and words.third_party:
        return records_pb2.RecordContent(note=records_pb2.Note(text=text, third_party=True))
    answers = [
        CategorisedAnswer(
            category=categories(part.categories)[0],
            question=Coding(system=_SYSTEM, code="marker"),
            coded=Coding(system=_SYSTEM, code=part.content or "marker"),
        )
        for part in parts
        if not part.free_text
    ]
    return records_pb2.RecordContent(assessment=records_pb2.Assessment(answers=answers, comment=text))


def _risk(risk: h.Risk, parts: tuple[h.Part, ...]) -> records_pb2.Risk:
    answers = [
        CategorisedAnswer(
            category=categories(part.categories)[0],
            question=Coding(system=_SYSTEM, code="kind"),
            coded=Coding(system=_SYSTEM, code=part.content or "marker"),
        )
        for part in parts
        if part.risk is None
    ]
    stamp = next(part.content for part in parts if part.risk is not None)
    return records_pb2.Risk(
        tool=_coding(stamp or "marker"),
        risk_to=_coding(risk.risk_to),
        source=_coding(risk.source),
        outcome=_coding(risk.outcome),
        kinds=answers,
    )


def _coding(code: str | None) -> Coding | None:
    return None if code is None else Coding(system=_SYSTEM, code=code)


def record_event(agency: str, record: record_service_pb2.Record, seq: int, at: datetime) -> h.RecordPublished:
    """What an agency's message says, for the oracle."""
    return h.RecordPublished(
        seq=seq,
        at=at,
        agency=agency,
        reference=record.client_reference,
        record_id=record.record_id,
        revision=record.revision,
        service_type=ServiceType.Name(record.service_type).removeprefix("SERVICE_TYPE_"),
        occurred=record.occurred_time.ToDatetime(UTC),
        parts=tuple(parts_of(record.content)) if record.HasField("content") else (),
        marks=frozenset(HandlingMark.Name(mark).removeprefix("HANDLING_MARK_") for mark in record.marks),
        other_subjects=tuple(
            h.OtherSubject(
                other.client_reference, frozenset(_name(c) for c in other.categories), other.solely_about
            )
            for other in record.other_subjects
        ),
        review_by=record.review_by_time.ToDatetime(UTC) if record.HasField("review_by_time") else None,
        spent_on=record.spent_on_time.ToDatetime(UTC) if record.HasField("spent_on_time") else None,
        withdrawn=not record.HasField("content"),
    )


def parts_of(content: records_pb2.RecordContent) -> Iterator[h.Part]:
    """One part for each category, and each free text for itself."""
    kind = content.WhichOneof("type")
    if kind is None:
        return
    message: Message = getattr(content, kind)
    third_party = kind == "note" and content.note.third_party
    found: set[str] = set()
    for field, value in message.ListFields():
        options = field.GetOptions().Extensions
        if options[common_pb2.free_text]:
            released = frozenset(_name(number) for number in value.released_categories)
            yield h.Part(released, True, third_party, value.text)
            continue
        floor = _name(options[common_pb2.category])
        values = value if field.is_repeated else [value]
        for one in values:
            own = _name(one.category) if isinstance(one, _CARRYING) else floor
            found.add(own if _rank(own) >= _rank(floor) else floor)
    for category in sorted(found):
        risk = _judged(content.risk) if kind == "risk" and category == "SAFEGUARDING_RISK" else None
        yield h.Part(frozenset({category}), third_party=third_party, risk=risk)


def _judged(risk: records_pb2.Risk) -> h.Risk:
    return h.Risk(
        *(
            getattr(risk, name).code if risk.HasField(name) else None
            for name in ("risk_to", "source", "outcome")
        )
    )


def _rank(category: str) -> int:
    return "NRV".index(level_of(category, False))
