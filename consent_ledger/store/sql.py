"""The port's reads and writes as SQLAlchemy Core statements; a backend adds how it connects and locks."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Column,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from consent_ledger.errors import StorageError, StreamTaken
from consent_ledger.store.port import AnswerRow, Head, KeyRow, StoredEntry, StoredKey
from consent_ledger.store.statements import ForManyRows, ForManyValues, Prepared, PreparedForMany
from consent_ledger.store.tables import cells, entries, head, keys, log_state, requests, tiles

_KEY = select(*(keys.c[name] for name in KeyRow._fields))
_ENTRY = select(entries)
_PLACE = (cells.c.projection == bindparam("projection"), cells.c.key == bindparam("key"))
_SCAN_REST = (
    select(cells.c.key, cells.c.value)
    .where(cells.c.projection == bindparam("projection"), cells.c.key >= bindparam("start"))
    .order_by(cells.c.key)
    .limit(bindparam("most"))
)
_OF_NO_ENTRY = keys.c.position == text("0")


def _within(column: Any) -> tuple[Any, Any]:
    return column > bindparam("after"), column <= bindparam("through")


class _Statements:
    """Everything that is asked of the database while commands run, with its parameters' order."""

    def __init__(self, store: "SqlStore") -> None:
        dialect = store.connection.dialect

        def prepared(statement: Any, *names: str) -> Prepared:
            return Prepared(statement, dialect, names)

        self.head = prepared(select(head.c.size, head.c.policy_position))
        self.write_head = prepared(
            update(head).values(size=bindparam("size_"), policy_position=bindparam("policy_")),
            "size_",
            "policy_",
        )
        self.insert_entries = store.inserting(entries)
        self.last_position = prepared(select(func.max(entries.c.position)))
        self.entries = prepared(
            _ENTRY.where(*_within(entries.c.position)).order_by(entries.c.position), "after", "through"
        )
        self.stream = prepared(
            _ENTRY.where(entries.c.stream_id == bindparam("stream")).order_by(entries.c.version), "stream"
        )
        self.versions = store.finding(
            select(entries.c.stream_id, func.max(entries.c.version)).group_by(entries.c.stream_id),
            entries.c.stream_id,
        )
        self.insert_keys = store.inserting(keys, KeyRow._fields)
        self.key_by_label = prepared(_KEY.where(keys.c.label == bindparam("label_")), "label_")
        self.keys_by_id = store.finding(_KEY.where(_OF_NO_ENTRY), keys.c.key_id)
        self.keys_between = prepared(_KEY.where(*_within(keys.c.position)), "after", "through")
        self.keys_of_parent = prepared(
            _KEY.where(keys.c.parent_id == bindparam("parent")).limit(bindparam("most")), "parent", "most"
        )
        self.count_keys_of_parent = prepared(
            select(func.count()).select_from(keys).where(keys.c.parent_id == bindparam("parent")), "parent"
        )
        self.delete_keys = store.deleting(keys, ("position", "key_id", "parent_id"))
        self.tile = prepared(
            select(tiles.c.hashes).where(
                tiles.c.level == bindparam("level_"), tiles.c.number == bindparam("number_")
            ),
            "level_",
            "number_",
        )
        self.write_tiles = store.replacing(tiles, ("level", "number"))
        self.leaf_hashes = prepared(
            select(entries.c.leaf_hash).where(*_within(entries.c.position)).order_by(entries.c.position),
            "after",
            "through",
        )
        self.states = prepared(select(log_state.c.name, log_state.c.value).order_by(log_state.c.name))
        self.state = prepared(select(log_state.c.value).where(log_state.c.name == bindparam("of")), "of")
        self.write_state = prepared(store.upsert(log_state, ("name",)), *log_state.c.keys())
        self.delete_state = prepared(delete(log_state).where(log_state.c.name == bindparam("of")), "of")
        self.cell = prepared(select(cells.c.value).where(*_PLACE), "projection", "key")
        self.put_cells = store.replacing(cells, ("projection", "key"))
        self.delete_cells = store.deleting(cells, ("projection", "key"))
        self.scan_rest = prepared(_SCAN_REST, "projection", "start", "most")
        self.scan = prepared(
            _SCAN_REST.where(cells.c.key < bindparam("end")), "projection", "start", "end", "most"
        )
        self.drop_cells = prepared(
            delete(cells).where(cells.c.projection == bindparam("projection")), "projection"
        )
        self.answers = store.finding(select(requests), requests.c.label)
        self.write_answers = store.replacing(requests, ("label",), AnswerRow._fields)
        self.forget_answers = prepared(delete(requests).where(requests.c.day < bindparam("before")), "before")


