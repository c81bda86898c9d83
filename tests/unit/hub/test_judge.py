"""Whether a request is valid under the agreements it claims: every verdict and reason, nothing for others."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from consent_ledger.facts import Agreement, AgreementVersion, Party, PartyBasis, Row
from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    DataCategory,
    LawfulBasis,
    OnEnd,
    Purpose,
)
from hub.mais.judge import judge
from hub.mais.request import JudgedAgreement, SharingRequest, SharingVerdict

NEW, OLD = "hostel", "outreach"
REQUEST = SharingRequest(
    "REQ-1",
    datetime(2026, 3, 2, tzinfo=UTC),
    OLD,
    Purpose.DIRECT_SUPPORT,
    (DataCategory.ACCOMMODATION, DataCategory.PHYSICAL_HEALTH),
    ("isa-1",),
)
BASIS = PartyBasis(LawfulBasis.A6_1_E, Article9Condition.A9_2_H, Article10Condition.SCH1_P18)


def version(number: int = 1, **changes: object) -> AgreementVersion:
    """Both have signed it, it runs, and it covers every purpose with every category."""
    parties = {agency: Party(dict.fromkeys(Purpose, BASIS), False) for agency in (NEW, OLD, "clinic")}
    rows = {(c, p): Row(OnEnd.ERASE, False) for c in DataCategory for p in Purpose}
    made = AgreementVersion(number, parties, rows, "notice-1", begun=True, signed_by={NEW, OLD, "clinic"})
    return replace(made, **changes) if changes else made  # type: ignore[arg-type]


def judged(agreement: Agreement | None, request: SharingRequest = REQUEST) -> tuple[str, str, int]:
    """(verdict, reason, version) of the one agreement claimed."""
    found = judge(request, NEW, {} if agreement is None else {agreement.agreement_id: agreement})
    [one] = found.agreements
    assert found.verdict == one.verdict
    return one.verdict, one.reason, one.version


def isa(*versions: AgreementVersion, terminated: bool = False) -> Agreement:
    return Agreement("isa-1", list(versions) or [version()], terminated)


def only(basis: PartyBasis, agency: str) -> dict[str, Party]:
    """The parties, one of whom has this basis for everything."""
    return {**version().parties, agency: Party(dict.fromkeys(Purpose, basis), False)}


def test_what_the_agreement_covers_is_permitted() -> None:
    assert judged(isa()) == ("PERMIT", "", 1)


ROWS_WITHOUT_HEALTH = {
    pair: row for pair, row in version().rows.items() if pair[0] is not DataCategory.PHYSICAL_HEALTH
}
ROWS_FOR_SAFEGUARDING = {pair: row for pair, row in version().rows.items() if pair[1] is Purpose.SAFEGUARDING}


@pytest.mark.parametrize(
    ("agreement", "reason"),
    [
        (isa(version(signed_by={NEW, "clinic"})), "AGREEMENT_NOT_SIGNED"),
        (isa(version(signed_by={OLD, "clinic"})), "AGREEMENT_NOT_SIGNED"),
        (isa(version(begun=False)), "AGREEMENT_NOT_IN_FORCE"),
        (isa(version(lapsed=True)), "AGREEMENT_NOT_IN_FORCE"),
        (isa(terminated=True), "AGREEMENT_NOT_IN_FORCE"),
        (isa(version(parties={one: version().parties[one] for one in (NEW, "clinic")})), "NOT_A_PARTY"),
        (isa(version(parties={**version().parties, OLD: Party({}, receives_only=True)})), "NOT_A_PARTY"),
        (isa(version(rows=ROWS_FOR_SAFEGUARDING)), "PURPOSE_NOT_COVERED"),
        (isa(version(rows=ROWS_WITHOUT_HEALTH)), "CATEGORY_NOT_COVERED"),
        (isa(version(parties={**version().parties, OLD: Party({}, False)})), "NO_LAWFUL_BASIS"),
        (isa(version(parties={**version().parties, NEW: Party({}, False)})), "NO_LAWFUL_BASIS"),
        (isa(version(parties=only(replace(BASIS, lawful_basis=None), NEW))), "NO_LAWFUL_BASIS"),
        (isa(version(parties=only(replace(BASIS, article9=None), OLD))), "NO_LAWFUL_BASIS"),
    ],
)
def test_each_thing_that_is_missing_denies_with_its_reason(agreement: Agreement, reason: str) -> None:
    assert judged(agreement) == ("DENY", reason, 1)


@pytest.mark.parametrize(
    ("purpose", "reason"),
    [
        (Purpose.EMPLOYMENT, "PURPOSE_NOT_COVERED"),
        (Purpose.RESEARCH, "SMALL_NUMBER"),
        (Purpose.SERVICE_IMPROVEMENT_EVALUATION, "SMALL_NUMBER"),
    ],
)
def test_purposes_for_which_no_row_ever_leaves_are_denied(purpose: Purpose, reason: str) -> None:
    assert judged(isa(), replace(REQUEST, asserted_purpose=purpose)) == ("DENY", reason, 1)


WEIGHED = (Purpose.CRIME_PREVENTION, Purpose.LEGAL_DUTY_OR_CLAIM, Purpose.SAFEGUARDING)


@pytest.mark.parametrize("basis", LawfulBasis)
@pytest.mark.parametrize("purpose", [*WEIGHED, Purpose.DIRECT_SUPPORT])
@pytest.mark.parametrize("whose", [NEW, OLD])
def test_a_purpose_that_is_weighed_each_time_is_for_a_person_to_look_at(
    basis: LawfulBasis, purpose: Purpose, whose: str
) -> None:
    both_duty = {
        agency: Party({one: replace(BASIS, lawful_basis=LawfulBasis.A6_1_C) for one in Purpose}, False)
        for agency in version().parties
    }
    parties = {**both_duty, whose: only(replace(BASIS, lawful_basis=basis), whose)[whose]}
    found = judged(isa(version(parties=parties)), replace(REQUEST, asserted_purpose=purpose))

    if purpose in WEIGHED and basis in (LawfulBasis.A6_1_E, LawfulBasis.A6_1_EA, LawfulBasis.A6_1_F):
        assert found == ("REVIEW", "CASE_BY_CASE_PURPOSE", 1)
    else:
        assert found == ("PERMIT", "", 1)


@pytest.mark.parametrize("category", DataCategory)
def test_immigration_and_offending_are_for_a_person_to_look_at(category: DataCategory) -> None:
    expected = (
        ("REVIEW", "CASE_BY_CASE_CATEGORY", 1)
        if category in (DataCategory.IMMIGRATION, DataCategory.OFFENDING)
        else ("PERMIT", "", 1)
    )

    assert judged(isa(), replace(REQUEST, categories=(DataCategory.ACCOMMODATION, category))) == (
        expected if category is not DataCategory.ACCOMMODATION else ("PERMIT", "", 1)
    )


def test_what_is_not_covered_is_denied_before_anybody_looks() -> None:
    asked = replace(REQUEST, asserted_purpose=Purpose.SAFEGUARDING)

    assert judged(isa(version(rows=ROWS_WITHOUT_HEALTH)), asked) == ("DENY", "CATEGORY_NOT_COVERED", 1)


def test_criminal_offence_data_without_its_condition_is_denied() -> None:
    agreement = isa(version(parties=only(replace(BASIS, article10=None), OLD)))

    assert judged(agreement, replace(REQUEST, categories=(DataCategory.OFFENDING,)))[1] == "NO_LAWFUL_BASIS"


def test_who_is_no_party_is_told_exactly_what_nobody_is() -> None:
    others = {agency: version().parties[agency] for agency in (OLD, "clinic")}
    foreign = isa(version(parties=others, signed_by={OLD, "clinic"}))

    assert judged(foreign) == judged(None) == ("DENY", "NO_AGREEMENT", 0)


def test_the_version_judged_is_the_newest_that_both_signed() -> None:
    narrower = version(2, rows=ROWS_WITHOUT_HEALTH, signed_by=set())

    assert judged(isa(version(), narrower)) == ("PERMIT", "", 1), "a draft counts for nothing"
    narrower.signed_by.update({NEW, OLD})
    assert judged(isa(version(), narrower)) == ("DENY", "CATEGORY_NOT_COVERED", 2)


def test_one_agreement_that_permits_is_enough_and_a_review_goes_before_a_denial() -> None:
    permits, denies = isa(), Agreement("isa-2", [version(lapsed=True)])
    asked = replace(REQUEST, agreement_ids=("isa-2", "isa-9", "isa-1"))
    agreements = {one.agreement_id: one for one in (permits, denies)}

    found = judge(asked, NEW, agreements)
    assert found.verdict is SharingVerdict.PERMIT
    assert found.agreements == (
        JudgedAgreement("isa-2", 1, SharingVerdict.DENY, "AGREEMENT_NOT_IN_FORCE"),
        JudgedAgreement("isa-9", 0, SharingVerdict.DENY, "NO_AGREEMENT"),
        JudgedAgreement("isa-1", 1, SharingVerdict.PERMIT),
    )
    weighed = replace(asked, asserted_purpose=Purpose.SAFEGUARDING)
    assert judge(weighed, NEW, agreements).verdict is SharingVerdict.REVIEW
    assert judge(replace(weighed, agreement_ids=("isa-2",)), NEW, agreements).verdict is SharingVerdict.DENY
