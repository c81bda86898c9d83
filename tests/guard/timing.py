"""How long the hub's own code takes over two kinds of question, asked in turn, and whether that differs.

Times are taken in this process around the front door's whole handling of a call: a network would only hide
what differs.
"""

import gc
import math
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from google.protobuf.message import Message

from hub.bootstrap import RunningHub, _assertions, _registry, _servicers
from hub.rpc.authentication import ByCertificate
from hub.rpc.dispatch import Dispatcher
from tests.guard.area import Member
from tests.guard.contract import path

KEPT = 0.9
"""Of all times; the rest is when the machine was busy with something else."""
Asking = Callable[[], Message]


class _Context:
    """As much of a call's context as the front door looks at."""

    def __init__(self, pem: bytes, word: Sequence[tuple[str, str | bytes]]) -> None:
        self._pem, self._word = pem, word

    def auth_context(self) -> dict[str, Sequence[bytes]]:
        return {"x509_pem_cert": [self._pem]}

    def invocation_metadata(self) -> Sequence[tuple[str, str | bytes]]:
        return self._word

    def set_code(self, *_: Any) -> None:
        """What a refusal says is not looked at here."""

    set_details = set_trailing_metadata = set_code


class FrontDoor:
    """A running hub's front door for one agency, without a wire."""

    def __init__(self, running: RunningHub, member: Member) -> None:
        hub = running.hub
        known = ByCertificate(_registry(hub), lambda: datetime.now(UTC))
        now = hub.ledger.clock.now
        dispatcher = Dispatcher(known, now, assertions=_assertions(hub, hub.ledger.clock))
        self._handlers = [
            dispatcher.handler_for(service, servicer) for service, servicer in _servicers(hub).items()
        ]
        self._member = member
        self._pem = member.credentials.certificate.read_bytes()

    async def seconds(self, method: str, request: Message) -> float:
        """How long it takes to refuse or answer it."""
        details: Any = SimpleNamespace(method=path(method), invocation_metadata=())
        handler: Any = next(found for one in self._handlers if (found := one.service(details)) is not None)
        body = request.SerializeToString()
        context = _Context(self._pem, self._member.word(method, request))
        began = time.perf_counter()
        await handler.unary_unary(body, context)
        return time.perf_counter() - began


async def asked_in_turn(
    door: FrontDoor, method: str, first: Asking, second: Asking, pairs: int, seed: int
) -> tuple[list[float], list[float]]:
    """Both kinds' times, the order within each pair drawn."""
    times: tuple[list[float], list[float]] = ([], [])
    dice = random.Random(seed)
    gc.collect()
    gc.disable()
    try:
        for _ in range(pairs):
            turn = [0, 1]
            dice.shuffle(turn)
            for which in turn:
                times[which].append(await door.seconds(method, (first, second)[which]()))
    finally:
        gc.enable()
    return times


def welch(one: Sequence[float], other: Sequence[float]) -> float:
    """Welch's t of two samples, without the slowest tenth of both together."""
    longest = sorted((*one, *other))[math.ceil(KEPT * (len(one) + len(other))) - 1]
    kept = [[time for time in times if time <= longest] for times in (one, other)]
    means = [math.fsum(times) / len(times) for times in kept]
    spread = [
        math.fsum((time - mean) ** 2 for time in times) / (len(times) - 1) / len(times)
        for times, mean in zip(kept, means, strict=True)
    ]
    return (means[0] - means[1]) / math.sqrt(sum(spread))
