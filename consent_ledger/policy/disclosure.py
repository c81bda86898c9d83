"""May this fragment go to this recipient for this purpose? The decision table, test by test.

Tests 1, 2, 6, 7 and 9 ask about the person and the fragment; 3, 4, 5 and 8 about one agreement. A fragment
passes only if every category it holds, and its envelope's (which service knows the person), passes. At the
agency's level test 8 is the recorded involvement; staff roles narrow reads further and never widen them.
"""

from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from consent_ledger.facts import (
    Agreement,
    AgreementVersion,
    Feed,
    Fragment,
    Grant,
    Person,
    Registration,
    SharingDecision,
)
from consent_ledger.policy import agreement as agreements_tests
from consent_ledger.policy import confidentiality, sharing_decision
from consent_ledger.policy.confidentiality import Use
from consent_ledger.policy.decision import Decision, Finding, first
from consent_ledger.policy.involvement import highest_level
from consent_ledger.policy.reading import tests_opened
from consent_ledger.policy.sensitivity import level_for
from consent_ledger.staff import BreakGlassReason
from consent_ledger.vocabulary import (
    DEFAULT_LEVEL,
    REASON_OF_MARKER,
    ConfidentialityBasis,
    DataCategory,
    MarkerKind,
    Purpose,
    Reason,
    ServiceType,
    Verdict,
)

_NO_ROWS_LEAVE = frozenset({Purpose.SERVICE_IMPROVEMENT_EVALUATION, Purpose.RESEARCH})
_SPENT_FOR = frozenset({ServiceType.HOUSING, ServiceType.EMPLOYMENT})


def may_disclose(
    fragment: Fragment,
    recipient: Feed,
    registration: Registration | None,
    purpose: Purpose,
    person: Person,
    agreements: Iterable[Agreement],
    others: Sequence[Person] = (),
) -> Decision:
    """Decides one use by the holder of one registration of the recipient's; `None` when it has none.

    `person` is whoever told the fragment; `others` are those whom it is solely about.
    """
    if fragment.origin_agency_id == recipient.agency_id:
        return Decision(Verdict.ALLOW_OWN, 0)
    general = list(_about_person_and_fragment(fragment, recipient, registration, purpose, person, others))
    best: tuple[tuple[int, int], Finding] | None = None
    passed = False
    for one in agreements:
        outcome = _under(one, fragment, recipient, registration, purpose, person, others)
        if isinstance(outcome, Finding):
            if outcome.reason is Reason.NOT_A_PARTY and not _is_provider(one, fragment.origin_agency_id):
                continue
            progress = (_progress(outcome), outcome)
            best = progress if best is None or progress[0] > best[0] else best
        elif not general:
            return Decision(Verdict.PERMIT, 10, None, one.agreement_id, (one.agreement_id, *outcome))
        else:
            passed = True
            break
    for decision in sharing_decision.between(person, fragment, recipient):
        relied_on = _under_decision(
            decision, general, fragment, recipient, registration, purpose, person, others
        )
        if not isinstance(relied_on, Finding):
            return Decision(Verdict.PERMIT, 10, None, decision.row_id, (decision.row_id, *relied_on))
    if passed:
        return _withheld(general)
    # Of what nothing permits the agreements' reason is told: a decision is one more way, never a duty.
    own = best[1] if best is not None else Finding(3, Reason.NO_AGREEMENT)
    return _withheld([*general, own])


def permitted_rows(
    fragment: Fragment,
    recipient: Feed,
    registration: Registration,
    person: Person,
    running: Sequence[tuple[str, AgreementVersion]],
    others: Sequence[Person] = (),
    glass: BreakGlassReason | None = None,
) -> frozenset[tuple[Purpose, str]]:
    """Every (purpose, agreement id) under which the fragment may stand at the recipient's registration.

    `running` are the agreements in force between the fragment's origin and the recipient. What people decided
    stands there as `decision:<uuid>`. `glass`: why somebody reads without a relationship; then it is a read
    that is asked about, and never a delivery.
    """
    if fragment.origin_agency_id == recipient.agency_id:
        return frozenset()
    if not recipient.categories.issuperset(fragment.categories):
        return frozenset()
    rows = set()
    decisions = sharing_decision.between(person, fragment, recipient) if person.decisions else []
    for purpose in recipient.purposes:
        about = _about_person_and_fragment(fragment, recipient, registration, purpose, person, others)
        against = next(about, None)
        if decisions:
            general = [] if against is None else [against, *about]
            rows |= {
                (purpose, one.row_id)
                for one in decisions
                if not isinstance(
                    _under_decision(one, general, fragment, recipient, registration, purpose, person, others),
                    Finding,
                )
            }
        if against is not None:
            continue
        opened = tests_opened(glass, purpose, fragment)
        for agreement_id, version in running:
            outcome = _under_version(
                version, fragment, recipient, registration, purpose, person, others, opened=opened
            )
            if not isinstance(outcome, Finding):
                rows.add((purpose, agreement_id))
    return frozenset(rows)


