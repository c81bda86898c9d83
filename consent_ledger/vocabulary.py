"""The controlled terms that decisions are made of, named as the field names them.

Each value is its name, so that stored facts read the same in every language. Sources: HL7 v3
ActCode and ActReason, W3C DPV 2.3, UK GDPR and DPA 2018.
"""

from enum import StrEnum, auto


class Term(StrEnum):
    """A term whose value is its own name."""

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[str]) -> str:
        return name


class DataCategory(Term):
    """What content is about."""

    IDENTITY = auto()
    CONTACT_LOCATION = auto()
    EQUALITY = auto()
    ACCOMMODATION = auto()
    PHYSICAL_HEALTH = auto()
    MENTAL_HEALTH = auto()
    SUBSTANCE_USE = auto()
    OFFENDING = auto()
    DOMESTIC_ABUSE = auto()
    SEXUAL_HEALTH = auto()
    SAFEGUARDING_RISK = auto()
    IMMIGRATION = auto()
    MONEY_WORK = auto()
    FAMILY = auto()
    OWN_STORY = auto()
    SERVICE_CONTACT = auto()


class KeyCategory(Term):
    """Keys of their own for what is not content."""

    ADMINISTRATION = auto()
    CONSENT = auto()
    LINK = auto()
    ACCESS = auto()
    PLACE = auto()


class Level(Term):
    """How sensitive content is: normal, restricted, very restricted (HL7 v3 Confidentiality)."""

    N = auto()
    R = auto()
    V = auto()

    @property
    def rank(self) -> int:
        """0 for N up to 2 for V."""
        return "NRV".index(self.value)


class Purpose(Term):
    """Why content is used."""

    DIRECT_SUPPORT = auto()
    CARE_COORDINATION = auto()
    ASSESSMENT_REUSE = auto()
    REFERRAL_ELIGIBILITY = auto()
    SAFEGUARDING = auto()
    EMERGENCY = auto()
    CRIME_PREVENTION = auto()
    LEGAL_DUTY_OR_CLAIM = auto()
    SERVICE_IMPROVEMENT_EVALUATION = auto()
    RESEARCH = auto()
    RIGHTS_REQUEST = auto()
    IDENTITY_MATCHING = auto()
    EMPLOYMENT = auto()


class LawfulBasis(Term):
    """UK GDPR Article 6(1), with (ea) as inserted by the Data (Use and Access) Act 2025 s.70."""

    A6_1_A = auto()
    A6_1_C = auto()
    A6_1_D = auto()
    A6_1_E = auto()
    A6_1_EA = auto()
    A6_1_F = auto()


class Article9Condition(Term):
    """UK GDPR Article 9(2)."""

    A9_2_A = auto()
    A9_2_B = auto()
    A9_2_C = auto()
    A9_2_D = auto()
    A9_2_F = auto()
    A9_2_G = auto()
    A9_2_H = auto()
    A9_2_I = auto()
    A9_2_J = auto()


class Article10Condition(Term):
    """UK GDPR Article 10 with DPA 2018 Schedule 1."""

    OFFICIAL_AUTHORITY = auto()
    SCH1_P1 = auto()
    SCH1_P2 = auto()
    SCH1_P16 = auto()
    SCH1_P17 = auto()
    SCH1_P18 = auto()
    SCH1_P19 = auto()


class ConfidentialityBasis(Term):
    """The common-law duty's eight answers: per client, never the same as a lawful basis."""

    EXPLICIT_CONSENT = auto()
    IMPLIED_CONSENT = auto()
    BEST_INTERESTS = auto()
    PUBLIC_INTEREST = auto()
    STATUTORY_DUTY = auto()
    COURT_ORDER = auto()
    S251 = auto()
    NOT_CONFIDENTIAL = auto()


class StatutoryDuty(Term):
    """Duties to share in law. When each is in force is in `consent_ledger.statutory_duties`."""

    CHILDREN_ACT_1989_S47 = auto()
    CHILDREN_ACT_2004_S16LA = auto()
    CARE_ACT_2014_S45 = auto()
    HOUSING_ACT_1996_S213B = auto()
    SERIOUS_VIOLENCE_2022_S9 = auto()


class CaptureMethod(Term):
    """How a choice was captured."""

    WRITTEN_SIGNATURE = auto()
    ESIGNATURE = auto()
    DIGITAL_SELF_SERVICE = auto()
    VERBAL_IN_PERSON = auto()
    VERBAL_PHONE = auto()
    INTERPRETER_ASSISTED = auto()
    BSL_OR_EASY_READ = auto()
    PROXY_LPA_HW = auto()
    PROXY_DEPUTY = auto()
    PARENTAL_RESPONSIBILITY = auto()
    BEST_INTERESTS_RECORD = auto()
    IMPORTED_LEGACY = auto()


