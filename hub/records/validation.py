"""Refuses what the contract does not allow, before anything else looks at it.

Refusals name the field and the rule and never repeat what was sent. Four things are looked at:
fields and enum values this hub does not know (an unknown purpose or category must deny, so it is not
passed over in silence), the contract's own rules (protovalidate), and times that cannot be.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import protovalidate
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.unknown_fields import UnknownFieldSet

from consent_ledger.errors import Refused

CLOCK_TOLERANCE = timedelta(minutes=2)
"""How far a sender's clock may be ahead of ours."""

_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_EARLIEST_SECONDS = int(_EARLIEST.timestamp())
_LATEST_SECONDS = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
_PAST_FIELDS = frozenset({"occurred_time", "given_time", "done_time", "date_stamp"})
_PAST_DATES = frozenset({"birth_date"})
_DAY = timedelta(days=1)
_PERIOD_NAMES = (
    ("start_time", "end_time"),
    ("effective_from_time", "effective_until_time"),
    ("data_from_time", "data_until_time"),
    ("start_date", "end_date"),
    ("from_date", "to_date"),
    ("from_date", "until_date"),
)


def check(message: Message, now: datetime) -> None:
    """Raises Refused for the first thing wrong with a received message; ``now`` is the hub's time.

    Codes: UNKNOWN_FIELD, UNKNOWN_ENUM, INVALID_FIELD (with ``rule``), IMPOSSIBLE_TIME; each with the
    ``field``'s path.
    """
    _check_known(message, "")
    for violation in protovalidate.collect_violations(message, fail_fast=True):
        raise Refused(
            "INVALID_FIELD", field=_violation_path(violation.proto.field), rule=violation.proto.rule_id
        )
    _check_times(message, "", now + CLOCK_TOLERANCE)


@cache
def _is_date(field: FieldDescriptor) -> bool:
    return field.type == FieldDescriptor.TYPE_STRING and (
        field.name == "date" or field.name.endswith("_date")
    )


@cache
def _periods(descriptor: Descriptor) -> tuple[tuple[str, str], ...]:
    fields = descriptor.fields_by_name
    return tuple((start, end) for start, end in _PERIOD_NAMES if start in fields and end in fields)


def _children(message: Message, path: str) -> Iterator[tuple[FieldDescriptor, Any, str]]:
    """Every set field's values one by one, each with its path. The contract has no maps."""
    for field, value in message.ListFields():
        if field.is_repeated:
            for index, item in enumerate(value):
                yield field, item, f"{path}{field.name}[{index}]"
        else:
            yield field, value, f"{path}{field.name}"


def _check_known(message: Message, path: str) -> None:
    unknown_fields: Any = UnknownFieldSet(message)  # its stub does not say that it is iterable
    for unknown in unknown_fields:
        raise Refused("UNKNOWN_FIELD", field=f"{path}{unknown.field_number}")
    for field, value, where in _children(message, path):
        if field.message_type is not None:
            _check_known(value, f"{where}.")
        elif field.enum_type is not None and value not in field.enum_type.values_by_number:
            raise Refused("UNKNOWN_ENUM", field=where)


def _check_times(message: Message, path: str, latest_past: datetime) -> None:
    for field, value, where in _children(message, path):
        if isinstance(value, Timestamp):
            _check_moment(field, value, where, latest_past)
        elif field.message_type is not None:
            _check_times(value, f"{where}.", latest_past)
        elif _is_date(field) and value:
            _check_date(field, value, where, latest_past)
    for start, end in _periods(message.DESCRIPTOR):
        if message.HasField(start) and message.HasField(end):
            begins, ends = getattr(message, start), getattr(message, end)
            if _instant(ends) < _instant(begins):
                raise Refused("IMPOSSIBLE_TIME", field=f"{path}{end}", rule="end_before_start")


def _check_date(field: FieldDescriptor, value: str, where: str, latest_past: datetime) -> None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise Refused("IMPOSSIBLE_TIME", field=where, rule="calendar_date") from None
    if day.year < _EARLIEST.year:
        raise Refused("IMPOSSIBLE_TIME", field=where, rule="between_1900_and_9999")
    # A day later than ours has begun already in the east.
    if field.name in _PAST_DATES and day > (latest_past + _DAY).date():
        raise Refused("IMPOSSIBLE_TIME", field=where, rule="not_in_the_future")


def _check_moment(field: FieldDescriptor, value: Timestamp, where: str, latest_past: datetime) -> None:
    if value.seconds < _EARLIEST_SECONDS or value.seconds > _LATEST_SECONDS:
        raise Refused("IMPOSSIBLE_TIME", field=where, rule="between_1900_and_9999")
    if not 0 <= value.nanos < 1_000_000_000:
        raise Refused("IMPOSSIBLE_TIME", field=where, rule="nanoseconds")
    if field.name in _PAST_FIELDS and value.ToDatetime(UTC) > latest_past:
        raise Refused("IMPOSSIBLE_TIME", field=where, rule="not_in_the_future")


def _instant(value: Any) -> Any:
    return (value.seconds, value.nanos) if isinstance(value, Timestamp) else value


def _violation_path(field: Any) -> str:
    path = ""
    for element in field.elements:
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None:
            path += f"[{element.subscript.value}]"
    return path
