"""A ledger as the version with layout 2 made it: its tables are stated here as they then were."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    create_engine,
    select,
)
from sqlalchemy.pool import NullPool

from tests.contract.backends import Backend, SqliteBackend

_made = MetaData()
_position = BigInteger().with_variant(Integer, "sqlite")

_head = Table(
    "head",
    _made,
    Column("only", SmallInteger, CheckConstraint('"only" = 1'), primary_key=True, autoincrement=False),
    Column("layout", Integer, nullable=False),
    Column("ledger_id", Uuid(native_uuid=False), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("policy_position", BigInteger, nullable=False),
)
Table(
    "entries",
    _made,
    Column("position", _position, primary_key=True, autoincrement=False),
    Column("class", SmallInteger, nullable=False),
    Column("entry_id", LargeBinary(16), nullable=False),
    Column("stream_id", LargeBinary(16), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("stream_id", "version"),
)
_keys = Table(
    "keys",
    _made,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("key_id", LargeBinary(16), primary_key=True),
    Column("parent_id", LargeBinary(16), primary_key=True),
    Column("label", LargeBinary(32)),
    Column("wrapped", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
_labelled = _keys.c.label.is_not(None)
Index("keys_label", _keys.c.label, unique=True, sqlite_where=_labelled, postgresql_where=_labelled)
Table(
    "cells",
    _made,
    Column("projection", String(64), primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
Table(
    "requests",
    _made,
    Column("label", LargeBinary(32), primary_key=True),
    Column("body_mac", LargeBinary(32), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("day", Integer, nullable=False, index=True),
)


def connect(backend: Backend) -> Connection:
    """A connection of Core's to the backend's database."""
    url = f"sqlite:///{backend.url}" if isinstance(backend, SqliteBackend) else backend.url
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool).connect()


def become_layout_2(backend: Backend) -> None:
    """Makes the closed ledger there an old one, with the rows that it has."""
    with connect(backend) as connection, connection.begin():
        rows: dict[str, list[dict[str, Any]]] = {
            table.name: [dict(row._mapping) for row in connection.execute(select(table))]
            for table in _made.sorted_tables
        }
        now = MetaData()
        now.reflect(connection)
        now.drop_all(connection)
        _made.create_all(connection)
        for table in _made.sorted_tables:
            if rows[table.name]:
                connection.execute(table.insert(), rows[table.name])
        connection.execute(_head.update().values(layout=2))


def rows_of(backend: Backend) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the tables that layout 2 had, but for the layout itself."""
    with connect(backend) as connection:
        return {
            table.name: sorted(
                tuple(row)
                for row in connection.execute(select(*(one for one in table.c if one.name != "layout")))
            )
            for table in _made.sorted_tables
        }


def layout_of(backend: Backend) -> int:
    """The layout that stands in the head."""
    with connect(backend) as connection:
        return int(connection.execute(select(_head.c.layout)).scalar_one())
