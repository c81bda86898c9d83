"""MAIS's policy decision point: is a request valid under the agreements it claims?

A pure function of agreements. It knows no person, no grant and no record: PERMIT here never means that
anything is held, nor that it may be disclosed (`consent_ledger.policy` decides that, about somebody).
"""

from collections.abc import Mapping

from consent_ledger.facts import Agreement, AgreementVersion, PartyBasis
from consent_ledger.policy.agreement import covered, effective_version, lawful
from consent_ledger.vocabulary import DataCategory, LawfulBasis, Purpose, Reason
from hub.mais.request import JudgedAgreement, Judgement, ReviewReason, SharingRequest, SharingVerdict

_SUPPRESSED_TOTALS_ONLY = frozenset({Purpose.SERVICE_IMPROVEMENT_EVALUATION, Purpose.RESEARCH})
_WEIGHED_PURPOSES = frozenset({Purpose.CRIME_PREVENTION, Purpose.LEGAL_DUTY_OR_CLAIM, Purpose.SAFEGUARDING})
_WEIGHED_BASES = frozenset({LawfulBasis.A6_1_E, LawfulBasis.A6_1_EA, LawfulBasis.A6_1_F})
_WEIGHED_CATEGORIES = frozenset({DataCategory.IMMIGRATION, DataCategory.OFFENDING})

_Bases = tuple[PartyBasis | None, PartyBasis | None]


def judge(request: SharingRequest, requester: str, agreements: Mapping[str, Agreement]) -> Judgement:
    """Judges a request of the agency `requester` under the agreements it claims, as they stand now.

    One agreement that permits is enough; otherwise one that a person has to look at. Within one agreement
    everything asked for has to be covered, and a denial goes before a review.
    """
    judged = tuple(
        _judge_one(request, requester, agreement_id, agreements.get(agreement_id))
        for agreement_id in request.agreement_ids
    )
    found = {one.verdict for one in judged}
    for verdict in (SharingVerdict.PERMIT, SharingVerdict.REVIEW):
        if verdict in found:
            return Judgement(verdict, judged)
    return Judgement(SharingVerdict.DENY, judged)


def _judge_one(
    request: SharingRequest, requester: str, agreement_id: str, agreement: Agreement | None
) -> JudgedAgreement:
    seen = [] if agreement is None else [one for one in agreement.versions if requester in one.parties]
    if agreement is None or not seen:
        # Who is no party learns nothing of an agreement, not even that there is one.
        return JudgedAgreement(agreement_id, 0, SharingVerdict.DENY, Reason.NO_AGREEMENT)
    version = effective_version(agreement, request.provider_agency_id, requester)
    if isinstance(version, Reason):
        return JudgedAgreement(agreement_id, seen[-1].version, SharingVerdict.DENY, version)
    denied = _denied(request, requester, version)
    if denied is not None:
        return JudgedAgreement(agreement_id, version.version, SharingVerdict.DENY, denied)
    review = _review(request, requester, version)
    if review is not None:
        return JudgedAgreement(agreement_id, version.version, SharingVerdict.REVIEW, review)
    return JudgedAgreement(agreement_id, version.version, SharingVerdict.PERMIT)


def _denied(request: SharingRequest, requester: str, version: AgreementVersion) -> Reason | None:
    """The first of the decision table's tests 3, 4 and 9 that does not pass, over everything asked for."""
    both = _bases(request, requester, version)
    for category in request.categories:
        reason = covered(version, category, request.asserted_purpose)
        if reason is not None:
            return reason
    for category in request.categories:
        finding = lawful(both, category)
        if finding is not None:
            return finding.reason
    return Reason.SMALL_NUMBER if request.asserted_purpose in _SUPPRESSED_TOTALS_ONLY else None


def _review(request: SharingRequest, requester: str, version: AgreementVersion) -> ReviewReason | None:
    both = _bases(request, requester, version)
    if request.asserted_purpose in _WEIGHED_PURPOSES and any(
        basis is not None and basis.lawful_basis in _WEIGHED_BASES for basis in both
    ):
        return ReviewReason.CASE_BY_CASE_PURPOSE
    if not _WEIGHED_CATEGORIES.isdisjoint(request.categories):
        return ReviewReason.CASE_BY_CASE_CATEGORY
    return None


def _bases(request: SharingRequest, requester: str, version: AgreementVersion) -> _Bases:
    return (
        version.parties[request.provider_agency_id].bases.get(request.asserted_purpose),
        version.parties[requester].bases.get(request.asserted_purpose),
    )
