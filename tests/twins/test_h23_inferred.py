"""H23 (critical): immigration status is inferred from where somebody comes from, or from their language.

The hub puts such answers under IMMIGRATION itself, whatever category their author's mapping gave. Each
control is removed once, in the tests whose names begin with `test_h23_without`.
"""

from pathlib import Path
from typing import Any

import pytest

from hub.records import immigration, refusals, splitter
from oncetold.v1 import common_pb2, records_pb2
from tests.integration.loopback import refused
from tests.twins.choices import category
from tests.twins.desk import Desk
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import assert_twins, first_difference, worlds

ORDINARY = ("SERVICE_CONTACT", "IDENTITY", "EQUALITY", "MENTAL_HEALTH")
RECEIVED = (*ORDINARY, "IMMIGRATION")


def said(about: str, question: str, code: str = "", *, system: str = "case-book", **value: Any) -> Any:
    """One answer as an agency's mapping wrote it."""
    if code:
        value["coded"] = common_pb2.Coding(system=system, code=code)
    return common_pb2.CategorisedAnswer(
        category=category(about), question=common_pb2.Coding(system="case-book", code=question), **value
    )


TELLING = {
    "country of birth": ("EQUALITY", "CountryOfBirth", "Q-212"),
    "nationality": ("IDENTITY", "nationality_code", "7"),
    "leave to remain": ("SERVICE_CONTACT", "leave-to-remain", "limited"),
    "a visa": ("IDENTITY", "VISA_EXPIRES", "2027"),
    "interpreter's language": ("EQUALITY", "interpreterLanguage", "ti"),
    "preferred language": ("SERVICE_CONTACT", "PREFERRED LANGUAGE", "en"),
    "a language by its system": ("EQUALITY", "spoken", "so", "urn:ietf:bcp:47"),
    "a country by its system": ("IDENTITY", "from", "ER", "urn:iso:std:iso:3166-1"),
    "public funds": ("SERVICE_CONTACT", "why-no-benefit", "no-recourse-to-public-funds"),
}


def told(name: str) -> Any:
    about, question, code, *system = TELLING[name]
    return said(about, question, code, **({"system": system[0]} if system else {}))


async def the_charity(world: Stage) -> tuple[Desk, Desk, Desk]:
    """A charity; a council, which has to report; a law centre. Both may know everything but immigration."""
    charity = await world.agency("charity", "STREET_OUTREACH", receives=RECEIVED)
    council = await world.agency("council", "HOUSING", receives=RECEIVED, public_authority=True)
    advice = await world.agency("advice", "MONEY_ADVICE", receives=RECEIVED)
    await world.agreement(("charity", "council", "advice"), dict.fromkeys(RECEIVED, "ERASE"))
    await charity.register("rosa")
    for desk in (council, advice):
        await desk.register("r-1")
        await charity.link("rosa", desk, "r-1")
        await charity.grant("rosa", ORDINARY, to=desk.agency_id)
    return charity, council, advice


def script(name: str, field: str) -> Any:
    """An assessment, or what somebody is, that says this and something else; in its twin, only the other."""

    async def played(world: Stage, hidden: bool) -> None:
        charity, council, advice = await the_charity(world)
        answers = [said("SERVICE_CONTACT", "seen-by", "keyworker"), *([told(name)] if hidden else [])]
        content: Any = records_pb2.Assessment(answers=answers)
        if field == "status_change":
            content = records_pb2.StatusChange(details=answers)
        await charity.publish("rosa", "record-1", **{field: content})
        for desk in (council, advice):
            await desk.drain()
            await desk.history("r-1")
            await desk.list_choices("r-1")
            await desk.list_disclosures("r-1")
            assert any(one.content.WhichOneof("type") == field for one in desk.store.values()), "control"

    return played


@pytest.mark.parametrize("name", TELLING)
async def test_h23_what_tells_where_somebody_comes_from_reaches_nobody(
    name: str, tmp_path: Path, authority: Authority
) -> None:
    field = "status_change" if len(name) % 2 else "assessment"
    await assert_twins(tmp_path, authority, script(name, field), "council", "advice")


