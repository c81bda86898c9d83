"""What a stranger quotes in each call: another agency's references and ids, or inventions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from google.protobuf.message import Message

from oncetold.v1 import (
    administration_service_pb2,
    agency_service_pb2,
    agreement_service_pb2,
    audit_service_pb2,
    common_pb2,
    consent_service_pb2,
    delivery_service_pb2,
    erasure_service_pb2,
    growing_up_pb2,
    record_service_pb2,
    records_pb2,
    registration_service_pb2,
    staff_service_pb2,
    task_service_pb2,
)
from tests.integration.story import CATEGORIES, PURPOSE, request_id, stamp

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Quoted:
    """Another agency's, or invented."""

    reference: str
    record_id: str
    link_id: str
    token: str
    grant_id: str
    exclusion_id: str
    marker_id: str
    feed_id: str
    agreement_id: str
    agency_id: str
    task_id: str
    hold_id: str
    erasure_id: str
    relationship_id: str = field(default_factory=lambda: str(uuid4()))


INVENTED = Quoted(
    reference="never-1",
    record_id="no-such-visit",
    link_id=str(uuid4()),
    token="0" * 32,
    grant_id=str(uuid4()),
    exclusion_id=str(uuid4()),
    marker_id=str(uuid4()),
    feed_id=str(uuid4()),
    agreement_id="isa-9",
    agency_id="nowhere",
    task_id=str(uuid4()),
    hold_id=str(uuid4()),
    erasure_id=str(uuid4()),
)

WITH_HEALTH = (*CATEGORIES, common_pb2.DATA_CATEGORY_PHYSICAL_HEALTH)
OWN = "cli-1"
"""A reference of the caller's own, where one is needed beside what it quotes."""


def a_grant(reference: str) -> consent_service_pb2.Grant:
    return consent_service_pb2.Grant(
        client_reference=reference,
        scope=consent_service_pb2.Scope(purposes=[PURPOSE], categories=CATEGORIES, agency_id="hostel"),
        confidentiality_basis=common_pb2.CONFIDENTIALITY_BASIS_EXPLICIT_CONSENT,
        capture_method=common_pb2.CAPTURE_METHOD_ESIGNATURE,
        notice_id="notice-1",
        given_time=stamp(NOW),
        effective_until_time=stamp(NOW + timedelta(days=1)),
    )


def a_record(reference: str) -> record_service_pb2.Record:
    return record_service_pb2.Record(
        record_id="visit-9",
        revision=1,
        client_reference=reference,
        service_type=common_pb2.SERVICE_TYPE_HOSTEL,
        occurred_time=stamp(NOW),
        source_system="test",
        content=records_pb2.RecordContent(contact=records_pb2.Contact(bedded_down=True)),
    )


_agreement, _audit, _consent = agreement_service_pb2, audit_service_pb2, consent_service_pb2
_delivery, _record, _registration = delivery_service_pb2, record_service_pb2, registration_service_pb2

_agency, _erasure, _task = agency_service_pb2, erasure_service_pb2, task_service_pb2
_administration, _staff = administration_service_pb2, staff_service_pb2


def everything_of(reference: str) -> erasure_service_pb2.ErasureScope:
    return _erasure.ErasureScope(client_reference=reference, registration=True)


