"""Agencies, their certificates and their feeds. The operator's alone."""

from collections.abc import Sequence
from uuid import UUID

from consent_ledger.domain import Agency
from consent_ledger.errors import ProofRefused, Refused
from consent_ledger.facts import Feed
from consent_ledger.log.note import KeyType, VerifierKey
from consent_ledger.policy.sensitivity import ENFORCING_SERVICES
from consent_ledger.vocabulary import DataCategory, PostKind, Purpose, ServiceType
from hub.projections import consent_index
from hub.use_cases.hub import Hub
from hub.use_cases.work import ADMINISTRATION, Caller, Work


def register_agency(
    work: Work,
    caller: Caller,
    *,
    agency_id: str,
    name: str,
    controller_id: str,
    service_type: ServiceType,
    public_authority: bool,
    enforcement_powers: bool | None = None,
) -> int:
    """Registers an agency; returns the entry's position. Raises `ALREADY_EXISTS` for other content, and
    `INVALID_FIELD` for police, prison or probation said to have no powers of enforcement."""
    caller.require_operator()
    if enforcement_powers is False and service_type in ENFORCING_SERVICES:
        raise Refused("INVALID_FIELD", field="enforcement_powers", rule="such a service has them")
    known = work.index.agencies.get(agency_id)
    if known is not None:
        said = (known.name, known.controller_id, known.service_type, known.public_authority)
        if said != (name, controller_id, service_type, public_authority) or (
            enforcement_powers not in (None, known.enforcement_powers)
        ):
            raise Refused("ALREADY_EXISTS")
        return known.position
    agency = Agency.begin(
        _stream(work, agency_id),
        agency_id=agency_id,
        name=name,
        controller_id=controller_id,
        service_type=service_type,
        public_authority=public_authority,
        enforcement_powers=enforcement_powers,
    )
    return work.save(agency, ADMINISTRATION)


def authorise_certificate(
    work: Work, caller: Caller, *, agency_id: str, uri: str, public_key_sha256: bytes
) -> int:
    """Lets a certificate speak for an agency, instead of those of its URI before. Raises `UNKNOWN_AGENCY`,
    `CERTIFICATE_REVOKED` for a key that was revoked."""
    caller.require_operator()
    work.require_agency(agency_id)
    if uri.split("/")[4] != agency_id:
        raise Refused("INVALID_FIELD", field="uri", rule="names the agency it is for")
    if public_key_sha256.hex() in work.index.agencies[agency_id].revoked:
        raise Refused("CERTIFICATE_REVOKED")
    agency = work.repository.get(Agency, _stream(work, agency_id))
    agency.authorise_certificate(uri, public_key_sha256.hex())
    return work.save(agency, ADMINISTRATION)


def subscribe(
    work: Work,
    caller: Caller,
    *,
    agency_id: str,
    certificate_uri: str,
    service_type: ServiceType,
    purposes: Sequence[Purpose],
    categories: Sequence[DataCategory],
    enforces_person_restriction: bool,
    retraction_window: str = "",
) -> tuple[UUID, int, int]:
    """Opens a feed: its id, epoch and position. Raises `UNKNOWN_AGENCY`, `NO_STANDING_RECIPIENT`,
    `NO_DAY_AND_NIGHT_NUMBER`: an emergency needs somebody to ring before the agency goes live.

    `retraction_window` is when of a day copies are taken back (`HH:MM`, UTC); empty: at once.
    """
    caller.require_operator()
    work.require_agency(agency_id)
    known = work.index.agencies[agency_id]
    invited = {one.uri for one in work.index.invitations.values() if one.agency_id == agency_id}
    if certificate_uri not in known.certificates and certificate_uri not in invited:
        raise Refused("UNKNOWN_AGENCY")
    if ServiceType.POLICE in (known.service_type, service_type) or Purpose.EMPLOYMENT in purposes:
        raise Refused("NO_STANDING_RECIPIENT")
    if PostKind.TWENTY_FOUR_HOURS not in known.posts:
        raise Refused("NO_DAY_AND_NIGHT_NUMBER")
    agency = work.repository.get(Agency, _stream(work, agency_id))
    feed_id = work.new_id()
    agency.subscribe(
        str(feed_id),
        certificate_uri,
        service_type,
        sorted(purposes),
        sorted(categories),
        enforces_person_restriction,
        retraction_window,
    )
    return feed_id, 1, work.save(agency, ADMINISTRATION)


