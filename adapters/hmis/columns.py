"""Which column says what: the HMIS CSV FY2022 layout, column by column, with the category of each answer.

Source: HUD's HMIS CSV format specifications FY2022 and its data dictionary. The category is of what the
answer *reveals*: being asked by an AIDS programme, or having come from a prison, is told by a code in an
ordinary column, so some codes carry a stricter category than their column (`telling`).

What is not named here stays at the agency: social security number, middle name, last permanent address,
household id, who entered the row, data quality marks, and what a form says about a *relative*
(`MentalHealthDisorderFam` and the like), which is somebody else's story.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from oncetold.v1.common_pb2 import DataCategory

Category: TypeAlias = "DataCategory.ValueType"

ACCOMMODATION = DataCategory.DATA_CATEGORY_ACCOMMODATION
DOMESTIC_ABUSE = DataCategory.DATA_CATEGORY_DOMESTIC_ABUSE
EQUALITY = DataCategory.DATA_CATEGORY_EQUALITY
FAMILY = DataCategory.DATA_CATEGORY_FAMILY
MENTAL_HEALTH = DataCategory.DATA_CATEGORY_MENTAL_HEALTH
MONEY_WORK = DataCategory.DATA_CATEGORY_MONEY_WORK
OFFENDING = DataCategory.DATA_CATEGORY_OFFENDING
PHYSICAL_HEALTH = DataCategory.DATA_CATEGORY_PHYSICAL_HEALTH
SAFEGUARDING_RISK = DataCategory.DATA_CATEGORY_SAFEGUARDING_RISK
SERVICE_CONTACT = DataCategory.DATA_CATEGORY_SERVICE_CONTACT
SEXUAL_HEALTH = DataCategory.DATA_CATEGORY_SEXUAL_HEALTH
SUBSTANCE_USE = DataCategory.DATA_CATEGORY_SUBSTANCE_USE


class Kind(Enum):
    """How a cell is read."""

    CODE = (
        auto()
    )  # a number of a list; 8 (does not know), 9 (refused), 99 (not collected) mean nothing recorded
    LISTED = (
        auto()
    )  # a number of a list in which 8 and 9 are ordinary entries; only 99 means nothing recorded
    TICK = auto()  # one of several boxes: 1 is said, anything else is not
    WHOLE = auto()  # a count; 8 and 9 are counts
    DECIMAL = auto()  # an amount of money, in US dollars
    DAY = auto()  # a day up to today
    ANY_DAY = auto()  # a day that may lie ahead


@dataclass(frozen=True, slots=True)
class Column:
    """One column that is published as an answer."""

    name: str
    category: Category
    kind: Kind = Kind.CODE
    telling: Mapping[str, Category] = field(default_factory=dict)


def _columns(
    category: Category, names: str, kind: Kind = Kind.CODE, telling: Mapping[str, Category] | None = None
) -> tuple[Column, ...]:
    return tuple(Column(name, category, kind, telling or {}) for name in names.split())


# Living situations and destinations share one list. 26, 27: moves within housing for people with AIDS.
PLACES: Mapping[str, Category] = {
    "4": MENTAL_HEALTH,  # psychiatric hospital
    "5": SUBSTANCE_USE,  # treatment facility or detoxification
    "6": PHYSICAL_HEALTH,  # hospital
    "7": OFFENDING,  # jail, prison or juvenile detention
    "15": FAMILY,  # foster care
    "26": SEXUAL_HEALTH,
    "27": SEXUAL_HEALTH,
}
_REFERRED_BY = {"30": FAMILY, "34": OFFENDING, "35": OFFENDING, "37": MENTAL_HEALTH}

CLIENT = (
    _columns(EQUALITY, "AmIndAKNative Asian BlackAfAmerican NativeHIPacific White", Kind.TICK)
    + _columns(EQUALITY, "Ethnicity")
    + _columns(EQUALITY, "Female Male NoSingleGender Transgender Questioning", Kind.TICK)
    + _columns(EQUALITY, "VeteranStatus MilitaryBranch DischargeStatus")
    + _columns(EQUALITY, "YearEnteredService YearSeparated", Kind.WHOLE)
    + _columns(
        EQUALITY,
        "WorldWarII KoreanWar VietnamWar DesertStorm AfghanistanOEF IraqOIF IraqOND OtherTheater",
        Kind.TICK,
    )
)

ENROLLMENT = (
    _columns(ACCOMMODATION, "LivingSituation", telling=PLACES)
    + _columns(SERVICE_CONTACT, "ReferralSource", telling=_REFERRED_BY)
    + _columns(
        ACCOMMODATION,
        "LengthOfStay LOSUnderThreshold PreviousStreetESSH TimesHomelessPastThreeYears "
        "MonthsHomelessPastThreeYears WorstHousingSituation TimeToHousingLoss LiteralHomelessHistory "
        "ClientLeaseholder HOHLeaseholder SubsidyAtRisk EvictionHistory",
    )
    + _columns(ACCOMMODATION, "DateToStreetESSH MoveInDate", Kind.DAY)
    + _columns(SERVICE_CONTACT, "TargetScreenReqd CoCPrioritized EligibleForRHY ReasonNoServices")
    + _columns(SERVICE_CONTACT, "CountOutreachReferralApproaches HPScreeningScore ThresholdScore", Kind.WHOLE)
    + _columns(SERVICE_CONTACT, "DateOfEngagement DateOfBCPStatus", Kind.DAY)
    # PATH is a programme for people with serious mental illness.
    + _columns(MENTAL_HEALTH, "ClientEnrolledInPATH ReasonNotEnrolled")
    + _columns(MENTAL_HEALTH, "DateOfPATHStatus", Kind.DAY)
    + _columns(EQUALITY, "DisablingCondition SexualOrientation DisabledHoH")
    + _columns(
        FAMILY,
        "RelationshipToHoH RunawayYouth FormerWardChildWelfare ChildWelfareYears SingleParent "
        "DependentUnder6 HH5Plus",
    )
    + _columns(FAMILY, "ChildWelfareMonths", Kind.WHOLE)
    + _columns(
        OFFENDING,
        "FormerWardJuvenileJustice JuvenileJusticeYears CriminalRecord IncarceratedAdult PrisonDischarge "
        "SexOffender",
    )
    + _columns(OFFENDING, "JuvenileJusticeMonths", Kind.WHOLE)
    + _columns(MONEY_WORK, "PercentAMI AnnualPercentAMI")
    + _columns(SEXUAL_HEALTH, "CurrentPregnant")
)

CURRENT_LIVING_SITUATION = _columns(
    ACCOMMODATION, "LeaveSituation14Days SubsequentResidence ResourcesToObtain LeaseOwn60Day MovedTwoOrMore"
)

# DisabilityType: the question that a row of Disabilities answers.
DISABILITY_TYPES: Mapping[str, Category] = {
    "5": PHYSICAL_HEALTH,  # physical disability
    "6": EQUALITY,  # developmental disability
    "7": PHYSICAL_HEALTH,  # chronic health condition
    "8": SEXUAL_HEALTH,  # HIV/AIDS
    "9": MENTAL_HEALTH,
    "10": SUBSTANCE_USE,
}
# Asked about HIV only, whatever the row's type.
DISABILITY_HIV = _columns(
    SEXUAL_HEALTH, "TCellCountAvailable TCellSource ViralLoadAvailable ViralLoadSource AntiRetroviral"
) + _columns(SEXUAL_HEALTH, "TCellCount ViralLoad", Kind.WHOLE)

HEALTH_AND_DV = (
    _columns(DOMESTIC_ABUSE, "DomesticViolenceVictim WhenOccurred CurrentlyFleeing")
    + _columns(PHYSICAL_HEALTH, "GeneralHealthStatus DentalHealthStatus")
    + _columns(MENTAL_HEALTH, "MentalHealthStatus LifeValue SupportFromOthers BounceBack FeelingFrequency")
    + _columns(SEXUAL_HEALTH, "PregnancyStatus")
    + _columns(SEXUAL_HEALTH, "DueDate", Kind.ANY_DAY)
)

INCOME_BENEFITS = (
    _columns(
        MONEY_WORK,
        "IncomeFromAnySource Earned Unemployment SSI SSDI VADisabilityService VADisabilityNonService "
        "PrivateDisability WorkersComp TANF GA SocSecRetirement Pension ChildSupport Alimony "
        "OtherIncomeSource BenefitsFromAnySource SNAP WIC TANFChildCare TANFTransportation OtherTANF "
        "OtherBenefitsSource "
        "InsuranceFromAnySource Medicaid NoMedicaidReason Medicare NoMedicareReason SCHIP NoSCHIPReason "
        "VAMedicalServices NoVAMedReason EmployerProvided NoEmployerProvidedReason COBRA NoCOBRAReason "
        "PrivatePay NoPrivatePayReason StateHealthIns NoStateHealthInsReason OtherInsurance "
        "ConnectionWithSOAR",
    )
    + _columns(
        MONEY_WORK,
        "TotalMonthlyIncome EarnedAmount UnemploymentAmount SSIAmount SSDIAmount VADisabilityServiceAmount "
        "VADisabilityNonServiceAmount PrivateDisabilityAmount WorkersCompAmount TANFAmount GAAmount "
        "SocSecRetirementAmount PensionAmount ChildSupportAmount AlimonyAmount OtherIncomeAmount",
        Kind.DECIMAL,
    )
    # A benefit that only people with HIV can have, and one that only members of a tribe can have.
    + _columns(
        SEXUAL_HEALTH,
        "HIVAIDSAssistance NoHIVAIDSAssistanceReason ADAP NoADAPReason RyanWhiteMedDent NoRyanWhiteReason",
    )
    + _columns(EQUALITY, "IndianHealthServices NoIndianHealthServicesReason")
)

# RecordType names the programme that gave the service; TypeProvided the service, in the programme's list.
PROGRAMMES: Mapping[str, Category] = {
    "141": MENTAL_HEALTH,  # PATH service
    "161": MENTAL_HEALTH,  # PATH referral
    "143": SEXUAL_HEALTH,  # housing opportunities for people with AIDS: service
    "151": SEXUAL_HEALTH,  # the same: financial assistance
}
SERVICES_PROVIDED: Mapping[tuple[str, str], Category] = {
    ("141", "5"): SUBSTANCE_USE,
    ("161", "2"): SUBSTANCE_USE,
    ("142", "7"): OFFENDING,  # criminal justice or legal services
    ("142", "10"): FAMILY,  # parenting education
    ("142", "12"): SEXUAL_HEALTH,  # post-natal care
    ("142", "13"): SEXUAL_HEALTH,  # pre-natal care
    ("142", "14"): PHYSICAL_HEALTH,
    ("142", "17"): SUBSTANCE_USE,
    ("142", "18"): SUBSTANCE_USE,
    ("142", "27"): FAMILY,  # newborn care
    ("142", "28"): SEXUAL_HEALTH,  # testing for sexually transmitted disease
}

_LEFT_BECAUSE = {"10": PHYSICAL_HEALTH, "11": OFFENDING}

EXIT_REASONS = _columns(SERVICE_CONTACT, "ProjectCompletionStatus EarlyExitReason") + _columns(
    SERVICE_CONTACT, "CMExitReason", Kind.LISTED, telling=_LEFT_BECAUSE
)
EXIT = (
    _columns(ACCOMMODATION, "HousingAssessment", telling={"7": OFFENDING})
    + _columns(ACCOMMODATION, "SubsidyInformation")
    + _columns(
        SEXUAL_HEALTH,
        "ExchangeForSex ExchangeForSexPastThreeMonths CountOfExchangeForSex AskedOrForcedToExchangeForSex "
        "AskedOrForcedToExchangeForSexPastThreeMonths",
    )
    + _columns(
        SAFEGUARDING_RISK,
        "WorkplaceViolenceThreats WorkplacePromiseDifference CoercedToContinueWork "
        "LaborExploitPastThreeMonths DestinationSafeClient DestinationSafeWorker",
    )
    + _columns(
        MENTAL_HEALTH,
        "CounselingReceived IndividualCounseling FamilyCounseling GroupCounseling PostExitCounselingPlan",
    )
    + _columns(MENTAL_HEALTH, "SessionCountAtExit SessionsInPlan", Kind.WHOLE)
    + _columns(
        SERVICE_CONTACT, "PosAdultConnections PosPeerConnections PosCommunityConnections AftercareProvided"
    )
    + _columns(SERVICE_CONTACT, "AftercareDate", Kind.DAY)
    + _columns(SERVICE_CONTACT, "EmailSocialMedia Telephone InPersonIndividual InPersonGroup", Kind.TICK)
)

# Words somebody wrote. They stay at the agency, and are counted: nobody released them.
FREE_TEXT: Mapping[str, tuple[str, ...]] = {
    "Enrollment.csv": ("SexualOrientationOther",),
    "CurrentLivingSituation.csv": ("LocationDetails", "VerifiedBy"),
    "IncomeBenefits.csv": (
        "OtherIncomeSourceIdentify",
        "OtherBenefitsSourceIdentify",
        "OtherInsuranceIdentify",
    ),
    "Services.csv": ("OtherTypeProvided", "MovingOnOtherType"),
    "Exit.csv": ("OtherDestination",),
}
