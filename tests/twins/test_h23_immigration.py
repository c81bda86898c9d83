"""H23 (critical): somebody's immigration status reaches a body that has to report it.

A refusal for want of recourse to public funds is delivered as NOT_ELIGIBLE; the status itself goes only
where the person's own grant names the recipient, and to a public authority only after advice. Each control
is removed once, in the tests whose names begin with `test_h23_without`.
"""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from hub.records import splitter
from oncetold.v1 import common_pb2, consent_service_pb2, records_pb2
from tests.integration.loopback import refused
from tests.twins.choices import category
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins, first_difference, worlds

RECEIVED = ("SERVICE_CONTACT", "IMMIGRATION", "OFFENDING", "SUBSTANCE_USE", "MENTAL_HEALTH")
ADVISED = consent_service_pb2.BasisEvidence(reference="advice/7")


def turned_away(code: str, about: str = "SERVICE_CONTACT") -> records_pb2.Referral:
    """A referral that was refused, with the reason under the category its author gave it."""
    return records_pb2.Referral(
        to_service="night-shelter",
        status=common_pb2.Coding(system="fhir", code="rejected"),
        reasons=[
            common_pb2.CategorisedAnswer(
                category=category(about),
                question=common_pb2.Coding(system="case-book", code="why-refused"),
                coded=common_pb2.Coding(system="case-book", code=code),
            )
        ],
    )


async def the_charity(world: Stage) -> tuple[Desk, Desk, Desk]:
    """A charity that keeps the case; a council, which has to report; a law centre, which has not."""
    charity = await world.agency("charity", "STREET_OUTREACH", receives=RECEIVED)
    council = await world.agency("council", "HOUSING", receives=RECEIVED, public_authority=True)
    advice = await world.agency("advice", "MONEY_ADVICE", receives=RECEIVED)
    await world.agreement(("charity", "council", "advice"), dict.fromkeys(RECEIVED, "ERASE"))
    await charity.register("rosa")
    for desk in (council, advice):
        await desk.register("r-1")
        await charity.link("rosa", desk, "r-1")
        await charity.grant("rosa", ("SERVICE_CONTACT",), to=desk.agency_id)
    return charity, council, advice


def stored(desk: Desk) -> list[str]:
    """The reasons in an agency's store."""
    return sorted(reason.coded.code for one in desk.store.values() for reason in one.content.referral.reasons)


REVEALING = (
    "NRPF",
    "RISK_HISTORY_ARSON",
    "MUST_ADDRESS_SUBSTANCE_USE_FIRST",
    "MUST_ADDRESS_MENTAL_HEALTH_FIRST",
)


def script(code: str, about: str) -> object:
    async def told(world: Stage, hidden: bool) -> None:
        charity, council, advice = await the_charity(world)
        referral = turned_away(code, about) if hidden else turned_away("NOT_ELIGIBLE")
        await charity.publish("rosa", "referral-1", referral=referral)
        for desk in (council, advice):
            await desk.drain()
            await desk.history("r-1")
            await desk.tasks()
            assert stored(desk) == ["NOT_ELIGIBLE"]

    return told


@pytest.mark.parametrize("about", ["SERVICE_CONTACT", "IMMIGRATION", "OFFENDING"])
@pytest.mark.parametrize("code", REVEALING)
async def test_h23_a_refusal_that_reveals_something_is_like_a_plain_one(
    code: str, about: str, tmp_path: Path, authority: Authority
) -> None:
    """Whatever category the author gave it: one that is too weak, the right one, another."""
    await assert_twins(tmp_path, authority, script(code, about), "council", "advice")  # type: ignore[arg-type]


async def test_h23_without_the_plain_word_a_refusal_tells(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splitter, "as_told", lambda content: content)

    async def told(world: Stage, hidden: bool) -> None:
        charity, council, _ = await the_charity(world)
        referral = turned_away("NRPF") if hidden else turned_away("NOT_ELIGIBLE")
        await charity.publish("rosa", "referral-1", referral=referral)
        await council.drain()

    hidden, plain = await worlds(tmp_path, authority, told)
    assert first_difference(hidden["council"], plain["council"]) != ""


async def test_h23_the_persons_own_grant_that_names_the_recipient_opens_it(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        charity, council, advice = await the_charity(world)
        await charity.publish("rosa", "referral-1", referral=turned_away("NRPF"))
        order = consent_service_pb2.BasisEvidence(reference="order/1")
        await charity.grant("rosa", ("IMMIGRATION",), to="advice", basis="COURT_ORDER", evidence=order)
        await advice.drain()
        assert stored(advice) == ["NOT_ELIGIBLE"], "nothing else opens it"
        await charity.grant("rosa", ("IMMIGRATION",), to="advice")
        await advice.drain()
        assert stored(advice) == ["NOT_ELIGIBLE", "NRPF"]
        await council.drain()
        assert stored(council) == ["NOT_ELIGIBLE"]


async def test_h23_to_a_public_authority_only_after_advice(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        charity, council, _ = await the_charity(world)
        await charity.publish("rosa", "referral-1", referral=turned_away("NRPF"))
        outcome = await refused(charity.grant("rosa", ("IMMIGRATION",), to="council"))
        assert outcome[1] == "BASIS_WITHOUT_EVIDENCE"
        await council.drain()
        assert stored(council) == ["NOT_ELIGIBLE"]
        await charity.grant("rosa", ("IMMIGRATION",), to="council", evidence=ADVISED)
        await council.drain()
        assert stored(council) == ["NOT_ELIGIBLE", "NRPF"]


@pytest.mark.parametrize("decided", [True, False], ids=["decisions look too", "control"])
async def test_h23_without_the_refusal_at_the_desk_decisions_still_look(
    decided: bool, tmp_path: Path, authority: Authority
) -> None:
    """A grant from before anybody asked for advice stands in the ledger: it opens nothing there."""
    async with stage(tmp_path, authority) as world:
        charity, council, _ = await the_charity(world)
        index = world.hub.projector.index
        index.agencies["council"].public_authority = False
        if not decided:
            feed = UUID(council.feed_id)
            index.feeds[feed] = replace(index.feeds[feed], may_have_to_report=False)
        await charity.publish("rosa", "referral-1", referral=turned_away("NRPF"))
        await charity.grant("rosa", ("IMMIGRATION",), to="council")
        await council.drain()
        assert ("NRPF" in stored(council)) is not decided
