"""Writes what is sent as the contract's bytes, around content that is sealed in the contract's form already.

A message is its fields one after another, so content that was checked when it was published is framed as it
stands: it is neither parsed nor built again. The frames' field numbers are read from the contract itself.
Encoding: https://protobuf.dev/programming-guides/encoding/.
"""

from functools import lru_cache
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor
from google.protobuf.timestamp_pb2 import Timestamp

from hub.records.enums import number_of
from oncetold.v1 import common_pb2, delivery_service_pb2, record_service_pb2, records_pb2

_LENGTH_DELIMITED = 2


class Frame(NamedTuple):
    """What many elements have in common: the envelope's constant fields, and the element's."""

    envelope: bytes
    element: bytes


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


_SMALL = tuple(_varint(number) for number in range(8192))


def varint(number: int) -> bytes:
    """A number that is not negative."""
    return _SMALL[number] if number < 8192 else _varint(number)


def _tag(message: Descriptor, field: str) -> bytes:
    return varint(message.fields_by_name[field].number << 3 | _LENGTH_DELIMITED)


def _number_tag(message: Descriptor, field: str) -> bytes:
    return varint(message.fields_by_name[field].number << 3)


_ENVELOPE = records_pb2.Envelope.DESCRIPTOR
_ELEMENT = delivery_service_pb2.Element.DESCRIPTOR
_DELIVERY = delivery_service_pb2.Delivery.DESCRIPTOR
_CORRECTION = delivery_service_pb2.Correction.DESCRIPTOR
_UUID_LENGTH, _ETAG_LENGTH = b"\x24", b"\x20"
_RECORD_ID = _tag(_ENVELOPE, "record_id") + _UUID_LENGTH
_OCCURRED = _tag(_ENVELOPE, "occurred_time")
_RECORDED = _tag(_ENVELOPE, "recorded_time")
_REVISION = _number_tag(_ENVELOPE, "revision")
_ENVELOPE_FIXED = len(_RECORD_ID) + 36 + len(_OCCURRED) + len(_RECORDED) + len(_REVISION)
_FRAGMENT_ID = _tag(_ELEMENT, "fragment_id") + _UUID_LENGTH
_ELEMENT_ENVELOPE = _tag(_ELEMENT, "envelope")
_CONTENT = _tag(_ELEMENT, "content")
_TERMS = _tag(_ELEMENT, "terms")
_ETAG = _tag(_ELEMENT, "etag") + _ETAG_LENGTH
_SEQUENCE = _number_tag(_DELIVERY, "sequence")
_REFERENCE = _tag(_DELIVERY, "client_reference")
_DISCLOSE = _tag(_DELIVERY, "disclose")
_CORRECT = _tag(_DELIVERY, "correct")
_RETRACT = _tag(_DELIVERY, "retract")
_RETRACTED = _tag(delivery_service_pb2.Retraction.DESCRIPTOR, "fragment_id") + _UUID_LENGTH
_CORRECTED = _tag(_CORRECTION, "fragment_id") + _UUID_LENGTH
_REPLACEMENT = _tag(_CORRECTION, "replacement")
_NEW_TERMS = _tag(_CORRECTION, "terms")
_NEW_ETAG = _tag(_CORRECTION, "etag") + _ETAG_LENGTH
_ELEMENTS = _tag(record_service_pb2.GetHistoryResponse.DESCRIPTOR, "elements")
_DELIVERIES = _tag(delivery_service_pb2.FetchDeliveriesResponse.DESCRIPTOR, "deliveries")


def uuid_text(identity: bytes) -> bytes:
    """A UUID's 36 letters."""
    letters = identity.hex()
    return f"{letters[:8]}-{letters[8:12]}-{letters[12:16]}-{letters[16:20]}-{letters[20:]}".encode()


def framed(tag: bytes, *pieces: bytes) -> bytes:
    """One field with its length ahead."""
    body = b"".join(pieces)
    return tag + varint(len(body)) + body


_SECONDS = _number_tag(Timestamp.DESCRIPTOR, "seconds")
_NANOS = _number_tag(Timestamp.DESCRIPTOR, "nanos")


