"""EmergencyService: the card that a client agreed beforehand, and who opened it."""

from uuid import UUID

from consent_ledger.emergency_cards import CardLines, CardOpening, CardReason
from hub.records import codec
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases import emergencies
from hub.use_cases.history import REMINDER
from oncetold.v1 import emergency_service_pb2 as messages


class EmergencyServicer(Servicer):
    """Emergency cards."""

    async def AgreeCard(self, request: messages.AgreeCardRequest, call: Call) -> messages.AgreeCardResponse:
        def written(agreed: tuple[UUID, int]) -> messages.AgreeCardResponse:
            card_id, index = agreed
            return messages.AgreeCardResponse(card_id=str(card_id), position=self.position(index))

        lines = request.lines
        return await self.once(
            call,
            request,
            written,
            emergencies.agree_card,
            client_reference=request.client_reference,
            lines=CardLines(**{name: getattr(lines, name) for name in CardLines._fields}),
            agreed_time=translate.required_moment(request, "agreed_time"),
            asked_alone=request.asked_alone,
        )

    async def EndCard(self, request: messages.EndCardRequest, call: Call) -> messages.EndCardResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.EndCardResponse(position=self.position(index)),
            emergencies.end_card,
            client_reference=request.client_reference,
        )

    async def OpenCard(self, request: messages.OpenCardRequest, call: Call) -> messages.OpenCardResponse:
        details = request.details
        given, access = await self.ask(
            call,
            emergencies.open_card,
            reason=translate.term(request, "reason", CardReason),
            client_reference=request.client_reference,
            nhs_number=details.nhs_number,
            birth_date=details.birth_date,
            family_name=details.family_name,
        )
        return messages.OpenCardResponse(
            cards=[_card(one) for one in given], reminder=REMINDER, access=self.position(access)
        )

    async def ListCardOpenings(
        self, request: messages.ListCardOpeningsRequest, call: Call
    ) -> messages.ListCardOpeningsResponse:
        found, access = await self.ask(
            call, emergencies.list_card_openings, client_reference=request.client_reference
        )
        return messages.ListCardOpeningsResponse(
            openings=[_opening(*one) for one in found], access=self.position(access)
        )


def _card(given: emergencies.Given) -> messages.EmergencyCard:
    return messages.EmergencyCard(
        match=translate.number(messages.CardMatch, given.match),
        lines=messages.CardLines(**given.lines._asdict()),
        agreed_time=codec.timestamp(given.agreed_time),
        asked_alone=given.asked_alone,
        telephone=given.telephone,
    )


def _opening(opening: CardOpening, reference: str, cards: int) -> messages.CardOpening:
    return messages.CardOpening(
        opening_id=str(opening.opening_id),
        opened_time=codec.timestamp(opening.at),
        agency_id=opening.agency_id,
        staff_reference=opening.staff_reference,
        reason=translate.number(messages.CardReason, opening.reason),
        client_reference=reference,
        cards=cards,
    )