class HandlingMark(Term):
    """Marks that travel with content (HL7 v3 ActCode)."""

    NORDSCLCD = auto()
    NOREUSE = auto()
    DELAU = auto()
    PERSISTLABEL = auto()


class OnEnd(Term):
    """What becomes of held content when its permission ends."""

    STOP = auto()
    RESTRICT = auto()
    ERASE = auto()


class ServiceType(Term):
    """What kind of service learned something, or reads it."""

    STREET_OUTREACH = auto()
    HOSTEL = auto()
    HOUSING = auto()
    SUBSTANCE_USE = auto()
    MENTAL_HEALTH = auto()
    PRIMARY_CARE = auto()
    HOSPITAL = auto()
    SEXUAL_HEALTH = auto()
    DOMESTIC_ABUSE = auto()
    PROBATION = auto()
    PRISON = auto()
    IMMIGRATION_ADVICE = auto()
    MONEY_ADVICE = auto()
    EMPLOYMENT = auto()
    SOCIAL_CARE = auto()
    FAMILY_SUPPORT = auto()
    NAVIGATION = auto()
    POLICE = auto()


class MarkerKind(Term):
    """What a protection marker protects against."""

    PROTECTED_ADDRESS = auto()
    THIRD_PARTY = auto()
    SERIOUS_HARM = auto()
    PRIVILEGED = auto()
    CRIME_PREJUDICE = auto()


class ExclusionGround(Term):
    """Why somebody is shut out, where that has a rule of its own."""

    WORKPLACE = auto()


class ExclusionEffect(Term):
    """What came of an exclusion, to be told to the person."""

    AGENCY_SHUT_OUT = auto()
    PERSON_SHUT_OUT = auto()
    CATEGORY_SHUT_OUT = auto()


class PersonStatus(Term):
    """Facts about a person that change what may be shared."""

    PROCESSING_RESTRICTED = auto()
    RESTRICTION_LIFTED = auto()
    DATA_OPT_OUT = auto()
    DATA_OPT_IN = auto()
    DEATH_REPORTED = auto()
    DEATH_REPORT_WITHDRAWN = auto()


class InvolvementGround(Term):
    """Why an agency began to work with a person."""

    NAMED_GRANT = auto()
    REFERRAL = auto()
    LEAD = auto()
    EMERGENCY = auto()
    SAFEGUARDING = auto()


class ClosingReason(Term):
    """Why a registration was closed."""

    CASE_CLOSED = auto()
    IN_ERROR = auto()


class PostKind(Term):
    """What somebody answers for at an agency."""

    SAFEGUARDING_LEAD = auto()
    CALDICOTT_GUARDIAN = auto()
    DATA_PROTECTION_OFFICER = auto()
    DUTY_WORKER = auto()
    TWENTY_FOUR_HOURS = auto()


class TaskKind(Term):
    """What somebody has to look at."""

    GRANT_ENDING = auto()
    SAFETY_CRITICAL_ENDED = auto()
    RISK_TO_OTHERS = auto()
    REVIEW_OVERDUE = auto()
    EMERGENCY_CARD_OPENED = auto()
    BREAK_GLASS_OPENED = auto()
    SHARING_ASKED = auto()
    TO_COUNTERSIGN = auto()
    OVERRIDE_TO_REVIEW = auto()
    PLACE_TO_RING = auto()
    BREACH_TO_ASSESS = auto()
    NEW_INVOLVEMENT = auto()
    OWN_WORD_TO_SEEK = auto()


class PermissionState(Term):
    """What one purpose of held content allows."""

    ACTIVE = auto()
    STOPPED = auto()
    RESTRICTED = auto()


class Verdict(Term):
    """A decision. REVIEW is not permitted: a person looks. ALLOW_OWN is outside the hub."""

    PERMIT = auto()
    DENY = auto()
    REVIEW = auto()
    ALLOW_OWN = auto()


