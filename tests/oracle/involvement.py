"""Test 8: somebody else's word, later than its registration, that an agency works with a person."""

from tests.oracle.evidence import is_evidenced
from tests.oracle.facts import Facts, Person, Registration


def opening(facts: Facts, person: Person, registration: Registration) -> str:
    """R9: "" not involved; "SELF" only by the agency's own word; "FULL"."""
    agency, since = registration.agency, max(registration.seq, registration.ended)
    if registration.closed is not None:
        return ""
    for opened in person.openings:
        if opened.agency == agency and opened.by_agency != agency and opened.seq > since:
            return "FULL"
    own_word = ""
    for grant in person.grants:
        if grant.recipient.agency != agency or not is_evidenced(grant):  # P1
            continue
        confirmations = [one for one in facts.reconfirmed[grant.grant] if one.by_agency != agency]
        if grant.agency == agency:
            if grant.seq > since and not confirmations:
                own_word = "SELF"
            elif any(one.seq > since for one in confirmations):
                return "FULL"
        else:
            by_source = [one.seq for one in confirmations if one.by_agency == grant.agency]
            if max([grant.seq, *by_source]) > since:
                return "FULL"
    return own_word
