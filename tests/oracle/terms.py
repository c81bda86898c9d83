"""Levels, envelopes, bases: the terms that the decision is made of, straight from the vocabulary."""

from datetime import datetime, timedelta

from tests.oracle import history as h

NORMAL = frozenset({"IDENTITY", "ACCOMMODATION", "MONEY_WORK", "SERVICE_CONTACT"})
VERY_RESTRICTED = frozenset({"DOMESTIC_ABUSE", "SEXUAL_HEALTH", "SAFEGUARDING_RISK", "IMMIGRATION"})
SPECIAL = frozenset(
    {
        "EQUALITY",
        "PHYSICAL_HEALTH",
        "MENTAL_HEALTH",
        "SUBSTANCE_USE",
        "SEXUAL_HEALTH",
        "DOMESTIC_ABUSE",
        "SAFEGUARDING_RISK",
        "OWN_STORY",
    }
)
DISCLOSED_BY_SERVICE = {
    "SUBSTANCE_USE": "SUBSTANCE_USE",
    "MENTAL_HEALTH": "MENTAL_HEALTH",
    "HOSPITAL": "PHYSICAL_HEALTH",
    "SEXUAL_HEALTH": "SEXUAL_HEALTH",
    "DOMESTIC_ABUSE": "DOMESTIC_ABUSE",
    "PROBATION": "OFFENDING",
    "PRISON": "OFFENDING",
    "IMMIGRATION_ADVICE": "IMMIGRATION",
    "MONEY_ADVICE": "MONEY_WORK",
    "FAMILY_SUPPORT": "FAMILY",
}
ENFORCING = frozenset({"POLICE", "PRISON", "PROBATION"})
NEVER_DELIVERED = frozenset({"EMPLOYMENT", "SERVICE_IMPROVEMENT_EVALUATION", "RESEARCH"})
CLOSED_BY_REFUSAL = frozenset({"EXPLICIT_CONSENT", "IMPLIED_CONSENT", "BEST_INTERESTS", "NOT_CONFIDENTIAL"})
OBJECTION_BASES = frozenset({"A6_1_E", "A6_1_EA", "A6_1_F"})
ASKED = frozenset({"EXPLICIT_CONSENT", "IMPLIED_CONSENT"})
"""Only what was asked of the person, or told to them, can be pressed, in doubt or late."""
WEAK_LASTS = timedelta(days=7)
TO_OTHERS = frozenset({"worker", "public", "child"})
"""To whom a risk is not the client's alone (5a.5)."""

PairOfRow = tuple[str, str]  # purpose, agreement


def level_of(category: str, free_text: bool) -> str:
    """R6: N, R or V."""
    if free_text or category in VERY_RESTRICTED:
        return "V"
    return "N" if category in NORMAL else "R"


def envelope_of(service_type: str) -> str:
    """What being known to a kind of service discloses by itself (5a.18)."""
    return DISCLOSED_BY_SERVICE.get(service_type, "SERVICE_CONTACT")


def is_weak(grant: h.GrantRecorded) -> bool:
    """H13, 5a.19: pressed, in doubt, or recorded on a later UTC day than given. Consent only (S4)."""
    if grant.basis not in ASKED:
        return False
    asked_freely = grant.asked_alone and grant.service_offered_anyway and grant.told_may_refuse
    return not asked_freely or grant.capacity_in_doubt or grant.given.date() < grant.at.date()


def review_end(record: h.RecordPublished) -> datetime | None:
    """When a judgement has to be looked at again (H25): what is only alleged ends after twelve months."""
    ends = [] if record.review_by is None else [record.review_by]
    risks = [part.risk for part in record.parts if part.risk is not None]
    if any(risk.source == "alleged" and risk.outcome is None for risk in risks):
        ends.append(_a_year_after(record.occurred))
    return min(ends, default=None)


def _a_year_after(moment: datetime) -> datetime:
    leap_day = (moment.month, moment.day) == (2, 29)
    return moment.replace(year=moment.year + 1, day=28 if leap_day else moment.day)


def concerns_others(part: h.Part) -> bool:
    """Whether it says of a worker, the public or a child that they are at risk."""
    return part.risk is not None and part.risk.risk_to in TO_OTHERS


def marks_of(record: h.RecordPublished, active: frozenset[PairOfRow]) -> frozenset[str]:
    """R14: the handling marks that go with content."""
    marks = {"NORDSCLCD", "PERSISTLABEL"} | record.marks
    if not any(purpose == "REFERRAL_ELIGIBILITY" for purpose, _ in active):
        marks |= {"NOREUSE"}
    return frozenset(marks)
