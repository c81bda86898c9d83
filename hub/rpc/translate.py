"""Between the contract's messages and the plain values that use cases take and give.

Requests come here checked: ids are ids, enum values are known, times can be. What is unset is None.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from consent_ledger.vocabulary import Term
from hub.records.enums import number_of, term_of

T = TypeVar("T", bound=Term)


def _term(message: Message, name: str, value: int) -> str | None:
    field: Any = message.DESCRIPTOR.fields_by_name[name]
    return term_of(field.enum_type, value)


def moment(message: Message, name: str) -> datetime | None:
    """A time field; None when unset."""
    return required_moment(message, name) if message.HasField(name) else None


def required_moment(message: Message, name: str) -> datetime:
    """A time field that validation requires."""
    written: Timestamp = getattr(message, name)
    return written.ToDatetime(UTC)


def term(message: Message, name: str, kind: type[T]) -> T:
    """An enum field that validation requires. Raises ValueError for the unspecified value."""
    found = optional_term(message, name, kind)
    if found is None:
        raise ValueError(f"{name} is unspecified")
    return found


def optional_term(message: Message, name: str, kind: type[T]) -> T | None:
    """An enum field; None when unspecified."""
    found = _term(message, name, getattr(message, name))
    return None if found is None else kind(found)


def terms(message: Message, name: str, kind: type[T]) -> tuple[T, ...]:
    """A repeated enum field without unspecified values."""
    return tuple(kind(str(_term(message, name, value))) for value in getattr(message, name))


def uuid(message: Message, name: str) -> UUID:
    """An id field that validation requires."""
    return UUID(getattr(message, name))


def number(enum: Any, value: str | None) -> Any:
    """The contract's number of a term, for an enum such as common_pb2.Purpose; 0 for None."""
    return number_of(enum.DESCRIPTOR, value)


def numbers(enum: Any, values: Iterable[str]) -> list[Any]:
    """The contract's numbers of terms, in order."""
    return [number(enum, value) for value in values]


def from_iso(written: str) -> datetime:
    """A moment kept as ISO 8601 text."""
    return datetime.fromisoformat(written)
