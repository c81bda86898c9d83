"""MAIS's words for ours: purposes and data as DPV's and our own terms, and the ODRL codes the hub holds to.

Our own terms and keys begin with `oncetold:`. MAIS names DPV; its own list of purposes is not published yet.
"""

from collections.abc import Iterable

from consent_ledger.vocabulary import DataCategory, Purpose

PREFIXES = {
    "dpv": "https://w3id.org/dpv#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "oncetold": "https://oncetold.org/ns/",
}
AGREEMENT_SYSTEM = "https://oncetold.org/ns/agreement"
AGENCY_SYSTEM = "https://oncetold.org/ns/agency"
"""Systems of identifiers: a value under them is our agreement_id, or a hub's agency_id."""

_DPV_PURPOSES = {
    Purpose.DIRECT_SUPPORT: "ServiceProvision",
    Purpose.CARE_COORDINATION: "RequestedServiceProvision",
    Purpose.ASSESSMENT_REUSE: "ServiceProvision",
    Purpose.REFERRAL_ELIGIBILITY: "ServiceAccessDetermination",
    Purpose.CRIME_PREVENTION: "ProtectionOfPublicSecurity",
    Purpose.LEGAL_DUTY_OR_CLAIM: "LegalCompliance",
    Purpose.SERVICE_IMPROVEMENT_EVALUATION: "ImprovePublicServices",
    Purpose.RESEARCH: "NonCommercialResearch",
    Purpose.RIGHTS_REQUEST: "RightsFulfilment",
    Purpose.IDENTITY_MATCHING: "IdentityVerification",
}

READ_AND_COPY = ("odrl:read", "odrl:reproduce")
ERASING_DUTY = "odrl:delete"
NO_PASSING_ON = ("odrl:distribute", "odrl:transfer")
SECURITY = ("oncetold:MUTUAL_TLS", "oncetold:SEALED_AT_REST")
LAW = ("https://www.legislation.gov.uk/eur/2016/679", "https://www.legislation.gov.uk/ukpga/2018/12")
"""UK GDPR and the Data Protection Act 2018."""

UNDERSTOOD = {
    "PermittedUse": READ_AND_COPY,
    # Content is delivered with the mark NORDSCLCD: no passing on without consent, selling included.
    "Restrictions": (*NO_PASSING_ON, "odrl:sell"),
    "DataRecipientResponsibilities": (ERASING_DUTY,),
    "SecurityMeasure": SECURITY,
    "LegalCompliance": LAW,
}
"""Which codes of each of MAIS's rule fields the hub itself holds to."""


def of_purpose(purpose: Purpose) -> str:
    """MAIS's term; several of our purposes may share one."""
    term = _DPV_PURPOSES.get(purpose)
    return f"dpv:{term}" if term else f"oncetold:{purpose}"


def of_category(category: DataCategory) -> str:
    """A category of data as a term."""
    return f"oncetold:{category}"


def in_order(terms: Iterable[str]) -> list[str]:
    """Each term once, where it first stood."""
    return list(dict.fromkeys(terms))


def short(term: str) -> str:
    """A term with its prefix, however it was written."""
    for prefix, base in PREFIXES.items():
        if term.startswith(base):
            return f"{prefix}:{term.removeprefix(base)}"
    return term
