"""Who may cosign: the operator says so, and one key speaks for one agency."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from adapters.kit.notes import CosignerKey
from oncetold.v1 import agency_service_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from tests.integration.loopback import operator_channel, refusal
from tests.twins.stage import Authority, Stage, stage
from tests.unit.adapters.merkle import ToyLog

NORTH, SOUTH = (
    str(CosignerKey(f"{name}.example/witness", name.encode() * 8).public) for name in ("nort", "sout")
)


@asynccontextmanager
async def two_agencies(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path, Authority(tmp_path / "authority")) as world:
        await world.agency("hostel", "HOSTEL")
        await world.agency("clinic", "PRIMARY_CARE")
        yield world


async def authorise(world: Stage, agency_id: str, key: str, request_id: str | None = None) -> int:
    request = agency_service_pb2.AuthoriseWitnessRequest(
        request_id=request_id or world.request_id(), agency_id=agency_id, verifier_key=key
    )
    async with operator_channel(world.site) as operator:
        answer = await AgencyServiceStub(operator).AuthoriseWitness(request)
    return int(answer.position.index)


async def keys(world: Stage) -> dict[str, str]:
    async with operator_channel(world.site) as operator:
        listed = await AgencyServiceStub(operator).ListAgencies(agency_service_pb2.ListAgenciesRequest())
    return {agency.agency_id: agency.witness_key for agency in listed.agencies}


async def test_the_newest_key_counts_and_none_ends_it(tmp_path: Path) -> None:
    async with two_agencies(tmp_path) as world:
        assert await keys(world) == {"hostel": "", "clinic": ""}
        first = await authorise(world, "hostel", NORTH)
        assert await keys(world) == {"hostel": NORTH, "clinic": ""}
        second = await authorise(world, "hostel", SOUTH)
        third = await authorise(world, "clinic", NORTH)
        assert await keys(world) == {"hostel": SOUTH, "clinic": NORTH}
        fourth = await authorise(world, "hostel", "")
        assert await keys(world) == {"hostel": "", "clinic": NORTH}
        assert first < second < third < fourth


async def test_a_repeat_is_answered_alike(tmp_path: Path) -> None:
    async with two_agencies(tmp_path) as world:
        request_id = world.request_id()

        assert await authorise(world, "hostel", NORTH, request_id) == await authorise(
            world, "hostel", NORTH, request_id
        )


async def test_it_survives_folding_anew(tmp_path: Path) -> None:
    async with two_agencies(tmp_path) as world:
        await authorise(world, "hostel", NORTH)
        await world.hub.rebuild()
        assert (await keys(world))["hostel"] == NORTH


@pytest.mark.parametrize(
    ("agency_id", "key", "reason"),
    [
        ("elsewhere", NORTH, "UNKNOWN_AGENCY"),
        ("clinic", NORTH, "INVALID_FIELD"),
        ("clinic", NORTH.replace("+", "+0", 1)[:-1] + "A", "INVALID_FIELD"),
        ("clinic", NORTH[:-4] + "AAAA", "INVALID_FIELD"),
        ("clinic", "no key", "INVALID_FIELD"),
        ("clinic", str(ToyLog().key), "INVALID_FIELD"),
    ],
)
async def test_what_is_no_key_of_its_own_is_refused(
    tmp_path: Path, agency_id: str, key: str, reason: str
) -> None:
    async with two_agencies(tmp_path) as world:
        await authorise(world, "hostel", NORTH)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await authorise(world, agency_id, key)
        assert refusal(refused.value)[1] == reason
        assert await keys(world) == {"hostel": NORTH, "clinic": ""}


async def test_one_key_under_another_name_is_still_another_agencys(tmp_path: Path) -> None:
    async with two_agencies(tmp_path) as world:
        await authorise(world, "hostel", NORTH)
        alias = str(CosignerKey("another.example/witness", b"nort" * 8).public)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await authorise(world, "clinic", alias)
        assert refusal(refused.value)[1] == "INVALID_FIELD"


async def test_an_agency_cannot_make_itself_a_witness(tmp_path: Path) -> None:
    async with two_agencies(tmp_path) as world:
        request = agency_service_pb2.AuthoriseWitnessRequest(
            request_id=world.request_id(), agency_id="hostel", verifier_key=NORTH
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await AgencyServiceStub(world.desks["hostel"].channel).AuthoriseWitness(request)
        assert refusal(refused.value)[1] == "OPERATOR_ONLY"
