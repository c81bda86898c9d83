"""SAFETY H33: a receipt states what was looked at and what could not be, and claims no more than was done."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from adapters.kit import copies
from adapters.kit.copies import NOTHING_ELSE, UNKNOWN, Copies, Copy, answer
from adapters.kit.errors import ConfigInvalid, RetractionNotDone
from adapters.sql.sink import SqlSink, open_sink
from oncetold.v1 import common_pb2, delivery_service_pb2
from tests.unit.adapters.fake_hub import FEED, FakeHub
from tests.unit.adapters.feed import Setting, element, fragment

ERASED = delivery_service_pb2.RETRACTION_OUTCOME_ERASED
RESTRICTED = delivery_service_pb2.RETRACTION_OUTCOME_RESTRICTED
RETAINED = delivery_service_pb2.RETRACTION_OUTCOME_RETAINED_OWN_BASIS
DONE = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
HISTORY_CHECK = "SELECT count(*) FROM history WHERE fragment_id = :fragment_id"
CLEARED = Copies(Copy.CLEARED, Copy.NONE, 0)


@pytest.mark.parametrize(
    ("beside", "outcome", "looked_at", "not_looked_at"),
    [
        (NOTHING_ELSE, ERASED, ["no-version-history", "no-search-index", "no-backups"], []),
        (UNKNOWN, RESTRICTED, [], ["version-history", "search-index", "backups"]),
        (
            replace(NOTHING_ELSE, version_history=Copy.KEPT),
            RESTRICTED,
            ["no-search-index", "no-backups"],
            ["version-history"],
        ),
        (
            replace(NOTHING_ELSE, search_index=Copy.KEPT),
            RESTRICTED,
            ["no-version-history", "no-backups"],
            ["search-index"],
        ),
        (
            Copies(Copy.CLEARED, Copy.CLEARED, 32),
            ERASED,
            ["version-history", "search-index"],
            ["backups-until:2026-12-24"],
        ),
    ],
)
def test_what_may_be_said(
    beside: Copies, outcome: Any, looked_at: list[str], not_looked_at: list[str]
) -> None:
    said = answer(beside, DONE)
    assert said.outcome == outcome
    assert said.looked_at == ("live-rows", *looked_at) and said.not_looked_at == tuple(not_looked_at)
    assert answer(beside, DONE, own_basis=True).outcome == RETAINED
    assert answer(beside, DONE, still_in=["version-history"]).outcome == RESTRICTED


def told(setting: Setting, fake: FakeHub) -> delivery_service_pb2.RetractionStatement:
    """A fragment disclosed and taken back; what was stated of it."""
    fake.queue_delivery(disclose=element(1))
    setting.start()
    fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(1)))
    setting.start()
    return fake.receipts[2]


def keep_history(setting: Setting) -> None:
    """The agency's database copies every deleted row, as version histories do."""
    setting.sink()
    with setting.engine.begin() as connection:
        connection.execute(text("CREATE TABLE history (fragment_id TEXT, content TEXT)"))
        connection.execute(
            text(
                "CREATE TRIGGER versions AFTER DELETE ON oncetold_elements BEGIN"
                " INSERT INTO history VALUES (OLD.fragment_id, OLD.content); END"
            )
        )


def test_a_partner_whose_history_is_kept_answers_restricted(setting: Setting, fake: FakeHub) -> None:
    keep_history(setting)
    setting.beside = replace(NOTHING_ELSE, version_history=Copy.KEPT)
    said = told(setting, fake)
    assert said.outcome == RESTRICTED
    assert list(said.not_looked_at) == ["version-history"]
    assert setting.rows() == [], "the live row is gone all the same"


def test_a_history_said_to_be_cleared_is_looked_at(setting: Setting, fake: FakeHub) -> None:
    keep_history(setting)
    setting.beside, setting.checks = CLEARED, {copies.VERSION_HISTORY: HISTORY_CHECK}
    said = told(setting, fake)
    assert said.outcome == RESTRICTED, "it was looked at, and there it is"
    assert "version-history" in said.looked_at


def test_a_history_that_really_is_cleared_is_answered_erased(setting: Setting, fake: FakeHub) -> None:
    keep_history(setting)
    with setting.engine.begin() as connection:
        connection.execute(
            text("CREATE TRIGGER forget AFTER INSERT ON history BEGIN DELETE FROM history; END")
        )
    setting.beside, setting.checks = CLEARED, {copies.VERSION_HISTORY: HISTORY_CHECK}
    said = told(setting, fake)
    assert said.outcome == ERASED
    assert list(said.looked_at) == ["live-rows", "version-history", "no-search-index", "no-backups"]


