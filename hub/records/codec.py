"""Builds the messages that adapters receive, from the plain values the hub works with.

Every function is pure. Times are aware datetimes in UTC; ids are written as their text; terms of the
vocabulary are written as the contract's enum numbers.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from hub.records.enums import number_of
from oncetold.v1 import common_pb2, delivery_service_pb2, records_pb2

PermittedPurpose = tuple[str, str, str]
"""Purpose, agreement id, permission state."""


def timestamp(moment: datetime | None) -> Timestamp | None:
    """A moment as the contract writes it; None stays unset. Raises ValueError for a naive datetime."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    written = Timestamp()
    written.FromDatetime(moment)
    return written


def position(ledger_id: UUID, index: int) -> common_pb2.LedgerPosition:
    """One place in this ledger."""
    return common_pb2.LedgerPosition(ledger_id=str(ledger_id), index=index)


def parse_content(content: bytes) -> records_pb2.RecordContent:
    """A fragment's content. Raises google.protobuf.message.DecodeError when the bytes are not one."""
    return records_pb2.RecordContent.FromString(content)


def envelope(
    *,
    record_id: UUID,
    origin_agency_id: str,
    service_type: str,
    occurred_time: datetime,
    recorded_time: datetime,
    source_system: str,
    revision: int,
) -> records_pb2.Envelope:
    """Who learned a record, and when."""
    return records_pb2.Envelope(
        record_id=str(record_id),
        origin_agency_id=origin_agency_id,
        service_type=number_of(common_pb2.ServiceType.DESCRIPTOR, service_type),
        occurred_time=timestamp(occurred_time),
        recorded_time=timestamp(recorded_time),
        source_system=source_system,
        revision=revision,
    )


def terms(purposes: Iterable[PermittedPurpose], marks: Iterable[str]) -> delivery_service_pb2.Terms:
    """Why a fragment may be used, and the marks to keep with it."""
    return delivery_service_pb2.Terms(
        purposes=[
            delivery_service_pb2.PermittedPurpose(
                purpose=number_of(common_pb2.Purpose.DESCRIPTOR, purpose),
                agreement_id=agreement_id,
                state=number_of(delivery_service_pb2.PermissionState.DESCRIPTOR, state),
            )
            for purpose, agreement_id, state in purposes
        ],
        marks=[number_of(common_pb2.HandlingMark.DESCRIPTOR, mark) for mark in marks],
    )


def element(
    *,
    fragment_id: UUID,
    envelope: records_pb2.Envelope,
    categories: Iterable[str],
    level: str,
    content: bytes,
    terms: delivery_service_pb2.Terms,
    etag: str,
) -> delivery_service_pb2.Element:
    """One fragment with its terms. Raises DecodeError for content that is not a RecordContent."""
    return delivery_service_pb2.Element(
        fragment_id=str(fragment_id),
        envelope=envelope,
        categories=[number_of(common_pb2.DataCategory.DESCRIPTOR, category) for category in categories],
        level=number_of(common_pb2.SensitivityLevel.DESCRIPTOR, level),
        content=parse_content(content),
        terms=terms,
        etag=etag,
    )


def disclosure(
    sequence: int, client_reference: str, element: delivery_service_pb2.Element
) -> delivery_service_pb2.Delivery:
    """A fragment that the recipient does not hold yet."""
    return delivery_service_pb2.Delivery(
        sequence=sequence, client_reference=client_reference, disclose=element
    )


def correction(
    sequence: int,
    client_reference: str,
    *,
    fragment_id: UUID,
    replacement: delivery_service_pb2.Element | None,
    terms: delivery_service_pb2.Terms,
    etag: str,
) -> delivery_service_pb2.Delivery:
    """Other content (``replacement``) or only other terms for a fragment already held."""
    return delivery_service_pb2.Delivery(
        sequence=sequence,
        client_reference=client_reference,
        correct=delivery_service_pb2.Correction(
            fragment_id=str(fragment_id), replacement=replacement, terms=terms, etag=etag
        ),
    )


def retraction(sequence: int, client_reference: str, fragment_id: UUID) -> delivery_service_pb2.Delivery:
    """Remove a fragment; says nothing of why."""
    return delivery_service_pb2.Delivery(
        sequence=sequence,
        client_reference=client_reference,
        retract=delivery_service_pb2.Retraction(fragment_id=str(fragment_id)),
    )


def serialised(delivery: delivery_service_pb2.Delivery) -> bytes:
    """The exact bytes whose SHA-256 a receipt quotes: fields in order, map-free, so the same every time."""
    return delivery.SerializeToString(deterministic=True)
