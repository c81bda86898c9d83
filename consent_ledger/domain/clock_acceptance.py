"""The operator's word that the machine's time is right again, after the hub's clock was in doubt."""

from consent_ledger.domain.base import RecordedAggregate


class ClockAcceptance(RecordedAggregate):
    """One acceptance: what was decided before it and after it went by different clocks."""

    TOPIC = "clock-acceptance"

    class Created(RecordedAggregate.Created):
        TOPIC = "clock.accepted.v1"
        by: str

    def __init__(self, *, by: str) -> None:
        self.by = by
