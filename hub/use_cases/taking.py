"""What ends a copy whatever its terms say, and what does not wait for the recipient's window."""

from collections.abc import Iterable, Sequence

from consent_ledger.access import TermRow
from consent_ledger.facts import Feed, Fragment, Person
from consent_ledger.vocabulary import DataCategory, MarkerKind


def ends_in_any_case(facts: Fragment, subjects: Sequence[Person]) -> bool:
    """Ends that always retract: identity in dispute, a protected address."""
    return subjects[0].disputed or at_protected_address(facts, subjects)


def at_protected_address(facts: Fragment, subjects: Iterable[Person]) -> bool:
    return DataCategory.CONTACT_LOCATION in facts.categories and any(
        marker.kind is MarkerKind.PROTECTED_ADDRESS and not marker.lifted
        for subject in subjects
        for marker in subject.markers
    )


def does_not_wait(
    feed: Feed, facts: Fragment, subjects: Sequence[Person], ended: Iterable[tuple[TermRow, int]]
) -> bool:
    """Whether what ended is taken back at once: the person said so, or a place is protected."""
    return at_protected_address(facts, subjects) or any(
        said(feed, facts, subject, row, since, "at_once") for subject in subjects for row, since in ended
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
