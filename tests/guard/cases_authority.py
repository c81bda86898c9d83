"""What a stranger could quote in the calls of certificates, cards, places, and decisions to share."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from oncetold.v1 import (
    certificate_service_pb2,
    common_pb2,
    emergency_service_pb2,
    place_service_pb2,
    sharing_pb2,
    sharing_service_pb2,
)
from tests.integration.quoting import INVENTED, OWN, Quoted
from tests.integration.story import PURPOSE, request_id, stamp

_certificate, _emergency, _place = certificate_service_pb2, emergency_service_pb2, place_service_pb2
_sharing = sharing_service_pb2
PLACE = place_service_pb2.ProtectedPlace(lines=["7 Mill Lane"], postcode="LS1 4AB")
WORDS = ("able", "acid", "acorn", "actor", "adopt", "adult")
LINES = emergency_service_pb2.CardLines(allergies="Penicillin")
HEALTH = sharing_pb2.SharedContent(categories=[common_pb2.DATA_CATEGORY_PHYSICAL_HEALTH])
LAW = sharing_pb2.BasisInLaw(
    lawful_basis=common_pb2.LAWFUL_BASIS_A6_1_C,
    article9=common_pb2.ARTICLE9_CONDITION_A9_2_G,
    article10=common_pb2.ARTICLE10_CONDITION_SCH1_P18,
)


@dataclass(frozen=True, kw_only=True)
class Its(Quoted):
    """Another agency's, or invented: also what people decided there, and its keys."""

    sharing_request_id: str
    override_id: str
    decision_id: str
    place_id: str
    key_sha256: bytes


NOBODYS = Its(
    **asdict(INVENTED),
    sharing_request_id=str(uuid4()),
    override_id=str(uuid4()),
    decision_id=str(uuid4()),
    place_id=str(uuid4()),
    key_sha256=bytes(range(32)),
)


def soon() -> Timestamp:
    found: Timestamp = stamp(datetime.now(UTC) + timedelta(days=7))
    return found


def asking(reference: str) -> sharing_service_pb2.RequestSharingRequest:
    """An agency asks others to share about somebody."""
    return _sharing.RequestSharingRequest(
        request_id=request_id(),
        client_reference=reference,
        purposes=[PURPOSE],
        categories=[common_pb2.DATA_CATEGORY_PHYSICAL_HEALTH],
        basis=LAW,
        power=sharing_pb2.SHARING_POWER_CARE_ACT_2014,
        why="To treat.",
    )


def overriding(reference: str, to: str) -> sharing_service_pb2.RequestOverrideRequest:
    """Somebody asks their lead to share against a danger."""
    return _sharing.RequestOverrideRequest(
        request_id=request_id(),
        client_reference=reference,
        recipient_agency_id=to,
        content=HEALTH,
        risk=sharing_pb2.OVERRIDE_RISK_TO_THE_PERSON,
        why_no_consent=sharing_pb2.WHY_NO_CONSENT_CANNOT_GIVE,
        told=sharing_pb2.CLIENT_TOLD_NOT_REACHED,
        why="He waits outside.",
        until_time=soon(),
    )


def deciding(reference: str, to: str) -> sharing_service_pb2.DecideInEmergencyRequest:
    """A lead shares at once."""
    return _sharing.DecideInEmergencyRequest(
        request_id=request_id(),
        client_reference=reference,
        recipient_agency_id=to,
        content=HEALTH,
        why="Unconscious.",
    )


