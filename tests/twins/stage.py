"""A real hub behind mutual TLS whose ids, keys and clock a test decides: the same script, the same bytes."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

from hub import pki
from hub.bootstrap import RunningHub, create_hub, running_hub
from hub.config import Config, TlsFiles
from hub.rpc.authentication import ACTING_AGENCY
from oncetold.v1 import agency_service_pb2, agreement_service_pb2, common_pb2, registration_service_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from tests.clock import ManualClock
from tests.integration.loopback import Site, adapter_channel, operator_channel
from tests.staff import hire
from tests.twins.desk import Desk

__all__ = ["Authority", "Stage", "stage"]


class Authority:
    """One authority for many hubs: certificates are the same in every world that a test compares."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        now = datetime.now(UTC)
        self.authority = pki.create_authority(folder, now)
        self.server = pki.issue_server(self.authority, folder, now)
        self._issued: dict[str, pki.Credentials] = {}

    def credentials(self, agency_id: str) -> pki.Credentials:
        """The agency's certificate; the same one each time."""
        if agency_id not in self._issued:
            now = datetime.now(UTC)
            self._issued[agency_id] = pki.issue_adapter(self.authority, self.folder, agency_id, now)
        return self._issued[agency_id]


class Stage:
    """One world: its hub, its clock, and the agencies at their desks."""

    def __init__(self, site: Site, authority: Authority, running: RunningHub, clock: ManualClock) -> None:
        self.site, self.authority, self.running, self.clock = site, authority, running, clock
        self.desks: dict[str, Desk] = {}
        self._requests = random.Random("requests")
        self._open = AsyncExitStack()

    @property
    def hub(self) -> Any:
        """The hub within, for what no agency can see."""
        return self.running.hub

    def request_id(self) -> str:
        """A new id, the same in every world in which as many were asked for before."""
        return str(UUID(int=self._requests.getrandbits(128), version=4))

    async def size(self) -> int:
        """How many entries the ledger has."""
        return await asyncio.wrap_future(self.hub.ledger.submit(lambda transaction: transaction.size))

    async def agency(
        self,
        agency_id: str,
        service_type: str,
        *,
        receives: tuple[str, ...] = (),
        purposes: tuple[str, ...] = ("DIRECT_SUPPORT",),
        enforces_person_restriction: bool = False,
        retraction_window: str = "",
        public_authority: bool = False,
        enforcement_powers: bool | None = None,
    ) -> Desk:
        """Registers an agency with its certificate, opens its feed if it receives."""
        credentials = self.authority.credentials(agency_id)
        assert credentials.uri is not None
        kind = common_pb2.ServiceType.Value(f"SERVICE_TYPE_{service_type}")
        feed_id = ""
        async with operator_channel(self.site) as channel:
            stub = AgencyServiceStub(channel)
            await stub.RegisterAgency(
                agency_service_pb2.RegisterAgencyRequest(
                    request_id=self.request_id(),
                    agency_id=agency_id,
                    name=agency_id.title(),
                    controller_id=agency_id,
                    service_type=kind,
                    public_authority=public_authority,
                    enforcement_powers=enforcement_powers,
                )
            )
            await stub.AuthoriseCertificate(
                agency_service_pb2.AuthoriseCertificateRequest(
                    request_id=self.request_id(),
                    agency_id=agency_id,
                    uri=credentials.uri,
                    public_key_sha256=credentials.public_key_sha256,
                )
            )
            await hire(channel, agency_id, request_id=self.request_id)
            if receives:
                await stub.AppointPost(
                    agency_service_pb2.AppointPostRequest(
                        request_id=self.request_id(),
                        agency_id=agency_id,
                        post=agency_service_pb2.Post(
                            kind=agency_service_pb2.POST_KIND_TWENTY_FOUR_HOURS,
                            staff_reference="desk",
                            telephone="01632 960160",
                        ),
                    )
                )
                opened = await stub.Subscribe(
                    agency_service_pb2.SubscribeRequest(
                        request_id=self.request_id(),
                        agency_id=agency_id,
                        certificate_uri=credentials.uri,
                        service_type=kind,
                        purposes=[common_pb2.Purpose.Value(f"PURPOSE_{one}") for one in purposes],
                        categories=[
                            common_pb2.DataCategory.Value(f"DATA_CATEGORY_{one}") for one in receives
                        ],
                        enforces_person_restriction=enforces_person_restriction,
                        retraction_window=retraction_window,
                    )
                )
                feed_id = opened.feed_id
        channel = await self._open.enter_async_context(adapter_channel(self.site, self.running, credentials))
        self.desks[agency_id] = Desk(agency_id, kind, feed_id, channel, credentials, self)
        return self.desks[agency_id]

    async def agreement(
        self,
        agencies: tuple[str, ...],
        ends: dict[str, str],
        *,
        agreement_id: str = "isa-1",
        purposes: tuple[str, ...] = ("DIRECT_SUPPORT",),
        lawful_basis: str = "A6_1_C",
        kept: Mapping[str, int] = MappingProxyType({}),
        notice_id: str = "notice-1",
    ) -> None:
        """All sign one agreement. Per category `ends` says what becomes of copies when it ends, `kept` for
        how many days content is kept."""
        bases = [
            agreement_service_pb2.PartyBasis(
                purpose=common_pb2.Purpose.Value(f"PURPOSE_{purpose}"),
                lawful_basis=common_pb2.LawfulBasis.Value(f"LAWFUL_BASIS_{lawful_basis}"),
                article9=common_pb2.ARTICLE9_CONDITION_A9_2_H,
                article10=common_pb2.ARTICLE10_CONDITION_SCH1_P18,
            )
            for purpose in purposes
        ]
        rows = [
            agreement_service_pb2.AgreementRow(
                category=common_pb2.DataCategory.Value(f"DATA_CATEGORY_{category}"),
                purpose=common_pb2.Purpose.Value(f"PURPOSE_{purpose}"),
                on_end=common_pb2.OnEnd.Value(f"ON_END_{on_end}"),
                retention_days=kept.get(category, 0),
            )
            for category, on_end in ends.items()
            for purpose in purposes
        ]
        agreement = agreement_service_pb2.Agreement(
            agreement_id=agreement_id,
            title="Working together",
            parties=[
                agreement_service_pb2.AgreementParty(agency_id=agency_id, bases=bases)
                for agency_id in agencies
            ],
            rows=rows,
            notice_id=notice_id,
        )
        agreement.start_time.FromDatetime(self.clock.now())
        agreement.end_time.FromDatetime(self.clock.now().replace(year=self.clock.now().year + 1))
        async with operator_channel(self.site) as channel:
            stub = AgreementServiceStub(channel)
            await stub.DraftAgreement(
                agreement_service_pb2.DraftAgreementRequest(request_id=self.request_id(), agreement=agreement)
            )
            for agency_id in agencies:
                await stub.SignAgreement(
                    agreement_service_pb2.SignAgreementRequest(
                        request_id=self.request_id(), agreement_id=agreement_id, version=1
                    ),
                    metadata=((ACTING_AGENCY, agency_id),),
                )

    async def appoint_lead(self, desk: Desk, reference: str, agency_id: str) -> None:
        """Says at an agency's desk who leads for the person; the operator does where nobody leads yet."""
        async with operator_channel(self.site) as channel:
            await RegistrationServiceStub(channel).AppointLead(
                registration_service_pb2.AppointLeadRequest(
                    request_id=self.request_id(), client_reference=reference, agency_id=agency_id
                ),
                metadata=((ACTING_AGENCY, desk.agency_id),),
            )

    async def terminate(self, agreement_id: str) -> None:
        """Ends an agreement before its time."""
        async with operator_channel(self.site) as channel:
            await AgreementServiceStub(channel).TerminateAgreement(
                agreement_service_pb2.TerminateAgreementRequest(
                    request_id=self.request_id(), agreement_id=agreement_id
                )
            )

    async def close(self) -> None:
        await self._open.aclose()


def _seeded_ids(seed: str) -> Callable[[], UUID]:
    rng = random.Random(seed)
    return lambda: UUID(int=rng.getrandbits(128), version=4)


@asynccontextmanager
async def stage(folder: Path, authority: Authority, ledger: str = "") -> AsyncIterator[Stage]:
    """A world that serves until the block ends. Two of them differ in nothing but what the script does.

    `ledger`: as in `hub.toml`; a file of its own unless said otherwise.
    """
    data = folder / "hub"
    tls = TlsFiles(authority.server.certificate, authority.server.key, authority.authority.certificate)
    config = Config(data, "127.0.0.1:0", tls, ledger=ledger)
    create_hub(config, entropy=random.Random("entropy").randbytes)
    clock = ManualClock()
    async with running_hub(config, clock=clock, new_id=_seeded_ids("ids")) as running:
        world = Stage(Site(config, authority.authority, authority.folder), authority, running, clock)
        try:
            yield world
        finally:
            await world.close()
