"""Somebody's sharing ends, for one of six causes, while one agency's adapter fetches every hour (H4).

Each cause keeps its own time of day, as causes do: people choose by day, permissions run out at midnight,
corrections come with the evening's upload. The day is drawn alike for all. What the adapter observes is
written down without the ids, which are random; the hub's other traffic, which moves the positions that it
sees, is added as numbers.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from consent_ledger.access import StepKind
from hub.rpc.elements import deliveries
from hub.use_cases.audit import get_ledger_size
from hub.use_cases.deliver import Batch
from tests.clock import START
from tests.machine.partner import Partner
from tests.machine.player import OPERATOR, Product
from tests.oracle import history as h

CAUSES = ("exclusion", "withdrawal", "expiry", "unlinking", "correction", "erasure")
WINDOW = "03:00"
TRAFFIC_PER_HOUR = 200
"""Entries of everybody else's between two looks, on average. In a hub where nothing else ever happens, the
positions of its own answers tell an adapter when something was recorded."""

_OFFICE_HOURS = {
    "exclusion": (9 * 60, 17 * 60),
    "withdrawal": (8 * 60, 20 * 60),
    "unlinking": (10 * 60, 16 * 60),
    "erasure": (11 * 60, 15 * 60),
    "correction": (17 * 60 + 45, 18 * 60 + 15),
}
_CATEGORIES = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH", "FAMILY", "MONEY_WORK")
_TARGET = ("outreach", "rosa")


@dataclass
class Look:
    """One fetch as the adapter saw it: the minute of the day, what came, and how far the hub had grown.

    Items are (kind, reference, bytes on the wire), in order; `growth` is in entries since the look before.
    """

    minute: int
    items: tuple[tuple[str, str, int], ...]
    more: bool
    growth: int


class Adapter(Partner):
    """An adapter that writes down everything it observes."""

    looks: list[Look]
    _position = 0

    def _observe(self, batch: Batch) -> None:
        super()._observe(batch)
        items = tuple(
            (str(one.kind), one.client_reference, len(deliveries([one], batch.feed)))
            for one in batch.sendings
        )
        now = self.hub.ledger.clock.now()
        growth = batch.access - self._position
        self._position = batch.access
        if not hasattr(self, "looks"):
            self.looks = []
        self.looks.append(Look(now.hour * 60 + now.minute, items, batch.more, growth))


@dataclass
class Ending:
    """One history. Everything but the cause and its moment follows from the seed."""

    folder: Path
    seed: int
    cause: str
    product: Product = field(init=False)

    def observed(self) -> list[Look]:
        """What the hostel's adapter saw from the day before the ending to the morning after."""
        chance = random.Random(self.seed)
        self.product = Product(self.folder, seed=self.seed, partner=Adapter)
        try:
            return self._lived(chance)
        finally:
            self.product.close()

    def _lived(self, chance: random.Random) -> list[Look]:
        release = START.replace(hour=3, minute=0) + timedelta(days=chance.randint(2, 9))
        ends = self._ends(release)
        later = release + timedelta(days=chance.randint(20, 60))
        expires = ends if self.cause == "expiry" else later
        told = chance.sample(_CATEGORIES, chance.randint(1, 4))
        self._begin(told, expires)
        adapter = self.product.partners["hostel"]
        assert isinstance(adapter, Adapter)
        self.product.run(adapter.drain())
        adapter.looks.clear()
        others = sorted(chance.randrange(0, 27 * 60) for _ in range(3))
        look = release - timedelta(hours=24, minutes=50)
        began = look
        while look < release + timedelta(hours=3):
            self._until(look, ends, began, others)
            self.product.run(adapter.fetch())
            adapter.looks[-1].growth += _traffic(chance)
            look += timedelta(hours=1)
        return adapter.looks

    def _ends(self, release: datetime) -> datetime:
        """When the cause happens, in its own hours of the day before `release`: the window after it."""
        if self.cause == "expiry":
            return release.replace(hour=0)
        first, last = _OFFICE_HOURS[self.cause]
        minute = random.Random(f"{self.seed}/{self.cause}").randrange(first, last)
        return release.replace(hour=0) - timedelta(days=1) + timedelta(minutes=minute)

    def _until(self, look: datetime, ends: datetime, began: datetime, others: list[int]) -> None:
        """What happens before the next look: the ending, and news of other people."""
        clock = self.product.clock
        while others and began + timedelta(minutes=others[0]) < look:
            self._wait(min(began + timedelta(minutes=others.pop(0)), look), ends)
            record = f"news-{len(others)}"
            self._record("mia", record, ["ACCOMMODATION"])
        self._wait(look, ends)
        assert clock.now() == look

    def _wait(self, until: datetime, ends: datetime) -> None:
        clock = self.product.clock
        if clock.now() < ends <= until:
            clock.advance(ends - clock.now())
            self._end()
        clock.advance(until - clock.now())

    def _end(self) -> None:
        where = {"agency": "outreach", "reference": "rosa"}
        match self.cause:
            case "exclusion":
                self._play(h.ExclusionRecorded, exclusion="x", excluded_agency="hostel", **where)
            case "withdrawal":
                self._play(h.GrantWithdrawn, grant="rosa", by_agency="outreach", reference="rosa")
            case "unlinking":
                self._play(h.LinkUndone, link="rosa")
            case "erasure":
                self._play(h.Erased, record_id="visit", **where)
            case "correction":
                self._record("rosa", "visit", [], revision=2)

    def _begin(self, told: list[str], expires: datetime) -> None:
        for agency, kind in (("outreach", "STREET_OUTREACH"), ("hostel", "HOSTEL")):
            self._play(h.AgencyRegistered, agency=agency, service_type=kind)
        everything = frozenset(_CATEGORIES)
        purposes = frozenset({"DIRECT_SUPPORT"})
        self._play(
            h.FeedOpened,
            feed="hostel",
            agency="hostel",
            service_type="HOSTEL",
            purposes=purposes,
            categories=everything,
            window=WINDOW,
        )
        basis = (h.Basis("DIRECT_SUPPORT", "A6_1_C", "A9_2_H", "SCH1_P18"),)
        self._play(
            h.AgreementDrafted,
            agreement="isa-1",
            version=1,
            parties=tuple(h.Party(agency, basis) for agency in ("outreach", "hostel")),
            rows=tuple(h.Row(category, "DIRECT_SUPPORT", "ERASE") for category in _CATEGORIES),
            start=START,
            end=START + timedelta(days=300),
            notice="notice-1",
        )
        for agency in ("outreach", "hostel"):
            self._play(h.AgreementSigned, agreement="isa-1", version=1, agency=agency)
        for person, until in (("rosa", expires), ("mia", START + timedelta(days=200))):
            ends = ("outreach", person), ("hostel", f"room-{person}")
            for agency, reference in ends:
                self._play(h.ClientRegistered, agency=agency, reference=reference)
            self._play(h.LinkConfirmed, link=person, a=ends[0], b=ends[1])
            self._play(
                h.GrantRecorded,
                grant=person,
                agency="outreach",
                reference=person,
                purposes=purposes,
                categories=everything,
                recipient=h.Recipient(agency="hostel"),
                given=START,
                effective_until=until,
            )
        self._record("rosa", "visit", told)

    def _record(self, reference: str, record_id: str, categories: list[str], revision: int = 1) -> None:
        self._play(
            h.RecordPublished,
            agency="outreach",
            reference=reference,
            record_id=record_id,
            revision=revision,
            service_type="STREET_OUTREACH",
            occurred=START - timedelta(hours=1),
            parts=tuple(h.Part(frozenset({category})) for category in categories),
            withdrawn=not categories,
        )

    def _play(self, kind: type[h.Event], /, **fields: Any) -> None:
        size = self.product.call(get_ledger_size, OPERATOR)
        played = self.product.play(kind(seq=size, at=self.product.clock.now(), **fields))
        assert played, self.product.refused


def took(looks: list[Look]) -> int:
    """How many elements were taken from the adapter."""
    return sum(kind == StepKind.RETRACT for look in looks for kind, _, _ in look.items)


def _traffic(chance: random.Random) -> int:
    """Everybody else's entries in an hour: near enough to Poisson at this mean."""
    return max(0, round(chance.gauss(TRAFFIC_PER_HOUR, TRAFFIC_PER_HOUR**0.5)))
