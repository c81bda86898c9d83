"""H9 (critical): his file shows her disclosure. Whatever she says of him, nothing that is his changes.

His own agency's view of him, his papers at the agency that she told (who saw him, his choices, his tasks,
what is to be erased) and his deliveries are the same to the byte whether or not she spoke. The control is
removed once: told on his own file instead, the same words change every one of them.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from oncetold.v1 import common_pb2, erasure_service_pb2, records_pb2
from tests.twins.cast import also_about, bedded_down
from tests.twins.choices import category
from tests.twins.desk import Desk
from tests.twins.places import coding
from tests.twins.stage import Authority, Stage
from tests.twins.twin import assert_twins, play

RECEIVED = ("ACCOMMODATION", "SERVICE_CONTACT", "DOMESTIC_ABUSE", "SAFEGUARDING_RISK", "FAMILY")


def marac() -> records_pb2.MaracMappa:
    return records_pb2.MaracMappa(forum=coding("marac"), listed=True)


def risk() -> records_pb2.Risk:
    """He is a risk to her, and to whoever visits."""
    return records_pb2.Risk(risk_to=coding("worker"), risk_from=coding("partner"), level=coding("high"))


def abuse() -> records_pb2.Assessment:
    answer = common_pb2.CategorisedAnswer(
        category=category("DOMESTIC_ABUSE"), question=coding("dash-1"), yes=True
    )
    return records_pb2.Assessment(answers=[answer])


async def the_two(world: Stage) -> tuple[Desk, Desk, Desk]:
    """Rosa and Tom, her partner, are both known to the street team; Tom to probation, Rosa to the hostel. Of
    both everything is agreed and granted. Nobody but the street team knows tam."""
    outreach = await world.agency("outreach", "STREET_OUTREACH", receives=RECEIVED)
    probation = await world.agency("probation", "PROBATION", receives=RECEIVED)
    hostel = await world.agency("hostel", "HOSTEL", receives=RECEIVED)
    await world.agreement(("outreach", "probation", "hostel"), dict.fromkeys(RECEIVED, "ERASE"))
    await outreach.appoint("SAFEGUARDING_LEAD", "lead-1", "0113 4960000")
    for one in ("rosa", "tom", "tam"):
        await outreach.register(one)
    for desk, ours, theirs in ((probation, "tom", "offender-9"), (hostel, "rosa", "room-4")):
        await desk.register(theirs)
        await outreach.link(ours, desk, theirs)
        await outreach.grant(ours, RECEIVED, to=desk.agency_id)
    return outreach, probation, hostel


async def she_speaks(outreach: Desk, him: str) -> None:
    """What she says, with `him` named in each record as somebody else whom it is about."""
    for name, content in (("marac", "marac_mappa"), ("risk", "risk"), ("abuse", "assessment")):
        about = "SAFEGUARDING_RISK" if name == "risk" else "DOMESTIC_ABUSE"
        what: Any = {"marac": marac(), "risk": risk(), "abuse": abuse()}[name]
        await outreach.publish("rosa", name, others=[also_about(him, about)], **{content: what})


async def his_papers(outreach: Desk, probation: Desk) -> list[bytes]:
    """Everything that is his, wherever it is asked for."""
    since = len(outreach.seen)
    await probation.drain()
    await probation.history("offender-9")
    await probation.list_disclosures("offender-9")
    await probation.list_choices("offender-9")
    await probation.tasks()
    await probation.feed_status()
    await outreach.list_disclosures("tom")
    await outreach.list_choices("tom")
    await outreach.tasks("tom")
    await outreach.ask(
        "ErasureService/ListErasures",
        erasure_service_pb2.ListErasuresRequest(),
        erasure_service_pb2.ListErasuresResponse,
    )
    return [one.answered for one in outreach.seen[since:]]


async def story(world: Stage, him: str, papers: list[list[bytes]]) -> None:
    outreach, probation, hostel = await the_two(world)
    await outreach.publish("tom", "visit-1", contact=bedded_down())
    await probation.drain()
    waiting = probation.waiting(0.4)
    await waiting.begun
    await she_speaks(outreach, him)
    await waiting.answer
    world.clock.advance(timedelta(hours=1))
    await hostel.drain()
    assert len(hostel.store) == 3, "her own account is hers to share"
    papers.append(await his_papers(outreach, probation))
    # What he, and she, choose afterwards.
    await probation.refuse("offender-9")
    await outreach.refuse("rosa")
    papers.append(await his_papers(outreach, probation))


async def test_h9_his_views_are_the_same_whether_or_not_she_spoke_of_him(
    tmp_path: Path, authority: Authority
) -> None:
    papers: list[list[bytes]] = []

    async def script(world: Stage, hidden: bool) -> None:
        await story(world, "tom" if hidden else "tam", papers)

    await assert_twins(tmp_path, authority, script, "probation")
    of_him, of_another = papers[:2], papers[2:]
    assert of_him == of_another


async def test_h9_control_on_his_own_file_it_would_change_them(
    short_path: Path, authority: Authority
) -> None:
    async def seen(folder: Path, told_on: str) -> tuple[list[bytes], int]:
        papers: list[bytes] = []

        async def script(world: Stage, hidden: bool) -> None:
            outreach, probation, _ = await the_two(world)
            await outreach.publish(told_on, "abuse", assessment=abuse())
            papers.extend(await his_papers(outreach, probation))

        seen = await play(folder, authority, script, True)
        return papers, sum(len(one.answered) for one in seen["probation"])

    his, others = await seen(short_path / "his", "tom"), await seen(short_path / "other", "tam")
    assert his[0] != others[0] and his[1] > others[1]
