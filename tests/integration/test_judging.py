"""A request is judged under its agreements, over the wire, and kept; it names nobody and asks of nobody."""

from pathlib import Path
from typing import Any

import pytest

from consent_ledger.access import AccessKind, read_access_entry
from hub.use_cases.judge_request import judgement_in
from oncetold.v1 import agreement_service_pb2, common_pb2
from tests.integration.loopback import refused
from tests.invariants.ledger import entries
from tests.twins.cast import cast
from tests.twins.conftest import authority, pytest_pyfunc_call
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage

__all__ = ["authority", "pytest_pyfunc_call"]

PERMIT = agreement_service_pb2.SHARING_VERDICT_PERMIT
DENY = agreement_service_pb2.SHARING_VERDICT_DENY


def a_request(world: Stage, *, claims: tuple[str, ...] = ("isa-1",), provider: str = "outreach") -> Any:
    request = agreement_service_pb2.JudgeRequestRequest(
        request_id=world.request_id(),
        request=agreement_service_pb2.SharingRequest(
            identifier="REQ-2026/17",
            provider_agency_id=provider,
            asserted_purpose=common_pb2.PURPOSE_DIRECT_SUPPORT,
            categories=[common_pb2.DATA_CATEGORY_ACCOMMODATION],
            agreement_ids=claims,
        ),
    )
    request.request.date_stamp.FromDatetime(world.clock.now())
    return request


async def ask(desk: Desk, request: Any) -> Any:
    method = "AgreementService/JudgeRequest"
    return await desk.ask(method, request, agreement_service_pb2.JudgeRequestResponse)


async def test_a_request_is_judged_and_kept_with_the_version_and_the_verdict(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        before = await world.size()
        found = await ask(c.hostel, a_request(world, claims=("isa-1", "isa-2")))

        assert found.verdict == PERMIT
        assert [(one.agreement_id, one.version, one.verdict, one.reason) for one in found.agreements] == [
            ("isa-1", 1, PERMIT, ""),
            ("isa-2", 0, DENY, "NO_AGREEMENT"),
        ]
        [entry] = await entries(world, before)
        assert entry.position == found.position.index
        access = read_access_entry(entry)
        assert access is not None
        assert (access.kind, access.agency_id, access.people) == (AccessKind.AUDIT, "hostel", ())
        assert judgement_in(entry) == {
            "request": "REQ-2026/17",
            "date_stamp": world.clock.now().isoformat(),
            "provider": "outreach",
            "purpose": "DIRECT_SUPPORT",
            "categories": ["ACCOMMODATION"],
            "verdict": "PERMIT",
            "agreements": [["isa-1", 1, "PERMIT", ""], ["isa-2", 0, "DENY", "NO_AGREEMENT"]],
        }


async def test_asking_again_with_the_same_id_gets_the_first_answer(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        request = a_request(world)
        first = await ask(c.hostel, request)
        await world.terminate("isa-1")
        before = await world.size()

        assert await ask(c.hostel, request) == first
        assert await world.size() == before
        again = await ask(c.hostel, a_request(world))
        assert (again.verdict, again.agreements[0].reason) == (DENY, "AGREEMENT_NOT_IN_FORCE")


async def test_an_agreement_of_others_is_like_none_to_the_byte(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await c.elsewhere.refused(ask(c.elsewhere, a_request(world, claims=("isa-1", "isa-1"))))
        outcomes = []
        for claimed in ("isa-1", "isa-9"):
            found = await ask(c.elsewhere, a_request(world, claims=(claimed,)))
            found.ClearField("position")
            written = found.SerializeToString(deterministic=True)
            outcomes.append((written.replace(claimed.encode(), b"?"), c.elsewhere.seen[-1].grew))

        assert outcomes[0] == outcomes[1]
        assert (await ask(c.hostel, a_request(world))).verdict == PERMIT, "control: a party is told"


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"provider": "hostel"}, ("INVALID_FIELD", "request.provider_agency_id")),
        ({"claims": ()}, ("INVALID_FIELD", "request.agreement_ids")),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(
    change: dict[str, Any], refusal: tuple[str, str], tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        _, reason, details = await refused(ask(c.hostel, a_request(world, **change)))

        assert (reason, details["field"]) == refusal


async def test_a_request_from_the_future_is_refused(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        request = a_request(world)
        request.request.date_stamp.FromDatetime(world.clock.now().replace(year=2027))
        _, reason, details = await refused(ask(c.hostel, request))

        assert (reason, details["field"]) == ("IMPOSSIBLE_TIME", "request.date_stamp")
