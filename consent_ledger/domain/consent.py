"""What people chose: grants, refusals, exclusions, and the markers that protect them.

Aligned with ISO/IEC TS 27560 (consent record), DPV 2.3 and FHIR R4 Consent; a refusal is a stored
fact, not an absent record.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger.domain.base import RecordedAggregate, event


class Grant(RecordedAggregate):
    """A confidentiality basis for one scope, recorded on the capturing registration."""

    TOPIC = "grant"

    class Created(RecordedAggregate.Created):
        """Empty recipient fields but `support_team` mean the role-wide grant. From `evidence_reference` on:
        what a basis other than explicit consent rests on. From `given_by` on: who spoke for the person, by a
        pseudonym; at which agency, or under which other registration, where that is known. From
        `sixteenth_birthday` on (ISO 8601; empty): what a parent's word rests on."""

        TOPIC = "grant.recorded.v1"
        class_version = 4
        registration_id: UUID
        captured_by: str
        purposes: list[str]
        categories: list[str]
        agency_id: str | None
        service_type: str | None
        support_team: bool
        confidentiality_basis: str
        capture_method: str
        notice_id: str
        given_time: datetime
        effective_from: datetime
        effective_until: datetime
        data_from: datetime | None
        data_until: datetime | None
        asked_alone: bool
        service_offered_anyway: bool
        told_may_refuse: bool
        capacity_in_doubt: bool
        weak: bool
        evidence_reference: str
        told_care_team: bool
        decision_maker: str
        authorised_by: str
        recorded_by: str
        duty: str | None
        duty_since: datetime | None
        given_by: str
        given_by_agency: str | None
        given_by_registration: UUID | None
        sixteenth_birthday: str
        lacks_capacity_reference: str

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """The first entries asked for no evidence: such a grant has none, and opens nothing by itself."""
            state.update(evidence_reference="", told_care_team=False, decision_maker="")
            state.update(authorised_by="", recorded_by="", duty=None, duty_since=None)

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            """At first nobody was asked who spoke."""
            state.update(given_by="", given_by_agency=None, given_by_registration=None)

        @staticmethod
        def upcast_v3_v4(state: dict[str, Any]) -> None:
            """At first a parent's word ended with its grant's own end."""
            state.update(sixteenth_birthday="", lacks_capacity_reference="")

    class Begun(RecordedAggregate.Event):
        """Its beginning has passed."""

        TOPIC = "grant.begun.v1"

    class Ending(RecordedAggregate.Event):
        """It ends in so many days: time to ask the person."""

        TOPIC = "grant.ending.v1"
        days: int

    class Expired(RecordedAggregate.Event):
        """Its end has passed."""

        TOPIC = "grant.expired.v1"

    class AuthorityEnded(RecordedAggregate.Event):
        """Whom a parent spoke for has come to this age, 16 or 18, and speaks for themselves."""

        TOPIC = "grant.authority-ended.v1"
        age: int

    class Withdrawn(RecordedAggregate.Event):
        TOPIC = "grant.withdrawn.v1"
        class_version = 3
        by: str
        remove: bool
        at_once: bool
        quiet: bool

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """At first nobody could say *now*."""
            state["at_once"] = False

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            """At first no stop was quiet."""
            state["quiet"] = False

    class Reconfirmed(RecordedAggregate.Event):
        TOPIC = "grant.reconfirmed.v1"
        by: str

    def __init__(
        self,
        *,
        registration_id: UUID,
        captured_by: str,
        purposes: list[str],
        categories: list[str],
        agency_id: str | None,
        service_type: str | None,
        support_team: bool,
        confidentiality_basis: str,
        capture_method: str,
        notice_id: str,
        given_time: datetime,
        effective_from: datetime,
        effective_until: datetime,
        data_from: datetime | None,
        data_until: datetime | None,
        asked_alone: bool,
        service_offered_anyway: bool,
        told_may_refuse: bool,
        capacity_in_doubt: bool,
        weak: bool,
        evidence_reference: str,
        told_care_team: bool,
        decision_maker: str,
        authorised_by: str,
        recorded_by: str,
        duty: str | None,
        duty_since: datetime | None,
        given_by: str,
        given_by_agency: str | None,
        given_by_registration: UUID | None,
        sixteenth_birthday: str,
        lacks_capacity_reference: str,
    ) -> None:
        self.registration_id = registration_id
        self.captured_by = captured_by

    @event(Begun)
    def begin_effect(self) -> None:
        """Its beginning has passed."""

    @event(Ending)
    def approach_end(self, days: int) -> None:
        """It ends in so many days."""

    @event(Expired)
    def expire(self) -> None:
        """Its end has passed."""

    @event(AuthorityEnded)
    def end_authority(self, age: int) -> None:
        """A parent's word counts no more."""

    @event(Withdrawn)
    def withdraw(self, by: str, remove: bool, at_once: bool, quiet: bool) -> None:
        """Ends it and closes its scope in every earlier grant."""

    @event(Reconfirmed)
    def reconfirm(self, by: str) -> None:
        """An agency that is not the recipient says that it still stands."""


