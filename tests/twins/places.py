"""Protecting a place at an agency's desk, and a person's life in which it was written in many places."""

import unicodedata
from typing import Any

from hub.use_cases.place_pass import look_for_places
from oncetold.v1 import common_pb2, place_service_pb2, records_pb2
from tests.twins.cast import note
from tests.twins.choices import category
from tests.twins.desk import Desk
from tests.twins.stage import Stage

LINE, NAME, POSTCODE, UPRN = "7 Mill Lane", "Heron Refuge", "LS1 4AB", "100051234567"
REFUGE = place_service_pb2.ProtectedPlace(
    lines=[LINE], names=[NAME, "heron-house"], postcode=POSTCODE, uprn=UPRN
)
TRACES = ("mill", "heron", "4ab", "51234567")
"""Whoever reads one of these, in any spelling, knows where she is."""
CARE_OF = "PO Box 12"


async def protect(
    desk: Desk,
    reference: str,
    place: place_service_pb2.ProtectedPlace = REFUGE,
    *,
    care_of: str = "",
    look: bool = True,
) -> str:
    """Protects a place, and waits until all that was recorded before has been looked through."""
    answer = await desk.ask(
        "PlaceService/ProtectPlace",
        place_service_pb2.ProtectPlaceRequest(
            request_id=desk.stage.request_id(),
            client_reference=reference,
            place=place,
            care_of_record_id=care_of,
        ),
        place_service_pb2.ProtectPlaceResponse,
    )
    if look:
        await looked_through(desk.stage)
    return str(answer.place_id)


async def looked_through(stage: Stage) -> None:
    """Nothing is left to be looked through. The hub's own background work would be as far a moment later."""
    await look_for_places(stage.hub)


async def lift(desk: Desk, reference: str, place_id: str) -> Any:
    return await desk.ask(
        "PlaceService/LiftPlace",
        place_service_pb2.LiftPlaceRequest(
            request_id=desk.stage.request_id(), client_reference=reference, place_id=place_id
        ),
        place_service_pb2.LiftPlaceResponse,
    )


async def list_places(desk: Desk, reference: str) -> list[place_service_pb2.ListedPlace]:
    answer = await desk.ask(
        "PlaceService/ListPlaces",
        place_service_pb2.ListPlacesRequest(client_reference=reference),
        place_service_pb2.ListPlacesResponse,
    )
    return list(answer.places)


def coding(code: str) -> common_pb2.Coding:
    return common_pb2.Coding(system="test", code=code)


def answer(about: str, **value: Any) -> common_pb2.CategorisedAnswer:
    return common_pb2.CategorisedAnswer(category=category(about), question=coding("where"), **value)


def at(line: str) -> records_pb2.Contact:
    """Met at an address: one fact about where somebody is."""
    return records_pb2.Contact(place=records_pb2.Place(address_line=line))


def planted() -> dict[str, dict[str, Any]]:
    """The refuge in every field that could give it away, each in another spelling, by the record's name."""
    r = records_pb2
    return {
        "met": {"contact": at("Flat 2, 7 Mill-Lane")},
        "home": {"accommodation": r.Accommodation(place=r.Place(postcode="LS14AB"))},
        "appointment": {"appointment": r.Appointment(place=r.Place(address_line="c/o HERON  REFUGE (rear)"))},
        "property": {"contact": r.Contact(place=r.Place(uprn=UPRN))},
        "worker": {"worker_assigned": r.WorkerAssigned(worker_name="Sam (Heron House)")},
        "referral": {"referral": r.Referral(to_service="heron house")},
        "note": {"note": note("The bus stops at 7 Mill Ln, she says.", "FAMILY")},
        "statement": {
            "client_statement": r.ClientStatement(text=note("Héron Refuge is kind.", "FAMILY").text)
        },
        "answer": {"assessment": r.Assessment(answers=[answer("FAMILY", coded=coding("HERON_REFUGE"))])},
        "number": {"assessment": r.Assessment(answers=[answer("MONEY_WORK", whole_number=int(UPRN))])},
        "service": {"contact": r.Contact(service=coding("svc/ls1-4ab/day"))},
        "lead": {"lead_agency_change": r.LeadAgencyChange(to_agency_id="heron-house")},
        "school": {"plan": r.Plan(goals=[answer("FAMILY", coded=coding("school near 007 mill lane"))])},
        "alias": {"status_change": r.StatusChange(name=r.PersonName(given="Heron-House"))},
    }


def traces_in(desk: Desk) -> list[str]:
    """What of the place stands anywhere in what the agency was answered."""
    answered = b"".join(seen.answered for seen in desk.seen)
    plain = unicodedata.normalize("NFKD", answered.decode("utf-8", "replace")).casefold()
    squeezed = "".join(one for one in plain if one.isalnum())
    found = [one for one in TRACES if one in squeezed]
    number = common_pb2.CategorisedAnswer(whole_number=int(UPRN)).SerializeToString()
    return [*found, UPRN] if number in answered else found