REFUSED: dict[str, Callable[[Its], Message]] = {
    "CertificateService.InviteAdapter": lambda its: _certificate.InviteAdapterRequest(
        request_id=request_id(), agency_id=its.agency_id, adapter="9"
    ),
    "CertificateService.ConfirmEnrolment": lambda its: _certificate.ConfirmEnrolmentRequest(
        request_id=request_id(),
        agency_id=its.agency_id,
        words=WORDS,
    ),
    "CertificateService.RevokeCertificate": lambda its: _certificate.RevokeCertificateRequest(
        request_id=request_id(),
        agency_id=its.agency_id,
        public_key_sha256=its.key_sha256,
        reason=_certificate.REVOCATION_REASON_KEY_COMPROMISED,
    ),
    "CertificateService.ListCertificates": lambda its: _certificate.ListCertificatesRequest(
        agency_id=its.agency_id
    ),
    "CertificateService.ListKeyAccess": lambda its: _certificate.ListKeyAccessRequest(
        agency_id=its.agency_id,
        public_key_sha256=its.key_sha256,
        since_time=stamp(datetime.now(UTC) - timedelta(days=1)),
    ),
    "EmergencyService.AgreeCard": lambda its: _emergency.AgreeCardRequest(
        request_id=request_id(),
        client_reference=its.reference,
        lines=LINES,
        agreed_time=stamp(datetime.now(UTC) - timedelta(hours=1)),
    ),
    "EmergencyService.EndCard": lambda its: _emergency.EndCardRequest(
        request_id=request_id(), client_reference=its.reference
    ),
    "EmergencyService.OpenCard": lambda its: _emergency.OpenCardRequest(
        reason=_emergency.CARD_REASON_OVERDOSE_OR_COLLAPSE, client_reference=its.reference
    ),
    "PlaceService.ProtectPlace": lambda its: _place.ProtectPlaceRequest(
        request_id=request_id(), client_reference=its.reference, place=PLACE
    ),
    "PlaceService.ProtectPlace care of": lambda its: _place.ProtectPlaceRequest(
        request_id=request_id(), client_reference=OWN, place=PLACE, care_of_record_id=its.record_id
    ),
    "PlaceService.LiftPlace": lambda its: _place.LiftPlaceRequest(
        request_id=request_id(), client_reference=OWN, place_id=its.place_id
    ),
    "PlaceService.ListPlaces": lambda its: _place.ListPlacesRequest(client_reference=its.reference),
    "SharingService.RequestSharing": lambda its: asking(its.reference),
    "SharingService.AnswerSharing": lambda its: _sharing.AnswerSharingRequest(
        request_id=request_id(),
        sharing_request_id=its.sharing_request_id,
        outcome=sharing_pb2.SHARING_ANSWER_KIND_REFUSE,
        reason=sharing_pb2.REFUSAL_TO_SHARE_ASK_THE_PERSON,
    ),
    "SharingService.RequestOverride": lambda its: overriding(its.reference, "partner"),
    "SharingService.RequestOverride for a record": lambda its: _with_record(its),
    "SharingService.AuthoriseOverride": lambda its: _sharing.AuthoriseOverrideRequest(
        request_id=request_id(), override_id=its.override_id
    ),
    "SharingService.DecideInEmergency": lambda its: deciding(its.reference, "partner"),
    "SharingService.Countersign": lambda its: _sharing.CountersignRequest(
        request_id=request_id(), decision_id=its.decision_id
    ),
    "SharingService.EndDecision": lambda its: _sharing.EndDecisionRequest(
        request_id=request_id(), decision_id=its.decision_id
    ),
    "SharingService.ListDecisions": lambda its: _sharing.ListDecisionsRequest(client_reference=its.reference),
}
ANSWERED: dict[str, tuple[Callable[[Its], Message], type[Message]]] = {
    "EmergencyService.ListCardOpenings": (
        lambda its: _emergency.ListCardOpeningsRequest(client_reference=its.reference),
        _emergency.ListCardOpeningsResponse,
    ),
    "SharingService.ListSharingRequests": (
        lambda its: _sharing.ListSharingRequestsRequest(client_reference=its.reference),
        _sharing.ListSharingRequestsResponse,
    ),
}
QUOTES_NOTHING = frozenset(
    {
        "CertificateService.GetStanding",
        "CertificateService.RenewCertificate",
        # Served at a door of its own, to whoever has a code: adapters do not find it at theirs.
        "EnrolmentService.Enrol",
    }
)


def _with_record(its: Its) -> Message:
    request = overriding(OWN, "partner")
    request.content.record_ids.append(its.record_id)
    return request
