"""What ends a copy whatever its terms say, and what does not wait for the recipient's window."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from consent_ledger.access import TermRow
from consent_ledger.facts import Feed, Fragment, Person, Registration
from consent_ledger.vocabulary import DataCategory, MarkerKind
from hub.projections.consent_index import ConsentIndex
from hub.projections.held import Held


def ends_in_any_case(facts: Fragment, subjects: Sequence[Person]) -> bool:
    """Ends that always retract: identity in dispute, a protected address. What is erased is not even read."""
    return subjects[0].disputed or at_protected_address(facts, subjects)


def at_protected_address(facts: Fragment, subjects: Iterable[Person]) -> bool:
    """Whether it holds a protected place, or an address where any but the care-of one is protected."""
    return facts.holds_place is not None or (
        DataCategory.CONTACT_LOCATION in facts.categories
        and any(
            marker.kind is MarkerKind.PROTECTED_ADDRESS and not marker.lifted
            for subject in subjects
            for marker in subject.markers
            if (facts.record_id, facts.revision) not in subject.care_of
        )
    )


def does_not_wait(
    feed: Feed, facts: Fragment, subjects: Sequence[Person], ended: Iterable[tuple[TermRow, int]]
) -> bool:
    """Whether what ended is taken back at once: the person said so, or a place is protected."""
    return at_protected_address(facts, subjects) or any(
        said(feed, facts, subject, row, since, "at_once") for subject in subjects for row, since in ended
    )


def _unread_does_not_wait(
    index: ConsentIndex, feed: Feed, subjects: Sequence[Person], ended: Iterable[tuple[TermRow, int]]
) -> bool:
    """The same of content that is erased, of which nobody can tell any more what it was about.

    Erasure itself waits for the window like every other cause, or the moment would tell it (SAFETY H4). But
    it may have been what the person said *now* of, or have held a protected place: then it goes at once.
    """
    if any(
        marker.kind is MarkerKind.PROTECTED_ADDRESS and not marker.lifted
        for subject in subjects
        for marker in subject.markers
    ) or any(index.places.on_any(subject.registrations) for subject in subjects):
        return True
    return any(_may_mean(feed, subject, row, since) for subject in subjects for row, since in ended)


def unread_without_delay(
    index: ConsentIndex,
    feed: Feed,
    person: Person,
    held: dict[bytes, Held],
    acknowledged: int,
    told: set[bytes],
) -> set[bytes]:
    """Of what is held and can be read no more (it is not `told`): the elements that do not wait."""
    found = set()
    for element_id, one in held.items():
        durable = one.acknowledged(acknowledged)
        if element_id in told or durable is None or not one.origin:
            continue
        origin = UUID(bytes=one.origin)
        if origin not in index.erasures_on:
            continue
        # What is no longer this person's to say waits like any unlinking.
        if origin in person.registrations or index.registrations[origin].erased:
            ended = list(zip(durable.terms.rows, durable.since, strict=True))
            if _unread_does_not_wait(index, feed, (person, index.person(origin)), ended):
                found.add(element_id)
    return found


def _may_mean(feed: Feed, person: Person, row: TermRow, since: int) -> bool:
    return any(
        stop.at_once
        and stop.position > since
        and (not stop.scope.purposes or row.purpose in stop.scope.purposes)
        and stop.scope.names(feed)
        for stop in person.stops
    ) or any(
        exclusion.at_once
        and exclusion.position > since
        and (exclusion.agency_id == feed.agency_id or exclusion.category is not None)
        for exclusion in person.exclusions
    )


def said(feed: Feed, facts: Fragment, person: Person, row: TermRow, since: int, what: str) -> bool:
    """Whether the person said `remove`, or `at_once`, of this use after it was last sent as active."""
    touched = (*facts.categories, facts.envelope_category)
    return any(
        getattr(stop, what)
        and stop.position > since
        and any(stop.scope.covers(row.purpose, category, feed) for category in touched)
        for stop in person.stops
    ) or any(
        getattr(exclusion, what)
        and exclusion.position > since
        and (exclusion.agency_id == feed.agency_id or exclusion.category in touched)
        for exclusion in person.exclusions
    )


def warning_stays(
    index: ConsentIndex, own: Registration, facts: Fragment, durable: Held, warned: bool
) -> bool:
    """Whether "do not visit alone" stays of a judgement that a worker, the public or a child is at risk.

    It is not the client's alone (SAFETY H18): until a safeguarding lead has decided, whoever was told
    of the risk goes on being warned, and is told no more. `warned`: the warning is what was sent last.
    """
    if not facts.risk_to_others or facts.review_overdue or own.closed or own.in_error:
        return False
    ended = index.warnings_ended.get(facts.record_id, 0)
    if ended <= max(durable.since, default=0):
        return True
    # Whoever was sent the warning had lost the risk before it was said that the warning may go.
    return not warned and index.warned_anew.get(facts.record_id, 0) > ended
