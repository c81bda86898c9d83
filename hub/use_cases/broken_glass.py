"""Breaking glass: one member of staff reads about one client without a relationship, for a reason, for hours.

It is a fact of the ledger that opens reads for that person and that registration, and is told at once to
data protection officers. What it opens the policy says; no delivery follows from it.
"""

from datetime import datetime, timedelta

from consent_ledger.domain import BreakGlass
from consent_ledger.facts import Feed, Registration
from consent_ledger.ledger import KeyOwner
from consent_ledger.policy import permitted_rows, running
from consent_ledger.staff import BreakGlassReason
from consent_ledger.vocabulary import DataCategory, KeyCategory
from hub.use_cases.difference import terms_under
from hub.use_cases.place_search import names
from hub.use_cases.wanted import Wanted
from hub.use_cases.work import Caller, Work

LASTS = timedelta(hours=4)
_ID = 16


def break_glass(
    work: Work, caller: Caller, *, client_reference: str, reason: BreakGlassReason
) -> tuple[int, datetime]:
    """Opens one client's story to whoever asks; returns the entry's position and when it ends.

    Alike whether there is anything to read or not. Raises `NO_ASSERTION`, `ROLE_NEEDED`,
    `REFERENCE_NOT_REGISTERED`.
    """
    staff = work.require_role(caller)
    registration = work.registration(caller, client_reference, open_only=False)
    until = work.now + LASTS
    broken = BreakGlass.begin(
        work.new_id(),
        registration_id=registration.registration_id,
        agency_id=caller.agency(),
        staff_reference=staff.reference,
        reason=reason,
        until=until.isoformat(),
    )
    return work.save(broken, KeyOwner(registration.registration_id, KeyCategory.CONSENT)), until


def seen_through(work: Work, feed: Feed, own: Registration, glass: BreakGlassReason) -> dict[bytes, Wanted]:
    """What broken glass shows of the person behind a registration, by element id: decided now, never sent."""
    index, found = work.index, dict[bytes, Wanted]()
    person, pair = index.person(own.registration_id), index.pair_of(own.registration_id)
    closed = frozenset(DataCategory) - feed.categories
    not_searched = index.places.not_searched()
    for registration_id, registration in person.registrations.items():
        if registration.agency_id == feed.agency_id:
            continue
        agreements = running(index.agreements.values(), registration.agency_id, feed.agency_id)
        latest = work.segments.fragments(registration_id, closed).latest
        elements = work.vault.opaque_ids("element", pair.bytes, blocks=b"".join(latest))
        for number, (fragment_id, item) in enumerate(latest.items()):
            if item.gone or names(work.vault, not_searched, item):
                continue
            facts = index.dated(item.facts(fragment_id, registration_id))
            others = [index.person(other) for other in item.kind.solely_about]
            rows = permitted_rows(facts, feed, own, person, agreements, others, glass)
            if rows:
                element_id = elements[number * _ID : (number + 1) * _ID]
                terms = terms_under(rows, facts)
                found[element_id] = Wanted(element_id, fragment_id, registration_id.bytes, item, terms)
    return found
