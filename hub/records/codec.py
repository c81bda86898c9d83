"""Builds small messages from the plain values the hub works with; what carries content `framing` writes."""

from datetime import datetime
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from oncetold.v1 import common_pb2, delivery_service_pb2


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
