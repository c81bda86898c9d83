"""Everything that may end a permission: who does it, and what no entry behind it may give.

What a stop covers is said here by hand, stamp by stamp, without asking the policy.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from oncetold.v1 import (
    agency_service_pb2,
    agreement_service_pb2,
    consent_service_pb2,
    registration_service_pb2,
)
from tests.races.town import (
    AGREEMENT_LASTS,
    ENDS,
    PURPOSES,
    REFERENCES,
    TOLD,
    Facts,
    World,
    category,
    purposes,
)

HOSTEL, ROSA = "hostel", "rosa"


@dataclass(frozen=True)
class Stamp:
    """Where a piece of content comes from: it is written into the content itself."""

    record_id: str
    revision: int
    category: str

    @property
    def person(self) -> str:
        return self.record_id.partition("-")[0]

    @classmethod
    def read(cls, code: str) -> "Stamp":
        record_id, revision, name = code.split(".")
        return cls(record_id, int(revision), name)


Covers = Callable[[Stamp, str], bool]
"""Whether a stamp may no longer go to the hostel for a purpose."""


@dataclass(frozen=True)
class Stop:
    """One end of permission. `hard`: copies are taken back whatever the agreement's `on_end` says.

    `do` ends it and answers the position of its entry; without it time does, at `boundary` after the race
    begins. `other_key`: it ends what one certificate may do, not what the agency may hold.
    """

    kind: str
    what: str
    covers: Covers
    do: Callable[[World], Awaitable[int]] | None = None
    boundary: timedelta | None = None
    hard: bool = False
    other_key: bool = False

    def covers_wholly(self, stamp: Stamp) -> bool:
        """For every purpose: the content itself may no longer go."""
        return all(self.covers(stamp, purpose) for purpose in PURPOSES)


def _rosa(stamp: Stamp, _purpose: str) -> bool:
    return stamp.person == ROSA


async def _index(world: World, who: str, method: str, request: Any, answer: Any) -> int:
    return int((await world.ask(who, method, request, answer)).position.index)


def _withdrawal(facts: Facts, dice: random.Random) -> Stop:
    remove = dice.random() < 0.3
    request = consent_service_pb2.WithdrawGrantRequest(
        client_reference=REFERENCES[ROSA, "outreach"], grant_id=facts.grants[ROSA, HOSTEL], remove=remove
    )
    do = _asking(
        "outreach", "ConsentService/WithdrawGrant", request, consent_service_pb2.WithdrawGrantResponse
    )
    return Stop("withdrawal", f"remove={remove}", _rosa, do, hard=remove)


def _refusal(facts: Facts, dice: random.Random) -> Stop:
    named = dice.choice([(), ("ACCOMMODATION",), ("MONEY_WORK",), TOLD, ("SERVICE_CONTACT",)])
    of = dice.choice([(), (), ("DIRECT_SUPPORT",)])
    scope = consent_service_pb2.Scope(categories=[category(one) for one in named], purposes=purposes(of))
    if dice.random() < 0.5:
        scope.agency_id = HOSTEL
    request = consent_service_pb2.RecordRefusalRequest(
        client_reference=REFERENCES[ROSA, "outreach"], scope=scope
    )
    do = _asking(
        "outreach", "ConsentService/RecordRefusal", request, consent_service_pb2.RecordRefusalResponse
    )

    def covers(stamp: Stamp, purpose: str) -> bool:
        # A service that may not be known closes all it tells.
        touched = not named or stamp.category in named or "SERVICE_CONTACT" in named
        return stamp.person == ROSA and touched and (not of or purpose in of)

    return Stop("refusal", f"{named} {of}", covers, do)


def _exclusion(facts: Facts, dice: random.Random) -> Stop:
    remove = dice.random() < 0.3
    request = consent_service_pb2.RecordExclusionRequest(
        client_reference=REFERENCES[ROSA, "outreach"], remove=remove
    )
    what = dice.choice(["agency", "person", "ACCOMMODATION", "CONTACT_LOCATION", "SERVICE_CONTACT"])
    if what == "agency":
        request.agency_id = HOSTEL
    elif what == "person":
        request.person.agency_id, request.person.staff_reference = HOSTEL, "night-porter"
    else:
        request.category = category(what)
    do = _asking(
        "outreach", "ConsentService/RecordExclusion", request, consent_service_pb2.RecordExclusionResponse
    )

    def covers(stamp: Stamp, _purpose: str) -> bool:
        return stamp.person == ROSA and (what not in ENDS or what in (stamp.category, "SERVICE_CONTACT"))

    return Stop("exclusion", f"{what} remove={remove}", covers, do, hard=remove)


def _unlink(facts: Facts, dice: random.Random) -> Stop:
    who = dice.choice(["outreach", HOSTEL, "operator"])
    request = registration_service_pb2.UndoLinkRequest(link_id=facts.links[ROSA, HOSTEL])
    do = _asking(who, "RegistrationService/UndoLink", request, registration_service_pb2.UndoLinkResponse)
    return Stop("unlink", f"by {who}", _rosa, do, hard=True)


def _involvement(facts: Facts, dice: random.Random) -> Stop:
    messages = registration_service_pb2
    request = messages.EndInvolvementRequest(client_reference=REFERENCES[ROSA, HOSTEL])
    do = _asking(HOSTEL, "RegistrationService/EndInvolvement", request, messages.EndInvolvementResponse)
    return Stop("involvement ended", "", _rosa, do)


def _closing(facts: Facts, dice: random.Random) -> Stop:
    messages = registration_service_pb2
    who, reason = dice.choice([(HOSTEL, "CASE_CLOSED"), ("outreach", "IN_ERROR")])
    request = messages.CloseRegistrationRequest(
        client_reference=REFERENCES[ROSA, who],
        reason=messages.ClosingReason.Value(f"CLOSING_REASON_{reason}"),
    )
    do = _asking(who, "RegistrationService/CloseRegistration", request, messages.CloseRegistrationResponse)
    return Stop("registration closed", f"{who} {reason}", _rosa, do, hard=reason == "IN_ERROR")


def _termination(facts: Facts, dice: random.Random) -> Stop:
    messages = agreement_service_pb2
    request = messages.TerminateAgreementRequest(agreement_id="isa-1")
    do = _asking(
        "operator", "AgreementService/TerminateAgreement", request, messages.TerminateAgreementResponse
    )
    return Stop("agreement terminated", "", lambda *_: True, do)


def _marker(facts: Facts, dice: random.Random) -> Stop:
    kinds = ("PROTECTED_ADDRESS", "SERIOUS_HARM", "PRIVILEGED", "CRIME_PREJUDICE", "THIRD_PARTY")
    kind = dice.choice(kinds)
    request = consent_service_pb2.PlaceMarkerRequest(
        client_reference=REFERENCES[ROSA, "outreach"],
        kind=consent_service_pb2.MarkerKind.Value(f"MARKER_KIND_{kind}"),
    )
    address = kind == "PROTECTED_ADDRESS"
    if not address:
        request.record_id = "rosa-1"
    do = _asking("outreach", "ConsentService/PlaceMarker", request, consent_service_pb2.PlaceMarkerResponse)

    def covers(stamp: Stamp, _purpose: str) -> bool:
        if address:
            return stamp.person == ROSA and stamp.category == "CONTACT_LOCATION"
        return stamp.record_id == "rosa-1"

    return Stop("marker", kind, covers, do, hard=address)


def _restriction(facts: Facts, dice: random.Random) -> Stop:
    request = consent_service_pb2.RecordStatusRequest(
        client_reference=REFERENCES[ROSA, "outreach"],
        status=consent_service_pb2.PERSON_STATUS_PROCESSING_RESTRICTED,
    )
    do = _asking("outreach", "ConsentService/RecordStatus", request, consent_service_pb2.RecordStatusResponse)
    return Stop("processing restricted", "", _rosa, do)


def _taken_back(facts: Facts, dice: random.Random) -> Stop:
    request_id = str(UUID(int=dice.getrandbits(128), version=4))

    async def do(world: World) -> int:
        return await world.publish("rosa-2", 2, taken_back=True, request_id=request_id)

    return Stop("taken back by its author", "", lambda stamp, _: stamp.record_id == "rosa-2", do, hard=True)


def _next_key(facts: Facts, dice: random.Random) -> Stop:
    request = agency_service_pb2.AuthoriseCertificateRequest(agency_id=HOSTEL)
    ask = _asking(
        "operator",
        "AgencyService/AuthoriseCertificate",
        request,
        agency_service_pb2.AuthoriseCertificateResponse,
    )

    async def do(world: World) -> int:
        certificate = world.certificates["hostel's next key"]
        request.uri, request.public_key_sha256 = certificate.uri, certificate.public_key_sha256
        return await ask(world)

    return Stop("certificate replaced", "", lambda *_: False, do, other_key=True)


def _lapse_of_grant(facts: Facts, dice: random.Random) -> Stop:
    return Stop("grant lapses", "", _rosa, boundary=timedelta(seconds=dice.randint(2, 40)))


def _lapse_of_agreement(facts: Facts, dice: random.Random) -> Stop:
    return Stop("agreement lapses", "", lambda *_: True, boundary=timedelta(seconds=dice.randint(2, 40)))


KINDS: tuple[Callable[[Facts, random.Random], Stop], ...] = (
    _withdrawal,
    _refusal,
    _exclusion,
    _unlink,
    _involvement,
    _closing,
    _termination,
    _marker,
    _restriction,
    _taken_back,
    _next_key,
    _lapse_of_grant,
    _lapse_of_agreement,
)


def drawn(facts: Facts, seed: int) -> Stop:
    """The schedule's stop: kinds take turns, their details come from the seed."""
    return KINDS[seed % len(KINDS)](facts, random.Random(f"{seed} stop"))


async def prepare(world: World, stop: Stop) -> None:
    """Brings the stop's moment near, where time alone ends the permission."""
    if stop.boundary is None:
        return
    if stop.kind == "agreement lapses":
        # Founded a second before the links were made.
        world.clock.advance(AGREEMENT_LASTS - timedelta(seconds=1) - stop.boundary)
        return
    founded = consent_service_pb2.WithdrawGrantRequest(
        request_id=world.request_id(),
        client_reference=REFERENCES[ROSA, "outreach"],
        grant_id=world.facts.grants[ROSA, HOSTEL],
    )
    await world.ask(
        "outreach", "ConsentService/WithdrawGrant", founded, consent_service_pb2.WithdrawGrantResponse
    )
    await world.grant(ROSA, HOSTEL, stop.boundary)


def _asking(who: str, method: str, request: Any, answer: Any) -> Callable[[World], Awaitable[int]]:
    async def do(world: World) -> int:
        request.request_id = request.request_id or world.request_id()
        return await _index(world, who, method, request, answer)

    return do


__all__ = ["HOSTEL", "KINDS", "ROSA", "Stamp", "Stop", "drawn", "prepare"]
