"""SAFETY H19 at the door: without its evidence a basis is refused and the refusal recorded; with it, it opens
what it can and no more; and the client's no closes what rests on the client."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from consent_ledger.access import AccessKind
from consent_ledger.statutory_duties import starting
from consent_ledger.vocabulary import StatutoryDuty
from oncetold.v1 import common_pb2, consent_service_pb2, records_pb2
from tests.integration.loopback import refused
from tests.invariants.ledger import accesses
from tests.twins.cast import bedded_down, dose
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

INVALID, TOO_EARLY = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION
AT_LEVEL = {"N": "ACCOMMODATION", "R": "PHYSICAL_HEALTH", "V": "SAFEGUARDING_RISK"}
CATEGORIES = (*AT_LEVEL.values(), "SERVICE_CONTACT")
PURPOSES = ("DIRECT_SUPPORT", "RESEARCH")


@dataclass(frozen=True)
class Basis:
    """A basis with all its evidence. `opens`: the levels it can be recorded for; `closes`: a no closes it."""

    name: str
    evidence: dict[str, Any]
    opens: str = "NRV"
    method: str = "VERBAL_IN_PERSON"
    named: bool = True
    purpose: str = "DIRECT_SUPPORT"
    closes: bool = False
    lacking: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By the field that the refusal names: what to change in the evidence, or in the basis itself."""

    def without(self, change: dict[str, Any]) -> "Basis":
        own = {name: change[name] for name in ("method", "named") if name in change}
        told = {name: value for name, value in change.items() if name not in own}
        return replace(self, evidence=self.evidence | told, **own)


REFERENCE = {"grant.evidence.reference": {"reference": ""}}
UNNAMED = {"grant.scope.agency_id": {"named": False}}
BASES = [
    Basis("EXPLICIT_CONSENT", {}, closes=True),
    Basis(
        "IMPLIED_CONSENT",
        {"reference": "file/1", "told_care_team": True},
        opens="NR",
        closes=True,
        lacking=REFERENCE | {"grant.evidence.told_care_team": {"told_care_team": False}},
    ),
    Basis(
        "BEST_INTERESTS",
        {"reference": "file/2", "decision_maker": "doctor-4"},
        method="BEST_INTERESTS_RECORD",
        closes=True,
        lacking=REFERENCE
        | {
            "grant.evidence.decision_maker": {"decision_maker": ""},
            "grant.capture_method": {"method": "WRITTEN_SIGNATURE"},
        },
    ),
    Basis(
        "PUBLIC_INTEREST",
        {"reference": "file/3", "authorised_by": "lead-1", "recorded_by": "worker-2"},
        lacking=REFERENCE
        | UNNAMED
        | {
            "grant.evidence.authorised_by": {"authorised_by": ""},
            "grant.evidence.recorded_by": {"recorded_by": "lead-1"},
        },
    ),
    Basis(
        "STATUTORY_DUTY",
        {"reference": "file/4", "duty": consent_service_pb2.STATUTORY_DUTY_CARE_ACT_2014_S45},
        lacking=REFERENCE
        | UNNAMED
        | {"grant.evidence.duty": {"duty": consent_service_pb2.STATUTORY_DUTY_UNSPECIFIED}},
    ),
    Basis("COURT_ORDER", {"reference": "order/5"}, lacking=REFERENCE | UNNAMED),
    Basis("S251", {"reference": "cag/6"}, opens="", purpose="RESEARCH", lacking=REFERENCE),
    Basis("NOT_CONFIDENTIAL", {"reference": "file/7"}, opens="N", closes=True, lacking=REFERENCE),
]


