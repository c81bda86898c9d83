"""I14 for certificates: who may speak is folded from the ledger, and is the same after a restart."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from consent_ledger.ledger import Transaction
from hub.bootstrap import running_hub
from hub.enrolment.words import six_words
from hub.projections.consent_index import ConsentIndex
from oncetold.v1 import certificate_service_pb2 as messages
from oncetold.v1.certificate_service_pb2_grpc import CertificateServiceStub
from tests.clock import ManualClock
from tests.integration.certificates import (
    confirming,
    enrolling,
    invite,
    issuing,
    make_key,
    newcomers_door,
    revoking,
)
from tests.integration.loopback import (
    Site,
    adapter_channel,
    make_site,
    operator_channel,
    refused,
    register,
)
from tests.integration.story import request_id


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return issuing(make_site(tmp_path))


def who_speaks(index: ConsentIndex) -> dict[str, Any]:
    agencies = {name: (one.certificates, one.revoked) for name, one in index.agencies.items()}
    return {"agencies": agencies, "owners": index.certificate_owner, "invitations": index.invitations}


def caught_up(transaction: Transaction) -> None:
    """What was appended last is folded with the next look."""


async def test_i14_keys_revocations_and_invitations_are_the_same_after_a_rebuild_and_a_restart(
    site: Site,
) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with running_hub(site.config, clock=clock) as running:
        first = await register(site, "hostel")
        old = await invite(site, "hostel", "9")
        clock.advance(timedelta(days=8))
        invitation, enrolled = await invite(site, "hostel", "2"), make_key()
        await invite(site, "hostel", "3")
        async with (
            newcomers_door(site, running) as door,
            operator_channel(site) as operator,
            adapter_channel(site, running, first) as channel,
        ):
            assert (await refused(door.Enrol(enrolling(old.code, make_key()))))[1] == "BAD_ENROLMENT"
            assert (await refused(door.Enrol(enrolling(invitation.code, enrolled))))[1] == "NOT_CONFIRMED"
            stub = CertificateServiceStub(operator)
            await stub.ConfirmEnrolment(confirming("hostel", six_words(enrolled.sha256)))
            for _ in range(3):
                await CertificateServiceStub(channel).RenewCertificate(
                    messages.RenewCertificateRequest(
                        request_id=request_id(), signing_request=make_key().request
                    )
                )
            await stub.RevokeCertificate(revoking("hostel", enrolled.sha256))
        await running.hub.look(caught_up)
        index = running.hub.projector.index
        before = who_speaks(index)
        assert len(index.agencies["hostel"].revoked) == 1
        assert [len(keys) for keys in index.agencies["hostel"].certificates.values()] == [4, 0]
        assert len(index.invitations) == 2, "the one that ended unused is let go"
        await running.hub.rebuild()
        assert running.hub.projector.index is not index
        await running.hub.look(caught_up)
        assert who_speaks(running.hub.projector.index) == before
    async with running_hub(site.config, clock=clock) as running:
        assert who_speaks(running.hub.projector.index) == before


async def test_i14_keys_whose_certificates_ended_are_let_go_and_too_many_at_once_are_refused(
    site: Site,
) -> None:
    clock = ManualClock(datetime.now(UTC))
    async with running_hub(site.config, clock=clock) as running:
        first = await register(site, "hostel")
        async with adapter_channel(site, running, first) as channel:

            def renewing() -> Any:
                request = messages.RenewCertificateRequest(
                    request_id=request_id(), signing_request=make_key().request
                )
                return CertificateServiceStub(channel).RenewCertificate(request)

            for _ in range(7):
                await renewing()
            refusal = await refused(renewing())
            assert refusal == (
                grpc.StatusCode.INVALID_ARGUMENT,
                "BAD_SIGNING_REQUEST",
                {"rule": "too many keys"},
            )
            clock.advance(timedelta(days=31))
            await renewing()
            await running.hub.look(caught_up)
            [keys] = running.hub.projector.index.agencies["hostel"].certificates.values()
            assert len(keys) == 2, "the operator's own, which has no end, and the newest"
