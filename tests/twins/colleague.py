"""Somebody at an agency's desk, in a role, who asks other agencies to share and decides about one's own."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from adapters.kit.assertions import Who
from oncetold.v1 import (
    audit_service_pb2,
    common_pb2,
    consent_service_pb2,
    record_service_pb2,
    sharing_pb2,
    staff_service_pb2,
)
from oncetold.v1 import sharing_service_pb2 as messages
from tests.staff import giving, signer_of, working_with
from tests.twins.choices import categories
from tests.twins.desk import Desk

LAW = sharing_pb2.BasisInLaw(
    lawful_basis=common_pb2.LAWFUL_BASIS_A6_1_C,
    article9=common_pb2.ARTICLE9_CONDITION_A9_2_G,
    article10=common_pb2.ARTICLE10_CONDITION_SCH1_P18,
)
HEALTH = ("PHYSICAL_HEALTH",)


class Colleague:
    """One member of an agency's staff, with whom its other colleagues are not to be mistaken."""

    def __init__(self, desk: Desk, who: Who) -> None:
        self.desk, self.who = desk, who
        stage = desk.stage
        self._signer = signer_of(
            desk.agency_id,
            stage.hub.ledger.ledger_id,
            desk.credentials.certificate.read_bytes(),
            stage.clock.now,
        )

    async def ask(self, method: str, request: Any, answer: Any) -> Any:
        """One call of SharingService, with the agency's word for whoever makes it."""
        metadata = self._signer.metadata(self.who, request)
        return await self.desk.ask(f"SharingService/{method}", request, answer, metadata=metadata)

    def signed(self, request: Any) -> tuple[tuple[str, str], ...]:
        """The agency's word for this member of staff and this one request."""
        return self._signer.metadata(self.who, request)

    async def history(self, reference: str) -> record_service_pb2.GetHistoryResponse:
        """The live view of one person, as this member of staff has it."""
        request = record_service_pb2.GetHistoryRequest(feed_id=self.desk.feed_id, client_reference=reference)
        answer: record_service_pb2.GetHistoryResponse = await self.desk.ask(
            "RecordService/GetHistory",
            request,
            record_service_pb2.GetHistoryResponse,
            metadata=self._signer.metadata(self.who, request),
        )
        return answer

    async def retractions(self, reference: str = "") -> audit_service_pb2.ListRetractionsResponse:
        """What was and is to be taken back of one person; of all, what is overdue."""
        request = audit_service_pb2.ListRetractionsRequest(client_reference=reference)
        answer: audit_service_pb2.ListRetractionsResponse = await self.desk.ask(
            "AuditService/ListRetractions",
            request,
            audit_service_pb2.ListRetractionsResponse,
            metadata=self.signed(request),
        )
        return answer

    @property
    def _request_id(self) -> str:
        return self.desk.stage.request_id()

    def _in(self, days: float) -> datetime:
        return self.desk.stage.clock.now() + timedelta(days=days)

    async def works_with(self, reference: str) -> "Colleague":
        """The agency says that they work with the client."""
        await self.desk.ask(
            "StaffService/RecordRelationship",
            working_with(reference, self._request_id, self.who),
            staff_service_pb2.RecordRelationshipResponse,
        )
        return self

    # -- requests -----------------------------------------------------------------------------------

    async def request(
        self,
        reference: str,
        of: Iterable[str] = HEALTH,
        *,
        purpose: str = "DIRECT_SUPPORT",
        basis: sharing_pb2.BasisInLaw = LAW,
        why: str = "She is unwell and cannot say what she takes.",
    ) -> messages.RequestSharingResponse:
        """Asks whoever holds something."""
        request = messages.RequestSharingRequest(
            request_id=self._request_id,
            client_reference=reference,
            purposes=[common_pb2.Purpose.Value(f"PURPOSE_{purpose}")],
            categories=categories(of),
            basis=basis,
            power=sharing_pb2.SHARING_POWER_CARE_ACT_2014,
            why=why,
        )
        answer: messages.RequestSharingResponse = await self.ask(
            "RequestSharing", request, messages.RequestSharingResponse
        )
        return answer

    async def requests(self, *, to_answer: bool = False) -> list[sharing_pb2.AskedSharing]:
        """Those made, or those to answer."""
        request = messages.ListSharingRequestsRequest(to_answer=to_answer)
        answer = await self.ask("ListSharingRequests", request, messages.ListSharingRequestsResponse)
        return list(answer.requests)

    async def permit(
        self,
        sharing_request_id: str,
        *,
        of: Iterable[str] = (),
        records: Iterable[str] = (),
        days: float = 30,
        basis: str = "PUBLIC_INTEREST",
        law: sharing_pb2.BasisInLaw = LAW,
        evidence: consent_service_pb2.BasisEvidence | None = None,
        notice_id: str = "",
    ) -> messages.AnswerSharingResponse:
        """Shares all of it, or only these categories."""
        kind = "NARROW" if of else "PERMIT"
        said = consent_service_pb2.BasisEvidence(reference="file/7", recorded_by="clerk-9")
        request = messages.AnswerSharingRequest(
            request_id=self._request_id,
            sharing_request_id=sharing_request_id,
            outcome=sharing_pb2.SharingAnswerKind.Value(f"SHARING_ANSWER_KIND_{kind}"),
            content=sharing_pb2.SharedContent(categories=categories(of), record_ids=records),
            basis=law,
            confidentiality_basis=common_pb2.ConfidentialityBasis.Value(f"CONFIDENTIALITY_BASIS_{basis}"),
            evidence=said if evidence is None else evidence,
            notice_id=notice_id,
            why="The ward cannot treat her without it.",
        )
        request.until_time.FromDatetime(self._in(days))
        answer: messages.AnswerSharingResponse = await self.ask(
            "AnswerSharing", request, messages.AnswerSharingResponse
        )
        return answer

    async def refuse(self, sharing_request_id: str) -> messages.AnswerSharingResponse:
        """Shares nothing."""
        request = messages.AnswerSharingRequest(
            request_id=self._request_id,
            sharing_request_id=sharing_request_id,
            outcome=sharing_pb2.SHARING_ANSWER_KIND_REFUSE,
            reason=sharing_pb2.REFUSAL_TO_SHARE_ASK_THE_PERSON,
        )
        answer: messages.AnswerSharingResponse = await self.ask(
            "AnswerSharing", request, messages.AnswerSharingResponse
        )
        return answer

    # -- against a danger ---------------------------------------------------------------------------

    async def ask_for_override(
        self, reference: str, to: str, of: Iterable[str] = HEALTH, *, days: float = 14
    ) -> str:
        """Asks a lead to share against a danger; the override's id."""
        request = messages.RequestOverrideRequest(
            request_id=self._request_id,
            client_reference=reference,
            recipient_agency_id=to,
            content=sharing_pb2.SharedContent(categories=categories(of)),
            risk=sharing_pb2.OVERRIDE_RISK_TO_THE_PERSON,
            why_no_consent=sharing_pb2.WHY_NO_CONSENT_WOULD_DEFEAT_PROTECTION,
            told=sharing_pb2.CLIENT_TOLD_WOULD_ADD_TO_THE_RISK,
            why="He waits outside and knows her key worker.",
        )
        request.until_time.FromDatetime(self._in(days))
        answer = await self.ask("RequestOverride", request, messages.RequestOverrideResponse)
        return str(answer.override_id)

    async def authorise(self, override_id: str, *, decline: bool = False) -> str:
        """Shares, or declines; the decision's id."""
        request = messages.AuthoriseOverrideRequest(
            request_id=self._request_id, override_id=override_id, decline=decline
        )
        answer = await self.ask("AuthoriseOverride", request, messages.AuthoriseOverrideResponse)
        return str(answer.decision_id)

    async def decide_at_once(self, reference: str, to: str, of: Iterable[str] = HEALTH) -> str:
        """Shares in an emergency; the decision's id."""
        request = messages.DecideInEmergencyRequest(
            request_id=self._request_id,
            client_reference=reference,
            recipient_agency_id=to,
            content=sharing_pb2.SharedContent(categories=categories(of)),
            why="Unconscious in A&E.",
        )
        answer = await self.ask("DecideInEmergency", request, messages.DecideInEmergencyResponse)
        return str(answer.decision_id)

    async def countersign(self, decision_id: str) -> Any:
        request = messages.CountersignRequest(request_id=self._request_id, decision_id=decision_id)
        return await self.ask("Countersign", request, messages.CountersignResponse)

    async def end(self, decision_id: str) -> Any:
        request = messages.EndDecisionRequest(request_id=self._request_id, decision_id=decision_id)
        return await self.ask("EndDecision", request, messages.EndDecisionResponse)

    async def decisions(self, reference: str = "") -> messages.ListDecisionsResponse:
        request = messages.ListDecisionsRequest(client_reference=reference)
        answer: messages.ListDecisionsResponse = await self.ask(
            "ListDecisions", request, messages.ListDecisionsResponse
        )
        return answer


async def hired(desk: Desk, staff_reference: str, role: str) -> Colleague:
    """Somebody to whom their agency gives a role."""
    who = Who(staff_reference, role)
    await desk.ask(
        "StaffService/GiveRole", giving(desk.stage.request_id(), who), staff_service_pb2.GiveRoleResponse
    )
    return Colleague(desk, who)


async def taken_back(desk: Desk, reference: str) -> list[audit_service_pb2.Disclosure]:
    """What the agency's data protection officer reads of what is taken back of one person."""
    officer = await hired(desk, "officer-1", "DATA_PROTECTION_OFFICER")
    return list((await officer.retractions(reference)).retractions)
