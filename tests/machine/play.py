"""One random history: played to the product and to the oracle, compared whenever nothing is left to send."""

import dataclasses
import random
from datetime import timedelta
from pathlib import Path

from hub.use_cases.audit import get_ledger_size
from tests.machine.partner import Durable
from tests.machine.player import OPERATOR, Product
from tests.machine.waiting import Waiting
from tests.oracle import history as h
from tests.oracle.evidence import is_admissible, is_evidenced
from tests.oracle.generate import Wait, World
from tests.oracle.store import Held, Place, expected_store

MOST_WINDOWS = 12


class Play:
    """A world, the product it is played to, and what partners suffer meanwhile."""

    admission = True
    """Whether the hub asks for a basis's evidence when it is recorded, as it should."""
    kind: type[Product] = Product

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self.world = World(seed=seed)
        self.product = self.kind(folder, seed=seed)
        self.random = random.Random(seed)
        self.backups: dict[str, Durable] = {}
        self.waiting: dict[str, Waiting] = {}
        for event in self.world.founding():
            self.play(event)

    def close(self) -> None:
        self.product.close()

    def play(self, event: h.Event) -> None:
        """Plays one event; what the product refuses never happened."""
        accepted = self.product.play(event)
        if isinstance(event, h.GrantRecorded):
            self._check_admission(event, accepted)
        if accepted:
            at = self.product.call(get_ledger_size, OPERATOR)
            self.world.accept(dataclasses.replace(event, seq=at))
            if isinstance(event, h.WarningEnded):
                # Once it is taken back everywhere: a later end would keep it until somebody decides anew.
                found = self.differences()
                assert found == [], found
            if isinstance(event, h.FeedOpened) and event.window:
                clock, partner = self.product.clock, self.product.partners[event.feed]
                self.waiting[event.feed] = Waiting(partner, event.window, clock.now, lambda: self.world.facts)

    def _check_admission(self, grant: h.GrantRecorded, accepted: bool) -> None:
        """A basis without its evidence is refused, and none that has it is refused for that (H19)."""
        told = "" if accepted else self.product.refused[-1].split(":")[1]
        if accepted and self.admission:
            assert is_admissible(grant), f"seed {self.seed}: recorded without its evidence: {grant}"
        elif told in ("BASIS_WITHOUT_EVIDENCE", "DUTY_NOT_IN_FORCE"):
            assert not is_evidenced(grant), f"seed {self.seed}: refused in spite of its evidence: {grant}"

    def step(self) -> None:
        """One thing that might happen."""
        proposed = self.world.propose()
        if isinstance(proposed, Wait):
            self._pass(proposed.by)
        else:
            self.play(proposed)

    def disturb(self) -> None:
        """Something goes wrong at a partner or at the hub."""
        partner = self.random.choice(sorted(self.product.partners.items()))[1]
        match self.random.randrange(5):
            case 0:
                self._fetch(partner.name, lose=True)
            case 1:
                self._fetch(partner.name, lose=False)
            case 2:
                self.backups[partner.name] = partner.backup()
            case 3:
                if partner.name in self.backups:
                    # A report of what is held may break off: the next one begins anew.
                    self.product.run(partner.reconcile(page_size=1, stop_before=2))
                    partner.restore(self.backups[partner.name])
            case 4:
                self.product.reopen()

    def _fetch(self, name: str, *, lose: bool) -> None:
        partner = self.product.partners[name]
        try:
            self.product.run(partner.fetch(max_items=self.random.choice([1, 2, 5]), lose=lose))
        except Exception as refusal:
            if getattr(refusal, "code", "") != "EPOCH_CHANGED":
                raise
            self.product.run(partner.reconcile())

    def differences(self) -> list[str]:
        """What differs from the oracle, stores (I5) and live histories; empty when right.

        First with all that waits for a window still waiting; then, window after window, until nothing does.
        """
        found = self._compared()
        for _ in range(MOST_WINDOWS):
            before = self._pending()
            if not any(before.values()):
                return found + [early for one in self.waiting.values() for early in one.early]
            self._pass(max(one.opens() for one in self.waiting.values()) - self.product.clock.now())
            found += self._compared()
            after = self._pending()
            found += [
                f"seed {self.seed} {name} {place}: kept when its window had opened"
                for name, places in after.items()
                for place, held in places.items()
                if before[name].get(place) == held
            ]
        return [*found, f"seed {self.seed}: something is always waiting"]

    def _pass(self, by: timedelta) -> None:
        self.product.clock.advance(by)
        self.world.wait(by)

    def _pending(self) -> dict[str, dict[Place, Held]]:
        return {name: one.pending() for name, one in self.waiting.items()}

    def _compared(self) -> list[str]:
        """Every partner fetches until nothing comes; what it holds then that it should not, or lacks."""
        found = []
        for name, partner in self.product.partners.items():
            self.product.run(partner.drain(max_items=self.random.choice([1, 3, 64])))
            now = self.product.clock.now()
            expected = expected_store(self.world.facts, partner.observations, name, now)
            store = partner.store()
            waits = self.waiting[name].pending() if name in self.waiting else {}
            found += [
                f"seed {self.seed} {name} {place}: expected {expected.get(place)}, holds {store.get(place)}"
                for place in sorted({*expected, *store}, key=str)
                if expected.get(place) != store.get(place) and place not in waits
            ]
            references = {
                one.reference
                for one in self.world.facts.registrations
                if one.agency == partner.caller.agency_id and one.closed != "IN_ERROR"
            }
            for reference in sorted(references):
                # What is read live is cut at once: it waits for no window.
                read = self.product.run(partner.history(reference))
                if read != {place: held for place, held in expected.items() if place[0] == reference}:
                    found.append(f"seed {self.seed} {name} {reference}: history differs")
        return found
