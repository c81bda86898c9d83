"""An HMIS CSV FY2022 export as a source of records: each project is an agency, each row one record at most.

    export = HmisExport(Path("export"))
    for agency in export.agencies:
        publish(export.source(agency.agency_id))     # a Source of the adapter kit
    quarantine(export.unattributed())                # bad rows that no agency can be named for

Rows are streamed; only keys are held. A second reading yields the same records under the same ids: the file's
stem and the row's own key, such as `Exit:181636`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from adapters.hmis.cells import SYSTEM, BadRow, day, text
from adapters.hmis.columns import FREE_TEXT
from adapters.hmis.errors import AgencyUnknown, FolderMissing, RowsUnaccounted
from adapters.hmis.mapping import FILES, Circumstances, FileMap
from adapters.hmis.reasons import NothingReason, Reason
from adapters.hmis.references import REFERENCE, Enrolment, HmisAgency, References
from adapters.hmis.rows import CsvFile, Row
from adapters.kit.source import Nothing, Origin, Rejected, SourceRecord
from oncetold.v1.record_service_pb2 import Record
from oncetold.v1.records_pb2 import RecordContent

Outcome = SourceRecord | Rejected | Nothing
Progress = Callable[
    [str, int], None
]  # the file, and how many of its rows have been read; for a person to watch

_PROJECT_COLUMNS = frozenset({"ProjectID", "ProjectName", "ProjectType", "DateDeleted"})
_PROGRESS_EVERY = 500


@dataclass(slots=True)
class Tally:
    """One file's rows, each counted once. `texts_kept_home` are the cells of free text that were left out."""

    rows: int = 0
    published: int = 0
    nothing: int = 0
    quarantined: int = 0
    texts_kept_home: int = 0


@dataclass(frozen=True, slots=True)
class Accounted:
    """What became of one row, and at which agency; None where the row does not say whose it is."""

    agency_id: str | None
    outcome: Outcome
    reason: Reason | NothingReason | None = None
    withdrawal: SourceRecord | None = None  # with Nothing: takes back what an earlier export said in this row


@dataclass(slots=True)
class Reading:
    """The tallies of one complete reading, by file."""

    files: dict[str, Tally] = field(default_factory=lambda: {file.name: Tally() for file in FILES})

    def add(self, file: str, outcome: Outcome) -> None:
        tally = self.files[file]
        if isinstance(outcome, SourceRecord):
            tally.published += 1
        elif isinstance(outcome, Nothing):
            tally.nothing += 1
        else:
            tally.quarantined += 1

    def check(self, file: str) -> None:
        """Raises RowsUnaccounted unless every row of the file was counted in exactly one way."""
        tally = self.files[file]
        accounted = tally.published + tally.nothing + tally.quarantined
        if accounted != tally.rows:
            raise RowsUnaccounted(file, tally.rows, accounted)