async def asked(
    desk: Desk, reference: str, basis: Basis, categories: tuple[str, ...], purpose: str = ""
) -> Any:
    """Records the basis for these categories; raises as gRPC does."""
    now = desk.stage.clock.now()
    grant = consent_service_pb2.Grant(
        client_reference=reference,
        confidentiality_basis=common_pb2.ConfidentialityBasis.Value(f"CONFIDENTIALITY_BASIS_{basis.name}"),
        capture_method=common_pb2.CaptureMethod.Value(f"CAPTURE_METHOD_{basis.method}"),
        notice_id="notice-1",
        asked_alone=True,
        service_offered_anyway=True,
        told_may_refuse=True,
    )
    if basis.evidence:
        grant.evidence.CopyFrom(consent_service_pb2.BasisEvidence(**basis.evidence))
    grant.scope.purposes.append(common_pb2.Purpose.Value(f"PURPOSE_{purpose or basis.purpose}"))
    grant.scope.categories.extend(
        common_pb2.DataCategory.Value(f"DATA_CATEGORY_{category}") for category in categories
    )
    if basis.named:
        grant.scope.agency_id = "hostel"
    else:
        grant.scope.support_team = True
    grant.given_time.FromDatetime(now)
    grant.effective_until_time.FromDatetime(now + timedelta(days=90))
    request = consent_service_pb2.RecordGrantRequest(request_id=desk.stage.request_id(), grant=grant)
    return await desk.ask("ConsentService/RecordGrant", request, consent_service_pb2.RecordGrantResponse)


async def town(world: Stage) -> tuple[Desk, Desk]:
    """A street team that tells, and a hostel that would hear everything for every purpose of the two."""
    outreach = await world.agency("outreach", "STREET_OUTREACH")
    hostel = await world.agency("hostel", "HOSTEL", receives=CATEGORIES, purposes=PURPOSES[:1])
    await world.agreement(("outreach", "hostel"), dict.fromkeys(CATEGORIES, "ERASE"), purposes=PURPOSES)
    return outreach, hostel


async def known_to_both(outreach: Desk, hostel: Desk, reference: str) -> None:
    """Somebody of whom the street team has told one thing at each level."""
    await outreach.register(reference)
    await hostel.register(f"room-{reference}")
    await outreach.link(reference, hostel, f"room-{reference}")
    await outreach.say_involved(reference, "hostel")
    await outreach.publish(reference, f"n-{reference}", contact=bedded_down())
    await outreach.publish(reference, f"r-{reference}", assessment=dose("60mg"))
    risk = records_pb2.Risk(level=common_pb2.Coding(system="test:risk", code="high"))
    await outreach.publish(reference, f"v-{reference}", risk=risk)
    await hostel.drain()


async def reads(hostel: Desk, reference: str) -> str:
    """The levels of what the hostel may read now."""
    elements = (await hostel.history(f"room-{reference}")).elements
    told = {common_pb2.DataCategory.Name(one.categories[0]) for one in elements}
    return "".join(level for level, one in AT_LEVEL.items() if f"DATA_CATEGORY_{one}" in told)


