"""AgreementService: who may share what with whom, why, and by what basis in law."""

from typing import Any

from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    DataCategory,
    LawfulBasis,
    OnEnd,
    Purpose,
)
from hub.mais.request import Judgement, SharingRequest
from hub.records import codec
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases import agreements
from hub.use_cases.judge_request import judge_request
from oncetold.v1 import agreement_service_pb2 as messages
from oncetold.v1 import common_pb2


class AgreementServicer(Servicer):
    """Drafting, signing, ending and listing agreements; judging requests under them."""

    async def DraftAgreement(
        self, request: messages.DraftAgreementRequest, call: Call
    ) -> messages.DraftAgreementResponse:
        def written(drafted: tuple[int, int]) -> messages.DraftAgreementResponse:
            version, index = drafted
            return messages.DraftAgreementResponse(version=version, position=self.position(index))

        content = _content(request.agreement)
        return await self.once(call, request, written, agreements.draft_agreement, content=content)

    async def SignAgreement(
        self, request: messages.SignAgreementRequest, call: Call
    ) -> messages.SignAgreementResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.SignAgreementResponse(position=self.position(index)),
            agreements.sign_agreement,
            agreement_id=request.agreement_id,
            version=request.version,
        )

    async def TerminateAgreement(
        self, request: messages.TerminateAgreementRequest, call: Call
    ) -> messages.TerminateAgreementResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.TerminateAgreementResponse(position=self.position(index)),
            agreements.terminate_agreement,
            agreement_id=request.agreement_id,
        )

    async def JudgeRequest(
        self, request: messages.JudgeRequestRequest, call: Call
    ) -> messages.JudgeRequestResponse:
        def written(judged: tuple[Judgement, int]) -> messages.JudgeRequestResponse:
            judgement, index = judged
            return messages.JudgeRequestResponse(
                verdict=translate.number(messages.SharingVerdict, judgement.verdict),
                agreements=[
                    messages.JudgedAgreement(
                        agreement_id=one.agreement_id,
                        version=one.version,
                        verdict=translate.number(messages.SharingVerdict, one.verdict),
                        reason=one.reason,
                    )
                    for one in judgement.agreements
                ],
                position=self.position(index),
            )

        asked = request.request
        return await self.once(
            call,
            request,
            written,
            judge_request,
            request=SharingRequest(
                asked.identifier,
                translate.required_moment(asked, "date_stamp"),
                asked.provider_agency_id,
                translate.term(asked, "asserted_purpose", Purpose),
                translate.terms(asked, "categories", DataCategory),
                tuple(asked.agreement_ids),
            ),
        )

    async def ListAgreements(
        self, request: messages.ListAgreementsRequest, call: Call
    ) -> messages.ListAgreementsResponse:
        found = await self.ask(call, agreements.list_agreements)
        return messages.ListAgreementsResponse(
            agreements=[
                messages.AgreementState(
                    agreement=_agreement(content),
                    version=version,
                    signed_by=signed_by,
                    in_force=in_force,
                    terminated=terminated,
                )
                for content, version, signed_by, in_force, terminated in found
            ]
        )


def _content(agreement: messages.Agreement) -> dict[str, Any]:
    return {
        "agreement_id": agreement.agreement_id,
        "title": agreement.title,
        "start_time": translate.required_moment(agreement, "start_time").isoformat(),
        "end_time": translate.required_moment(agreement, "end_time").isoformat(),
        "notice_id": agreement.notice_id,
        "parties": [
            {
                "agency_id": party.agency_id,
                "receives_only": party.receives_only,
                "bases": [
                    {
                        "purpose": translate.term(basis, "purpose", Purpose),
                        "lawful_basis": translate.optional_term(basis, "lawful_basis", LawfulBasis),
                        "article9": translate.optional_term(basis, "article9", Article9Condition),
                        "article10": translate.optional_term(basis, "article10", Article10Condition),
                    }
                    for basis in party.bases
                ],
            }
            for party in agreement.parties
        ],
        "rows": [
            {
                "category": translate.term(row, "category", DataCategory),
                "purpose": translate.term(row, "purpose", Purpose),
                "on_end": translate.term(row, "on_end", OnEnd),
                "self_captured_restricted": row.self_captured_restricted,
                "retention_days": row.retention_days,
            }
            for row in agreement.rows
        ],
    }


def _agreement(content: dict[str, Any]) -> messages.Agreement:
    return messages.Agreement(
        agreement_id=content["agreement_id"],
        title=content["title"],
        parties=[
            messages.AgreementParty(
                agency_id=party["agency_id"],
                bases=[
                    messages.PartyBasis(
                        purpose=translate.number(common_pb2.Purpose, basis["purpose"]),
                        lawful_basis=translate.number(common_pb2.LawfulBasis, basis["lawful_basis"]),
                        article9=translate.number(common_pb2.Article9Condition, basis["article9"]),
                        article10=translate.number(common_pb2.Article10Condition, basis["article10"]),
                    )
                    for basis in party["bases"]
                ],
                receives_only=party["receives_only"],
            )
            for party in content["parties"]
        ],
        rows=[
            messages.AgreementRow(
                category=translate.number(common_pb2.DataCategory, row["category"]),
                purpose=translate.number(common_pb2.Purpose, row["purpose"]),
                on_end=translate.number(common_pb2.OnEnd, row["on_end"]),
                self_captured_restricted=row["self_captured_restricted"],
                retention_days=row.get("retention_days", 0),
            )
            for row in content["rows"]
        ],
        start_time=codec.timestamp(translate.from_iso(content["start_time"])),
        end_time=codec.timestamp(translate.from_iso(content["end_time"])),
        notice_id=content["notice_id"],
    )
