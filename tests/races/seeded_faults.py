"""Faults a hub could have: each breaks one thing that I3 or I4 rests on, and the judge has to find it."""

import asyncio
import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch
from uuid import UUID

from consent_ledger.access import read_access_entry
from consent_ledger.errors import StorageFull
from hub.projections.consent_index import ConsentIndex
from hub.projections.disclosures import Disclosed, Disclosures
from hub.use_cases.hub import Hub
from hub.use_cases.work import Caller, Work
from tests.races.stepped import SteppedSequencer

_GIVING = ("fetch", "get_history")
_EVERY = Disclosures.of_registration


def _with_index(use_case: Any, index: ConsentIndex) -> Any:
    def decided(work: Work, caller: Caller, *args: Any, **kwargs: Any) -> Any:
        stale = copy.copy(work)
        stale.index = index
        return use_case(stale, caller, *args, **kwargs)

    return decided


class DecidesBeforeTheLock(Hub):
    """Decides by facts read before the command that appends, as a cache would."""

    giving: tuple[str, ...] = _GIVING

    async def execute(self, use_case: Any, caller: Caller, /, *args: Any, **kwargs: Any) -> Any:
        if use_case.__name__ in self.giving:
            index = await asyncio.wrap_future(
                self.ledger.submit(lambda _: copy.deepcopy(self.projector.index))
            )
            use_case = _with_index(use_case, index)
        return await super().execute(use_case, caller, *args, **kwargs)


class ListsBeforeTheLock(DecidesBeforeTheLock):
    """Lists a person's choices by facts read before."""

    giving = ("list_choices",)


class DecidesWhenWoken(Hub):
    """A fetch that waited decides by what held when it was woken."""

    woken: ConsentIndex | None = None

    async def changed(self, watched: asyncio.Event, seconds: float) -> bool:
        found = await super().changed(watched, seconds)
        self.woken = copy.deepcopy(self.projector.index) if found else None
        return found

    async def execute(self, use_case: Any, caller: Caller, /, *args: Any, **kwargs: Any) -> Any:
        if use_case.__name__ == "fetch" and self.woken is not None:
            use_case, self.woken = _with_index(use_case, self.woken), None
        return await super().execute(use_case, caller, *args, **kwargs)


class ResendsWithoutDeciding(Hub):
    """What was sent and not acknowledged goes out again as it was."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sent: dict[UUID, tuple[tuple[int, int], Any]] = {}

    async def execute(self, use_case: Any, caller: Caller, /, *args: Any, **kwargs: Any) -> Any:
        if use_case.__name__ != "fetch":
            return await super().execute(use_case, caller, *args, **kwargs)
        asked = (kwargs["epoch"], kwargs["acknowledge"])
        at, batch = self._sent.get(kwargs["feed_id"], ((0, 0), None))
        if at == asked and batch is not None:
            use_case = _resending(batch)
        batch = await super().execute(use_case, caller, *args, **kwargs)
        if batch is not None and batch.sendings:
            self._sent[kwargs["feed_id"]] = (asked, batch)
        return batch


def _resending(batch: Any) -> Any:
    def resend(work: Work, caller: Caller, **_: Any) -> Any:
        sent = read_access_entry(work.transaction.entry(batch.access))
        assert sent is not None
        people = tuple(
            replace(one, groups=tuple(replace(group, resent=True) for group in one.groups))
            for one in sent.people
        )
        again = replace(sent, people=people).draft(work.new_id())
        return replace(batch, access=work.append(again))

    return resend


def _all_but_the_newest(disclosures: Disclosures, registration_id: UUID) -> list[Disclosed]:
    return _EVERY(disclosures, registration_id)[:-1]


class ForgetsToReset(Hub):
    """Keeps in memory what a failed commit never stored."""

    def __init__(self, ledger: Any, **kwargs: Any) -> None:
        with patch.object(ledger, "on_reset"):
            super().__init__(ledger, **kwargs)


class AnswersEarly(SteppedSequencer):
    """Answers each command when it has run; then the commit turns out to fail."""

    def step(self, most: int, *, full: bool = False) -> None:
        if not full:
            super().step(most)
            return
        with patch.object(self._store, "commit"):
            super().step(most)
        self._undo(StorageFull())


@dataclass(frozen=True)
class Fault:
    """One fault: the parts it replaces, and the kinds of stop that show it.

    `seldom`: it shows in one schedule of a hundred or less.
    """

    parts: dict[str, Any] = field(default_factory=dict)
    within: Callable[[], AbstractContextManager[Any]] = nullcontext
    kinds: tuple[str, ...] = ()
    seldom: bool = False


FAULTS: dict[str, Fault] = {
    "decides before the lock": Fault({"hub": DecidesBeforeTheLock}),
    "lists choices as they were": Fault(
        {"hub": ListsBeforeTheLock}, kinds=("withdrawal", "refusal", "exclusion", "marker")
    ),
    "leaves the newest disclosure out of its list": Fault(
        within=lambda: patch.object(Disclosures, "of_registration", _all_but_the_newest)
    ),
    "decides when woken": Fault({"hub": DecidesWhenWoken}, seldom=True),
    "resends without deciding": Fault({"hub": ResendsWithoutDeciding}),
    "skips a boundary that passed": Fault(
        within=lambda: patch.object(ConsentIndex, "is_boundary_due", return_value=False),
        kinds=("grant lapses", "agreement lapses"),
    ),
    "answers before it is durable": Fault({"sequencer": AnswersEarly}),
    "keeps what a failed commit left in memory": Fault({"hub": ForgetsToReset}, seldom=True),
    "lets a replaced certificate go on": Fault(
        within=lambda: patch.multiple(Hub, _require_standing=lambda *_: None),
        kinds=("certificate replaced",),
    ),
}
