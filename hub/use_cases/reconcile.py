"""Reconciling: a partner restored from a backup says what it really holds, and a new epoch begins."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from consent_ledger.access import AccessKind, PersonAccess
from consent_ledger.errors import Refused
from hub.use_cases.deliver import own_feed
from hub.use_cases.work import Caller, Work


@dataclass(frozen=True, slots=True)
class Reported:
    """One element that the partner says it holds."""

    element_id: UUID
    etag: str
    client_reference: str


def reconcile_holdings(
    work: Work,
    caller: Caller,
    *,
    feed_id: UUID,
    holdings: Sequence[Reported],
    page: int,
    last_page: bool,
    bookmark: int,
) -> tuple[int, int, int]:
    """Takes one page: (new epoch or 0, acknowledgement to go on from, access position).

    Page 1 begins a report anew; pages before the last only add to it. Raises `NOT_FOUND`, `INVALID_FIELD`.
    """
    feed = own_feed(work, caller, feed_id)
    state = work.holdings.feed(feed_id)
    if bookmark > state.sent:
        raise Refused("INVALID_FIELD", field="bookmark", rule="not beyond what was sent")
    if page not in (1, state.page + 1):
        raise Refused("INVALID_FIELD", field="page", rule="1, or the one after the last")
    by_pair: defaultdict[UUID, list[tuple[UUID, str]]] = defaultdict(list)
    for one in holdings:
        chain = work.index.by_reference.get((feed.agency_id, one.client_reference))
        if chain is None:
            raise Refused("REFERENCE_NOT_REGISTERED")
        by_pair[chain[0]].append((one.element_id, one.etag))
    access = work.record_access(
        caller,
        AccessKind.RECONCILE,
        feed_id=feed_id,
        page=page,
        last_page=last_page,
        people=tuple(
            PersonAccess(pair, True, reported=tuple(reported)) for pair, reported in sorted(by_pair.items())
        ),
    )
    return (state.epoch + 1, state.sent, access) if last_page else (0, state.acknowledged, access)
