"""The port's reads and writes as SQLAlchemy Core statements; a backend adds how it connects and locks."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, bindparam, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError

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
_KEY_BY_LABEL = select(keys).where(keys.c.label == bindparam("label"))
_KEYS_BY_ID = select(keys).where(keys.c.key_id.in_(bindparam("key_ids", expanding=True)))
_ANSWER = select(requests).where(requests.c.label == bindparam("label"))


class SqlStore(ABC):
    """`Store` over one connection that is kept for as long as the ledger is open."""

    def __init__(self, connection: Connection, ledger_id: UUID) -> None:
        self._connection = connection
        self._ledger_id = ledger_id
        self._failure: StorageError | None = None

    @abstractmethod
    def storage_error(self, error: SQLAlchemyError) -> StorageError:
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
        except SQLAlchemyError as error:
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
        wanted = [stream_id.bytes for stream_id in stream_ids]
        found: dict[UUID, int] = {}
        with self.guarded() as connection:
            for start in range(0, len(wanted), _IN_LIMIT):
                some = {"stream_ids": wanted[start : start + _IN_LIMIT]}
                found.update((UUID(bytes=key), top) for key, top in connection.execute(_VERSIONS, some))
        return found

    def insert_keys(self, rows: Sequence[KeyRow]) -> None:
        with self.guarded() as connection:
            connection.execute(INSERT_KEYS, [asdict(row) for row in rows])

    def key_by_label(self, label: bytes) -> KeyRow | None:
        with self.guarded() as connection:
            row = connection.execute(_KEY_BY_LABEL, {"label": label}).one_or_none()
        return None if row is None else KeyRow(*row)

    def keys_by_id(self, key_ids: Sequence[bytes]) -> list[KeyRow]:
        found: list[KeyRow] = []
        with self.guarded() as connection:
            for start in range(0, len(key_ids), _IN_LIMIT):
                some = {"key_ids": list(key_ids[start : start + _IN_LIMIT])}
                found.extend(KeyRow(*row) for row in connection.execute(_KEYS_BY_ID, some))
        return found

    def cell(self, projection: str, key: bytes) -> bytes | None:
        with self.guarded() as connection:
            value = connection.execute(_CELL, {"projection": projection, "key": key}).scalar()
        return None if value is None else bytes(value)

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
        query = select(cells.c.key, cells.c.value).where(cells.c.projection == projection)
        query = query.where(cells.c.key >= prefix)
        end = _behind(prefix)
        if end is not None:
            query = query.where(cells.c.key < end)
        if after is not None:
            query = query.where(cells.c.key > after)
        with self.guarded() as connection:
            found = connection.execute(query.order_by(cells.c.key).limit(limit)).all()
        return [(bytes(key), bytes(value)) for key, value in found]

    def drop_cells(self, projection: str) -> None:
        with self.guarded() as connection:
            connection.execute(delete(cells).where(cells.c.projection == projection))

    def answer(self, label: bytes) -> AnswerRow | None:
        with self.guarded() as connection:
            row = connection.execute(_ANSWER, {"label": label}).one_or_none()
        return None if row is None else AnswerRow(*row)

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