QUOTING: dict[str, Callable[[Quoted], Message]] = {
    "AdministrationService.AcceptFileRoot": lambda its: _administration.AcceptFileRootRequest(
        request_id=request_id(), agency_id=its.agency_id, accepted_by="dpo-1"
    ),
    "AgencyService.AppointPost": lambda its: _agency.AppointPostRequest(
        request_id=request_id(),
        agency_id=its.agency_id,
        post=_agency.Post(
            kind=_agency.POST_KIND_DUTY_WORKER, staff_reference="k-7", telephone="01632 960145"
        ),
    ),
    "AgencyService.DepartAgency": lambda its: _agency.DepartAgencyRequest(
        request_id=request_id(),
        agency_id=its.agency_id,
        copies=_agency.DEPARTED_COPIES_ERASED,
        records=_agency.DEPARTED_RECORDS_KEPT,
        attested_by="k-7",
    ),
    "ErasureService.Erase": lambda its: _erasure.EraseRequest(
        request_id=request_id(),
        scope=everything_of(its.reference),
        ground=_erasure.ERASURE_GROUND_OBJECTION,
    ),
    "ErasureService.PlaceHold": lambda its: _erasure.PlaceHoldRequest(
        request_id=request_id(),
        scope=_erasure.ErasureScope(client_reference=OWN, record_id=its.record_id),
        ground=_erasure.HOLD_GROUND_LEGAL_CLAIMS,
        review_time=stamp(NOW + timedelta(days=90)),
    ),
    "ErasureService.LiftHold": lambda its: _erasure.LiftHoldRequest(
        request_id=request_id(), hold_id=its.hold_id
    ),
    "ErasureService.GetErasureCertificate": lambda its: _erasure.GetErasureCertificateRequest(
        erasure_id=its.erasure_id
    ),
    "AgreementService.SignAgreement": lambda its: _agreement.SignAgreementRequest(
        request_id=request_id(), agreement_id=its.agreement_id, version=1
    ),
    "AgreementService.TerminateAgreement": lambda its: _agreement.TerminateAgreementRequest(
        request_id=request_id(), agreement_id=its.agreement_id
    ),
    "RegistrationService.CloseRegistration": lambda its: _registration.CloseRegistrationRequest(
        request_id=request_id(),
        client_reference=its.reference,
        reason=_registration.CLOSING_REASON_IN_ERROR,
    ),
    "RegistrationService.CreateLinkToken": lambda its: _registration.CreateLinkTokenRequest(
        request_id=request_id(), client_reference=its.reference
    ),
    "RegistrationService.RedeemLinkToken": lambda its: _registration.RedeemLinkTokenRequest(
        request_id=request_id(), client_reference=OWN, token=its.token
    ),
    "RegistrationService.ConfirmLink": lambda its: _registration.ConfirmLinkRequest(
        request_id=request_id(), link_id=its.link_id
    ),
    "RegistrationService.UndoLink": lambda its: _registration.UndoLinkRequest(
        request_id=request_id(), link_id=its.link_id
    ),
    "RegistrationService.OpenInvolvement": lambda its: _registration.OpenInvolvementRequest(
        request_id=request_id(),
        client_reference=its.reference,
        agency_id="hostel",
        ground=_registration.INVOLVEMENT_GROUND_REFERRAL,
    ),
    "RegistrationService.EndInvolvement": lambda its: _registration.EndInvolvementRequest(
        request_id=request_id(), client_reference=its.reference
    ),
    "RegistrationService.AppointLead": lambda its: _registration.AppointLeadRequest(
        request_id=request_id(), client_reference=its.reference, agency_id="hostel"
    ),
    "ConsentService.RecordGrant": lambda its: _consent.RecordGrantRequest(
        request_id=request_id(), grant=a_grant(its.reference)
    ),
    "ConsentService.RecordRefusal": lambda its: _consent.RecordRefusalRequest(
        request_id=request_id(), client_reference=its.reference, scope=_consent.Scope()
    ),
    "ConsentService.WithdrawGrant": lambda its: _consent.WithdrawGrantRequest(
        request_id=request_id(), client_reference=OWN, grant_id=its.grant_id
    ),
    "ConsentService.PreviewWithdrawal": lambda its: _consent.PreviewWithdrawalRequest(
        client_reference=OWN, grant_id=its.grant_id
    ),
    "ConsentService.ReconfirmGrant": lambda its: _consent.ReconfirmGrantRequest(
        request_id=request_id(), client_reference=OWN, grant_id=its.grant_id
    ),
    "ConsentService.RecordExclusion": lambda its: _consent.RecordExclusionRequest(
        request_id=request_id(), client_reference=its.reference, agency_id="hostel"
    ),
    "ConsentService.LiftExclusion": lambda its: _consent.LiftExclusionRequest(
        request_id=request_id(), client_reference=OWN, exclusion_id=its.exclusion_id
    ),
    "ConsentService.PlaceMarker": lambda its: _consent.PlaceMarkerRequest(
        request_id=request_id(),
        client_reference=OWN,
        kind=_consent.MARKER_KIND_SERIOUS_HARM,
        record_id=its.record_id,
    ),
    "ConsentService.LiftMarker": lambda its: _consent.LiftMarkerRequest(
        request_id=request_id(), client_reference=OWN, marker_id=its.marker_id
    ),
    "ConsentService.RecordStatus": lambda its: _consent.RecordStatusRequest(
        request_id=request_id(),
        client_reference=its.reference,
        status=_consent.PERSON_STATUS_DEATH_REPORTED,
    ),
    "ConsentService.RecordOwnWord": lambda its: growing_up_pb2.RecordOwnWordRequest(
        request_id=request_id(),
        client_reference=its.reference,
        assessment_reference="gillick/7",
        recorded_by="worker-1",
    ),
    "ConsentService.ListChoices": lambda its: _consent.ListChoicesRequest(client_reference=its.reference),
    "RecordService.PublishRecords": lambda its: _record.PublishRecordsRequest(
        request_id=request_id(), records=[a_record(its.reference)]
    ),
    "RecordService.GetHistory": lambda its: _record.GetHistoryRequest(
        feed_id=its.feed_id, client_reference=OWN
    ),
    "DeliveryService.FetchDeliveries": lambda its: _delivery.FetchDeliveriesRequest(
        feed_id=its.feed_id, epoch=1, max_items=1
    ),
    "DeliveryService.ReconcileHoldings": lambda its: _delivery.ReconcileHoldingsRequest(
        request_id=request_id(), feed_id=its.feed_id, page=1, last_page=True
    ),
    "StaffService.EndAssertionKey": lambda its: _staff.EndAssertionKeyRequest(
        request_id=request_id(), agency_id=its.agency_id, key_id="staff-1"
    ),
    "StaffService.RecordRelationship": lambda its: _staff.RecordRelationshipRequest(
        request_id=request_id(),
        client_reference=its.reference,
        staff_reference="nav-1",
        kind=_staff.RELATIONSHIP_KIND_CASELOAD,
    ),
    "StaffService.EndRelationship": lambda its: _staff.EndRelationshipRequest(
        request_id=request_id(), relationship_id=its.relationship_id
    ),
    "StaffService.BreakGlass": lambda its: _staff.BreakGlassRequest(
        request_id=request_id(),
        client_reference=its.reference,
        reason=_staff.BREAK_GLASS_REASON_COURT_OR_DUTY,
    ),
    "TaskService.CompleteTask": lambda its: _task.CompleteTaskRequest(
        request_id=request_id(),
        task_id=its.task_id,
        outcome=_task.TASK_OUTCOME_ASKED,
        staff_reference="k-7",
    ),
    "AuditService.ExplainDecision": lambda its: _audit.ExplainDecisionRequest(
        record_id=its.record_id, recipient_agency_id="hostel", purpose=PURPOSE
    ),
    "AuditService.ListDisclosures": lambda its: _audit.ListDisclosuresRequest(client_reference=its.reference),
    "AuditService.ListRetractions": lambda its: _audit.ListRetractionsRequest(client_reference=its.reference),
    "AuditService.GetFeedStatus": lambda its: _audit.GetFeedStatusRequest(feed_id=its.feed_id),
}
ANSWERED: dict[str, tuple[Callable[[Quoted], Message], type[Message]]] = {
    "TaskService.ListTasks": (
        lambda its: _task.ListTasksRequest(client_reference=its.reference),
        _task.ListTasksResponse,
    ),
    "AgreementService.JudgeRequest": (
        lambda its: _agreement.JudgeRequestRequest(
            request_id=request_id(),
            request=_agreement.SharingRequest(
                identifier="r-1",
                date_stamp=stamp(NOW),
                provider_agency_id="outreach",
                asserted_purpose=PURPOSE,
                categories=CATEGORIES,
                agreement_ids=[its.agreement_id],
            ),
        ),
        _agreement.JudgeRequestResponse,
    ),
}
"""Answered and not refused: nothing is found, alike."""
QUOTING_NOTHING = {
    "RegistrationService.RegisterClient",
    "RegistrationService.ListProposedLinks",
    "StaffService.GiveRole",
    "StaffService.EndRole",
    "StaffService.ListRoles",
    "AgreementService.ListAgreements",
    "AuditService.GetLedger",
    "AuditService.ListRegistrationOutliers",
    "ErasureService.ListErasures",
    "ErasureService.ListDueForErasure",
    # The log is the same for everybody, and a witness speaks of its own agency's key.
    "LogService.GetCheckpoint",
    "LogService.GetInclusionProof",
    "LogService.GetConsistencyProof",
    "LogService.ListEntries",
    "WitnessService.AwaitCheckpoint",
    "WitnessService.AddCosignature",
}
