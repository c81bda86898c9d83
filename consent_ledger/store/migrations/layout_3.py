"""Layout 3: tables for the log's whole tiles, and for what belongs to the log as a whole."""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
)

_added = MetaData()

Table(
    "tiles",
    _added,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

Table(
    "log_state",
    _added,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)


def apply(connection: Connection) -> None:
    """Both are empty: tiles are made from the entries, which are there."""
    _added.create_all(connection, checkfirst=False)
