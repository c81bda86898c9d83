"""Refuses what the contract does not allow, before anything else looks at it.

Refusals name the field and the rule and never repeat what was sent. Four things are looked at:
fields and enum values this hub does not know (an unknown purpose or category must deny, so it is not
passed over in silence), the contract's own rules (protovalidate), and times that cannot be.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import protovalidate
from buf.validate import validate_pb2
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
_PAST_FIELDS = frozenset({"occurred_time", "given_time", "agreed_time", "done_time", "date_stamp"})
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


@dataclass(slots=True)
class _Plan:
    """What has to be looked at in messages of one type: fields by number, and pairs that are a period."""

    fields: dict[int, "_Look"]
    periods: tuple[tuple[str, str], ...]
    only: str = ""
    """The one field, which may be unset: an assessment's answers are many, with only a date in them."""


class _Look(NamedTuple):
    """One field: a moment, a date, an enum without a rule of its own, or messages that hold such."""

    field: FieldDescriptor
    name: str
    repeated: bool
    check: Callable[[FieldDescriptor, Any, datetime], None] | None
    inside: _Plan | None
    """The messages' plan, for a field of messages: they have no check of their own."""


def check(message: Message, now: datetime) -> None:
    """Raises Refused for the first thing wrong with a received message; ``now`` is the hub's time.

    Codes: UNKNOWN_FIELD, UNKNOWN_ENUM, INVALID_FIELD (with ``rule``), IMPOSSIBLE_TIME; each with the
    ``field``'s path.
    """
    known = type(message)()
    known.CopyFrom(message)
    known.DiscardUnknownFields()
    if known.ByteSize() != message.ByteSize():
        raise Refused("UNKNOWN_FIELD", field=_unknown_field(message, ""))
    for violation in protovalidate.collect_violations(message, fail_fast=True):
        path, rule = _violation_path(violation.proto.field), violation.proto.rule_id
        if rule == "enum.defined_only":
            raise Refused("UNKNOWN_ENUM", field=path)
        raise Refused("INVALID_FIELD", field=path, rule=rule)
    _look(message, _plan(message.DESCRIPTOR), now + CLOCK_TOLERANCE)


def _unknown_field(message: Message, path: str) -> str:
    """Where a field stands that this hub does not know: numbers, for it has no name here."""
    unknown_fields: Any = UnknownFieldSet(message)  # its stub does not say that it is iterable
    for unknown in unknown_fields:
        return f"{path}{unknown.field_number}"
    for field, value in message.ListFields():
        if field.message_type is not None:
            for index, item in enumerate(value if field.is_repeated else (value,)):
                where = f"{path}{field.name}[{index}]." if field.is_repeated else f"{path}{field.name}."
                found = _unknown_field(item, where)
                if found:
                    return found
    return ""


_PLANS: dict[str, _Plan] = {}


def _plan(descriptor: Any) -> _Plan:
    """The plan for a message type, by its descriptor."""
    known = _PLANS.get(descriptor.full_name)
    if known is None:
        # There already while it is made: a message may hold messages of its own type.
        known = _PLANS[descriptor.full_name] = _Plan({}, _periods(descriptor))
        for field in descriptor.fields:
            look = _look_of(field)
            if look is not None:
                known.fields[field.number] = look
        if len(known.fields) == 1:
            [look] = known.fields.values()
            known.only = look.name if look.field.has_presence else ""
    return known


def _look_of(field: FieldDescriptor) -> _Look | None:
    check: Callable[[FieldDescriptor, Any, datetime], None] | None = None
    inside: _Plan | None = None
    if field.message_type is not None:
        if field.message_type.full_name == Timestamp.DESCRIPTOR.full_name:
            check = _check_moment
        else:
            plan = _plan(field.message_type)
            inside = plan if plan.fields or plan.periods else None
    elif field.enum_type is not None:
        check = None if _has_own_rule(field) else _check_enum
    elif _is_date(field):
        check = _check_date
    if check is None and inside is None:
        return None
    return _Look(field, field.name, field.is_repeated, check, inside)


