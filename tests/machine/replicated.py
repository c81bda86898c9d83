"""The product as two hubs over one PostgreSQL database: whoever calls comes to either, by lot."""

import random
from pathlib import Path
from typing import Any

from consent_ledger.ledger import Ledger, open_ledger
from hub.use_cases.hub import Hub
from tests.machine.partner import Partner
from tests.machine.play import Play
from tests.machine.player import Product, seeded_ids
from tests.postgres import server


class Hubs:
    """Those that serve, and lots."""

    def __init__(self, seed: int) -> None:
        self._lots = random.Random(f"{seed} replicas")
        self.all: list[Hub] = []

    def either(self) -> Hub:
        """One of them."""
        return self._lots.choice(self.all)


class Roaming(Partner):
    """A partner whose calls come to either hub."""

    hubs: Hubs

    @property
    def hub(self) -> Hub:
        return self.hubs.either()

    @hub.setter
    def hub(self, given: Any) -> None:
        """Whichever is given, the other is as good."""


class Replicated(Product):
    """Two hubs on a database of their own. Neither listens: what the other did is seen when one looks."""

    def __init__(self, folder: Path, *, seed: int = 1, partner: type[Partner] = Partner) -> None:
        self._database = server().create_database()
        self._hubs = Hubs(seed)
        roaming = type("Roaming", (Roaming, partner), {"hubs": self._hubs})
        super().__init__(folder, seed=seed, partner=roaming)
        self._other: Ledger
        self._open_other()

    def place(self, folder: Path) -> str:
        return server().url(self._database)

    @property
    def hub(self) -> Hub:
        return self._hubs.either()

    @hub.setter
    def hub(self, given: Hub) -> None:
        self._hubs.all = [given, *self._hubs.all[1:]]

    def _open_other(self) -> None:
        self._other = open_ledger(self.place(self._folder), self._folder / "root.key", clock=self.clock)
        ids = seeded_ids(self._seed + 2_000_003 * (self._opened + 1))
        self._hubs.all = [self._hubs.all[0], Hub(self._other, new_id=ids)]

    def stop(self) -> None:
        """The first of them, whose ledger this is: not either."""
        self.run(self._hubs.all[0].stop())

    def reopen(self) -> None:
        """Either hub is stopped and started again; the other serves on."""
        if random.Random(self._opened).random() < 0.5:
            super().reopen()
            return
        self._opened += 1
        self.run(self._hubs.all[1].stop())
        self._other.close()
        self._open_other()

    def close(self) -> None:
        self.run(self._hubs.all[1].stop())
        self._other.close()
        super().close()
        server().drop_database(self._database)


class ReplicatedPlay(Play):
    """A history that is played to two hubs."""

    kind = Replicated
