"""A clinic that holds a dose and a ward that wants it, without any agreement: who is at each desk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.twins.cast import dose
from tests.twins.colleague import Colleague, hired
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

TOLD = ("PHYSICAL_HEALTH", "SERVICE_CONTACT", "CONTACT_LOCATION")


@dataclass
class Town:
    """The clinic holds the dose; the ward asks. At the clinic `lead` and `guardian` decide, `nurse` works."""

    stage: Stage
    clinic: Desk
    ward: Desk
    asker: Colleague
    nurse: Colleague
    lead: Colleague
    guardian: Colleague
    officer: Colleague

    async def doses(self) -> list[str]:
        """What the ward's own system shows once everything has been fetched."""
        await self.ward.drain()
        return sorted(one.content.assessment.answers[0].coded.code for one in self.ward.store.values())

    async def refused(self, call: object) -> str:
        return await self.clinic.refused(call)


@asynccontextmanager
async def town(folder: Path, authority: Authority) -> AsyncIterator[Town]:
    async with stage(folder, authority) as world:
        clinic = await world.agency("clinic", "PRIMARY_CARE", receives=TOLD)
        ward = await world.agency(
            "ward", "HOSPITAL", receives=TOLD, purposes=("DIRECT_SUPPORT", "SAFEGUARDING")
        )
        await clinic.register("c-1")
        await ward.register("w-1")
        await clinic.link("c-1", ward, "w-1")
        await clinic.publish("c-1", "dose-1", assessment=dose("40mg"))
        yield Town(
            world,
            clinic,
            ward,
            await hired(ward, "sister-1", "KEYWORKER"),
            await (await hired(clinic, "nurse-1", "KEYWORKER")).works_with("c-1"),
            await hired(clinic, "lead-1", "SAFEGUARDING_LEAD"),
            await hired(clinic, "guardian-1", "CALDICOTT_GUARDIAN"),
            await hired(clinic, "officer-1", "DATA_PROTECTION_OFFICER"),
        )
