"""CertificateService: the certificates that speak for agencies, and what their keys were given."""

import hashlib
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from uuid import UUID

from hub.pki import adapter_uri, requested_key
from hub.projections.certificates import Invitation
from hub.projections.consent_index import Agency
from hub.records import codec
from hub.rpc import translate
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases import certificates
from hub.use_cases.key_access import KeyAccess, list_key_access
from oncetold.v1 import certificate_service_pb2 as messages


class CertificateServicer(Servicer):
    """Invites, confirms, renews, revokes, lists."""

    async def InviteAdapter(
        self, request: messages.InviteAdapterRequest, call: Call
    ) -> messages.InviteAdapterResponse:
        issuer = certificates.require_issuer(self._hub)
        uri = adapter_uri(request.agency_id, request.adapter)

        def written(invited: tuple[UUID, datetime, int]) -> messages.InviteAdapterResponse:
            invitation_id, expires, index = invited
            return messages.InviteAdapterResponse(
                invitation_id=str(invitation_id),
                uri=uri,
                expires_time=codec.timestamp(expires),
                position=self.position(index),
            )

        answer = await self.once(
            call, request, written, certificates.invite_adapter, agency_id=request.agency_id, uri=uri
        )
        # Not among what is remembered of the request: the code follows from the invitation's id.
        invitation_id = UUID(answer.invitation_id)
        answer.code = await self._hub.look(
            lambda transaction: certificates.code_of(transaction.vault, invitation_id)
        )
        answer.authorities = issuer.authorities()
        return answer

    async def ConfirmEnrolment(
        self, request: messages.ConfirmEnrolmentRequest, call: Call
    ) -> messages.ConfirmEnrolmentResponse:
        def written(confirmed: tuple[str, str, int]) -> messages.ConfirmEnrolmentResponse:
            uri, key, index = confirmed
            return messages.ConfirmEnrolmentResponse(
                uri=uri, public_key_sha256=bytes.fromhex(key), position=self.position(index)
            )

        return await self.once(
            call,
            request,
            written,
            certificates.confirm_enrolment,
            agency_id=request.agency_id,
            words=tuple(request.words),
        )

    async def RenewCertificate(
        self, request: messages.RenewCertificateRequest, call: Call
    ) -> messages.RenewCertificateResponse:
        issuer = certificates.require_issuer(self._hub)
        key = requested_key(request.signing_request)

        def written(renewed: tuple[datetime, int]) -> messages.RenewCertificateResponse:
            end, index = renewed
            uri = call.caller.certificate_uri or ""
            return messages.RenewCertificateResponse(
                certificate=issuer.issue(uri, key, end - certificates.LASTS, end),
                authorities=issuer.authorities(),
                not_after_time=codec.timestamp(end),
                position=self.position(index),
            )

        return await self.once(
            call,
            request,
            written,
            certificates.renew_certificate,
            public_key_sha256=hashlib.sha256(key).digest(),
        )

    async def RevokeCertificate(
        self, request: messages.RevokeCertificateRequest, call: Call
    ) -> messages.RevokeCertificateResponse:
        def written(revoked: tuple[list[str], int]) -> messages.RevokeCertificateResponse:
            keys, index = revoked
            return messages.RevokeCertificateResponse(
                public_keys_sha256=[bytes.fromhex(key) for key in keys], position=self.position(index)
            )

        answer = await self.once(
            call,
            request,
            written,
            certificates.revoke_certificate,
            agency_id=request.agency_id,
            public_key_sha256=request.public_key_sha256,
            reason=translate.term(request, "reason", certificates.RevocationReason),
            compromised_since=translate.moment(request, "compromised_since_time"),
        )
        # The door reads the index as it stands: here it is brought to stand behind this.
        await self._hub.look(lambda transaction: None)
        return answer

    async def ListCertificates(
        self, request: messages.ListCertificatesRequest, call: Call
    ) -> messages.ListCertificatesResponse:
        agency, invitations = await self.ask(
            call, certificates.list_certificates, agency_id=request.agency_id
        )
        return messages.ListCertificatesResponse(
            keys=_keys(agency), invitations=[_invitation(one) for one in invitations]
        )

    async def ListKeyAccess(
        self, request: messages.ListKeyAccessRequest, call: Call
    ) -> messages.ListKeyAccessResponse:
        page = await self.ask(
            call,
            list_key_access,
            agency_id=request.agency_id,
            public_key_sha256=request.public_key_sha256,
            since=translate.required_moment(request, "since_time"),
            after=request.after,
        )
        return messages.ListKeyAccessResponse(
            accesses=[self._access(one) for one in page.accesses],
            calls=page.calls,
            given=page.given,
            next=page.next,
            access=self.position(page.access),
        )

    async def GetStanding(
        self, request: messages.GetStandingRequest, call: Call
    ) -> messages.GetStandingResponse:
        feeds = await self.ask(call, certificates.own_feeds)
        caller = call.caller
        return messages.GetStandingResponse(
            hub_time=codec.timestamp(self._hub.ledger.clock.now()),
            hub_version=_version(),
            agency_id=caller.agency_id or "",
            uri=caller.certificate_uri or "",
            public_key_sha256=bytes.fromhex(caller.key_sha256),
            feed_ids=[str(one) for one in feeds],
            renews=self._hub.issuer is not None,
        )

    def _access(self, one: KeyAccess) -> messages.KeyAccess:
        return messages.KeyAccess(
            position=self.position(one.position),
            recorded_time=codec.timestamp(one.recorded_at),
            kind=one.kind,
            client_reference=one.client_reference or "",
            given=one.given,
            taken_back=one.taken_back,
            code=one.code,
        )


def _keys(agency: Agency) -> list[messages.CertificateKey]:
    """Those that speak by URI and age, then those that were revoked."""
    live = [
        messages.CertificateKey(
            uri=uri,
            public_key_sha256=bytes.fromhex(name),
            since_time=codec.timestamp(key.at),
            not_after_time=None if key.not_after is None else codec.timestamp(key.not_after),
            renewed_from=bytes.fromhex(key.renewed_from),
        )
        for uri in sorted(agency.certificates)
        for name, key in agency.certificates[uri].items()
    ]
    over = [
        messages.CertificateKey(
            uri=key.uri,
            public_key_sha256=bytes.fromhex(name),
            revoked=True,
            reason=translate.number(messages.RevocationReason, key.reason),
            revoked_time=codec.timestamp(key.at),
            compromised_since_time=(
                None if key.compromised_since is None else codec.timestamp(key.compromised_since)
            ),
        )
        for name, key in agency.revoked.items()
    ]
    return live + over


def _invitation(one: Invitation) -> messages.Invitation:
    return messages.Invitation(
        invitation_id=str(one.invitation_id),
        uri=one.uri,
        expires_time=codec.timestamp(one.expires),
        waiting=bool(one.key),
    )


def _version() -> str:
    try:
        return version("oncetold")
    except PackageNotFoundError:
        return "from its source"
