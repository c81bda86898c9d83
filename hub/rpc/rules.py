"""Who may make which call. A method without a rule here is not served at all."""

from enum import Enum, auto


class Rule(Enum):
    """Which callers a method lets in; what they may do there the use case decides."""

    OPERATOR = auto()
    """The operator alone."""
    AGENCY = auto()
    """An agency, or the operator acting for one that it names."""
    CERTIFICATE = auto()
    """An agency's certificate: the operator sees and sends no content."""
    ASSERTED = auto()
    """An agency's certificate, with its signed word for who of its staff asks."""
    NEWCOMER = auto()
    """Whoever has no certificate yet, at the door for that alone."""
    ANYBODY = auto()
    """An agency, or the operator with or without naming one."""


_SERVICES = {
    "AgencyService": {
        "RegisterAgency": Rule.OPERATOR,
        "AuthoriseCertificate": Rule.OPERATOR,
        "Subscribe": Rule.OPERATOR,
        "AppointPost": Rule.ANYBODY,
        "AuthoriseWitness": Rule.OPERATOR,
        "DepartAgency": Rule.ANYBODY,
        "ListAgencies": Rule.OPERATOR,
    },
    "AgreementService": {
        "DraftAgreement": Rule.OPERATOR,
        "SignAgreement": Rule.AGENCY,
        "TerminateAgreement": Rule.ANYBODY,
        "JudgeRequest": Rule.AGENCY,
        "ListAgreements": Rule.ANYBODY,
    },
    "RegistrationService": {
        "RegisterClient": Rule.AGENCY,
        "CloseRegistration": Rule.AGENCY,
        "CreateLinkToken": Rule.AGENCY,
        "RedeemLinkToken": Rule.AGENCY,
        "ListProposedLinks": Rule.AGENCY,
        "ConfirmLink": Rule.ANYBODY,
        "UndoLink": Rule.ANYBODY,
        "OpenInvolvement": Rule.AGENCY,
        "EndInvolvement": Rule.AGENCY,
        "AppointLead": Rule.AGENCY,
    },
    "ConsentService": {
        "RecordGrant": Rule.AGENCY,
        "RecordRefusal": Rule.AGENCY,
        "RecordOwnWord": Rule.AGENCY,
        "WithdrawGrant": Rule.AGENCY,
        "ReconfirmGrant": Rule.AGENCY,
        "RecordExclusion": Rule.AGENCY,
        "LiftExclusion": Rule.AGENCY,
        "PlaceMarker": Rule.AGENCY,
        "LiftMarker": Rule.AGENCY,
        "RecordStatus": Rule.AGENCY,
        "PreviewWithdrawal": Rule.AGENCY,
        "ListChoices": Rule.AGENCY,
    },
    "RecordService": {
        "PublishRecords": Rule.CERTIFICATE,
        "GetHistory": Rule.ASSERTED,
    },
    "StaffService": {
        "AuthoriseAssertionKey": Rule.OPERATOR,
        "EndAssertionKey": Rule.ANYBODY,
        "GiveRole": Rule.AGENCY,
        "EndRole": Rule.AGENCY,
        "ListRoles": Rule.AGENCY,
        "RecordRelationship": Rule.AGENCY,
        "EndRelationship": Rule.AGENCY,
        "BreakGlass": Rule.ASSERTED,
    },
    "DeliveryService": {
        "FetchDeliveries": Rule.CERTIFICATE,
        "ReconcileHoldings": Rule.CERTIFICATE,
    },
    "AuditService": {
        "GetLedger": Rule.ANYBODY,
        "ExplainDecision": Rule.AGENCY,
        "ListDisclosures": Rule.AGENCY,
        "ListRetractions": Rule.ASSERTED,
        "ListRegistrationOutliers": Rule.ASSERTED,
        "CountRegistrationOutliers": Rule.OPERATOR,
        "GetFeedStatus": Rule.ANYBODY,
    },
    "TaskService": {
        "ListTasks": Rule.AGENCY,
        "CompleteTask": Rule.AGENCY,
    },
    "SharingService": {
        "RequestSharing": Rule.ASSERTED,
        "ListSharingRequests": Rule.ASSERTED,
        "AnswerSharing": Rule.ASSERTED,
        "RequestOverride": Rule.ASSERTED,
        "AuthoriseOverride": Rule.ASSERTED,
        "DecideInEmergency": Rule.ASSERTED,
        "Countersign": Rule.ASSERTED,
        "EndDecision": Rule.ASSERTED,
        "ListDecisions": Rule.ASSERTED,
    },
    "LogService": {
        "GetCheckpoint": Rule.ANYBODY,
        "GetInclusionProof": Rule.ANYBODY,
        "GetConsistencyProof": Rule.ANYBODY,
        "ListEntries": Rule.ANYBODY,
    },
    "WitnessService": {
        "AwaitCheckpoint": Rule.CERTIFICATE,
        "AddCosignature": Rule.CERTIFICATE,
    },
    "ErasureService": {
        "Erase": Rule.AGENCY,
        "PlaceHold": Rule.AGENCY,
        "LiftHold": Rule.AGENCY,
        "ListErasures": Rule.AGENCY,
        "ListDueForErasure": Rule.AGENCY,
        "GetErasureCertificate": Rule.AGENCY,
    },
    "AdministrationService": {
        "EnrolAdministrator": Rule.OPERATOR,
        "AddAdministrator": Rule.OPERATOR,
        "EndAdministrator": Rule.OPERATOR,
        "ListAdministrators": Rule.OPERATOR,
        "Propose": Rule.OPERATOR,
        "Approve": Rule.OPERATOR,
        "WithdrawProposal": Rule.OPERATOR,
        "GetProposal": Rule.OPERATOR,
        "ListProposals": Rule.OPERATOR,
        "RatifyStop": Rule.OPERATOR,
        "AcceptFileRoot": Rule.ANYBODY,
        "AuthoriseWindDown": Rule.OPERATOR,
    },
    "CertificateService": {
        "InviteAdapter": Rule.ANYBODY,
        "ConfirmEnrolment": Rule.ANYBODY,
        "RenewCertificate": Rule.CERTIFICATE,
        "RevokeCertificate": Rule.ANYBODY,
        "ListCertificates": Rule.ANYBODY,
        "ListKeyAccess": Rule.ANYBODY,
        "GetStanding": Rule.CERTIFICATE,
    },
    "EnrolmentService": {
        "Enrol": Rule.NEWCOMER,
    },
    "EmergencyService": {
        "AgreeCard": Rule.CERTIFICATE,
        "EndCard": Rule.AGENCY,
        "OpenCard": Rule.ASSERTED,
        "ListCardOpenings": Rule.AGENCY,
    },
    "PlaceService": {
        "ProtectPlace": Rule.AGENCY,
        "LiftPlace": Rule.AGENCY,
        "ListPlaces": Rule.AGENCY,
    },
    "OperatorService": {
        "AcceptClock": Rule.OPERATOR,
        "RotateKeys": Rule.OPERATOR,
    },
}

RULES: dict[str, Rule] = {
    f"oncetold.v1.{service}.{method}": rule
    for service, methods in _SERVICES.items()
    for method, rule in methods.items()
}
"""By the method's full name in the contract."""

_TWO_PEOPLE = {
    "AdministrationService": ("AddAdministrator", "RatifyStop", "AcceptFileRoot", "AuthoriseWindDown"),
    "AgencyService": (
        "RegisterAgency",
        "AuthoriseCertificate",
        "Subscribe",
        "AppointPost",
        "AuthoriseWitness",
        "DepartAgency",
    ),
    "AgreementService": ("DraftAgreement",),
    "CertificateService": ("ConfirmEnrolment",),
    "OperatorService": ("RotateKeys",),
    "StaffService": ("AuthoriseAssertionKey",),
}

TWO_PEOPLE = frozenset(
    f"oncetold.v1.{service}.{method}" for service, methods in _TWO_PEOPLE.items() for method in methods
)
"""What the operator alone may not do once two administer the hub: one proposes it, another approves it."""
