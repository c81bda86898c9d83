"""Folds ledger entries into the consent index and says whom each one touches."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from consent_ledger import domain, facts
from consent_ledger.records import RecordDue, RecordPublished
from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    CaptureMethod,
    ClosingReason,
    ConfidentialityBasis,
    DataCategory,
    InvolvementGround,
    LawfulBasis,
    MarkerKind,
    OnEnd,
    PersonStatus,
    Purpose,
    ServiceType,
)
from hub.projections.consent_index import Agency, Boundary, BoundaryKind, ConsentIndex, Link, LinkState

WEAK_LASTS = timedelta(days=7)
"""How long a grant given under doubt lasts (SAFETY H13)."""


@dataclass(slots=True)
class Touched:
    """Whose permitted set an entry may have changed: registrations, or everybody at some agencies.

    `retracts`: it may take something away, so its pairs are looked at first.
    """

    registrations: set[UUID] = field(default_factory=set)
    agencies: set[str] = field(default_factory=set)
    retracts: bool = True


def fold(index: ConsentIndex, position: int, at: datetime, event: object) -> Touched:
    """Folds one entry's event. An event that changes no decision touches nobody."""
    folding = _FOLDINGS.get(type(event))
    if folding is None:
        return Touched()
    touched = folding(index, position, at, event)
    if not isinstance(event, RecordPublished):
        index.forget_views()
    return touched


def _component(index: ConsentIndex, registration_id: UUID) -> Touched:
    """Everyone joined to the registration, and those who told something solely about one of them."""
    members = set(index.component(registration_id))
    tellers = {teller for member in members for teller in index.told_about.get(member, ())}
    for teller in tellers:
        members |= index.component(teller)
    return Touched(members)


# -- agencies and agreements ----------------------------------------------------------------------


