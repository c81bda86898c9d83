"""The terms that random histories choose from; some are listed more often to be chosen more often."""

CATEGORIES = (
    "IDENTITY",
    "CONTACT_LOCATION",
    "EQUALITY",
    "ACCOMMODATION",
    "PHYSICAL_HEALTH",
    "MENTAL_HEALTH",
    "SUBSTANCE_USE",
    "OFFENDING",
    "DOMESTIC_ABUSE",
    "SEXUAL_HEALTH",
    "SAFEGUARDING_RISK",
    "IMMIGRATION",
    "MONEY_WORK",
    "FAMILY",
    "OWN_STORY",
    "SERVICE_CONTACT",
)
PURPOSES = ("DIRECT_SUPPORT", "CARE_COORDINATION", "REFERRAL_ELIGIBILITY", "SAFEGUARDING")
SERVICES = ("HOSTEL", "SUBSTANCE_USE", "HOUSING", "MENTAL_HEALTH", "PRIMARY_CARE", "NAVIGATION")
BASES = (*("A6_1_E", "A6_1_C", "A6_1_D") * 3, "A6_1_A", "A6_1_F", "A6_1_EA")
CONFIDENCES = (
    *("EXPLICIT_CONSENT",) * 9,
    "IMPLIED_CONSENT",
    "IMPLIED_CONSENT",
    "BEST_INTERESTS",
    "PUBLIC_INTEREST",
    "STATUTORY_DUTY",
    "COURT_ORDER",
    "S251",
    "NOT_CONFIDENTIAL",
)
WINDOWS = ("", "", "03:00", "12:30")
"""When of a day a feed's copies are taken back; half the feeds have no window."""
