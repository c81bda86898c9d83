"""How a command's outcome reaches whoever waits for it: a thread, or a task of an event loop.

A loop is woken once for all outcomes of a commit. Waking it for each, as `asyncio.wrap_future` does, costs
more than most commands.
"""

import asyncio
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class LoopFuture:
    """What the sequencer sees of an event loop's future: the part of `concurrent.futures.Future` it uses."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()

    def set_running_or_notify_cancel(self) -> bool:
        """False when nobody waits any more. A waiter that leaves later is not told of, as with threads."""
        return not self.future.cancelled()


Waiter = Future[Any] | LoopFuture
Outcome = tuple[Waiter, Any, BaseException | None]
"""Who waits, the command's result, or what it raised."""


def answer(outcomes: Iterable[Outcome]) -> None:
    """Answers everybody; called from the writer's thread."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        waiter, result, error = outcome
        if isinstance(waiter, LoopFuture):
            by_loop.setdefault(waiter.loop, []).append(outcome)
        elif error is not None:
            waiter.set_exception(error)
        else:
            waiter.set_result(result)
    for loop, theirs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_arrive, theirs)
        except RuntimeError:
            # The loop has ended, and with it whoever waited there. What was appended stays appended.
            if not loop.is_closed():
                raise


def _arrive(outcomes: Iterable[Outcome]) -> None:
    """On the loop's own thread."""
    for waiter, result, error in outcomes:
        assert isinstance(waiter, LoopFuture)
        future = waiter.future
        if future.done():
            continue  # who waited was cancelled meanwhile
        if isinstance(error, StopIteration):
            # No future takes one, and nobody behind it would be answered.
            future.set_exception(RuntimeError("a command raised StopIteration"))
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
