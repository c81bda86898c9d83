"""Trying again: what may pass by itself is repeated with growing, jittered pauses; everything else ends at
once."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina

from adapters.kit.errors import HubRefused, HubUnreachable, SinkUnavailable

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Backoff:
    """`attempts` None tries for ever. Pauses double from `first` to `longest` seconds, plus up to `jitter`,
    so that many adapters do not return to a restarted hub at the same moment. A hub that says how long it
    wants to be left alone is left alone for as long, up to `longest`."""

    attempts: int | None = 6
    first: float = 0.5
    longest: float = 60.0
    jitter: float = 1.0

    def call(
        self, work: Callable[[], Answer], *, on_pause: Callable[[Exception], None] = lambda _: None
    ) -> Answer:
        """Runs `work` until it answers or fails for good; then its own error goes on."""

        def passes(error: Exception) -> bool | float:
            if not may_pass(error):
                return False
            on_pause(error)
            if isinstance(error, HubRefused) and error.pause:
                return min(error.pause, self.longest) + random.uniform(0.0, self.jitter)  # noqa: S311
            return True

        for attempt in stamina.retry_context(
            on=passes,
            attempts=self.attempts,
            timeout=None,
            wait_initial=self.first,
            wait_max=self.longest,
            wait_jitter=self.jitter,
        ):
            with attempt:
                return work()
        raise AssertionError("stamina ends with an answer or an error")


def may_pass(error: Exception) -> bool:
    """Whether the same call may succeed later without anybody doing anything about it."""
    if isinstance(error, HubRefused | HubUnreachable):
        return error.retryable
    return isinstance(error, SinkUnavailable)
