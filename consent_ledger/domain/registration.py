"""Registrations, links and involvements: whose reference, which are one person, who works with them."""

import json
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from consent_ledger.domain.base import RecordedAggregate, event


class Details(NamedTuple):
    """What names the person. `matching`: keyed label of NHS number, birth date and family name, or none.

    `former`: the same with each former family name and each NHS number before a change of sex marker. What
    they were is kept nowhere (SAFETY H28).
    """

    reference: str
    matching: str | None
    former: tuple[str, ...] = ()

    def written(self) -> bytes:
        """As bytes, to be sealed."""
        return json.dumps(self, separators=(",", ":")).encode()

    @classmethod
    def read(cls, written: bytes) -> "Details":
        """What was written."""
        reference, matching, *former = json.loads(written)
        return cls(reference, matching, tuple(former[0]) if former else ())


DETAILS = "registration-details.v1"
"""The schema of the part that holds them."""


class Registration(RecordedAggregate):
    """One agency's own reference to a person: the unit of keys, streams and deliveries."""

    TOPIC = "registration"

    class Created(RecordedAggregate.Created):
        """`matched` maps the id of a link made without a person's eye to the other registration. It is part
        of this event, so that being matched adds no entry that the registering agency could count.

        `earlier`: the first registration under the same reference, if there is one. What names the person
        stands beside this event, as `Details`, under a key of its own, so that it can be erased.
        """

        TOPIC = "registration.opened.v1"
        class_version = 2
        agency_id: str
        matched: dict[str, str]
        earlier: UUID | None
        details: ClassVar[Details | None] = None
        """As they were read beside the event; None once they are erased."""
        apart: ClassVar[bool] = True
        """Whether they can be erased apart from the event."""

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """At first the details stood in the event itself: they cannot be erased apart from it."""
            state["details"] = Details(state.pop("reference"), state.pop("matching"))
            state["earlier"] = None
            state["apart"] = False

    class MatchUndone(RecordedAggregate.Event):
        """A link of `matched` was wrong. `breached`: the registrations whose content went across it."""

        TOPIC = "registration.match-undone.v1"
        class_version = 2
        link_id: str
        by: str
        breached: list[str]

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """At first nobody asked what had gone to the wrong place."""
            state["breached"] = []

    class Closed(RecordedAggregate.Event):
        """`breached`: where it was made in error, the registrations whose content its links let through."""

        TOPIC = "registration.closed.v1"
        class_version = 2
        reason: str
        breached: list[str]

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """As of a match undone."""
            state["breached"] = []

    class Reopened(RecordedAggregate.Event):
        """Registered again after its case was closed: links stay, every opening before is spent."""

        TOPIC = "registration.reopened.v1"

    class StatusRecorded(RecordedAggregate.Event):
        TOPIC = "registration.status-recorded.v1"
        status: str

    class LeadAppointed(RecordedAggregate.Event):
        TOPIC = "registration.lead-appointed.v1"
        agency_id: str

    class InvolvementEnded(RecordedAggregate.Event):
        TOPIC = "registration.involvement-ended.v1"

    def __init__(self, *, agency_id: str, matched: dict[str, str], earlier: UUID | None) -> None:
        self.agency_id = agency_id
        self.matched = matched

    @event(MatchUndone)
    def undo_match(self, link_id: str, by: str, breached: list[str]) -> None:
        """A link made by three agreeing details was wrong: everything follows."""

    @event(Closed)
    def close(self, reason: str, breached: list[str]) -> None:
        """The agency no longer works with the person, or never did."""

    @event(Reopened)
    def reopen(self) -> None:
        """The agency works with the person again, and must be opened anew."""

    @event(StatusRecorded)
    def record_status(self, status: str) -> None:
        """A fact about the person that changes what may be shared."""

    @event(LeadAppointed)
    def appoint_lead(self, agency_id: str) -> None:
        """Another agency leads from now on."""

    @event(InvolvementEnded)
    def end_involvement(self) -> None:
        """The agency's work with the person ends; every earlier opening is spent."""


class Link(RecordedAggregate):
    """The assertion that two registrations are one person. It can be undone, and never starts a delivery."""

    TOPIC = "link"

    class Created(RecordedAggregate.Created):
        """`token_label`: keyed label of the one-use token, hexadecimal; the token itself is not kept."""

        TOPIC = "link.offered.v1"
        registration_id: UUID
        token_label: str | None

    class Redeemed(RecordedAggregate.Event):
        TOPIC = "link.proposed.v1"
        registration_id: UUID

    class Confirmed(RecordedAggregate.Event):
        TOPIC = "link.confirmed.v1"
        evidence: str

    class Undone(RecordedAggregate.Event):
        """`breached`: the registrations whose content went across it."""

        TOPIC = "link.undone.v1"
        class_version = 2
        by: str
        breached: list[str]

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """At first nobody asked what had gone to the wrong place."""
            state["breached"] = []

    def __init__(self, *, registration_id: UUID, token_label: str | None) -> None:
        self.registration_id = registration_id
        self.token_label = token_label

    @event(Redeemed)
    def redeem(self, registration_id: UUID) -> None:
        """A second agency proposes that its registration is the same person."""

    @event(Confirmed)
    def confirm(self, evidence: str) -> None:
        """Confirmed by a person (`CONFIRMED`) or by three agreeing details (`EXACT_MATCH`)."""

    @event(Undone)
    def undo(self, by: str, breached: list[str]) -> None:
        """The assertion was wrong: everything follows."""


class Involvement(RecordedAggregate):
    """Somebody else's word that an agency works with a person. Nobody confirms itself."""

    TOPIC = "involvement"

    class Created(RecordedAggregate.Created):
        """`registration_id` is the registration of the agency that says so."""

        TOPIC = "involvement.opened.v1"
        registration_id: UUID
        agency_id: str
        ground: str
        by: str

    def __init__(self, *, registration_id: UUID, agency_id: str, ground: str, by: str) -> None:
        self.registration_id = registration_id
        self.agency_id = agency_id
        self.ground = ground
        self.by = by
