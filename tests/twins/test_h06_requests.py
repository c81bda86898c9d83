"""H6: whoever asks another agency to share cannot tell refused from unanswered from nothing there, neither
before the clock ends nor after it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from consent_ledger.sharing import SharingStatus
from hub.projections import sharing
from oncetold.v1 import sharing_pb2
from oncetold.v1 import sharing_service_pb2 as messages
from tests.twins.cast import dose
from tests.twins.colleague import hired
from tests.twins.desk import Desk, Seen
from tests.twins.stage import Authority, Stage, stage
from tests.twins.twin import first_difference

TOLD = ("PHYSICAL_HEALTH", "SERVICE_CONTACT")
ROSA = {"nhs_number": "9434765919", "birth_date": "1984-05-01", "given_name": "Rosa", "family_name": "Lind"}
SOMEBODY = {"nhs_number": "9434765870", "birth_date": "1990-01-31", "given_name": "Ada", "family_name": "Roe"}
ALIKE = ("refused", "unanswered", "refused after the clock", "known, but nothing told", "not known at all")


async def history(world: Stage, there: str) -> None:
    """The ward asks about Rosa; `there` says what the clinic knows of her and answers. Each world has as many
    entries, of the same classes."""
    clinic = await world.agency("clinic", "PRIMARY_CARE")
    ward = await world.agency("ward", "HOSPITAL", receives=TOLD)
    officer = await hired(clinic, "officer-1", "DATA_PROTECTION_OFFICER")
    sister = await hired(ward, "sister-1", "KEYWORKER")
    await clinic.register("c-1", **(SOMEBODY if there == "not known at all" else ROSA))
    await clinic.register("c-2")
    await clinic.publish(
        "c-2" if there == "known, but nothing told" else "c-1", "d-1", assessment=dose("40mg")
    )
    await ward.register("w-1", **ROSA)

    asked = (await sister.request("w-1")).sharing_request_id
    await look(ward)
    await sister.requests()
    if there == "permitted":
        await officer.permit(asked)
    elif there == "refused":
        await officer.refuse(asked)
    else:
        await as_long_as_an_answer(clinic)
    await look(ward)
    await sister.requests()
    world.clock.advance(timedelta(days=8))
    await look(ward)
    await sister.requests()
    if there == "refused after the clock":
        await officer.refuse(asked)
    else:
        await as_long_as_an_answer(clinic)
    await look(ward)
    await sister.requests()


async def as_long_as_an_answer(clinic: Desk) -> None:
    """As many entries: an answer, and by whose word it was given."""
    await clinic.list_disclosures("c-2")
    await clinic.list_disclosures("c-2")


async def look(ward: Desk) -> None:
    """Whatever the asker can look at."""
    await ward.tasks()
    await ward.fetch()
    await ward.history("w-1")
    await ward.list_disclosures("w-1")


async def seen(folder: Path, authority: Authority, there: str) -> tuple[list[Seen], list[Seen]]:
    """What the ward and the clinic saw in that world."""
    async with stage(folder / str(len(list(folder.iterdir()))), authority) as world:
        await history(world, there)
        return list(world.desks["ward"].seen), list(world.desks["clinic"].seen)


def statuses(saw: list[Seen]) -> list[int]:
    """What the asker was told of its request, each time it looked."""
    listed = [one for one in saw if one.method == "SharingService/ListSharingRequests"]
    return [
        messages.ListSharingRequestsResponse.FromString(one.answered).requests[0].status for one in listed
    ]


async def test_refused_unanswered_and_not_there_look_the_same(tmp_path: Path, authority: Authority) -> None:
    plain, _ = await seen(tmp_path, authority, "known, but nothing told")
    waiting, not_shared = sharing_pb2.SHARING_STATUS_WAITING, sharing_pb2.SHARING_STATUS_NOT_SHARED
    assert statuses(plain) == [waiting, waiting, not_shared, not_shared]
    for there in ALIKE:
        ward, clinic = await seen(tmp_path, authority, there)
        assert first_difference(ward, plain) == "", there
        asked = any(one.method == "SharingService/AnswerSharing" and one.answered for one in clinic)
        assert asked == there.startswith("refused"), "the worlds do differ"


async def test_a_permission_is_told(tmp_path: Path, authority: Authority) -> None:
    """The control: the comparison sees what the asker may see."""
    plain, _ = await seen(tmp_path, authority, "unanswered")
    permitted, _ = await seen(tmp_path, authority, "permitted")
    assert first_difference(permitted, plain) != ""
    assert statuses(permitted)[1:] == [sharing_pb2.SHARING_STATUS_PERMITTED] * 3


def _told_at_once(self: sharing.Sharing, asked: object) -> SharingStatus:
    answers = self.answers.get(asked, {})  # type: ignore[call-overload]
    if any(one.decision_id is None for one in answers.values()):
        return SharingStatus.NOT_SHARED
    return SharingStatus.WAITING


@pytest.mark.parametrize("broken", [_told_at_once])
async def test_a_refusal_that_is_told_is_noticed(
    tmp_path: Path,
    authority: Authority,
    broken: Callable[[sharing.Sharing, object], SharingStatus],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing.Sharing, "status", broken)
    plain, _ = await seen(tmp_path, authority, "unanswered")
    refused, _ = await seen(tmp_path, authority, "refused")
    assert first_difference(refused, plain) != ""
