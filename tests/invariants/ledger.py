"""What stands in the ledger, read from within: no agency can."""

import asyncio
import sqlite3
from contextlib import closing
from uuid import UUID

import psycopg

from consent_ledger.access import Accessed, Step, StepKind, read_access_entry
from consent_ledger.ledger import Entry, Transaction
from tests.twins.stage import Stage


def stored(world: Stage) -> int:
    """How many entries another connection sees: what a crash at this moment would leave."""
    config = world.site.config
    connect = psycopg.connect if config.is_shared else sqlite3.connect
    with closing(connect(config.ledger)) as other:
        row = other.execute("SELECT count(*) FROM entries").fetchone()
    assert row is not None
    return int(row[0])


async def entries(world: Stage, after: int = 0) -> list[Entry]:
    """Every entry after a position."""
    found: list[Entry] = []
    while True:
        last = found[-1].position if found else after
        future = world.hub.ledger.submit(lambda transaction, last=last: transaction.entries(last))
        more = await asyncio.wrap_future(future)
        if not more:
            return found
        found += more


async def accesses(world: Stage, after: int = 0) -> list[tuple[int, Accessed]]:
    """Every access entry after a position."""
    read = ((entry.position, read_access_entry(entry)) for entry in await entries(world, after))
    return [(position, access) for position, access in read if access is not None]


async def disclosing_steps(world: Stage, after: int = 0) -> list[tuple[int, Step]]:
    """Every step that let content out, with its position: all but retractions, and changes of terms."""
    return [
        (position, step)
        for position, access in await accesses(world, after)
        for person in access.people
        for step in person.steps
        if step.kind is not StepKind.RETRACT and any(row.state == "ACTIVE" for row in step.rows)
    ]


async def element_ids(world: Stage, access: Accessed) -> set[str]:
    """The ids under which the recipient was told of what the entry names: made anew from what it names."""

    def made(transaction: Transaction) -> set[str]:
        return {
            str(
                UUID(
                    bytes=transaction.vault.opaque_ids("element", person.pair.bytes, blocks=item.fragment_id)
                )
            )
            for person in access.people
            for group in person.groups
            for item in group.items
        }

    return await asyncio.wrap_future(world.hub.ledger.submit(made))
