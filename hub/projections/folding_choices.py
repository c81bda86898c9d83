"""Folds choices and markers into the consent index."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from consent_ledger import domain, facts
from consent_ledger.parental_authority import ParentalAuthority
from consent_ledger.vocabulary import (
    CaptureMethod,
    ConfidentialityBasis,
    DataCategory,
    ExclusionGround,
    MarkerKind,
    Purpose,
    ServiceType,
    StatutoryDuty,
)
from hub.projections.consent_index import Boundary, BoundaryKind, ConsentIndex
from hub.projections.touched import Touched, component

WEAK_LASTS = timedelta(days=7)
"""How long a grant given under doubt lasts (SAFETY H13)."""

ASK_BEFORE = (30, 14, 3)
"""How many days before its end a grant becomes a task: the person is asked in time (SAFETY H16)."""


def _scope(event: Any) -> facts.Scope:
    return facts.Scope(
        frozenset(Purpose(one) for one in event.purposes),
        frozenset(DataCategory(one) for one in event.categories),
        event.agency_id,
        None if event.service_type is None else ServiceType(event.service_type),
        event.support_team,
    )


def _proxy(event: Any) -> facts.Proxy | None:
    if not event.given_by and event.given_by_registration is None:
        return None
    return facts.Proxy(event.given_by, event.given_by_agency, event.given_by_registration)


def _authority(event: Any) -> ParentalAuthority | None:
    if not event.sixteenth_birthday:
        return None
    return ParentalAuthority(date.fromisoformat(event.sixteenth_birthday), event.lacks_capacity_reference)


def _own_word_recorded(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    index.own_words_on[event.registration_id] = position
    return component(index, event.registration_id)


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
        facts.Evidence(
            event.given_time,
            event.effective_from,
            event.effective_until,
            event.asked_alone,
            event.service_offered_anyway,
            event.told_may_refuse,
            event.capacity_in_doubt,
            facts.BasisEvidence(
                event.evidence_reference,
                event.told_care_team,
                event.decision_maker,
                event.authorised_by,
                event.recorded_by,
                None if event.duty is None else StatutoryDuty(event.duty),
                event.duty_since,
            ),
            recorded_at=at,
        ),
        event.weak,
        begun=event.effective_from <= at,
        given_by=_proxy(event),
    )
    index.grants[grant.grant_id] = grant
    index.grants_on[grant.registration_id].append(grant)
    index.chosen_on[grant.registration_id].opened(grant)
    index.recorded_times[grant.grant_id] = at
    subject = str(grant.grant_id)
    if not grant.begun:
        index.await_boundary(Boundary(event.effective_from, BoundaryKind.GRANT_BEGINS, subject))
    end = min(event.effective_until, at + WEAK_LASTS) if grant.weak else event.effective_until
    parent = _authority(event)
    if parent is not None and parent.ends <= end:
        end = parent.ends
        index.await_boundary(Boundary(end, BoundaryKind.AUTHORITY_ENDS, subject, parent.age))
    else:
        index.await_boundary(Boundary(end, BoundaryKind.GRANT_EXPIRES, subject))
    index.grant_ends[grant.grant_id] = end
    for days in ASK_BEFORE:
        if (moment := end - timedelta(days=days)) > at:
            index.await_boundary(Boundary(moment, BoundaryKind.GRANT_ENDING, subject, days))
    return component(index, grant.registration_id)


def _grant_changed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    grant = index.grants[event.originator_id]
    chosen = index.chosen_on[grant.registration_id]
    match event:
        case domain.Grant.Begun():
            grant.begun = True
            chosen.opened(grant)
        case domain.Grant.Expired() | domain.Grant.AuthorityEnded():
            grant.expired = True
            chosen.ended(grant)
        case domain.Grant.Reconfirmed():
            grant.reconfirmed.append((position, event.by))
        case domain.Grant.Withdrawn() if grant.withdrawn and not (event.remove or event.at_once):
            # Said again so that nobody prints it: it ends nothing that was granted since.
            stops = index.stops_on[grant.registration_id]
            stops[:] = [replace(o, quiet=True) if o.grant_id == grant.grant_id else o for o in stops]
        case domain.Grant.Withdrawn():
            grant.withdrawn = True
            chosen.ended(grant)
            stop = facts.Stop(
                grant.registration_id,
                position,
                grant.scope,
                grant.grant_id,
                event.remove,
                event.at_once,
                event.quiet,
            )
            for registration_id in _said_on(index, grant.registration_id, event.by):
                index.stops_on[registration_id].append(stop)
                index.chosen_on[registration_id].stopped(stop)
    return component(index, grant.registration_id)


def _said_on(index: ConsentIndex, registration_id: UUID, by: str) -> Iterator[UUID]:
    """Where a grant's end counts: on its own registration, and on those of another agency that was told.
    Should these turn out to be two people's, the no is obeyed for both."""
    yield registration_id
    if by != index.registrations[registration_id].agency_id:
        members = sorted(index.component(registration_id))
        yield from (one for one in members if index.registrations[one].agency_id == by)


