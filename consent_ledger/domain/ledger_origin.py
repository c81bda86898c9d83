"""A new origin of the log: after a restore, the ledger goes on under another name, and says behind what."""

from consent_ledger.domain.base import RecordedAggregate


class LedgerOrigin(RecordedAggregate):
    """The first entry of a new origin: what was signed last under the one before, if anybody kept it."""

    TOPIC = "ledger-origin"

    class Created(RecordedAggregate.Created):
        """`checkpoint` is a signed note; empty when nobody had one. `restored_size`: entries there were."""

        TOPIC = "ledger-origin.begun.v1"
        origin: str
        checkpoint: str
        restored_size: int

    def __init__(self, *, origin: str, checkpoint: str, restored_size: int) -> None:
        self.origin = origin
        self.checkpoint = checkpoint
        self.restored_size = restored_size
