"""The town that every schedule begins in: a street team that tells, a hostel and a clinic that may hear.

It is founded once and its folder copied for each schedule, so that each begins alike and replays from its
seed alone. Rosa is known to all three, Ann to the street team and the hostel.
"""

import asyncio
import shutil
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from google.protobuf.message import Message

from consent_ledger.ledger import Ledger
from hub.use_cases.hub import Hub
from oncetold.v1 import (
    agency_service_pb2,
    agreement_service_pb2,
    common_pb2,
    consent_service_pb2,
    record_service_pb2,
    records_pb2,
    registration_service_pb2,
    staff_service_pb2,
)
from tests.clock import START, ManualClock
from tests.races.doors import Certificate, Certificates, Door
from tests.races.stepped import SteppedLoop, SteppedSequencer, seeded_ids, stepped_ledger
from tests.staff import hiring, working_with

T = TypeVar("T")
M = TypeVar("M", bound=Message)

ENDS = {
    "ACCOMMODATION": "ERASE",
    "SERVICE_CONTACT": "ERASE",
    "MONEY_WORK": "STOP",
    "CONTACT_LOCATION": "RESTRICT",
}
"""What becomes of copies when permission ends, by category; records tell of all but the envelope's."""
TOLD = ("ACCOMMODATION", "CONTACT_LOCATION", "MONEY_WORK")
PURPOSES = ("DIRECT_SUPPORT", "CARE_COORDINATION")
AGREEMENT_LASTS = timedelta(days=30)
GRANTS_LAST = timedelta(days=60)
REFERENCES = {("rosa", "outreach"): "out-7", ("rosa", "hostel"): "hos-3", ("rosa", "clinic"): "cli-9"}
REFERENCES |= {("ann", "outreach"): "out-8", ("ann", "hostel"): "hos-4"}
FOUNDED = START + timedelta(seconds=1)
"""When every schedule begins; agencies and agreement are a second older."""
FOUNDED_RECORDS = {"rosa-1": 1, "rosa-2": 1, "ann-1": 1}
"""Records of the founding, with their revisions. A record's id begins with whom it is about."""


@dataclass
class Facts:
    """Ids that were given out at the founding."""

    feeds: dict[str, str] = field(default_factory=dict)
    grants: dict[tuple[str, str], str] = field(default_factory=dict)
    links: dict[tuple[str, str], str] = field(default_factory=dict)


def category(name: str) -> Any:
    return common_pb2.DataCategory.Value(f"DATA_CATEGORY_{name}")


def purposes(names: Iterable[str]) -> list[Any]:
    return [common_pb2.Purpose.Value(f"PURPOSE_{name}") for name in names]


class Steps(Protocol):
    """What commands wait for."""

    def waiting(self) -> int:
        """How many commands wait."""
        ...

    def step(self, most: int, *, full: bool = False) -> None:
        """Runs up to `most` of them and commits them together, on a full disk or not."""
        ...


class Calls(Protocol):
    """What callers call."""

    async def call(
        self,
        method: str,
        request: Message,
        *,
        certificate: Certificate | None = None,
        acting: str | None = None,
    ) -> bytes:
        """As `Door.call`."""
        ...


