"""I8 over random histories: what shuts out one agency is invisible to every other, byte for byte.

Two hubs live the same history with the same calls. In one, a person shuts out an agency or says no to it; in
the other, the same entry names an agency that nobody knows. Whatever the remaining agencies observe must be
equal: items, numbers, ids, etags, order, "more", positions, and live histories.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.use_cases.audit import get_ledger_size
from hub.use_cases.deliver import Batch
from tests.machine.partner import Partner
from tests.machine.player import OPERATOR, Product
from tests.oracle import history as h
from tests.oracle.generate import Wait, World

NOBODY = "nobody-knows"


class Observer(Partner):
    """A partner that writes down everything it was answered."""

    def _observe(self, batch: Batch) -> None:
        super()._observe(batch)
        self.answers.append(repr((batch.sendings, batch.access, batch.more)))


class Twin:
    """One of two hubs; `hidden` is the agency shut out in it, a real one or nobody."""

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir(parents=True)
        self.world = World(seed=seed)
        self.product = Product(folder, seed=seed, partner=Observer)
        for event in self.world.founding():
            self.play(event)

    def play(self, event: h.Event) -> None:
        if self.product.play(event):
            at = self.product.call(get_ledger_size, OPERATOR)
            self.world.accept(replace(event, seq=at))

    def step(self) -> None:
        proposed = self.world.propose()
        if isinstance(proposed, Wait):
            self.product.clock.advance(proposed.by)
            self.world.wait(proposed.by)
        else:
            self.play(proposed)

    def shut_out(self, agency: str, by: tuple[str, str], kind: str) -> None:
        """Appended to the product alone: the world's own chance must not see a difference."""
        common = {"seq": 0, "at": self.world.now, "agency": by[0], "reference": by[1]}
        if kind == "exclusion":
            event: h.Event = h.ExclusionRecorded(exclusion="hidden", excluded_agency=agency, **common)  # type: ignore[arg-type]
        else:
            event = h.RefusalRecorded(refusal="hidden", recipient=h.Recipient(agency=agency), **common)  # type: ignore[arg-type]
        assert self.product.play(event)

    def look(self) -> None:
        """Every partner fetches twice, whatever it gets: the same calls in both worlds."""
        for partner in self.product.partners.values():
            for _ in range(2):
                self.product.run(partner.fetch())
            for registration in self.world.facts.registrations:
                if registration.agency == partner.caller.agency_id and registration.closed is None:
                    read = self.product.run(partner.history(registration.reference))
                    partner.answers.append(repr(sorted(read.items(), key=str)))

    def seen_by(self) -> dict[str, list[str]]:
        return {partner.caller.agency_id or "": partner.answers for partner in self.product.partners.values()}


@pytest.fixture
def twins(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Twin, Twin]]:
    pair = (Twin(tmp_path / "a", request.param), Twin(tmp_path / "b", request.param))
    yield pair
    for twin in pair:
        twin.product.close()


def lived(twins: tuple[Twin, Twin], seed: int, kind: str) -> str | None:
    """Both histories to their end; the agency shut out, or `None` when nobody could be."""
    chance = random.Random(seed)
    places = [one for one in twins[0].world.facts.registrations if twins[0].world.colleagues(one)]
    if not places:
        return None
    by = chance.choice(places)
    agency = chance.choice(twins[0].world.colleagues(by)).agency
    for twin, hidden in zip(twins, (agency, NOBODY), strict=True):
        for _ in range(10):
            twin.step()
        twin.look()
        twin.shut_out(hidden, (by.agency, by.reference), kind)
        twin.look()
        for _ in range(25):
            twin.step()
        twin.look()
    return agency


@pytest.mark.parametrize("kind", ["exclusion", "refusal"])
@pytest.mark.parametrize("twins", range(6), indirect=True)
def test_i8_nobody_else_can_tell(twins: tuple[Twin, Twin], kind: str, request: pytest.FixtureRequest) -> None:
    seed = request.node.callspec.params["twins"]
    agency = lived(twins, seed, kind)
    first, second = (twin.seen_by() for twin in twins)
    assert first.keys() == second.keys()
    for observer in first.keys() - {agency}:
        assert first[observer] == second[observer], observer


def test_the_one_who_is_shut_out_does_lose_something(tmp_path: Path) -> None:
    """The positive control: in some history the two worlds differ, or equality would prove nothing."""
    for seed in range(20):
        pair = (Twin(tmp_path / f"a{seed}", seed), Twin(tmp_path / f"b{seed}", seed))
        agency = lived(pair, seed, "exclusion")
        first, second = (twin.seen_by() for twin in pair)
        for twin in pair:
            twin.product.close()
        if agency is not None and first[agency] != second[agency]:
            return
    raise AssertionError("an exclusion never took anything from anybody")