@pytest.mark.parametrize("basis", BASES, ids=lambda basis: basis.name)
async def test_a_basis_opens_with_its_evidence_and_is_refused_without(
    basis: Basis, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await town(world)
        await known_to_both(outreach, hostel, "rosa")
        wanted = tuple(AT_LEVEL[level] for level in basis.opens or "N")
        scope = (*wanted, *(("SERVICE_CONTACT",) if "N" in (basis.opens or "N") else ()))
        for missing, change in basis.lacking.items():
            before = await world.size()
            lacking = basis.without(change)
            # Role-wide content is normal at most, so that nothing else speaks against it.
            named = scope if lacking.named else ("ACCOMMODATION", "SERVICE_CONTACT")
            said: Any = await refused(asked(outreach, "rosa", lacking, named))
            assert said == (INVALID, "BASIS_WITHOUT_EVIDENCE", {"field": missing})
            [(_, recorded)] = await accesses(world, before)
            assert (recorded.kind, recorded.code) == (AccessKind.REFUSED, "BASIS_WITHOUT_EVIDENCE")
            assert await reads(hostel, "rosa") == "", f"without {missing}"
        await asked(outreach, "rosa", basis, scope)
        assert await reads(hostel, "rosa") == basis.opens, "control: with its evidence"
        [choice] = (await outreach.list_choices("rosa")).choices
        assert not choice.weak
        assert choice.grant.evidence == consent_service_pb2.BasisEvidence(**basis.evidence)
        await outreach.refuse("rosa")
        assert await reads(hostel, "rosa") == ("" if basis.closes else basis.opens)


@pytest.mark.parametrize(
    ("name", "categories", "purpose", "field"),
    [
        ("IMPLIED_CONSENT", ("ACCOMMODATION",), "RESEARCH", "grant.scope.purposes"),
        ("IMPLIED_CONSENT", ("SAFEGUARDING_RISK",), "DIRECT_SUPPORT", "grant.scope.categories"),
        ("NOT_CONFIDENTIAL", ("PHYSICAL_HEALTH",), "DIRECT_SUPPORT", "grant.scope.categories"),
        ("S251", ("ACCOMMODATION",), "DIRECT_SUPPORT", "grant.scope.purposes"),
    ],
)
async def test_a_scope_that_the_basis_can_never_open_is_refused(
    name: str, categories: tuple[str, ...], purpose: str, field: str, tmp_path: Path, authority: Authority
) -> None:
    [basis] = [one for one in BASES if one.name == name]
    async with stage(tmp_path, authority) as world:
        outreach, _ = await town(world)
        await outreach.register("rosa")
        said = await refused(asked(outreach, "rosa", basis, categories, purpose))
        assert said[:2] == (INVALID, "INVALID_FIELD") and said[2]["field"] == field
        allowed = "RESEARCH" if name == "S251" else "DIRECT_SUPPORT"
        await asked(outreach, "rosa", basis, ("ACCOMMODATION",), allowed)


async def test_a_duty_counts_from_its_day_and_what_was_recorded_stays(
    tmp_path: Path, authority: Authority
) -> None:
    duty = consent_service_pb2.STATUTORY_DUTY_CHILDREN_ACT_2004_S16LA
    basis = Basis("STATUTORY_DUTY", {"reference": "file/8", "duty": duty})
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await town(world)
        await known_to_both(outreach, hostel, "rosa")
        too_early: Any = (TOO_EARLY, "DUTY_NOT_IN_FORCE", {"duty": "CHILDREN_ACT_2004_S16LA"})
        assert await refused(asked(outreach, "rosa", basis, CATEGORIES)) == too_early
        tomorrow = world.clock.now().date() + timedelta(days=1)
        world.hub.duties = starting({StatutoryDuty.CHILDREN_ACT_2004_S16LA: tomorrow})
        assert await refused(asked(outreach, "rosa", basis, CATEGORIES)) == too_early
        assert await reads(hostel, "rosa") == ""
        world.clock.advance(timedelta(days=1))
        await asked(outreach, "rosa", basis, CATEGORIES)
        assert await reads(hostel, "rosa") == "NRV", "control"
        # The law changes again: what was recorded under it stands on its own day.
        world.hub.duties = starting({StatutoryDuty.CHILDREN_ACT_2004_S16LA: date(2099, 1, 1)})
        await world.hub.rebuild()
        assert await reads(hostel, "rosa") == "NRV"
        assert await refused(asked(outreach, "rosa", basis, CATEGORIES)) == too_early


async def test_implied_consent_never_reopens_what_the_client_refused(
    tmp_path: Path, authority: Authority
) -> None:
    [implied] = [one for one in BASES if one.name == "IMPLIED_CONSENT"]
    [explicit] = [one for one in BASES if one.name == "EXPLICIT_CONSENT"]
    narrow = ("ACCOMMODATION", "SERVICE_CONTACT")
    async with stage(tmp_path, authority) as world:
        outreach, hostel = await town(world)
        await known_to_both(outreach, hostel, "rosa")
        await outreach.refuse("rosa")
        await asked(outreach, "rosa", implied, narrow)
        assert await reads(hostel, "rosa") == "", (
            "the no came before, and nobody but the client takes it back"
        )
        await asked(outreach, "rosa", explicit, narrow)
        assert await reads(hostel, "rosa") == "N", "control: the client did"
