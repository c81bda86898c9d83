"""Folds registrations, links and involvements into the consent index."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger import domain, facts
from consent_ledger.vocabulary import (
    ClosingReason,
    InvolvementGround,
    PersonStatus,
)
from hub.projections.consent_index import ConsentIndex, Link, LinkState
from hub.projections.touched import Touched, component


def _registration_opened(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    details = event.details or domain.Details("", None)
    one = facts.Registration(
        event.originator_id, event.agency_id, details.reference, position, separable=event.apart
    )
    index.registrations[one.registration_id] = one
    chain = index.chain_of.get(event.earlier) if event.apart else index.by_reference.get(_named(one))
    chain = index.chain_of[one.registration_id] = [] if chain is None else chain
    chain.append(one.registration_id)
    if event.details is not None:
        index.by_reference[_named(one)] = chain
    index.by_agency[one.agency_id].append(one.registration_id)
    if details.matching is not None:
        index.by_matching[details.matching].append(one.registration_id)
        index.matching_of[one.registration_id] = details.matching
    for former in details.former:
        index.by_former[former].append(one.registration_id)
    if details.former:
        index.former_of[one.registration_id] = details.former
    for link_id, other in event.matched.items():
        first, second = UUID(other), one.registration_id
        link = Link(UUID(link_id), first, None, at, second, LinkState.CONFIRMED, position, stood=True)
        index.links[link.link_id] = link
        for end in (link.first, one.registration_id):
            index.links_of[end].append(link)
    return component(index, one.registration_id)


def _named(one: facts.Registration) -> tuple[str, str]:
    return (one.agency_id, one.reference)


def _match_undone(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    return _unjoin(index, index.links[UUID(event.link_id)], position)


def _unjoin(index: ConsentIndex, link: Link, position: int) -> Touched:
    before = component(index, link.first).registrations
    link.state, link.changed = LinkState.UNDONE, position
    after = component(index, link.first).registrations
    if link.second is not None:
        after |= component(index, link.second).registrations
    return Touched(before | after)


def _registration_changed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    one = index.registrations[event.originator_id]
    before = component(index, one.registration_id)
    match event:
        case domain.Registration.Closed():
            one.closed = True
            one.in_error = event.reason == ClosingReason.IN_ERROR
            if one.in_error:
                of_records = (m for m in index.markers_on[one.registration_id] if m.record_id is not None)
                index.astray[one.agency_id].extend(of_records)
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
    link.state, link.stood = LinkState.CONFIRMED, True
    return component(index, link.first)


def _involvement_opened(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.openings_on[event.registration_id].append(
        facts.Opening(
            event.registration_id, position, event.agency_id, InvolvementGround(event.ground), event.by
        )
    )
    return component(index, event.registration_id)


FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
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
}
