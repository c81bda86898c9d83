"""Tests 3 and 4: the agreement covers it, and both controllers have a basis in law."""

from collections.abc import Iterable

from consent_ledger.facts import Agreement, AgreementVersion, Feed, PartyBasis
from consent_ledger.policy.decision import Finding
from consent_ledger.vocabulary import (
    ARTICLE_9_CATEGORIES,
    ARTICLE_10_CATEGORIES,
    Article9Condition,
    DataCategory,
    LawfulBasis,
    Purpose,
    Reason,
)

_OBJECTION_BASES = frozenset({LawfulBasis.A6_1_E, LawfulBasis.A6_1_EA, LawfulBasis.A6_1_F})

PROGRESS_WITHIN_AGREEMENT = (
    Reason.NO_AGREEMENT,
    Reason.NOT_A_PARTY,
    Reason.AGREEMENT_NOT_SIGNED,
    Reason.AGREEMENT_NOT_IN_FORCE,
    Reason.PURPOSE_NOT_COVERED,
    Reason.CATEGORY_NOT_COVERED,
)
"""How far an agreement got: the later, the nearer it came to permitting."""


def effective_version(
    agreement: Agreement, origin_agency_id: str, recipient_agency_id: str
) -> AgreementVersion | Reason:
    """The newest version that both have signed and is in force, or why there is none (test 3).

    An unsigned draft changes nothing, nor does one signed ahead of its start until then; but once the origin
    has signed a version without the recipient, it no longer shares with it under an older one.
    """
    if not any(
        {origin_agency_id, recipient_agency_id} <= version.parties.keys() for version in agreement.versions
    ):
        return Reason.NOT_A_PARTY
    signed = [version for version in agreement.versions if origin_agency_id in version.signed_by]
    together = [version for version in signed if recipient_agency_id in version.signed_by]
    if not together:
        return Reason.AGREEMENT_NOT_SIGNED
    # One signed ahead of its start replaces nothing yet: until then the one before is in force.
    newest = next((version for version in reversed(together) if version.begun), together[-1])
    if recipient_agency_id not in signed[-1].parties or newest.parties[origin_agency_id].receives_only:
        return Reason.NOT_A_PARTY
    if agreement.terminated or not newest.begun or newest.lapsed:
        return Reason.AGREEMENT_NOT_IN_FORCE
    return newest


def running(
    agreements: Iterable[Agreement], origin_agency_id: str, recipient_agency_id: str
) -> list[tuple[str, AgreementVersion]]:
    """The agreements in force between the two, by id, each in the version that counts."""
    found = (
        (one.agreement_id, effective_version(one, origin_agency_id, recipient_agency_id))
        for one in agreements
    )
    return [
        (agreement_id, version) for agreement_id, version in found if isinstance(version, AgreementVersion)
    ]


def covered(version: AgreementVersion, category: DataCategory, purpose: Purpose) -> Reason | None:
    """Whether the (category, purpose) pair is agreed (test 3)."""
    if purpose is Purpose.EMPLOYMENT or purpose not in version.purposes:
        return Reason.PURPOSE_NOT_COVERED
    return None if (category, purpose) in version.rows else Reason.CATEGORY_NOT_COVERED


def bases(
    version: AgreementVersion, origin_agency_id: str, recipient: Feed, purpose: Purpose
) -> tuple[PartyBasis | None, PartyBasis | None]:
    """Both controllers' basis for the purpose."""
    return (
        version.parties[origin_agency_id].bases.get(purpose),
        version.parties[recipient.agency_id].bases.get(purpose),
    )


def lawful(both: tuple[PartyBasis | None, PartyBasis | None], category: DataCategory) -> Finding | None:
    """Test 4 without what the person chose: a basis, and a condition where the category needs one."""
    for basis in both:
        if (
            basis is None
            or basis.lawful_basis is None
            or (category in ARTICLE_9_CATEGORIES and basis.article9 is None)
            or (category in ARTICLE_10_CATEGORIES and basis.article10 is None)
        ):
            return Finding(4, Reason.NO_LAWFUL_BASIS)
    return None


def rests_on_consent(both: tuple[PartyBasis | None, PartyBasis | None]) -> bool:
    """Whether either controller relies on consent itself, so that withdrawing it closes test 4 too."""
    return any(
        basis is not None
        and (basis.lawful_basis is LawfulBasis.A6_1_A or basis.article9 is Article9Condition.A9_2_A)
        for basis in both
    )


def withdrawal_is_objection(both: tuple[PartyBasis | None, PartyBasis | None]) -> bool:
    """Whether a withdrawal is an objection under UK GDPR Article 21: under 6(1)(e), (ea) or (f) only."""
    return any(basis is not None and basis.lawful_basis in _OBJECTION_BASES for basis in both)
