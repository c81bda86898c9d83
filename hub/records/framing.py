"""Writes what is sent as the contract's bytes, around content that is sealed in the contract's form already.

A message is its fields one after another, so content that was checked when it was published is framed as it
stands: it is neither parsed nor built again. The frames' field numbers are read from the contract itself.
Encoding: https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from google.protobuf.descriptor import Descriptor
from google.protobuf.timestamp_pb2 import Timestamp

from hub.records.enums import number_of
from oncetold.v1 import common_pb2, delivery_service_pb2, record_service_pb2, records_pb2

_LENGTH_DELIMITED = 2


class Frame(NamedTuple):
    """What many elements have in common: what stands in the envelope between the record's id and when it
    occurred, and in the element between the envelope and its content."""

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
_FRAGMENT_ID = _tag(_ELEMENT, "fragment_id") + _UUID_LENGTH
_ELEMENT_ENVELOPE = _tag(_ELEMENT, "envelope")
_CONTENT = _tag(_ELEMENT, "content")
_TERMS = _tag(_ELEMENT, "terms")
_ETAG = _tag(_ELEMENT, "etag") + _ETAG_LENGTH
_SEQUENCE = _number_tag(_DELIVERY, "sequence")
_REFERENCE = _tag(_DELIVERY, "client_reference")
_CORRECT = _tag(_DELIVERY, "correct")
_RETRACT = _tag(_DELIVERY, "retract")
_RETRACTED = _tag(delivery_service_pb2.Retraction.DESCRIPTOR, "fragment_id") + _UUID_LENGTH
_CORRECTED = _tag(_CORRECTION, "fragment_id") + _UUID_LENGTH
_NEW_TERMS = _tag(_CORRECTION, "terms")
_NEW_ETAG = _tag(_CORRECTION, "etag") + _ETAG_LENGTH
_DELIVERIES = _tag(delivery_service_pb2.FetchDeliveriesResponse.DESCRIPTOR, "deliveries")
IN_HISTORY = _tag(record_service_pb2.GetHistoryResponse.DESCRIPTOR, "elements")
"""What an element stands behind as one of a history's, as a disclosure, as a correction's replacement."""
DISCLOSED = _tag(_DELIVERY, "disclose")
REPLACEMENT = _tag(_CORRECTION, "replacement")
_ENVELOPE_FIXED = len(_RECORD_ID) + 36 + len(_RECORDED)
_ELEMENT_FIXED = len(_FRAGMENT_ID) + 36 - len(_RECORD_ID) + 32


def uuid_text(identity: bytes) -> bytes:
    """A UUID's 36 letters."""
    return uuid_texts((identity,))[0]


_LETTERS = [place for place in range(36) if place not in (8, 13, 18, 23)]


def uuid_texts(identities: Sequence[bytes]) -> list[bytes]:
    """Each UUID's 36 letters: place by place for all of them at once, which takes a third of one by one."""
    letters = b"".join(identities).hex().encode()
    written = bytearray(b"-") * (36 * len(identities))
    for number, place in enumerate(_LETTERS):
        written[place::36] = letters[number::32]
    whole = bytes(written)
    return [whole[at : at + 36] for at in range(0, len(whole), 36)]


def etag_texts(tags: Sequence[bytes]) -> list[bytes]:
    """Each etag's 32 letters."""
    letters = b"".join(tags).hex().encode()
    return [letters[at : at + 32] for at in range(0, len(letters), 32)]


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
        envelope.SerializeToString(deterministic=True) + _OCCURRED,
        element.SerializeToString(deterministic=True) + _CONTENT,
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


def under(terms: bytes) -> bytes:
    """What stands in an element from its content to its etag's letters. `terms` as `terms` writes them."""
    return framed(_TERMS, terms) + _ETAG


@lru_cache(maxsize=1024)
def _envelope_of(size: int) -> bytes:
    """An envelope's beginning, up to the record's id."""
    return _ELEMENT_ENVELOPE + varint(size) + _RECORD_ID


@lru_cache(maxsize=1024)
def _revision(number: int) -> bytes:
    return _REVISION + varint(number)


def element(
    tag: bytes,
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
    """One fragment with its envelope and terms, as an Element behind `tag`. Ids and the etag as letters.

    `occurred_at` and `recorded_at` in microseconds since 1970; `content` a serialised RecordContent; `terms`
    as `under` writes them.
    """
    occurred, recorded, times = _moment(occurred_at), _moment(recorded_at), _revision(revision)
    between, behind = kind
    envelope = len(between) + len(occurred) + len(recorded) + len(times) + _ENVELOPE_FIXED
    opening, content_size = _envelope_of(envelope), varint(len(content))
    size = len(opening) + envelope + len(behind) + len(content_size) + len(content) + len(terms)
    return b"".join(
        (
            tag,
            varint(size + _ELEMENT_FIXED),
            _FRAGMENT_ID,
            element_id,
            opening,
            record_id,
            between,
            occurred,
            _RECORDED,
            recorded,
            times,
            behind,
            content_size,
            content,
            terms,
            etag,
        )
    )


def disclosure(sequence: int, client_reference: str, element: bytes) -> bytes:
    """A fragment that the recipient does not hold yet, as one of an answer's deliveries.

    `element` is written behind `DISCLOSED`.
    """
    return _delivery(sequence, client_reference, element)


def correction(
    sequence: int,
    client_reference: str,
    *,
    element_id: bytes,
    replacement: bytes | None,
    terms: bytes,
    etag: bytes,
) -> bytes:
    """Other content or only other terms for a fragment already held. Ids and the etag are 16 bytes.

    `replacement` is an element written behind `REPLACEMENT`.
    """
    body = _CORRECTED + uuid_text(element_id)
    if replacement is not None:
        body += replacement
    body += framed(_NEW_TERMS, terms) + _NEW_ETAG + etag.hex().encode()
    return _delivery(sequence, client_reference, framed(_CORRECT, body))


def retraction(sequence: int, client_reference: str, element_id: bytes) -> bytes:
    """Remove a fragment; says nothing of why."""
    return _delivery(sequence, client_reference, framed(_RETRACT, _RETRACTED + uuid_text(element_id)))


def _delivery(sequence: int, client_reference: str, step: bytes) -> bytes:
    return framed(
        _DELIVERIES, _SEQUENCE, varint(sequence), framed(_REFERENCE, client_reference.encode()), step
    )
