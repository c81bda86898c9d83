"""What is derived from the ledger and damaged is made anew by itself; the ledger itself never is."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from consent_ledger.errors import AnswerDamaged, UnsealFailed
from consent_ledger.ledger import Ledger, Transaction
from consent_ledger.transaction import NOTHING, Foreseen
from consent_ledger.vault import Vault
from hub.use_cases.work import ADMINISTRATION

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Recovery:
    """Submits commands. When a cell does not open, every projection is dropped and folded again, once for all
    who met it, and the command runs again.

    Only a cell raises `UnsealFailed`: an entry that does not open is `EntryCorrupt`, which is never healed
    here, because the entry may be a withdrawal. Folding again meets it too and raises it, with its position.
    """

    def __init__(self, ledger: Ledger, rebuild: Callable[[], Awaitable[None]]) -> None:
        self._ledger = ledger
        self._rebuild = rebuild
        self._one_at_a_time = asyncio.Lock()
        self.rebuilt = 0
        """How often it came to that."""

    async def submitted(self, command: Callable[[Transaction], T], foreseen: Foreseen = NOTHING) -> T:
        """The command's answer. What is damaged still after everything was made anew is raised."""
        before = self.rebuilt
        try:
            return await self._ledger.run(command, foreseen)
        except UnsealFailed:
            await self._recover(before)
        return await self._ledger.run(command, foreseen)

    async def _recover(self, before: int) -> None:
        async with self._one_at_a_time:
            if self.rebuilt != before:
                return
            text = "a derived cell is damaged: all of them are made anew from the ledger"
            _log.error(text, extra={"event": "PROJECTIONS_REBUILT", "fields": {}})
            await self._rebuild()
            self.rebuilt += 1


def remembered(vault: Vault, label: bytes, answered: bytes) -> bytes:
    """A request's first answer. It is derived from nothing: `AnswerDamaged` is raised, nothing made anew."""
    try:
        return vault.open_cell(ADMINISTRATION, label, answered)
    except UnsealFailed as error:
        raise AnswerDamaged() from error
