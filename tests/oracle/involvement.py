"""Test 8: somebody else's word, later than its registration, that an agency works with a person."""

from datetime import datetime

from tests.oracle import history as h
from tests.oracle.evidence import is_evidenced
from tests.oracle.facts import Facts, Person, Registration
from tests.oracle.terms import WEAK_LASTS, is_weak


def opening(facts: Facts, person: Person, registration: Registration, now: datetime) -> str:
    """R9: "" not involved; "LITTLE" by a weak word or an old one, for N alone; "SELF" only by the agency's
    own word; "FULL"."""
    agency, since = registration.agency, max(registration.seq, registration.ended)
    if registration.closed is not None:
        return ""
    for opened in person.openings:
        if opened.agency == agency and opened.by_agency != agency and opened.seq > since:
            return "FULL"
    best = ""
    for grant in person.grants:
        if grant.recipient.agency != agency or not is_evidenced(grant):  # P1
            continue
        confirmations = [
            one
            for one in facts.reconfirmed[grant.grant]
            if one.by_agency != agency and one.by_agency in person.agencies  # whoever spoke of this person
        ]
        if grant.agency == agency:
            if grant.seq > since and not confirmations:
                word = "SELF"
            elif any(one.seq > since for one in confirmations):
                word = "FULL"
            else:
                continue
        else:
            by_source = [one.seq for one in confirmations if one.by_agency == grant.agency]
            if max([grant.seq, *by_source]) <= since:
                continue
            word = "FULL"
        word = _worth(facts, grant, word, now)
        if word == "FULL":
            return word
        best = max(best, word, key=_ORDER.index)
    return best


_ORDER = ("", "LITTLE", "SELF", "FULL")


def _worth(facts: Facts, grant: h.GrantRecorded, word: str, now: datetime) -> str:
    """5a.19: a weak yes speaks of N while it stands; 4.4: one taken over from before unlocks N alone."""
    if is_weak(grant):
        begins = grant.effective_from or grant.at
        ends = min(grant.effective_until, grant.at + WEAK_LASTS)
        return "LITTLE" if begins <= now < ends and grant.grant not in facts.withdrawn else ""
    return "LITTLE" if grant.method == "IMPORTED_LEGACY" else word
