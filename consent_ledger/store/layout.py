"""Makes a ledger's tables, and finds the ledger in a database that has them: the same in every database."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, Row, inspect, select

from consent_ledger.errors import (
    LayoutNewer,
    LayoutOlder,
    LedgerExists,
    LedgerMissing,
    StorageFailed,
)
from consent_ledger.store.port import KeyRow
from consent_ledger.store.tables import LAYOUT, head, keys, metadata

INSERT_KEYS = keys.insert()


def head_row(connection: Connection) -> Row[int, UUID] | None:
    """Layout and id of the ledger here; None if there is none. Raises `StorageFailed` if only its head is."""
    tables = set(inspect(connection).get_table_names())
    if head.name not in tables:
        if tables.intersection(metadata.tables):
            # Made in one transaction with the others: it was there. Never to be made anew over the rest.
            raise StorageFailed(reason="head table is gone")
        return None
    return connection.execute(select(head.c.layout, head.c.ledger_id)).one_or_none()


def find(connection: Connection) -> UUID:
    """Raises `LedgerMissing`, `LayoutOlder`, `LayoutNewer`, `StorageFailed`."""
    with connection.begin():
        found = head_row(connection)
    if found is None:
        raise LedgerMissing()
    check_layout(found.layout)
    ledger_id: UUID = found.ledger_id
    return ledger_id


def check_layout(layout: int) -> None:
    """Raises `LayoutOlder`, `LayoutNewer`."""
    if layout < LAYOUT:
        raise LayoutOlder(layout, LAYOUT)
    if layout > LAYOUT:
        raise LayoutNewer(layout, LAYOUT)


def make(connection: Connection, ledger_id: UUID, first_keys: Sequence[KeyRow]) -> UUID:
    """Raises `LedgerExists`."""
    with connection.begin():
        if head_row(connection) is not None:
            raise LedgerExists()
        metadata.create_all(connection)
        if first_keys:  # a backup's log is kept apart from its keys
            connection.execute(INSERT_KEYS, [row._asdict() for row in first_keys])
        connection.execute(
            head.insert().values(only=1, layout=LAYOUT, ledger_id=ledger_id, size=0, policy_position=0)
        )
    return ledger_id
