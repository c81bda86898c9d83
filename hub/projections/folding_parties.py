"""Folds agencies, feeds and agreements into the consent index."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger import domain, facts
from consent_ledger.erasures import DepartedCopies, DepartedRecords
from consent_ledger.policy.sensitivity import ENFORCING_SERVICES
from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    DataCategory,
    LawfulBasis,
    OnEnd,
    PostKind,
    Purpose,
    ServiceType,
)
from hub.projections.certificates import CertificateKey, Invitation, KeyOrigin, RevokedKey
from hub.projections.consent_index import (
    Agency,
    Boundary,
    BoundaryKind,
    ConsentIndex,
    Departed,
)
from hub.projections.touched import Touched
from hub.records.services import named


def _agency_registered(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.agencies[event.agency_id] = Agency(
        event.agency_id,
        event.name,
        event.controller_id,
        ServiceType(event.service_type),
        event.public_authority,
        position,
        enforcement_powers=_could_enforce(event),
    )
    index.services |= named(event.agency_id, event.name, ServiceType(event.service_type))
    return Touched()


def _could_enforce(event: Any) -> bool:
    """Whether the agency could act against somebody for where they sleep: unsaid, every public authority."""
    if ServiceType(event.service_type) in ENFORCING_SERVICES:
        return True
    said: bool | None = event.enforcement_powers
    return bool(event.public_authority) if said is None else said


def _certificate_authorised(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """The operator names the one key of a URI: those before it count no more."""
    agency = index.agencies[_slug_in(event.uri)]
    agency.certificates[event.uri] = {event.public_key_sha256: CertificateKey(position, at)}
    # Whoever named it before: from now on the operator vouches for it.
    agency.origins[event.public_key_sha256] = [KeyOrigin(event.uri, at)]
    index.certificate_owner[event.uri] = agency.agency_id
    return Touched()


def _certificate_added(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """A further key, so that one certificate can follow another while both are in use."""
    agency = index.agencies[_slug_in(event.uri)]
    keys = agency.certificates.setdefault(event.uri, {})
    for old in [name for name, key in keys.items() if key.not_after is not None and key.not_after < at]:
        del keys[old]
    keys[event.public_key_sha256] = CertificateKey(
        position, at, datetime.fromisoformat(event.not_after), event.renewed_from
    )
    origin = KeyOrigin(event.uri, at, event.renewed_from)
    agency.origins.setdefault(event.public_key_sha256, []).append(origin)
    index.certificate_owner[event.uri] = agency.agency_id
    return Touched()


def _certificate_revoked(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """The keys go from every URI, and whoever fetches with one is woken, to be refused."""
    agency = index.agencies[event.agency_id]
    since = datetime.fromisoformat(event.compromised_since) if event.compromised_since else None
    cut: set[str] = set()
    for name in (event.public_key_sha256, *event.renewals):
        uris = [uri for uri, keys in agency.certificates.items() if keys.pop(name, None) is not None]
        cut.update(uris)
        uri = uris[0] if uris else agency.origins[name][-1].uri
        agency.revoked[name] = RevokedKey(uri, position, at, event.reason, since)
    return Touched(woken={one for one in agency.feeds if index.feeds[one].certificate_uri in cut})


def _adapter_invited(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """Kept by the code's label; those that ended unused are let go, so that they do not gather."""
    over = [
        label
        for label, one in index.invitations.items()
        if one.confirmed_at is None and one.expires < at and not one.key
    ]
    for label in over:
        del index.invitations[label]
    index.invitations[event.code_label] = Invitation(
        UUID(event.invitation_id), _slug_in(event.uri), event.uri, datetime.fromisoformat(event.expires)
    )
    return Touched()


def _invitation_changed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    of_id = (one for one in index.invitations.values() if str(one.invitation_id) == event.invitation_id)
    invitation = next(of_id)
    match event:
        case domain.Agency.InvitationTaken():
            invitation.key = event.public_key_sha256
        case domain.Agency.InvitationConfirmed():
            invitation.confirmed, invitation.confirmed_at = position, at
    return Touched()


def _slug_in(uri: str) -> str:
    """The agency in `spiffe://<hub>/agency/<agency id>/adapter/<n>`."""
    return uri.split("/")[4]


def _subscribed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    agency_id = _slug_in(event.certificate_uri)
    feed = facts.Feed(
        UUID(event.feed_id),
        agency_id,
        event.certificate_uri,
        ServiceType(event.service_type),
        frozenset(Purpose(one) for one in event.purposes),
        frozenset(DataCategory(one) for one in event.categories),
        event.enforces_person_restriction,
        _minutes(event.retraction_window),
        index.agencies[agency_id].public_authority,
        # A service of another kind within an agency may have powers of its own.
        index.agencies[agency_id].enforcement_powers or ServiceType(event.service_type) in ENFORCING_SERVICES,
    )
    index.feeds[feed.feed_id] = feed
    index.agencies[agency_id].feeds.append(feed.feed_id)
    return Touched(agencies={agency_id})


