"""Tells a person's lead that another agency now says that it works with them (SAFETY H1).

Somebody who registers a stranger counts on nobody hearing of it. So the lead is told that there is one more,
to ask the person about it, alone; never which agency it is, as its name may be a place or an illness. Nothing
is told of a confidential service, nor where the person chose that one of the two must not know of the other:
that looks like nobody having come. Whoever came is told nothing. What the person chose by then counts: a
task that went away later would be a message itself.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger import domain
from consent_ledger.facts import Person, Registration, Stop
from consent_ledger.vocabulary import CONFIDENTIAL_SERVICES, DataCategory, PostKind, TaskKind
from consent_ledger.working_days import working_days_later
from hub.projections.consent_index import ConsentIndex, Link, LinkState
from hub.projections.tasks import Cause

_TO_ASK = 5
"""Working days: at the next meeting, and not by a message that somebody else may read."""


def follow_newcomers(index: ConsentIndex, position: int, at: datetime, event: Any) -> None:
    """Adds to the tasks what one entry's event makes one. The facts have been folded already."""
    match event:
        case domain.Registration.Created():
            for link_id in event.matched:
                _linked(index, position, at, index.links[UUID(link_id)])
        case domain.Link.Confirmed():
            _linked(index, position, at, index.links[event.originator_id])
        case domain.Registration.Reopened():
            _came(index, position, at, index.registrations[event.originator_id])
        case domain.Involvement.Created():
            person = index.person(event.registration_id)
            if index.lead_of(person) != event.by:
                for one in person.registrations.values():
                    if one.agency_id == event.agency_id:
                        _came(index, position, at, one)


def _linked(index: ConsentIndex, position: int, at: datetime, link: Link) -> None:
    """Two were found to be one person: whoever stands on the side without the lead is new to it."""
    if link.state is not LinkState.CONFIRMED or link.second is None:
        return
    lead = index.lead_of(index.person(link.first))
    if link.token_label is not None and index.registrations[link.first].agency_id == lead:
        return  # the lead handed over the token itself
    sides = [index.component(end, without=link) for end in (link.first, link.second)]
    known = [side for side in sides if any(index.registrations[one].agency_id == lead for one in side)]
    if len(known) == 1 and not sides[0] & sides[1]:
        [new] = [side for side in sides if side is not known[0]]
        for one in sorted(new):
            _came(index, position, at, index.registrations[one])


def _came(index: ConsentIndex, position: int, at: datetime, one: Registration) -> None:
    person = index.person(one.registration_id)
    lead = index.lead_of(person)
    if lead in (None, one.agency_id) or one.closed or one.in_error:
        return
    own = [
        known
        for known in person.registrations.values()
        if known.agency_id == lead and not (known.closed or known.in_error)
    ]
    if not own or index.agencies[one.agency_id].service_type in CONFIDENTIAL_SERVICES:
        return
    if _is_kept_apart(index, person, lead, one.agency_id):
        return
    index.tasks.add(
        Cause(
            TaskKind.NEW_INVOLVEMENT,
            str(one.registration_id),
            str(position),
            min(own, key=lambda known: known.position).registration_id,
            PostKind.DUTY_WORKER,
            at,
            working_days_later(at, _TO_ASK),
            agency_id=lead,
        )
    )


def _is_kept_apart(index: ConsentIndex, person: Person, lead: str | None, newcomer: str) -> bool:
    """Whether the person shut one of the two out, or said so quietly, or keeps who works with them to itself.

    That the newcomer is shut out counts only where another agency wrote it down: nobody silences what is said
    of itself.
    """
    for out in person.exclusions:
        told_by_newcomer = out.recorded_by == newcomer
        if not out.lifted and (
            out.agency_id == lead
            or out.category is DataCategory.SERVICE_CONTACT
            or (out.agency_id == newcomer and not told_by_newcomer)
        ):
            return True
    return any(_keeps_apart(index, stop, lead, newcomer) for stop in person.stops if stop.quiet)


def _keeps_apart(index: ConsentIndex, stop: Stop, lead: str | None, newcomer: str) -> bool:
    scope = stop.scope
    if scope.agency_id is not None:
        told_by_newcomer = index.registrations[stop.registration_id].agency_id == newcomer
        return scope.agency_id == lead or (scope.agency_id == newcomer and not told_by_newcomer)
    kinds = {index.agencies[one].service_type for one in (lead, newcomer) if one in index.agencies}
    return scope.service_type is None or scope.service_type in kinds
