"""What a feed should hold about a person, and the steps from what it holds to that.

Permitted is what may be newly sent; retained is what was sent before its permission ended and may stay, as
the agreement's `on_end` says. No cause is a special case: each changes what this computes.
"""

import hashlib
from dataclasses import dataclass, replace
from uuid import UUID

from consent_ledger.access import StepKind, TermRow
from consent_ledger.facts import Feed, Fragment, Person
from consent_ledger.policy import permitted_rows, running
from consent_ledger.vocabulary import (
    DataCategory,
    HandlingMark,
    MarkerKind,
    OnEnd,
    PermissionState,
    Purpose,
)
from hub.projections.holdings import VOID, Held, row_key
from hub.projections.segments import StoredFragment
from hub.use_cases.work import Work

_ALWAYS = (HandlingMark.NORDSCLCD, HandlingMark.PERSISTLABEL)
_HARSHNESS = (OnEnd.STOP, OnEnd.RESTRICT, OnEnd.ERASE)
_STATE_AFTER = {OnEnd.STOP: PermissionState.STOPPED, OnEnd.RESTRICT: PermissionState.RESTRICTED}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One element as the feed should hold it. `active`: its content may be sent.

    Both ids are the recipient's own: two agencies that compare theirs learn nothing.
    """

    element_id: UUID
    record_id: UUID
    stored: StoredFragment
    rows: tuple[TermRow, ...]
    marks: tuple[HandlingMark, ...]
    etag: str
    active: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One step that is due. `wanted` is unset for a retraction; `held` for what is new."""

    kind: StepKind
    element_id: UUID
    wanted: Wanted | None
    held: Held | None

    @property
    def order(self) -> tuple[int, str, UUID]:
        """Take away first, then mend, then give; within each by time of occurrence."""
        kinds = (StepKind.RETRACT, StepKind.CORRECT, StepKind.DISCLOSE)
        occurred = "" if self.wanted is None else self.wanted.stored.facts.occurred_at.isoformat()
        return (kinds.index(self.kind), occurred, self.element_id)


def wanted_elements(
    work: Work, feed: Feed, pair: UUID, held: dict[UUID, Held], acknowledged: int
) -> dict[UUID, Wanted]:
    """What the feed should hold about the person behind one of its agency's references, by element id."""
    own = work.index.current_of_pair(pair)
    person = work.index.person(own.registration_id)
    wanted: dict[UUID, Wanted] = {}
    for registration_id, registration in person.registrations.items():
        if registration.agency_id == feed.agency_id:
            continue
        agreements = running(work.index.agreements.values(), registration.agency_id, feed.agency_id)
        for fragment_id, revisions in work.segments.of_registration(registration_id).items():
            element_id = work.vault.opaque_id("element", pair.bytes, fragment_id.bytes)
            facts = _dated(work, revisions[-1].facts)
            others = [work.index.person(other) for other in facts.solely_about]
            active = permitted_rows(facts, feed, own, person, agreements, others)
            sent = held.get(element_id)
            durable = None if sent is None else sent.acknowledged(acknowledged)
            rows = _rows(work, feed, facts, person, others, active, durable)
            stored = revisions[-1] if active else _revision(revisions, durable)
            if rows and stored is not None:
                wanted[element_id] = _wanted(work, pair, element_id, stored, rows)
    return wanted


def changes(held: dict[UUID, Held], wanted: dict[UUID, Wanted], acknowledged: int) -> list[Change]:
    """The steps from what is held to what is wanted, in the order in which they are sent.

    What was sent, not acknowledged and since forbidden is retracted too, under a new number.
    """
    found = [
        Change(StepKind.RETRACT, element_id, None, held[element_id])
        for element_id in held
        if element_id not in wanted
    ]
    for element_id, one in wanted.items():
        sent = held.get(element_id)
        if sent is None or sent.etag != one.etag or sent.sequence == VOID:
            known = sent is not None and sent.acknowledged(acknowledged) is not None
            kind = StepKind.CORRECT if known else StepKind.DISCLOSE
            found.append(Change(kind, element_id, one, sent))
    return sorted(found, key=lambda change: change.order)


