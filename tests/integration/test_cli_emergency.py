"""`oncetold emergency`, and what the command line says of quiet stops and of who spoke for somebody."""

import asyncio
from pathlib import Path

import pytest

from tests.integration.typing_operator import Operator, hub, partnership
from tests.twins.emergency import agree, on_duty, open_card
from tests.twins.stage import Authority, stage

__all__ = ["hub", "partnership"]


@pytest.fixture
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


async def test_who_opened_a_card_is_listed_and_the_card_is_ended(
    tmp_path: Path, authority: Authority
) -> None:
    async with stage(tmp_path, authority) as world:
        operator = Operator(world.site.config.data)
        outreach = await world.agency("outreach", "STREET_OUTREACH")
        infirmary = await world.agency("infirmary", "HOSPITAL")
        await outreach.appoint("TWENTY_FOUR_HOURS", "desk", "01632 960199")
        await outreach.register("sam")
        await infirmary.register("er-77")
        await outreach.link("sam", infirmary, "er-77")
        await on_duty(infirmary)
        await agree(outreach, "sam")
        await open_card(infirmary, "er-77", reason="SELF_HARM")

        listed = ("emergency", "openings", "--as")
        [of_ours] = (await asyncio.to_thread(operator, *listed, "outreach"))["openings"]
        assert (of_ours["agency_id"], of_ours["staff_reference"]) == ("infirmary", "er-nurse-3")
        assert (of_ours["client_reference"], of_ours["reason"], of_ours["cards"]) == ("sam", "SELF_HARM", 1)
        [by_us] = (await asyncio.to_thread(operator, *listed, "infirmary", "--client", "er-77"))["openings"]
        assert by_us["opening_id"] == of_ours["opening_id"] and by_us["client_reference"] == "er-77"
        assert (await asyncio.to_thread(operator, *listed, "outreach", "--client", "no"))["openings"] == []
        tasks = await asyncio.to_thread(operator, "task", "list", "--as", "outreach")
        done = ("task", "done", tasks["tasks"][0]["task_id"], "REVIEWED_IN_ORDER", "--as", "outreach")
        await asyncio.to_thread(operator, *done, "--staff", "dpo-1")

        end = ("emergency", "end", "sam", "--as", "outreach")
        assert (await asyncio.to_thread(operator, *end))["position"]
        assert list((await open_card(infirmary, "er-77")).cards) == []


def test_a_quiet_stop_is_listed_and_not_printed(partnership: Operator) -> None:
    partnership("registration", "add", "N-1", "--as", "northside")
    given = partnership(
        "consent", "grant", "N-1", "--as", "northside", "--to", "harbour", "--purpose", "DIRECT_SUPPORT",
        "--category", "IDENTITY", "--notice", "notice-1", "--until", "2098-01-01", "--proxy", "mother",
    )["grant_id"]  # fmt: skip
    listing = ("consent", "list", "N-1", "--as", "northside")
    before = partnership(*listing, "--for-paper")
    partnership("consent", "refuse", "N-1", "--as", "northside", "--to", "harbour", "--quiet")
    partnership("consent", "withdraw", "N-1", given, "--as", "northside", "--quiet", "--yes")
    assert partnership(*listing, "--for-paper") == before
    [choice] = before["choices"]
    assert (choice["state"], choice["choice_id"], choice["given_by"]) == ("", given, "mother")
    assert len(partnership(*listing)["choices"]) == 2


def test_a_proxy_is_one_person_and_nobody_who_was_shut_out(partnership: Operator) -> None:
    partnership("registration", "add", "N-1", "--as", "northside")
    partnership("consent", "exclude", "N-1", "--as", "northside", "--staff", "harbour:h-4")
    grant = (
        "consent", "grant", "N-1", "--as", "northside", "--to", "harbour", "--purpose", "DIRECT_SUPPORT",
        "--category", "IDENTITY", "--notice", "notice-1", "--until", "2098-01-01",
    )  # fmt: skip
    assert partnership.refused(*grant, "--proxy-staff", "harbour:h-4") == "PROXY_EXCLUDED"
    assert partnership.refused(*grant, "--proxy-staff", "harbour", code=2) == "INVALID_FIELD"
    both = ("--proxy", "mother", "--proxy-client", "N-2")
    assert partnership.refused(*grant, *both, code=2) == "INVALID_FIELD"
    assert partnership(*grant, "--proxy-staff", "harbour:h-5")["grant_id"]
