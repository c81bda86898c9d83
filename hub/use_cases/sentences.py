"""Decisions, losses and tasks in plain English, for whoever asks "why?" or reads them aloud."""

from datetime import datetime

from consent_ledger.vocabulary import DataCategory, ExclusionEffect, OnEnd, Reason, TaskKind, Verdict
from consent_ledger.working_days import LONDON

WITHHELD = "WITHHELD"
"""Stands for a reason that is another agency's exclusion or marker."""

NOBODY_MAY_DEMAND = (
    "This paper is for you. Nobody may make you ask for it or show it to them. An employer, or anybody who"
    " offers a service, goods or a place to live, commits an offence by demanding records of your health,"
    " convictions or cautions that you have a right to see (Data Protection Act 2018, section 184). If"
    " somebody does, tell a worker whom you trust."
)
"""On every paper that somebody could be pressed to fetch (SAFETY H13)."""

_REASONS: dict[str, str] = {
    Reason.NO_AGREEMENT: "No sharing agreement includes the agency that recorded it.",
    Reason.NOT_A_PARTY: "The agency that asks is not a party to the agreement.",
    Reason.AGREEMENT_NOT_SIGNED: "The agreement is not signed by both agencies.",
    Reason.AGREEMENT_NOT_IN_FORCE: "The agreement has not begun, has ended or was terminated.",
    Reason.PURPOSE_NOT_COVERED: "The agreement does not cover this purpose.",
    Reason.CATEGORY_NOT_COVERED: "The agreement does not cover this kind of information for this purpose.",
    Reason.NOT_INVOLVED: "Nobody but the agency itself has said that it works with this person.",
    Reason.NO_LAWFUL_BASIS: "One of the two agencies has no basis in law for this kind of information.",
    Reason.OBJECTION: "The person objected: somebody must look at it, and until then it is not shared.",
    Reason.NO_CONFIDENTIALITY_BASIS: "The person has not been asked, or has not agreed to this.",
    Reason.OUTSIDE_DATA_PERIOD: "It happened outside the time that the person agreed to.",
    Reason.CONSENT_EXPIRED: "What the person agreed to has run out.",
    Reason.CONSENT_WITHDRAWN: "The person took their agreement back.",
    Reason.CONSENT_REFUSED: "The person said no.",
    Reason.CLIENT_EXCLUSION: "The person does not want it to go there.",
    Reason.PROTECTED_ADDRESS: "The person's address is protected.",
    Reason.THIRD_PARTY_DATA: "It is about somebody else.",
    Reason.SERIOUS_HARM: "It could cause serious harm.",
    Reason.PRIVILEGED: "It is legally privileged.",
    Reason.CRIME_PREJUDICE: "It could prejudice the prevention of crime.",
    Reason.ART18_RESTRICTED: "Using the person's information is restricted while a question is settled.",
    Reason.REVIEW_OVERDUE: "The judgement is past its review date and has not been confirmed.",
    Reason.SPENT: "The conviction is spent and does not count here.",
    Reason.DECEASED: "The person has died: nothing new is shared.",
    Reason.DATA_OPT_OUT: "The person opted out of research and planning.",
    Reason.SMALL_NUMBER: "Only totals leave for this purpose, never one person's record.",
    Reason.IDENTITY_UNCERTAIN: "It is not certain that both agencies mean the same person.",
    Reason.SUPERSEDED: "Its author replaced it or took it back.",
    Reason.ERASED: "It was erased.",
    Reason.NO_ROLE: "This role may not see it.",
    Reason.NO_RELATIONSHIP: "This worker does not work with the person.",
    WITHHELD: "It is withheld. The reason belongs to another agency.",
}

_ABOUT: dict[DataCategory, str] = {
    DataCategory.IDENTITY: "who the person is",
    DataCategory.CONTACT_LOCATION: "where and how to reach the person",
    DataCategory.EQUALITY: "background and beliefs",
    DataCategory.ACCOMMODATION: "where the person stays",
    DataCategory.PHYSICAL_HEALTH: "health, medicines and allergies",
    DataCategory.MENTAL_HEALTH: "mental health",
    DataCategory.SUBSTANCE_USE: "medicines and drug use",
    DataCategory.OFFENDING: "offending",
    DataCategory.DOMESTIC_ABUSE: "domestic abuse",
    DataCategory.SEXUAL_HEALTH: "sexual health",
    DataCategory.SAFEGUARDING_RISK: "risks",
    DataCategory.IMMIGRATION: "immigration",
    DataCategory.MONEY_WORK: "money and work",
    DataCategory.FAMILY: "family",
    DataCategory.OWN_STORY: "the person's own story",
    DataCategory.SERVICE_CONTACT: "appointments and who to ring",
}
_STAYS = {
    OnEnd.STOP: "what it has stays.",
    OnEnd.RESTRICT: "what it has stays, greyed.",
    OnEnd.ERASE: "what it has is taken back.",
}


