"""Makes an area by the use cases themselves, many calls in one command: the same entries as over a wire."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from adapters.kit.assertions import public_part
from consent_ledger.clock import SystemClock
from consent_ledger.ledger import open_ledger
from consent_ledger.staff import RelationshipKind, Role
from consent_ledger.vocabulary import (
    Article9Condition,
    Article10Condition,
    CaptureMethod,
    ConfidentialityBasis,
    LawfulBasis,
    OnEnd,
    PostKind,
    Purpose,
    ServiceType,
)
from hub import pki
from hub.bootstrap import create_hub
from hub.config import Config, TlsFiles, read_config, write_config
from hub.limit_settings import LimitSettings
from hub.use_cases import agencies, agreements, consents, publish, registrations, staff
from hub.use_cases.hub import Hub
from hub.use_cases.work import Caller, Work
from tests.bench import payload
from tests.bench.area import KINDS, ORIGIN, SERVICES, SHARED, Adapter, Area, Plan, person, reader
from tests.staff import KEY_ID, NAVIGATOR, key_of

T = TypeVar("T")
Say = Callable[[str], None]
Calls = Sequence[tuple[Caller, dict[str, Any]]]
OPERATOR = Caller(None, operator=True)
UNLIMITED = LimitSettings(10_000, 10_000, 1_000_000, 1_000_000_000)
"""What a hub can do is measured with one agency doing everybody's work."""
STEP = 1000
"""People or records handled in one command."""


def make(folder: Path, plan: Plan, say: Say = lambda _: None) -> Area:
    """Makes an area in a new folder."""
    data = folder / "hub"
    now = datetime.now(UTC)
    authority = pki.create_authority(data / "pki", now)
    served = pki.issue_server(authority, data / "pki", now)
    tls = TlsFiles(served.certificate, served.key, authority.certificate)
    config = Config(data, "127.0.0.1:0", tls, limits=UNLIMITED)
    create_hub(config)
    write_config(config)
    return asyncio.run(_fill(folder, config, authority, plan, say))


async def _fill(folder: Path, config: Config, authority: pki.Authority, plan: Plan, say: Say) -> Area:
    async with _opened(config) as hub:
        maker = Maker(hub, authority, config.data / "pki")
        receivers = [f"hears-{number}" for number in range(plan.receivers)]
        [origin] = await maker.adapters([ORIGIN], 1, subscribe=False)
        adapters = await maker.adapters(receivers, plan.feeds, subscribe=True)
        await maker.agreement([ORIGIN, *receivers])
        known = [(person(one), receivers[one % plan.receivers]) for one in range(plan.people)]
        await maker.people([*known, *((reader(one), receivers[0]) for one in range(plan.readers))])
        await maker.records(_records(plan), plan.people * plan.records, say)
        await maker.records(_told(plan), plan.readers * plan.told, say)
        await hub.execute(agencies.list_agencies, OPERATOR)  # folds what was appended last
        size = hub.ledger.submit(lambda transaction: transaction.size).result()
    return Area(
        str(folder), str(authority.certificate), origin, tuple(adapters), plan.people, plan.readers, size
    )


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[Hub]:
    """The area's hub, to which nobody is connected."""
    ledger = open_ledger(config.ledger, config.root_key, clock=SystemClock())
    try:
        hub = Hub(ledger)
        await hub.start()
        yield hub
        await hub.stop()
    finally:
        ledger.close()


def publish_more(made: Area, people: Sequence[str], records: Sequence[publish.NewRecord]) -> None:
    """People whom only the telling agency knows, and more records, in an area that nobody serves."""

    async def told() -> None:
        async with _opened(read_config(made.data)) as hub:
            folder = made.data / "pki"
            maker = Maker(hub, pki.open_authority(folder), folder)
            here = [(Caller(ORIGIN), {"client_reference": reference}) for reference in people]
            await maker.each(registrations.register_client, here)
            await maker.records(iter(records), len(records), lambda _: None)

    asyncio.run(told())


