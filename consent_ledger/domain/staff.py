"""Staff: the roles that agencies give, who works with whom, and reading without a relationship."""

from uuid import UUID

from consent_ledger.domain.base import RecordedAggregate, event


class StaffRole(RecordedAggregate):
    """A role given to one member of staff, by the agency's own pseudonym for them."""

    TOPIC = "staff-role"

    class Created(RecordedAggregate.Created):
        """`until` is ISO 8601; empty: until it is ended."""

        TOPIC = "staff-role.given.v1"
        agency_id: str
        staff_reference: str
        role: str
        until: str

    class Ended(RecordedAggregate.Event):
        """`by_time`: its end has passed, and nobody ended it."""

        TOPIC = "staff-role.ended.v1"
        by_time: bool

    def __init__(self, *, agency_id: str, staff_reference: str, role: str, until: str) -> None:
        self.agency_id = agency_id

    @event(Ended)
    def end(self, by_time: bool) -> None:
        """It counts no more."""


class Relationship(RecordedAggregate):
    """A member of staff works with the client of one registration of their own agency's."""

    TOPIC = "relationship"

    class Created(RecordedAggregate.Created):
        """`categories`: what the client handed over, and nothing for other kinds. `until` as of a role."""

        TOPIC = "relationship.recorded.v1"
        registration_id: UUID
        agency_id: str
        staff_reference: str
        kind: str
        categories: list[str]
        until: str

    class Ended(RecordedAggregate.Event):
        """`by_time`: its end has passed, and nobody ended it."""

        TOPIC = "relationship.ended.v1"
        by_time: bool

    def __init__(
        self,
        *,
        registration_id: UUID,
        agency_id: str,
        staff_reference: str,
        kind: str,
        categories: list[str],
        until: str,
    ) -> None:
        self.registration_id = registration_id

    @event(Ended)
    def end(self, by_time: bool) -> None:
        """It counts no more."""


class BreakGlass(RecordedAggregate):
    """A member of staff reads about one client without a relationship, for a reason and a few hours."""

    TOPIC = "break-glass"

    class Created(RecordedAggregate.Created):
        """`until` is ISO 8601."""

        TOPIC = "break-glass.opened.v1"
        registration_id: UUID
        agency_id: str
        staff_reference: str
        reason: str
        until: str

    class Ended(RecordedAggregate.Event):
        """Its hours have passed."""

        TOPIC = "break-glass.ended.v1"

    def __init__(
        self, *, registration_id: UUID, agency_id: str, staff_reference: str, reason: str, until: str
    ) -> None:
        self.registration_id = registration_id

    @event(Ended)
    def end(self) -> None:
        """It opens nothing any more."""
