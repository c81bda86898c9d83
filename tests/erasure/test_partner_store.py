"""A partner's own database, kept by the adapter kit: what is erased leaves it, with a signed receipt."""

from pathlib import Path

from hub.bootstrap import running_hub
from oncetold.v1 import erasure_service_pb2 as messages
from oncetold.v1.erasure_service_pb2_grpc import ErasureServiceStub
from tests.integration.conftest import site
from tests.integration.loopback import Site, adapter_channel
from tests.integration.officer import taken_back
from tests.integration.story import begin, grant, link, request_id
from tests.integration.test_adapter import Adapters, Visits

__all__ = ["site"]


async def test_the_adapter_takes_the_erased_copy_out_and_signs_for_it(site: Site, tmp_path: Path) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        adapters = Adapters(site, running, story, tmp_path)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            await adapters.publish(Visits(bedded_down=True))
            await grant(outreach)
            await adapters.receive()
            assert adapters.held() == [("hos-3", '{"bedded_down": true}')]

            erased = await ErasureServiceStub(outreach).Erase(
                messages.EraseRequest(
                    request_id=request_id(),
                    scope=messages.ErasureScope(client_reference="out-7", record_id="visit-1"),
                    ground=messages.ERASURE_GROUND_NO_LONGER_NECESSARY,
                )
            )
            report = await adapters.receive()
            await adapters.receive()

            assert report.retracted == 1 and adapters.held() == []
            taken = await taken_back(site, running, story.outreach, "out-7")
            assert [(one.outcome, one.due) for one in taken] == [(1, False)]
            said = await ErasureServiceStub(outreach).GetErasureCertificate(
                messages.GetErasureCertificateRequest(erasure_id=erased.erasure_id)
            )
            assert said.erasure.open_retractions == 0