def _records(plan: Plan) -> Iterator[publish.NewRecord]:
    """They come in as in life: everybody a little, again and again."""
    for turn in range(plan.records):
        for who in range(plan.people):
            yield payload.new_record(f"{who}-{turn}", person(who), SHARED[(who + turn) % len(SHARED)])


def _told(plan: Plan) -> Iterator[publish.NewRecord]:
    for one in range(plan.readers):
        for number in range(plan.told):
            occurred = payload.OCCURRED - timedelta(minutes=number)
            service = SERVICES[number // len(KINDS) % len(SERVICES)]
            kind = KINDS[number % len(KINDS)]
            yield payload.new_record(f"r-{one}-{number}", reader(one), kind, service, occurred)


class Maker:
    """Makes an area's parts on a hub that nobody is connected to."""

    def __init__(self, hub: Hub, authority: pki.Authority, folder: Path) -> None:
        self._hub = hub
        self._authority = authority
        self._folder = folder

    async def each(self, use_case: Callable[..., T], calls: Calls) -> list[T]:
        """Runs a use case many times, many in one command; none sees what another of its command did."""
        answers: list[T] = []
        for start in range(0, len(calls), STEP):
            some = calls[start : start + STEP]

            def all_of_them(work: Work, _: Caller, some: Calls = some) -> list[T]:
                return [use_case(work, caller, **values) for caller, values in some]

            answers += await self._hub.execute(all_of_them, OPERATOR)
        return answers

    async def adapters(self, names: Sequence[str], each: int, *, subscribe: bool) -> list[Adapter]:
        """Agencies with so many certificates each, every one with a feed if they subscribe."""
        service = ServiceType.HOUSING if subscribe else ServiceType.HOSTEL
        agency = {"service_type": service, "public_authority": False}
        await self.each(
            agencies.register_agency,
            [
                (OPERATOR, {"agency_id": name, "name": name, "controller_id": name, **agency})
                for name in names
            ],
        )
        if subscribe:
            desk = {
                "kind": PostKind.TWENTY_FOUR_HOURS,
                "staff_reference": "desk",
                "telephone": "01632 960160",
            }
            await self.each(
                agencies.appoint_post, [(OPERATOR, {"agency_id": name, **desk}) for name in names]
            )
        made: list[Adapter] = []
        for number in range(each):
            # One of each agency's in a command: an agency's next event has to see the one before.
            issued = [(name, self._issue(name, number)) for name in names]
            await self.each(agencies.authorise_certificate, [_authorising(*one) for one in issued])
            feeds = [""] * len(issued)
            if subscribe:
                calls = [_subscribing(name, one, service) for name, one in issued]
                feeds = [str(feed_id) for feed_id, *_ in await self.each(agencies.subscribe, calls)]
            made += [
                Adapter(name, one.uri or "", str(one.certificate), str(one.key), feed_id)
                for (name, one), feed_id in zip(issued, feeds, strict=True)
            ]
        return made

    def _issue(self, agency_id: str, number: int) -> pki.Credentials:
        now = datetime.now(UTC)
        return pki.issue_adapter(self._authority, self._folder, agency_id, now, adapter=str(number + 1))

    async def _hire(self, agency_id: str) -> None:
        """The agency's key is known, and its navigator has the role."""
        await self._hub.execute(
            staff.authorise_assertion_key,
            OPERATOR,
            agency_id=agency_id,
            key_id=KEY_ID,
            public_key=public_part(key_of(agency_id)),
        )
        await self._hub.execute(
            staff.give_role,
            Caller(agency_id),
            staff_reference=NAVIGATOR.staff_reference,
            role=Role.NAVIGATOR,
        )

    async def agreement(self, parties: Sequence[str]) -> None:
        """One agreement that everybody signs."""
        await self._hub.execute(agreements.draft_agreement, OPERATOR, content=_agreement(parties))
        for party in parties:
            # One aggregate: each signature has to see the one before.
            await self._hub.execute(agreements.sign_agreement, Caller(party), agreement_id="isa-1", version=1)

    async def people(self, known: Sequence[tuple[str, str]]) -> None:
        """People (reference, receiver) registered at both agencies, linked, willing to share `SHARED`."""
        origin = Caller(ORIGIN)
        here = [(origin, {"client_reference": reference}) for reference, _ in known]
        there = [(Caller(receiver), {"client_reference": reference}) for reference, receiver in known]
        await self.each(registrations.register_client, [*here, *there])
        for receiver in sorted({receiver for _, receiver in known}):
            await self._hire(receiver)
        works = {"staff_reference": NAVIGATOR.staff_reference, "kind": RelationshipKind.CASELOAD}
        await self.each(staff.record_relationship, [(caller, {**named, **works}) for caller, named in there])
        made = await self.each(registrations.create_link_token, here)
        tokens = [
            (caller, {**named, "token": token})
            for (caller, named), (token, *_) in zip(there, made, strict=True)
        ]
        await self.each(registrations.redeem_link_token, tokens)
        await self.each(
            registrations.confirm_link, [(origin, {"link_id": link_id}) for _, link_id, _ in made]
        )
        grants = [(origin, _grant(reference, receiver)) for reference, receiver in known]
        await self.each(consents.record_grant, grants)

    async def records(self, records: Iterator[publish.NewRecord], total: int, say: Say) -> None:
        """Publishes them, many in one command."""
        done = 0
        while some := list(itertools.islice(records, STEP)):
            await self._hub.execute(publish.publish_records, Caller(ORIGIN), records=some)
            done += len(some)
            if total > 20 * STEP and done % (20 * STEP) == 0:
                say(f"{done:,} of {total:,} records")


def _authorising(agency_id: str, issued: pki.Credentials) -> tuple[Caller, dict[str, Any]]:
    values = {"agency_id": agency_id, "uri": issued.uri, "public_key_sha256": issued.public_key_sha256}
    return OPERATOR, values


def _subscribing(
    agency_id: str, issued: pki.Credentials, service: ServiceType
) -> tuple[Caller, dict[str, Any]]:
    return OPERATOR, {
        "agency_id": agency_id,
        "certificate_uri": issued.uri,
        "service_type": service,
        "purposes": [Purpose.DIRECT_SUPPORT],
        "categories": KINDS,
        "enforces_person_restriction": True,
    }


def _grant(reference: str, receiver: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "client_reference": reference,
        "purposes": [Purpose.DIRECT_SUPPORT],
        "categories": SHARED,
        "agency_id": receiver,
        "confidentiality_basis": ConfidentialityBasis.EXPLICIT_CONSENT,
        "capture_method": CaptureMethod.ESIGNATURE,
        "notice_id": "notice-1",
        "given_time": now,
        "effective_until_time": now + timedelta(days=30),
        "asked_alone": True,
        "service_offered_anyway": True,
        "told_may_refuse": True,
    }


def _agreement(parties: Sequence[str]) -> dict[str, Any]:
    now = datetime.now(UTC)
    purpose = Purpose.DIRECT_SUPPORT
    basis = {
        "purpose": purpose,
        "lawful_basis": LawfulBasis.A6_1_E,
        "article9": Article9Condition.A9_2_H,
        "article10": Article10Condition.OFFICIAL_AUTHORITY,
    }
    row = {"purpose": purpose, "on_end": OnEnd.ERASE, "self_captured_restricted": False}
    return {
        "agreement_id": "isa-1",
        "title": "Bench",
        "start_time": (now - timedelta(days=1)).isoformat(),
        "end_time": (now + timedelta(days=365)).isoformat(),
        "notice_id": "notice-1",
        "parties": [{"agency_id": party, "receives_only": False, "bases": [basis]} for party in parties],
        "rows": [{"category": category, **row} for category in KINDS],
    }
