"""Who administers the hub, and what two of them decided together: holds nothing about clients.

Signatures are kept as they were given, in hexadecimal: whoever reads the ledger can check each again.
"""

from uuid import UUID

from consent_ledger.domain.base import RecordedAggregate, event


class AdministratorCodes(RecordedAggregate):
    """A pair of one-use codes. Only their labels are kept; a new pair ends the one before."""

    TOPIC = "administrator-codes"

    class Created(RecordedAggregate.Created):
        """`until`: ISO 8601."""

        TOPIC = "administrator-codes.issued.v1"
        labels: list[str]
        until: str

    def __init__(self, *, labels: list[str], until: str) -> None:
        self.labels = labels
        self.until = until


class Administrator(RecordedAggregate):
    """One person who may propose and approve, by the key that they alone hold."""

    TOPIC = "administrator"

    class Created(RecordedAggregate.Created):
        """`code`: the label of the code it was done by; empty for one whom two others added."""

        TOPIC = "administrator.enrolled.v1"
        name: str
        public_key: str
        code: str
        signature: str

    class Ended(RecordedAggregate.Event):
        TOPIC = "administrator.ended.v1"
        name: str
        by: str
        signature: str

    def __init__(self, *, name: str, public_key: str, code: str, signature: str) -> None:
        self.name = name

    @event(Ended)
    def end(self, name: str, by: str, signature: str) -> None:
        """Signs nothing any more."""


class Proposal(RecordedAggregate):
    """A request that one administrator wants made, word for word, until another approves it."""

    TOPIC = "proposal"

    class Created(RecordedAggregate.Created):
        """`body`: the request's bytes, base64. `until`: ISO 8601."""

        TOPIC = "proposal.made.v1"
        proposal_id: UUID
        method: str
        body: str
        by: str
        signature: str
        until: str

    class Approved(RecordedAggregate.Event):
        """The entries that follow in the same transaction are what it did."""

        TOPIC = "proposal.approved.v1"
        proposal_id: UUID
        by: str
        signature: str

    class Withdrawn(RecordedAggregate.Event):
        TOPIC = "proposal.withdrawn.v1"
        proposal_id: UUID
        by: str
        signature: str

    def __init__(
        self, *, proposal_id: UUID, method: str, body: str, by: str, signature: str, until: str
    ) -> None:
        self.proposal_id = proposal_id
        self.method = method
        self.body = body

    @event(Approved)
    def approve(self, proposal_id: UUID, by: str, signature: str) -> None:
        """It is done."""

    @event(Withdrawn)
    def withdraw(self, proposal_id: UUID, by: str, signature: str) -> None:
        """It is never done."""


class Ratification(RecordedAggregate):
    """Two administrators looked at what one person stopped, and stand by it."""

    TOPIC = "ratification"

    class Created(RecordedAggregate.Created):
        """`position`: the stop's own entry."""

        TOPIC = "stop.ratified.v1"
        position: int

    def __init__(self, *, position: int) -> None:
        self.position = position


class WindDownAuthorisation(RecordedAggregate):
    """Two administrators want the hub wound up: its copies handed out, its keys destroyed."""

    TOPIC = "wind-down-authorisation"

    class Created(RecordedAggregate.Created):
        """`until`: ISO 8601; later it has to be said again."""

        TOPIC = "wind-down.authorised.v1"
        until: str

    def __init__(self, *, until: str) -> None:
        self.until = until


class FileRootAcceptance(RecordedAggregate):
    """A data protection officer's word that the root key may lie in a file, where its holder can read all."""

    TOPIC = "file-root-acceptance"

    class Created(RecordedAggregate.Created):
        """`accepted_by`: the agency's own pseudonym for its data protection officer; `by`: who said so."""

        TOPIC = "file-root.accepted.v1"
        agency_id: str
        accepted_by: str
        by: str

    def __init__(self, *, agency_id: str, accepted_by: str, by: str) -> None:
        self.agency_id = agency_id
        self.accepted_by = accepted_by