def _agency_registered(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.agencies[event.agency_id] = Agency(
        event.agency_id,
        event.name,
        event.controller_id,
        ServiceType(event.service_type),
        event.public_authority,
        position,
    )
    return Touched()


def _certificate_authorised(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    agency = index.agencies[_slug_in(event.uri)]
    agency.certificates[event.uri] = event.public_key_sha256
    index.certificate_owner[event.uri] = agency.agency_id
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
    )
    index.feeds[feed.feed_id] = feed
    index.agencies[agency_id].feeds.append(feed.feed_id)
    return Touched(agencies={agency_id})


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
                OnEnd(row["on_end"]), row["self_captured_restricted"]
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


# -- registrations and links ----------------------------------------------------------------------


def _registration_opened(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    one = facts.Registration(event.originator_id, event.agency_id, event.reference, position)
    index.registrations[one.registration_id] = one
    index.by_reference.setdefault((one.agency_id, one.reference), []).append(one.registration_id)
    index.by_agency[one.agency_id].append(one.registration_id)
    if event.matching is not None:
        index.by_matching[event.matching].append(one.registration_id)
    for link_id, other in event.matched.items():
        link = Link(UUID(link_id), UUID(other), None, at, one.registration_id, LinkState.CONFIRMED, position)
        index.links[link.link_id] = link
        for end in (link.first, one.registration_id):
            index.links_of[end].append(link)
    return Touched(set(index.component(one.registration_id)))


def _match_undone(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    return _unjoin(index, index.links[UUID(event.link_id)], position)


def _unjoin(index: ConsentIndex, link: Link, position: int) -> Touched:
    before = _component(index, link.first).registrations
    link.state, link.changed = LinkState.UNDONE, position
    after = _component(index, link.first).registrations
    if link.second is not None:
        after |= _component(index, link.second).registrations
    return Touched(before | after)


def _registration_changed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    one = index.registrations[event.originator_id]
    before = _component(index, one.registration_id)
    match event:
        case domain.Registration.Closed():
            one.closed = True
            one.in_error = event.reason == ClosingReason.IN_ERROR
        case domain.Registration.Reopened():
            one.closed = False
            one.position = position
        case domain.Registration.InvolvementEnded():
            one.involvement_ended = position
        case domain.Registration.LeadAppointed():
            one.lead_agency_id, one.lead_position = event.agency_id, position
        case domain.Registration.StatusRecorded():
            match event.status:
                case PersonStatus.PROCESSING_RESTRICTED:
                    one.restricted = True
                case PersonStatus.RESTRICTION_LIFTED:
                    one.restricted = False
                case PersonStatus.DATA_OPT_OUT:
                    one.opted_out = True
                case PersonStatus.DATA_OPT_IN:
                    one.opted_out = False
                case PersonStatus.DEATH_REPORTED:
                    one.death_reported = True
                case PersonStatus.DEATH_REPORT_WITHDRAWN:
                    one.death_reported = False
    return before


def _link_offered(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    link = Link(event.originator_id, event.registration_id, event.token_label, at, changed=position)
    index.links[link.link_id] = link
    index.links_of[link.first].append(link)
    if link.token_label is not None:
        index.link_tokens[link.token_label] = link.link_id
    return Touched()


def _link_changed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    link = index.links[event.originator_id]
    if isinstance(event, domain.Link.Undone):
        return _unjoin(index, link, position)
    link.changed = position
    if isinstance(event, domain.Link.Redeemed):
        link.second = event.registration_id
        link.state = LinkState.PROPOSED
        index.links_of[event.registration_id].append(link)
        return Touched()
    link.state = LinkState.CONFIRMED
    return _component(index, link.first)


def _involvement_opened(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.openings_on[event.registration_id].append(
        facts.Opening(
            event.registration_id, position, event.agency_id, InvolvementGround(event.ground), event.by
        )
    )
    return _component(index, event.registration_id)


# -- choices --------------------------------------------------------------------------------------


def _scope(event: Any) -> facts.Scope:
    return facts.Scope(
        frozenset(Purpose(one) for one in event.purposes),
        frozenset(DataCategory(one) for one in event.categories),
        event.agency_id,
        None if event.service_type is None else ServiceType(event.service_type),
        event.support_team,
    )


def _grant_recorded(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    grant = facts.Grant(
        event.originator_id,
        event.registration_id,
        position,
        event.captured_by,
        _scope(event),
        ConfidentialityBasis(event.confidentiality_basis),
        CaptureMethod(event.capture_method),
        event.notice_id,
        event.data_from,
        event.data_until,
        event.weak,
        begun=event.effective_from <= at,
    )
    index.grants[grant.grant_id] = grant
    index.grants_on[grant.registration_id].append(grant)
    index.recorded_times[grant.grant_id] = at
    subject = str(grant.grant_id)
    if not grant.begun:
        index.await_boundary(Boundary(event.effective_from, BoundaryKind.GRANT_BEGINS, subject))
    end = min(event.effective_until, at + WEAK_LASTS) if grant.weak else event.effective_until
    index.await_boundary(Boundary(end, BoundaryKind.GRANT_EXPIRES, subject))
    return _component(index, grant.registration_id)


def _grant_changed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    grant = index.grants[event.originator_id]
    match event:
        case domain.Grant.Begun():
            grant.begun = True
        case domain.Grant.Expired():
            grant.expired = True
        case domain.Grant.Reconfirmed():
            grant.reconfirmed.append((position, event.by))
        case domain.Grant.Withdrawn():
            grant.withdrawn = True
            index.stops_on[grant.registration_id].append(
                facts.Stop(grant.registration_id, position, grant.scope, grant.grant_id, event.remove)
            )
    return _component(index, grant.registration_id)


def _refusal_recorded(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    stop = facts.Stop(event.registration_id, position, _scope(event), None, remove=False)
    index.refusals[event.originator_id] = stop
    index.stops_on[event.registration_id].append(stop)
    index.recorded_times[event.originator_id] = at
    return _component(index, event.registration_id)


def _exclusion_recorded(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    exclusion = facts.Exclusion(
        event.registration_id,
        position,
        event.agency_id,
        None if event.category is None else DataCategory(event.category),
        event.remove,
        event.recorded_by,
    )
    index.exclusions[event.originator_id] = exclusion
    index.exclusions_on[event.registration_id].append(exclusion)
    index.recorded_times[event.originator_id] = at
    return _component(index, event.registration_id)


def _exclusion_lifted(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    exclusion = index.exclusions[event.originator_id]
    exclusion.lifted = True
    return _component(index, exclusion.registration_id)


def _marker_placed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    marker = facts.Marker(
        event.registration_id, position, MarkerKind(event.kind), event.record_id, event.placed_by
    )
    index.markers[event.originator_id] = marker
    index.markers_on[event.registration_id].append(marker)
    index.recorded_times[event.originator_id] = at
    return _component(index, event.registration_id)


def _marker_lifted(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    marker = index.markers[event.originator_id]
    marker.lifted = True
    return _component(index, marker.registration_id)


# -- records --------------------------------------------------------------------------------------


def _record_published(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    record = str(event.record_id)
    for due, kind in ((event.review_by, BoundaryKind.REVIEW), (event.spent_on, BoundaryKind.SPENT)):
        if due is not None:
            index.await_boundary(Boundary(due, kind, record, event.revision, event.registration_id))
    for fragment in event.fragments:
        for other in fragment.solely_about:
            index.told_about[other].add(event.registration_id)
    # Its own agency is never sent it, so only the others' pairs can change.
    touched = Touched(
        {
            one
            for one in index.component(event.registration_id)
            if index.registrations[one].agency_id != event.origin_agency_id
        }
    )
    touched.retracts = event.revision > 1
    return touched


def _record_due(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    due = index.review_overdue if event.kind == BoundaryKind.REVIEW else index.spent
    due.add((event.record_id, event.revision))
    return _component(index, event.registration_id)


_FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
    domain.Agency.Created: _agency_registered,
    domain.Agency.CertificateAuthorised: _certificate_authorised,
    domain.Agency.Subscribed: _subscribed,
    domain.Agreement.Created: _agreement_opened,
    domain.Agreement.Drafted: _agreement_drafted,
    domain.Agreement.Signed: _agreement_changed,
    domain.Agreement.Begun: _agreement_changed,
    domain.Agreement.Lapsed: _agreement_changed,
    domain.Agreement.Terminated: _agreement_changed,
    domain.Registration.Created: _registration_opened,
    domain.Registration.MatchUndone: _match_undone,
    domain.Registration.Closed: _registration_changed,
    domain.Registration.Reopened: _registration_changed,
    domain.Registration.StatusRecorded: _registration_changed,
    domain.Registration.LeadAppointed: _registration_changed,
    domain.Registration.InvolvementEnded: _registration_changed,
    domain.Link.Created: _link_offered,
    domain.Link.Redeemed: _link_changed,
    domain.Link.Confirmed: _link_changed,
    domain.Link.Undone: _link_changed,
    domain.Involvement.Created: _involvement_opened,
    domain.Grant.Created: _grant_recorded,
    domain.Grant.Begun: _grant_changed,
    domain.Grant.Expired: _grant_changed,
    domain.Grant.Withdrawn: _grant_changed,
    domain.Grant.Reconfirmed: _grant_changed,
    domain.Refusal.Created: _refusal_recorded,
    domain.Exclusion.Created: _exclusion_recorded,
    domain.Exclusion.Lifted: _exclusion_lifted,
    domain.Marker.Created: _marker_placed,
    domain.Marker.Lifted: _marker_lifted,
    RecordPublished: _record_published,
    RecordDue: _record_due,
}
