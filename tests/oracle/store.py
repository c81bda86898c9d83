"""What an agency's own system must hold: what is permitted, and what an ended permission let stay (R13)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tests.oracle import history as h
from tests.oracle.decide import Case, permitted
from tests.oracle.facts import Facts, Record, Registration
from tests.oracle.terms import PairOfRow, concerns_others, envelope_of, marks_of, review_end

HARSHNESS = ("STOP", "RESTRICT", "ERASE")
STATE_AFTER = {"STOP": "STOPPED", "RESTRICT": "RESTRICTED"}

Place = tuple[str, h.FragmentKey]  # the recipient's reference, the fragment


@dataclass(frozen=True)
class Held:
    """One fragment in a partner's store. Rows are (purpose, agreement, state).

    `ring`: of a risk to others only the warning is held, with whom to ring ("" where nobody was appointed).
    """

    revision: int
    rows: frozenset[tuple[str, str, str]]
    marks: frozenset[str]
    ring: str | None = None


@dataclass
class _Copy:
    """What the partner acknowledged of one fragment: its revision, and when each row was last sent.

    `warning`: its content is gone, only the warning that stands for it was held.
    """

    revision: int
    seq: int
    rows: dict[PairOfRow, int] = field(default_factory=dict)
    warning: bool = False


def expected_store(
    facts: Facts, observations: h.Observations, feed_id: str, now: datetime
) -> dict[Place, Held]:
    """The store of one feed at a quiet point."""
    feed = facts.feeds[feed_id]
    active = permitted(facts, feed_id, now)
    store = {
        place: Held(
            element.revision,
            frozenset((purpose, agreement, "ACTIVE") for purpose, agreement in element.rows),
            element.marks,
        )
        for place, element in active.items()
    }
    cases: dict[Registration, Case] = {}
    for (reference, key), copy in acknowledged_copies(observations, feed_id).items():
        registration = registration_at(facts, feed.agency, reference, copy.seq)
        if registration not in cases:
            cases[registration] = Case(facts, feed, now, facts.person(registration))
        record = facts.records[key.agency, key.record_id]
        now_active = active[reference, key].rows if (reference, key) in active else frozenset()
        stayed = {
            (purpose, agreement, state)
            for (purpose, agreement), sent in copy.rows.items()
            if (purpose, agreement) not in now_active
            and (state := after_end(cases[registration], registration, record, key, purpose, agreement, sent))
        }
        if now_active:
            held = store[reference, key]
            store[reference, key] = Held(held.revision, held.rows | stayed, held.marks)
            continue
        as_sent = next(one for one in record.revisions if one.revision == copy.revision)
        marks = marks_of(as_sent, frozenset())
        if stayed and not copy.warning:
            store[reference, key] = Held(copy.revision, frozenset(stayed), marks)
        elif warns(cases[registration], registration, record, key, copy):
            rows = frozenset((purpose, agreement, "RESTRICTED") for purpose, agreement in copy.rows)
            store[reference, key] = Held(copy.revision, rows, marks, facts.rung.get(record.latest.agency, ""))
    return store


def warns(case: Case, registration: Registration, record: Record, key: h.FragmentKey, copy: _Copy) -> bool:
    """S2: whether a warning stays of a risk to others whose permission ended, where it would be retracted.

    The author's newest word says whether it still is such a risk.
    """
    latest, person = record.latest, case.person
    concerned = {record.key(part): concerns_others(part) for part in latest.parts}
    if latest.withdrawn or not concerned.get(key, False):
        return False
    if key in record.waiting or record.erased.get(key, 0) > max(copy.rows.values()):
        return False
    if person.disputed or record.registration not in person.registrations or registration.closed is not None:
        return False
    review = review_end(latest)
    if review is not None and case.now >= review:
        return False
    return record.warning_ended <= max(copy.rows.values())


def after_end(
    case: Case,
    registration: Registration,
    record: Record,
    key: h.FragmentKey,
    purpose: str,
    agreement: str,
    sent: int,
) -> str | None:
    """The state of a row that was delivered at `sent` and is permitted no longer; None: it is gone."""
    person, latest = case.person, record.latest
    if registration.closed == "IN_ERROR" or record.registration not in person.registrations:
        return None
    if key in record.waiting or record.erased.get(key, 0) > sent:
        return None  # erasure leaves nothing anywhere
    if person.disputed or latest.withdrawn or key not in {record.key(part) for part in latest.parts}:
        return None
    categories = key.categories | {envelope_of(latest.service_type)}
    for one in case.concerned(record, key):
        if case.address_bars(key.categories, one):
            return None
        for withdrawal, grant in one.withdrawals:
            removed = withdrawal.remove and withdrawal.seq > sent
            if removed and case.withdrawal_covers(grant, purpose, categories):
                return None
        for place in one.registrations:
            for exclusion in [*place.exclusions.values(), *place.lifted]:
                if exclusion.remove and exclusion.seq > sent and case.exclusion_covers(exclusion, categories):
                    return None
    if person.deceased:
        return "STOPPED"
    return STATE_AFTER.get(on_end(case, latest.agency, key.categories, purpose, agreement))


def on_end(case: Case, origin: str, categories: frozenset[str], purpose: str, agreement: str) -> str:
    """The harshest of what the newest signed version that lists each pair says."""
    found = []
    for category in categories:
        for version in case.facts.agreements[agreement].signed_by(origin, case.feed.agency):
            newest = [row for row in version.rows if (row.purpose, row.category) == (purpose, category)]
            if newest:
                latest = newest[0].on_end
        found.append(latest)
    return max(found, key=HARSHNESS.index)


def acknowledged_copies(observations: h.Observations, feed_id: str) -> Mapping[Place, _Copy]:
    """What the partner holds of what it was sent, by its own acknowledgements.

    The next one after a sending says whether it arrived: what is then still lacking is sent again under its
    own number, or never.
    """
    arrived: list[h.Delivered | h.Retracted] = []
    acknowledged: dict[int, int] = {}  # the next acknowledgement by epoch
    lost_after: tuple[int, int] | None = None  # the earliest point that a later restore went back to
    for one in reversed([one for one in observations if one.feed == feed_id]):
        if isinstance(one, h.Acknowledged):
            acknowledged[one.epoch] = one.sequence
        elif isinstance(one, h.Restored):
            point = (one.epoch, one.sequence)
            lost_after = min(point, lost_after or point)
        elif isinstance(one, h.Delivered | h.Retracted) and one.sequence <= acknowledged.get(one.epoch, 0):
            lost = lost_after is not None and lost_after < (one.epoch, one.sequence)
            if not (lost and isinstance(one, h.Delivered)):  # the hub does not forget a retraction
                arrived.append(one)
    copies: dict[Place, _Copy] = {}
    for one in reversed(arrived):
        place = (one.client_reference, one.key)
        if isinstance(one, h.Retracted):
            copies.pop(place, None)
            continue
        before = copies.get(place)
        revision = one.revision or (before.revision if before else 0)
        sent = before.rows if before else {}
        rows = {
            (purpose, agreement): one.seq if state == "ACTIVE" else sent.get((purpose, agreement), one.seq)
            for purpose, agreement, state in one.rows
        }
        copies[place] = _Copy(revision, one.seq, rows, one.ring is not None)
    return copies


def registration_at(facts: Facts, agency: str, reference: str, seq: int) -> Registration:
    """The registration that a reference meant when something was sent."""
    return [one for one in facts.all_of[agency, reference] if one.begun < seq][-1]
