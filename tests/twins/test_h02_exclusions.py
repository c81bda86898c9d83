"""H2 (critical): "never Dave at Northside" must not travel with the history.

Exclusions, markers and their reasons decide and are never told: to other agencies, and in a third person's
papers, a world with them is the same as one without. Each control is removed once, below.
"""

from pathlib import Path
from typing import Any

import pytest

from hub.use_cases import choices as choosing
from tests.twins.cast import Cast, bedded_down, cast, dose
from tests.twins.stage import Authority, Stage
from tests.twins.twin import assert_twins, first_difference, worlds

WIDE = ("ACCOMMODATION", "SERVICE_CONTACT", "PHYSICAL_HEALTH")


async def shut_out(c: Cast, reference: str) -> None:
    """Everything she said about whom she fears; about Mia, whom nobody else knows, it hides nothing."""
    await c.outreach.exclude(reference, "elsewhere", staff="dave", linked_to_risk=True)
    await c.outreach.exclude(reference, "elsewhere", at_once=True)
    await c.outreach.exclude(reference, "northside", workplace=True)
    await c.outreach.exclude(reference, kind="IMMIGRATION", remove=True)
    await c.outreach.mark(reference, "PROTECTED_ADDRESS")
    await c.outreach.mark(reference, "SERIOUS_HARM", f"secret-{reference}")


async def life(world: Stage, hidden: bool) -> Cast:
    """Rosa's history goes on at the hostel, which excluded nobody and is not shut out."""
    c = await cast(world)
    for one in ("rosa", "mia"):
        await c.outreach.publish(one, f"secret-{one}", contact=bedded_down())
    await c.outreach.grant("rosa", ("SERVICE_CONTACT", "PHYSICAL_HEALTH"), to="hostel")
    await c.hostel.register("room-6")
    await c.outreach.register("zoe")
    await shut_out(c, "rosa" if hidden else "mia")
    await c.outreach.publish("rosa", "medicine-1", assessment=dose("60mg"))
    await c.hostel.drain()
    await c.hostel.history("room-4")
    await c.outreach.publish("rosa", "medicine-1", revision=2, assessment=dose("50mg"))
    await c.hostel.drain()
    await c.hostel.list_choices("room-4")
    await c.hostel.list_disclosures("room-4")
    await c.hostel.tasks()
    await c.hostel.feed_status()
    return c


async def test_h2_no_other_agency_sees_whom_she_shut_out(tmp_path: Path, authority: Authority) -> None:
    async def script(world: Stage, hidden: bool) -> None:
        c = await life(world, hidden)
        assert len(c.hostel.store) == 1, "control: it goes on hearing"
        await c.elsewhere.list_choices("e-1")
        await c.elsewhere.list_disclosures("e-1")
        await c.elsewhere.tasks()
        # A third person's papers.
        await c.hostel.publish("room-6", "own-1", contact=bedded_down())
        await c.hostel.list_disclosures("room-6")
        await c.hostel.list_choices("room-6")
        await c.outreach.list_disclosures("zoe")

    await assert_twins(tmp_path, authority, script, "hostel", "elsewhere")


async def test_h2_the_worker_who_recorded_it_sees_it(tmp_path: Path, authority: Authority) -> None:
    """Control: at the desk where she said it, it stands; and the twins' first difference would be there."""

    async def script(world: Stage, hidden: bool) -> None:
        c = await life(world, hidden)
        found = await c.outreach.list_choices("rosa")
        kinds = sorted(one.exclusion for one in found.choices if one.exclusion)
        assert kinds == (["agency", "agency", "category", "person"] if hidden else [])

    hidden, plain = await worlds(tmp_path, authority, script)
    assert first_difference(hidden["outreach"], plain["outreach"]) != ""


async def test_h2_without_the_control_it_would_travel(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list of the linked person's choices, instead of the caller's own: the twins come apart."""
    own = choosing.list_choices

    def everybodys(work: Any, caller: Any, *, client_reference: str, **how: Any) -> Any:
        found, access = own(work, caller, client_reference=client_reference, **how)
        here = work.registration(caller, client_reference).registration_id
        person = work.index.person(here).exclusions
        known = [(id_, one) for id_, one in work.index.exclusions.items() if one in person]
        others = [(id_, one) for id_, one in known if one.registration_id != here]
        found += [choosing.Choice(id_, one, work.index.recorded_times[id_], "ACTIVE") for id_, one in others]
        return found, access

    monkeypatch.setattr(choosing, "list_choices", everybodys)

    async def script(world: Stage, hidden: bool) -> None:
        await life(world, hidden)

    hidden, plain = await worlds(tmp_path, authority, script)
    assert first_difference(hidden["hostel"], plain["hostel"]) != ""