def _has_own_rule(field: FieldDescriptor) -> bool:
    """Whether the contract's rules refuse an unknown value by themselves."""
    rules: Any = field.GetOptions().Extensions[getattr(validate_pb2, "field")]  # noqa: B009  # made at import
    enum = rules.repeated.items.enum if field.is_repeated else rules.enum
    return bool(enum.defined_only)


def _look(message: Message, plan: _Plan, latest_past: datetime) -> None:
    """Looks at a message; the path of what is wrong in it is put together on the way out."""
    where = ""
    try:
        for field, value in message.ListFields():
            look = plan.fields.get(field.number)
            if look is None:
                continue
            if not look.repeated:
                where = look.name
                _look_at(look, value, latest_past)
                continue
            only = "" if look.inside is None else look.inside.only
            for index, item in enumerate(value):
                if not only or item.HasField(only):
                    where = f"{look.name}[{index}]"
                    _look_at(look, item, latest_past)
    except Refused as refused:
        inside = refused.details.pop("field", "")
        path = f"{where}.{inside}" if inside else where
        raise Refused(refused.code, field=path, **refused.details) from None
    for start, end in plan.periods:
        if message.HasField(start) and message.HasField(end):
            begins, ends = getattr(message, start), getattr(message, end)
            if _instant(ends) < _instant(begins):
                raise Refused("IMPOSSIBLE_TIME", field=end, rule="end_before_start")


def _look_at(look: _Look, value: Any, latest_past: datetime) -> None:
    if look.inside is not None:
        _look(value, look.inside, latest_past)
    if look.check is not None:
        look.check(look.field, value, latest_past)


def _check_enum(field: FieldDescriptor, value: int, latest_past: datetime) -> None:
    if field.enum_type is not None and value not in field.enum_type.values_by_number:
        raise Refused("UNKNOWN_ENUM")


def _is_date(field: FieldDescriptor) -> bool:
    return field.type == FieldDescriptor.TYPE_STRING and (
        field.name == "date" or field.name.endswith("_date")
    )


def _periods(descriptor: Descriptor) -> tuple[tuple[str, str], ...]:
    fields = descriptor.fields_by_name
    return tuple((start, end) for start, end in _PERIOD_NAMES if start in fields and end in fields)


def _check_date(field: FieldDescriptor, value: str, latest_past: datetime) -> None:
    if not value:
        return
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise Refused("IMPOSSIBLE_TIME", rule="calendar_date") from None
    if day.year < _EARLIEST.year:
        raise Refused("IMPOSSIBLE_TIME", rule="between_1900_and_9999")
    # A day later than ours has begun already in the east.
    if field.name in _PAST_DATES and day > (latest_past + _DAY).date():
        raise Refused("IMPOSSIBLE_TIME", rule="not_in_the_future")


def _check_moment(field: FieldDescriptor, value: Timestamp, latest_past: datetime) -> None:
    if value.seconds < _EARLIEST_SECONDS or value.seconds > _LATEST_SECONDS:
        raise Refused("IMPOSSIBLE_TIME", rule="between_1900_and_9999")
    if not 0 <= value.nanos < 1_000_000_000:
        raise Refused("IMPOSSIBLE_TIME", rule="nanoseconds")
    if field.name in _PAST_FIELDS and value.ToDatetime(UTC) > latest_past:
        raise Refused("IMPOSSIBLE_TIME", rule="not_in_the_future")


def _instant(value: Any) -> Any:
    return (value.seconds, value.nanos) if isinstance(value, Timestamp) else value


def _violation_path(field: Any) -> str:
    path = ""
    for element in field.elements:
        path += f".{element.field_name}" if path else element.field_name
        if element.subscript is not None:
            path += f"[{element.subscript.value}]"
    return path
