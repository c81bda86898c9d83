"""Reads records out of any SQL database: configured queries, whose columns the kit's mapping turns into
records.

Made for an outbox table as well as for a view: each row is one record's present content.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from adapters.kit.errors import ConfigInvalid, SourceUnreadable
from adapters.kit.mapping import RecordMapping, read_mapping
from adapters.kit.source import Nothing, Origin, Rejected, SourceRecord
from adapters.sql.engine import open_engine

SETTINGS = {"kind", "url", "password_file", "records"}
ROWS_AT_ONCE = 500
READS_ONLY = re.compile(r"\s*(select|with)\b", re.IGNORECASE)
AFTER = re.compile(r"(?<![:\w]):after\b")


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT and what its rows become. An incremental one names `mark_column` and says `> :after` in its
    WHERE; `first_mark` is what `:after` is the first time."""

    sql: str
    mapping: RecordMapping
    mark_column: str | None
    first_mark: int | str | None


def open_queries(settings: Mapping[str, object], folder: Path) -> list["SqlSource"]:
    """The sources of a `[source]` table with `kind = "sql"`: one for each `[[source.records]]`.
    ConfigInvalid names everything that is wrong in all of them. Connects at the first use."""
    problems = [f"source.{key} is not a setting." for key in sorted(set(settings) - SETTINGS)]
    tables = settings.get("records")
    if not isinstance(tables, list) or not tables:
        raise ConfigInvalid([*problems, "Give at least one [[source.records]]."])
    queries: list[Query] = []
    for table in tables:
        try:
            queries.append(_query(table))
        except ConfigInvalid as error:
            problems += error.problems
    names = [query.mapping.name for query in queries]
    problems += [
        f"source.records: two are named {name}." for name in sorted({n for n in names if names.count(n) > 1})
    ]
    if problems:
        raise ConfigInvalid(problems)
    engine = open_engine("source", settings, folder)
    return [SqlSource(engine, query) for query in queries]


def _query(table: object) -> Query:
    if not isinstance(table, Mapping):
        raise ConfigInvalid(["Every source.records must be a section: write [[source.records]]."])
    problems: list[str] = []
    sql = table.get("query")
    if not isinstance(sql, str) or not READS_ONLY.match(sql):
        problems.append("source.records: query must be one SELECT.")
    mark_column, first_mark = table.get("mark_column"), table.get("first_mark")
    if mark_column is not None and not isinstance(mark_column, str):
        problems.append("source.records: mark_column must name a column of the query.")
    if isinstance(sql, str) and bool(AFTER.search(sql)) != (mark_column is not None):
        problems.append("source.records: mark_column and :after in the query belong together.")
    if first_mark is not None and (isinstance(first_mark, bool) or not isinstance(first_mark, int | str)):
        problems.append("source.records: first_mark must be a whole number or a text.")
    if mark_column is not None and first_mark is None:
        problems.append("source.records: first_mark is missing: what :after is the first time, e.g. 0.")
    try:
        mapping = read_mapping(table)
    except ConfigInvalid as error:
        raise ConfigInvalid([*problems, *error.problems]) from None
    if problems:
        raise ConfigInvalid(problems)
    assert isinstance(sql, str)
    return Query(sql, mapping, mark_column, first_mark if isinstance(first_mark, int | str) else None)


class SqlSource:
    """One query as a `kit.source.Source`, incremental if the query has a mark column."""

    def __init__(self, engine: Engine, query: Query) -> None:
        """Takes an engine whose account needs to read only."""
        self._engine = engine
        self._query = query
        self._after: int | str | None = query.first_mark
        self._highest: int | str | None = None

    @property
    def name(self) -> str:
        """The mapping's name; its mark is kept under it."""
        return self._query.mapping.name

    def begin_after(self, mark: str | None) -> None:
        """Continues after an earlier run's mark, of the same kind as `first_mark`; None begins at the
        first."""
        first = self._query.first_mark
        if mark is None or first is None:
            self._after = first
        else:
            self._after = int(mark) if isinstance(first, int) else mark

    def highest_mark(self) -> str | None:
        """The highest mark seen, or None if there was no row or the query has no mark column."""
        return None if self._highest is None else str(self._highest)

    def records(self) -> Iterator[SourceRecord | Rejected | Nothing]:
        """Every row of the query, in its order. SourceUnreadable without the driver's words, which may quote
        rows."""
        bound = {"after": self._after} if self._query.mark_column is not None else {}
        try:
            with self._engine.connect() as connection:
                rows = connection.execution_options(yield_per=ROWS_AT_ONCE).execute(
                    text(self._query.sql), bound
                )
                for number, answered in enumerate(rows.mappings(), start=1):
                    row: dict[str, object] = {**answered}
                    origin = Origin(self.name, number)
                    # A row whose mark cannot be compared is left out, and keeps the mark where it is.
                    if not self._note_mark(row):
                        yield Rejected(origin, "MARK_INVALID")
                        continue
                    yield self._query.mapping.record(row, origin)
        except SQLAlchemyError as error:
            raise SourceUnreadable(
                f"{type(error).__name__} in {self.name}", "Check source.url, the account and the query."
            ) from None

    def missing_columns(self) -> list[str]:
        """Columns that the mapping names and the query does not answer. Reads no row's values into a
        message."""
        bound = {"after": self._after} if self._query.mark_column is not None else {}
        try:
            with self._engine.connect() as connection:
                answered = set(connection.execute(text(self._query.sql), bound).keys())
        except SQLAlchemyError as error:
            raise SourceUnreadable(
                f"{type(error).__name__} in {self.name}", "Check source.url, the account and the query."
            ) from None
        needed = {*self._query.mapping.needed(), *filter(None, [self._query.mark_column])}
        return sorted(needed - answered)

    def _note_mark(self, row: Mapping[str, object]) -> bool:
        if self._query.mark_column is None:
            return True
        mark = row.get(self._query.mark_column)
        if isinstance(self._query.first_mark, int):
            if isinstance(mark, bool) or not isinstance(mark, int):
                return False
            self._highest = max(self._highest, mark) if isinstance(self._highest, int) else mark
            return True
        if mark is None:
            return False
        shown = str(mark)
        self._highest = max(self._highest, shown) if isinstance(self._highest, str) else shown
        return True
