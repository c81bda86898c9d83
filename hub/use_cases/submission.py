"""Hands commands to the ledger's writer, and wakes the event loop once for all that one commit answered."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from consent_ledger.ledger import Ledger, Transaction

T = TypeVar("T")


class Submission:
    """Commands on their way. A loop woken by each answer alone spends more on waking than on answering."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._answered: deque[tuple[Future[Any], asyncio.Future[Any]]] = deque()
        self._woken = False

    async def answer(self, command: Callable[[Transaction], T]) -> T:
        """The command's answer, durable; what it raises is raised here. Cancelled, it may not run at all."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()
        future = self._ledger.submit(command)

        def answered(done: Future[T]) -> None:
            self._answered.append((done, waiting))
            # The writer's thread: whatever it still adds before the loop comes is handed out with this.
            if not self._woken:
                self._woken = True
                loop.call_soon_threadsafe(self._hand_out)

        future.add_done_callback(answered)
        try:
            return await waiting
        except asyncio.CancelledError:
            future.cancel()
            raise

    def _hand_out(self) -> None:
        self._woken = False
        while self._answered:
            done, waiting = self._answered.popleft()
            if waiting.done():
                continue
            if done.cancelled():
                waiting.cancel()
            elif (error := done.exception()) is not None:
                waiting.set_exception(error)
            else:
                waiting.set_result(done.result())
