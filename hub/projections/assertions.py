"""Which assertions were used in the last minutes: each is good once, on every replica and after a restart.

Kept as cells beside the ledger, made anew from its access entries like every projection. One whose time is
over is refused for that, so that nothing has to be remembered of it.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from consent_ledger.access import Vouched
from consent_ledger.ledger import Transaction

ASSERTIONS = "assertion"
_KEPT_AFTER = timedelta(minutes=10)
_RUN = 1000


class Assertions:
    """Reads and folds them within one transaction. What is folded is written by `flush`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._folded: set[bytes] = set()
        self._latest: datetime | None = None

    def fold(self, agency_id: str, vouched: Vouched, recorded_at: datetime) -> None:
        """Notes an assertion that an access entry of the agency's tells of."""
        expires = datetime.fromtimestamp(vouched.expires, UTC)
        self._folded.add(self._key(agency_id, vouched.jti, expires))
        self._latest = recorded_at

    def flush(self) -> None:
        """Writes what was folded, and drops all whose time is long over."""
        if self._latest is None:
            return
        over = _seconds(self._latest - _KEPT_AFTER)
        while self._is_any_older(over):
            for key, _ in self._transaction.scan(ASSERTIONS, b"", limit=_RUN):
                if key < over:
                    self._transaction.delete(ASSERTIONS, key)
        for key in self._folded:
            if key >= over:
                self._transaction.put(ASSERTIONS, key, b"")
        self._folded.clear()
        self._latest = None

    def _is_any_older(self, over: bytes) -> bool:
        # They lie in order of time: the first tells, and mostly nothing is to be dropped.
        return any(key < over for key, _ in self._transaction.scan(ASSERTIONS, b"", limit=1))

    def used(self, agency_id: str, jti: UUID, expires: datetime) -> bool:
        """Whether it was used already."""
        return self._transaction.get(ASSERTIONS, self._key(agency_id, jti, expires)) is not None

    def _key(self, agency_id: str, jti: UUID, expires: datetime) -> bytes:
        return _seconds(expires) + self._transaction.vault.label("assertion", agency_id, str(jti))


def _seconds(moment: datetime) -> bytes:
    return int(moment.timestamp()).to_bytes(8)
