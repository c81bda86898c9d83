"""Why one fragment does not flow: the first test that stops it, by the table's order, within each agreement.

For judging whether a world is rich enough. The product's own explanation may name a neighbouring code of
the same test (a grant that is absent, ended or for somebody else all fail test 5).
"""

from collections.abc import Iterator

from tests.oracle import history as h
from tests.oracle.decide import Case
from tests.oracle.facts import Person, Record, Registration
from tests.oracle.terms import NEVER_DELIVERED, envelope_of, level_of, review_end

MARKER_REASONS = {
    "THIRD_PARTY": "THIRD_PARTY_DATA",
    "SERIOUS_HARM": "SERIOUS_HARM",
    "PRIVILEGED": "PRIVILEGED",
    "CRIME_PREJUDICE": "CRIME_PREJUDICE",
}


def reasons(
    case: Case, registration: Registration, record: Record, part: h.Part, purpose: str
) -> Iterator[str]:
    """The reason under each agreement that might have carried it; "PERMIT" where one does."""
    latest, person = record.latest, case.person
    if person.disputed or record.registration not in person.registrations:
        yield "IDENTITY_UNCERTAIN"
    elif latest.withdrawn:
        yield "SUPERSEDED"
    elif person.processing_restricted:
        yield "ART18_RESTRICTED"
    elif person.deceased:
        yield "DECEASED"
    elif (review := review_end(latest)) is not None and case.now >= review:
        yield "REVIEW_OVERDUE"
    elif case.spent(latest, purpose):
        yield "SPENT"
    else:
        agreements = sorted(case.facts.agreements)
        named = [name for name in agreements if _parties(case, name, latest.agency)]
        if not named:
            yield "NO_AGREEMENT"
        for name in named:
            yield _within(case, registration, record, part, purpose, name)


def _parties(case: Case, name: str, *agencies: str) -> bool:
    return any(
        {party.agency for party in version.parties} >= set(agencies)
        for version in case.facts.agreements[name].versions.values()
    )


def _within(
    case: Case, registration: Registration, record: Record, part: h.Part, purpose: str, name: str
) -> str:
    latest, person, agreement = record.latest, case.person, case.facts.agreements[name]
    recipient = case.feed.agency
    if not _parties(case, name, latest.agency, recipient):
        return "NOT_A_PARTY"
    if not agreement.signed_by(latest.agency, recipient):
        return "AGREEMENT_NOT_SIGNED"
    running = case.facts.in_force(latest.agency, recipient, case.now)
    version = next((one for one in running if one.agreement == name), None)
    if version is None:
        return "AGREEMENT_NOT_IN_FORCE"
    categories = part.categories | {envelope_of(latest.service_type)}
    if not any(row.purpose == purpose for row in version.rows):
        return "PURPOSE_NOT_COVERED"
    if any((purpose, category) not in version.pairs for category in categories):
        return "CATEGORY_NOT_COVERED"
    if not case.conditions_met(version, latest, part, purpose):
        return "NO_LAWFUL_BASIS"
    if not case.confided(version, record, part, purpose, person):
        if case.excluded(categories, person) and not _wanting(case, version, record, part, purpose):
            return "CLIENT_EXCLUSION"
        return _wanting(case, version, record, part, purpose)
    if not case.lawful(version, record, part, purpose, case.person):
        return "OBJECTION"
    for marker in record.markers:
        return MARKER_REASONS[case.facts.markers[marker].kind]
    if part.third_party:
        return "THIRD_PARTY_DATA"
    if case.address_bars(part.categories, person):
        return "PROTECTED_ADDRESS"
    opening = case.opening(registration)
    limited = opening in ("SELF", "LITTLE")
    if opening == "" or (limited and not case.agreed(version, record, part, purpose, opening)):
        return "NOT_INVOLVED"
    if purpose in NEVER_DELIVERED:
        return "DATA_OPT_OUT" if _opted_out(person) else "SMALL_NUMBER"
    if not case.agreed(version, record, part, purpose, opening):
        return "OTHER_SUBJECT"
    return "PERMIT"


def _opted_out(person: Person) -> bool:
    return any("DATA_OPT_OUT" in one.statuses for one in person.registrations)


def _wanting(case: Case, version: h.AgreementDrafted, record: Record, part: h.Part, purpose: str) -> str:
    """Why no grant opens it: by the grant that comes nearest."""
    latest, person = record.latest, case.person
    envelope = envelope_of(latest.service_type)
    for category in [*part.categories, envelope]:
        of_content = category in part.categories
        level = case.level(category, part.free_text) if of_content else level_of(category, False)
        if case.open_grants(version, latest, purpose, category, level, person, False):
            continue
        found = {_one_grant(case, latest, grant, purpose, category) for grant in person.grants} - {""}
        if category == envelope and category not in part.categories and case.envelope_needed_by(
            version, record, part, purpose, person
        ):  # fmt: skip
            continue
        for reason in (
            "OUTSIDE_DATA_PERIOD",
            "CONSENT_EXPIRED",
            "CONSENT_WITHDRAWN",
            "CONSENT_REFUSED",
        ):
            if reason in found:
                return reason
        return "NO_CONFIDENTIALITY_BASIS"
    return ""


def _one_grant(
    case: Case, latest: h.RecordPublished, grant: h.GrantRecorded, purpose: str, category: str
) -> str:
    if not case.grant_scope(grant, purpose, category):
        return ""
    if grant.grant in case.facts.withdrawn:
        return "CONSENT_WITHDRAWN"
    if case.now >= grant.effective_until:
        return "CONSENT_EXPIRED"
    if any(
        stop.seq > grant.seq and case.refusal_scope(stop, purpose, category) for stop in case.person.refusals
    ):
        return "CONSENT_REFUSED"
    if grant.data_from is not None and latest.occurred < grant.data_from:
        return "OUTSIDE_DATA_PERIOD"
    if grant.data_until is not None and latest.occurred > grant.data_until:
        return "OUTSIDE_DATA_PERIOD"
    return "WEAK"