class HmisExport:
    """Opens an export. All headers are checked, and the keys read, before any row is yielded.

    `today` (UTC) is the last day that anything in the export can have happened. Raises HmisError.
    """

    def __init__(self, folder: Path, *, today: date | None = None, progress: Progress | None = None) -> None:
        if not folder.is_dir():
            raise FolderMissing(str(folder))
        self._today = today or datetime.now(UTC).date()
        self._progress = progress
        project = CsvFile(folder, "Project.csv", _PROJECT_COLUMNS)
        self._files = {file.name: CsvFile(folder, file.name, file.required) for file in FILES}
        self._references = References(
            project.rows(),
            self._files["Client.csv"].rows(),
            self._files["Enrollment.csv"].rows(),
            self._today,
        )

    @property
    def agencies(self) -> tuple[HmisAgency, ...]:
        """Every usable project, in the order of Project.csv."""
        return tuple(self._references.agencies.values())

    @property
    def unusable_projects(self) -> tuple[Rejected, ...]:
        """Rows of Project.csv that make no agency. They are none of the eight files' rows."""
        return tuple(self._references.unusable_projects)

    def clients_of(self, agency_id: str) -> list[str]:
        """The agency's own references: everyone it enrolled. Raises AgencyUnknown."""
        self._must_know(agency_id)
        return self._references.clients_of(agency_id)

    def source(self, agency_id: str) -> "HmisSource":
        """One agency's rows. Raises AgencyUnknown."""
        self._must_know(agency_id)
        return HmisSource(self, agency_id)

    def unattributed(self) -> "HmisSource":
        """The rows of no agency: bad ones that do not say whose they are, and clients nobody enrolled."""
        return HmisSource(self, None)

    def read(self, reading: Reading | None = None) -> Iterator[Accounted]:
        """Reads the whole export once, all agencies mixed, in file order. `reading` is filled in as it goes.

        Raises RowsUnaccounted at the end of a file if a row was lost or counted twice.
        """
        counts = Reading() if reading is None else reading
        for file in FILES:
            tally = counts.files[file.name]
            for row, accounted in self._account(file, None):
                tally.rows += 1
                if row.problem is None:
                    tally.texts_kept_home += _texts(row)
                counts.add(file.name, accounted.outcome)
                yield accounted
            counts.check(file.name)

    def read_of(self, agency_id: str | None) -> Iterator[Accounted]:
        """Reads the rows of one agency, or of none: together with all others they are the export, once."""
        for file in FILES:
            for _row, accounted in self._account(file, (agency_id,)):
                yield accounted

    def _account(self, file: FileMap, only: tuple[str | None] | None) -> Iterator[tuple[Row, Accounted]]:
        seen: set[str] = set()
        count = 0
        for count, row in enumerate(self._files[file.name].rows(), start=1):
            enrolment = self._enrolment(file, row)
            agency = enrolment.agency if enrolment is not None else None
            agency_id = agency.agency_id if agency is not None else None
            key = _Key(file, row, seen)
            if only is None or agency_id in only:
                yield row, self._judge(file, row, key, enrolment, agency)
            if self._progress is not None and count % _PROGRESS_EVERY == 0:
                self._progress(file.name, count)
        if self._progress is not None:
            self._progress(file.name, count)

    def _judge(
        self, file: FileMap, row: Row, key: "_Key", enrolment: Enrolment | None, agency: HmisAgency | None
    ) -> Accounted:
        origin = Origin(row.file, row.line)
        agency_id = agency.agency_id if agency is not None else None
        content: RecordContent | None = None
        try:
            key.check()
            nothing = self._says_nothing(file, row, enrolment)
            if nothing is not None and agency is None:
                return Accounted(agency_id, Nothing(origin), nothing)
            client = text(row.cells, "PersonalID") if nothing else self._client(file, row, enrolment)
            if agency is None:
                raise BadRow(Reason.UNKNOWN_PROJECT if file.stem == "Enrollment" else Reason.NO_AGENCY)
            occurred = self._occurred(file, row)
            if nothing is None:
                _check_order(file, occurred, enrolment)
                at = Circumstances(occurred, agency.project_type, self._today)
                content = file.content(row.cells, at)
        except BadRow as bad:
            return Accounted(agency_id, Rejected(origin, bad.reason.value), bad.reason)
        record = Record(
            record_id=f"{file.stem}:{key.text}",
            client_reference=client,
            service_type=agency.service_type,
            source_system=SYSTEM,
            content=content,
        )
        record.occurred_time.FromDatetime(datetime(occurred.year, occurred.month, occurred.day, tzinfo=UTC))
        if content is None:
            withdrawal = SourceRecord(client, record, origin)
            return Accounted(agency_id, Nothing(origin), nothing or NothingReason.NOT_RECORDED, withdrawal)
        return Accounted(agency_id, SourceRecord(client, record, origin, _texts(row)))

    def _enrolment(self, file: FileMap, row: Row) -> Enrolment | None:
        if file.stem == "Client":
            return self._references.first_enrolment(text(row.cells, "PersonalID"))
        return self._references.enrolments.get(text(row.cells, "EnrollmentID"))

    def _says_nothing(self, file: FileMap, row: Row, enrolment: Enrolment | None) -> NothingReason | None:
        client = text(row.cells, "PersonalID")
        gone = self._references.clients.get(client, False) or (enrolment is not None and enrolment.deleted)
        if text(row.cells, "DateDeleted") or gone:
            return NothingReason.DELETED
        return NothingReason.NO_ENROLMENT if file.stem == "Client" and enrolment is None else None

    def _client(self, file: FileMap, row: Row, enrolment: Enrolment | None) -> str:
        client = text(row.cells, "PersonalID")
        if not client or not (file.stem == "Client" or text(row.cells, "EnrollmentID")):
            raise BadRow(Reason.MISSING_KEY)
        if client not in self._references.clients:
            raise BadRow(Reason.UNKNOWN_CLIENT)
        if enrolment is None:
            raise BadRow(Reason.UNKNOWN_ENROLMENT)
        if enrolment.client is not None and enrolment.client != client:
            raise BadRow(Reason.WRONG_CLIENT)
        return client

    def _occurred(self, file: FileMap, row: Row) -> date:
        for column in ("DateCreated", "DateUpdated"):
            if text(row.cells, column):
                day(text(row.cells, column), None)
        return day(text(row.cells, file.date), self._today)

    def _must_know(self, agency_id: str) -> None:
        if all(agency.agency_id != agency_id for agency in self.agencies):
            raise AgencyUnknown(agency_id)


class HmisSource:
    """One agency's rows of an export, as a Source of the adapter kit."""

    def __init__(self, export: HmisExport, agency_id: str | None) -> None:
        self._export = export
        self._agency_id = agency_id

    def records(self) -> Iterator[Outcome]:
        """Yields what became of each of the agency's rows, in file order.

        A row with nothing to publish comes as a record without content: the publisher counts it as nothing
        recorded, unless an earlier export said something in that row, which is then withdrawn.
        """
        for accounted in self._export.read_of(self._agency_id):
            yield accounted.withdrawal or accounted.outcome


def _check_order(file: FileMap, occurred: date, enrolment: Enrolment | None) -> None:
    if file.stem != "Exit" or enrolment is None or enrolment.entry is None:
        return
    if occurred < enrolment.entry:
        raise BadRow(Reason.EXIT_BEFORE_ENTRY)


class _Key:
    """A row's own key, and whether an earlier row of the file has it."""

    def __init__(self, file: FileMap, row: Row, seen: set[str]) -> None:
        self.text = text(row.cells, file.key)
        self._problem = row.problem
        self._taken = self.text in seen
        if REFERENCE.fullmatch(self.text):
            seen.add(self.text)

    def check(self) -> None:
        """Raises BadRow: the row is broken, or its key is missing, unfit or taken."""
        if self._problem is not None:
            raise BadRow(self._problem)
        if not self.text:
            raise BadRow(Reason.MISSING_KEY)
        if not REFERENCE.fullmatch(self.text):
            raise BadRow(Reason.BAD_KEY)
        if self._taken:
            raise BadRow(Reason.DUPLICATE_KEY)


def _texts(row: Row) -> int:
    return sum(1 for column in FREE_TEXT.get(row.file, ()) if text(row.cells, column))
