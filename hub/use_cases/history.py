"""The live consolidated history: what the agency's own store is led to, read now and recorded first.

What a member of staff sees of it is narrowed by their role and their relationship to the client; through
broken glass they see as much as the policy opens for that, and no delivery follows from it.
"""

from typing import NamedTuple
from uuid import UUID

from consent_ledger.access import AccessKind, PersonAccess, StepGroup, StepItem, StepKind
from consent_ledger.facts import Feed, Person, Registration
from consent_ledger.policy.reading import Reading, reading
from consent_ledger.staff import ReadingLimit
from hub.projections.held import Terms
from hub.use_cases.broken_glass import seen_through
from hub.use_cases.deliver import Sending, own_feed
from hub.use_cases.difference import desired
from hub.use_cases.replies import disputed_ids
from hub.use_cases.shutting_out import is_shut_out, seen_by_colleagues
from hub.use_cases.wanted import Wanted, etags, record_ids
from hub.use_cases.work import Caller, Staff, Work

_READ = StepKind.READ
_made = tuple.__new__
"""Makes what a long story has hundreds of without the cost of its constructor."""
REMINDER = "This may not be everything. If it matters, ask, and listen."
"""The same on every view, full or empty: a view that said more would say what is hidden."""


class History(NamedTuple):
    """What was read, by time of occurrence, at which entry, how the reader's view was narrowed, and for which
    feed."""

    sendings: list[Sending]
    access: int
    narrowed: ReadingLimit
    feed: Feed


def get_history(work: Work, caller: Caller, *, feed_id: UUID, client_reference: str) -> History:
    """What whoever asks may see of one of their agency's clients.

    Empty alike for nothing permitted, nothing there and nobody who works with them. Raises `NO_ASSERTION`,
    `NOT_FOUND`, `REFERENCE_NOT_REGISTERED`.
    """
    staff = caller.require_staff()
    feed = own_feed(work, caller, feed_id)
    registration = work.registration(caller, client_reference, open_only=False)
    limits = _reading(work, caller, staff, registration)
    shut_out = limits.nothing or is_shut_out(work.index, registration, staff.reference)
    seen = {} if shut_out else _narrowed(work, feed, registration, limits)
    return _read(work, caller, feed, registration, seen, limits.limit)


def export_history(work: Work, caller: Caller, *, feed_id: UUID, client_reference: str) -> History:
    """All that the agency may see of one of its clients, for its own export: nobody's view, so not narrowed.

    Raises `NOT_FOUND`, `REFERENCE_NOT_REGISTERED`.
    """
    feed = own_feed(work, caller, feed_id)
    registration = work.registration(caller, client_reference, open_only=False)
    return _read(work, caller, feed, registration, _permitted(work, feed, registration), ReadingLimit.FULL)


def _reading(work: Work, caller: Caller, staff: Staff, registration: Registration) -> Reading:
    index, registration_id = work.index.staff, registration.registration_id
    given = index.role(caller.agency(), staff.reference, staff.role)
    return reading(
        None if given is None else given.role,
        index.relationships_with(registration_id, staff.reference),
        index.broken_for(registration_id, staff.reference),
    )


def _permitted(
    work: Work, feed: Feed, registration: Registration, seen_as: Person | None = None
) -> dict[bytes, Wanted]:
    pair = work.index.pair_of(registration.registration_id)
    held = work.holdings.held_about(feed.feed_id, pair)
    acknowledged = work.holdings.feed(feed.feed_id).acknowledged if held else 0
    return desired(work, feed, pair, held, acknowledged, seen_as).wanted


def _narrowed(work: Work, feed: Feed, registration: Registration, limits: Reading) -> dict[bytes, Wanted]:
    found = _permitted(work, feed, registration, seen_by_colleagues(work.index, feed, registration))
    if limits.glass is not None:
        found |= {
            element_id: one
            for element_id, one in seen_through(work, feed, registration, limits.glass).items()
            if element_id not in found or found[element_id].ring is not None
        }
    if limits.limit is ReadingLimit.FULL:
        return found
    return {element_id: one for element_id, one in found.items() if _shows(limits, feed, one)}


def _shows(limits: Reading, feed: Feed, one: Wanted) -> bool:
    # A warning that others are at risk is for whoever may meet the person (SAFETY H18).
    return one.ring is not None or limits.shows(one.item.facts(one.fragment_id, UUID(bytes=one.origin)), feed)


def _read(
    work: Work,
    caller: Caller,
    feed: Feed,
    registration: Registration,
    seen: dict[bytes, Wanted],
    narrowed: ReadingLimit,
) -> History:
    pair = work.index.pair_of(registration.registration_id)
    found = sorted(seen.values(), key=lambda one: (one.item.occurred_at, one.element_id))
    access = work.record_access(
        caller,
        AccessKind.READ,
        feed_id=feed.feed_id,
        people=(PersonAccess(pair, True, _groups(found)),),
    )
    tags, records = etags(work, found), record_ids(work, pair, found)
    disputes = disputed_ids(work, pair, found)
    reference = registration.reference
    sendings = [
        _made(Sending, (_READ, 0, reference, one.element_id, one, record, tags[one.element_id], False, about))
        for one, record, about in zip(found, records, disputes, strict=True)
    ]
    return History(sendings, access, narrowed, feed)


def _groups(found: list[Wanted]) -> tuple[StepGroup, ...]:
    # Terms are told apart as objects: hashing what they hold costs more than all else here.
    together: dict[tuple[bytes, int, bool], tuple[Terms, list[StepItem]]] = {}
    items: list[StepItem] = []
    alike: tuple[bytes, Terms | None, str | None] = (b"", None, None)
    for _, fragment_id, origin, item, terms, ring in found:
        # Mostly one is like the one before.
        if terms is not alike[1] or origin != alike[0] or ring != alike[2]:
            alike = (origin, terms, ring)
            items = together.setdefault((origin, id(terms), ring is not None), (terms, []))[1]
        items.append(_made(StepItem, (0, b"", fragment_id, item.revision, b"")))
    return tuple(
        StepGroup(StepKind.READ, origin, terms.rows, terms.marks, tuple(items), stub=stub)
        for (origin, _, stub), (terms, items) in together.items()
    )
