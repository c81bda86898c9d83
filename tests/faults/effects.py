"""Counts what deliveries did to an agency's database, by triggers that no kill can cheat, and holds it
against what the ledger says was sent."""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import create_engine

from adapters.sql.sink import SqlSink
from consent_ledger.access import AccessKind, StepKind, read_access_entry
from consent_ledger.entry import Entry
from consent_ledger.vocabulary import PermissionState

TRIGGERS = """
CREATE TABLE effects (number INTEGER PRIMARY KEY, kind TEXT, fragment TEXT, sequence INTEGER);
CREATE TRIGGER came AFTER INSERT ON oncetold_elements
  BEGIN INSERT INTO effects (kind, fragment) VALUES ('came', NEW.fragment_id); END;
CREATE TRIGGER went AFTER DELETE ON oncetold_elements
  BEGIN INSERT INTO effects (kind, fragment) VALUES ('went', OLD.fragment_id); END;
CREATE TRIGGER receipted AFTER INSERT ON oncetold_receipts
  BEGIN INSERT INTO effects (kind, sequence) VALUES ('receipted', NEW.sequence); END;
CREATE TRIGGER moved AFTER UPDATE ON oncetold_bookmark
  WHEN NEW.sequence <> OLD.sequence OR NEW.epoch <> OLD.epoch
  BEGIN INSERT INTO effects (kind, sequence) VALUES ('moved', NEW.sequence); END;
"""


def count_effects(database: Path, feed_id: str) -> None:
    """Makes the adapter's tables and the triggers on them."""
    engine = create_engine(f"sqlite:///{database}")
    SqlSink(engine, feed_id)
    engine.dispose()
    with sqlite3.connect(database) as connection:
        connection.executescript(TRIGGERS)
    connection.close()


@dataclass(frozen=True, slots=True)
class Sent:
    """One numbered step as the ledger has it."""

    fragment: str
    retracts: bool
    with_content: bool


def sent_steps(entries: list[Entry], feed_id: str) -> dict[int, Sent]:
    """Every step that was ever sent on a feed, by number. A number given twice to different things raises."""
    found: dict[int, Sent] = {}
    for entry in entries:
        access = read_access_entry(entry)
        if access is None or access.kind is not AccessKind.FETCH or access.feed_id != UUID(feed_id):
            continue
        for person in access.people:
            for step in person.steps:
                active = any(row.state is PermissionState.ACTIVE for row in step.rows)
                one = Sent(str(step.element_id), step.kind is StepKind.RETRACT, active)
                assert found.setdefault(step.sequence, one) == one, "a number was used twice"
    return found


def wrong_effects(database: Path, sent: dict[int, Sent]) -> tuple[int, list[str]]:
    """How many transactions the adapter made durable, and what of their effects no step accounts for.

    Each transaction's effects must belong to the numbers between its bookmark and the one before, and each
    number may have one effect. Those ranges do not overlap, so no number can have had two.
    """
    with sqlite3.connect(database) as connection:
        effects = connection.execute(
            "SELECT kind, fragment, sequence FROM effects ORDER BY number"
        ).fetchall()
    connection.close()
    wrong, transactions, before = [], 0, 0
    came: dict[str, int] = defaultdict(int)
    went: dict[str, int] = defaultdict(int)
    receipted: dict[int, int] = defaultdict(int)
    for kind, fragment, sequence in effects:
        match kind:
            case "came":
                came[fragment] += 1
            case "went":
                went[fragment] += 1
            case "receipted":
                receipted[sequence] += 1
            case "moved":
                steps = [sent[number] for number in range(before + 1, sequence + 1) if number in sent]
                for one, times in came.items():
                    allowed = sum(step.fragment == one and step.with_content for step in steps)
                    if times > allowed:
                        wrong.append(f"fragment {one} came {times} times in {before}..{sequence}")
                for one, times in went.items():
                    allowed = sum(step.fragment == one for step in steps)
                    if times > allowed:
                        wrong.append(f"fragment {one} went {times} times in {before}..{sequence}")
                for number, times in receipted.items():
                    if times != 1 or not before < number <= sequence or not sent[number].retracts:
                        wrong.append(f"retraction {number} was receipted {times} times")
                for counts in (came, went):
                    counts.clear()
                receipted.clear()
                transactions, before = transactions + 1, sequence
    if came or went or receipted:
        wrong.append("something changed without the bookmark")
    return transactions, wrong
