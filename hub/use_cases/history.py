"""The live consolidated history: what the agency's own store is led to, read now and recorded first."""

from uuid import UUID

from consent_ledger.access import AccessKind, PersonAccess, Step, StepKind
from hub.use_cases.deliver import own_feed
from hub.use_cases.difference import Wanted, wanted_elements
from hub.use_cases.work import Caller, Work

REMINDER = "This may not be everything. If it matters, ask, and listen."
"""The same on every view, full or empty: a view that said more would say what is hidden."""


def get_history(
    work: Work, caller: Caller, *, feed_id: UUID, client_reference: str
) -> tuple[list[Wanted], int]:
    """What the caller may see of one of its clients, by time of occurrence, and the access entry's position.

    Empty alike for nothing permitted and nothing there. Raises `NOT_FOUND`, `REFERENCE_NOT_REGISTERED`.
    """
    feed = own_feed(work, caller, feed_id)
    registration = work.registration(caller, client_reference, open_only=False)
    pair = work.index.pair_of(registration.registration_id)
    state = work.holdings.feed(feed_id)
    held = work.holdings.held_about(feed_id, pair)
    wanted = wanted_elements(work, feed, pair, held, state.acknowledged)
    found = sorted(
        wanted.values(), key=lambda one: (one.stored.facts.occurred_at.isoformat(), one.element_id)
    )
    steps = tuple(_read(one) for one in found)
    access = work.record_access(
        caller, AccessKind.READ, feed_id=feed_id, people=(PersonAccess(pair, True, steps),)
    )
    return found, access


def _read(one: Wanted) -> Step:
    facts = one.stored.facts
    return Step(
        StepKind.READ,
        0,
        one.element_id,
        facts.fragment_id,
        facts.registration_id,
        facts.revision,
        one.rows,
        one.marks,
        one.etag,
    )
