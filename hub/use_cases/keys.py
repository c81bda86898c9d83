"""Key epochs as the hub ends them: by itself when one is due, or when the operator asks."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import timedelta

from consent_ledger.epochs import Progress
from consent_ledger.errors import LedgerClosed, OnceToldError
from consent_ledger.ledger import Ledger
from hub.use_cases.hub import Hub
from hub.use_cases.work import Caller, Work

LOOKED = timedelta(hours=1)
"""How often the hub looks whether an epoch is over, and tries again what failed."""
_CALL = 1.0
"""Seconds of steps that one call of the operator waits for."""
_PAUSE = 0.02
"""Seconds between two steps, so that those who wait meanwhile get the writer."""

log = logging.getLogger(__name__)


async def rotate_keys(hub: Hub, caller: Caller, *, force: bool) -> Progress:
    """Some steps towards the end of an epoch. Raises `OPERATOR_ONLY`, `KEYS_UNAVAILABLE`."""
    caller.require_operator()
    ends = time.monotonic() + _CALL
    progress = await _step(hub.ledger, force=force)
    while progress.remaining and time.monotonic() < ends:
        progress = await _step(hub.ledger, force=False)
    return progress


def begin_epoch(work: Work, caller: Caller) -> Progress:
    """Begins an epoch whatever the age of the present one; the hub goes on with it by itself. Raises
    `OPERATOR_ONLY`, `KEYS_UNAVAILABLE`."""
    caller.require_operator()
    return work.transaction.epochs.advance(force=True)


async def keep_rotating(
    ledger: Ledger,
    *,
    looked: timedelta = LOOKED,
    pause: float = _PAUSE,
    gone: Callable[[], None] | None = None,
) -> None:
    """Ends each epoch once it is due, until it is cancelled or the ledger closes.

    `gone` is called when an old epoch's object has been destroyed. What fails is told and tried again: an
    epoch that lasts longer delays erasures' certificates and hurts nothing else.
    """
    while True:
        progress = Progress(0)
        try:
            progress = await _step(ledger, force=False)
            if progress.began:
                _say(logging.INFO, "KEY_EPOCH_BEGAN", "a key epoch is over: keys are wrapped anew")
            if progress.gone_at is not None:
                _say(logging.INFO, "KEY_EPOCH_ENDED", "the old key epoch's key is destroyed")
                if gone is not None:
                    gone()
        except LedgerClosed:
            return
        except OnceToldError as error:
            fields = {"error_type": type(error).__name__}
            _say(logging.ERROR, "KEY_EPOCH_STUCK", "the key epoch cannot be ended yet", fields)
        await asyncio.sleep(pause if progress.remaining else looked.total_seconds())


async def _step(ledger: Ledger, *, force: bool) -> Progress:
    return await ledger.run(lambda transaction: transaction.epochs.advance(force=force))


def _say(level: int, event: str, text: str, fields: dict[str, str] | None = None) -> None:
    log.log(level, text, extra={"event": event, "fields": fields or {}})
