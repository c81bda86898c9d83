"""Statements compiled once and given to the driver itself.

Core's own execution costs some 80 µs a statement and 10 µs a row; SQLite finds a row in 5 and adds one in 3.
"""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from sqlalchemy import ClauseElement, Column, Dialect, Select, bindparam
from sqlalchemy.sql.compiler import SQLCompiler

_SIZES = (1, 4, 16, 64, 256)
"""How many values a list in a statement is compiled for; SQLite once allowed no more than 999."""


class ForManyRows(Protocol):
    """A statement that writes many rows."""

    def run_many(self, cursor: Any, rows: Collection[Sequence[Any]]) -> None:
        """Writes them all."""
        ...


class ForManyValues(Protocol):
    """A statement that finds the rows of many values."""

    def run(self, cursor: Any, values: Sequence[bytes]) -> list[Any]:
        """The rows found for any of the values."""
        ...


class Prepared:
    """A statement with parameters in the order that the caller names them in."""

    def __init__(self, statement: ClauseElement, dialect: Dialect, names: Sequence[str]) -> None:
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        self._sql = str(compiled)
        places = list(names) if compiled.positiontup is None else compiled.positiontup
        # What the compiler adds of its own, such as SQLite's OFFSET 0.
        self._own = {name: value for name, value in compiled.params.items() if name not in names}
        self._names = list(names)
        self._named = compiled.positiontup is None
        self._in_order = places == self._names
        self._places = places

    def run(self, cursor: Any, *values: Any) -> Any:
        """Executes it once."""
        cursor.execute(self._sql, self._bound(values))
        return cursor

    def run_many(self, cursor: Any, rows: Collection[Sequence[Any]]) -> None:
        """Executes it once for each row, in one call of the driver."""
        cursor.executemany(self._sql, rows if self._in_order and not self._named else map(self._bound, rows))

    def _bound(self, values: Sequence[Any]) -> Any:
        if self._in_order and not self._named:
            return values
        given = self._own | dict(zip(self._names, values, strict=True))
        return given if self._named else [given[name] for name in self._places]


class PreparedForMany:
    """A statement over a list of values, compiled for lists of a few sizes."""

    def __init__(self, statement: Select[Any], column: Column[bytes], dialect: Dialect) -> None:
        """`statement` has no parameter of its own; it is to find rows by the value of `column`."""
        self._sized = {
            size: str(
                statement.where(column.in_([bindparam(f"wanted_{place}") for place in range(size)])).compile(
                    dialect=dialect
                )
            )
            for size in _SIZES
        }

    def run(self, cursor: Any, values: Sequence[bytes]) -> list[Any]:
        """The rows found for any of the values."""
        if len(values) == 1:
            cursor.execute(self._sized[1], values)
            rows: list[Any] = cursor.fetchall()
            return rows
        found: list[Any] = []
        for start in range(0, len(values), _SIZES[-1]):
            some = values[start : start + _SIZES[-1]]
            size = next(size for size in _SIZES if len(some) <= size)
            # A value that stands there twice finds its row once.
            cursor.execute(self._sized[size], [*some, *[some[-1]] * (size - len(some))])
            found += cursor.fetchall()
        return found