class _Guard:
    """What every call to the database runs in: after a failure none does, until `rollback`.

    The database may have undone the transaction by itself.
    """

    def __init__(self, store: "SqlStore") -> None:
        self._store = store
        self._errors = (SQLAlchemyError, store.connection.dialect.loaded_dbapi.Error)
        self.failure: StorageError | None = None

    def __enter__(self) -> None:
        if self.failure is not None:
            raise self.failure

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, self._errors):
            self.failure = self._store.storage_error(error)
            raise self.failure from (None if self._store.errors_quote_rows else error)


class SqlStore(ABC):
    """`Store` over one connection that is kept for as long as the ledger is open."""

    errors_quote_rows = False
    """Whether the driver's own error texts may hold what was stored, so that they must go nowhere."""

    def __init__(self, connection: Connection, ledger_id: UUID) -> None:
        self.connection = connection
        self._ledger_id = ledger_id
        driver: Any = connection.connection.dbapi_connection
        self._driver = driver
        self._cursor = driver.cursor()
        self._writer = self._cursor
        self._guard = _Guard(self)
        self._run = _Statements(self)

    @abstractmethod
    def storage_error(self, error: Exception) -> StorageError:
        """What a failed statement means."""

    @abstractmethod
    def upsert(self, table: Table, key: Sequence[str]) -> Any:
        """An insert that replaces the other columns where `key` is there already."""

    @abstractmethod
    def lock(self, cursor: Any) -> None:
        """Begins a transaction that no other writer can begin beside it."""

    def inserting(self, table: Table, names: Sequence[str] = ()) -> ForManyRows:
        """What inserts many rows at once; `names`: their columns' order, by default the table's."""
        return Prepared(table.insert(), self.connection.dialect, names or table.c.keys())

    def replacing(self, table: Table, key: Sequence[str], names: Sequence[str] = ()) -> ForManyRows:
        """As `inserting`; where `key` is there already, the other columns are replaced."""
        return Prepared(self.upsert(table, key), self.connection.dialect, names or table.c.keys())

    def deleting(self, table: Table, key: Sequence[str]) -> ForManyRows:
        """What deletes many rows at once, each by the values of these columns."""
        named: list[BindParameter[Any]] = [bindparam(f"{name}_") for name in key]
        where = [table.c[name] == value for name, value in zip(key, named, strict=True)]
        return Prepared(delete(table).where(*where), self.connection.dialect, [value.key for value in named])

    def finding(self, statement: Select[Any], column: Column[bytes]) -> ForManyValues:
        """What finds the rows of many values of a column."""
        return PreparedForMany(statement, column, self.connection.dialect)

    @property
    def ledger_id(self) -> UUID:
        return self._ledger_id

    @property
    def is_remote(self) -> bool:
        return False

    @property
    def others_wrote(self) -> bool:
        return False

    @property
    def others_removed_keys(self) -> bool:
        return False

    @property
    def database_time(self) -> datetime | None:
        return None

    def listen(self, heard: Callable[[], None]) -> None:
        return  # nobody else writes

    def begin(self) -> Head:
        with self._guard:
            self.lock(self._cursor)
            return Head(*self._run.head.run(self._cursor).fetchone())

    def commit(self) -> None:
        with self._guard:
            self._driver.commit()

    def rollback(self) -> None:
        failure, self._guard.failure = self._guard.failure, None
        with self._guard:
            self._driver.rollback()
        if failure is not None and failure.fatal:
            self._guard.failure = failure

    def close(self) -> None:
        self._cursor.close()
        self.connection.close()
        self.connection.engine.dispose()

    def write_head(self, new: Head) -> None:
        with self._guard:
            self._run.write_head.run(self._writer, *new)

    def insert_entries(self, rows: Sequence[StoredEntry]) -> None:
        with self._guard:
            self._run.insert_entries.run_many(self._writer, rows)

    def last_position(self) -> int:
        with self._guard:
            return int(self._run.last_position.run(self._cursor).fetchone()[0] or 0)

    def entries(self, after: int, through: int) -> list[StoredEntry]:
        with self._guard:
            found: list[StoredEntry] = self._run.entries.run(self._cursor, after, through).fetchall()
        return found

    def stream(self, stream_id: bytes) -> list[StoredEntry]:
        with self._guard:
            found: list[StoredEntry] = self._run.stream.run(self._cursor, stream_id).fetchall()
        return found

    def versions(self, stream_ids: Sequence[bytes]) -> dict[bytes, int]:
        with self._guard:
            return dict(self._run.versions.run(self._cursor, stream_ids))

    def check_versions(self, expected: Mapping[bytes, int]) -> None:
        stored = self.versions(list(expected))
        if any(stored.get(stream, 0) + 1 != version for stream, version in expected.items()):
            raise StreamTaken()

    def insert_keys(self, rows: Sequence[StoredKey]) -> None:
        with self._guard:
            self._run.insert_keys.run_many(self._writer, rows)

    def key_by_label(self, label: bytes) -> KeyRow | None:
        with self._guard:
            row = self._run.key_by_label.run(self._cursor, label).fetchone()
        return None if row is None else KeyRow(*row)

    def keys_by_id(self, key_ids: Sequence[bytes]) -> list[StoredKey]:
        with self._guard:
            return self._run.keys_by_id.run(self._cursor, key_ids)

    def keys_between(self, after: int, through: int) -> list[StoredKey]:
        with self._guard:
            found: list[StoredKey] = self._run.keys_between.run(self._cursor, after, through).fetchall()
        return found

    def keys_of_parent(self, parent_id: bytes, limit: int) -> list[StoredKey]:
        with self._guard:
            found: list[StoredKey] = self._run.keys_of_parent.run(self._cursor, parent_id, limit).fetchall()
        return found

    def count_keys_of_parent(self, parent_id: bytes) -> int:
        with self._guard:
            return int(self._run.count_keys_of_parent.run(self._cursor, parent_id).fetchone()[0])

    def replace_keys(self, old: Sequence[StoredKey], new: Sequence[StoredKey]) -> None:
        with self._guard:
            if old:
                gone = [(position, key_id, parent_id) for key_id, parent_id, _, _, position in old]
                self._run.delete_keys.run_many(self._writer, gone)
            if new:
                self._run.insert_keys.run_many(self._writer, new)

    def forget_deleted(self) -> bool:
        return True

    def tile(self, level: int, number: int) -> bytes | None:
        with self._guard:
            row = self._run.tile.run(self._cursor, level, number).fetchone()
        return None if row is None else bytes(row[0])

    def write_tiles(self, new: Sequence[tuple[int, int, bytes]]) -> None:
        with self._guard:
            self._run.write_tiles.run_many(self._writer, new)

    def leaf_hashes(self, after: int, through: int) -> list[bytes]:
        with self._guard:
            return [bytes(row[0]) for row in self._run.leaf_hashes.run(self._cursor, after, through)]

    def state(self, name: str) -> bytes | None:
        with self._guard:
            row = self._run.state.run(self._cursor, name).fetchone()
        return None if row is None else bytes(row[0])

    def states(self) -> list[tuple[str, bytes]]:
        with self._guard:
            return [(name, bytes(value)) for name, value in self._run.states.run(self._cursor)]

    def write_state(self, name: str, value: bytes | None) -> None:
        with self._guard:
            if value is None:
                self._run.delete_state.run(self._writer, name)
            else:
                self._run.write_state.run(self._writer, name, value)

    def cell(self, projection: str, key: bytes) -> bytes | None:
        with self._guard:
            row = self._run.cell.run(self._cursor, projection, key).fetchone()
        return None if row is None else bytes(row[0])

    def write_cells(self, new: Iterable[tuple[str, bytes, bytes | None]]) -> None:
        gone, put = [], []
        for cell in new:
            if cell[2] is None:
                gone.append(cell[:2])
            else:
                put.append(cell)
        with self._guard:
            if gone:
                self._run.delete_cells.run_many(self._writer, gone)
            if put:
                self._run.put_cells.run_many(self._writer, put)

    def scan_cells(
        self, projection: str, prefix: bytes, after: bytes | None, limit: int
    ) -> list[tuple[bytes, bytes]]:
        # The least key behind `after` is `after` and a zero byte.
        start = prefix if after is None else max(prefix, after + b"\x00")
        end = _behind(prefix)
        with self._guard:
            if end is None:
                cursor = self._run.scan_rest.run(self._cursor, projection, start, limit)
            else:
                cursor = self._run.scan.run(self._cursor, projection, start, end, limit)
            return [(bytes(key), bytes(value)) for key, value in cursor]

    def drop_cells(self, projection: str) -> None:
        with self._guard:
            self._run.drop_cells.run(self._writer, projection)

    def answers(self, labels: Sequence[bytes]) -> list[AnswerRow]:
        with self._guard:
            return [AnswerRow(*row) for row in self._run.answers.run(self._cursor, labels)]

    def write_answers(self, rows: Sequence[AnswerRow]) -> None:
        with self._guard:
            self._run.write_answers.run_many(self._writer, rows)

    def forget_answers(self, before_day: int) -> None:
        with self._guard:
            self._run.forget_answers.run(self._writer, before_day)


def _behind(prefix: bytes) -> bytes | None:
    """The least bytes that sort behind everything beginning with `prefix`; None if there are none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes((stripped[-1] + 1,)) if stripped else None
