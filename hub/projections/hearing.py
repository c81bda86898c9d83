"""Whose word counts of what was chosen for one person, and whose no longer.

A yes goes with whoever was told it. A no stays: it was said about the person, not about what one agency had
written down, and whoever stood shut out would be let in by the very wish to be forgotten.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

from consent_ledger.facts import Grant, Marker
from consent_ledger.vocabulary import CaptureMethod

if TYPE_CHECKING:
    from hub.projections.consent_index import ConsentIndex


def heard(index: "ConsentIndex", members: Iterable[UUID]) -> list[UUID]:
    """The registrations of one person, and those erased that were joined to them: what was refused, shut out
    or protected there goes on counting, for whoever it was joined to."""
    found = set(members)
    if index.forgotten:
        waiting = list(found)
        while waiting:
            near = {one for one in index.joined_to(waiting.pop()) if one in index.forgotten} - found
            found |= near
            waiting += near
    return sorted(found)


def concerned(index: "ConsentIndex", registration_id: UUID) -> set[UUID]:
    """Everybody for whom a word on this registration may count, it may be erased."""
    members = set(index.component(registration_id))
    if index.forgotten:
        for one in heard(index, members):
            for other in index.joined_to(one):
                members |= index.component(other)
    return members


def opening(index: "ConsentIndex", said_on: list[UUID]) -> list[Grant]:
    """The grants that count. Who asked to be forgotten opens nothing any more, and nobody speaks for a person
    who has shut them out, nor a parent for one who speaks for themselves, whichever agency was told (SAFETY
    H36); nor does it count who vouched for a grant and turned out to have spoken of somebody else."""
    chosen = [index.chosen_on[one] for one in said_on if one in index.chosen_on]
    grown = any(one in index.own_words_on for one in said_on)
    members = [one for one in said_on if not index.registrations[one].erased]
    agencies = {index.registrations[one].agency_id for one in members}
    return [
        _vouched_for(grant, agencies) if grant.reconfirmed else grant
        for one in members
        for grant in index.grants_on[one]
        if grant.given_by is None or not any(one.silences(grant.given_by) for one in chosen)
        if not (grown and grant.method is CaptureMethod.PARENTAL_RESPONSIBILITY)
    ]


def _vouched_for(grant: Grant, agencies: set[str]) -> Grant:
    counting = [one for one in grant.reconfirmed if one[1] in agencies]
    return grant if len(counting) == len(grant.reconfirmed) else replace(grant, reconfirmed=counting)


def protecting(index: "ConsentIndex", said_on: list[UUID]) -> tuple[Marker, ...]:
    """The markers that count. One on a record goes with the record: its author may have told it first under a
    reference that was made in error."""
    found = [marker for one in said_on for marker in index.markers_on[one]]
    if index.astray:
        agencies = dict.fromkeys(index.registrations[one].agency_id for one in said_on)
        found += [marker for agency_id in agencies for marker in index.astray.get(agency_id, ())]
    return tuple(found)
