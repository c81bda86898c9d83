"""ErasureService: what an agency recorded is erased, held, listed and certified."""

from typing import Any

from consent_ledger.erasures import Erasure, ErasureGround, ErasurePart, HoldGround
from consent_ledger.vocabulary import DataCategory
from hub.records import codec
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases import erasure, erasure_certificate
from hub.use_cases.retention import due_for_erasure
from oncetold.v1 import common_pb2
from oncetold.v1 import erasure_service_pb2 as messages

_PARTS = {
    "record_id": ErasurePart.RECORD,
    "category": ErasurePart.CATEGORY,
    "registration": ErasurePart.REGISTRATION,
    "client": ErasurePart.CLIENT,
}


class ErasureServicer(Servicer):
    """Each call is an agency's about its own records, or the operator's for an agency that it names."""

    async def Erase(self, request: messages.EraseRequest, call: Call) -> messages.EraseResponse:
        def written(erased: erasure.Erased) -> messages.EraseResponse:
            return messages.EraseResponse(
                erasure_id=str(erased.erasure_id),
                position=self.position(erased.position),
                horizon=codec.timestamp(erased.horizon),
                held=erased.held,
            )

        return await self.once(
            call,
            request,
            written,
            erasure.erase,
            scope=_scope(request.scope),
            ground=translate.term(request, "ground", ErasureGround),
            copies_kept=self._hub.key_copies_kept,
        )

    async def PlaceHold(self, request: messages.PlaceHoldRequest, call: Call) -> messages.PlaceHoldResponse:
        return await self.once(
            call,
            request,
            lambda placed: messages.PlaceHoldResponse(
                hold_id=str(placed[0]), position=self.position(placed[1])
            ),
            erasure.place_hold,
            scope=_scope(request.scope),
            ground=translate.term(request, "ground", HoldGround),
            review_time=translate.required_moment(request, "review_time"),
        )

    async def LiftHold(self, request: messages.LiftHoldRequest, call: Call) -> messages.LiftHoldResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.LiftHoldResponse(position=self.position(index)),
            erasure.lift_hold,
            hold_id=translate.uuid(request, "hold_id"),
            copies_kept=self._hub.key_copies_kept,
        )

    async def ListErasures(
        self, request: messages.ListErasuresRequest, call: Call
    ) -> messages.ListErasuresResponse:
        erasures, holds, access = await self.ask(call, erasure_certificate.list_erasures)
        return messages.ListErasuresResponse(
            erasures=[self._erasure(one) for one in erasures],
            holds=[
                messages.Hold(
                    hold_id=str(one.hold_id),
                    ground=translate.number(messages.HoldGround, one.ground),
                    review_time=codec.timestamp(one.review_time),
                    position=self.position(one.position),
                )
                for one in holds
            ],
            access=self.position(access),
        )

    async def ListDueForErasure(
        self, request: messages.ListDueForErasureRequest, call: Call
    ) -> messages.ListDueForErasureResponse:
        found, access = await due_for_erasure(self._hub, call.caller, days=request.days)
        return messages.ListDueForErasureResponse(
            due=[
                messages.DueForErasure(
                    record_id=one.own_id,
                    categories=translate.numbers(common_pb2.DataCategory, one.categories),
                    due_time=codec.timestamp(one.due_time),
                    held=one.held,
                )
                for one in found
            ],
            access=self.position(access),
        )

    async def GetErasureCertificate(
        self, request: messages.GetErasureCertificateRequest, call: Call
    ) -> messages.GetErasureCertificateResponse:
        line, statement, access = await self.ask(
            call, erasure_certificate.get_certificate, erasure_id=translate.uuid(request, "erasure_id")
        )
        return messages.GetErasureCertificateResponse(
            erasure=self._erasure(line), statement=statement, access=self.position(access)
        )

    def _erasure(self, line: erasure_certificate.ErasureLine) -> messages.Erasure:
        one: Erasure = line.erasure
        return messages.Erasure(
            erasure_id=str(one.erasure_id),
            ground=translate.number(messages.ErasureGround, one.ground),
            state=translate.number(messages.ErasureState, one.state),
            fenced_time=codec.timestamp(one.fenced_at),
            horizon=codec.timestamp(one.horizon),
            fragments=one.fragments,
            open_retractions=line.open_retractions,
            fenced_position=self.position(one.position),
            complete_position=self.position(one.complete_position) if one.complete_position else None,
        )


def _scope(scope: Any) -> erasure.Scope:
    named = scope.WhichOneof("part")
    return erasure.Scope(
        scope.client_reference,
        _PARTS[named],
        scope.record_id if named == "record_id" else "",
        translate.term(scope, "category", DataCategory) if named == "category" else None,
    )
