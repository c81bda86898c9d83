"""What has to be given back and was not fetched yet: a partner that is away holds what it may not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from consent_ledger.access import StepKind
from consent_ledger.entry import moment
from hub.projections.disclosures import Disclosed
from hub.use_cases.difference import changes, desired
from hub.use_cases.work import Work

OVERDUE_AFTER = timedelta(hours=72)
"""How long a retraction may go without its receipt before somebody is to look into it."""


@dataclass(frozen=True, slots=True)
class RetractionDue:
    """One fragment that the next fetch takes back. `fetched_at`: when that adapter last fetched."""

    fragment_id: UUID
    agency_id: str
    fetched_at: datetime


def retractions_due(work: Work, registration_id: UUID, steps: Sequence[Disclosed]) -> list[RetractionDue]:
    """Of what left of a registration (`steps`, oldest first), what a feed holds that may hold it no longer.

    It is the difference that a fetch would find now, but nothing is sent, so nothing is recorded as sent.
    """
    last = {(one.feed_id, one.pair, one.fragment_id): one for one in steps if one.kind is not StepKind.READ}
    pairs = {(feed_id, pair) for (feed_id, pair, _), one in last.items() if one.kind is not StepKind.RETRACT}
    found = []
    for feed_id, pair in sorted(pairs):
        feed, state = work.index.feeds.get(feed_id), work.holdings.feed(feed_id)
        if feed is None or work.index.agencies[feed.agency_id].departed is not None:
            continue
        held = work.holdings.held_about(feed_id, pair)
        should = desired(work, feed, pair, held, state.acknowledged)
        for change in changes(work, held, should.wanted, state.acknowledged):
            one = change.held
            if change.kind is StepKind.RETRACT and one is not None and one.origin == registration_id.bytes:
                fragment_id = UUID(bytes=one.fragment_id)
                found.append(RetractionDue(fragment_id, feed.agency_id, moment(state.fetched)))
    return found
