"""A hub's folder with an area in it: agencies, an agreement, people known to two of them, their records.

Everything goes through the product's own use cases, many calls in one command: the same entries as over the
wire, without the wire's time.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from consent_ledger.clock import SystemClock
from consent_ledger.ledger import open_ledger
from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    CaptureMethod,
    ConfidentialityBasis,
    DataCategory,
    LawfulBasis,
    OnEnd,
    Purpose,
    ServiceType,
)
from hub import pki
from hub.bootstrap import create_hub
from hub.config import Config, TlsFiles, write_config
from hub.use_cases import agencies, agreements, consents, publish, registrations
from hub.use_cases.hub import Hub
from hub.use_cases.work import Caller, Work
from tests.bench import payload

T = TypeVar("T")
OPERATOR = Caller(None, operator=True)
ORIGIN = "teller"
SERVICES = (ServiceType.HOSTEL, ServiceType.STREET_OUTREACH)
KINDS = tuple(
    DataCategory(name)
    for name in (
        "IDENTITY",
        "ACCOMMODATION",
        "MONEY_WORK",
        "SERVICE_CONTACT",
        "PHYSICAL_HEALTH",
        "SUBSTANCE_USE",
        "MENTAL_HEALTH",
        "OFFENDING",
        "FAMILY",
        "EQUALITY",
    )
)
"""Ten categories; with two services, twenty kinds of record."""
SHARED = KINDS[:6]
"""What people let others see: twelve kinds of the twenty."""
STEP = 500
"""People or records handled in one command."""


@dataclass(frozen=True)
class Plan:
    """How much to make. People are shared out among the receiving agencies in turn."""

    receivers: int = 1
    feeds: int = 1
    """For each receiver."""
    people: int = 8
    records: int = 16
    """For each person, all of kinds that the receiver may see."""
    readers: int = 0
    """People with `told` records of all twenty kinds, known to the first receiver."""
    told: int = 500


@dataclass(frozen=True)
class Adapter:
    """One adapter's certificate files and, for a receiver, its feed."""

    agency: str
    uri: str
    key_sha256: str
    certificate: str
    key: str
    feed_id: str = ""


@dataclass(frozen=True)
class Area:
    """What was made, and where."""

    folder: str
    authority: str
    origin: Adapter
    adapters: tuple[Adapter, ...]
    people: int
    readers: int
    size: int
    """Entries in the ledger."""

    @property
    def data(self) -> Path:
        """The hub's data folder."""
        return Path(self.folder) / "hub"

    def save(self) -> None:
        """Keeps this description beside the hub, so that the folder can be used again."""
        (Path(self.folder) / "area.json").write_text(json.dumps(asdict(self)), encoding="utf-8")


def person(number: int) -> str:
    """A person's reference, the same at every agency that knows them."""
    return f"p-{number}"


def reader(number: int) -> str:
    """The reference of a person with a long story."""
    return f"r-{number}"


def opened(folder: Path) -> Area:
    """An area made before. Raises FileNotFoundError."""
    found = json.loads((folder / "area.json").read_text(encoding="utf-8"))
    origin, adapters = Adapter(**found.pop("origin")), found.pop("adapters")
    return Area(origin=origin, adapters=tuple(Adapter(**one) for one in adapters), **found)


def make(folder: Path, plan: Plan, say: Callable[[str], None] = lambda _: None) -> Area:
    """Makes an area in a new folder."""
    data = folder / "hub"
    now = datetime.now(UTC)
    authority = pki.create_authority(data / "pki", now)
    hub = pki.issue_server(authority, data / "pki", now)
    config = Config(data, "127.0.0.1:0", TlsFiles(hub.certificate, hub.key, authority.certificate))
    create_hub(config)
    write_config(config)
    area = asyncio.run(_fill(folder, config, authority, plan, say))
    area.save()
    return area


