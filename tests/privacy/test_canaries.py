"""No word of a person, no category and no kind of event is in clear where nobody should read it (I11)."""

import gzip
import json
import re
import sqlite3
import zlib
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from consent_ledger.domain import TOPICS
from consent_ledger.vocabulary import DataCategory
from tests.observability.collector import collector
from tests.privacy import hub_process, person
from tests.privacy.evidence import Evidence
from tests.privacy.scanner import Hit, hits, whole_words, writings
from tests.privacy.test_telemetry import spoil

CATEGORIES = {category.value for category in DataCategory}
EVENTS = {topic for topic in TOPICS if "." in topic and topic.split(".")[0] not in ("agency", "agreement")}
KINDS = {"registration", "involvement", "exclusion", "refusal"} | {
    TOPICS[topic].__qualname__ for topic in EVENTS
}
"""Names of clients' events and their classes. Shorter ones (`grant`, `link`) turn up in random bytes."""


def found(where: dict[str, bytes]) -> dict[str, set[Hit]]:
    """The places that hold any of the person's words."""
    return {place: seen for place, data in where.items() if (seen := hits(data, person.WORDS))}


def test_there_is_something_to_look_through(evidence: Evidence) -> None:
    sizes = {place: len(data) for place, data in evidence.stored.items()}
    for moment in ("running", "stopped"):
        for table in ("entries", "keys", "cells", "requests"):
            assert sizes[f"{moment}: table {table}"] > 1000, table
    for place in ("running: ledger.db", "running: ledger.db-wal", "killed: ledger.db-wal"):
        assert sizes[place] > 50_000, place
    assert "running: ledger.db-shm" in sizes
    log = evidence.spoken["first hub stderr"]
    for logger in (b"sqlalchemy.engine", b"asyncio DEBUG", b"hub.rpc.status ERROR error_id="):
        assert logger in log
    assert log.count(b"error_id=") == 2, "the handler and the use case that were made to raise"


def test_nothing_of_the_person_is_stored_in_clear(evidence: Evidence) -> None:
    assert found(evidence.stored) == {}


def test_nothing_of_the_person_is_logged_or_printed_by_hub_or_adapters(evidence: Evidence) -> None:
    assert found(evidence.spoken) == {}


def test_nothing_of_the_person_leaves_by_figures_or_spans(evidence: Evidence) -> None:
    assert found(evidence.measured) == {}
    for place, names in {
        "page": (b"oncetold_calls_total", b"oncetold_dirty_pairs", b'oncetold_agency="clinic"', b"INTERNAL"),
        "figures sent": (b"oncetold.calls", b"oncetold.retractions.open", b"RecordService.GetHistory"),
        "spans sent": (b"RegistrationService.RegisterClient", b"UNKNOWN_FIELD", b"INTERNAL"),
        "beside them": (b"user-agent",),
    }.items():
        assert [name for name in names if name not in evidence.measured[place]] == [], place


def test_no_category_or_kind_of_event_is_measured_nor_any_id(evidence: Evidence) -> None:
    words = {*CATEGORIES, *EVENTS, *(f"DATA_CATEGORY_{category}" for category in CATEGORIES)}
    ids = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
    for place, data in evidence.measured.items():
        assert whole_words(data, words, any_case=False) == set(), place
    assert ids.findall(evidence.measured["spans sent"]) == [], "not even a feed's"
    assert len(set(ids.findall(evidence.measured["page"]))) == 2, "the two feeds'"
    assert set(ids.findall(evidence.measured["figures sent"])) == set(ids.findall(evidence.measured["page"]))


def test_the_hubs_own_log_is_closed_however_talkative(evidence: Evidence) -> None:
    as_json, as_text = (evidence.spoken[f"hub's log as {form}"] for form in ("json", "text"))
    lines = [json.loads(line) for line in as_json.splitlines()]
    assert len(lines) == len(as_text.splitlines()) > 100
    assert {"DEBUG", "ERROR"} <= {line["level"] for line in lines}
    assert {"sqlalchemy.engine", "asyncio", "hub.rpc.status"} <= {line["logger"] for line in lines}
    assert {line["event"] for line in lines} == {"OTHER", "CALL_FAILED"}
    assert {key for line in lines if line["event"] == "OTHER" for key in line} == {
        "time", "level", "logger", "event",
    }  # fmt: skip


def test_nothing_of_the_person_is_in_an_error(evidence: Evidence) -> None:
    assert len(evidence.errors) > 25
    assert found(evidence.errors) == {}


def test_every_failed_call_is_told_its_reason_and_no_traceback(evidence: Evidence) -> None:
    by_grpc_itself = {"no such method", "too much metadata", "far too long"}
    calls = {name: told for name, told in evidence.errors.items() if name != "the hub's errors"}
    for name, told in calls.items():
        assert b"Traceback" not in told and b'File "' not in told, name
        assert (b"ERROR_REASON_" in told) == (name not in by_grpc_itself), name
    raised = [calls["a handler that raises"], calls["a use case that raises"]]
    assert all(b"ERROR_REASON_INTERNAL" in told and b"error_id" in told for told in raised)


