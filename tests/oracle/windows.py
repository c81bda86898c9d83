"""When copies are taken back (S1, H4): in the feed's daily window, whatever the cause; *now* if asked.

What a feed must hold says nothing of time; here is only when it may learn that it must let go.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from tests.oracle import history as h
from tests.oracle.decide import Case
from tests.oracle.facts import Facts, Registration
from tests.oracle.generate_terms import CATEGORIES
from tests.oracle.store import Held, Place, acknowledged_copies, registration_at
from tests.oracle.terms import envelope_of

_ALLOWS = {"ACTIVE": 3, "STOPPED": 2, "RESTRICTED": 1}


def next_window(after: datetime, window: str) -> datetime:
    """The first moment later than `after` at which the day's window opens."""
    today = datetime.combine(after.date(), time.fromisoformat(window), after.tzinfo)
    return today if today > after else today + timedelta(days=1)


def is_taking(held: Held, then: Held | None) -> bool:
    """Whether going from one to the other only takes: gone, or no newer content and purposes only lost."""
    if then is None:
        return True
    if then.revision > held.revision or (held.ring is not None and then.ring is None):
        return False
    before, after = _allowed(held), _allowed(then)
    return before != after and all(allows <= before.get(row, 0) for row, allows in after.items())


def _allowed(held: Held) -> dict[tuple[str, str], int]:
    return {(purpose, agreement): _ALLOWS[state] for purpose, agreement, state in held.rows}


def takings(held: Mapping[Place, Held], wanted: Mapping[Place, Held]) -> set[Place]:
    """Where a feed that holds the one and must hold the other has something taken."""
    return {place for place, one in held.items() if is_taking(one, wanted.get(place))}


def is_urgent(
    facts: Facts, observations: h.Observations, feed_id: str, now: datetime, place: Place, then: Held | None
) -> bool:
    """Whether it is taken because the person said *now*, or because an address is protected."""
    reference, key = place
    copy = acknowledged_copies(observations, feed_id).get(place)
    if copy is None:
        return False
    feed = facts.feeds[feed_id]
    registration = registration_at(facts, feed.agency, reference, copy.seq)
    still = {row[:2] for row in then.rows if row[2] == "ACTIVE"} if then is not None else set()
    ended = {row: sent for row, sent in copy.rows.items() if row not in still}
    case = Case(facts, feed, now, facts.person(registration))
    record = facts.records[key.agency, key.record_id]
    if record.registration not in case.person.registrations:
        return False  # it is no longer this person's to say
    if record.is_unread(key):
        # What it was about nobody can tell: whatever was said *now*, or is protected, may have meant it.
        return case.person.address_protected or any(
            _said_now(case, case.person.registrations, purpose, frozenset(CATEGORIES), sent)
            for (purpose, _), sent in ended.items()
        )
    categories = key.categories | {envelope_of(record.latest.service_type)}
    for person in case.concerned(record, key):
        if case.address_bars(key.categories, person):
            return True
        if any(
            _said_now(case, registrations, purpose, categories, sent)
            for registrations in [person.registrations]
            for (purpose, _), sent in ended.items()
        ):
            return True
    return False


def _said_now(
    case: Case, registrations: Iterable[Registration], purpose: str, categories: frozenset[str], sent: int
) -> bool:
    """Whether a later *now* covers the use."""
    for place in registrations:
        said: list[h.GrantWithdrawn | h.RefusalRecorded | h.ExclusionRecorded] = [
            one for one, grant in place.withdrawals if case.withdrawal_covers(grant, purpose, categories)
        ]
        said += [
            one
            for one in place.refusals
            if any(case.refusal_scope(one, purpose, category) for category in categories)
        ]
        said += [
            one
            for one in [*place.exclusions.values(), *place.lifted]
            if case.exclusion_covers(one, categories)
        ]
        if any(one.at_once and one.seq > sent for one in said):
            return True
    return False


@dataclass
class Watch:
    """One feed with a window: when something of a person's was first there to be taken.

    By person, by the recipient's own reference: what is found while more of theirs is waiting may go with it.
    """

    window: str
    found: dict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def looked(self, now: datetime, places: Iterable[Place]) -> None:
        """The feed fetched, and these had to be taken."""
        for reference in {reference for reference, _ in places}:
            self.found[reference].append(now)

    def is_early(self, now: datetime, place: Place) -> bool:
        """Whether no window has opened since an earlier look at which the person had something to lose."""
        return not any(next_window(found, self.window) <= now for found in self.found[place[0]])