@lru_cache(maxsize=8192)
def _moment(written: int) -> bytes:
    """Microseconds since 1970 as a Timestamp behind its length."""
    seconds, rest = divmod(written, 1_000_000)
    # A negative number is written as its two's complement of 64 bits.
    body = _SECONDS + _varint(seconds % 2**64)
    if rest:
        body += _NANOS + _varint(rest * 1000)
    return varint(len(body)) + body


@lru_cache(maxsize=4096)
def frame(
    origin_agency_id: str,
    service_type: str,
    source_system: str,
    categories: tuple[str, ...],
    level: str,
) -> Frame:
    """What every element of one kind has in common."""
    envelope = records_pb2.Envelope(
        origin_agency_id=origin_agency_id,
        service_type=number_of(common_pb2.ServiceType.DESCRIPTOR, service_type),
        source_system=source_system,
    )
    element = delivery_service_pb2.Element(
        categories=[number_of(common_pb2.DataCategory.DESCRIPTOR, category) for category in categories],
        level=number_of(common_pb2.SensitivityLevel.DESCRIPTOR, level),
    )
    return Frame(
        envelope.SerializeToString(deterministic=True),
        element.SerializeToString(deterministic=True),
    )


@lru_cache(maxsize=4096)
def terms(purposes: tuple[tuple[str, str, str], ...], marks: tuple[str, ...]) -> bytes:
    """Terms, from rows of (purpose, agreement id, state)."""
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
    ).SerializeToString(deterministic=True)


def element(
    kind: Frame,
    element_id: bytes,
    record_id: bytes,
    occurred_at: int,
    recorded_at: int,
    revision: int,
    content: bytes,
    terms: bytes,
    etag: bytes,
) -> bytes:
    """One fragment with its envelope and terms, as an Element. Ids and the etag are 16 bytes.

    `occurred_at` and `recorded_at` in microseconds since 1970; `content` a serialised RecordContent; `terms`
    as `terms` writes them.
    """
    occurred, recorded, times = _moment(occurred_at), _moment(recorded_at), varint(revision)
    length = len(kind.envelope) + len(occurred) + len(recorded) + len(times) + _ENVELOPE_FIXED
    return b"".join(
        (
            _FRAGMENT_ID,
            uuid_text(element_id),
            _ELEMENT_ENVELOPE,
            varint(length),
            _RECORD_ID,
            uuid_text(record_id),
            kind.envelope,
            _OCCURRED,
            occurred,
            _RECORDED,
            recorded,
            _REVISION,
            times,
            kind.element,
            _CONTENT,
            varint(len(content)),
            content,
            _TERMS,
            varint(len(terms)),
            terms,
            _ETAG,
            etag.hex().encode(),
        )
    )


def in_history(element: bytes) -> bytes:
    """One of a history's elements."""
    return framed(_ELEMENTS, element)


def disclosure(sequence: int, client_reference: str, element: bytes) -> bytes:
    """A fragment that the recipient does not hold yet, as one of an answer's deliveries."""
    return _delivery(sequence, client_reference, _DISCLOSE, element)


def correction(
    sequence: int,
    client_reference: str,
    *,
    element_id: bytes,
    replacement: bytes | None,
    terms: bytes,
    etag: bytes,
) -> bytes:
    """Other content (``replacement``) or only other terms for a fragment already held."""
    body = _CORRECTED + uuid_text(element_id)
    if replacement is not None:
        body += framed(_REPLACEMENT, replacement)
    body += framed(_NEW_TERMS, terms) + _NEW_ETAG + etag.hex().encode()
    return _delivery(sequence, client_reference, _CORRECT, body)


def retraction(sequence: int, client_reference: str, element_id: bytes) -> bytes:
    """Remove a fragment; says nothing of why."""
    return _delivery(sequence, client_reference, _RETRACT, _RETRACTED + uuid_text(element_id))


def _delivery(sequence: int, client_reference: str, tag: bytes, body: bytes) -> bytes:
    head = _SEQUENCE + varint(sequence) + framed(_REFERENCE, client_reference.encode())
    return framed(_DELIVERIES, head, framed(tag, body))