def _dated(work: Work, facts: Fragment) -> Fragment:
    """The fragment with the review and spent dates whose entries stand in the ledger."""
    key = (facts.record_id, facts.revision)
    overdue, spent = key in work.index.review_overdue, key in work.index.spent
    return replace(facts, review_overdue=overdue, spent=spent) if overdue or spent else facts


def _revision(revisions: list[StoredFragment], held: Held | None) -> StoredFragment | None:
    """The revision that the partner holds: nothing newer may be sent once no purpose is active."""
    if held is None:
        return None
    return next((one for one in revisions if one.facts.revision == held.revision and one.content), None)


def _rows(
    work: Work,
    feed: Feed,
    facts: Fragment,
    person: Person,
    others: list[Person],
    active: frozenset[tuple[Purpose, str]],
    held: Held | None,
) -> tuple[TermRow, ...]:
    rows = {TermRow(purpose, agreement, PermissionState.ACTIVE) for purpose, agreement in active}
    if held is not None and not _taken_back(facts, person, others):
        for row in held.rows:
            if (row.purpose, row.agreement_id) not in active:
                state = _after_end(work, feed, facts, (person, *others), row, held.since[row_key(row)])
                if state is not None:
                    rows.add(TermRow(row.purpose, row.agreement_id, state))
    return tuple(sorted(rows, key=row_key))


def _taken_back(facts: Fragment, person: Person, others: list[Person]) -> bool:
    """Ends that always retract: taken away by its author, identity in dispute, a protected address."""
    if facts.superseded or person.disputed:
        return True
    return DataCategory.CONTACT_LOCATION in facts.categories and any(
        marker.kind is MarkerKind.PROTECTED_ADDRESS and not marker.lifted
        for subject in (person, *others)
        for marker in subject.markers
    )


def _after_end(
    work: Work, feed: Feed, facts: Fragment, subjects: tuple[Person, ...], row: TermRow, since: int
) -> PermissionState | None:
    """What becomes of a row whose permission has ended; `None` when it is to be retracted."""
    if any(_to_be_removed(feed, facts, subject, row, since) for subject in subjects):
        return None
    if subjects[0].deceased:
        return PermissionState.STOPPED
    agreement = work.index.agreements[row.agreement_id]
    ends = [
        at_end.on_end
        for category in facts.categories
        if (at_end := agreement.row_at_end(category, row.purpose, facts.origin_agency_id, feed.agency_id))
        is not None
    ]
    if not ends:
        return None
    return _STATE_AFTER.get(max(ends, key=_HARSHNESS.index))


def _to_be_removed(feed: Feed, facts: Fragment, person: Person, row: TermRow, since: int) -> bool:
    """The person asked for it to be removed, after it was sent."""
    touched = (*facts.categories, facts.envelope_category)
    return any(
        stop.remove
        and stop.position > since
        and any(stop.scope.covers(row.purpose, category, feed) for category in touched)
        for stop in person.stops
    ) or any(
        exclusion.remove
        and exclusion.position > since
        and (exclusion.agency_id == feed.agency_id or exclusion.category in touched)
        for exclusion in person.exclusions
    )


def _wanted(
    work: Work, pair: UUID, element_id: UUID, stored: StoredFragment, rows: tuple[TermRow, ...]
) -> Wanted:
    facts = stored.facts
    active = {row.purpose for row in rows if row.state is PermissionState.ACTIVE}
    marks = {*_ALWAYS, *facts.marks}
    if Purpose.REFERRAL_ELIGIBILITY not in active:
        marks.add(HandlingMark.NOREUSE)
    ordered = tuple(sorted(marks))
    etag = work.vault.label(
        "etag",
        element_id.bytes,
        str(facts.revision),
        stored.service_type,
        facts.occurred_at.isoformat(),
        stored.recorded_at.isoformat(),
        stored.source_system,
        facts.level,
        ",".join(facts.categories),
        hashlib.sha256(stored.content).digest(),
        ";".join(f"{row_key(row)}|{row.state}" for row in rows),
        ",".join(ordered),
    ).hex()[:32]
    record_id = work.vault.opaque_id("element-record", pair.bytes, facts.record_id.bytes)
    return Wanted(element_id, record_id, stored, rows, ordered, etag, bool(active))


__all__ = ["Change", "Wanted", "changes", "wanted_elements"]