_WARNED = "what it has is taken back, but for one sentence: do not visit alone."


def loss_sentence(
    agency_name: str, category: DataCategory, on_end: OnEnd, held: int, *, warned: bool = False
) -> str:
    """What one agency would no longer be told, and what becomes of what it has: to be read aloud.

    `warned`: it knows of a risk to others, of which a warning stays in any case (SAFETY H18).
    """
    after = _STAYS[on_end] if held else "it has nothing of it yet."
    if warned and on_end is OnEnd.ERASE:
        after = _WARNED
    return f"{agency_name} would be told nothing new about {_ABOUT[category]}; {after}"


def exclusion_sentence(effect: ExclusionEffect, *, of_person: bool) -> str:
    """What came of an exclusion, to be read to the person: also where it reaches further than they asked."""
    match effect:
        case ExclusionEffect.PERSON_SHUT_OUT:
            return "That person is shown nothing about you; their colleagues may still see what you allow."
        case ExclusionEffect.CATEGORY_SHUT_OUT:
            return "Nothing of this kind goes to anybody from now on."
        case ExclusionEffect.AGENCY_SHUT_OUT if of_person:
            return (
                "Nothing about you goes to that agency from now on. It keeps copies of its own, so the hub"
                " cannot hide you from one person there alone."
            )
        case ExclusionEffect.AGENCY_SHUT_OUT:
            return "Nothing about you goes to that agency from now on."


_TASKS = {
    TaskKind.GRANT_ENDING: "A permission ends on {day}: ask the person whether it should go on.",
    TaskKind.BREAK_GLASS_OPENED: (
        "Somebody read about this person without working with them, and gave a reason: look whether that was "
        "in order."
    ),
    TaskKind.SAFETY_CRITICAL_ENDED: (
        "A permission for health, medicines or risk has ended, and what others hold is no longer updated: "
        "ask the person what may be shared."
    ),
    TaskKind.RISK_TO_OTHERS: (
        "A permission that carried a warning has ended: decide whether it must be shared on another basis, "
        "or is no longer needed."
    ),
    TaskKind.REVIEW_OVERDUE: (
        "A judgement is past its review date and goes to nobody: affirm it again, or let it go."
    ),
    TaskKind.SHARING_ASKED: (
        "Another agency asks you to share something about this person: look at what it asks and why, and"
        " answer by {day}."
    ),
    TaskKind.TO_COUNTERSIGN: (
        "Somebody asks to share against a danger, or has shared in an emergency: a second person looks at it"
        " and signs, or says no, by {day}."
    ),
    TaskKind.OVERRIDE_TO_REVIEW: (
        "Something was shared about this person without their consent: look at why, and say whether that was"
        " in order."
    ),
    TaskKind.EMERGENCY_CARD_OPENED: (
        "An emergency card was opened: look at who opened it and why, and say whether that was in order."
    ),
    TaskKind.PLACE_TO_RING: (
        "An address that you hold is being taken back at once: within the hour, ring whoever may have it and"
        " make sure that it is gone, from paper and telephones too. Do not ask the person about it."
    ),
    TaskKind.NEW_INVOLVEMENT: (
        "Another agency says that it now works with this person. Ask them about it when you next meet them"
        " alone; do not ring or write. If they know nothing of it, say so here: it is then looked into."
    ),
    TaskKind.OWN_WORD_TO_SEEK: (
        "This young person now decides for themselves what is shared, and what a parent agreed to has ended."
        " Ask them, alone, what they want. They may say no."
    ),
    TaskKind.BREACH_TO_ASSESS: (
        "This person was taken for somebody else, and what your agency told went to the wrong place: look at"
        " who saw it. If anybody may be at risk, report it to the Information Commissioner's Office within 72"
        " hours. Say what you decided, and whether the people concerned are told."
    ),
}


def task_sentence(kind: TaskKind, due: datetime) -> str:
    """What to do about a task; `due` is the end of the permission where one is ending."""
    day = due.astimezone(LONDON)
    return _TASKS[kind].format(day=f"{day.day} {day:%B %Y}")


def sentence(verdict: Verdict, reason: str, *, by_people: bool = False) -> str:
    """One sentence for a decision. `reason` is a reason's code, `WITHHELD`, or empty for a permit.

    `by_people`: not an agreement permits it, but what the agency's own people decided.
    """
    if verdict is Verdict.PERMIT and by_people:
        return "It may be shared: people at the agency that recorded it decided so in this case."
    if verdict is Verdict.PERMIT:
        return "It may be shared: the agreement, the law and the person's choice all allow it."
    if verdict is Verdict.ALLOW_OWN:
        return "It is the agency's own record: the hub neither hides nor retracts it."
    return _REASONS[reason]
