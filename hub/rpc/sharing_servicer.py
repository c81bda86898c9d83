"""SharingService: asking to share, answering, overriding, deciding in an emergency."""

from datetime import datetime
from typing import Any
from uuid import UUID

from consent_ledger.sharing import (
    ClientTold,
    OverrideRisk,
    PartyBasis,
    RefusalToShare,
    SharingAnswerKind,
    SharingPower,
    WhyNoConsent,
)
from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    ConfidentialityBasis,
    DataCategory,
    LawfulBasis,
    Purpose,
)
from hub.records import codec
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.consent_servicer import basis_evidence
from hub.rpc.dispatch import Call
from hub.rpc.sharing_written import asked_sharing, decision, pending_override
from hub.use_cases import sharing_decisions, sharing_lists, sharing_overrides, sharing_requests
from hub.use_cases.sharing_decisions import HELD_BACK
from oncetold.v1 import sharing_pb2
from oncetold.v1 import sharing_service_pb2 as messages

Decided = tuple[UUID | None, int]
"""A decision's id, none where nothing is shared, and the entry's position."""


class SharingServicer(Servicer):
    """What an agency's staff ask of others, and what they decide about their own records."""

    async def RequestSharing(
        self, request: messages.RequestSharingRequest, call: Call
    ) -> messages.RequestSharingResponse:
        def written(asked: tuple[UUID, datetime, int]) -> messages.RequestSharingResponse:
            identity, due, index = asked
            return messages.RequestSharingResponse(
                sharing_request_id=str(identity), due_time=codec.timestamp(due), position=self.position(index)
            )

        return await self.once(
            call,
            request,
            written,
            sharing_requests.request_sharing,
            client_reference=request.client_reference,
            purposes=frozenset(translate.terms(request, "purposes", Purpose)),
            categories=frozenset(translate.terms(request, "categories", DataCategory)),
            basis=_basis(request.basis),
            power=translate.term(request, "power", SharingPower),
            why=request.why,
        )

    async def ListSharingRequests(
        self, request: messages.ListSharingRequestsRequest, call: Call
    ) -> messages.ListSharingRequestsResponse:
        found, access = await self.ask(
            call,
            sharing_lists.list_sharing_requests,
            to_answer=request.to_answer,
            client_reference=request.client_reference,
        )
        return messages.ListSharingRequestsResponse(
            requests=[asked_sharing(one) for one in found], access=self.position(access)
        )

    async def AnswerSharing(
        self, request: messages.AnswerSharingRequest, call: Call
    ) -> messages.AnswerSharingResponse:
        def written(answered: Decided) -> messages.AnswerSharingResponse:
            return messages.AnswerSharingResponse(
                decision_id=_id(answered[0]), sentence=HELD_BACK, position=self.position(answered[1])
            )

        return await self.once(
            call,
            request,
            written,
            sharing_requests.answer_sharing,
            sharing_request_id=translate.uuid(request, "sharing_request_id"),
            outcome=translate.term(request, "outcome", SharingAnswerKind),
            **_content(request.content),
            until=translate.moment(request, "until_time"),
            basis=_basis(request.basis) if request.HasField("basis") else None,
            confidentiality_basis=translate.optional_term(
                request, "confidentiality_basis", ConfidentialityBasis
            ),
            evidence=basis_evidence(request.evidence),
            notice_id=request.notice_id,
            reason=translate.optional_term(request, "reason", RefusalToShare),
            why=request.why,
            duties=self.duties,
        )

    async def RequestOverride(
        self, request: messages.RequestOverrideRequest, call: Call
    ) -> messages.RequestOverrideResponse:
        def written(asked: tuple[UUID, int]) -> messages.RequestOverrideResponse:
            return messages.RequestOverrideResponse(
                override_id=str(asked[0]), position=self.position(asked[1])
            )

        return await self.once(
            call,
            request,
            written,
            sharing_overrides.request_override,
            client_reference=request.client_reference,
            recipient=request.recipient_agency_id,
            **_content(request.content),
            holder_basis=_basis(request.basis) if request.HasField("basis") else None,
            recipient_basis=_basis(request.recipient_basis) if request.HasField("recipient_basis") else None,
            risk=translate.term(request, "risk", OverrideRisk),
            why_no_consent=translate.term(request, "why_no_consent", WhyNoConsent),
            told=translate.term(request, "told", ClientTold),
            why=request.why,
            until=translate.required_moment(request, "until_time"),
        )

    async def AuthoriseOverride(
        self, request: messages.AuthoriseOverrideRequest, call: Call
    ) -> messages.AuthoriseOverrideResponse:
        def written(decided: Decided) -> messages.AuthoriseOverrideResponse:
            return messages.AuthoriseOverrideResponse(
                decision_id=_id(decided[0]), sentence=HELD_BACK, position=self.position(decided[1])
            )

        return await self.once(
            call,
            request,
            written,
            sharing_overrides.authorise_override,
            override_id=translate.uuid(request, "override_id"),
            decline=request.decline,
            duties=self.duties,
        )

    async def DecideInEmergency(
        self, request: messages.DecideInEmergencyRequest, call: Call
    ) -> messages.DecideInEmergencyResponse:
        def written(decided: tuple[UUID, datetime, int]) -> messages.DecideInEmergencyResponse:
            identity, sign_by, index = decided
            return messages.DecideInEmergencyResponse(
                decision_id=str(identity),
                countersign_by_time=codec.timestamp(sign_by),
                sentence=HELD_BACK,
                position=self.position(index),
            )

        return await self.once(
            call,
            request,
            written,
            sharing_overrides.decide_in_emergency,
            client_reference=request.client_reference,
            recipient=request.recipient_agency_id,
            **_content(request.content),
            why=request.why,
            until=translate.moment(request, "until_time"),
        )

    async def Countersign(
        self, request: messages.CountersignRequest, call: Call
    ) -> messages.CountersignResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.CountersignResponse(position=self.position(index)),
            sharing_overrides.countersign,
            decision_id=translate.uuid(request, "decision_id"),
        )

    async def EndDecision(
        self, request: messages.EndDecisionRequest, call: Call
    ) -> messages.EndDecisionResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.EndDecisionResponse(position=self.position(index)),
            sharing_decisions.end_decision,
            decision_id=translate.uuid(request, "decision_id"),
        )

    async def ListDecisions(
        self, request: messages.ListDecisionsRequest, call: Call
    ) -> messages.ListDecisionsResponse:
        decisions, overrides, access = await self.ask(
            call, sharing_lists.list_decisions, client_reference=request.client_reference
        )
        return messages.ListDecisionsResponse(
            decisions=[decision(one) for one in decisions],
            overrides=[pending_override(one) for one in overrides],
            access=self.position(access),
        )


def _id(identity: UUID | None) -> str:
    return "" if identity is None else str(identity)


def _content(content: sharing_pb2.SharedContent) -> dict[str, Any]:
    return {
        "purposes": frozenset(translate.terms(content, "purposes", Purpose)),
        "categories": frozenset(translate.terms(content, "categories", DataCategory)),
        "record_ids": tuple(content.record_ids),
    }


def _basis(basis: sharing_pb2.BasisInLaw) -> PartyBasis:
    return PartyBasis(
        translate.optional_term(basis, "lawful_basis", LawfulBasis),
        translate.optional_term(basis, "article9", Article9Condition),
        translate.optional_term(basis, "article10", Article10Condition),
    )