def _minutes(window: str) -> int | None:
    """`HH:MM` in minutes after midnight; `None` for none."""
    return int(window[:2]) * 60 + int(window[3:]) if window else None


def _post_appointed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    agency = index.agencies[event.agency_id]
    before = agency.posts.get(PostKind(event.kind))
    post = facts.Post(PostKind(event.kind), event.staff_reference, event.telephone)
    agency.posts[post.kind] = post
    if post.kind is not PostKind.SAFEGUARDING_LEAD or (before and before.telephone == post.telephone):
        return Touched()
    # Whoever holds a warning of this agency's holds the number to ring (SAFETY H18).
    return Touched({one for own in index.by_agency[agency.agency_id] for one in index.component(own)})


def _witness_authorised(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.agencies[event.agency_id].witness_key = event.verifier_key
    return Touched()


def _departed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """Its certificates, feeds and posts end; what it recorded stays until that is erased by itself."""
    agency = index.agencies[event.agency_id]
    agency.departed = Departed(
        position,
        at,
        DepartedCopies(event.copies),
        DepartedRecords(event.records),
        tuple(UUID(one) for one in event.feeds),
    )
    for uri in agency.certificates:
        del index.certificate_owner[uri]
    agency.certificates.clear()
    agency.assertion_keys.clear()
    agency.feeds.clear()
    agency.posts.clear()
    agency.witness_key = ""
    # Whoever holds a warning of this agency's holds a number that nobody answers any more.
    return Touched({one for own in index.by_agency[agency.agency_id] for one in index.component(own)})


def _agreement_opened(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.agreements[event.agreement_id] = facts.Agreement(event.agreement_id)
    index.agreement_streams[event.originator_id] = event.agreement_id
    return Touched()


def _agreement_drafted(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    content = event.content
    agreement_id = content["agreement_id"]
    start, end = (datetime.fromisoformat(content[name]) for name in ("start_time", "end_time"))
    version = facts.AgreementVersion(
        event.agreement_version,
        {
            party["agency_id"]: facts.Party(
                {Purpose(basis["purpose"]): _party_basis(basis) for basis in party["bases"]},
                party["receives_only"],
            )
            for party in content["parties"]
        },
        {
            (DataCategory(row["category"]), Purpose(row["purpose"])): facts.Row(
                OnEnd(row["on_end"]),
                row["self_captured_restricted"],
                row.get("retention_days", 0),  # the first agreements said nothing of it
            )
            for row in content["rows"]
        },
        content["notice_id"],
        begun=start <= at,
    )
    index.agreements[agreement_id].versions.append(version)
    index.agreement_contents[(agreement_id, version.version)] = content
    if not version.begun:
        index.await_boundary(Boundary(start, BoundaryKind.AGREEMENT_BEGINS, agreement_id, version.version))
    index.await_boundary(Boundary(end, BoundaryKind.AGREEMENT_LAPSES, agreement_id, version.version))
    return Touched()


def _party_basis(basis: dict[str, Any]) -> facts.PartyBasis:
    return facts.PartyBasis(
        LawfulBasis(basis["lawful_basis"]) if basis["lawful_basis"] else None,
        Article9Condition(basis["article9"]) if basis["article9"] else None,
        Article10Condition(basis["article10"]) if basis["article10"] else None,
    )


def _parties(index: ConsentIndex, agreement: facts.Agreement) -> Touched:
    return Touched(agencies={party for version in agreement.versions for party in version.parties})


def _agreement_changed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    agreement = index.agreements[index.agreement_streams[event.originator_id]]
    match event:
        case domain.Agreement.Signed():
            agreement.versions[event.agreement_version - 1].signed_by.add(event.agency_id)
        case domain.Agreement.Begun():
            agreement.versions[event.agreement_version - 1].begun = True
        case domain.Agreement.Lapsed():
            agreement.versions[event.agreement_version - 1].lapsed = True
        case domain.Agreement.Terminated():
            agreement.terminated = True
    return _parties(index, agreement)


FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
    domain.Agency.Created: _agency_registered,
    domain.Agency.CertificateAuthorised: _certificate_authorised,
    domain.Agency.AdapterInvited: _adapter_invited,
    domain.Agency.InvitationTaken: _invitation_changed,
    domain.Agency.InvitationConfirmed: _invitation_changed,
    domain.Agency.CertificateAdded: _certificate_added,
    domain.Agency.CertificateRevoked: _certificate_revoked,
    domain.Agency.Subscribed: _subscribed,
    domain.Agency.PostAppointed: _post_appointed,
    domain.Agency.WitnessAuthorised: _witness_authorised,
    domain.Agency.Departed: _departed,
    domain.Agreement.Created: _agreement_opened,
    domain.Agreement.Drafted: _agreement_drafted,
    domain.Agreement.Signed: _agreement_changed,
    domain.Agreement.Begun: _agreement_changed,
    domain.Agreement.Lapsed: _agreement_changed,
    domain.Agreement.Terminated: _agreement_changed,
}
