"""Times at the command line: a date, or a time with its offset from UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from hub.cli.errors import Misused

RULE = (
    "give a date (2026-01-31, the start of that day in UTC) or a time with its offset (2026-01-31T09:00:00Z)"
)


def read_time(option: str, text: str) -> Timestamp:
    """Returns the time. Raises Misused naming the option, never the text."""
    try:
        moment = _parse(text.strip())
        stamp = Timestamp()
        stamp.FromDatetime(moment)
    except (ValueError, OverflowError):
        raise Misused(
            f"{option} is not a time.", f"Please {RULE}.", reason="IMPOSSIBLE_TIME", details={"field": option}
        ) from None
    return stamp


def now() -> Timestamp:
    """The caller's own clock. The hub decides by its own."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC))
    return stamp


def _parse(text: str) -> datetime:
    if len(text) == len("2026-01-31"):
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment.astimezone(UTC)