@pytest.mark.parametrize("name", TELLING)
async def test_h23_without_the_hubs_own_word_it_reaches_them(
    name: str, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(splitter, "with_what_it_tells", lambda category, part: (category,))
    hidden, plain = await worlds(tmp_path, authority, script(name, "assessment"))
    for observer in ("council", "advice"):
        assert first_difference(hidden[observer], plain[observer]) != "", observer


async def test_h23_a_wish_not_to_be_asked_it_tells_nobody_either(
    tmp_path: Path, authority: Authority
) -> None:
    async def played(world: Stage, hidden: bool) -> None:
        charity, council, _ = await the_charity(world)
        about = records_pb2.UnaskedQuestion(
            category=category("IDENTITY" if hidden else "IMMIGRATION"),
            question=common_pb2.Coding(system="case-book", code="nationality"),
            standing=True,
        )
        await charity.publish("rosa", "wish-1", do_not_ask=records_pb2.DoNotAsk(about=about))
        await council.drain()
        await council.history("r-1")
        assert not council.store

    await assert_twins(tmp_path, authority, played, "council")


async def test_h23_a_plain_code_that_tells_it_is_held_back_too(tmp_path: Path, authority: Authority) -> None:
    """Not only answers: also what kind of change, or of contact, it was."""
    async with stage(tmp_path, authority) as world:
        charity, council, advice = await the_charity(world)
        kind = common_pb2.Coding(system="case-book", code="asylum-granted")
        mode = common_pb2.Coding(system="case-book", code="telephone-interpreter")
        seen = common_pb2.Coding(system="case-book", code="seen")
        await charity.publish("rosa", "status-1", status_change=records_pb2.StatusChange(kind=kind))
        await charity.publish("rosa", "visit-1", contact=records_pb2.Contact(mode=mode, outcome=seen))
        for desk in (council, advice):
            await desk.drain()
            [held] = desk.store.values()
            assert held.content.contact == records_pb2.Contact(outcome=seen)


@pytest.mark.parametrize("code", ["no-recourse-to-public-funds", "nrpf", "ImmigrationStatus"])
async def test_h23_a_refusal_that_says_it_in_other_words_is_like_a_plain_one(
    code: str, tmp_path: Path, authority: Authority
) -> None:
    await assert_twins(tmp_path, authority, refusal_script(code), "council", "advice")


async def test_h23_without_other_words_known_a_refusal_tells(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (refusals, immigration):
        monkeypatch.setattr(module, "tells_of_immigration", lambda part: False)
    hidden, plain = await worlds(tmp_path, authority, refusal_script("no-recourse-to-public-funds"))
    assert first_difference(hidden["council"], plain["council"]) != ""


def refusal_script(code: str) -> Any:
    async def played(world: Stage, hidden: bool) -> None:
        charity, council, advice = await the_charity(world)
        reasons = [said("SERVICE_CONTACT", "why-refused", code if hidden else "NOT_ELIGIBLE")]
        referral = records_pb2.Referral(to_service="night-shelter", reasons=reasons)
        await charity.publish("rosa", "referral-1", referral=referral)
        for desk in (council, advice):
            await desk.drain()
            await desk.history("r-1")
            assert desk.store

    return played


async def test_h23_the_persons_own_grant_that_names_the_law_centre_opens_it(
    tmp_path: Path, authority: Authority
) -> None:
    """Whatever its author called it: nothing of equality is asked for beside it; of health there is."""
    async with stage(tmp_path, authority) as world:
        charity, council, advice = await the_charity(world)
        first, second = told("country of birth"), said("MENTAL_HEALTH", "interpreter", yes=True)
        await charity.publish("rosa", "a-1", assessment=records_pb2.Assessment(answers=[first]))
        await charity.publish("rosa", "a-2", assessment=records_pb2.Assessment(answers=[second]))
        await advice.drain()
        assert not advice.store
        refusal = await refused(charity.grant("rosa", ("IMMIGRATION",), service_type="MONEY_ADVICE"))
        assert refusal[1] == "ROLE_WIDE_GRANT"
        await charity.grant("rosa", ("IMMIGRATION",), to="advice")
        await advice.drain()
        shown = [one.content.assessment.answers[0] for one in advice.store.values()]
        assert sorted(one.question.code for one in shown) == ["CountryOfBirth", "interpreter"]
        await council.drain()
        assert not council.store, "nobody else"


async def test_h23_a_language_asked_about_in_therapy_needs_both(tmp_path: Path, authority: Authority) -> None:
    async with stage(tmp_path, authority) as world:
        charity, _, advice = await the_charity(world)
        await charity.grant("rosa", ("IMMIGRATION",), to="advice")
        answers = [said("MENTAL_HEALTH", "therapy-language", "pl"), told("nationality")]
        await charity.publish("rosa", "a-1", assessment=records_pb2.Assessment(answers=answers))
        health = common_pb2.DATA_CATEGORY_MENTAL_HEALTH
        await advice.drain()
        assert len(advice.store) == 2
        [joint] = [one for one in advice.store.values() if health in one.categories]
        assert set(joint.categories) == {health, common_pb2.DATA_CATEGORY_IMMIGRATION}
        await charity.refuse("rosa", named=("MENTAL_HEALTH",))
        await advice.drain()
        [left] = advice.store.values()
        assert list(left.categories) == [common_pb2.DATA_CATEGORY_IMMIGRATION]


NOT_TELLING = (
    "ethnic-group",
    "bsl-interpreter",
    "speech-and-language-therapy",
    "national-insurance",
    "advisable",
)


@pytest.mark.parametrize("question", NOT_TELLING)
def test_what_tells_nothing_of_it_is_left_as_it_is(question: str) -> None:
    answer = said("EQUALITY", question, "A")
    assert not immigration.tells_of_immigration(answer)
