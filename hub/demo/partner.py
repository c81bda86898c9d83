"""What an agency's database holds from others: read as the agency's own screens would read it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hub.demo.agencies import AGENCIES, CaseSystem
from hub.demo.asking import Fact, facts
from oncetold.v1.delivery_service_pb2 import RetractionOutcome, RetractionStatement
from oncetold.v1.records_pb2 import RecordContent

FORMS = {(agency.agency_id, form.record_type): form for agency in AGENCIES for form in agency.forms}


@dataclass(frozen=True, slots=True)
class Held:
    """One fragment that an agency holds from another."""

    fragment_id: str
    origin: str
    record_type: str
    categories: tuple[str, ...]
    facts: tuple[Fact, ...]
    no_longer_updated: bool
    """Greyed: it was right when it came, and nothing newer comes."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an agency signed about one retraction."""

    sequence: int
    fragment_id: str
    outcome: str
    looked_at: tuple[str, ...]
    sent: bool
    """Whether the hub took it, and so found its signature good."""


def held(system: CaseSystem, reference: str | None = None) -> list[Held]:
    """The fragments an agency holds, about one of its references or about all."""
    rows = _rows(
        system.path,
        "SELECT fragment_id, client_reference, origin_agency, record_type, categories, content_bytes,"
        " no_longer_updated"
        " FROM oncetold_elements ORDER BY origin_agency, record_type, categories",
    )
    return [_held(row) for row in rows if reference is None or row["client_reference"] == reference]


def receipts(system: CaseSystem) -> list[Receipt]:
    """The receipts an agency has signed, in the order of the retractions."""
    found = []
    for row in _rows(system.path, "SELECT statement, state FROM oncetold_receipts ORDER BY epoch, sequence"):
        said = RetractionStatement.FromString(row["statement"])
        found.append(
            Receipt(
                said.sequence,
                said.fragment_id,
                RetractionOutcome.Name(said.outcome).removeprefix("RETRACTION_OUTCOME_"),
                tuple(said.looked_at),
                row["state"] == "SENT",
            )
        )
    return found


def _held(row: sqlite3.Row) -> Held:
    form = FORMS[row["origin_agency"], row["record_type"]]
    return Held(
        fragment_id=row["fragment_id"],
        origin=row["origin_agency"],
        record_type=row["record_type"],
        categories=tuple(row["categories"].split(",")),
        facts=tuple(facts(form, RecordContent.FromString(row["content_bytes"]))),
        no_longer_updated=bool(row["no_longer_updated"]),
    )


def _rows(path: Path, query: str) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(path, timeout=30)) as database:
        database.row_factory = sqlite3.Row
        try:
            return database.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []  # the adapter has not made its tables yet: nothing is held
            raise
