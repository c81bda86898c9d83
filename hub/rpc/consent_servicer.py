"""ConsentService: what a person agreed to, refused, withdrew or shut out."""

from datetime import date
from typing import Any, TypedDict
from uuid import UUID

from consent_ledger.errors import Refused
from consent_ledger.facts import BasisEvidence
from consent_ledger.parental_authority import ParentalAuthority
from consent_ledger.vocabulary import (
    CaptureMethod,
    ConfidentialityBasis,
    DataCategory,
    ExclusionEffect,
    ExclusionGround,
    MarkerKind,
    PersonStatus,
    Purpose,
    ServiceType,
    StatutoryDuty,
)
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.choices import choice
from hub.rpc.dispatch import Call
from hub.use_cases import choices, consents, parental, preview
from hub.use_cases.proxies import GivenBy
from hub.use_cases.sentences import NOBODY_MAY_DEMAND, exclusion_sentence
from oncetold.v1 import common_pb2, growing_up_pb2
from oncetold.v1 import consent_service_pb2 as messages


class ConsentServicer(Servicer):
    """Choices of an agency's own clients."""

    async def RecordGrant(
        self, request: messages.RecordGrantRequest, call: Call
    ) -> messages.RecordGrantResponse:
        def written(recorded: tuple[UUID, int]) -> messages.RecordGrantResponse:
            grant_id, index = recorded
            return messages.RecordGrantResponse(grant_id=str(grant_id), position=self.position(index))

        grant = request.grant
        return await self.once(
            call,
            request,
            written,
            consents.record_grant,
            client_reference=grant.client_reference,
            **_scope(grant.scope),
            confidentiality_basis=translate.term(grant, "confidentiality_basis", ConfidentialityBasis),
            capture_method=translate.term(grant, "capture_method", CaptureMethod),
            notice_id=grant.notice_id,
            given_time=translate.required_moment(grant, "given_time"),
            effective_from_time=translate.moment(grant, "effective_from_time"),
            effective_until_time=translate.required_moment(grant, "effective_until_time"),
            data_from_time=translate.moment(grant, "data_from_time"),
            data_until_time=translate.moment(grant, "data_until_time"),
            asked_alone=grant.asked_alone,
            service_offered_anyway=grant.service_offered_anyway,
            told_may_refuse=grant.told_may_refuse,
            capacity_in_doubt=grant.capacity_in_doubt,
            evidence=basis_evidence(grant.evidence),
            given_by=_given_by(grant.given_by) if grant.HasField("given_by") else None,
            parental_authority=_parental(grant) if grant.HasField("parental_authority") else None,
            duties=self.duties,
        )

    async def RecordOwnWord(
        self, request: growing_up_pb2.RecordOwnWordRequest, call: Call
    ) -> growing_up_pb2.RecordOwnWordResponse:
        return await self.once(
            call,
            request,
            lambda index: growing_up_pb2.RecordOwnWordResponse(position=self.position(index)),
            parental.record_own_word,
            client_reference=request.client_reference,
            assessment_reference=request.assessment_reference,
            recorded_by=request.recorded_by,
        )

    async def RecordRefusal(
        self, request: messages.RecordRefusalRequest, call: Call
    ) -> messages.RecordRefusalResponse:
        def written(recorded: tuple[UUID, int]) -> messages.RecordRefusalResponse:
            refusal_id, index = recorded
            return messages.RecordRefusalResponse(refusal_id=str(refusal_id), position=self.position(index))

        return await self.once(
            call,
            request,
            written,
            consents.record_refusal,
            client_reference=request.client_reference,
            **_scope(request.scope),
            at_once=request.at_once,
            quiet=request.quiet,
        )

    async def WithdrawGrant(
        self, request: messages.WithdrawGrantRequest, call: Call
    ) -> messages.WithdrawGrantResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.WithdrawGrantResponse(position=self.position(index)),
            consents.withdraw_grant,
            client_reference=request.client_reference,
            grant_id=translate.uuid(request, "grant_id"),
            remove=request.remove,
            at_once=request.at_once,
            quiet=request.quiet,
        )

    async def ReconfirmGrant(
        self, request: messages.ReconfirmGrantRequest, call: Call
    ) -> messages.ReconfirmGrantResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.ReconfirmGrantResponse(position=self.position(index)),
            consents.reconfirm_grant,
            client_reference=request.client_reference,
            grant_id=translate.uuid(request, "grant_id"),
        )

    async def RecordExclusion(
        self, request: messages.RecordExclusionRequest, call: Call
    ) -> messages.RecordExclusionResponse:
        def written(recorded: tuple[UUID, int, ExclusionEffect]) -> messages.RecordExclusionResponse:
            exclusion_id, index, effect = recorded
            return messages.RecordExclusionResponse(
                exclusion_id=str(exclusion_id),
                position=self.position(index),
                effect=translate.number(messages.ExclusionEffect, effect),
                sentence=exclusion_sentence(effect, of_person=request.WhichOneof("excluded") == "person"),
            )

        return await self.once(
            call,
            request,
            written,
            consents.record_exclusion,
            client_reference=request.client_reference,
            **_excluded(request),
            remove=request.remove,
            at_once=request.at_once,
            linked_to_risk=request.linked_to_risk,
            ground=translate.optional_term(request, "ground", ExclusionGround),
        )

    async def LiftExclusion(
        self, request: messages.LiftExclusionRequest, call: Call
    ) -> messages.LiftExclusionResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.LiftExclusionResponse(position=self.position(index)),
            consents.lift_exclusion,
            client_reference=request.client_reference,
            exclusion_id=translate.uuid(request, "exclusion_id"),
        )

    async def PlaceMarker(
        self, request: messages.PlaceMarkerRequest, call: Call
    ) -> messages.PlaceMarkerResponse:
        def written(placed: tuple[UUID, int]) -> messages.PlaceMarkerResponse:
            marker_id, index = placed
            return messages.PlaceMarkerResponse(marker_id=str(marker_id), position=self.position(index))

        kind = translate.term(request, "kind", MarkerKind)
        # A marker that looks as if it stood on a record, and stands on none, would protect nothing.
        if (kind is MarkerKind.PROTECTED_ADDRESS) == bool(request.record_id):
            raise Refused(
                "INVALID_FIELD", field="record_id", rule="names a record unless the address is protected"
            )
        return await self.once(
            call,
            request,
            written,
            consents.place_marker,
            client_reference=request.client_reference,
            kind=kind,
            record_id=request.record_id,
        )

    async def LiftMarker(
        self, request: messages.LiftMarkerRequest, call: Call
    ) -> messages.LiftMarkerResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.LiftMarkerResponse(position=self.position(index)),
            consents.lift_marker,
            client_reference=request.client_reference,
            marker_id=translate.uuid(request, "marker_id"),
        )

    async def RecordStatus(
        self, request: messages.RecordStatusRequest, call: Call
    ) -> messages.RecordStatusResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.RecordStatusResponse(position=self.position(index)),
            consents.record_status,
            client_reference=request.client_reference,
            status=translate.term(request, "status", PersonStatus),
        )

    async def PreviewWithdrawal(
        self, request: messages.PreviewWithdrawalRequest, call: Call
    ) -> messages.PreviewWithdrawalResponse:
        losses, access = await self.ask(
            call,
            preview.preview_withdrawal,
            client_reference=request.client_reference,
            grant_id=translate.uuid(request, "grant_id"),
            remove=request.remove,
        )
        return messages.PreviewWithdrawalResponse(
            losses=[
                messages.Loss(
                    agency_id=loss.agency_id,
                    agency_name=loss.agency_name,
                    category=translate.number(common_pb2.DataCategory, loss.category),
                    on_end=translate.number(common_pb2.OnEnd, loss.on_end),
                    held=loss.held,
                    safety_critical=loss.safety_critical,
                    sentence=loss.sentence,
                )
                for loss in losses
            ],
            access=self.position(access),
        )

    async def ListChoices(
        self, request: messages.ListChoicesRequest, call: Call
    ) -> messages.ListChoicesResponse:
        reference = request.client_reference
        found, access = await self.ask(
            call, choices.list_choices, client_reference=reference, for_paper=request.for_paper
        )
        return messages.ListChoicesResponse(
            choices=[choice(one, reference) for one in found],
            access=self.position(access),
            paper_warning=NOBODY_MAY_DEMAND if request.for_paper else "",
        )


