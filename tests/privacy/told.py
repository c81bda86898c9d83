"""What the outreach team recorded of the person: every category, every place where words are kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from adapters.kit.source import Nothing, Origin, Rejected, SourceRecord
from oncetold.v1 import common_pb2 as common
from oncetold.v1 import record_service_pb2, records_pb2
from tests.privacy import person

CATEGORIES = tuple(value for value in common.DataCategory.values() if value)


def _coding() -> common.Coding:
    return common.Coding(system="test:codes", code=person.CODE)


def _words(text: str, *released: common.DataCategory.ValueType) -> common.FreeText:
    return common.FreeText(text=text, released_categories=released)


def _contents() -> list[records_pb2.RecordContent]:
    place = records_pb2.Place(address_line=person.ADDRESS, postcode=person.POSTCODE)
    name = records_pb2.PersonName(given=person.GIVEN, family=person.FAMILY)
    answers = [
        common.CategorisedAnswer(category=category, question=_coding(), coded=_coding())
        for category in CATEGORIES
    ]
    return [
        records_pb2.RecordContent(
            status_change=records_pb2.StatusChange(name=name, birth_date=person.BIRTH_DATE)
        ),
        records_pb2.RecordContent(accommodation=records_pb2.Accommodation(kind=_coding(), place=place)),
        records_pb2.RecordContent(assessment=records_pb2.Assessment(answers=answers)),
        records_pb2.RecordContent(
            note=records_pb2.Note(
                text=_words(person.NOTE, common.DATA_CATEGORY_MENTAL_HEALTH, common.DATA_CATEGORY_OWN_STORY)
            )
        ),
        records_pb2.RecordContent(
            client_statement=records_pb2.ClientStatement(
                text=_words(person.STATEMENT, common.DATA_CATEGORY_OWN_STORY)
            )
        ),
        records_pb2.RecordContent(
            worker_assigned=records_pb2.WorkerAssigned(worker_name=person.WORKER, work_phone=person.PHONE)
        ),
        records_pb2.RecordContent(risk=records_pb2.Risk(risk_to=_coding(), current_safety=True)),
        records_pb2.RecordContent(marac_mappa=records_pb2.MaracMappa(forum=_coding(), listed=True)),
        # Two that stay home: words nobody released, and a name with a direction override in it.
        records_pb2.RecordContent(
            contact=records_pb2.Contact(outcome=_coding(), narrative=_words(person.UNRELEASED))
        ),
        records_pb2.RecordContent(
            status_change=records_pb2.StatusChange(
                name=records_pb2.PersonName(given=f"{person.GIVEN}\u202e", family=person.FAMILY)
            )
        ),
    ]


SOUND, REFUSED = 8, 2


class CaseFiles:
    """The outreach team's own system, as its adapter reads it."""

    def __init__(self, revised: bool = False) -> None:
        self._revised = revised

    def records(self) -> Iterator[SourceRecord | Rejected | Nothing]:
        reference = person.REFERENCES["outreach"]
        for number, content in enumerate(_contents(), start=1):
            record = record_service_pb2.Record(
                record_id=person.RECORD_ID.format(number),
                client_reference=reference,
                service_type=common.SERVICE_TYPE_STREET_OUTREACH,
                source_system="case-files",
                content=content,
                marks=[common.HANDLING_MARK_PERSISTLABEL],
            )
            record.occurred_time.FromDatetime(datetime(2026, 3, number, tzinfo=UTC))
            if number == 3:
                record.other_subjects.add(
                    client_reference=person.OTHER_REFERENCE, categories=[common.DATA_CATEGORY_FAMILY]
                )
            if self._revised and number == 5:
                record.occurred_time.FromDatetime(datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=1))
            yield SourceRecord(reference, record, Origin("case-files", number))