def _grant_ending(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    """Changes no decision: somebody is to be asked."""
    index.grants_ending[event.originator_id] = event.days
    return Touched()


def _refusal_recorded(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    stop = facts.Stop(event.registration_id, position, _scope(event), None, False, event.at_once, event.quiet)
    index.refusals[event.originator_id] = stop
    index.stops_on[event.registration_id].append(stop)
    index.chosen_on[event.registration_id].stopped(stop)
    index.recorded_times[event.originator_id] = at
    return component(index, event.registration_id)


def _exclusion_recorded(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    exclusion = facts.Exclusion(
        event.registration_id,
        position,
        event.agency_id,
        event.staff_reference,
        None if event.category is None else DataCategory(event.category),
        event.remove,
        event.recorded_by,
        at_once=event.at_once,
        linked_to_risk=event.linked_to_risk,
        workplace=event.ground == ExclusionGround.WORKPLACE,
    )
    index.exclusions[event.originator_id] = exclusion
    index.exclusions_on[event.registration_id].append(exclusion)
    index.chosen_on[event.registration_id].excluded(exclusion)
    index.recorded_times[event.originator_id] = at
    return component(index, event.registration_id)


def _exclusion_lifted(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    exclusion = index.exclusions[event.originator_id]
    exclusion.lifted = True
    index.chosen_on[exclusion.registration_id].excluded(exclusion)
    return component(index, exclusion.registration_id)


def _marker_placed(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    marker = facts.Marker(
        event.registration_id, position, MarkerKind(event.kind), event.record_id, event.placed_by
    )
    index.markers[event.originator_id] = marker
    index.markers_on[event.registration_id].append(marker)
    index.recorded_times[event.originator_id] = at
    return component(index, event.registration_id)


def _marker_lifted(index: ConsentIndex, position: int, at: datetime, event: Any) -> Touched:
    marker = index.markers[event.originator_id]
    marker.lifted = True
    touched, on = component(index, marker.registration_id), index.registrations[marker.registration_id]
    if on.in_error and not on.erased:
        # Its record may be told of anybody of the agency's by now.
        for own in index.by_agency[on.agency_id]:
            touched.registrations |= index.component(own)
    return touched


FOLDINGS: dict[type, Callable[[ConsentIndex, int, datetime, Any], Touched]] = {
    domain.Grant.Created: _grant_recorded,
    domain.Grant.Begun: _grant_changed,
    domain.Grant.Ending: _grant_ending,
    domain.Grant.Expired: _grant_changed,
    domain.Grant.AuthorityEnded: _grant_changed,
    domain.Grant.Withdrawn: _grant_changed,
    domain.Grant.Reconfirmed: _grant_changed,
    domain.OwnWord.Created: _own_word_recorded,
    domain.Refusal.Created: _refusal_recorded,
    domain.Exclusion.Created: _exclusion_recorded,
    domain.Exclusion.Lifted: _exclusion_lifted,
    domain.Marker.Created: _marker_placed,
    domain.Marker.Lifted: _marker_lifted,
}
