"""What a feed may be sent now, by brute force: the tests of VOCABULARY section 5, one after another.

Shares no code with the product. Each step names the ruling it follows (R1 to R16 of the policy's rulings).
Where the rulings leave two readings, a named constant below says which one is taken.
"""

from dataclasses import dataclass
from datetime import datetime

from tests.oracle import history as h
from tests.oracle.evidence import NOBODY_SAID_SO, answers_a_no, is_evidenced, may_open
from tests.oracle.facts import Facts, Person, Record, Registration
from tests.oracle.involvement import opening
from tests.oracle.terms import (
    CLOSED_BY_REFUSAL,
    ENFORCING,
    NEVER_DELIVERED,
    OBJECTION_BASES,
    SPECIAL,
    WEAK_LASTS,
    PairOfRow,
    envelope_of,
    is_weak,
    level_of,
    marks_of,
    review_end,
)

ENVELOPE_STAYS_DESPITE_OBJECTION = True
"""An objection to the envelope's category is no bar where another grant needs the envelope (5a.7)."""

ARTICLE9_CONSENT_BINDS_EVERY_CATEGORY = True
"""A party that rests on A9_2_A needs explicit consent for every category of that purpose."""


@dataclass(frozen=True)
class Element:
    """What one fragment looks like at the recipient."""

    revision: int
    rows: frozenset[PairOfRow]
    marks: frozenset[str]


def permitted(facts: Facts, feed_id: str, now: datetime) -> dict[tuple[str, h.FragmentKey], Element]:
    """Everything that may be newly disclosed or updated, by (recipient's reference, fragment)."""
    feed = facts.feeds[feed_id]
    answer = {}
    for registration in facts.registrations:
        if registration.agency == feed.agency and registration.closed is None:
            case = Case(facts, feed, now, facts.person(registration))
            for record in case.person.records:
                for part in record.latest.parts:
                    rows = case.rows(registration, record, part)
                    if rows:
                        latest = record.latest
                        element = Element(latest.revision, rows, marks_of(latest, rows))
                        answer[registration.reference, record.key(part)] = element
    return answer


