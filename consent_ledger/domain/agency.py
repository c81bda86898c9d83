"""Agencies: who takes part, which certificate speaks for them, and what their adapters subscribe to."""

from typing import Any

from consent_ledger.domain.base import RecordedAggregate, event


class Agency(RecordedAggregate):
    """One organisation's service, under its own id. Holds nothing about clients."""

    TOPIC = "agency"

    class Created(RecordedAggregate.Created):
        """`enforcement_powers`: whether it could act against somebody for where they sleep; `None` unsaid."""

        TOPIC = "agency.registered.v1"
        class_version = 2
        agency_id: str
        name: str
        controller_id: str
        service_type: str
        public_authority: bool
        enforcement_powers: bool | None

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """At first nobody was asked."""
            state["enforcement_powers"] = None

    class CertificateAuthorised(RecordedAggregate.Event):
        TOPIC = "agency.certificate-authorised.v1"
        uri: str
        public_key_sha256: str

    class CertificateAdded(RecordedAggregate.Event):
        """A further key under the same URI, beside those there are.

        `not_after` (ISO 8601): its certificate's end. `renewed_from`: the key that asked or vouched for it
        (SHA-256, hexadecimal); empty: the operator did.
        """

        TOPIC = "agency.certificate-added.v1"
        uri: str
        public_key_sha256: str
        not_after: str
        renewed_from: str

    class CertificateRevoked(RecordedAggregate.Event):
        """A key counts no more, under any URI of the agency, and never will again.

        `compromised_since` (ISO 8601): since when it may have been another's; empty if nobody knows.
        `renewals`: what it renewed or let in since, revoked with it. `revoked_by` is who said so.
        """

        TOPIC = "agency.certificate-revoked.v1"
        agency_id: str
        public_key_sha256: str
        reason: str
        compromised_since: str
        renewals: list[str]
        revoked_by: str

    class AdapterInvited(RecordedAggregate.Event):
        """A code opens the door for a certificate of this URI until `expires` (ISO 8601).

        Only the code's keyed label is kept.
        """

        TOPIC = "agency.adapter-invited.v1"
        invitation_id: str
        uri: str
        code_label: str
        expires: str

    class InvitationTaken(RecordedAggregate.Event):
        """A key came with the code: nobody else's does from now on."""

        TOPIC = "agency.invitation-taken.v1"
        agency_id: str
        invitation_id: str
        public_key_sha256: str

    class InvitationConfirmed(RecordedAggregate.Event):
        """Somebody heard the key's six words from whoever was invited."""

        TOPIC = "agency.invitation-confirmed.v1"
        agency_id: str
        invitation_id: str
        confirmed_by: str

    class Subscribed(RecordedAggregate.Event):
        """`retraction_window` is `HH:MM` in UTC; empty: at once."""

        TOPIC = "agency.subscribed.v1"
        class_version = 2
        feed_id: str
        certificate_uri: str
        service_type: str
        purposes: list[str]
        categories: list[str]
        enforces_person_restriction: bool
        retraction_window: str

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """The first feeds had no window: copies were taken back at once."""
            state["retraction_window"] = ""

    class PostAppointed(RecordedAggregate.Event):
        """Names whoever holds a post by the agency's own pseudonym, and where to ring."""

        TOPIC = "agency.post-appointed.v1"
        agency_id: str
        kind: str
        staff_reference: str
        telephone: str

    class WitnessAuthorised(RecordedAggregate.Event):
        """What the agency's witness cosigns with: a C2SP verifier key; empty: it is none any more."""

        TOPIC = "agency.witness-authorised.v1"
        agency_id: str
        verifier_key: str

    class Departed(RecordedAggregate.Event):
        """It leaves for good. `copies` is what it attests of those in its own system, `records` what becomes
        of what it published; `attested_by` its own pseudonym for whoever says so; `feeds` those that end."""

        TOPIC = "agency.departed.v1"
        agency_id: str
        copies: str
        records: str
        attested_by: str
        feeds: list[str]

    class AssertionKeyAuthorised(RecordedAggregate.Event):
        """What the agency signs with for its staff: an Ed25519 public key, hexadecimal, under its id."""

        TOPIC = "agency.assertion-key-authorised.v1"
        agency_id: str
        key_id: str
        public_key: str

    class AssertionKeyEnded(RecordedAggregate.Event):
        """Nothing that it signs is believed any more. `ended_by` is who said so."""

        TOPIC = "agency.assertion-key-ended.v1"
        agency_id: str
        key_id: str
        ended_by: str

    def __init__(
        self,
        *,
        agency_id: str,
        name: str,
        controller_id: str,
        service_type: str,
        public_authority: bool,
        enforcement_powers: bool | None,
    ) -> None:
        self.agency_id = agency_id
        self.name = name
        self.controller_id = controller_id
        self.service_type = service_type
        self.public_authority = public_authority
        self.enforcement_powers = enforcement_powers

    @event(CertificateAuthorised)
    def authorise_certificate(self, uri: str, public_key_sha256: str) -> None:
        """Lets a certificate speak for the agency: its URI and its key together."""

    @event(CertificateAdded)
    def add_certificate(
        self, uri: str, public_key_sha256: str, not_after: str, renewed_from: str = ""
    ) -> None:
        """Lets a further key speak for the agency under a URI, as long as its certificate lasts."""

    @event(CertificateRevoked)
    def revoke_certificate(
        self,
        agency_id: str,
        public_key_sha256: str,
        reason: str,
        compromised_since: str,
        renewals: list[str],
        revoked_by: str,
    ) -> None:
        """Ends a key for good."""

    @event(AdapterInvited)
    def invite(self, invitation_id: str, uri: str, code_label: str, expires: str) -> None:
        """Lets whoever has the code ask for a certificate."""

    @event(InvitationTaken)
    def take_invitation(self, agency_id: str, invitation_id: str, public_key_sha256: str) -> None:
        """Binds a code to the key that came with it."""

    @event(InvitationConfirmed)
    def confirm_invitation(self, agency_id: str, invitation_id: str, confirmed_by: str) -> None:
        """Says that the key is the invited one's; what lets it speak is `add_certificate`."""

    @event(Subscribed)
    def subscribe(
        self,
        feed_id: str,
        certificate_uri: str,
        service_type: str,
        purposes: list[str],
        categories: list[str],
        enforces_person_restriction: bool,
        retraction_window: str,
    ) -> None:
        """Opens a feed for one adapter."""

    @event(PostAppointed)
    def appoint(self, agency_id: str, kind: str, staff_reference: str, telephone: str) -> None:
        """Says who holds a post from now on."""

    @event(WitnessAuthorised)
    def authorise_witness(self, agency_id: str, verifier_key: str) -> None:
        """Lets a key cosign checkpoints from now on, instead of the one before."""

    @event(AssertionKeyAuthorised)
    def authorise_assertion_key(self, agency_id: str, key_id: str, public_key: str) -> None:
        """Lets a key sign for the agency's staff from now on."""

    @event(AssertionKeyEnded)
    def end_assertion_key(self, agency_id: str, key_id: str, ended_by: str) -> None:
        """What it signs is refused from now on."""

    @event(Departed)
    def depart(self, agency_id: str, copies: str, records: str, attested_by: str, feeds: list[str]) -> None:
        """Nothing is recorded by it or sent to it from now on."""
