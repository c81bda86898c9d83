"""The three invented agencies, the invented people, and what each agency's own system holds at first."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hub.demo.asking import CLIENTS, INTAKE, NOTES, PRESCRIPTIONS, STAYS, WORKERS, Fact, Form, told

SECRET_IN_NOTE = "my sister Rosalind has my spare keys"  # noqa: S105  # an invented sentence to look for
"""A sentence of the hostel's note that must be nowhere else."""


@dataclass(frozen=True, slots=True)
class Agency:
    """One agency with its own case system."""

    agency_id: str
    name: str
    service_type: str
    public_authority: bool
    forms: tuple[Form, ...]


HOSTEL = Agency("northside", "Northside Hostel", "HOSTEL", False, (CLIENTS, STAYS, WORKERS, INTAKE, NOTES))
RECOVERY = Agency("riverside", "Riverside Recovery", "SUBSTANCE_USE", False, (CLIENTS, PRESCRIPTIONS))
HOUSING = Agency("civic-housing", "Civic Housing Office", "HOUSING", True, (CLIENTS,))
AGENCIES = (HOSTEL, RECOVERY, HOUSING)

SAM = {HOSTEL: "N-1042", RECOVERY: "R-77", HOUSING: "H-2301"}
"""Sam Ashdown, by each agency's own reference."""
LEE = {HOSTEL: "N-1043", RECOVERY: "R-78", HOUSING: "H-2302"}
"""Lee Marsh, who tells as much and says no to sharing."""
PEOPLE = {
    "Sam": (SAM, ("Sam", "Ashdown", "1988-04-17")),
    "Lee": (LEE, ("Lee", "Marsh", "1979-11-02")),
}


class CaseSystem:
    """One agency's own small database, `cases.db`. Its adapter adds its own tables to it."""

    def __init__(self, agency: Agency, folder: Path) -> None:
        self.agency = agency
        self.folder = folder
        self.path = folder / "cases.db"

    def create(self) -> None:
        """Makes the agency's own tables, empty."""
        self.folder.mkdir(mode=0o700, parents=True)
        with closing(sqlite3.connect(self.path)) as database, database:
            for form in self.agency.forms:
                columns = [question.column for question in form.questions]
                if form.note is not None:
                    columns += [form.note, "released"]
                fields = ", ".join(["id TEXT PRIMARY KEY", "reference TEXT", "written_at TEXT", *columns])
                database.execute(f"CREATE TABLE {form.table} ({fields})")

    def write(self, form: Form, record_id: str, reference: str, **answers: object) -> None:
        """A worker saves one form. It happened a minute ago: nobody types while it happens."""
        written_at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat(timespec="seconds")
        row = {"id": record_id, "reference": reference, "written_at": written_at, **answers}
        marks = ", ".join("?" for _ in row)
        with closing(sqlite3.connect(self.path, timeout=30)) as database, database:
            database.execute(
                f"INSERT INTO {form.table} ({', '.join(row)}) VALUES ({marks})",  # noqa: S608  # our own names
                tuple(row.values()),
            )

    def told(self, reference: str) -> list[Fact]:
        """Every answer that the agency itself was given about one of its references."""
        return [
            fact
            for form in self.agency.forms
            for row in self._rows(form, reference)
            for fact in told(form, row)
        ]

    def own_rows(self) -> int:
        """Rows of the agency's own tables."""
        return sum(len(self._rows(form, None)) for form in self.agency.forms)

    def notes(self) -> int:
        """How many free-text notes the agency keeps."""
        return sum(len(self._rows(form, None)) for form in self.agency.forms if form.note is not None)

    def _rows(self, form: Form, reference: str | None) -> list[dict[str, object]]:
        where = "" if reference is None else " WHERE reference = ?"
        with closing(sqlite3.connect(self.path, timeout=30)) as database:
            database.row_factory = sqlite3.Row
            found = database.execute(
                f"SELECT * FROM {form.table}{where} ORDER BY id",  # noqa: S608  # our own names
                () if reference is None else (reference,),
            )
            return [dict(row) for row in found]


def registers(system: CaseSystem, person: str) -> None:
    """A worker enters a person as a client of the agency."""
    references, (given, family, born) = PEOPLE[person]
    reference = references[system.agency]
    system.write(
        CLIENTS, f"client-{reference}", reference, given_name=given, family_name=family, birth_date=born
    )


def morning_at_the_hostel(system: CaseSystem) -> None:
    """Sam and Lee each tell the hostel's worker how things are."""
    today = datetime.now(UTC).date()
    for person, (references, _) in PEOPLE.items():
        reference = references[HOSTEL]
        registers(system, person)
        system.write(
            STAYS,
            f"stay-{reference}",
            reference,
            sleeping="rough-sleeping" if person == "Sam" else "sofa-surfing",
            since=str(today - timedelta(days=40)),
        )
        system.write(
            WORKERS,
            f"worker-{reference}",
            reference,
            role="keyworker",
            worker="Ada Quill",
            phone="01632 960145",
        )
        system.write(
            INTAKE,
            f"intake-{reference}",
            reference,
            main_substance="heroin",
            last_used=str(today - timedelta(days=2)),
            overdoses=1,
            allergy="penicillin",
            asthma=True,
            low_mood=True,
            benefit="universal-credit",
            rent_arrears=640,
            prison=False,
            afraid=person == "Sam",
        )
    system.write(
        NOTES,
        f"note-{SAM[HOSTEL]}",
        SAM[HOSTEL],
        words=f"Sam cried while telling this; {SECRET_IN_NOTE}, nobody else must know.",
        released=None,
    )
