"""The records that every side of a comparison is given: about 700 bytes of content in one category."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import uuid4

from consent_ledger.vocabulary import DataCategory, ServiceType
from hub.records.enums import number_of
from hub.records.splitter import SplitRecord, split
from hub.use_cases.publish import NewRecord
from oncetold.v1 import common_pb2, record_service_pb2, records_pb2

CONTENT_BYTES = 700
"""Serialised content of a record."""
OCCURRED = datetime.now(UTC) - timedelta(hours=2)
SOURCE = "bench"


@lru_cache(maxsize=64)
def content(category: DataCategory) -> records_pb2.RecordContent:
    """An assessment whose answers are all of one category, as a worker's form gives them."""
    found = records_pb2.RecordContent()
    number = number_of(common_pb2.DataCategory.DESCRIPTOR, category)
    while found.ByteSize() < CONTENT_BYTES - 80:
        asked = len(found.assessment.answers)
        found.assessment.answers.add(
            category=number,
            question=common_pb2.Coding(system="bench-form", code=f"question-{asked}-how-are-things"),
            coded=common_pb2.Coding(system="bench-form", code=f"answer-{asked}-much-as-before"),
        )
    while found.ByteSize() < CONTENT_BYTES:
        found.assessment.answers[-1].coded.code += "-"
    return found


def message(
    record_id: str,
    reference: str,
    category: DataCategory,
    service: ServiceType = ServiceType.HOSTEL,
    occurred: datetime = OCCURRED,
) -> record_service_pb2.Record:
    """A first revision as an adapter publishes it."""
    written = record_service_pb2.Record(
        record_id=record_id,
        revision=1,
        client_reference=reference,
        service_type=number_of(common_pb2.ServiceType.DESCRIPTOR, service),
        source_system=SOURCE,
        content=content(category),
    )
    written.occurred_time.FromDatetime(occurred)
    return written


def publishing(record: record_service_pb2.Record) -> bytes:
    """One request with one record, under a new request id."""
    request = record_service_pb2.PublishRecordsRequest(request_id=str(uuid4()), records=[record])
    return request.SerializeToString()


@lru_cache(maxsize=64)
def _parts(category: DataCategory, service: ServiceType) -> SplitRecord:
    return split(message("any", "any", category, service))


def new_record(
    record_id: str,
    reference: str,
    category: DataCategory,
    service: ServiceType = ServiceType.HOSTEL,
    occurred: datetime = OCCURRED,
) -> NewRecord:
    """The same record as the publishing use case takes it."""
    parts = _parts(category, service)
    return NewRecord(
        record_id,
        1,
        reference,
        service,
        parts.envelope_category,
        occurred,
        SOURCE,
        (),
        parts.fragments,
        parts.record_type,
    )
