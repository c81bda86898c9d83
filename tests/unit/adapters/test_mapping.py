"""Declared mappings and the SQL source: what is refused when it is declared, and what is left out row by
row."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from adapters.kit.backoff import Backoff
from adapters.kit.client import Hub
from adapters.kit.errors import ConfigInvalid, SourceUnreadable
from adapters.kit.mapping import read_mapping
from adapters.kit.published import Published
from adapters.kit.publisher import Publisher
from adapters.kit.quarantine import Quarantine
from adapters.kit.source import IncrementalSource, Nothing, Origin, PublishReport, Rejected, SourceRecord
from adapters.sql.source import SqlSource, open_queries
from oncetold.v1 import common_pb2
from tests.unit.adapters.fake_hub import FakeHub

ORIGIN = Origin("contacts", 1)
MODE = {"column": "mode", "kind": "code", "field": "mode", "system": "test:mode"}
NOTE = {"column": "note", "kind": "text", "field": "narrative", "release": "released"}
ROW = {
    "id": 7,
    "client": "c-1",
    "seen_at": "2026-03-01T10:00",
    "mode": "street",
    "note": "Words.",
    "released": None,
    "score": "12.50",
    "born": date(1990, 5, 17),
    "outside": 1,
    "postcode": "E1 6AN",
}


def table(*columns: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "name": "contacts",
        "query": "SELECT * FROM contacts",
        "record_type": "contact",
        "record_id": "id",
        "client_reference": "client",
        "occurred_time": "seen_at",
        "service_type": "STREET_OUTREACH",
        "source_system": "test",
        "columns": list(columns) or [MODE],
    } | changes


def mapped(row: dict[str, Any], *columns: dict[str, Any], **changes: Any) -> SourceRecord:
    made = read_mapping(table(*columns, **changes)).record(row, ORIGIN)
    assert isinstance(made, SourceRecord)
    return made


def rejected(row: dict[str, Any], *columns: dict[str, Any]) -> str:
    made = read_mapping(table(*columns)).record(row, ORIGIN)
    assert isinstance(made, Rejected)
    return made.reason


def problem(*columns: dict[str, Any], **changes: Any) -> str:
    with pytest.raises(ConfigInvalid) as caught:
        read_mapping(table(*columns, **changes))
    return " ".join(caught.value.problems)


def test_every_kind_lands_in_its_field() -> None:
    made = mapped(
        ROW,
        MODE,
        {"column": "postcode", "kind": "name", "field": "place.postcode"},
        {"column": "outside", "kind": "yes_no", "field": "bedded_down"},
        {
            "column": "score", "kind": "number", "field": "details",
            "question": "risk-score", "question_system": "test:tool", "category": "MENTAL_HEALTH",
        },
        {
            "column": "born", "kind": "date", "field": "details",
            "question": "since", "question_system": "test:tool", "category": "PHYSICAL_HEALTH",
        },
    ).record  # fmt: skip
    contact = made.content.contact
    assert (contact.mode.system, contact.mode.code) == ("test:mode", "street")
    assert contact.place.postcode == "E1 6AN" and contact.bedded_down
    assert [answer.WhichOneof("value") for answer in contact.details] == ["decimal", "date"]
    assert (contact.details[0].decimal, contact.details[1].date) == ("12.50", "1990-05-17")
    assert contact.details[0].category == common_pb2.DATA_CATEGORY_MENTAL_HEALTH
    assert (made.record_id, made.client_reference, made.revision) == ("7", "c-1", 0)


WISH = (
    {
        "column": "subject",
        "kind": "code",
        "field": "about.category",
        "codes": {"mh": "MENTAL_HEALTH", "x": "XXX"},
    },
    {"column": "item", "kind": "code", "field": "about.question", "system": "test:tool"},
    {"column": "still", "kind": "yes_no", "field": "about.standing"},
)


def test_a_wish_not_to_be_asked_names_its_category_in_the_row() -> None:
    row = ROW | {"subject": "mh", "item": "phq-9", "still": "no"}
    about = mapped(row, *WISH, record_type="do_not_ask").record.content.do_not_ask.about
    assert about.category == common_pb2.DATA_CATEGORY_MENTAL_HEALTH
    assert about.question.code == "phq-9" and about.HasField("standing") and not about.standing


@pytest.mark.parametrize("subject", ["x", "FAMILY", "UNSPECIFIED", "a sentence about it"])
def test_a_category_that_is_none_rejects_the_row(subject: str) -> None:
    plain = {key: value for key, value in WISH[0].items() if key != "codes"}
    for column in (WISH[0], plain) if subject != "FAMILY" else (WISH[0],):
        made = read_mapping(table(column, *WISH[1:], record_type="do_not_ask")).record(
            ROW | {"subject": subject, "item": None, "still": "yes"}, ORIGIN
        )
        assert isinstance(made, Rejected) and made.reason in ("CODE_UNKNOWN", "CODE_INVALID")


@pytest.mark.parametrize("kind", ["name", "number", "date", "yes_no"])
def test_a_category_takes_a_code_only(kind: str) -> None:
    column = {"column": "subject", "kind": kind, "field": "about.category"}
    with pytest.raises(ConfigInvalid):
        read_mapping(table(column, record_type="do_not_ask"))
    assert read_mapping(table(WISH[0], record_type="do_not_ask")), "control"


@pytest.mark.parametrize("field", ["mode", "details", "place.postcode", "bedded_down"])
def test_a_text_column_is_refused_below_v(field: str) -> None:
    said = problem(NOTE | {"field": field})
    assert "very restricted (V)" in said and field in said


@pytest.mark.parametrize("kind", ["code", "name", "number", "date", "yes_no"])
def test_free_text_takes_no_other_kind(kind: str) -> None:
    assert "its kind must be text" in problem(NOTE | {"kind": kind})


def test_free_text_needs_a_release_column() -> None:
    said = problem({key: value for key, value in NOTE.items() if key != "release"})
    assert "narrative needs release" in said


def test_text_that_was_not_released_stays_home_and_is_counted() -> None:
    made = mapped(ROW, MODE, NOTE)
    assert not made.record.content.contact.HasField("narrative") and made.texts_kept_home == 1
    assert b"Words." not in made.record.SerializeToString()


def test_text_that_was_released_goes_with_its_categories() -> None:
    made = mapped(ROW | {"released": "FAMILY, MENTAL_HEALTH"}, MODE, NOTE)
    narrative = made.record.content.contact.narrative
    assert narrative.text == "Words." and made.texts_kept_home == 0
    assert list(narrative.released_categories) == [
        common_pb2.DATA_CATEGORY_MENTAL_HEALTH,
        common_pb2.DATA_CATEGORY_FAMILY,
    ]


@pytest.mark.parametrize("release", ["yes", "all", "FAMILY, EVERYTHING", "UNSPECIFIED", 1])
def test_a_release_that_names_no_category_rejects_the_row(release: object) -> None:
    assert rejected(ROW | {"released": release}, MODE, NOTE) == "RELEASE_INVALID"


def test_a_row_with_nothing_but_a_text_kept_home_says_nothing() -> None:
    assert read_mapping(table(NOTE)).record(ROW, ORIGIN) == Nothing(ORIGIN)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"mode": "he said that he sleeps there"}, "CODE_INVALID"),
        ({"mode": "x" * 41}, "CODE_INVALID"),
        ({"id": None}, "RECORD_ID_INVALID"),
        ({"client": "two words"}, "CLIENT_REFERENCE_INVALID"),
        ({"seen_at": "2026-02-30"}, "IMPOSSIBLE_TIME"),
        ({"seen_at": "0001-01-01"}, "IMPOSSIBLE_TIME"),
        ({"seen_at": None}, "TIME_MISSING"),
    ],
)
def test_a_value_that_is_not_what_its_column_promises(change: dict[str, Any], reason: str) -> None:
    assert rejected(ROW | change, MODE) == reason


@pytest.mark.parametrize("number", ["NaN", "Infinity", "12,5", "1e20", "0.1234567", "twelve"])
def test_a_number_is_a_finite_decimal(number: str) -> None:
    score = {
        "column": "score",
        "kind": "number",
        "field": "details",
        "question_system": "t",
        "category": "FAMILY",
    }
    assert rejected(ROW | {"score": number}, score) == "NUMBER_INVALID"


def test_a_closed_list_of_codes() -> None:
    closed = MODE | {"codes": {"1": "street", "2": "phone"}}
    assert mapped(ROW | {"mode": 2}, closed).record.content.contact.mode.code == "phone"
    assert rejected(ROW | {"mode": 3}, closed) == "CODE_UNKNOWN"


def test_local_times_are_in_the_zone_of_the_mapping() -> None:
    local = datetime.fromisoformat("2026-07-01T10:00")
    assert (
        mapped(ROW | {"seen_at": local}, MODE).record.occurred_time.ToJsonString() == "2026-07-01T09:00:00Z"
    )
    assert mapped(ROW, MODE).record.occurred_time.ToJsonString() == "2026-03-01T10:00:00Z"


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (MODE | {"field": "nonsense"}, "no field nonsense"),
        (MODE | {"field": "place"}, "has parts"),
        (MODE | {"field": "mode.code"}, "too deep"),
        (MODE | {"kind": "free"}, "kind must be one of"),
        (MODE | {"system": ""}, "needs system"),
        (MODE | {"field": "details"}, "needs category"),
        (MODE | {"colour": "red"}, "colour is not a setting"),
        (MODE | {"field": "bedded_down"}, "does not take kind code"),
    ],
)
def test_a_wrong_declaration_is_explained(column: dict[str, Any], words: str) -> None:
    assert words in problem(column)


def test_all_problems_of_a_mapping_are_named_at_once() -> None:
    said = problem(
        NOTE | {"field": "mode"}, MODE, MODE, service_type="SPA", record_type="contact", time_zone="Mars"
    )
    assert all(words in said for words in ("restricted (V)", "mapped twice", "service_type", "time_zone"))


def test_a_withdrawn_row_has_no_content() -> None:
    made = mapped(ROW | {"gone": "Y"}, MODE, withdrawn="gone")
    assert not made.record.HasField("content") and made.record.record_id == "7"
    assert mapped(ROW | {"gone": "N"}, MODE, withdrawn="gone").record.HasField("content")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Any]:
    engine = create_engine(f"sqlite:///{tmp_path}/own.sqlite")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE contacts (id, client, seen_at, mode, changed INTEGER)"))
        connection.execute(
            text(
                "INSERT INTO contacts VALUES "
                "(1,'c-1','2026-03-01','street',1), (2,'c-2','2026-03-02','phone',2)"
            )
        )
    yield engine
    engine.dispose()


def incremental(tmp_path: Path) -> SqlSource:
    records = table(
        query="SELECT * FROM contacts WHERE changed > :after ORDER BY changed",
        mark_column="changed",
        first_mark=0,
    )
    [source] = open_queries({"kind": "sql", "url": "sqlite:///own.sqlite", "records": [records]}, tmp_path)
    return source


def publish(folder: Path, hub: Hub, quick: Backoff, source: SqlSource) -> PublishReport:
    with Published(folder / "state.sqlite") as published, Quarantine(folder / "quarantine.csv") as quarantine:
        return Publisher(hub, published, quarantine, backoff=quick).publish(source)


def test_an_incremental_query_reads_on_where_everything_was_published(
    tmp_path: Path, outbox: Any, hub: Hub, fake: FakeHub, quick: Backoff
) -> None:
    assert isinstance(incremental(tmp_path), IncrementalSource)
    assert publish(tmp_path, hub, quick, incremental(tmp_path)).published == 2
    assert publish(tmp_path, hub, quick, incremental(tmp_path)) == PublishReport(0, 0, 0, 0)
    with outbox.begin() as connection:
        connection.execute(text("UPDATE contacts SET mode = 'two words', changed = 3 WHERE id = 1"))
        connection.execute(text("INSERT INTO contacts VALUES (3,'c-3','2026-03-03','street',4)"))
    report = publish(tmp_path, hub, quick, incremental(tmp_path))
    assert (report.published, report.quarantined) == (1, 1)
    with outbox.begin() as connection:  # corrected without a new mark: still read, because the mark stayed
        connection.execute(text("UPDATE contacts SET mode = 'phone' WHERE id = 1"))
    report = publish(tmp_path, hub, quick, incremental(tmp_path))
    assert (report.published, report.unchanged) == (1, 1)
    assert [record.revision for record in fake.records["1"]] == [1, 2]


def test_a_source_that_cannot_be_read_says_so_without_rows(tmp_path: Path, outbox: Any) -> None:
    records = table(query="SELECT * FROM nowhere WHERE client = 'secret'")
    [source] = open_queries({"kind": "sql", "url": "sqlite:///own.sqlite", "records": [records]}, tmp_path)
    with pytest.raises(SourceUnreadable) as caught:
        list(source.records())
    assert "secret" not in str(caught.value) and caught.value.__cause__ is None


def test_missing_columns_are_found_before_publishing(tmp_path: Path, outbox: Any) -> None:
    records = table(MODE, NOTE)
    [source] = open_queries({"kind": "sql", "url": "sqlite:///own.sqlite", "records": [records]}, tmp_path)
    assert source.missing_columns() == ["note", "released"]


@pytest.mark.parametrize("query", ["DELETE FROM contacts", "", "UPDATE contacts SET mode = 1"])
def test_a_query_only_reads(query: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="one SELECT"):
        open_queries({"kind": "sql", "url": "sqlite://", "records": [table(query=query)]}, tmp_path)
