"""The tables, the same in every database. Nothing in clear names a category or a kind of event."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

LAYOUT = 4
"""Raised when the tables change, so that a program never works on a layout it does not know."""

metadata = MetaData()
_position = BigInteger().with_variant(Integer, "sqlite")

head = Table(
    "head",
    metadata,
    Column("only", SmallInteger, CheckConstraint('"only" = 1'), primary_key=True, autoincrement=False),
    Column("layout", Integer, nullable=False),
    Column("ledger_id", Uuid(native_uuid=False), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("policy_position", BigInteger, nullable=False),
)

entries = Table(
    "entries",
    metadata,
    Column("position", _position, primary_key=True, autoincrement=False),
    Column("class", SmallInteger, nullable=False),
    Column("entry_id", LargeBinary(16), nullable=False),
    Column("stream_id", LargeBinary(16), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("stream_id", "version"),
)

# In order of the entries they are for: a replay reads them as it reads the entries, and an append adds at the
# end. By their ids, which are random, each would lie on a page of its own.
keys = Table(
    "keys",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("key_id", LargeBinary(16), primary_key=True),
    Column("parent_id", LargeBinary(16), primary_key=True),
    Column("label", LargeBinary(32)),
    Column("wrapped", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
_labelled = keys.c.label.is_not(None)
Index("keys_parent", keys.c.parent_id)
Index("keys_label", keys.c.label, unique=True, sqlite_where=_labelled, postgresql_where=_labelled)

cells = Table(
    "cells",
    metadata,
    Column("projection", String(64), primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("label", LargeBinary(32), primary_key=True),
    Column("body_mac", LargeBinary(32), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("day", Integer, nullable=False, index=True),
)

# Whole tiles only (C2SP tlog-tiles: 256 hashes); what lies behind the last is made from leaf hashes.
tiles = Table(
    "tiles",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# What belongs to the log as a whole and is no entry: the newest checkpoint, cosignatures and the like.
log_state = Table(
    "log_state",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
