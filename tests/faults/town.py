"""Three agencies that tell, choose and withdraw without end, whatever is killed meanwhile; and what must be.

The outreach team publishes through an adapter and directly, the hostel directly; the hostel and the clinic
receive. Every agreement row ends by erasure, so what a partner holds is what it may hold now, nothing else.
"""

import asyncio
import json
import random
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
from google.protobuf.message import Message

from adapters.kit.assertions import Signer
from adapters.kit.client import Hub
from hub import pki
from hub.config import write_config
from oncetold.v1.audit_service_pb2 import GetLedgerRequest
from tests import staff
from tests.faults import processes
from tests.integration.loopback import Site, make_site
from tests.oracle import history as h
from tests.oracle.facts import Facts
from tests.oracle.play import Player
from tests.oracle.store import Held, Place, expected_store
from tests.world.hub_beside import METHODS

SERVICES = {"outreach": "STREET_OUTREACH", "hostel": "HOSTEL", "clinic": "HOSPITAL"}
RECEIVERS = ("hostel", "clinic")
PURPOSES = frozenset({"DIRECT_SUPPORT", "CARE_COORDINATION"})
CATEGORIES = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH", "MONEY_WORK", "MENTAL_HEALTH")
PEOPLE = 8
MOST_EXCLUSIONS = 3
CHANNEL = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.enable_http_proxy", 0),
)
MOST_SECONDS = 60.0
"""After that long a hub that does not answer is one that does not come back."""
GOES_BY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}


