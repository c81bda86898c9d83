"""Feeds with a retraction window: what they may learn when, watched at every fetch beside the hub."""

from collections.abc import Callable
from datetime import datetime

from hub.use_cases.deliver import Batch
from tests.machine.partner import Partner, held_as, place_of
from tests.oracle import history as h
from tests.oracle.facts import Facts
from tests.oracle.store import Held, Place, expected_store
from tests.oracle.windows import Watch, is_taking, is_urgent, next_window, takings


class Waiting:
    """One feed's adapter, and the oracle's own note of what was found to be taken, and when."""

    def __init__(
        self, partner: Partner, window: str, now: Callable[[], datetime], facts: Callable[[], Facts]
    ) -> None:
        self.partner, self.window = partner, window
        self._watch, self._now, self._facts = Watch(window), now, facts
        self.early: list[str] = []
        """What was taken before its window, and was not urgent."""
        partner.on_look, partner.on_answer = self._looked, self._answered

    def opens(self) -> datetime:
        """The next moment at which takings go out."""
        return next_window(self._now(), self.window)

    def pending(self) -> dict[Place, Held]:
        """What the partner holds still and has to let go at a window; what is urgent never waits."""
        store, expected = self.partner.store(), self._expected()
        return {
            place: store[place]
            for place in takings(store, expected)
            if not self._is_urgent(place, expected.get(place))
        }

    def _expected(self) -> dict[Place, Held]:
        return expected_store(self._facts(), self.partner.observations, self.partner.name, self._now())

    def _is_urgent(self, place: Place, then: Held | None) -> bool:
        seen, name = self.partner.observations, self.partner.name
        return is_urgent(self._facts(), seen, name, self._now(), place, then)

    def _looked(self) -> None:
        expected = self._expected()
        sent = {
            (one.client_reference, one.key)
            for one in self.partner.observations
            if isinstance(one, h.Delivered)
        }
        gone = sent - expected.keys()  # it may have been sent and lost
        self._watch.looked(self._now(), gone | takings(self.partner.store(), expected))

    def _answered(self, batch: Batch) -> None:
        store = self.partner.store()
        for sending in batch.sendings:
            place = place_of(self.partner, sending)
            held = None if place is None else store.get(place)
            if place is None or held is None:
                continue
            then = None
            if sending.wanted is not None:
                then = held_as(sending.wanted)
                if not sending.wanted.with_content:
                    then = Held(held.revision, then.rows, then.marks, held.ring)
            early = is_taking(held, then) and self._watch.is_early(self._now(), place)
            if early and not self._is_urgent(place, then):
                self.early.append(f"{self.partner.name} {place}: taken before its window")