class OwnWord(RecordedAggregate):
    """A child speaks for themselves from now on: no parent's yes counts, whoever recorded it.

    `assessment_reference` points to where it is kept that they understand what that means; `recorded_by` is
    the agency's own pseudonym for whoever says so.
    """

    TOPIC = "own-word"

    class Created(RecordedAggregate.Created):
        TOPIC = "own-word.recorded.v1"
        registration_id: UUID
        assessment_reference: str
        recorded_by: str

    def __init__(self, *, registration_id: UUID, assessment_reference: str, recorded_by: str) -> None:
        self.registration_id = registration_id


class Refusal(RecordedAggregate):
    """The person said no. Empty lists and no recipient mean everything and everybody."""

    TOPIC = "refusal"

    class Created(RecordedAggregate.Created):
        TOPIC = "refusal.recorded.v1"
        class_version = 3
        registration_id: UUID
        purposes: list[str]
        categories: list[str]
        agency_id: str | None
        service_type: str | None
        support_team: bool
        at_once: bool
        quiet: bool

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """At first nobody could say *now*."""
            state["at_once"] = False

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            """At first no stop was quiet."""
            state["quiet"] = False

    def __init__(
        self,
        *,
        registration_id: UUID,
        purposes: list[str],
        categories: list[str],
        agency_id: str | None,
        service_type: str | None,
        support_team: bool,
        at_once: bool,
        quiet: bool,
    ) -> None:
        self.registration_id = registration_id


class Exclusion(RecordedAggregate):
    """An agency, somebody at an agency, or a category shut out. Yields to no grant."""

    TOPIC = "exclusion"

    class Created(RecordedAggregate.Created):
        TOPIC = "exclusion.recorded.v1"
        class_version = 3
        registration_id: UUID
        recorded_by: str
        agency_id: str | None
        staff_reference: str | None
        category: str | None
        remove: bool
        at_once: bool
        linked_to_risk: bool
        ground: str | None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """At first nobody could say *now*."""
            state["at_once"] = False

        @staticmethod
        def upcast_v2_v3(state: dict[str, Any]) -> None:
            """At first nobody was asked why."""
            state.update(linked_to_risk=False, ground=None)

    class Lifted(RecordedAggregate.Event):
        TOPIC = "exclusion.lifted.v1"

    def __init__(
        self,
        *,
        registration_id: UUID,
        recorded_by: str,
        agency_id: str | None,
        staff_reference: str | None,
        category: str | None,
        remove: bool,
        at_once: bool,
        linked_to_risk: bool,
        ground: str | None,
    ) -> None:
        self.registration_id = registration_id

    @event(Lifted)
    def lift(self) -> None:
        """The person let them in again."""


class Marker(RecordedAggregate):
    """Protects a registration's address, or one record. Yields to no grant."""

    TOPIC = "marker"

    class Created(RecordedAggregate.Created):
        TOPIC = "marker.placed.v1"
        registration_id: UUID
        placed_by: str
        kind: str
        record_id: UUID | None

    class Lifted(RecordedAggregate.Event):
        TOPIC = "marker.lifted.v1"

    def __init__(self, *, registration_id: UUID, placed_by: str, kind: str, record_id: UUID | None) -> None:
        self.registration_id = registration_id

    @event(Lifted)
    def lift(self) -> None:
        """The protection is no longer needed."""
