"""Maps the columns of an agency's own tables to record fields, as declared in the configuration.

A mapping may not weaken what a field is. Words somebody wrote go to a free-text field or nowhere, and only
with a column of the same row in which their author released them, category by category; otherwise the words
stay home.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google.protobuf.descriptor import Descriptor

from adapters.kit.columns import KINDS, Column, ColumnProblem, RowRejected, put, read_column
from adapters.kit.errors import ConfigInvalid
from adapters.kit.source import Nothing, Origin, Rejected, SourceRecord
from oncetold.v1.common_pb2 import HandlingMark, ServiceType
from oncetold.v1.record_service_pb2 import Record
from oncetold.v1.records_pb2 import RecordContent

RECORD_TYPES: Mapping[str, Descriptor] = {
    entry.name: entry.message_type
    for entry in RecordContent.DESCRIPTOR.oneofs_by_name["type"].fields
    if entry.message_type is not None
}
SETTINGS = """
    name query first_mark mark_column record_type record_id client_reference occurred_time time_zone
    service_type source_system withdrawn marks columns
"""


@dataclass(frozen=True, slots=True)
class RecordMapping:
    """How one query's rows become records of one type. `withdrawn` names a column that, when true, says that
    the agency took the record back."""

    name: str
    record_type: str
    record_id: str
    client_reference: str
    occurred_time: str
    time_zone: ZoneInfo
    service_type: int
    source_system: str
    withdrawn: str | None
    marks: tuple[int, ...]
    columns: tuple[Column, ...] = field(repr=False)

    def needed(self) -> Iterator[str]:
        """Every column that a row must have."""
        yield from (self.record_id, self.client_reference, self.occurred_time)
        if self.withdrawn is not None:
            yield self.withdrawn
        for column in self.columns:
            yield column.column
            if column.release is not None:
                yield column.release

    def record(self, row: Mapping[str, object], origin: Origin) -> SourceRecord | Rejected | Nothing:
        """One row as a record; Rejected with a code if a value is not what the mapping says; Nothing if every
        mapped column is empty."""
        try:
            return self._record(row, origin)
        except RowRejected as rejection:
            return Rejected(origin, rejection.reason)

    def _record(self, row: Mapping[str, object], origin: Origin) -> SourceRecord | Nothing:
        missing = [name for name in self.needed() if name not in row]
        if missing:
            raise RowRejected("COLUMN_MISSING")
        record = Record(
            record_id=_identifier(row[self.record_id], "RECORD_ID_INVALID"),
            client_reference=_identifier(row[self.client_reference], "CLIENT_REFERENCE_INVALID"),
            service_type=self.service_type,  # type: ignore[arg-type]  # checked against the enum when it was read
            source_system=self.source_system,
            marks=self.marks,  # type: ignore[arg-type]  # likewise
        )
        record.occurred_time.FromDatetime(self._instant(row[self.occurred_time]))
        if self.withdrawn is not None and _is_true(row[self.withdrawn]):
            return SourceRecord(record.client_reference, record, origin)
        content = RecordContent()
        body = getattr(content, self.record_type)
        written = kept_home = 0
        for column in self.columns:
            outcome = put(body, column, row)
            written += outcome.written
            kept_home += outcome.kept_home
        if not written:
            return Nothing(origin)
        record.content.CopyFrom(content)
        return SourceRecord(record.client_reference, record, origin, kept_home)

    def _instant(self, value: object) -> datetime:
        """When it happened. A date alone is its midnight, a time without offset is local, in the mapping's
        zone."""
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value.strip())
            except ValueError:
                raise RowRejected("IMPOSSIBLE_TIME") from None
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if not isinstance(value, datetime):
            raise RowRejected("TIME_MISSING" if value is None else "IMPOSSIBLE_TIME")
        aware = value if value.tzinfo is not None else value.replace(tzinfo=self.time_zone)
        if not 1900 <= aware.year < 9999:
            raise RowRejected("IMPOSSIBLE_TIME")
        return aware.astimezone(UTC)


def read_mapping(table: Mapping[str, object]) -> RecordMapping:
    """Reads one `[[source.records]]` table. ConfigInvalid names everything that is wrong with it; above all
    a `text` column on a field that is not free text, or without a release column, is refused."""
    problems: list[str] = []
    name = table.get("name")
    label = f"source.records {name!r}" if isinstance(name, str) and name else "source.records"

    def text(key: str, default: str | None = None) -> str:
        value = table.get(key, default)
        if isinstance(value, str) and value:
            return value
        problems.append(f"{label}: {key} is missing or is not a text.")
        return ""

    problems += [f"{label}: {key} is not a setting." for key in sorted(set(table) - set(SETTINGS.split()))]
    record_type = text("record_type")
    if record_type and record_type not in RECORD_TYPES:
        problems.append(f"{label}: record_type must be one of {', '.join(RECORD_TYPES)}.")
    service_type = text("service_type")
    if service_type and f"SERVICE_TYPE_{service_type}" not in ServiceType.keys()[1:]:
        problems.append(f"{label}: service_type is not one the contract knows.")
    zone = _zone(text("time_zone", "Europe/London"), label, problems)
    columns = _columns(table.get("columns"), RECORD_TYPES.get(record_type), label, problems)
    withdrawn = table.get("withdrawn")
    if withdrawn is not None and not isinstance(withdrawn, str):
        problems.append(f"{label}: withdrawn must name a column.")
    marks = _marks(table.get("marks", []), label, problems)
    values = {
        key: text(key) for key in ("name", "record_id", "client_reference", "occurred_time", "source_system")
    }
    if problems:
        raise ConfigInvalid(problems)
    return RecordMapping(
        name=values["name"],
        record_type=record_type,
        record_id=values["record_id"],
        client_reference=values["client_reference"],
        occurred_time=values["occurred_time"],
        time_zone=zone,
        service_type=ServiceType.Value(f"SERVICE_TYPE_{service_type}"),
        source_system=values["source_system"],
        withdrawn=withdrawn if isinstance(withdrawn, str) else None,
        marks=marks,
        columns=columns,
    )


def _columns(raw: object, body: Descriptor | None, label: str, problems: list[str]) -> tuple[Column, ...]:
    if not isinstance(raw, list) or not raw or not all(isinstance(entry, Mapping) for entry in raw):
        problems.append(
            f"{label}: give at least one [[source.records.columns]], kind one of {', '.join(KINDS)}."
        )
        return ()
    columns: list[Column] = []
    for number, entry in enumerate(raw, start=1):
        if body is None:
            continue
        try:
            columns.append(read_column(entry, body))
        except ColumnProblem as problem:
            problems.append(f"{label}, column {number}: {problem.sentence}")
    single = [column.path for column in columns if not column.repeated]
    problems += [
        f"{label}: field {path} is mapped twice."
        for path in sorted({p for p in single if single.count(p) > 1})
    ]
    return tuple(columns)


def _zone(name: str, label: str, problems: list[str]) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        problems.append(f"{label}: time_zone must be a name such as Europe/London.")
        return ZoneInfo("UTC")


def _marks(raw: object, label: str, problems: list[str]) -> tuple[int, ...]:
    names = HandlingMark.keys()[1:]
    if not isinstance(raw, list) or not all(f"HANDLING_MARK_{mark}" in names for mark in raw):
        problems.append(f'{label}: marks must be a list of handling marks such as "NORDSCLCD".')
        return ()
    return tuple(HandlingMark.Value(f"HANDLING_MARK_{mark}") for mark in raw)


def _identifier(value: object, reason: str) -> str:
    """An id as the contract takes it: 1 to 100 visible ASCII characters."""
    shown = (
        str(value).strip() if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else ""
    )
    if 1 <= len(shown) <= 100 and all("!" <= character <= "~" for character in shown):
        return shown
    raise RowRejected(reason)


def _is_true(value: object) -> bool:
    if value is None or isinstance(value, bool | int):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in {"", "0", "n", "no", "false", "f"}:
        return False
    if isinstance(value, str) and value.strip().lower() in {"1", "y", "yes", "true", "t"}:
        return True
    raise RowRejected("YES_NO_INVALID")