class Reason(Term):
    """Why something is withheld. Seen by the origin's data protection officer only."""

    NO_AGREEMENT = auto()
    NOT_A_PARTY = auto()
    AGREEMENT_NOT_SIGNED = auto()
    AGREEMENT_NOT_IN_FORCE = auto()
    PURPOSE_NOT_COVERED = auto()
    CATEGORY_NOT_COVERED = auto()
    NOT_INVOLVED = auto()
    NO_LAWFUL_BASIS = auto()
    OBJECTION = auto()
    NO_CONFIDENTIALITY_BASIS = auto()
    OUTSIDE_DATA_PERIOD = auto()
    CONSENT_EXPIRED = auto()
    CONSENT_WITHDRAWN = auto()
    CONSENT_REFUSED = auto()
    CLIENT_EXCLUSION = auto()
    PROTECTED_ADDRESS = auto()
    THIRD_PARTY_DATA = auto()
    SERIOUS_HARM = auto()
    PRIVILEGED = auto()
    CRIME_PREJUDICE = auto()
    ART18_RESTRICTED = auto()
    REVIEW_OVERDUE = auto()
    SPENT = auto()
    DECEASED = auto()
    DATA_OPT_OUT = auto()
    SMALL_NUMBER = auto()
    IDENTITY_UNCERTAIN = auto()
    SUPERSEDED = auto()
    ERASED = auto()
    NO_ROLE = auto()
    NO_RELATIONSHIP = auto()


_VERY_RESTRICTED = (
    DataCategory.DOMESTIC_ABUSE,
    DataCategory.SEXUAL_HEALTH,
    DataCategory.SAFEGUARDING_RISK,
    DataCategory.IMMIGRATION,
)
_NORMAL = (
    DataCategory.IDENTITY,
    DataCategory.ACCOMMODATION,
    DataCategory.MONEY_WORK,
    DataCategory.SERVICE_CONTACT,
)
DEFAULT_LEVEL: dict[DataCategory, Level] = {
    category: Level.V if category in _VERY_RESTRICTED else Level.N if category in _NORMAL else Level.R
    for category in DataCategory
}
"""The level of a category's content where nothing raises it."""

_HEALTH = frozenset({DataCategory.PHYSICAL_HEALTH, DataCategory.MENTAL_HEALTH, DataCategory.SUBSTANCE_USE})

ARTICLE_9_CATEGORIES = _HEALTH | frozenset(
    {
        DataCategory.EQUALITY,
        DataCategory.SEXUAL_HEALTH,
        DataCategory.DOMESTIC_ABUSE,
        DataCategory.SAFEGUARDING_RISK,
        DataCategory.OWN_STORY,
    }
)
"""Special category content, by nature or by inference: both controllers need a condition."""

SAFETY_CRITICAL = _HEALTH | {DataCategory.SAFEGUARDING_RISK}
"""Medicines, health and risk: somebody may come to harm by not knowing (SAFETY H16)."""

ARTICLE_10_CATEGORIES = frozenset({DataCategory.OFFENDING})

_DISCLOSING_SERVICES = {
    ServiceType.SUBSTANCE_USE: DataCategory.SUBSTANCE_USE,
    ServiceType.MENTAL_HEALTH: DataCategory.MENTAL_HEALTH,
    ServiceType.HOSPITAL: DataCategory.PHYSICAL_HEALTH,
    ServiceType.SEXUAL_HEALTH: DataCategory.SEXUAL_HEALTH,
    ServiceType.DOMESTIC_ABUSE: DataCategory.DOMESTIC_ABUSE,
    ServiceType.PROBATION: DataCategory.OFFENDING,
    ServiceType.PRISON: DataCategory.OFFENDING,
    ServiceType.IMMIGRATION_ADVICE: DataCategory.IMMIGRATION,
    ServiceType.MONEY_ADVICE: DataCategory.MONEY_WORK,
    ServiceType.FAMILY_SUPPORT: DataCategory.FAMILY,
}
ENVELOPE_CATEGORY: dict[ServiceType, DataCategory] = {
    service: _DISCLOSING_SERVICES.get(service, DataCategory.SERVICE_CONTACT) for service in ServiceType
}
"""What merely being known to a kind of service discloses (HL7 SSP)."""

CONFIDENTIAL_SERVICES = frozenset({ServiceType.DOMESTIC_ABUSE, ServiceType.SEXUAL_HEALTH})
"""That somebody is known to one nobody finds or is told: links there start from the client (SAFETY H6)."""

REASON_OF_MARKER = {
    MarkerKind.PROTECTED_ADDRESS: Reason.PROTECTED_ADDRESS,
    MarkerKind.THIRD_PARTY: Reason.THIRD_PARTY_DATA,
    MarkerKind.SERIOUS_HARM: Reason.SERIOUS_HARM,
    MarkerKind.PRIVILEGED: Reason.PRIVILEGED,
    MarkerKind.CRIME_PREJUDICE: Reason.CRIME_PREJUDICE,
}
