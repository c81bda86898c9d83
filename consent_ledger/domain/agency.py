"""Agencies: who takes part, which certificate speaks for them, and what their adapters subscribe to."""

from typing import Any

from consent_ledger.domain.base import RecordedAggregate, event


class Agency(RecordedAggregate):
    """One organisation's service, under its own id. Holds nothing about clients."""

    TOPIC = "agency"

    class Created(RecordedAggregate.Created):
        TOPIC = "agency.registered.v1"
        agency_id: str
        name: str
        controller_id: str
        service_type: str
        public_authority: bool

    class CertificateAuthorised(RecordedAggregate.Event):
        TOPIC = "agency.certificate-authorised.v1"
        uri: str
        public_key_sha256: str

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
        """What the agency signs with for its staff: an Ed25519 public key, hexadecimal, by an id of its own."""

        TOPIC = "agency.assertion-key-authorised.v1"
        agency_id: str
        key_id: str
        public_key: str

    class AssertionKeyEnded(RecordedAggregate.Event):
        """Nothing that it signs is believed any more."""

        TOPIC = "agency.assertion-key-ended.v1"
        agency_id: str
        key_id: str

    def __init__(
        self, *, agency_id: str, name: str, controller_id: str, service_type: str, public_authority: bool
    ) -> None:
        self.agency_id = agency_id
        self.name = name
        self.controller_id = controller_id
        self.service_type = service_type
        self.public_authority = public_authority

    @event(CertificateAuthorised)
    def authorise_certificate(self, uri: str, public_key_sha256: str) -> None:
        """Lets a certificate speak for the agency: its URI and its key together."""

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
    def end_assertion_key(self, agency_id: str, key_id: str) -> None:
        """What it signs is refused from now on."""

    @event(Departed)
    def depart(self, agency_id: str, copies: str, records: str, attested_by: str, feeds: list[str]) -> None:
        """Nothing is recorded by it or sent to it from now on."""
