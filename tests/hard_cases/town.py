"""Where the hard cases happen: the street team knows Rosa, and three others may hear of her."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from adapters.kit.receipts import ReceiptSigner
from adapters.kit.sink import PendingReceipt
from oncetold.v1 import audit_service_pb2, common_pb2, delivery_service_pb2
from tests.twins.colleague import taken_back
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

SHARED = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH", "FAMILY", "CONTACT_LOCATION", "OWN_STORY")
OTHERS = {"hostel": "HOSTEL", "clinic": "PRIMARY_CARE", "council": "HOUSING"}


@dataclass
class Town:
    """The street team's desk and the others', each of whom knows Rosa under a reference of its own."""

    stage: Stage
    street: Desk
    hostel: Desk
    clinic: Desk
    council: Desk
    links: dict[str, str]

    @property
    def others(self) -> tuple[Desk, ...]:
        return (self.hostel, self.clinic, self.council)

    async def everybody_fetches(self) -> None:
        for desk in self.others:
            await desk.drain()

    async def tells(self, desk: Desk) -> list[audit_service_pb2.Disclosure]:
        """What the street team's officer can show Rosa: what went to an agency, then what came back."""
        listed = [*(await self.street.list_disclosures("rosa")).disclosures]
        listed += await taken_back(self.street, "rosa")
        return [one for one in listed if one.recipient_agency_id == desk.agency_id]


@asynccontextmanager
async def town(
    folder: Path, authority: Authority, on_end: str = "ERASE", *, world: Stage | None = None
) -> AsyncIterator[Town]:
    """On a stage of its own, or on one that stands already."""
    async with stage(folder, authority) if world is None else nullcontext(world) as world:
        street = await world.agency("street", "STREET_OUTREACH", receives=SHARED)
        hostel, clinic, council = [
            await world.agency(name, kind, receives=SHARED) for name, kind in OTHERS.items()
        ]
        await world.agreement(("street", *OTHERS), dict.fromkeys(SHARED, on_end))
        await street.register("rosa")
        links = {}
        for desk in (hostel, clinic, council):
            await desk.register(f"{desk.agency_id}-7")
            links[desk.agency_id] = await street.link("rosa", desk, f"{desk.agency_id}-7")
        yield Town(world, street, hostel, clinic, council, links)


def holds(desk: Desk) -> list[str]:
    """What stands in an agency's own system, by kind."""
    return sorted(str(one.content.WhichOneof("type")) for one in desk.store.values())


def doses(desk: Desk) -> list[str]:
    """The doses that stand in an agency's own system."""
    return sorted(
        one.content.assessment.answers[0].coded.code
        for one in desk.store.values()
        if one.content.HasField("assessment")
    )


def answers_retractions(desk: Desk, outcome: delivery_service_pb2.RetractionOutcome.ValueType) -> None:
    """From now on the agency signs this of what it is asked to take back; its system keeps a history."""
    erased = desk._receipt

    def signed(delivery: delivery_service_pb2.Delivery) -> delivery_service_pb2.RetractionReceipt:
        said = delivery_service_pb2.RetractionStatement.FromString(erased(delivery).statement)
        said.outcome = outcome
        del said.looked_at[:]
        said.looked_at.append("live-rows")
        said.not_looked_at.append("version-history")
        if outcome == delivery_service_pb2.RETRACTION_OUTCOME_RETAINED_OWN_BASIS:
            said.own_basis = common_pb2.LAWFUL_BASIS_A6_1_C
        pending = PendingReceipt(desk.epoch, delivery.sequence, said.SerializeToString(deterministic=True))
        return ReceiptSigner.from_file(desk.credentials.key).sign(pending)

    desk._receipt = signed  # type: ignore[method-assign]