def test_the_hubs_own_errors_were_looked_through(evidence: Evidence) -> None:
    written = evidence.errors["the hub's errors"]

    assert {b"Refused", b"RequestReused"} <= {line for line in written.splitlines() if b" " not in line}
    assert written.count(b"Traceback (most recent call last)") > 15


def test_no_category_or_kind_of_event_is_stored_in_clear(evidence: Evidence) -> None:
    words = CATEGORIES | {f"DATA_CATEGORY_{category}" for category in CATEGORIES} | EVENTS | KINDS
    stored = {
        place: seen
        for place, data in evidence.stored.items()
        if (seen := whole_words(data, [*words, "oncetold.v1"], any_case=True))
    }

    assert stored == {}


def test_no_category_or_kind_of_event_is_logged(evidence: Evidence) -> None:
    logs = {place: data for place, data in evidence.spoken.items() if place != "quarantine"}
    logged = {
        place: seen
        for place, data in logs.items()
        if (seen := whole_words(data, CATEGORIES | EVENTS, any_case=False))
    }

    assert logged == {}


def test_a_quarantine_file_names_lines_and_reasons_only(evidence: Evidence) -> None:
    lines = evidence.spoken["quarantine"].decode().splitlines()

    assert lines[0] == "file,line,reason"
    assert {line.split(",")[1] for line in lines[1:]} == {"9", "10"}
    assert all(
        re.fullmatch(r"case-files,[0-9]+,[A-Z_]+(?: [a-z_.=\[\]0-9A-Z]+)*", line) for line in lines[1:]
    )


def test_link_tokens_are_kept_nowhere(evidence: Evidence) -> None:
    """A token is a secret for a while: only its keyed label is kept, also in remembered answers."""
    looks_like_one = re.compile(rb"\n\x20[0-9a-f]{32}\x12\x24[0-9a-f-]{36}")

    assert [place for place, data in evidence.stored.items() if looks_like_one.search(data)] == []


# -- controls: the same looking finds what is there --------------------------------------------------


def test_control_what_was_lawfully_delivered_is_found_at_the_clinic_and_nowhere_else(
    evidence: Evidence,
) -> None:
    at_clinic = {hit.label for hit in hits(evidence.partners["clinic"], person.WORDS)}

    delivered = {
        "given name", "family name", "birth date", "address", "address, second word", "postcode", "note",
        "note, last word", "statement", "worker", "phone", "coded answer", "clinic's reference",
    }  # fmt: skip
    # Not the teller's own record id, nor anybody's reference but the clinic's.
    assert at_clinic == delivered
    assert hits(evidence.partners["hostel"], person.WORDS) == set()


@pytest.mark.parametrize("writing", sorted(writings("x")))
@pytest.mark.parametrize("packed", ["", "gzip", "zlib", "gzip in zlib"])
def test_control_a_planted_file_is_found(tmp_path: Path, writing: str, packed: str) -> None:
    for label, word in person.WORDS.items():
        planted = b"\x00" * 30 + writings(word)[writing][0] + b"\xff" * 30
        if "gzip" in packed:
            planted = gzip.compress(planted)
        if "zlib" in packed:
            planted = zlib.compress(planted)
        file = tmp_path / "planted"
        file.write_bytes(b"\x07" * 40 + planted)

        assert label in {hit.label for hit in hits(file.read_bytes(), person.WORDS)}, label
    assert hits(b"Nothing of hers. " * 100, person.WORDS) == set()


def test_control_a_careless_exporters_words_are_found_at_the_collector() -> None:
    """The same collector, the same looking; only the allow-list is missing."""
    with collector() as received:
        tracers = TracerProvider()
        careless = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{received.port}", insecure=True)
        tracers.add_span_processor(SimpleSpanProcessor(careless))
        spoil(tracers, "careless")
        tracers.shutdown()

    seen = {hit.label for hit in hits(b"".join(received.spans), person.WORDS)}
    assert {"given name", "note", "NHS number", "address", "statement", "record id"} <= seen


def test_control_words_are_found_as_a_database_and_a_log_would_write_them(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "planted.db")
    connection.execute("CREATE TABLE t (clear TEXT, category TEXT)")
    connection.execute("INSERT INTO t VALUES (?, ?)", (person.NOTE, "MENTAL_HEALTH"))
    connection.commit()
    connection.close()
    data = (tmp_path / "planted.db").read_bytes()

    assert Hit("note", "utf-8") in hits(data, person.WORDS)
    assert whole_words(data, CATEGORIES, any_case=True) == {"MENTAL_HEALTH"}
    assert whole_words("xFAMILYx".encode("utf-16-be"), CATEGORIES, any_case=True) == set()
    assert whole_words(" family.".encode("utf-16-be"), CATEGORIES, any_case=True) == {"FAMILY"}
    assert whole_words(json.dumps({"topic": "grant.recorded.v1"}).encode(), EVENTS, any_case=False)
    assert hits(repr({"reference": hub_process.FAILS_IN_ITS_SERVICER}).encode(), person.WORDS)