def test_a_row_that_can_still_be_read_is_no_retraction(setting: Setting, fake: FakeHub) -> None:
    """The database says that it deleted, and did not: nothing is stated, and the feed waits here."""
    setting.sink()
    with setting.engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER undelete AFTER DELETE ON oncetold_elements BEGIN"
                " INSERT INTO oncetold_elements SELECT * FROM saved WHERE fragment_id = OLD.fragment_id; END"
            )
        )
        connection.execute(text("CREATE TABLE saved AS SELECT * FROM oncetold_elements"))
    fake.queue_delivery(disclose=element(1))
    setting.start()
    with setting.engine.begin() as connection:
        connection.execute(text("INSERT INTO saved SELECT * FROM oncetold_elements"))
    fake.queue_delivery(retract=delivery_service_pb2.Retraction(fragment_id=fragment(1)))
    with pytest.raises(RetractionNotDone) as stopped:
        setting.start()
    assert stopped.value.reason == "STILL_THERE"
    assert fake.receipts == {} and setting.rows("oncetold_receipts") == [] and fake.acknowledged == 1
    # Control: once the database deletes what it is told to delete, the feed goes on.
    with setting.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER undelete"))
    setting.start()
    assert fake.receipts[2].outcome == ERASED


def test_what_is_kept_on_an_own_basis_says_where_was_looked(setting: Setting, fake: FakeHub) -> None:
    setting.keep = {"SERVICE_CONTACT": "A6_1_C"}
    setting.beside = replace(NOTHING_ELSE, version_history=Copy.KEPT)
    said = told(setting, fake)
    assert (said.outcome, said.own_basis) == (RETAINED, common_pb2.LAWFUL_BASIS_A6_1_C)
    assert list(said.not_looked_at) == ["version-history"]


BAD: list[tuple[dict[str, object], str]] = [
    ({"version_history": "off"}, 'sink.version_history must be "none"'),
    ({"version_history": True}, 'sink.version_history must be "none"'),
    ({"search_index": ""}, 'sink.search_index must be "none"'),
    ({"backups_until_days": -1}, "sink.backups_until_days must be the days"),
    ({"backups_until_days": "35"}, "sink.backups_until_days must be the days"),
    ({"backups_until_days": True}, "sink.backups_until_days must be the days"),
    ({"version_history": "cleared"}, "sink.version_history_check must be a query"),
    (
        {"version_history": "cleared", "version_history_check": "SELECT count(*) FROM history"},
        "sink.version_history_check must be a query",
    ),
    (
        {"search_index": "cleared", "search_index_check": "SELECT nonsense WHERE :fragment_id"},
        "sink.search_index_check does not run (OperationalError): correct the query.",
    ),
    (
        {"search_index": "cleared", "search_index_check": "SELECT 7 WHERE :fragment_id <> ''"},
        "sink.search_index_check must answer how many are left",
    ),
    (
        {"version_history": "none", "version_history_check": HISTORY_CHECK},
        'looked at only where sink.version_history is "cleared"',
    ),
]


@pytest.mark.parametrize(("settings", "problem"), BAD)
def test_a_configuration_that_cannot_be_true_is_refused(
    settings: dict[str, object], problem: str, tmp_path: Path
) -> None:
    table = {"kind": "sql", "url": "sqlite:///d.sqlite", **settings}
    with pytest.raises(ConfigInvalid) as refusal:
        open_sink(table, FEED, tmp_path)
    [said] = refusal.value.problems
    assert problem in said


def test_a_configuration_that_says_it_all_is_taken(tmp_path: Path) -> None:
    check = "SELECT count(*) FROM oncetold_elements WHERE fragment_id = :fragment_id"
    table: dict[str, object] = {
        "kind": "sql", "url": "sqlite:///d.sqlite", "version_history": "none", "search_index": "cleared",
        "search_index_check": check, "backups_until_days": 35,
    }  # fmt: skip
    sink = open_sink(table, FEED, tmp_path)
    assert sink.beside == Copies(Copy.NONE, Copy.CLEARED, 35)
    silent = open_sink({"kind": "sql", "url": "sqlite:///d.sqlite"}, FEED, tmp_path)
    assert silent.beside == UNKNOWN, "who says nothing erases nothing"


def test_a_cleared_place_without_a_query_is_refused(setting: Setting) -> None:
    with pytest.raises(ValueError, match="every cleared place"):
        SqlSink(setting.engine, FEED, beside=CLEARED)
