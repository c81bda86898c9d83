"""I15: a refusal is recorded as completely as a permit, and outside cannot be told from "nothing there".

A message that breaks the contract (an unknown field, text that nobody released) is turned away at the front
door before it reaches the ledger: it asks nothing about anybody, and leaves no entry. Nor does
anything while the clock is in doubt: its entry would carry that time, and none may be earlier after it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from consent_ledger.access import AccessKind
from tests.integration.loopback import refused
from tests.invariants.ledger import accesses
from tests.twins.cast import bedded_down, cast
from tests.twins.desk import Desk
from tests.twins.stage import Authority, stage

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT")
UNKNOWN = "3b8a5a4e-5d0e-4c7e-8b7d-2f1c6a9e0d11"


async def test_i15_every_refusal_is_one_entry_with_its_code_and_its_caller(
    tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        calls: list[tuple[str, Callable[[], Any]]] = [
            ("REFERENCE_NOT_REGISTERED", lambda: c.hostel.history("rosa")),
            ("REFERENCE_NOT_REGISTERED", lambda: c.hostel.list_disclosures("room-99")),
            ("REFERENCE_NOT_REGISTERED", lambda: c.hostel.publish("room-99", "x", contact=bedded_down())),
            ("SELF_CONFIRMATION", lambda: c.hostel.say_involved("room-4", "hostel")),
            ("NOT_FOUND", lambda: c.hostel.withdraw("room-4", UNKNOWN)),
            ("NOT_FOUND", lambda: c.hostel.unlink(UNKNOWN)),
            ("NOT_FOUND", lambda: c.hostel.explain("visit-1", "outreach")),
            ("UNKNOWN_AGENCY", lambda: c.hostel.grant("room-4", WIDE, to="nobody")),
        ]
        for code, call in calls:
            before = await world.size()
            assert (await refused(call()))[1] == code
            [(_, recorded)] = await accesses(world, before)
            assert c.hostel.seen[-1].grew == 1
            assert (recorded.kind, recorded.code, recorded.agency_id) == (AccessKind.REFUSED, code, "hostel")
            assert recorded.by == c.hostel.credentials.uri
        before = await world.size()
        await c.hostel.history("room-4")
        [(_, permitted)] = await accesses(world, before)
        assert (permitted.kind, permitted.by) == (AccessKind.READ, recorded.by), "control: a permit, as fully"


async def test_i15_nothing_empty_and_something_grow_the_ledger_alike(
    tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        await c.hostel.fetch()
        await c.hostel.history("room-4")
        await c.hostel.refused(c.hostel.history("room-99"))
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        assert len(await c.hostel.fetch()) == 1
        await c.hostel.history("room-4")
        asked = ("DeliveryService/FetchDeliveries", "RecordService/GetHistory")
        assert [one.grew for one in c.hostel.seen if one.method in asked] == [1] * 5


@pytest.mark.parametrize("reference", ["rosa", "mia", "room-99"])
async def test_i15_anothers_reference_and_nobodys_are_refused_alike(
    reference: str, tmp_path: Path, authority: Authority, ledger: str
) -> None:
    async with stage(tmp_path, authority, ledger) as world:
        c = await cast(world)
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        outcome = await refused(c.hostel.history(reference))
        assert outcome == (grpc.StatusCode.NOT_FOUND, "REFERENCE_NOT_REGISTERED", {})
        nobody = await _error(c.hostel, "nobody-at-all")
        assert await _error(c.hostel, reference) == nobody, "status, text and details, to the byte"


async def _error(desk: Desk, reference: str) -> object:
    await desk.refused(desk.history(reference))
    return desk.seen[-1].error