def free_port() -> int:
    """A port that nobody listens on: a hub that comes back must come back to where it was."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Town:
    """The agencies, what they said, and what the hub acknowledged of it."""

    site: Site
    folder: Path
    port: int
    credentials: Mapping[str, pki.Credentials]
    chance: random.Random
    history: list[h.Event] = field(default_factory=list)
    acknowledged: dict[int, tuple[str | None, str, bytes, bytes]] = field(default_factory=dict)
    """By position: who called what with which request, and the answer."""
    repeated: int = 0
    """Calls that had to be made again because no answer came."""

    def __post_init__(self) -> None:
        self.player = Player(self.call, self.certificate)
        self.revisions: Counter[tuple[str, int]] = Counter()
        self.rows: dict[int, dict[str, object]] = {}
        self.grants: list[h.GrantRecorded] = []
        self.exclusions: list[h.ExclusionRecorded] = []
        self._numbers = 0
        self._methods: dict[tuple[str | None, str], Any] = {}
        self._signers: dict[str, Signer] = {}
        self._write_rows()

    @property
    def rows_file(self) -> Path:
        return self.folder / "rows.json"

    def database(self, agency: str) -> Path:
        return self.folder / f"{agency}.sqlite"

    def certificate(self, agency: str) -> tuple[str, bytes]:
        found = self.credentials[agency]
        assert found.uri is not None
        return found.uri, found.public_key_sha256

    def told(self, agency: str) -> dict[str, str]:
        """How an agency's adapter connects."""
        found = self.credentials[agency]
        return {
            "address": f"localhost:{self.port}",
            "authority": str(self.site.authority.certificate),
            "certificate": str(found.certificate),
            "key": str(found.key),
        }

    # -- calling --------------------------------------------------------------------------------

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Channels of every agency and the operator, which come back when the hub does."""
        authority = self.site.authority.certificate.read_bytes()
        channels: dict[str | None, grpc.aio.Channel] = {
            None: grpc.aio.insecure_channel(f"unix:{self.site.config.admin_socket}", options=CHANNEL)
        }
        for agency, found in self.credentials.items():
            tls = grpc.ssl_channel_credentials(
                authority, found.key.read_bytes(), found.certificate.read_bytes()
            )
            target = f"localhost:{self.port}"
            channels[agency] = grpc.aio.secure_channel(target, tls, options=CHANNEL)
        self._methods = {
            (agency, name): channel.unary_unary(
                path, request_serializer=_bytes_of, response_deserializer=answer.FromString
            )
            for agency, channel in channels.items()
            for name, (path, answer) in METHODS.items()
        }
        try:
            yield
        finally:
            for channel in channels.values():
                await channel.close()

    async def once(self, agency: str | None, method: str, request: Any) -> Any:
        """One call, whatever comes of it. Where it needs that, its agency vouches for its navigator."""
        word: tuple[tuple[str, str], ...] = ()
        if agency is not None and staff.needs_word(METHODS[method][0]):
            word = (await self._signer(agency)).metadata(staff.NAVIGATOR, request)
        return await self._methods[agency, method](request, timeout=10, metadata=word)

    async def _signer(self, agency: str) -> Signer:
        if agency not in self._signers:
            ledger = await self._methods[agency, "GetLedger"](GetLedgerRequest(), timeout=10)
            pem = self.credentials[agency].certificate.read_bytes()
            self._signers[agency] = staff.signer_of(agency, UUID(ledger.ledger_id), pem)
        return self._signers[agency]

    async def call(self, agency: str | None, method: str, request: Any) -> Any:
        """The answer, however often the same request has to be made. Anything but an absence is raised."""
        patience = time.monotonic() + MOST_SECONDS
        while True:
            try:
                answer = await self.once(agency, method, request)
                break
            except grpc.aio.AioRpcError as error:
                if error.code() not in GOES_BY or time.monotonic() > patience:
                    raise
                self.repeated += 1
                await asyncio.sleep(0.02)
        if hasattr(request, "request_id"):
            places = answer.positions if hasattr(answer, "positions") else [answer.position]
            for place in places:
                assert place.index not in self.acknowledged, "two requests were given one position"
                self.acknowledged[place.index] = (
                    agency, method, request.SerializeToString(), answer.SerializeToString(),
                )  # fmt: skip
        return answer

    async def is_served(self) -> bool:
        """Whether a hub accepts connections."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    # -- living ---------------------------------------------------------------------------------

    async def found(self) -> None:
        """Agencies, feeds, an agreement, and people whom all of them know."""
        for agency, service in SERVICES.items():
            await self._play(h.AgencyRegistered, agency=agency, service_type=service)
        for agency in SERVICES:
            await self.call(None, "AuthoriseAssertionKey", staff.authorising(agency, staff.new_request_id()))
            await self.call(agency, "GiveRole", staff.giving(staff.new_request_id()))
        for agency in RECEIVERS:
            await self._play(
                h.FeedOpened,
                feed=agency,
                agency=agency,
                service_type=SERVICES[agency],
                purposes=PURPOSES,
                categories=frozenset(CATEGORIES),
            )
        bases = tuple(h.Basis(purpose, "A6_1_E", "A9_2_H", "OFFICIAL_AUTHORITY") for purpose in PURPOSES)
        now = datetime.now(UTC)
        await self._play(
            h.AgreementDrafted,
            agreement="isa-1",
            version=1,
            parties=tuple(h.Party(agency, bases) for agency in SERVICES),
            rows=tuple(h.Row(one, purpose, "ERASE") for one in CATEGORIES for purpose in sorted(PURPOSES)),
            start=now - timedelta(days=1),
            end=now + timedelta(days=300),
            notice="notice-1",
        )
        for agency in SERVICES:
            await self._play(h.AgreementSigned, agreement="isa-1", version=1, agency=agency)
        for person in range(PEOPLE):
            for agency in SERVICES:
                reference = f"{agency}-{person}"
                await self._play(h.ClientRegistered, agency=agency, reference=reference)
                await self.call(
                    agency, "RecordRelationship", staff.working_with(reference, staff.new_request_id())
                )
            for other in RECEIVERS:
                await self._play(
                    h.LinkConfirmed,
                    link=f"{other}-{person}",
                    a=("outreach", f"outreach-{person}"),
                    b=(other, f"{other}-{person}"),
                )

    async def live(self) -> None:
        """One thing happens."""
        one = self.chance.choices(
            (self._publish, self._change_a_row, self._grant, self._withdraw, self._exclude, self._lift),
            (6, 5, 5, 3, 1, 1),
        )[0]
        await one()

    def _someone(self, agency: str) -> str:
        return f"{agency}-{self.chance.randrange(PEOPLE)}"

    def _some_categories(self, most: int = 3) -> frozenset[str]:
        return frozenset(self.chance.sample(CATEGORIES, self.chance.randint(1, most)))

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    async def _publish(self) -> None:
        agency = self.chance.choice(("outreach", "hostel"))
        known = [number for of, number in self.revisions if of == agency]
        number = self.chance.choice(known) if known and self.chance.random() < 0.3 else self._number()
        earlier = [
            one
            for one in self.history
            if isinstance(one, h.RecordPublished)
            and (one.agency, one.record_id) == (agency, f"record-{number}")
        ]
        event = processes.told_event(
            agency,
            earlier[0].reference if earlier else self._someone(agency),
            number,
            self.revisions[agency, number] + 1,
            sorted(self._some_categories()),
            f"v{self.revisions[agency, number] + 1}",
        )
        if earlier and self.chance.random() < 0.3:
            event = replace(event, parts=(), withdrawn=True)
        self.revisions[agency, number] += 1
        await self._played(event)

    async def _change_a_row(self) -> None:
        """The outreach team writes into its own system; its adapter will see it."""
        if self.rows and self.chance.random() < 0.5:
            row = self.rows[self.chance.choice(sorted(self.rows))]
        else:
            number = self._number()
            row = self.rows[number] = {"number": number, "reference": self._someone("outreach")}
        row["content"] = f"c{self._number()}"
        row["categories"] = sorted(self._some_categories())
        self._write_rows()

    async def _grant(self) -> None:
        to = self.chance.choice(RECEIVERS)
        now = datetime.now(UTC)
        event = await self._play(
            h.GrantRecorded,
            grant=f"grant-{self._number()}",
            agency="outreach",
            reference=self._someone("outreach"),
            purposes=frozenset(self.chance.sample(sorted(PURPOSES), self.chance.randint(1, 2))),
            categories=self._some_categories(5),
            recipient=h.Recipient(agency=to),
            given=now,
            effective_until=now + timedelta(days=30),
        )
        assert isinstance(event, h.GrantRecorded)
        self.grants.append(event)

    async def _withdraw(self) -> None:
        if self.grants:
            grant = self.grants.pop(self.chance.randrange(len(self.grants)))
            await self._play(
                h.GrantWithdrawn, grant=grant.grant, by_agency=grant.agency, reference=grant.reference
            )

    async def _exclude(self) -> None:
        if len(self.exclusions) >= MOST_EXCLUSIONS:
            # Or in a long life everybody is shut out, and empty stores are compared.
            await self._lift()
            return
        event = await self._play(
            h.ExclusionRecorded,
            exclusion=f"exclusion-{self._number()}",
            agency="outreach",
            reference=self._someone("outreach"),
            excluded_agency=self.chance.choice(RECEIVERS),
        )
        assert isinstance(event, h.ExclusionRecorded)
        self.exclusions.append(event)

    async def _lift(self) -> None:
        if self.exclusions:
            one = self.exclusions.pop(self.chance.randrange(len(self.exclusions)))
            await self._play(
                h.ExclusionLifted, exclusion=one.exclusion, agency=one.agency, reference=one.reference
            )

    async def _play(self, kind: type[h.Event], /, **fields: Any) -> h.Event:
        return await self._played(kind(seq=0, at=datetime.now(UTC), **fields))

    async def _played(self, event: h.Event) -> h.Event:
        position = await self.player.play(event)
        told = replace(event, seq=position, at=datetime.now(UTC))
        self.history.append(told)
        return told

    def _write_rows(self) -> None:
        unfinished = self.rows_file.with_suffix(".new")
        unfinished.write_text(json.dumps([self.rows[number] for number in sorted(self.rows)]))
        unfinished.replace(self.rows_file)

    # -- what must be ---------------------------------------------------------------------------

    def publish_the_rest(self) -> None:
        """The adapter's last run: all of the rows are told."""
        with Hub.connect(processes.settings(self.told("outreach"))) as hub:
            processes.publish_once(hub, "outreach", self.rows_file, self.folder, processes.IMPATIENT)

    def facts(self, of_rows: list[h.Event]) -> Facts:
        """All that the hub acknowledged, and what of the rows stands in the ledger, in order."""
        return Facts(sorted([*self.history, *of_rows], key=lambda event: event.seq))

    def differences(self, facts: Facts, agency: str) -> list[str]:
        """Where an agency's database is not what the oracle computes."""
        expected = expected_store(facts, [], agency, datetime.now(UTC))
        store = self.store(agency)
        return [
            f"{agency} {place}: expected {expected.get(place)}, holds {store.get(place)}"
            for place in sorted({*expected, *store}, key=str)
            if expected.get(place) != store.get(place)
        ]

    def store(self, agency: str) -> dict[Place, Held]:
        """What stands in an agency's database. When it happened tells which record it is."""
        with sqlite3.connect(self.database(agency)) as connection:
            found = connection.execute(
                "SELECT client_reference, origin_agency, occurred_time, categories, revision, purposes, marks"
                " FROM oncetold_elements"
            ).fetchall()
        connection.close()
        store: dict[Place, Held] = {}
        for reference, origin, occurred, categories, revision, purposes, marks in found:
            seconds = datetime.fromisoformat(occurred).replace(tzinfo=UTC) - processes.START
            key = h.FragmentKey(
                origin, f"record-{seconds.total_seconds():.0f}", frozenset(categories.split(","))
            )
            assert (reference, key) not in store, "one fragment is held twice"
            store[reference, key] = Held(
                revision,
                frozenset(
                    (one["purpose"], one["agreement_id"], one["state"]) for one in json.loads(purposes)
                ),
                frozenset(json.loads(marks)),
            )
        return store


def make_town(folder: Path, seed: int, hub_folder: Path | None = None, ledger: str = "") -> Town:
    """A new hub's folder with certificates, beside the agencies' or elsewhere; nothing runs yet. `ledger` as
    in `hub.toml`."""
    site = make_site(hub_folder or folder, ledger)
    write_config(site.config)
    credentials = {agency: site.issue(agency) for agency in SERVICES}
    return Town(site, folder, free_port(), credentials, random.Random(seed))


def _bytes_of(message: Message) -> bytes:
    return message.SerializeToString()