class World:
    """One hub, stepped by hand, with its callers."""

    def __init__(
        self,
        folder: Path,
        certificates: dict[str, Certificate],
        facts: Facts,
        *,
        seed: int,
        clock: ManualClock,
        new: bool = False,
        hub: type[Hub] = Hub,
        sequencer: type[SteppedSequencer] = SteppedSequencer,
    ) -> None:
        self.clock = clock
        self.certificates = certificates
        self.facts = facts
        self.loop = SteppedLoop()
        opened = stepped_ledger(folder, clock, seed, new=new, kind=sequencer)
        self.ledger: Ledger = opened.ledger
        self.sequencer: Steps = opened.sequencer
        self.hub = hub(self.ledger, new_id=seeded_ids(f"ids {seed} {new}"))
        self.door: Calls = Door(self.hub)
        self._requests = seeded_ids(f"requests {seed} {new}")
        self.at_once(self.hub.start())

    def at_once(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs something to its end, with nothing beside it."""
        task = self.loop.create_task(work)
        for _ in range(100_000):
            if task.done():
                return task.result()
            self.loop.turn()
            self.sequencer.step(1)
        raise AssertionError("it never ends")

    def close(self) -> None:
        """Finishes whatever is under way, and lets go of the ledger."""
        pending = asyncio.all_tasks(self.loop)
        for task in pending:
            task.cancel()
        for _ in range(20):
            self.loop.turn()
            self.sequencer.step(1024)
        assert all(task.done() for task in pending)
        self.ledger.close()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def request_id(self) -> str:
        return str(self._requests())

    async def ask(self, who: str, method: str, request: Message, answer: type[M]) -> M:
        """Calls for an agency by its certificate, or as the operator (for `operator:agency`, in its name)."""
        certificate = self.certificates.get(who)
        acting = who.partition(":")[2] or None
        return answer.FromString(
            await self.door.call(method, request, certificate=certificate, acting=acting)
        )

    async def publish(
        self, record_id: str, revision: int, *, taken_back: bool = False, request_id: str = ""
    ) -> int:
        """The street team publishes a revision; each category's part says where it comes from."""
        record = record_service_pb2.Record(
            record_id=record_id,
            revision=revision,
            client_reference=REFERENCES[record_id.partition("-")[0], "outreach"],
            service_type=common_pb2.SERVICE_TYPE_STREET_OUTREACH,
            source_system="case-book",
        )
        record.occurred_time.FromDatetime(START - timedelta(hours=2))
        if not taken_back:
            answers = [_stamped(record_id, revision, name) for name in TOLD]
            record.content.CopyFrom(records_pb2.RecordContent(contact=records_pb2.Contact(details=answers)))
        answer = await self.ask(
            "outreach",
            "RecordService/PublishRecords",
            record_service_pb2.PublishRecordsRequest(
                request_id=request_id or self.request_id(), records=[record]
            ),
            record_service_pb2.PublishRecordsResponse,
        )
        return int(answer.positions[0].index)

    async def grant(self, person: str, to: str, lasts: timedelta = GRANTS_LAST) -> str:
        """The person says yes to one agency, asked alone and freely; the grant's id."""
        grant = consent_service_pb2.Grant(
            client_reference=REFERENCES[person, "outreach"],
            scope=consent_service_pb2.Scope(
                purposes=purposes(PURPOSES), categories=[category(name) for name in ENDS], agency_id=to
            ),
            confidentiality_basis=common_pb2.CONFIDENTIALITY_BASIS_EXPLICIT_CONSENT,
            capture_method=common_pb2.CAPTURE_METHOD_ESIGNATURE,
            notice_id="notice-1",
            asked_alone=True,
            service_offered_anyway=True,
            told_may_refuse=True,
        )
        grant.given_time.FromDatetime(self.clock.now())
        grant.effective_until_time.FromDatetime(self.clock.now() + lasts)
        request = consent_service_pb2.RecordGrantRequest(request_id=self.request_id(), grant=grant)
        answer = consent_service_pb2.RecordGrantResponse
        return str((await self.ask("outreach", "ConsentService/RecordGrant", request, answer)).grant_id)


def _stamped(record_id: str, revision: int, name: str) -> common_pb2.CategorisedAnswer:
    code = f"{record_id}.{revision}.{name}"
    return common_pb2.CategorisedAnswer(
        category=category(name), question=common_pb2.Coding(system="test:stamp", code=code), yes=True
    )


WINDOWS = ("", "", "03:00")
"""When copies are taken back, for schedules in turn: at once, at once, or in a window of the next night."""


class Town:
    """The founded town's folders, and certificates that are the same in every copy of them."""

    def __init__(self, folder: Path) -> None:
        issued = Certificates(folder / "pki")
        self.certificates = {name: issued.issue(name, name) for name in ("outreach", "hostel", "clinic")}
        self.certificates["hostel's next key"] = issued.issue("hostel", "hostel-next")
        self._founded: dict[str, Path] = {}
        for number, window in enumerate(dict.fromkeys(WINDOWS)):
            self._founded[window] = folder / f"founded-{number}"
            self._founded[window].mkdir()
            # Ids come from the seed alone: they are the same in each.
            self.facts = Facts()
            world = World(
                self._founded[window], self.certificates, self.facts, seed=0, clock=ManualClock(), new=True
            )
            try:
                world.at_once(found(world, self.facts, window))
            finally:
                world.close()

    def copy(self, folder: Path, seed: int, window: str, **kinds: Any) -> World:
        """A world of its own, just founded. `kinds`: of clock, hub and sequencer."""
        for name in ("ledger.db", "root.key"):
            shutil.copy2(self._founded[window] / name, folder / name)
        shutil.copytree(self._founded[window] / "root.key.epochs", folder / "root.key.epochs")
        clock = kinds.pop("clock", ManualClock)(FOUNDED)
        return World(folder, self.certificates, self.facts, seed=seed, clock=clock, **kinds)


async def found(world: World, facts: Facts, window: str) -> None:
    kinds = {"outreach": "STREET_OUTREACH", "hostel": "HOSTEL", "clinic": "MONEY_ADVICE"}
    for agency_id, kind in kinds.items():
        await _agency(world, facts, agency_id, common_pb2.ServiceType.Value(f"SERVICE_TYPE_{kind}"), window)
    await _agreement(world, tuple(kinds))
    for (_, agency_id), reference in REFERENCES.items():
        await world.ask(
            agency_id,
            "RegistrationService/RegisterClient",
            registration_service_pb2.RegisterClientRequest(
                request_id=world.request_id(), client_reference=reference
            ),
            registration_service_pb2.RegisterClientResponse,
        )
        await world.ask(
            agency_id,
            "StaffService/RecordRelationship",
            working_with(reference, world.request_id()),
            staff_service_pb2.RecordRelationshipResponse,
        )
    world.clock.advance(timedelta(seconds=1))
    for person, to in (("rosa", "hostel"), ("rosa", "clinic"), ("ann", "hostel")):
        facts.links[person, to] = await _link(world, person, to)
        facts.grants[person, to] = await world.grant(person, to)
    for record_id, revision in FOUNDED_RECORDS.items():
        await world.publish(record_id, revision)


async def _agency(world: World, facts: Facts, agency_id: str, kind: Any, window: str) -> None:
    certificate = world.certificates[agency_id]
    await world.ask(
        "operator",
        "AgencyService/RegisterAgency",
        agency_service_pb2.RegisterAgencyRequest(
            request_id=world.request_id(),
            agency_id=agency_id,
            name=agency_id.title(),
            controller_id=agency_id,
            service_type=kind,
        ),
        agency_service_pb2.RegisterAgencyResponse,
    )
    await world.ask(
        "operator",
        "AgencyService/AuthoriseCertificate",
        agency_service_pb2.AuthoriseCertificateRequest(
            request_id=world.request_id(),
            agency_id=agency_id,
            uri=certificate.uri,
            public_key_sha256=certificate.public_key_sha256,
        ),
        agency_service_pb2.AuthoriseCertificateResponse,
    )
    for who, method, request, answer in hiring(agency_id, world.request_id):
        await world.ask(who, method, request, answer)
    await world.ask(
        "operator",
        "AgencyService/AppointPost",
        agency_service_pb2.AppointPostRequest(
            request_id=world.request_id(),
            agency_id=agency_id,
            post=agency_service_pb2.Post(
                kind=agency_service_pb2.POST_KIND_TWENTY_FOUR_HOURS,
                staff_reference="desk",
                telephone="01632 960160",
            ),
        ),
        agency_service_pb2.AppointPostResponse,
    )
    opened = await world.ask(
        "operator",
        "AgencyService/Subscribe",
        agency_service_pb2.SubscribeRequest(
            request_id=world.request_id(),
            agency_id=agency_id,
            certificate_uri=certificate.uri,
            service_type=kind,
            purposes=purposes(PURPOSES),
            categories=[category(name) for name in ENDS],
            retraction_window=window,
        ),
        agency_service_pb2.SubscribeResponse,
    )
    facts.feeds[agency_id] = opened.feed_id


async def _agreement(world: World, agencies: tuple[str, ...]) -> None:
    bases = [
        agreement_service_pb2.PartyBasis(purpose=purpose, lawful_basis=common_pb2.LAWFUL_BASIS_A6_1_C)
        for purpose in purposes(PURPOSES)
    ]
    agreement = agreement_service_pb2.Agreement(
        agreement_id="isa-1",
        title="Working together",
        parties=[agreement_service_pb2.AgreementParty(agency_id=one, bases=bases) for one in agencies],
        rows=[
            agreement_service_pb2.AgreementRow(
                category=category(name), purpose=purpose, on_end=common_pb2.OnEnd.Value(f"ON_END_{on_end}")
            )
            for name, on_end in ENDS.items()
            for purpose in purposes(PURPOSES)
        ],
        notice_id="notice-1",
    )
    agreement.start_time.FromDatetime(world.clock.now())
    agreement.end_time.FromDatetime(world.clock.now() + AGREEMENT_LASTS)
    await world.ask(
        "operator",
        "AgreementService/DraftAgreement",
        agreement_service_pb2.DraftAgreementRequest(request_id=world.request_id(), agreement=agreement),
        agreement_service_pb2.DraftAgreementResponse,
    )
    for agency_id in agencies:
        await world.ask(
            f"operator:{agency_id}",
            "AgreementService/SignAgreement",
            agreement_service_pb2.SignAgreementRequest(
                request_id=world.request_id(), agreement_id="isa-1", version=1
            ),
            agreement_service_pb2.SignAgreementResponse,
        )


async def _link(world: World, person: str, to: str) -> str:
    messages = registration_service_pb2
    made = await world.ask(
        "outreach",
        "RegistrationService/CreateLinkToken",
        messages.CreateLinkTokenRequest(
            request_id=world.request_id(), client_reference=REFERENCES[person, "outreach"]
        ),
        messages.CreateLinkTokenResponse,
    )
    await world.ask(
        to,
        "RegistrationService/RedeemLinkToken",
        messages.RedeemLinkTokenRequest(
            request_id=world.request_id(), client_reference=REFERENCES[person, to], token=made.token
        ),
        messages.RedeemLinkTokenResponse,
    )
    await world.ask(
        "outreach",
        "RegistrationService/ConfirmLink",
        messages.ConfirmLinkRequest(request_id=world.request_id(), link_id=made.link_id),
        messages.ConfirmLinkResponse,
    )
    return str(made.link_id)
