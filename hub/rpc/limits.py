"""What one agency may use of the hub at a time, so that no agency's flood is another's standstill.

A call beyond the agency's share is refused at once (TOO_MANY_CALLS), before it is read or decided, with the
time after which it may be sent again. Nothing of it reaches the ledger: a flood must not grow it.

What ends, forbids, takes back or acknowledges has a lane of its own: other calls cannot use it up, and what
comes too fast in it is slowed down and not refused, until the agency has more than a second's worth of it
waiting. A call that waits for news counts against the rate, and takes no place while it waits.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from consent_ledger.errors import Refused
from hub.limit_settings import LimitSettings
from hub.use_cases.work import Caller

NEVER_SHED = frozenset(
    f"oncetold.v1.{name}"
    for name in (
        "AgreementService.TerminateAgreement",
        "CertificateService.RevokeCertificate",
        "ConsentService.PlaceMarker",
        "ConsentService.RecordExclusion",
        "ConsentService.RecordOwnWord",
        "ConsentService.RecordRefusal",
        "ConsentService.RecordStatus",
        "ConsentService.WithdrawGrant",
        # Brings acknowledgements and receipts, and takes retractions away.
        "DeliveryService.FetchDeliveries",
        "DeliveryService.ReconcileHoldings",
        "EmergencyService.EndCard",
        # Somebody's life may hang on these three.
        "EmergencyService.OpenCard",
        "SharingService.DecideInEmergency",
        "StaffService.BreakGlass",
        "ErasureService.Erase",
        "ErasureService.PlaceHold",
        "PlaceService.ProtectPlace",
        "RegistrationService.CloseRegistration",
        "RegistrationService.EndInvolvement",
        "RegistrationService.UndoLink",
        "SharingService.EndDecision",
        "StaffService.EndAssertionKey",
        "StaffService.EndRelationship",
        "StaffService.EndRole",
    )
)
"""By the method's full name in the contract."""

RETRY_SECONDS = 1
"""When every place is taken: calls last milliseconds, so by then there is one, if the sender slows down."""
SLOWED_AT_MOST = 1.0
"""Seconds. A lane's call that would wait longer is one of a flood."""


class Allowance:
    """So much a second, and what was not used for a while in advance; `clock` is monotonic seconds."""

    __slots__ = ("_clock", "_left", "_looked", "_most", "_rate")

    def __init__(self, rate: float, seconds_in_advance: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._most = rate * seconds_in_advance
        self._left = self._most
        self._clock = clock
        self._looked = clock()

    def missing(self, amount: float) -> float:
        """Seconds until so much may be taken; 0 for at once.

        What is more than all there can ever be may go once everything is there: its sender waits afterwards.
        """
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._looked) * self._rate)
        self._looked = now
        return max(0.0, (min(amount, self._most) - self._left) / self._rate)

    def take(self, amount: float) -> None:
        """Uses it up, also beyond what is left."""
        self._left -= amount


class _Share:
    """One agency's."""

    __slots__ = ("calls", "kibibytes", "lane", "under_way")

    def __init__(self, settings: LimitSettings, clock: Callable[[], float]) -> None:
        ahead = settings.seconds_in_advance
        self.calls = Allowance(settings.calls_per_second, ahead, clock)
        self.kibibytes = Allowance(settings.kibibytes_per_second, ahead, clock)
        self.lane = Allowance(settings.calls_per_second, ahead, clock)
        self.under_way = 0


class Limits:
    """Counts one door's calls, each agency's for itself; callers without an agency share one share."""

    def __init__(self, settings: LimitSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._shares: dict[str | None, _Share] = {}
        self._under_way = 0

    @asynccontextmanager
    async def place(self, caller: Caller, method: str, size: int, *, waits: bool) -> AsyncIterator[None]:
        """A place for a call of `size` bytes while the block runs. Raises Refused (TOO_MANY_CALLS).

        `waits`: it may be told to wait for news.
        """
        share = self._shares.get(caller.agency_id)
        if share is None:
            share = self._shares[caller.agency_id] = _Share(self._settings, self._clock)
        if method in NEVER_SHED:
            await _slow_down(share.lane)
            yield
            return
        self._admit(share, size, waits)
        if waits:
            yield
            return
        share.under_way += 1
        self._under_way += 1
        try:
            yield
        finally:
            share.under_way -= 1
            self._under_way -= 1

    def _admit(self, share: _Share, size: int, waits: bool) -> None:
        full = (
            share.under_way >= self._settings.calls_at_once
            or self._under_way >= self._settings.all_calls_at_once
        )
        if full and not waits:
            raise too_many(RETRY_SECONDS)
        kibibytes = size / 1024
        missing = max(share.calls.missing(1), share.kibibytes.missing(kibibytes))
        if missing:
            raise too_many(missing)
        share.calls.take(1)
        share.kibibytes.take(kibibytes)


async def _slow_down(lane: Allowance) -> None:
    missing = lane.missing(1)
    if missing > SLOWED_AT_MOST:
        raise too_many(missing)
    lane.take(1)
    if missing:
        await asyncio.sleep(missing)


def too_many(seconds: float) -> Refused:
    """The refusal, with the whole seconds after which to try again."""
    return Refused("TOO_MANY_CALLS", retry_seconds=str(max(1, math.ceil(seconds))))
