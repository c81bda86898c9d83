"""The people and places that most twins share: Rosa, known on the street, and a hostel that may hear."""

from dataclasses import dataclass

from oncetold.v1 import common_pb2, record_service_pb2, records_pb2
from tests.twins.choices import categories, category
from tests.twins.desk import Desk
from tests.twins.stage import Stage

TOLD_ABOUT = (
    "ACCOMMODATION",
    "SERVICE_CONTACT",
    "CONTACT_LOCATION",
    "PHYSICAL_HEALTH",
    "FAMILY",
    "MONEY_WORK",
)
ERASED = dict.fromkeys(TOLD_ABOUT, "ERASE")


@dataclass
class Cast:
    """`outreach` tells, `hostel` receives; nobody subscribes for `elsewhere`, and it has signed nothing."""

    stage: Stage
    outreach: Desk
    hostel: Desk
    elsewhere: Desk
    link_id: str


async def cast(stage: Stage, *, ends: dict[str, str] | None = None, linked: bool = True) -> Cast:
    """Three agencies and an agreement of two. Rosa is `rosa` on the street and `room-4` at the hostel; `mia`
    is somebody whom only the street team knows."""
    outreach = await stage.agency("outreach", "STREET_OUTREACH", receives=TOLD_ABOUT)
    hostel = await stage.agency("hostel", "HOSTEL", receives=TOLD_ABOUT)
    elsewhere = await stage.agency("elsewhere", "MONEY_ADVICE")
    await stage.agreement(("outreach", "hostel"), ends or ERASED)
    await outreach.register("rosa")
    await outreach.register("mia")
    await hostel.register("room-4")
    await elsewhere.register("e-1")
    link_id = await outreach.link("rosa", hostel, "room-4") if linked else ""
    return Cast(stage, outreach, hostel, elsewhere, link_id)


def bedded_down() -> records_pb2.Contact:
    """Met on the street, asleep: one fact about accommodation."""
    return records_pb2.Contact(bedded_down=True)


def seen_at(code: str) -> records_pb2.Contact:
    """Met, and how: one fact about contact with a service."""
    return records_pb2.Contact(mode=common_pb2.Coding(system="test:mode", code=code))


def dose(code: str) -> records_pb2.Assessment:
    """A medicine's dose: one fact about physical health."""
    return records_pb2.Assessment(
        answers=[
            common_pb2.CategorisedAnswer(
                category=category("PHYSICAL_HEALTH"),
                question=common_pb2.Coding(system="test:medicine", code="methadone-daily"),
                coded=common_pb2.Coding(system="test:dose", code=code),
            )
        ]
    )


def note(words: str, *released: str) -> records_pb2.Note:
    """Words somebody wrote, released with these categories."""
    return records_pb2.Note(text=common_pb2.FreeText(text=words, released_categories=categories(released)))


def also_about(reference: str, *named: str, solely: bool = False) -> record_service_pb2.OtherSubject:
    """Somebody else in the record, by the teller's own reference."""
    return record_service_pb2.OtherSubject(
        client_reference=reference, categories=categories(named), solely_about=solely
    )