def _under_decision(
    decision: SharingDecision,
    general: Sequence[Finding],
    fragment: Fragment,
    recipient: Feed,
    registration: Registration | None,
    purpose: Purpose,
    person: Person,
    others: Sequence[Person],
) -> Finding | tuple[str, ...]:
    """What speaks against sharing it by what people decided, or the ids of the person's grants relied on.

    The holder weighed its own records, whomever they are about: its basis stands for every subject.
    """
    against = sharing_decision.stands_against(decision, general, fragment)
    if against is not None:
        return against
    if (not_meant := sharing_decision.outside(decision, fragment, purpose)) is not None:
        return not_meant
    own = None if registration is None else registration.registration_id
    outcome = _under_version(
        sharing_decision.as_version(decision),
        fragment,
        recipient,
        registration,
        purpose,
        sharing_decision.asked_of(decision, person),
        [sharing_decision.asked_of(decision, one) for one in others],
        known=sharing_decision.known_to(decision, person, own),
    )
    if isinstance(outcome, Finding):
        return outcome
    return tuple(one for one in outcome if one != str(decision.decision_id))


def _withheld(findings: list[Finding]) -> Decision:
    finding = first(findings)
    return Decision(finding.verdict, finding.test, finding.reason, told_by=finding.told_by)


def _progress(finding: Finding) -> tuple[int, int]:
    order = agreements_tests.PROGRESS_WITHIN_AGREEMENT
    return (finding.test, order.index(finding.reason) if finding.reason in order else len(order))


def _is_provider(agreement: Agreement, agency_id: str) -> bool:
    return any(agency_id in version.parties for version in agreement.versions)


def _all_categories(fragment: Fragment) -> tuple[DataCategory, ...]:
    return (*fragment.categories, fragment.envelope_category)


def _about_person_and_fragment(
    fragment: Fragment,
    recipient: Feed,
    registration: Registration | None,
    purpose: Purpose,
    person: Person,
    others: Sequence[Person],
) -> Iterator[Finding]:
    """Tests 1, 2, 6, 7 and 9."""
    if person.disputed or registration is None or registration.registration_id not in person.registrations:
        yield Finding(1, Reason.IDENTITY_UNCERTAIN)
    if fragment.erased:
        yield Finding(2, Reason.ERASED)
    if fragment.superseded:
        yield Finding(2, Reason.SUPERSEDED)
    if person.deceased:
        yield Finding(2, Reason.DECEASED)
    if any(subject.restricted for subject in (person, *others)):
        yield Finding(2, Reason.ART18_RESTRICTED)
    if fragment.review_overdue:
        yield Finding(2, Reason.REVIEW_OVERDUE)
    if fragment.spent and (recipient.service_type in _SPENT_FOR or purpose is Purpose.REFERRAL_ELIGIBILITY):
        yield Finding(2, Reason.SPENT)
    for subject in (person, *others):
        yield from _excluded(fragment, recipient, subject)
        yield from _protected(fragment, subject)
    if purpose in _NO_ROWS_LEAVE:
        yield Finding(9, Reason.DATA_OPT_OUT if person.opted_out else Reason.SMALL_NUMBER)


def _excluded(fragment: Fragment, recipient: Feed, person: Person) -> Iterator[Finding]:
    """Test 6. An exclusion yields to no grant."""
    for exclusion in person.exclusions:
        if not exclusion.lifted and (
            exclusion.agency_id == recipient.agency_id
            or (exclusion.category is not None and exclusion.category in _all_categories(fragment))
        ):
            yield Finding(
                6,
                Reason.CLIENT_EXCLUSION,
                told_by=exclusion.recorded_by,
                yields=exclusion.may_be_overridden,
            )


def _protected(fragment: Fragment, person: Person) -> Iterator[Finding]:
    """Test 7. A marker yields to no grant."""
    if fragment.third_party:
        yield Finding(7, Reason.THIRD_PARTY_DATA, told_by=fragment.origin_agency_id, yields=True)
    if fragment.holds_place is not None:
        yield Finding(7, Reason.PROTECTED_ADDRESS, told_by=fragment.holds_place)
    for marker in person.markers:
        if marker.lifted:
            continue
        if marker.kind is MarkerKind.PROTECTED_ADDRESS:
            if (
                DataCategory.CONTACT_LOCATION in fragment.categories
                and (fragment.record_id, fragment.revision) not in person.care_of
            ):
                yield Finding(7, Reason.PROTECTED_ADDRESS, told_by=marker.placed_by)
        elif marker.record_id == fragment.record_id:
            yield Finding(
                7,
                REASON_OF_MARKER[marker.kind],
                told_by=marker.placed_by,
                yields=marker.kind in sharing_decision.MARKERS_THAT_YIELD,
            )


def _under(
    agreement: Agreement,
    fragment: Fragment,
    recipient: Feed,
    registration: Registration | None,
    purpose: Purpose,
    person: Person,
    others: Sequence[Person],
) -> Finding | tuple[str, ...]:
    """Tests 3, 4, 5 and 8 under one agreement: what speaks against it, or the ids of the grants relied on."""
    version = agreements_tests.effective_version(agreement, fragment.origin_agency_id, recipient.agency_id)
    if isinstance(version, Reason):
        return Finding(3, version)
    return _under_version(version, fragment, recipient, registration, purpose, person, others)


