"""Every call, every pair of agencies: another's is answered like what is not there, byte for byte."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest

from consent_ledger.access import AccessKind, read_access_entry
from tests.guard.area import NAMES, Area, Member
from tests.guard.cases import CASES, CHANGES_EVERYTHING, OPERATORS, OWN_ALIKE, QUOTES_NOTHING, Case, call_of
from tests.guard.cases_authority import NOBODYS, Its
from tests.guard.contract import METHODS, path
from tests.integration.loopback import bare, make_site, refusal

PAIRS = list(itertools.permutations(NAMES, 2))
NOT_THERE = {"NOT_FOUND", "REFERENCE_NOT_REGISTERED", "UNKNOWN_AGENCY"}

Told = tuple[Any, ...]


def test_every_call_of_the_contract_has_its_case() -> None:
    quoting = {call_of(name) for name in CASES}

    assert quoting | QUOTES_NOTHING | OPERATORS == set(METHODS)
    assert not quoting & QUOTES_NOTHING and not (quoting | QUOTES_NOTHING) & OPERATORS


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory, runner: asyncio.Runner) -> Iterator[Area]:
    stack = AsyncExitStack()
    yield runner.run(Area.founded(make_site(tmp_path_factory.mktemp("matrix")), stack))
    runner.run(stack.aclose())


async def told(member: Member, method: str, case: Case, quoted: Its) -> Told:
    """All that the caller is told, without what it quoted itself and where its look stands."""
    try:
        raw = await member.raw(call_of(method), case.request(quoted))
    except grpc.aio.AioRpcError as error:
        return (*refusal(error), error.details(), error.trailing_metadata())
    if case.answer is None:
        return ("answered", raw)
    answer = case.answer.FromString(raw)
    for place in ("access", "position"):
        if place in answer.DESCRIPTOR.fields_by_name:
            answer.ClearField(place)
    text = str(answer)
    for own in (quoted.agreement_id, quoted.reference):
        text = text.replace(own, "")
    return ("answered", text)


@pytest.mark.parametrize("method", sorted(CASES))
def test_anothers_is_like_nothing_in_every_pair(method: str, area: Area, runner: asyncio.Runner) -> None:
    case = CASES[method]
    for caller, owner in PAIRS:
        member, other = area.members[caller], area.members[owner]
        start = area.size()
        of_theirs = runner.run(told(member, method, case, other.its))
        between = area.size()
        of_nothing = runner.run(told(member, method, case, NOBODYS))
        end = area.size()

        assert of_theirs == of_nothing, f"{caller} quotes {owner}'s"
        assert between - start == end - between, f"{caller} quotes {owner}'s: the ledger grows differently"
        if case.answer is None:
            assert of_theirs[0] != "answered", f"{caller} was let in to {owner}'s"
        for entry in area.entries(start):
            access = read_access_entry(entry)
            assert access is not None, f"{caller} changed something with {owner}'s"
            assert access.agency_id == caller and not access.people
            assert case.answer is not None or access.kind is AccessKind.REFUSED


@pytest.mark.parametrize("method", sorted(OPERATORS))
def test_the_operators_calls_are_no_agencys(method: str, area: Area, runner: asyncio.Runner) -> None:
    before = area.size()
    for name in NAMES:

        async def ask(name: str = name) -> Told:
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await bare(area.members[name].channel, path(method))(b"")
            return refusal(failure.value)

        assert runner.run(ask()) == (grpc.StatusCode.PERMISSION_DENIED, "OPERATOR_ONLY", {})
    assert area.size() == before


def test_ones_own_is_found_by_the_same_calls(area: Area, runner: asyncio.Runner) -> None:
    """What the matrix rests on: each call does find what it quotes when that is the caller's own."""
    order = [name for name in sorted(CASES) if name not in CHANGES_EVERYTHING]
    alike = {}
    for method in (*order, *CHANGES_EVERYTHING):
        case = CASES[method]
        # Who has left, or whose key is revoked, finds nothing any more.
        member = area.members["council" if method == CHANGES_EVERYTHING[-1] else "clinic"]
        of_nothing = runner.run(told(member, method, case, NOBODYS))
        own = runner.run(told(member, method, case, member.its))
        if own == of_nothing:
            alike[method] = own[1]
    assert alike == OWN_ALIKE