class Maker:
    """Makes an area's parts on a hub that nobody is connected to."""

    def __init__(self, hub: Hub, authority: pki.Authority, folder: Path) -> None:
        self._hub = hub
        self._authority = authority
        self._folder = folder

    async def each(
        self, use_case: Callable[..., T], caller: Caller, calls: Sequence[dict[str, Any]]
    ) -> list[T]:
        """Runs one use case many times within one command."""

        def all_of_them(work: Work, caller: Caller) -> list[T]:
            return [use_case(work, caller, **call) for call in calls]

        return await self._hub.execute(all_of_them, caller)

    async def agency(self, agency_id: str, service: ServiceType, feeds: int) -> list[Adapter]:
        """An agency with its certificates and feeds; one certificate without a feed when it has none."""
        await self._hub.execute(
            agencies.register_agency,
            OPERATOR,
            agency_id=agency_id,
            name=agency_id,
            controller_id=agency_id,
            service_type=service,
            public_authority=False,
        )
        return [
            await self._adapter(agency_id, str(number + 1), service, feeds > 0)
            for number in range(max(feeds, 1))
        ]

    async def _adapter(self, agency_id: str, name: str, service: ServiceType, subscribes: bool) -> Adapter:
        issued = pki.issue_adapter(self._authority, self._folder, agency_id, datetime.now(UTC), adapter=name)
        assert issued.uri is not None
        await self._hub.execute(
            agencies.authorise_certificate,
            OPERATOR,
            agency_id=agency_id,
            uri=issued.uri,
            public_key_sha256=issued.public_key_sha256,
        )
        feed_id: UUID | str = ""
        if subscribes:
            feed_id, *_ = await self._hub.execute(
                agencies.subscribe,
                OPERATOR,
                agency_id=agency_id,
                certificate_uri=issued.uri,
                service_type=service,
                purposes=[Purpose.DIRECT_SUPPORT],
                categories=KINDS,
                enforces_person_restriction=True,
            )
        return Adapter(
            agency_id,
            issued.uri,
            issued.public_key_sha256.hex(),
            str(issued.certificate),
            str(issued.key),
            str(feed_id),
        )

    async def agreement(self, parties: Sequence[str]) -> None:
        """One agreement that everybody signs."""
        now = datetime.now(UTC)
        basis = {
            "purpose": Purpose.DIRECT_SUPPORT,
            "lawful_basis": LawfulBasis.A6_1_E,
            "article9": Article9Condition.A9_2_H,
            "article10": Article10Condition.OFFICIAL_AUTHORITY,
        }
        content = {
            "agreement_id": "isa-1",
            "title": "Bench",
            "start_time": (now - timedelta(days=1)).isoformat(),
            "end_time": (now + timedelta(days=365)).isoformat(),
            "notice_id": "notice-1",
            "parties": [{"agency_id": party, "receives_only": False, "bases": [basis]} for party in parties],
            "rows": [
                {
                    "category": category,
                    "purpose": Purpose.DIRECT_SUPPORT,
                    "on_end": OnEnd.ERASE,
                    "self_captured_restricted": False,
                }
                for category in KINDS
            ],
        }
        await self._hub.execute(agreements.draft_agreement, OPERATOR, content=content)
        for party in parties:
            await self._hub.execute(agreements.sign_agreement, Caller(party), agreement_id="isa-1", version=1)

    async def people(self, references: Sequence[str], receiver: str) -> None:
        """People registered at both agencies, linked, and willing that the receiver sees `SHARED`."""
        for start in range(0, len(references), STEP):
            some = references[start : start + STEP]
            await self._people(some, Caller(ORIGIN), Caller(receiver))

    async def _people(self, references: Sequence[str], origin: Caller, receiver: Caller) -> None:
        named = [{"client_reference": reference} for reference in references]
        for caller in (origin, receiver):
            await self.each(registrations.register_client, caller, named)
        made = await self.each(registrations.create_link_token, origin, named)
        tokens = [{**name, "token": token} for name, (token, *_) in zip(named, made, strict=True)]
        await self.each(registrations.redeem_link_token, receiver, tokens)
        await self.each(registrations.confirm_link, origin, [{"link_id": link_id} for _, link_id, _ in made])
        now = datetime.now(UTC)
        grant = {
            "purposes": [Purpose.DIRECT_SUPPORT],
            "categories": SHARED,
            "agency_id": receiver.agency_id,
            "confidentiality_basis": ConfidentialityBasis.EXPLICIT_CONSENT,
            "capture_method": CaptureMethod.ESIGNATURE,
            "notice_id": "notice-1",
            "given_time": now,
            "effective_until_time": now + timedelta(days=30),
            "asked_alone": True,
            "service_offered_anyway": True,
            "told_may_refuse": True,
        }
        await self.each(consents.record_grant, origin, [{**name, **grant} for name in named])

    async def records(self, records: Sequence[publish.NewRecord]) -> None:
        """Publishes them in one command."""
        await self._hub.execute(publish.publish_records, Caller(ORIGIN), records=records)


async def _fill(
    folder: Path, config: Config, authority: pki.Authority, plan: Plan, say: Callable[[str], None]
) -> Area:
    ledger = open_ledger(str(config.ledger), config.root_key, clock=SystemClock())
    try:
        hub = Hub(ledger)
        await hub.start()
        maker = Maker(hub, authority, config.data / "pki")
        [origin] = await maker.agency(ORIGIN, ServiceType.HOSTEL, 0)
        receivers = [f"hears-{number}" for number in range(plan.receivers)]
        adapters = [
            adapter
            for receiver in receivers
            for adapter in await maker.agency(receiver, ServiceType.HOUSING, plan.feeds)
        ]
        await maker.agreement([ORIGIN, *receivers])
        for number, receiver in enumerate(receivers):
            await maker.people([person(one) for one in range(number, plan.people, plan.receivers)], receiver)
        await maker.people([reader(one) for one in range(plan.readers)], receivers[0])
        total = plan.people * plan.records
        for start in range(0, total, STEP):
            await maker.records([_record(one, plan) for one in range(start, min(start + STEP, total))])
            if start % (STEP * 20) == 0:
                say(f"{start:,} of {total:,} records")
        for one in range(plan.readers):
            await maker.records([_told(one, number) for number in range(plan.told)])
        await hub.execute(agencies.list_agencies, OPERATOR)
        size = ledger.submit(lambda transaction: transaction.size).result()
        await hub.stop()
    finally:
        ledger.close()
    return Area(
        str(folder),
        str(authority.certificate),
        origin,
        tuple(adapters),
        plan.people,
        plan.readers,
        size,
    )


def _record(number: int, plan: Plan) -> publish.NewRecord:
    """Records come in as in life: everybody a little, again and again."""
    who, turn = number % plan.people, number // plan.people
    return payload.new_record(f"{who}-{turn}", person(who), SHARED[(who + turn) % len(SHARED)])


def _told(one: int, number: int) -> publish.NewRecord:
    occurred = payload.OCCURRED - timedelta(minutes=number)
    service = SERVICES[number // len(KINDS) % len(SERVICES)]
    return payload.new_record(f"r-{one}-{number}", reader(one), KINDS[number % len(KINDS)], service, occurred)