def appoint_post(
    work: Work, caller: Caller, *, agency_id: str, kind: PostKind, staff_reference: str, telephone: str
) -> int:
    """Says who holds a post: the operator, or the agency itself. Raises `OPERATOR_ONLY`, `UNKNOWN_AGENCY`."""
    if caller.agency_id != agency_id:
        caller.require_operator()
    work.require_agency(agency_id)
    agency = work.repository.get(Agency, _stream(work, agency_id))
    agency.appoint(agency_id, kind, staff_reference, telephone)
    return work.save(agency, ADMINISTRATION)


def authorise_witness(work: Work, caller: Caller, *, agency_id: str, verifier_key: str) -> int:
    """Lets a key cosign checkpoints for an agency; empty: none any more. Raises `UNKNOWN_AGENCY`,
    `INVALID_FIELD` for what is no cosigner's key, or another agency's."""
    caller.require_operator()
    work.require_agency(agency_id)
    if verifier_key:
        public = _cosigner(verifier_key).public
        others = (one for one in work.index.agencies.values() if one.agency_id != agency_id)
        # One key in two names would count as two owners.
        if any(one.witness_key and _cosigner(one.witness_key).public == public for one in others):
            raise Refused("INVALID_FIELD", field="verifier_key", rule="no other agency's")
    agency = work.repository.get(Agency, _stream(work, agency_id))
    agency.authorise_witness(agency_id, verifier_key)
    return work.save(agency, ADMINISTRATION)


def _cosigner(verifier_key: str) -> VerifierKey:
    try:
        key = VerifierKey.parse(verifier_key)
    except ProofRefused:
        raise Refused("INVALID_FIELD", field="verifier_key", rule="a verifier key") from None
    if key.kind is not KeyType.COSIGNATURE:
        raise Refused("INVALID_FIELD", field="verifier_key", rule="a cosigner's key")
    return key


def list_agencies(work: Work, caller: Caller) -> list[tuple[consent_index.Agency, list[Feed]]]:
    """Every agency with its feeds."""
    caller.require_operator()
    index = work.index
    return [
        (agency, [index.feeds[feed_id] for feed_id in agency.feeds])
        for agency in sorted(index.agencies.values(), key=lambda one: one.agency_id)
    ]


def agency_of_certificate(work: Work, caller: Caller, *, uri: str, public_key_sha256: bytes) -> str | None:
    """The agency a certificate speaks for, by its URI and its key together; `None` for an unknown one.

    Empty for one that was revoked.
    """
    known = work.index.agency_of(uri, public_key_sha256)
    return "" if known is None and work.index.is_revoked(uri, public_key_sha256) else known


async def agency_speaking(hub: Hub, uri: str, public_key_sha256: bytes) -> str | None:
    """Who a call is from, for the door; `None` for a certificate that nobody authorised.

    Read from the index as it stands, without waiting for the writer. The index may be a few entries behind,
    or ahead by some whose commit then fails; so this admits a caller only as far as its command, which looks
    again at the ledger's head (`Hub`). Who is not found here may be known since the last entry: asked there.
    Raises `CERTIFICATE_REVOKED`.
    """
    found = hub.projector.index.agency_of(uri, public_key_sha256)
    if found is not None:
        return found
    nobody = Caller(agency_id=None, certificate_uri=uri)
    found = await hub.execute(agency_of_certificate, nobody, uri=uri, public_key_sha256=public_key_sha256)
    if found == "":
        raise Refused("CERTIFICATE_REVOKED")
    return found


def _stream(work: Work, agency_id: str) -> UUID:
    return work.vault.opaque_id("agency", agency_id)


__all__ = [
    "agency_of_certificate",
    "agency_speaking",
    "appoint_post",
    "authorise_certificate",
    "authorise_witness",
    "list_agencies",
    "register_agency",
    "subscribe",
]
