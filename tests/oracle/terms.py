"""Levels, envelopes, bases: the terms that the decision is made of, straight from the vocabulary."""

from datetime import timedelta

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
NEVER_DELIVERED = frozenset({"EMPLOYMENT", "SERVICE_IMPROVEMENT_EVALUATION", "RESEARCH"})
CLOSED_BY_REFUSAL = frozenset({"EXPLICIT_CONSENT", "IMPLIED_CONSENT", "BEST_INTERESTS", "NOT_CONFIDENTIAL"})
OBJECTION_BASES = frozenset({"A6_1_E", "A6_1_EA", "A6_1_F"})
WEAK_LASTS = timedelta(days=7)

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
    """H13, 5a.19: pressed, in doubt, or recorded on a later UTC day than given."""
    asked_freely = grant.asked_alone and grant.service_offered_anyway and grant.told_may_refuse
    return not asked_freely or grant.capacity_in_doubt or grant.given.date() < grant.at.date()


def marks_of(record: h.RecordPublished, active: frozenset[PairOfRow]) -> frozenset[str]:
    """R14: the handling marks that go with content."""
    marks = {"NORDSCLCD", "PERSISTLABEL"} | record.marks
    if not any(purpose == "REFERRAL_ELIGIBILITY" for purpose, _ in active):
        marks |= {"NOREUSE"}
    return frozenset(marks)
