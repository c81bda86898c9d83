"""I2: nothing leaves without a PERMIT decided at its own access entry; what is unknown or in doubt denies."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from consent_ledger.vocabulary import DataCategory, Purpose
from oncetold.v1 import common_pb2, consent_service_pb2, delivery_service_pb2, record_service_pb2
from tests.integration.loopback import refused
from tests.invariants.ledger import accesses, element_ids
from tests.twins.cast import TOLD_ABOUT, bedded_down, cast, dose
from tests.twins.stage import Authority, stage

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT")


async def test_i2_everything_that_leaves_stands_in_the_access_entry_of_its_answer(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", TOLD_ABOUT, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        await c.outreach.publish("rosa", "medicine-1", assessment=dose("60mg"))
        await c.hostel.fetch()
        await c.hostel.history("room-4")
        recorded = dict(await accesses(world))
        kinds: dict[str, Any] = {
            "DeliveryService/FetchDeliveries": delivery_service_pb2.FetchDeliveriesResponse,
            "RecordService/GetHistory": record_service_pb2.GetHistoryResponse,
        }
        answers = [kinds[one.method].FromString(one.answered) for one in c.hostel.seen if one.method in kinds]
        for answer in answers:
            left = {one.disclose.fragment_id for one in getattr(answer, "deliveries", ())}
            left |= {one.fragment_id for one in getattr(answer, "elements", ())}
            access = recorded[answer.access.index]
            assert access.agency_id == "hostel"
            assert await element_ids(world, access) == left
            assert len(left) == 2, "control: something left"


async def test_i2_without_agreement_or_without_consent_no_purpose_and_no_category_is_permitted(
    tmp_path: Path, authority: Authority
) -> None:
    """Each category told, every purpose subscribed: an agreement for one of them opens that one alone."""
    every = tuple(category.value for category in DataCategory)
    async with stage(tmp_path, authority) as world:
        teller = await world.agency("outreach", "STREET_OUTREACH")
        purposes = tuple(one.value for one in Purpose if one is not Purpose.EMPLOYMENT)
        hostel = await world.agency("hostel", "HOSTEL", receives=every, purposes=purposes)
        await teller.register("rosa")
        await hostel.register("room-4")
        await teller.link("rosa", hostel, "room-4")
        answers = [
            common_pb2.CategorisedAnswer(
                category=common_pb2.DataCategory.Value(f"DATA_CATEGORY_{name}"),
                question=common_pb2.Coding(system="test:question", code=name),
                yes=True,
            )
            for name in every
        ]
        content = dose("60mg")
        content.answers.extend(answers)
        await teller.publish("rosa", "all-1", assessment=content)
        assert await hostel.drain() == [], "no agreement"
        await world.agreement(("outreach", "hostel"), dict.fromkeys(WIDE, "ERASE"))
        assert await hostel.drain() == [], "no consent"
        await teller.grant("rosa", WIDE, to="hostel")
        await hostel.drain()
        told = {category for one in hostel.store.values() for category in one.categories}
        assert {common_pb2.DataCategory.Name(one) for one in told} == {
            "DATA_CATEGORY_ACCOMMODATION",
            "DATA_CATEGORY_SERVICE_CONTACT",
        }, "control, and no more than was agreed"
        for one in hostel.store.values():
            assert [row.purpose for row in one.terms.purposes] == [common_pb2.PURPOSE_DIRECT_SUPPORT]


@pytest.mark.parametrize("field", ["purposes", "categories"])
async def test_i2_an_unknown_purpose_or_category_is_refused(
    field: str, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        request = consent_service_pb2.RecordGrantRequest.FromString(c.outreach.seen[-1].asked)
        request.request_id = world.request_id()
        getattr(request.grant.scope, field).append(999)
        call = c.outreach.ask("ConsentService/RecordGrant", request, consent_service_pb2.RecordGrantResponse)
        assert (await refused(call))[1] == "UNKNOWN_ENUM"
        del getattr(request.grant.scope, field)[-1]
        await c.outreach.ask("ConsentService/RecordGrant", request, consent_service_pb2.RecordGrantResponse)


@pytest.mark.parametrize("by", [timedelta(minutes=3), timedelta(days=-1), timedelta(days=400)])
async def test_i2_a_clock_in_doubt_denies_everybody(
    by: timedelta, tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        c = await cast(world)
        await c.outreach.grant("rosa", WIDE, to="hostel")
        await c.outreach.publish("rosa", "visit-1", contact=bedded_down())
        world.clock.step(by)
        doubt: Any = (grpc.StatusCode.UNAVAILABLE, "CLOCK_IN_DOUBT", {})
        assert await refused(c.hostel.fetch()) == doubt
        assert await refused(c.hostel.history("room-4")) == doubt
        assert await refused(c.outreach.publish("rosa", "visit-2", contact=bedded_down())) == doubt
        world.clock.step(-by)
        assert len(await c.hostel.fetch()) == 1, "control"
