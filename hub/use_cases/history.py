"""The live consolidated history: what the agency's own store is led to, read now and recorded first."""

from uuid import UUID

from consent_ledger.access import AccessKind, PersonAccess, StepGroup, StepItem, StepKind
from hub.projections.held import Terms
from hub.use_cases.deliver import Sending, own_feed
from hub.use_cases.difference import desired, etags, record_ids
from hub.use_cases.replies import disputed_ids
from hub.use_cases.work import Caller, Work

_READ = StepKind.READ
_made = tuple.__new__
"""Makes what a long story has hundreds of without the cost of its constructor."""
REMINDER = "This may not be everything. If it matters, ask, and listen."
"""The same on every view, full or empty: a view that said more would say what is hidden."""


def get_history(
    work: Work, caller: Caller, *, feed_id: UUID, client_reference: str
) -> tuple[list[Sending], int]:
    """What the caller may see of one of its clients, by time of occurrence, and the access entry's position.

    Empty alike for nothing permitted and nothing there. Raises `NOT_FOUND`, `REFERENCE_NOT_REGISTERED`.
    """
    feed = own_feed(work, caller, feed_id)
    registration = work.registration(caller, client_reference, open_only=False)
    pair = work.index.pair_of(registration.registration_id)
    held = work.holdings.held_about(feed_id, pair)
    acknowledged = work.holdings.feed(feed_id).acknowledged if held else 0
    wanted = desired(work, feed, pair, held, acknowledged).wanted
    found = sorted(wanted.values(), key=lambda one: (one.item.occurred_at, one.element_id))
    # Terms are told apart as objects: hashing what they hold costs more than all else here.
    together: dict[tuple[bytes, int, bool], tuple[Terms, list[StepItem]]] = {}
    for _, fragment_id, origin, item, terms, ring in found:
        key = (origin, id(terms), ring is not None)
        group = together.get(key)
        if group is None:
            group = together[key] = (terms, [])
        group[1].append(_made(StepItem, (0, b"", fragment_id, item.revision, b"")))
    groups = tuple(
        StepGroup(StepKind.READ, origin, terms.rows, terms.marks, tuple(items), stub=stub)
        for (origin, _, stub), (terms, items) in together.items()
    )
    access = work.record_access(
        caller, AccessKind.READ, feed_id=feed_id, people=(PersonAccess(pair, True, groups),)
    )
    tags, records = etags(work, found), record_ids(work, pair, found)
    disputes = disputed_ids(work, pair, found)
    return [
        _made(
            Sending,
            (_READ, 0, client_reference, one.element_id, one, record, tags[one.element_id], False, about),
        )
        for one, record, about in zip(found, records, disputes, strict=True)
    ], access