class Case:
    """One person, one feed, one instant. Caches by what an answer depends on, nothing else."""

    def __init__(self, facts: Facts, feed: h.FeedOpened, now: datetime, person: Person) -> None:
        self.facts, self.feed, self.now, self.person = facts, feed, now, person
        self._agreements: dict[str, list[h.AgreementDrafted]] = {}
        self._grants: dict[tuple[object, ...], list[h.GrantRecorded]] = {}
        self._objections: dict[tuple[str, str, Person], bool] = {}
        self._openings: dict[Registration, str] = {}

    def rows(self, registration: Registration, record: Record, part: h.Part) -> frozenset[PairOfRow]:
        """The (purpose, agreement) pairs under which this fragment may go to this registration."""
        latest = record.latest
        if latest.agency == self.feed.agency or not part.categories <= self.feed.categories:
            return frozenset()  # R12, test 0
        if self.person.disputed or record.registration not in self.person.registrations:
            return frozenset()  # R1, test 1
        if not self._alive(latest) or record.is_gone(record.key(part)):
            return frozenset()
        opening = self.opening(registration)
        if opening == "" or not self._unmarked(record, part, self.person):
            return frozenset()
        found = set()
        if latest.agency not in self._agreements:
            self._agreements[latest.agency] = list(
                self.facts.in_force(latest.agency, self.feed.agency, self.now)
            )
        for purpose in self.feed.purposes - NEVER_DELIVERED:  # R3, R10
            if self.spent(latest, purpose):
                continue
            for version in self._agreements[latest.agency]:
                if self.agreed(version, record, part, purpose, opening):
                    found.add((purpose, version.agreement))
        return frozenset(found)

    def level(self, category: str, free_text: bool) -> str:
        """H23: a place is V for whoever could enforce there. Nobody says here that it is no sleep site."""
        enforces = self.feed.agency in self.facts.enforcing or self.feed.service_type in ENFORCING
        return "V" if category == "CONTACT_LOCATION" and enforces else level_of(category, free_text)

    # Test 2

    def _alive(self, latest: h.RecordPublished) -> bool:
        review = review_end(latest)
        overdue = review is not None and self.now >= review
        person = self.person
        return not (latest.withdrawn or overdue or person.processing_restricted or person.deceased)

    def spent(self, latest: h.RecordPublished, purpose: str) -> bool:
        if latest.spent_on is None or self.now < latest.spent_on:
            return False
        return self.feed.service_type in ("HOUSING", "EMPLOYMENT") or purpose == "REFERRAL_ELIGIBILITY"

    # Tests 3 to 6 within one agreement, for every content category and the envelope's (5a.31)

    def agreed(
        self, version: h.AgreementDrafted, record: Record, part: h.Part, purpose: str, opening: str
    ) -> bool:
        latest = record.latest
        envelope = envelope_of(latest.service_type)
        pairs = version.pairs
        if any((purpose, category) not in pairs for category in part.categories | {envelope}):
            return False
        levels = [(category, self.level(category, part.free_text)) for category in part.categories]
        for category, level in [*levels, (envelope, level_of(envelope, False))]:
            flag = pairs[purpose, category].self_captured_restricted
            if opening == "SELF" and not (level == "N" or (level == "R" and flag)):
                return False  # R9: nobody confirms itself
            if opening == "LITTLE" and level != "N":
                return False
        if not self.lawful(version, record, part, purpose, self.person):
            return False
        if not self.confided(version, record, part, purpose, self.person):
            return False
        for other, registration in zip(latest.other_subjects, record.others, strict=True):
            if other.solely_about and part.categories & other.categories:  # R11
                if registration is None:
                    return False
                person = self.facts.person(registration)
                if person.processing_restricted:  # what is solely about them is theirs to have restricted
                    return False
                if not self._unmarked(record, part, person):
                    return False
                if not self.lawful(version, record, part, purpose, person):  # it is theirs to object to
                    return False
                if not self.confided(version, record, part, purpose, person):
                    return False
        return True

    # Test 4

    def conditions_met(
        self, version: h.AgreementDrafted, latest: h.RecordPublished, part: h.Part, purpose: str
    ) -> bool:
        """Both have a basis for the purpose, and the conditions of Articles 9 and 10 where needed."""
        for agency in (latest.agency, self.feed.agency):
            basis = version.bases.get((agency, purpose))
            if basis is None:
                return False
            for category in part.categories | {envelope_of(latest.service_type)}:
                if category in SPECIAL and basis.article9 is None:
                    return False
                if category == "OFFENDING" and basis.article10 is None:
                    return False
        return True

    def lawful(
        self, version: h.AgreementDrafted, record: Record, part: h.Part, purpose: str, person: Person
    ) -> bool:
        latest = record.latest
        envelope = envelope_of(latest.service_type)
        bases = [version.bases.get((agency, purpose)) for agency in (latest.agency, self.feed.agency)]
        if not self.conditions_met(version, latest, part, purpose):
            return False
        for category in part.categories | {envelope}:
            for basis in bases:
                assert basis is not None
                by_article9 = basis.article9 == "A9_2_A" and (
                    ARTICLE9_CONSENT_BINDS_EVERY_CATEGORY or category in SPECIAL
                )
                if basis.lawful_basis == "A6_1_A" or by_article9:
                    if category in part.categories:
                        free = part.free_text
                        content = self._content_grants(version, latest, purpose, category, free, person)
                        if not any(grant.basis == "EXPLICIT_CONSENT" for grant in content):
                            return False
                    if category == envelope:
                        shown = self._envelope_grants(version, record, part, purpose, person)
                        if not any(grant.basis == "EXPLICIT_CONSENT" for grant in shown):
                            return False
                if basis.lawful_basis in OBJECTION_BASES and self._objected(purpose, category, person):
                    needed = category == envelope and category not in part.categories
                    if not (needed and ENVELOPE_STAYS_DESPITE_OBJECTION):
                        return False  # REVIEW
                    if not self.envelope_needed_by(version, record, part, purpose, person):
                        return False  # REVIEW
        return True

    def _objected(self, purpose: str, category: str, person: Person) -> bool:
        """R4: withdrawn, and no unpressured grant since."""
        if (purpose, category, person) not in self._objections:
            stops = [
                withdrawal.seq
                for withdrawal, grant in person.withdrawals
                if self.grant_scope(grant, purpose, category)
            ]
            yes = [
                grant.seq
                for grant in person.grants
                if self.grant_scope(grant, purpose, category) and not is_weak(grant) and answers_a_no(grant)
            ]
            self._objections[purpose, category, person] = bool(stops) and max(stops) > max(yes, default=0)
        return self._objections[purpose, category, person]

    # Tests 5 and 6 on one person: the teller's, or the one whom a fact is solely about

    def confided(
        self, version: h.AgreementDrafted, record: Record, part: h.Part, purpose: str, person: Person
    ) -> bool:
        latest = record.latest
        for category in part.categories:
            if not self._content_grants(version, latest, purpose, category, part.free_text, person):
                return False
        if not self._envelope_grants(version, record, part, purpose, person):
            return False
        return not self.excluded(part.categories | {envelope_of(latest.service_type)}, person)

    def _content_grants(
        self,
        version: h.AgreementDrafted,
        latest: h.RecordPublished,
        purpose: str,
        category: str,
        free_text: bool,
        person: Person,
    ) -> list[h.GrantRecorded]:
        level = self.level(category, free_text)
        return self.open_grants(version, latest, purpose, category, level, person, False)

    def _envelope_grants(
        self, version: h.AgreementDrafted, record: Record, part: h.Part, purpose: str, person: Person
    ) -> list[h.GrantRecorded]:
        """R5: those that pass for the envelope, and those that stay because their content needs it."""
        envelope = envelope_of(record.latest.service_type)
        level = level_of(envelope, False)
        passing = self.open_grants(version, record.latest, purpose, envelope, level, person, False)
        return passing + self.envelope_needed_by(version, record, part, purpose, person)

    def envelope_needed_by(
        self, version: h.AgreementDrafted, record: Record, part: h.Part, purpose: str, person: Person
    ) -> list[h.GrantRecorded]:
        latest = record.latest
        envelope = envelope_of(latest.service_type)
        level = level_of(envelope, False)
        but_for_withdrawals = self.open_grants(version, latest, purpose, envelope, level, person, True)
        if not but_for_withdrawals:
            return []
        for_content = {
            grant.grant
            for category in part.categories
            for grant in self._content_grants(version, latest, purpose, category, part.free_text, person)
        }
        return [grant for grant in but_for_withdrawals if grant.grant in for_content]

    def open_grants(
        self,
        version: h.AgreementDrafted,
        latest: h.RecordPublished,
        purpose: str,
        category: str,
        level: str,
        person: Person,
        ignore_other_withdrawals: bool,
    ) -> list[h.GrantRecorded]:
        at = (version.agreement, purpose, category, level, person, ignore_other_withdrawals, version.version)
        if at not in self._grants:
            row = version.pairs[purpose, category]
            self._grants[at] = [
                grant
                for grant in person.grants
                if self._grant_opens(grant, version, row, level, person, ignore_other_withdrawals)
            ]
        return [
            grant
            for grant in self._grants[at]
            if (grant.data_from is None or grant.data_from <= latest.occurred)
            and (grant.data_until is None or latest.occurred <= grant.data_until)
        ]

    def _grant_opens(
        self,
        grant: h.GrantRecorded,
        version: h.AgreementDrafted,
        row: h.Row,
        level: str,
        person: Person,
        ignore_other_withdrawals: bool,
    ) -> bool:
        """R5, all but the data period."""
        recipient = self.feed.agency
        begins = grant.effective_from or grant.at
        if grant.grant in self.facts.withdrawn or not begins <= self.now < grant.effective_until:
            return False
        if not self.grant_scope(grant, row.purpose, row.category):
            return False
        names_recipient = grant.recipient.agency == recipient
        if level == "V" and not names_recipient:
            return False
        if row.category == "IMMIGRATION" and not (grant.basis == "EXPLICIT_CONSENT" and names_recipient):
            return False
        weak = is_weak(grant)
        if (weak or grant.method == "IMPORTED_LEGACY") and level != "N":
            return False
        if weak and self.now >= grant.at + WEAK_LASTS:
            return False
        if not is_evidenced(grant) or not may_open(grant, row.purpose, level):
            return False  # S4
        if grant.agency == recipient:
            confirmed_by = {one.by_agency for one in self.facts.reconfirmed[grant.grant]} & person.agencies
            own_word = level == "N" or (level == "R" and row.self_captured_restricted)
            if not confirmed_by - {recipient} and not own_word:
                return False
        if grant.basis in CLOSED_BY_REFUSAL:
            if grant.notice != version.notice:
                return False
            stops = [
                refusal.seq
                for refusal in person.refusals
                if self.refusal_scope(refusal, row.purpose, row.category)
            ]
            if not ignore_other_withdrawals:
                stops += [
                    withdrawal.seq
                    for withdrawal, other in person.withdrawals
                    if self.grant_scope(other, row.purpose, row.category)
                ]
            always = weak or grant.basis in NOBODY_SAID_SO  # P2
            if any(always or stop > grant.seq for stop in stops):
                return False
        return True

    def grant_scope(self, grant: h.GrantRecorded, purpose: str, category: str) -> bool:
        listed = purpose in grant.purposes and category in grant.categories
        return listed and self._reaches(grant.recipient)

    def refusal_scope(self, refusal: h.RefusalRecorded, purpose: str, category: str) -> bool:
        return (
            (not refusal.purposes or purpose in refusal.purposes)
            and (not refusal.categories or category in refusal.categories)
            and (refusal.recipient is None or self._reaches(refusal.recipient))
        )

    def _reaches(self, recipient: h.Recipient) -> bool:
        if recipient.agency is not None:
            return recipient.agency == self.feed.agency
        if recipient.service_type is not None:
            return recipient.service_type == self.feed.service_type
        return recipient.support_team

    # Test 6

    def excluded(self, categories: frozenset[str], person: Person) -> bool:
        """R7: a person at the agency counts as the agency."""
        return any(self.exclusion_covers(exclusion, categories) for exclusion in person.exclusions)

    def exclusion_covers(self, exclusion: h.ExclusionRecorded, categories: frozenset[str]) -> bool:
        """Whether an exclusion shuts this feed's agency or one of the categories out."""
        return exclusion.excluded_agency == self.feed.agency or exclusion.category in categories

    def withdrawal_covers(self, grant: h.GrantRecorded, purpose: str, categories: frozenset[str]) -> bool:
        """Whether the withdrawal of `grant` reaches this feed for a purpose and one of the categories."""
        return any(self.grant_scope(grant, purpose, category) for category in categories)

    def concerned(self, record: Record, key: h.FragmentKey) -> list[Person]:
        """Whose choices a fragment is subject to: the teller's, and of whom it is solely about (R11)."""
        others = zip(record.latest.other_subjects, record.others, strict=True)
        return [self.person] + [
            self.facts.person(registration)
            for other, registration in others
            if other.solely_about and key.categories & other.categories and registration is not None
        ]

    # Test 7

    def _unmarked(self, record: Record, part: h.Part, person: Person) -> bool:
        """R8."""
        return not (record.markers or part.third_party or self.address_bars(part.categories, person))

    def address_bars(self, categories: frozenset[str], person: Person) -> bool:
        """Whether a protected address keeps this content from everyone."""
        return "CONTACT_LOCATION" in categories and person.address_protected

    # Test 8

    def opening(self, registration: Registration) -> str:
        """R9: "" not involved; "LITTLE" for N alone; "SELF" only by the agency's own word; "FULL"."""
        if registration not in self._openings:
            self._openings[registration] = opening(self.facts, self.person, registration, self.now)
        return self._openings[registration]
