"""What every servicer does: run one use case for the caller, and write its answer as a message."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from google.protobuf.message import Message

from consent_ledger.statutory_duties import Duties
from hub.records import codec
from hub.rpc.dispatch import Call
from hub.rpc.rules import TWO_PEOPLE
from hub.use_cases.hub import Hub, Repeated, Request
from hub.use_cases.work import Caller, Work
from oncetold.v1 import common_pb2

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=Message)


class Servicer:
    """One service's methods, named as in the contract; each takes a checked request and its call."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    @property
    def duties(self) -> Duties:
        """The law as this hub's settings have it."""
        return self._hub.duties

    def position(self, index: int) -> common_pb2.LedgerPosition:
        """A place in this hub's ledger."""
        return codec.position(self._hub.ledger.ledger_id, index)

    async def once(
        self,
        call: Call,
        request: Any,
        write: Callable[[T], M],
        use_case: Callable[Concatenate[Work, Caller, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> M:
        """Runs a use case once for its `request_id`: a repeat gets the first answer.

        `write` makes the answer; it runs with the ledger's transaction, so that the answer is
        remembered exactly if what it tells of is durable.
        """
        written: list[M] = []

        def encode(result: T) -> bytes:
            answer = write(result)
            written[:] = [answer]
            return answer.SerializeToString(deterministic=True)

        body: bytes = request.SerializeToString(deterministic=True)
        two_people = call.caller.operator and call.method in TWO_PEOPLE
        attempt = Request(call.method, request.request_id, body, encode, two_people)
        run = call.run or self._hub.execute_once
        outcome = await run(attempt, use_case, call.caller, *args, **kwargs)
        if isinstance(outcome, Repeated):
            empty: M = call.response_class()  # type: ignore[assignment]
            empty.MergeFromString(outcome.answer)
            return empty
        return written[0]

    async def ask(
        self,
        call: Call,
        use_case: Callable[Concatenate[Work, Caller, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Runs a use case whose repeat is another look."""
        if call.run is not None:
            raise RuntimeError("what two people make is made once")
        return await self._hub.execute(use_case, call.caller, *args, **kwargs)
