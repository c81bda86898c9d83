"""What a person chooses, recorded at an agency's desk."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from oncetold.v1 import common_pb2, consent_service_pb2, growing_up_pb2

if TYPE_CHECKING:
    from tests.twins.stage import Stage

TOLD = "DIRECT_SUPPORT"


def category(name: str) -> Any:
    return common_pb2.DataCategory.Value(f"DATA_CATEGORY_{name}")


def categories(names: Iterable[str]) -> list[Any]:
    return [category(name) for name in names]


class Choices(ABC):
    """The calls of one agency's desk that record choices."""

    stage: "Stage"

    @abstractmethod
    async def ask(self, method: str, request: Any, answer: Any) -> Any:
        """Calls `Service/Method`."""

    def _scope(
        self, named: Iterable[str], purposes: Iterable[str], to: str, service_type: str, support_team: bool
    ) -> consent_service_pb2.Scope:
        scope = consent_service_pb2.Scope(
            purposes=[common_pb2.Purpose.Value(f"PURPOSE_{one}") for one in purposes],
            categories=categories(named),
        )
        if to:
            scope.agency_id = to
        if service_type:
            scope.service_type = common_pb2.ServiceType.Value(f"SERVICE_TYPE_{service_type}")
        if support_team:
            scope.support_team = True
        return scope

    async def grant(
        self,
        reference: str,
        named: Iterable[str],
        *,
        to: str = "",
        service_type: str = "",
        support_team: bool = False,
        purposes: Iterable[str] = (TOLD,),
        begins: datetime | None = None,
        until: datetime | None = None,
        basis: str = "EXPLICIT_CONSENT",
        evidence: consent_service_pb2.BasisEvidence | None = None,
        given_by: consent_service_pb2.GivenBy | None = None,
        given: datetime | None = None,
        method: str = "ESIGNATURE",
        parent: growing_up_pb2.ParentalAuthority | None = None,
    ) -> str:
        """The person says yes, asked alone and freely, or another basis with its evidence; the grant's id."""
        now = self.stage.clock.now()
        grant = consent_service_pb2.Grant(
            client_reference=reference,
            scope=self._scope(named, purposes, to, service_type, support_team),
            confidentiality_basis=common_pb2.ConfidentialityBasis.Value(f"CONFIDENTIALITY_BASIS_{basis}"),
            capture_method=common_pb2.CaptureMethod.Value(f"CAPTURE_METHOD_{method}"),
            notice_id="notice-1",
            asked_alone=True,
            service_offered_anyway=True,
            told_may_refuse=True,
            evidence=evidence,
            given_by=given_by,
            parental_authority=parent,
        )
        grant.given_time.FromDatetime(given or now)
        if begins is not None:
            grant.effective_from_time.FromDatetime(begins)
        grant.effective_until_time.FromDatetime(until or now + timedelta(days=90))
        recorded = await self.ask(
            "ConsentService/RecordGrant",
            consent_service_pb2.RecordGrantRequest(request_id=self.stage.request_id(), grant=grant),
            consent_service_pb2.RecordGrantResponse,
        )
        return str(recorded.grant_id)

    async def list_choices(
        self, reference: str, *, for_paper: bool = False
    ) -> consent_service_pb2.ListChoicesResponse:
        answer: consent_service_pb2.ListChoicesResponse = await self.ask(
            "ConsentService/ListChoices",
            consent_service_pb2.ListChoicesRequest(client_reference=reference, for_paper=for_paper),
            consent_service_pb2.ListChoicesResponse,
        )
        return answer

    async def withdraw(
        self,
        reference: str,
        grant_id: str,
        *,
        remove: bool = False,
        at_once: bool = False,
        quiet: bool = False,
    ) -> Any:
        return await self.ask(
            "ConsentService/WithdrawGrant",
            consent_service_pb2.WithdrawGrantRequest(
                request_id=self.stage.request_id(),
                client_reference=reference,
                grant_id=grant_id,
                remove=remove,
                at_once=at_once,
                quiet=quiet,
            ),
            consent_service_pb2.WithdrawGrantResponse,
        )

    async def preview(
        self, reference: str, grant_id: str, *, remove: bool = False
    ) -> consent_service_pb2.PreviewWithdrawalResponse:
        """Who would stop knowing what, before anything is withdrawn."""
        answer: consent_service_pb2.PreviewWithdrawalResponse = await self.ask(
            "ConsentService/PreviewWithdrawal",
            consent_service_pb2.PreviewWithdrawalRequest(
                client_reference=reference, grant_id=grant_id, remove=remove
            ),
            consent_service_pb2.PreviewWithdrawalResponse,
        )
        return answer

    async def reconfirm(self, reference: str, grant_id: str) -> Any:
        return await self.ask(
            "ConsentService/ReconfirmGrant",
            consent_service_pb2.ReconfirmGrantRequest(
                request_id=self.stage.request_id(), client_reference=reference, grant_id=grant_id
            ),
            consent_service_pb2.ReconfirmGrantResponse,
        )

    async def own_word(self, reference: str) -> Any:
        """A child says what a parent may not say for them any more."""
        return await self.ask(
            "ConsentService/RecordOwnWord",
            growing_up_pb2.RecordOwnWordRequest(
                request_id=self.stage.request_id(),
                client_reference=reference,
                assessment_reference="gillick/7",
                recorded_by="worker-1",
            ),
            growing_up_pb2.RecordOwnWordResponse,
        )

    async def refuse(
        self,
        reference: str,
        *,
        to: str = "",
        named: Iterable[str] = (),
        purposes: Iterable[str] = (),
        at_once: bool = False,
        quiet: bool = False,
    ) -> Any:
        """The person says no: to one agency, or to everybody."""
        return await self.ask(
            "ConsentService/RecordRefusal",
            consent_service_pb2.RecordRefusalRequest(
                request_id=self.stage.request_id(),
                client_reference=reference,
                scope=self._scope(named, purposes, to, "", False),
                at_once=at_once,
                quiet=quiet,
            ),
            consent_service_pb2.RecordRefusalResponse,
        )

    async def exclude(
        self,
        reference: str,
        agency_id: str = "",
        *,
        staff: str = "",
        kind: str = "",
        remove: bool = False,
        at_once: bool = False,
        linked_to_risk: bool = False,
        workplace: bool = False,
    ) -> Any:
        """Never this agency, never this person there, or never this kind of information."""
        request = consent_service_pb2.RecordExclusionRequest(
            request_id=self.stage.request_id(),
            client_reference=reference,
            remove=remove,
            at_once=at_once,
            linked_to_risk=linked_to_risk,
        )
        if workplace:
            request.ground = consent_service_pb2.EXCLUSION_GROUND_WORKPLACE
        if staff:
            request.person.agency_id, request.person.staff_reference = agency_id, staff
        elif agency_id:
            request.agency_id = agency_id
        else:
            request.category = category(kind)
        return await self.ask(
            "ConsentService/RecordExclusion", request, consent_service_pb2.RecordExclusionResponse
        )

    async def let_in(self, reference: str, exclusion_id: str) -> Any:
        """Lifts an exclusion."""
        request = consent_service_pb2.LiftExclusionRequest(
            request_id=self.stage.request_id(), client_reference=reference, exclusion_id=exclusion_id
        )
        return await self.ask(
            "ConsentService/LiftExclusion", request, consent_service_pb2.LiftExclusionResponse
        )

    async def mark(self, reference: str, kind: str, record_id: str = "") -> Any:
        """Places a protection marker."""
        return await self.ask(
            "ConsentService/PlaceMarker",
            consent_service_pb2.PlaceMarkerRequest(
                request_id=self.stage.request_id(),
                client_reference=reference,
                kind=consent_service_pb2.MarkerKind.Value(f"MARKER_KIND_{kind}"),
                record_id=record_id,
            ),
            consent_service_pb2.PlaceMarkerResponse,
        )

    async def unmark(self, reference: str, marker_id: str) -> Any:
        """Lifts a protection marker."""
        request = consent_service_pb2.LiftMarkerRequest(
            request_id=self.stage.request_id(), client_reference=reference, marker_id=marker_id
        )
        return await self.ask("ConsentService/LiftMarker", request, consent_service_pb2.LiftMarkerResponse)
