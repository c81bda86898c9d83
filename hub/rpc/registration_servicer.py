"""RegistrationService: an agency's own references, the links between them, and who works with whom."""

from uuid import UUID

from consent_ledger.vocabulary import ClosingReason, InvolvementGround
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases import proposed_links, registrations
from oncetold.v1 import registration_service_pb2 as messages


class RegistrationServicer(Servicer):
    """References, link tokens, links, involvements and leads."""

    async def RegisterClient(
        self, request: messages.RegisterClientRequest, call: Call
    ) -> messages.RegisterClientResponse:
        details = request.matching_details
        return await self.once(
            call,
            request,
            lambda index: messages.RegisterClientResponse(position=self.position(index)),
            registrations.register_client,
            client_reference=request.client_reference,
            nhs_number=details.nhs_number,
            birth_date=details.birth_date,
            family_name=details.family_name,
            former_family_names=tuple(details.former_family_names),
            former_nhs_numbers=tuple(details.former_nhs_numbers),
        )

    async def CloseRegistration(
        self, request: messages.CloseRegistrationRequest, call: Call
    ) -> messages.CloseRegistrationResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.CloseRegistrationResponse(position=self.position(index)),
            registrations.close_registration,
            client_reference=request.client_reference,
            reason=translate.term(request, "reason", ClosingReason),
        )

    async def CreateLinkToken(
        self, request: messages.CreateLinkTokenRequest, call: Call
    ) -> messages.CreateLinkTokenResponse:
        def written(made: tuple[str, UUID, int]) -> messages.CreateLinkTokenResponse:
            token, link_id, index = made
            return messages.CreateLinkTokenResponse(
                token=token, link_id=str(link_id), position=self.position(index)
            )

        use_case = registrations.create_link_token
        return await self.once(call, request, written, use_case, client_reference=request.client_reference)

    async def RedeemLinkToken(
        self, request: messages.RedeemLinkTokenRequest, call: Call
    ) -> messages.RedeemLinkTokenResponse:
        def written(proposed: tuple[UUID, int]) -> messages.RedeemLinkTokenResponse:
            link_id, index = proposed
            return messages.RedeemLinkTokenResponse(link_id=str(link_id), position=self.position(index))

        return await self.once(
            call,
            request,
            written,
            registrations.redeem_link_token,
            client_reference=request.client_reference,
            token=request.token,
        )

    async def ListProposedLinks(
        self, request: messages.ListProposedLinksRequest, call: Call
    ) -> messages.ListProposedLinksResponse:
        found, access = await self.ask(call, proposed_links.list_proposed_links)
        response = messages.ListProposedLinksResponse(access=self.position(access))
        for one in found:
            written = response.links.add(
                link_id=str(one.link_id),
                client_reference=one.client_reference,
                strength=messages.LINK_STRENGTH_TOKEN,
            )
            written.token_made_time.FromDatetime(one.token_made)
        return response

    async def ConfirmLink(
        self, request: messages.ConfirmLinkRequest, call: Call
    ) -> messages.ConfirmLinkResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.ConfirmLinkResponse(position=self.position(index)),
            registrations.confirm_link,
            link_id=translate.uuid(request, "link_id"),
        )

    async def UndoLink(self, request: messages.UndoLinkRequest, call: Call) -> messages.UndoLinkResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.UndoLinkResponse(position=self.position(index)),
            registrations.undo_link,
            link_id=translate.uuid(request, "link_id"),
        )

    async def OpenInvolvement(
        self, request: messages.OpenInvolvementRequest, call: Call
    ) -> messages.OpenInvolvementResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.OpenInvolvementResponse(position=self.position(index)),
            registrations.open_involvement,
            client_reference=request.client_reference,
            agency_id=request.agency_id,
            ground=translate.term(request, "ground", InvolvementGround),
        )

    async def EndInvolvement(
        self, request: messages.EndInvolvementRequest, call: Call
    ) -> messages.EndInvolvementResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.EndInvolvementResponse(position=self.position(index)),
            registrations.end_involvement,
            client_reference=request.client_reference,
        )

    async def AppointLead(
        self, request: messages.AppointLeadRequest, call: Call
    ) -> messages.AppointLeadResponse:
        return await self.once(
            call,
            request,
            lambda index: messages.AppointLeadResponse(position=self.position(index)),
            registrations.appoint_lead,
            client_reference=request.client_reference,
            agency_id=request.agency_id,
        )
