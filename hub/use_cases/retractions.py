"""What was taken back of a client, what is to be, and whose copies are overdue: for named posts alone.

An overdue copy looks alike whatever the cause, and the cause may be that she shut out somebody who works
where the copy is. So of the agency that told it only its data protection officer sees that it is overdue,
and of the agency that has it only the Caldicott guardian, or the data protection officer where there is none
(SAFETY H4).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import islice
from uuid import UUID

from consent_ledger.access import AccessKind, StepKind, read_access_entry
from consent_ledger.entry import Entry, moment
from consent_ledger.facts import Feed
from consent_ledger.staff import Role
from hub.use_cases.audit import DisclosureLine, attested, disclosure_lines
from hub.use_cases.difference import changes, desired
from hub.use_cases.due import OVERDUE_AFTER
from hub.use_cases.work import Caller, Work

MAY_SEE = (Role.DATA_PROTECTION_OFFICER, Role.CALDICOTT_GUARDIAN)
MOST = 500
"""Lines told at once."""
_PAIRS = 2000
"""People looked at of one feed whose adapter is away."""


@dataclass(frozen=True, slots=True)
class ToldRetraction:
    """One line about a client of the agency that told it, under its own reference."""

    client_reference: str
    line: DisclosureLine


@dataclass(frozen=True, slots=True)
class OverdueCopy:
    """Something that an agency holds and should have given back. `since`: when it was asked to, or, where its
    adapter has not fetched that (`due`), when it last fetched."""

    feed_id: UUID
    client_reference: str
    fragment_id: UUID
    since: datetime
    due: bool


@dataclass(frozen=True, slots=True)
class Retractions:
    """`told`: of what the caller's agency told others; `copies`: of what it holds itself."""

    told: list[ToldRetraction]
    copies: list[OverdueCopy]
    more: bool


@dataclass(frozen=True, slots=True)
class _Overdue:
    """One overdue copy: of what, told on which registration, held about which person of which feed."""

    feed: Feed
    pair: UUID
    element_id: UUID
    fragment_id: UUID
    origin: UUID
    position: int
    since: datetime


def list_retractions(work: Work, caller: Caller, *, client_reference: str = "") -> tuple[Retractions, int]:
    """Of one client all that was or is to be taken back, of all clients what is overdue; the look's position.

    Raises `ROLE_NEEDED`, `REFERENCE_NOT_REGISTERED`.
    """
    staff = work.require_role(caller, *MAY_SEE)
    agency_id, index = caller.agency(), work.index
    only = None
    if client_reference:
        only = work.registration(caller, client_reference, open_only=False).registration_id
    is_officer = staff.role is Role.DATA_PROTECTION_OFFICER
    told: list[ToldRetraction] = []
    if is_officer and only is not None:
        told = [
            ToldRetraction(client_reference, line)
            for line in disclosure_lines(work, only)
            if line.step is StepKind.RETRACT and not _shut_out(work, agency_id, staff.reference, only)
        ]
    elif is_officer:
        told = [
            _told(work, one)
            for one in _told_by(work, agency_id)
            if not _is_kept_from(work, agency_id, staff.reference, one)
        ]
    copies = []
    if staff.role is Role.CALDICOTT_GUARDIAN or not _has_guardian(work, agency_id):
        copies = [
            OverdueCopy(one.feed.feed_id, reference, one.element_id, one.since, not one.position)
            for one in _held_by(work, agency_id, None if only is None else index.pair_of(only))
            if not _is_kept_from(work, agency_id, staff.reference, one)
            and (reference := index.current_of_pair(one.pair).reference)
        ]
    found = Retractions(told[:MOST], copies[:MOST], max(len(told), len(copies)) > MOST)
    return found, work.record_access(caller, AccessKind.AUDIT)


def _has_guardian(work: Work, agency_id: str) -> bool:
    return any(one.role is Role.CALDICOTT_GUARDIAN for one in work.index.staff.roles_of(agency_id))


def _is_kept_from(work: Work, agency_id: str, staff_reference: str, overdue: _Overdue) -> bool:
    """Whether the client shut out this very person. The two may have been unlinked since: both are asked."""
    own = work.index.current_of_pair(overdue.pair).registration_id
    return any(_shut_out(work, agency_id, staff_reference, one) for one in (own, overdue.origin))


def _shut_out(work: Work, agency_id: str, staff_reference: str, registration_id: UUID) -> bool:
    return any(
        not out.lifted and (out.agency_id, out.staff_reference) == (agency_id, staff_reference)
        for out in work.index.person(registration_id).exclusions
    )


