"""What can come of a task, and what is said of a breach of personal data (UK GDPR Articles 33 and 34)."""

from enum import auto

from consent_ledger.vocabulary import Term


class TaskOutcome(Term):
    """What came of a task."""

    ASKED = auto()
    NOT_REACHED = auto()
    SHARED_ON_OTHER_BASIS = auto()
    WARNING_ENDED = auto()
    REVIEWED = auto()
    REVIEWED_IN_ORDER = auto()
    REVIEWED_NOT_IN_ORDER = auto()
    RUNG = auto()
    BREACH_REPORTED = auto()
    BREACH_UNLIKELY_TO_RISK = auto()
    PERSON_KNOWS_OF_IT = auto()
    PERSON_SAYS_NO = auto()


class BreachReason(Term):
    """Why a breach is unlikely to put anybody at risk."""

    TAKEN_BACK_UNREAD = auto()
    SEEN_UNDER_SECRECY = auto()
    NOTHING_SENSITIVE = auto()
    KNOWN_THERE_ALREADY = auto()
    NO_MISTAKE = auto()


class PeopleTold(Term):
    """Whether the people concerned are told of a breach."""

    TOLD = auto()
    TO_BE_TOLD = auto()
    NO_HIGH_RISK = auto()
    WOULD_ENDANGER = auto()
