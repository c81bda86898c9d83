"""H6: a list of links to confirm shows each side its own reference and how strong the proposal is, never who
proposes nor of what kind they are; what agrees by details alone is on nobody's list."""

from dataclasses import replace
from pathlib import Path

import pytest

from hub.use_cases import proposed_links
from hub.use_cases.proposed_links import ProposedLink
from hub.use_cases.work import Caller, Work
from oncetold.v1 import registration_service_pb2 as messages
from tests.erasure.asking import erase
from tests.twins.desk import Desk
from tests.twins.emergency import propose_link
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins, first_difference, worlds

ROSA = {"nhs_number": "9434765919", "birth_date": "1984-05-01", "given_name": "Rosa", "family_name": "Lind"}


async def proposed(desk: Desk) -> list[messages.ProposedLink]:
    answer = await desk.ask(
        "RegistrationService/ListProposedLinks",
        messages.ListProposedLinksRequest(),
        messages.ListProposedLinksResponse,
    )
    return list(answer.links)


async def history(world: Stage, hidden: bool) -> None:
    """Rosa takes the street team's token to a refuge; in the twin to a surgery."""
    outreach = await world.agency("outreach", "STREET_OUTREACH")
    refuge = await world.agency("refuge", "DOMESTIC_ABUSE")
    surgery = await world.agency("surgery", "PRIMARY_CARE")
    await outreach.register("lind")
    await refuge.register("r-1")
    await surgery.register("s-1")
    await proposed(outreach)
    there, theirs = (refuge, "r-1") if hidden else (surgery, "s-1")
    await propose_link(outreach, "lind", there, theirs)
    await proposed(outreach)


async def test_h6_the_list_says_nothing_of_who_proposes(tmp_path: Path, authority: Authority) -> None:
    await assert_twins(tmp_path, authority, history, "outreach")


async def test_h6_whoever_made_the_token_finds_the_link_and_confirms_it(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        outreach = await world.agency("outreach", "STREET_OUTREACH")
        surgery = await world.agency("surgery", "PRIMARY_CARE")
        await outreach.register("lind")
        await surgery.register("s-1")
        assert await proposed(outreach) == []
        link_id = await propose_link(outreach, "lind", surgery, "s-1")

        [link] = await proposed(outreach)
        assert (link.link_id, link.client_reference, link.strength) == (
            link_id,
            "lind",
            messages.LINK_STRENGTH_TOKEN,
        )
        assert await proposed(surgery) == [], "it waits for the other side"
        await outreach.confirm(link_id)
        assert await proposed(outreach) == await proposed(surgery) == []


async def test_h6_who_is_erased_is_on_no_list(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        outreach = await world.agency("outreach", "STREET_OUTREACH")
        surgery = await world.agency("surgery", "PRIMARY_CARE")
        await outreach.register("lind")
        await surgery.register("s-1")
        await propose_link(outreach, "lind", surgery, "s-1")
        assert len(await proposed(outreach)) == 1
        await erase(outreach, "lind", "everything")
        assert await proposed(outreach) == []


async def test_h6_who_is_known_elsewhere_by_details_alone_is_on_no_list(
    tmp_path: Path, authority: Authority
) -> None:
    async def known_elsewhere(world: Stage, hidden: bool) -> None:
        clinic = await world.agency("clinic", "PRIMARY_CARE")
        ward = await world.agency("ward", "HOSPITAL")
        await clinic.register("c-1", **(ROSA if hidden else ROSA | {"nhs_number": "9434765870"}))
        await ward.register("w-1", **ROSA)
        await proposed(ward)

    await assert_twins(tmp_path, authority, known_elsewhere, "ward")


async def test_h6_a_list_that_names_the_other_side_is_noticed(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control taken out: the comparison sees the other side's reference."""
    sound = proposed_links.list_proposed_links

    def leaking(work: Work, caller: Caller) -> tuple[list[ProposedLink], int]:
        found, access = sound(work, caller)
        for at, one in enumerate(found):
            theirs = work.index.links[one.link_id].second
            assert theirs is not None
            found[at] = replace(one, client_reference=work.index.registrations[theirs].reference)
        return found, access

    monkeypatch.setattr(proposed_links, "list_proposed_links", leaking)
    hidden, plain = await worlds(tmp_path, authority, history)
    assert first_difference(hidden["outreach"], plain["outreach"]) != ""
