"""The hub's log: what happened, as a code with known fields; of libraries' messages only whose and how grave.

A message that a library writes may quote what somebody sent, and so may an exception's text. Neither is
written: of a record that is not an event of ours only its logger's module and its level are. Ours name their
event and its fields as `extra={"event": ..., "fields": {...}}`; what the list below does not know of them is
left out. One record is one line.
"""

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TextIO

_NAME = r"[A-Za-z_][A-Za-z0-9_.]{0,79}"
FIELDS: Mapping[str, re.Pattern[str]] = {
    "error_id": re.compile(r"[0-9a-f]{16}"),
    "error_type": re.compile(_NAME),
    "reason": re.compile(r"[A-Z][A-Z0-9_]{0,39}"),
    "place": re.compile(r"[A-Za-z0-9_]{1,80}\.py:[0-9]{1,6}|unknown"),
    "entries": re.compile(r"[0-9]{1,12}"),
    "of": re.compile(r"[0-9]{1,12}"),
}
"""Fields by name, with what their values look like."""

EVENTS: Mapping[str, tuple[str, ...]] = {
    "CALL_FAILED": ("error_id", "error_type", "place"),
    "COMMIT_FAILED": ("error_type",),
    "RESET_FAILED": ("error_type",),
    "PROJECTIONS_REBUILT": (),
    "MEASURING_STOPPED": ("error_type",),
    "SERVING": (),
    "BEING_FOUNDED": (),
    "STOPPING": (),
    "READING_LEDGER": ("entries", "of"),
    "READING_STOPPED": ("error_type",),
    "LOG_NOT_SIGNED": ("error_type",),
    "LOG_DAMAGED": ("error_type",),
    "SCRUB_FAILED": ("error_type",),
    "KEY_EPOCH_BEGAN": (),
    "KEY_EPOCH_ENDED": (),
    "KEY_EPOCH_STUCK": ("error_type",),
    "KEY_EPOCHS_STOPPED": ("error_type",),
    "FOLLOWING_STOPPED": ("error_type",),
    "TLS_FILES_READ": (),
    "TLS_FILES_UNUSABLE": (),
    "WITNESS_REFUSED": ("reason",),
    "ERASING_WAITS": ("error_type",),
    "ERASING_STOPPED": ("error_type",),
    "LOOKING_WAITS": ("error_type",),
    "LOOKING_STOPPED": ("error_type",),
    "UNHANDLED": ("error_type", "place"),
    "OTHER": (),
}
"""Everything that can be said, and with which fields. `OTHER` is somebody else's message."""
OURS = ("adapters", "consent_ledger", "hub")


class Closed(logging.Formatter):
    """Writes a record's time, level, logger, event and known fields: as JSON, or as `name=value`."""

    def __init__(self, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the record holds."""
        event, fields = _event_of(record)
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": logging.getLevelName(record.levelno) if record.levelno in _LEVELS else "OTHER",
            "logger": module_of(record.name),
            "event": event,
            **fields,
        }
        if self._as_json:
            return json.dumps(told)
        return " ".join([told.pop("time"), *(f"{name}={value}" for name, value in told.items())])


_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


def module_of(logger: str) -> str:
    """The loaded module that a logger is named after, or its nearest package: a name may hold anything."""
    name = logger
    while name and name not in sys.modules:
        name = name.rpartition(".")[0]
    return name or "other"


def _event_of(record: logging.LogRecord) -> tuple[str, dict[str, str]]:
    event = getattr(record, "event", None)
    if record.name.partition(".")[0] not in OURS or not isinstance(event, str) or event not in EVENTS:
        return "OTHER", {}
    given = getattr(record, "fields", None)
    found = given if isinstance(given, Mapping) else {}
    return event, {
        name: str(found[name])
        for name in EVENTS[event]
        if name in found and FIELDS[name].fullmatch(str(found[name]))
    }


def configure_logs(*, as_json: bool, level: str, stream: TextIO | None = None) -> None:
    """Sends every log of this process through the closed formatter, and what nobody caught too.

    `level` is for all; libraries say nothing below a warning unless it is `debug`.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Closed(as_json))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    number = getattr(logging, level.upper())
    root.setLevel(number if number in (logging.DEBUG, logging.ERROR) else logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(number)
    # A handler that fails would print the record and where it was made.
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    sys.unraisablehook = lambda caught: _uncaught(caught.exc_type, caught.exc_value, caught.exc_traceback)
    threading.excepthook = lambda caught: _uncaught(caught.exc_type, caught.exc_value, caught.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """An error that nobody caught: its class and place, not its text."""
    frames = traceback.extract_tb(trace)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
    logging.getLogger(__name__).error(
        "unhandled", extra={"event": "UNHANDLED", "fields": {"error_type": kind.__name__, "place": place}}
    )
