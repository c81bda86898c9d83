"""The log is closed: our events with known fields, of libraries only whose and how grave, a line each."""

import io
import json
import logging
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.logs import EVENTS, FIELDS, Closed, configure_logs, module_of
from hub.rpc.status import answer_to
from tests.privacy import person
from tests.privacy.scanner import hits

WORDS = "\n".join([person.NOTE, person.ADDRESS, person.FAMILY, person.CODE])
SPEAKING = ("grpc", "sqlalchemy.engine.Engine", "hub.rpc.status", f"grpc.{person.FAMILY}", person.FAMILY)
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Puts back everything that a process's log is made of."""
    names = ["", "adapters", "consent_ledger", "hub", "grpc", "sqlalchemy", *SPEAKING]
    levels = {name: logging.getLogger(name).level for name in names}
    handlers, raising = list(logging.getLogger().handlers), logging.raiseExceptions
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    # A command that ran in this process before may have left them captured, for another test's end.
    logging.captureWarnings(False)
    yield
    logging.captureWarnings(False)
    logging.getLogger().handlers[:] = handlers
    logging.raiseExceptions = raising
    sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def logged(as_json: bool, level: str = "debug") -> io.StringIO:
    stream = io.StringIO()
    configure_logs(as_json=as_json, level=level, stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def speak_carelessly() -> None:
    """Somebody's words in everything that a record can hold."""
    for name in SPEAKING:
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        logger.warning("%s", WORDS)
        logger.error(WORDS, extra={"event": person.CODE, "fields": {"error_id": person.NOTE}})
        logger.error(WORDS, extra={"event": "CALL_FAILED", "fields": dict.fromkeys(FIELDS, person.NOTE)})
        logger.log(37, WORDS, extra={"event": "SERVING", "fields": {person.CODE: "x"}}, stack_info=True)
        try:
            raise KeyError(WORDS)
        except KeyError:
            logger.exception("%(who)s", {"who": WORDS})
    logging.getLogger("hub").error("%d", WORDS)  # its arguments do not fit
    warnings.warn(WORDS, stacklevel=1)


@pytest.mark.parametrize("as_json", [True, False])
def test_no_word_of_anybody_is_logged_whatever_a_record_holds(
    as_json: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = logged(as_json)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        speak_carelessly()
    told = stream.getvalue().encode()

    assert hits(told + "".join(capfd.readouterr()).encode(), person.WORDS) == set()
    assert told.count(b"\n") == 5 * 5 + 2, "one record is one line"
    assert b"CALL_FAILED" in told and b"OTHER" in told


def test_control_a_common_formatter_writes_all_of_it() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().handlers[:] = [handler]
    logging.raiseExceptions = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        speak_carelessly()

    seen = {hit.label for hit in hits(stream.getvalue().encode(), person.WORDS)}
    assert {"note", "address", "family name", "coded answer"} <= seen


def test_a_failed_call_is_one_line_of_json_with_what_helps() -> None:
    stream = logged(as_json=True)
    try:
        raise ValueError(person.NOTE)
    except ValueError as error:
        answer = answer_to(error)

    [line] = lines(stream)
    assert (line["level"], line["logger"], line["event"]) == ("ERROR", "hub.rpc.status", "CALL_FAILED")
    assert line["error_type"] == "ValueError" and line["place"].startswith("test_logs.py:")
    assert line["error_id"] in str(answer.trailing_metadata), "the caller was told the same id"
    assert set(line) == {"time", "level", "logger", "event", *EVENTS["CALL_FAILED"]}


def test_the_same_as_text() -> None:
    stream = logged(as_json=False)
    answer_to(ValueError(person.NOTE))

    time, *rest = stream.getvalue().split()
    assert time.endswith("+00:00")
    assert rest[:3] == ["level=ERROR", "logger=hub.rpc.status", "event=CALL_FAILED"]


def test_a_newline_in_a_field_drops_the_field() -> None:
    stream = logged(as_json=False)
    forged = "x\n2026-01-01 level=INFO logger=hub event=SERVING"
    fields = {"error_type": forged, "place": "a.py:1", "error_id": "f" * 16}
    logging.getLogger("hub.rpc.status").error("x", extra={"event": "CALL_FAILED", "fields": fields})

    [line] = stream.getvalue().splitlines()
    assert "SERVING" not in line and "place=a.py:1" in line


def test_libraries_are_heard_from_a_warning_on_and_ours_from_info_on() -> None:
    stream = logged(as_json=True, level="info")
    for name in ("grpc", "hub"):
        for level in (logging.DEBUG, logging.INFO, logging.WARNING):
            logging.getLogger(name).log(level, "x", extra={"event": "SERVING"})

    heard = [(line["logger"], line["level"]) for line in lines(stream)]
    assert heard == [("grpc", "WARNING"), ("hub", "INFO"), ("hub", "WARNING")]


@pytest.mark.parametrize(
    ("logger", "told"),
    [
        ("hub.logs", "hub.logs"),
        ("hub.logs.Zoe", "hub.logs"),
        ("Zoe", "other"),
        ("", "other"),
        ("..", "other"),
    ],
)
def test_a_logger_is_told_by_the_module_it_is_named_after(logger: str, told: str) -> None:
    assert module_of(logger) == told


def test_the_code_logs_every_event_and_no_other() -> None:
    assert {field for fields in EVENTS.values() for field in fields} == set(FIELDS)
    sources = [path for room in ("hub", "consent_ledger") for path in (ROOT / room).rglob("*.py")]
    told = {
        event
        for path in sources
        for event in re.findall(r'(?:"event": |_say\((?:logging\.[A-Z]+, )?)"([A-Z_]+)"', path.read_text())
    }

    assert told == set(EVENTS) - {"OTHER"}


CARELESS = """
import sys, threading, logging
from hub.logs import configure_logs
configure_logs(as_json=sys.argv[1] == "json", level="debug")
class Left:
    def __del__(self):
        raise ValueError(sys.argv[2])
left = Left()
del left
thread = threading.Thread(target=lambda: int(sys.argv[2]))
thread.start()
thread.join()
import asyncio
async def forgotten():
    raise KeyError(sys.argv[2])
async def main():
    task = asyncio.ensure_future(forgotten())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
asyncio.run(main(), debug=True)
raise RuntimeError(sys.argv[2])
"""


@pytest.mark.parametrize("form", ["json", "text"])
def test_what_nobody_catches_is_told_without_its_text(form: str) -> None:
    done: Any = subprocess.run(
        [sys.executable, "-c", CARELESS, form, person.NOTE], cwd=ROOT, capture_output=True, check=False
    )

    assert done.returncode == 1
    assert hits(done.stderr + done.stdout, person.WORDS) == set()
    assert done.stderr.count(b"UNHANDLED") == 3 and b"Traceback" not in done.stderr
    for kind in (b"ValueError", b"RuntimeError"):
        assert kind in done.stderr
    assert b"asyncio" in done.stderr


def test_a_level_without_a_name_is_other() -> None:
    record = logging.LogRecord("hub", 37, __file__, 1, "x", (), None)

    assert json.loads(Closed(as_json=True).format(record))["level"] == "OTHER"
