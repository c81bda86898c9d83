"""H27: a note's one field holds everything about everyone. It stays home unless its author releases it."""

from pathlib import Path
from typing import Any

import grpc
import pytest

from adapters.kit.errors import ConfigInvalid
from adapters.kit.mapping import read_mapping
from adapters.kit.source import Nothing, Origin, SourceRecord
from consent_ledger.vocabulary import DataCategory
from oncetold.v1 import records_pb2
from tests.integration.loopback import refused
from tests.twins.cast import Cast, bedded_down, cast, note
from tests.twins.stage import Authority, stage

PLANTED = {
    DataCategory.IDENTITY: "born Rosa Quill",
    DataCategory.CONTACT_LOCATION: "sleeps behind Marsh Lane",
    DataCategory.EQUALITY: "worships at the temple",
    DataCategory.ACCOMMODATION: "evicted from Rook House",
    DataCategory.PHYSICAL_HEALTH: "ulcer on left leg",
    DataCategory.MENTAL_HEALTH: "hears voices nightly",
    DataCategory.SUBSTANCE_USE: "uses since March",
    DataCategory.OFFENDING: "licence until June",
    DataCategory.DOMESTIC_ABUSE: "he broke the door",
    DataCategory.SEXUAL_HEALTH: "tested at the arches",
    DataCategory.SAFEGUARDING_RISK: "uncle takes her money",
    DataCategory.IMMIGRATION: "visa ran out",
    DataCategory.MONEY_WORK: "owes the catalogue",
    DataCategory.FAMILY: "son is with foster carers",
    DataCategory.OWN_STORY: "wants to see the sea",
    DataCategory.SERVICE_CONTACT: "sees Dr Okafor on Fridays",
}
WORDS = ". ".join(PLANTED.values())
ROW = {"id": 7, "client": "rosa", "seen": "2026-03-01T10:00", "mode": "street", "notes": WORDS, "out": None}
MODE = {"column": "mode", "kind": "code", "field": "mode", "system": "test:mode"}
NOTES = {"column": "notes", "kind": "text", "field": "narrative", "release": "out"}


def mapping(*columns: dict[str, str]) -> dict[str, object]:
    return {
        "name": "contacts",
        "query": "SELECT * FROM contacts",
        "record_type": "contact",
        "record_id": "id",
        "client_reference": "client",
        "occurred_time": "seen",
        "service_type": "STREET_OUTREACH",
        "source_system": "test",
        "columns": list(columns),
    }


def planted_in(payload: bytes) -> set[DataCategory]:
    return {category for category, words in PLANTED.items() if words.encode() in payload}


def test_h27_planted_facts_of_every_category_stay_home() -> None:
    assert set(PLANTED) == set(DataCategory)
    made = read_mapping(mapping(MODE, NOTES)).record(ROW, Origin("contacts", 1))
    assert isinstance(made, SourceRecord)
    assert planted_in(made.record.SerializeToString()) == set()
    alone = read_mapping(mapping(NOTES)).record(ROW, Origin("contacts", 1))
    assert isinstance(alone, Nothing), "a row that is words alone makes no record"
    # Control: its author releases this one, and then it is all there.
    released = ROW | {"out": "ACCOMMODATION"}
    made = read_mapping(mapping(MODE, NOTES)).record(released, Origin("contacts", 1))
    assert isinstance(made, SourceRecord)
    assert planted_in(made.record.SerializeToString()) == set(PLANTED)


@pytest.mark.parametrize(
    "column",
    [
        {"column": "notes", "kind": "text", "field": "mode", "system": "test:mode", "release": "out"},
        {"column": "notes", "kind": "text", "field": "place.address_line", "release": "out"},
        {"column": "notes", "kind": "text", "field": "narrative"},
        {"column": "notes", "kind": "name", "field": "narrative"},
        {"column": "notes", "kind": "code", "field": "narrative", "system": "test:notes"},
    ],
    ids=["as a code's field", "as an address", "without release", "as a name", "as a code"],
)
def test_h27_a_free_text_column_cannot_be_mapped_to_anything_less(column: dict[str, str]) -> None:
    with pytest.raises(ConfigInvalid):
        read_mapping(mapping(column))
    assert read_mapping(mapping(NOTES)), "control"


@pytest.mark.parametrize("field", ["mode", "place.address_line"])
def test_h27_words_in_a_column_declared_as_something_else_are_refused_or_short(field: str) -> None:
    """The kind is a promise: a sentence is no code, and a name is a line at most."""
    kind = {"mode": "code", "place.address_line": "name"}[field]
    column = {"column": "notes", "kind": kind, "field": field} | ({"system": "t:m"} if kind == "code" else {})
    made = read_mapping(mapping(column)).record(ROW, Origin("contacts", 1))
    assert not isinstance(made, SourceRecord)


async def test_h27_text_that_nobody_released_is_refused(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", ("ACCOMMODATION", "SERVICE_CONTACT"), to="hostel")
        unreleased: list[dict[str, Any]] = [
            {"note": note(WORDS)},
            {"contact": records_pb2.Contact(bedded_down=True, narrative=note(WORDS).text)},
        ]
        for number, content in enumerate(unreleased):
            outcome = await refused(c.outreach.publish("rosa", f"note-{number}", **content))
            assert outcome[:2] == (grpc.StatusCode.INVALID_ARGUMENT, "FREE_TEXT_NOT_RELEASED")
            assert planted_in("".join(outcome[2].values()).encode()) == set()
        assert await c.hostel.drain() == []
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        assert len(await c.hostel.drain()) == 1, "control"


async def released(c: Cast) -> None:
    await c.outreach.publish("rosa", "note-1", note=note(WORDS, "ACCOMMODATION", "FAMILY"))
    await c.outreach.publish("rosa", "visit-1", contact=bedded_down())


@pytest.mark.parametrize(
    ("named", "recipient", "leaves"),
    [
        (("ACCOMMODATION", "FAMILY", "SERVICE_CONTACT"), {"to": "hostel"}, True),
        (("ACCOMMODATION", "SERVICE_CONTACT"), {"to": "hostel"}, False),
        (("FAMILY", "SERVICE_CONTACT"), {"to": "hostel"}, False),
        (("ACCOMMODATION", "FAMILY", "SERVICE_CONTACT"), {"service_type": "HOSTEL"}, False),
        (("ACCOMMODATION", "FAMILY", "SERVICE_CONTACT"), {"support_team": True}, False),
    ],
    ids=["all, named", "one missing", "the other missing", "by service type", "whole team"],
)
async def test_h27_released_text_needs_every_category_and_an_agency_named(
    named: tuple[str, ...], recipient: dict[str, Any], leaves: bool, tmp_path: Path, authority: Authority
) -> None:
    """Text is V: it rides on no role-wide grant, whatever its categories are by default."""
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await c.outreach.say_involved("rosa", "hostel")
        await c.outreach.grant("rosa", named, **recipient)
        await released(c)
        came = await c.hostel.drain()
        told = {one.content.WhichOneof("type") for one in c.hostel.store.values()}
        assert ("note" in told) is leaves
        assert ("contact" in told) is ("ACCOMMODATION" in named), "control: what is no text goes as it may"
        payload = b"".join(one.SerializeToString() for one in came)
        assert planted_in(payload) == (set(PLANTED) if leaves else set())
