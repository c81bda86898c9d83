"""The one way in for every call: size, caller, rule, validation, then the servicer's method.

Servicers are served through the contract's descriptors, so a method cannot be reached around these
checks, and one that has no rule or no code stops the hub from starting.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from consent_ledger.errors import Refused
from hub.records import validation
from hub.rpc.assertions import Asserted, Assertions, require_for, speaking
from hub.rpc.authentication import ACTING_AGENCY, Authenticator
from hub.rpc.limits import Limits
from hub.rpc.rules import RULES, Rule
from hub.rpc.status import Answer, answer_to
from hub.telemetry import Telemetry
from hub.use_cases.work import Caller

MAX_MESSAGE_BYTES = 1024 * 1024
CALL_SECONDS = 30.0
"""No call lasts longer, whatever deadline its caller set; the longest wait is 25 s."""

Handler = Callable[[Any, "Call"], Awaitable[Message | bytes]]
Run = Callable[..., Awaitable[Any]]
"""As `Hub.execute_once`."""
Context = Any
"""grpc.aio's ServicerContext; its type stub lacks what is used here."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a servicer's method knows of a call besides its request."""

    caller: Caller
    method: str
    """Full name in the contract."""
    response_class: type[Message]
    run: Run | None = None
    """Runs the one use case instead of the hub: a proposal, or an approval of one."""


class MethodNotServed(Exception):
    """The contract has a method without a rule or without code: a fault of the hub's own."""


class Dispatcher:
    """Serves services through one kind of caller's door."""

    def __init__(
        self,
        authenticator: Authenticator,
        now: Callable[[], datetime],
        telemetry: Telemetry | None = None,
        limits: Limits | None = None,
        assertions: Assertions | None = None,
    ) -> None:
        """Without `limits` callers may ask as much as they like: the operator's door. Without `assertions`
        nobody's word for their staff is believed."""
        self._authenticator = authenticator
        self._now = now
        self._telemetry = telemetry or Telemetry()
        self._limits = limits
        self._assertions = assertions

    def handler_for(self, service: ServiceDescriptor, servicer: object) -> grpc.GenericRpcHandler:
        """A service's handlers. Raises MethodNotServed."""
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            method.name: grpc.unary_unary_rpc_method_handler(
                self._behaviour(method, code_of(servicer, method))
            )
            for method in service.methods
        }
        return grpc.method_handlers_generic_handler(service.full_name, handlers)

    def _behaviour(
        self, method: MethodDescriptor, handler: Handler
    ) -> Callable[[bytes, Context], Awaitable[bytes]]:
        request_class = GetMessageClass(method.input_type)
        response_class = GetMessageClass(method.output_type)
        rule = RULES.get(method.full_name)
        if rule is None:
            raise MethodNotServed(method.full_name)

        async def answered(body: bytes, context: Context) -> bytes | Answer:
            try:
                async with asyncio.timeout(CALL_SECONDS):
                    caller = await self._authenticator.caller_of(context)
                    async with self._place(caller, method, body):
                        admit(caller, rule)
                        asserted = await self._asserted(caller, rule, context)
                        request = _parsed(request_class, body)
                        validation.check(request, self._now())
                        if asserted is not None:
                            require_for(asserted, request, body)
                            caller = speaking(caller, asserted)
                        response = await handler(request, Call(caller, method.full_name, response_class))
                if isinstance(response, bytes):  # framed around sealed content, never parsed
                    return response
                return response.SerializeToString(deterministic=True)
            except TimeoutError:
                return answer_to(Refused("UNAVAILABLE"))
            except Exception as error:  # noqa: BLE001  # nothing of it reaches the caller but its answer
                return answer_to(error)

        async def behaviour(body: bytes, context: Context) -> bytes:
            with self._telemetry.call(method.full_name) as measured:
                answer = await answered(body, context)
                if isinstance(answer, bytes):
                    measured.ended(0)
                    return answer
                number: int = answer.code.value[0]
                measured.ended(number, answer.reason)
            return _refused(context, answer)

        return behaviour

    async def _asserted(self, caller: Caller, rule: Rule, context: Context) -> Asserted | None:
        """Whom the caller's agency vouches for, where the rule asks for that."""
        if rule is not Rule.ASSERTED:
            return None
        if self._assertions is None:
            raise Refused("NO_ASSERTION")
        return await self._assertions.asserted(caller, context.invocation_metadata() or ())

    def _place(
        self, caller: Caller, method: MethodDescriptor, body: bytes
    ) -> AbstractAsyncContextManager[None]:
        if self._limits is None:
            return nullcontext()
        waits = "wait" in method.input_type.fields_by_name
        return self._limits.place(caller, method.full_name, len(body), waits=waits)


def admit(caller: Caller, rule: Rule) -> None:
    """Raises Refused when the rule does not let this caller in."""
    if caller.is_newcomer is not (rule is Rule.NEWCOMER):
        raise Refused("UNKNOWN_CERTIFICATE")
    if rule is Rule.OPERATOR and not caller.operator:
        raise Refused("OPERATOR_ONLY")
    if rule in (Rule.CERTIFICATE, Rule.ASSERTED) and caller.operator:
        raise Refused("UNKNOWN_CERTIFICATE")
    if rule is Rule.AGENCY and caller.agency_id is None:
        raise Refused("INVALID_FIELD", field=ACTING_AGENCY, rule="required")


def code_of(servicer: object, method: MethodDescriptor) -> Handler:
    """A method's code. Raises MethodNotServed."""
    handler: Handler | None = getattr(servicer, method.name, None)
    if handler is None:
        raise MethodNotServed(method.full_name)
    return handler


def message_class(descriptor: Descriptor) -> type[Message]:
    """The generated class of a message."""
    return GetMessageClass(descriptor)


def parsed(request_class: type[Message], body: bytes, now: datetime) -> Message:
    """A request that keeps the contract's rules at this time. Raises Refused."""
    request = _parsed(request_class, body)
    validation.check(request, now)
    return request


def _parsed(request_class: type[Message], body: bytes) -> Message:
    if len(body) > MAX_MESSAGE_BYTES:
        raise Refused("MESSAGE_TOO_LARGE")
    try:
        return request_class.FromString(body)
    except DecodeError:  # its text may quote what was sent
        raise Refused("INVALID_FIELD", field="request", rule="protobuf") from None


def _refused(context: Context, answer: Answer) -> bytes:
    """Gives the call its status; what is returned is not sent.

    `context.abort` would do the same by an exception that holds the call while the call holds it: each
    refusal left 28 objects, its frames among them, to the garbage collector, and under a flood everybody
    who was let in waited 20 to 80 ms while it cleared them away.
    """
    context.set_code(answer.code)
    context.set_details(answer.text)
    context.set_trailing_metadata(answer.trailing_metadata)
    return b""
