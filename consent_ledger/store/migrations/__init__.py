"""Brings an older ledger's tables up to this version's, layout by layout, each in a transaction of its own.

A step states its own tables, as they were when it was written: `tables.py` goes on changing. What is killed
half-way is undone by the database, and the next run goes on from the layout that stands in the head.
"""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from consent_ledger.errors import LayoutNewer, LayoutOlder, LedgerMissing
from consent_ledger.store.layout import head_row
from consent_ledger.store.migrations import layout_3, layout_4
from consent_ledger.store.tables import LAYOUT, head

STEPS: dict[int, Callable[[Connection], None]] = {3: layout_3.apply, 4: layout_4.apply}
"""What makes each layout out of the one before it."""

Progress = Callable[[int, int], None]
"""Told after each step which layout is reached, of which."""


class Upgraded(NamedTuple):
    """The layout that was found, and the one there is now."""

    before: int
    after: int


def upgrade(connection: Connection, progress: Progress) -> Upgraded:
    """Raises `LedgerMissing`, `LayoutNewer`; `LayoutOlder` for one from before the first step."""
    before: int | None = None
    while True:
        with connection.begin():
            layout = _locked_layout(connection)
            before = layout if before is None else before
            if layout == LAYOUT:
                return Upgraded(before, layout)
            if layout > LAYOUT:
                raise LayoutNewer(layout, LAYOUT)
            if layout + 1 not in STEPS:
                raise LayoutOlder(
                    layout, LAYOUT, "Ask for help: no version that could bring it up was ever released."
                )
            STEPS[layout + 1](connection)
            connection.execute(update(head).values(layout=layout + 1))
        progress(layout + 1, LAYOUT)


def _locked_layout(connection: Connection) -> int:
    """Under the head's lock: no hub writes meanwhile, and one that knows the old layout refuses after."""
    if head_row(connection) is None:
        raise LedgerMissing()
    layout: int = connection.execute(select(head.c.layout).with_for_update()).scalar_one()
    return layout
