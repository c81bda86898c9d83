"""Protected places: what blocks them, and which fragments were found to hold them. Never the place itself."""

from typing import Any
from uuid import UUID

from consent_ledger.domain.base import RecordedAggregate, event

PLACE_DETAILS = "place-details.v1"
"""The schema of the part beside the first event that says which place it is, under a key of its own."""


class Place(RecordedAggregate):
    """A place that nobody is told any more, from its first entry until it is lifted."""

    TOPIC = "place"

    class Created(RecordedAggregate.Created):
        """`tombstones`: keyed labels of how the place is spelt, hexadecimal; `sizes`: how long they are.

        `care_of`: the record that holds the address given out instead, as it stood in `care_of_revision`.
        `everyone`: how many registrations there were, all to be looked through. `found`: fragments that hold
        it, as registration, fragment and revision; `to_ring`: registrations under which agencies were given
        one. Ids are hexadecimal.
        """

        TOPIC = "place.protected.v1"
        class_version = 2
        registration_id: UUID
        protected_by: str
        tombstones: list[str]
        sizes: list[int]
        care_of: UUID | None
        everyone: int
        found: list[list[Any]]
        to_ring: list[str]
        care_of_revision: int

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """At first every revision counted: what was typed over it may be the real address."""
            state["care_of_revision"] = 1

    class Looked(RecordedAggregate.Event):
        """The first `through` registrations were looked through. Appended whatever was found."""

        TOPIC = "place.looked.v1"
        through: int
        found: list[list[Any]]
        to_ring: list[str]

    class Lifted(RecordedAggregate.Event):
        TOPIC = "place.lifted.v1"

    def __init__(
        self,
        *,
        registration_id: UUID,
        protected_by: str,
        tombstones: list[str],
        sizes: list[int],
        care_of: UUID | None,
        everyone: int,
        found: list[list[Any]],
        to_ring: list[str],
        care_of_revision: int,
    ) -> None:
        self.registration_id = registration_id

    @event(Looked)
    def look(self, through: int, found: list[list[Any]], to_ring: list[str]) -> None:
        """More of what was recorded before has been looked through."""

    @event(Lifted)
    def lift(self) -> None:
        """The place needs no protection any more."""
