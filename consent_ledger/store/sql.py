"""The port's reads and writes as SQLAlchemy Core statements; a backend adds how it connects and locks."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Dialect, Select, bindparam, delete, func, select, update
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.compiler import SQLCompiler

from consent_ledger.errors import StorageError
from consent_ledger.store.port import AnswerRow, EntryRow, Head, KeyRow
from consent_ledger.store.tables import cells, entries, head, keys, requests

_IN_LIMIT = 500
"""Values in one IN list; SQLite once allowed no more than 999."""

_ENTRY_COLUMNS = [
    entries.c[name] for name in ("position", "class", "entry_id", "stream_id", "version", "body", "leaf_hash")
]
_INSERT_ENTRIES = entries.insert()
INSERT_KEYS = keys.insert()
_HEAD = select(head.c.size, head.c.policy_position)
_WRITE_HEAD = update(head).values(size=bindparam("new_size"), policy_position=bindparam("new_policy"))
_CELL = select(cells.c.value).where(
    cells.c.projection == bindparam("projection"), cells.c.key == bindparam("key")
)
_DELETE_CELLS = delete(cells).where(
    cells.c.projection == bindparam("of_projection"), cells.c.key == bindparam("of_key")
)
_ENTRIES = (
    select(*_ENTRY_COLUMNS)
    .where(entries.c.position > bindparam("after"), entries.c.position <= bindparam("through"))
    .order_by(entries.c.position)
)
_STREAM = (
    select(*_ENTRY_COLUMNS).where(entries.c.stream_id == bindparam("stream_id")).order_by(entries.c.version)
)
_VERSIONS = (
    select(entries.c.stream_id, func.max(entries.c.version))
    .where(entries.c.stream_id.in_(bindparam("stream_ids", expanding=True)))
    .group_by(entries.c.stream_id)
)
_VERSION = select(func.max(entries.c.version)).where(entries.c.stream_id == bindparam("stream_id"))
_SCAN_REST = (
    select(cells.c.key, cells.c.value)
    .where(cells.c.projection == bindparam("projection"), cells.c.key >= bindparam("start"))
    .order_by(cells.c.key)
    .limit(bindparam("most"))
)
_SCAN = _SCAN_REST.where(cells.c.key < bindparam("end"))
_KEY_BY_LABEL = select(keys).where(keys.c.label == bindparam("label"))
_KEYS_BY_ID = select(keys).where(keys.c.key_id.in_(bindparam("key_ids", expanding=True)))
_ANSWER = select(requests).where(requests.c.label == bindparam("label"))


class _Prepared:
    """A statement compiled once and given to the driver itself: for what one command reads many times.

    Core's own execution costs some 80 µs a statement, ten times what SQLite takes to find a row.
    """

    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)
        self._sql = str(compiled)
        self._order = compiled.positiontup
        # What the compiler adds of its own, such as SQLite's OFFSET 0.
        self._own = dict(compiled.params)

    def run(self, cursor: DBAPICursor, **values: Any) -> DBAPICursor:
        given = self._own | values
        cursor.execute(self._sql, given if self._order is None else [given[name] for name in self._order])
        return cursor


class SqlStore(ABC):
    """`Store` over one connection that is kept for as long as the ledger is open."""

    def __init__(self, connection: Connection, ledger_id: UUID) -> None:
        self._connection = connection
        self._ledger_id = ledger_id
        self._failure: StorageError | None = None
        dialect = connection.dialect
        self._cursor = connection.connection.cursor()
        self._errors = (SQLAlchemyError, dialect.loaded_dbapi.Error)
        self._cell, self._scan, self._scan_rest, self._version, self._answer, self._key_by_label = (
            _Prepared(statement, dialect)
            for statement in (_CELL, _SCAN, _SCAN_REST, _VERSION, _ANSWER, _KEY_BY_LABEL)
        )

    @abstractmethod
    def storage_error(self, error: Exception) -> StorageError:
        """What a failed statement means."""

    @abstractmethod
    def upsert(self, table: Any, key: Sequence[str], values: Sequence[str]) -> Any:
        """An insert that replaces `values` where `key` is there already."""

    @contextmanager
    def guarded(self) -> Iterator[Connection]:
        """The connection; after a failure none, because the database may have undone the transaction."""
        if self._failure is not None:
            raise self._failure
        try:
            yield self._connection
        except self._errors as error:
            self._failure = self.storage_error(error)
            raise self._failure from error

    @property
    def ledger_id(self) -> UUID:
        return self._ledger_id

    def begin(self) -> Head:
        with self.guarded() as connection:
            connection.begin()
            size, policy_position = connection.execute(_HEAD).one()
            return Head(size, policy_position)

    def commit(self) -> None:
        with self.guarded() as connection:
            connection.commit()

    def rollback(self) -> None:
        failure, self._failure = self._failure, None
        with self.guarded() as connection:
            connection.rollback()
        if failure is not None and failure.fatal:
            self._failure = failure

    def close(self) -> None:
        self._cursor.close()
        self._connection.close()
        self._connection.engine.dispose()

    def write_head(self, new: Head) -> None:
        with self.guarded() as connection:
            connection.execute(_WRITE_HEAD, {"new_size": new.size, "new_policy": new.policy_position})

    def insert_entries(self, rows: Sequence[EntryRow]) -> None:
        with self.guarded() as connection:
            connection.execute(
                _INSERT_ENTRIES,
                [
                    {
                        "position": row.position,
                        "class": row.entry_class,
                        "entry_id": row.entry_id,
                        "stream_id": row.stream_id.bytes,
                        "version": row.version,
                        "body": row.body,
                        "leaf_hash": row.leaf_hash,
                    }
                    for row in rows
                ],
            )

    def last_position(self) -> int:
        with self.guarded() as connection:
            return int(connection.execute(select(func.max(entries.c.position))).scalar() or 0)

    def entries(self, after: int, through: int) -> list[EntryRow]:
        return self._entry_rows(_ENTRIES, {"after": after, "through": through})

    def stream(self, stream_id: UUID) -> list[EntryRow]:
        return self._entry_rows(_STREAM, {"stream_id": stream_id.bytes})

    def versions(self, stream_ids: Sequence[UUID]) -> dict[UUID, int]:
        found: dict[UUID, int] = {}
        with self.guarded() as connection:
            if len(stream_ids) == 1:
                [(top,)] = self._version.run(self._cursor, stream_id=stream_ids[0].bytes).fetchall()
                return {} if top is None else {stream_ids[0]: int(top)}
            wanted = [stream_id.bytes for stream_id in stream_ids]
            for start in range(0, len(wanted), _IN_LIMIT):
                some = {"stream_ids": wanted[start : start + _IN_LIMIT]}
                found.update((UUID(bytes=key), top) for key, top in connection.execute(_VERSIONS, some))
        return found

    def insert_keys(self, rows: Sequence[KeyRow]) -> None:
        with self.guarded() as connection:
            connection.execute(INSERT_KEYS, [asdict(row) for row in rows])

    def key_by_label(self, label: bytes) -> KeyRow | None:
        with self.guarded():
            rows = self._key_by_label.run(self._cursor, label=label).fetchall()
        return KeyRow(*rows[0]) if rows else None

    def keys_by_id(self, key_ids: Sequence[bytes]) -> list[KeyRow]:
        found: list[KeyRow] = []
        with self.guarded() as connection:
            for start in range(0, len(key_ids), _IN_LIMIT):
                some = {"key_ids": list(key_ids[start : start + _IN_LIMIT])}
                found.extend(KeyRow(*row) for row in connection.execute(_KEYS_BY_ID, some))
        return found

    def cell(self, projection: str, key: bytes) -> bytes | None:
        with self.guarded():
            rows = self._cell.run(self._cursor, projection=projection, key=key).fetchall()
        return bytes(rows[0][0]) if rows else None

    def write_cells(self, new: Iterable[tuple[str, bytes, bytes | None]]) -> None:
        gone, put = [], []
        for projection, key, value in new:
            if value is None:
                gone.append({"of_projection": projection, "of_key": key})
            else:
                put.append({"projection": projection, "key": key, "value": value})
        with self.guarded() as connection:
            if gone:
                connection.execute(_DELETE_CELLS, gone)
            if put:
                connection.execute(self.upsert(cells, ("projection", "key"), ("value",)), put)

    def scan_cells(
        self, projection: str, prefix: bytes, after: bytes | None, limit: int
    ) -> list[tuple[bytes, bytes]]:
        # The least key behind `after` is `after` and a zero byte.
        start = prefix if after is None else max(prefix, after + b"\x00")
        end = _behind(prefix)
        with self.guarded():
            if end is None:
                cursor = self._scan_rest.run(self._cursor, projection=projection, start=start, most=limit)
            else:
                cursor = self._scan.run(self._cursor, projection=projection, start=start, end=end, most=limit)
            found = cursor.fetchall()
        return [(bytes(key), bytes(value)) for key, value in found]

    def drop_cells(self, projection: str) -> None:
        with self.guarded() as connection:
            connection.execute(delete(cells).where(cells.c.projection == projection))

    def answer(self, label: bytes) -> AnswerRow | None:
        with self.guarded():
            rows = self._answer.run(self._cursor, label=label).fetchall()
        return AnswerRow(*rows[0]) if rows else None

    def write_answers(self, rows: Sequence[AnswerRow]) -> None:
        values = [asdict(row) for row in rows]
        with self.guarded() as connection:
            connection.execute(self.upsert(requests, ("label",), ("body_mac", "answer", "day")), values)

    def forget_answers(self, before_day: int) -> None:
        with self.guarded() as connection:
            connection.execute(delete(requests).where(requests.c.day < before_day))

    def _entry_rows(self, query: Select[Any], values: dict[str, Any]) -> list[EntryRow]:
        with self.guarded() as connection:
            rows = connection.execute(query, values).all()
        return [
            EntryRow(
                position, kind, bytes(entry_id), UUID(bytes=stream_id), version, bytes(body), bytes(leaf)
            )
            for position, kind, entry_id, stream_id, version, body, leaf in rows
        ]


def _behind(prefix: bytes) -> bytes | None:
    """The least bytes that sort behind everything beginning with `prefix`; None if there are none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else None
