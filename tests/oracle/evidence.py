"""What each confidentiality basis rests on (H19): whether a grant shows it, and the most that it can open."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from tests.oracle import history as h
from tests.oracle.terms import NORMAL, VERY_RESTRICTED

NOBODY_SAID_SO = frozenset({"IMPLIED_CONSENT", "NOT_CONFIDENTIAL"})
"""Neither the person nor somebody for them: any covering no closes it, whenever it was said (P2), and it
answers none (P3)."""

NAMES_AN_AGENCY = frozenset({"PUBLIC_INTEREST", "STATUTORY_DUTY", "COURT_ORDER"})
DECIDED_FOR_THEM = frozenset({"BEST_INTERESTS_RECORD", "PROXY_LPA_HW", "PROXY_DEPUTY"})
SUPPORTING = frozenset({"DIRECT_SUPPORT", "CARE_COORDINATION"})
PLANNING = frozenset({"SERVICE_IMPROVEMENT_EVALUATION", "RESEARCH"})

IN_FORCE_SINCE = {
    "CHILDREN_ACT_1989_S47": date(1991, 10, 14),
    "CARE_ACT_2014_S45": date(2015, 4, 1),
    "HOUSING_ACT_1996_S213B": date(2018, 10, 1),
    "SERIOUS_VIOLENCE_2022_S9": date(2023, 1, 31),
}
"""Duties to share. Section 16LA of the Children Act 2004 is passed but not started."""


SHOWN = {
    "EXPLICIT_CONSENT": h.Evidence(reference="file/1"),  # the advice that immigration needs (H23)
    "IMPLIED_CONSENT": h.Evidence(reference="file/1", told_care_team=True),
    "BEST_INTERESTS": h.Evidence(reference="file/1", decision_maker="decider-1"),
    "PUBLIC_INTEREST": h.Evidence(reference="file/1", authorised_by="lead-1", recorded_by="worker-1"),
    "STATUTORY_DUTY": h.Evidence(reference="file/1", duty="CARE_ACT_2014_S45"),
    "COURT_ORDER": h.Evidence(reference="file/1"),
    "S251": h.Evidence(reference="file/1"),
    "NOT_CONFIDENTIAL": h.Evidence(reference="file/1"),
}
"""Enough of it for each basis (with the capture method that `BEST_INTERESTS` needs)."""


def in_force(duty: str | None, at: datetime) -> bool:
    """By the day in England."""
    since = IN_FORCE_SINCE.get(duty or "")
    return since is not None and at.astimezone(ZoneInfo("Europe/London")).date() >= since


def is_evidenced(grant: h.GrantRecorded) -> bool:
    """S4: without it a grant opens nothing at all."""
    shown = grant.evidence
    if grant.basis == "EXPLICIT_CONSENT":
        return True
    if not shown.reference or (grant.basis in NAMES_AN_AGENCY and grant.recipient.agency is None):
        return False
    match grant.basis:
        case "IMPLIED_CONSENT":
            return shown.told_care_team
        case "BEST_INTERESTS":
            return bool(shown.decision_maker) and grant.method in DECIDED_FOR_THEM
        case "PUBLIC_INTEREST":
            return "" not in (shown.authorised_by, shown.recorded_by) and (
                shown.authorised_by != shown.recorded_by
            )
        case "STATUTORY_DUTY":
            return in_force(shown.duty, grant.at)
    return True


def may_open(grant: h.GrantRecorded, purpose: str, level: str) -> bool:
    """The most that a basis can open, whatever a grant lists."""
    match grant.basis:
        case "IMPLIED_CONSENT":
            return purpose in SUPPORTING and level != "V"
        case "S251":
            return purpose in PLANNING
        case "NOT_CONFIDENTIAL":
            return level == "N"
    return True


def goes_too_far(grant: h.GrantRecorded) -> bool:
    """P4: lists what its basis can never open, so it is refused when recorded."""
    match grant.basis:
        case "IMPLIED_CONSENT":
            return not grant.purposes <= SUPPORTING or bool(grant.categories & VERY_RESTRICTED)
        case "S251":
            return not grant.purposes <= PLANNING
        case "NOT_CONFIDENTIAL":
            return not grant.categories <= NORMAL
    return False


def is_admissible(grant: h.GrantRecorded) -> bool:
    """Whether a hub may record it, as far as its basis goes."""
    return is_evidenced(grant) and not goes_too_far(grant)


def answers_a_no(grant: h.GrantRecorded) -> bool:
    """P3: a decision of the person's own, or made for them, with its evidence."""
    return grant.basis not in NOBODY_SAID_SO and is_evidenced(grant)
