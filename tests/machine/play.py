"""One random history: played to the product and to the oracle, compared whenever nothing is left to send."""

import dataclasses
import random
from pathlib import Path

from hub.use_cases.audit import get_ledger_size
from tests.machine.partner import Durable
from tests.machine.player import OPERATOR, Product
from tests.oracle import history as h
from tests.oracle.generate import Wait, World
from tests.oracle.store import expected_store


class Play:
    """A world, the product it is played to, and what partners suffer meanwhile."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self.world = World(seed=seed)
        self.product = Product(folder, seed=seed)
        self.random = random.Random(seed)
        self.backups: dict[str, Durable] = {}
        for event in self.world.founding():
            self.play(event)

    def close(self) -> None:
        self.product.close()

    def play(self, event: h.Event) -> None:
        """Plays one event; what the product refuses never happened."""
        if self.product.play(event):
            at = self.product.call(get_ledger_size, OPERATOR)
            self.world.accept(dataclasses.replace(event, seq=at))

    def step(self) -> None:
        """One thing that might happen."""
        proposed = self.world.propose()
        if isinstance(proposed, Wait):
            self.product.clock.advance(proposed.by)
            self.world.wait(proposed.by)
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
        """What differs from the oracle at a quiet point, stores (I5) and live histories; empty when right."""
        found = []
        for name, partner in self.product.partners.items():
            self.product.run(partner.drain(max_items=self.random.choice([1, 3, 64])))
            now = self.product.clock.now()
            expected = expected_store(self.world.facts, partner.observations, name, now)
            store = partner.store()
            found += [
                f"seed {self.seed} {name} {place}: expected {expected.get(place)}, holds {store.get(place)}"
                for place in sorted({*expected, *store}, key=str)
                if expected.get(place) != store.get(place)
            ]
            references = {
                one.reference
                for one in self.world.facts.registrations
                if one.agency == partner.caller.agency_id and one.closed != "IN_ERROR"
            }
            for reference in sorted(references):
                read = self.product.run(partner.history(reference))
                of_it = {place: held for place, held in store.items() if place[0] == reference}
                if read != of_it:
                    found.append(f"seed {self.seed} {name} {reference}: history differs from the store")
        return found