class _Scope(TypedDict):
    purposes: tuple[Purpose, ...]
    categories: tuple[DataCategory, ...]
    agency_id: str | None
    service_type: ServiceType | None
    support_team: bool


def _scope(scope: messages.Scope) -> _Scope:
    recipient = scope.WhichOneof("recipient")
    return {
        "purposes": translate.terms(scope, "purposes", Purpose),
        "categories": translate.terms(scope, "categories", DataCategory),
        "agency_id": scope.agency_id if recipient == "agency_id" else None,
        "service_type": translate.optional_term(scope, "service_type", ServiceType),
        "support_team": recipient == "support_team",
    }


def basis_evidence(evidence: messages.BasisEvidence) -> BasisEvidence:
    """What a confidentiality basis rests on."""
    return BasisEvidence(
        reference=evidence.reference,
        told_care_team=evidence.told_care_team,
        decision_maker=evidence.decision_maker,
        authorised_by=evidence.authorised_by,
        recorded_by=evidence.recorded_by,
        duty=translate.optional_term(evidence, "duty", StatutoryDuty),
    )


def _given_by(given: messages.GivenBy) -> GivenBy:
    match given.WhichOneof("who"):
        case "person":
            return GivenBy(given.person.agency_id, given.person.staff_reference)
        case "client_reference":
            return GivenBy(client_reference=given.client_reference)
        case _:
            return GivenBy(other=given.other)


def _parental(grant: messages.Grant) -> ParentalAuthority:
    said = grant.parental_authority
    return ParentalAuthority(date.fromisoformat(said.sixteenth_birthday_date), said.lacks_capacity_reference)


def _excluded(request: messages.RecordExclusionRequest) -> Any:
    match request.WhichOneof("excluded"):
        case "agency_id":
            return {"agency_id": request.agency_id}
        case "person":
            person = request.person
            return {"agency_id": person.agency_id, "staff_reference": person.staff_reference}
        case _:
            return {"category": translate.term(request, "category", DataCategory)}