def _under_version(
    version: AgreementVersion,
    fragment: Fragment,
    recipient: Feed,
    registration: Registration | None,
    purpose: Purpose,
    person: Person,
    others: Sequence[Person],
    *,
    known: Person | None = None,
    opened: frozenset[int] = frozenset(),
) -> Finding | tuple[str, ...]:
    """The same under one version. `known`: the person as test 8 sees them, where that differs; `opened`: of
    tests 5 and 8 those that broken glass opens."""
    for category in _all_categories(fragment):
        if (reason := agreements_tests.covered(version, category, purpose)) is not None:
            return Finding(3, reason)
    both = agreements_tests.bases(version, fragment.origin_agency_id, recipient, purpose)
    findings = [
        finding
        for category in _all_categories(fragment)
        if (finding := agreements_tests.lawful(both, category)) is not None
    ]
    if findings:
        return first(findings)
    relied_on: list[str] = []
    for subject in (person, *others):
        outcome = _confidential(fragment, recipient, purpose, version, subject)
        if isinstance(outcome, Finding) and 5 in opened:
            # Where consent is the basis in law as well, it is that too that is missing.
            outcome = Finding(4, Reason.NO_LAWFUL_BASIS) if agreements_tests.rests_on_consent(both) else {}
        if isinstance(outcome, Finding):
            findings.append(outcome)
        else:
            if agreements_tests.rests_on_consent(both) and not _consented(outcome):
                findings.append(Finding(4, Reason.NO_LAWFUL_BASIS))
            relied_on += [str(grant.grant_id) for grants in outcome.values() for grant in grants]
        if agreements_tests.withdrawal_is_objection(both) and _objected(
            fragment, recipient, purpose, version, subject
        ):
            findings.append(Finding(4, Reason.OBJECTION, Verdict.REVIEW))
    not_involved = _involved(fragment, recipient, registration, purpose, version, known or person)
    if not_involved is not None and 8 not in opened:
        findings.append(not_involved)
    return first(findings) if findings else tuple(sorted(set(relied_on)))


def _uses(fragment: Fragment, recipient: Feed, purpose: Purpose, version: AgreementVersion) -> Iterator[Use]:
    """Each category the fragment holds, then its envelope's."""
    for index, category in enumerate(_all_categories(fragment)):
        level = DEFAULT_LEVEL[category]
        if index < len(fragment.categories):
            level = max(level, level_for(fragment, recipient), key=lambda one: one.rank)
        yield Use(
            category,
            purpose,
            recipient,
            level,
            fragment.occurred_at,
            version.notice_id,
            version.rows[(category, purpose)],
        )


def _confidential(
    fragment: Fragment, recipient: Feed, purpose: Purpose, version: AgreementVersion, person: Person
) -> Finding | dict[tuple[int, DataCategory], list[Grant]]:
    """Test 5 for every category: the grants that open each, or the first that none opens."""
    opened: dict[tuple[int, DataCategory], list[Grant]] = {}
    content: set[UUID] = set()
    for index, use in enumerate(_uses(fragment, recipient, purpose, version)):
        is_envelope = index == len(fragment.categories)
        grants = list(
            confidentiality.grants_for(
                person, use, as_envelope_of=frozenset(content) if is_envelope else frozenset()
            )
        )
        if not grants:
            return Finding(5, confidentiality.why_closed(person, use))
        opened[(index, use.category)] = grants
        content |= {grant.grant_id for grant in grants}
    return opened


def _objected(
    fragment: Fragment, recipient: Feed, purpose: Purpose, version: AgreementVersion, person: Person
) -> bool:
    """Whether a withdrawal speaks against a category. An envelope that other granted content needs stays."""
    content: set[UUID] = set()
    for index, use in enumerate(_uses(fragment, recipient, purpose, version)):
        if index < len(fragment.categories):
            content |= {grant.grant_id for grant in confidentiality.grants_for(person, use)}
            if confidentiality.objected(person, use):
                return True
        elif use.category not in fragment.categories and confidentiality.objected(person, use):
            needed = confidentiality.grants_for(person, use, as_envelope_of=frozenset(content))
            return not any(grant.grant_id in content for grant in needed)
    return False


def _consented(opened: dict[tuple[int, DataCategory], list[Grant]]) -> bool:
    """Whether explicit consent opens every category, where consent is the basis in law as well."""
    return all(
        any(grant.basis is ConfidentialityBasis.EXPLICIT_CONSENT for grant in grants)
        for grants in opened.values()
    )


def _involved(
    fragment: Fragment,
    recipient: Feed,
    registration: Registration | None,
    purpose: Purpose,
    version: AgreementVersion,
    person: Person,
) -> Finding | None:
    """Test 8 at the agency's level: its work under this reference was opened, by somebody else."""
    if registration is not None and not registration.closed:
        for use in _uses(fragment, recipient, purpose, version):
            highest = highest_level(person, registration, recipient, use.row, fragment.registration_id)
            if highest is None or use.level.rank > highest.rank:
                break
        else:
            return None
    return Finding(8, Reason.NOT_INVOLVED)
