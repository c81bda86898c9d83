"""Information sharing agreements: drafted, signed, begun, ended. They permit nothing by themselves."""

from typing import Any

from consent_ledger.domain.base import RecordedAggregate, event


class Agreement(RecordedAggregate):
    """One agreement over its versions; an unsigned draft never counts."""

    TOPIC = "agreement"

    class Created(RecordedAggregate.Created):
        TOPIC = "agreement.opened.v1"
        agreement_id: str

    class Drafted(RecordedAggregate.Event):
        """`content`: title, parties, rows, start_time, end_time, notice_id."""

        TOPIC = "agreement.drafted.v1"
        agreement_version: int
        content: dict[str, Any]

    class Signed(RecordedAggregate.Event):
        TOPIC = "agreement.signed.v1"
        agreement_version: int
        agency_id: str

    class Begun(RecordedAggregate.Event):
        """Its start has passed."""

        TOPIC = "agreement.begun.v1"
        agreement_version: int

    class Lapsed(RecordedAggregate.Event):
        """Its end has passed."""

        TOPIC = "agreement.lapsed.v1"
        agreement_version: int

    class Terminated(RecordedAggregate.Event):
        TOPIC = "agreement.terminated.v1"
        by: str

    def __init__(self, *, agreement_id: str) -> None:
        self.agreement_id = agreement_id

    @event(Drafted)
    def draft(self, agreement_version: int, content: dict[str, Any]) -> None:
        """Adds a version."""

    @event(Signed)
    def sign(self, agreement_version: int, agency_id: str) -> None:
        """One party signs one version."""

    @event(Begun)
    def begin_version(self, agreement_version: int) -> None:
        """A version's start has passed."""

    @event(Lapsed)
    def lapse(self, agreement_version: int) -> None:
        """A version's end has passed."""

    @event(Terminated)
    def terminate(self, by: str) -> None:
        """Ends every version for everyone."""
