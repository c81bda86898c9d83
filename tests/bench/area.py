"""An area with a hub: who is in it, how much, and where it lies."""

from dataclasses import dataclass
from pathlib import Path

from consent_ledger.vocabulary import DataCategory, ServiceType

ORIGIN = "teller"
"""The agency that tells; the others hear."""
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


def person(number: int) -> str:
    """A person's reference, the same at every agency that knows them."""
    return f"p-{number}"


def reader(number: int) -> str:
    """The reference of a person with a long story."""
    return f"r-{number}"
