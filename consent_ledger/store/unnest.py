"""Statements of PostgreSQL over many rows: a column of values each, in one statement and one round trip."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Integer,
    LargeBinary,
    Select,
    SmallInteger,
    Table,
    any_,
    bindparam,
)
from sqlalchemy.dialects.postgresql import ARRAY

_ARRAYS = {BigInteger: "bigint[]", Integer: "integer[]", SmallInteger: "smallint[]", LargeBinary: "bytea[]"}


def _array(column: Column[Any]) -> str:
    """A place for a column's values, of its type whatever the values are: all of them may be NULL."""
    return f"%s::{_ARRAYS.get(type(column.type), 'text[]')}"


class UnnestedRows:
    """A statement that writes rows given as columns."""

    def __init__(self, sql: str) -> None:
        self._sql = sql

    @classmethod
    def inserting(cls, table: Table, names: Sequence[str], key: Sequence[str] = ()) -> "UnnestedRows":
        """An insert; where `key` is there already, the other columns are replaced."""
        places = ", ".join(_array(table.c[name]) for name in names)
        columns = ", ".join(f'"{name}"' for name in names)
        sql = f"INSERT INTO {table.name} ({columns}) SELECT * FROM unnest({places})"  # noqa: S608 - our own names
        if key:
            kept = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in key)
            sql += f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {kept}"
        return cls(sql)

    @classmethod
    def deleting(cls, table: Table, key: Sequence[str]) -> "UnnestedRows":
        """A delete of the rows that have these values in these columns."""
        places = ", ".join(_array(table.c[name]) for name in key)
        columns = ", ".join(key)
        same = " AND ".join(f"{table.name}.{name} = gone.{name}" for name in key)
        return cls(
            f"DELETE FROM {table.name} USING unnest({places}) AS gone({columns}) WHERE {same}"  # noqa: S608 - our own names
        )

    def run_many(self, cursor: Any, rows: Collection[Sequence[Any]]) -> None:
        """Writes them all; none is no statement."""
        if rows:
            cursor.execute(self._sql, [list(column) for column in zip(*rows, strict=True)])


class AnyOf:
    """A statement that finds rows by any of many values of a column."""

    def __init__(self, statement: Select[Any], column: Column[bytes], dialect: Dialect) -> None:
        """`statement` has no parameter of its own."""
        wanted = bindparam("wanted", type_=ARRAY(LargeBinary))
        self._sql = str(statement.where(column == any_(wanted)).compile(dialect=dialect))

    def run(self, cursor: Any, values: Sequence[bytes]) -> list[Any]:
        """The rows found for any of the values."""
        # Twice the same value finds its row once.
        found: list[Any] = cursor.execute(self._sql, [list(values)]).fetchall()
        return found