def _told(work: Work, one: _Overdue) -> ToldRetraction:
    line = DisclosureLine(
        one.fragment_id,
        one.feed.agency_id,
        StepKind.RETRACT,
        one.position,
        one.since,
        "",
        due=not one.position,
        overdue=True,
    )
    return ToldRetraction(work.index.registrations[one.origin].reference, line)


def _told_by(work: Work, agency_id: str) -> Iterator[_Overdue]:
    """Every overdue copy, at other agencies, of what this one told: the longest of each feed first.

    Nothing that a third one told is looked at: how long that takes would tell how much of it is overdue.
    """
    for feed_id, feed in sorted(work.index.feeds.items()):
        if feed.agency_id != agency_id:
            dirty = (
                pair
                for pair in work.owed.told_about(agency_id, feed_id)
                if work.holdings.is_dirty(feed_id, pair)
            )
            found = [*_asked_for(work, feed, agency_id), *_not_fetched(work, feed, dirty)]
            for one in _longest_first(found):
                if work.index.registrations[one.origin].agency_id == agency_id:
                    yield one


def _held_by(work: Work, agency_id: str, pair: UUID | None) -> Iterator[_Overdue]:
    """Every overdue copy that the agency has, or of one of its people: the longest of each feed first."""
    for feed_id, feed in sorted(work.index.feeds.items()):
        if feed.agency_id == agency_id:
            if pair is None:
                dirty: Iterable[UUID] = work.holdings.dirty(feed_id, _PAIRS)
            else:
                dirty = [pair] if work.holdings.is_dirty(feed_id, pair) else []
            found = [*_asked_for(work, feed, agency_id, pair), *_not_fetched(work, feed, dirty)]
            yield from _longest_first(found)


def _longest_first(found: list[_Overdue]) -> list[_Overdue]:
    return sorted(found, key=lambda one: (one.since, one.element_id))


def _asked_for(work: Work, feed: Feed, agency_id: str, pair: UUID | None = None) -> Iterator[_Overdue]:
    """Sent, and without a receipt for too long; or its agency left, and nobody there could say."""
    # One entry may have asked for many.
    opened = cache(work.transaction.entry)
    taken = cache(lambda position: _taken_back(opened(position)))
    for sequence in work.owed.unanswered(agency_id, feed.feed_id):
        retraction = work.holdings.retraction(feed.feed_id, sequence)
        if retraction is None or attested(retraction.outcome) or pair not in (None, retraction.pair):
            continue
        entry = opened(retraction.position)
        # Who left without knowing what became of the copies will not say it later either.
        if not retraction.outcome and work.now - entry.recorded_at <= OVERDUE_AFTER:
            continue
        # Of what nobody here knows any more there is nothing to say.
        origin, fragment_id = taken(retraction.position).get(sequence, (None, None))
        if origin is not None and fragment_id is not None:
            yield _Overdue(
                feed,
                retraction.pair,
                retraction.element_id,
                fragment_id,
                origin,
                entry.position,
                entry.recorded_at,
            )


def _taken_back(entry: Entry) -> dict[int, tuple[UUID | None, UUID | None]]:
    """By number, of which registration's fragment each step of one fetch was; None for what is not known."""
    access = read_access_entry(entry)
    assert access is not None
    return {
        step.sequence: (step.origin, step.fragment_id) for person in access.people for step in person.steps
    }


def _not_fetched(work: Work, feed: Feed, dirty: Iterable[UUID]) -> Iterator[_Overdue]:
    """Due of the first of these pairs, from an adapter that has not fetched for too long."""
    state = work.holdings.feed(feed.feed_id)
    fetched = moment(state.fetched)
    if work.now - fetched <= OVERDUE_AFTER or work.index.agencies[feed.agency_id].departed is not None:
        return
    for pair in islice(dirty, _PAIRS):
        held = work.holdings.held_about(feed.feed_id, pair)
        if not held:
            continue
        should = desired(work, feed, pair, held, state.acknowledged)
        for change in changes(work, held, should.wanted, state.acknowledged):
            one = change.held
            if change.kind is StepKind.RETRACT and one is not None and any(one.origin):
                element_id, fragment_id = UUID(bytes=change.element_id), UUID(bytes=one.fragment_id)
                origin = UUID(bytes=one.origin)
                yield _Overdue(feed, pair, element_id, fragment_id, origin, 0, fetched)
