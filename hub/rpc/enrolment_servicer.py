"""EnrolmentService: a certificate for whoever has an invitation's code and was heard to be who they are."""

import hashlib

from consent_ledger.errors import Refused
from consent_ledger.ledger import Transaction
from hub.pki import requested_key
from hub.projections.certificates import Invitation
from hub.records import codec
from hub.rpc.answering import Servicer
from hub.rpc.dispatch import Call
from hub.use_cases import certificates
from oncetold.v1 import enrolment_service_pb2 as messages


class EnrolmentServicer(Servicer):
    """The one call of the door for newcomers. Guessing and asking again leave no entry: anybody can."""

    async def Enrol(self, request: messages.EnrolRequest, call: Call) -> messages.EnrolResponse:
        issuer = certificates.require_issuer(self._hub)
        key = requested_key(request.signing_request)
        digest = hashlib.sha256(key).digest()

        def look(transaction: Transaction) -> certificates.Confirmed | Invitation:
            index, vault, now = self._hub.projector.index, transaction.vault, transaction.now
            return certificates.enrolling(index, vault, now, code=request.code, public_key_sha256=digest)

        found = await self._hub.look(look)
        if isinstance(found, Invitation):
            if not found.key:
                await self.ask(call, certificates.take_code, code=request.code, public_key_sha256=digest)
            raise Refused("NOT_CONFIRMED")
        return messages.EnrolResponse(
            certificate=issuer.issue(found.uri, key, found.not_before, found.not_after),
            authorities=issuer.authorities(),
            agency_id=found.agency_id,
            uri=found.uri,
            not_after_time=codec.timestamp(found.not_after),
            feed_ids=[str(one) for one in found.feed_ids],
        )
