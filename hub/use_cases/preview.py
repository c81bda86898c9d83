"""Before a grant is withdrawn: who would stop knowing what of the caller's own records (SAFETY H16).

Decided twice on the same committed facts, as they are and as they would be, by the policy that decides every
delivery. Nothing is foretold by another rule, so what is read aloud is what happens.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from uuid import UUID

from consent_ledger.access import AccessKind
from consent_ledger.facts import (
    HARSHNESS,
    Agreement,
    AgreementVersion,
    Feed,
    Fragment,
    Grant,
    Person,
    Registration,
    Stop,
)
from consent_ledger.policy import permitted_rows, running
from consent_ledger.sharing import DECISION_ROW
from consent_ledger.vocabulary import SAFETY_CRITICAL, DataCategory, OnEnd, Purpose
from hub.projections.held import Held
from hub.use_cases.consents import grant_of
from hub.use_cases.sentences import loss_sentence
from hub.use_cases.work import Caller, Work


@dataclass(frozen=True, slots=True)
class Loss:
    """One agency that would be told nothing new of one category. `held`: how many parts of the records."""

    agency_id: str
    agency_name: str
    category: DataCategory
    on_end: OnEnd
    held: int
    safety_critical: bool
    sentence: str


@dataclass(slots=True)
class _Found:
    """What one agency would lose of one category, while it is being counted."""

    ends: set[OnEnd] = field(default_factory=set)
    held: set[UUID] = field(default_factory=set)
    warned: bool = False


@dataclass(frozen=True, slots=True)
class _Recipient:
    """A feed with what it holds, acknowledged, by fragment, and the agreements in force with its agency."""

    feed: Feed
    registration: Registration
    agreements: list[tuple[str, AgreementVersion]]
    held: dict[bytes, Held]


def preview_withdrawal(
    work: Work, caller: Caller, *, client_reference: str, grant_id: UUID, remove: bool = False
) -> tuple[list[Loss], int]:
    """Who would stop knowing what, by agency and category, and the position of this look.

    Raises `NOT_FOUND` and `REFERENCE_NOT_REGISTERED` as the withdrawal itself does.
    """
    known = grant_of(work, caller, client_reference, grant_id)
    origin = caller.agency()
    person = work.index.person(known.registration_id)
    stop = Stop(known.registration_id, work.transaction.size + 1, known.scope, grant_id, remove)
    after = _without(person, known, stop)
    found: dict[tuple[str, DataCategory], _Found] = {}
    recipients: dict[int, list[_Recipient]] = {}
    for teller, fragment in _own_fragments(work, person, origin):
        now = [teller, *(work.index.person(other) for other in fragment.solely_about)]
        then = [after if one is person else one for one in now]
        if id(teller) not in recipients:
            recipients[id(teller)] = list(_recipients(work, teller, origin))
        for one in recipients[id(teller)]:
            before = permitted_rows(fragment, one.feed, one.registration, now[0], one.agreements, now[1:])
            left = permitted_rows(fragment, one.feed, one.registration, then[0], one.agreements, then[1:])
            held = one.held.get(fragment.fragment_id.bytes)
            ends = _ends(work, one.feed, fragment, before - left) if before and not left else set()
            if remove and held is not None and not left and _is_removed(one.feed, fragment, held, stop):
                ends.add(OnEnd.ERASE)
            if not ends:
                continue
            for category in fragment.categories:
                loss = found.setdefault((one.feed.agency_id, category), _Found())
                loss.ends |= ends
                if held is not None:
                    loss.held.add(fragment.fragment_id)
                    loss.warned |= fragment.risk_to_others
    losses = [_loss(work, agency_id, category, one) for (agency_id, category), one in sorted(found.items())]
    return losses, work.record_access(caller, AccessKind.AUDIT)


def _without(person: Person, grant: Grant, stop: Stop) -> Person:
    """The person as the ledger would have it right after the withdrawal."""
    grants = tuple(
        replace(one, withdrawn=True) if one.grant_id == grant.grant_id else one for one in person.grants
    )
    return replace(person, grants=grants, stops=(*person.stops, stop))


def _own_fragments(work: Work, person: Person, origin: str) -> Iterator[tuple[Person, Fragment]]:
    """What the caller was told by the person, or by somebody else solely about the person, with who told it.

    The latest revision of each, without what was taken back.
    """
    members = person.registrations.keys()
    tellers = {teller for member in members for teller in work.index.told_about.get(member, ())}
    for registration_id in sorted(members | tellers):
        if work.index.registrations[registration_id].agency_id != origin:
            continue
        for revisions in work.segments.of_registration(registration_id).values():
            facts = work.index.dated(revisions[-1].facts)
            concerns = registration_id in members or not members.isdisjoint(facts.solely_about)
            if concerns and not (facts.superseded or facts.erased):
                yield work.index.person(registration_id), facts


def _recipients(work: Work, person: Person, origin: str) -> Iterator[_Recipient]:
    """Every feed of the others who know the person, with the registration that it is read by."""
    for registration in person.registrations.values():
        if registration.agency_id == origin:
            continue
        pair = work.index.pair_of(registration.registration_id)
        if work.index.current_of_pair(pair).registration_id != registration.registration_id:
            continue
        agreements = running(work.index.agreements.values(), origin, registration.agency_id)
        for feed_id in work.index.agencies[registration.agency_id].feeds:
            acknowledged = work.holdings.feed(feed_id).acknowledged
            sent = [
                one.acknowledged(acknowledged) for one in work.holdings.held_about(feed_id, pair).values()
            ]
            held = {one.fragment_id: one for one in sent if one is not None}
            yield _Recipient(work.index.feeds[feed_id], registration, agreements, held)


def _ends(work: Work, feed: Feed, fragment: Fragment, rows: frozenset[tuple[Purpose, str]]) -> set[OnEnd]:
    """What the agreements say becomes of what is held when these rows end; no row says: it goes."""
    return {
        OnEnd.ERASE
        if agreement_id.startswith(DECISION_ROW)
        else _end(work.index.agreements[agreement_id], purpose, feed, fragment)
        for purpose, agreement_id in rows
    }


def _end(agreement: Agreement, purpose: Purpose, feed: Feed, fragment: Fragment) -> OnEnd:
    end = agreement.end_of(fragment.categories, purpose, fragment.origin_agency_id, feed.agency_id)
    return OnEnd.ERASE if end is None else end


def _is_removed(feed: Feed, fragment: Fragment, held: Held, stop: Stop) -> bool:
    """Whether "remove it" reaches a copy, even one whose permission ended before."""
    touched = (*fragment.categories, fragment.envelope_category)
    return any(
        stop.scope.covers(row.purpose, category, feed) for row in held.terms.rows for category in touched
    )


def _loss(work: Work, agency_id: str, category: DataCategory, found: _Found) -> Loss:
    name, end, held = (
        work.index.agencies[agency_id].name,
        max(found.ends, key=HARSHNESS.index),
        len(found.held),
    )
    said = loss_sentence(name, category, end, held, warned=found.warned)
    return Loss(agency_id, name, category, end, held, category in SAFETY_CRITICAL, said)
