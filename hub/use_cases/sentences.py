"""Decisions in plain English, for the person who is asked "why?"."""

from consent_ledger.vocabulary import Reason, Verdict

WITHHELD = "WITHHELD"
"""Stands for a reason that is another agency's exclusion or marker."""

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


def sentence(verdict: Verdict, reason: str) -> str:
    """One sentence for a decision. `reason` is a reason's code, `WITHHELD`, or empty for a permit."""
    if verdict is Verdict.PERMIT:
        return "It may be shared: the agreement, the law and the person's choice all allow it."
    if verdict is Verdict.ALLOW_OWN:
        return "It is the agency's own record: the hub neither hides nor retracts it."
    return _REASONS[reason]
