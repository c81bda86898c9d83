"""MAIS's Request and the answers of its policy decision point.

MAIS's `RequestedData.Query` names a person; ours has no such part: whether a request is valid under an
agreement is judged before anybody is looked for, so nothing here can tell whether anybody is known.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import auto

from consent_ledger.vocabulary import DataCategory, Purpose, Term


class SharingVerdict(Term):
    """PERMIT: valid under an agreement in force. REVIEW: valid in form, a person looks first."""

    PERMIT = auto()
    DENY = auto()
    REVIEW = auto()


class ReviewReason(Term):
    """Why the law asks for more than an agreement can say beforehand."""

    CASE_BY_CASE_PURPOSE = auto()
    """UK GDPR Article 6(1)(e), (ea) or (f) for crime prevention, a legal claim or safeguarding: whether this
    one disclosure is necessary has to be weighed and written down each time."""
    CASE_BY_CASE_CATEGORY = auto()
    """Immigration status opens by the person's own explicit word to one recipient only; criminal offence data
    (Article 10) needs its condition to hold in this very case."""


@dataclass(frozen=True, slots=True)
class SharingRequest:
    """What is asked of whom, why, and under which agreements. Times are aware; ids are the contract's."""

    identifier: str
    date_stamp: datetime
    provider_agency_id: str
    asserted_purpose: Purpose
    categories: tuple[DataCategory, ...]
    agreement_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgedAgreement:
    """What was found of one claimed agreement.

    `version` is 0 where the requester is no party and where there is no such agreement, alike. `reason` is a
    code; empty for a permit.
    """

    agreement_id: str
    version: int
    verdict: SharingVerdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict over all claimed agreements, in the order they were claimed."""

    verdict: SharingVerdict
    agreements: tuple[JudgedAgreement, ...]
