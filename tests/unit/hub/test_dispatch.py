"""What stands between the wire and the servicers, without a wire."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from consent_ledger.errors import Refused
from hub.rpc import dispatch
from hub.rpc.dispatch import Call, Dispatcher, MethodNotServed, admit
from hub.rpc.rules import RULES, Rule
from hub.use_cases.work import Caller
from oncetold.v1 import agreement_service_pb2, audit_service_pb2

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SERVICE = audit_service_pb2.DESCRIPTOR.services_by_name["AuditService"]
OPERATOR = Caller(agency_id=None, operator=True)
ACTING = Caller(agency_id="hostel", operator=True)
ADAPTER = Caller(agency_id="hostel", certificate_uri="spiffe://dev.oncetold/agency/hostel/adapter/1")


Behaviour = Callable[[bytes, Any], Coroutine[Any, Any, bytes]]


class Context:
    """Keeps what a call was refused with."""

    def __init__(self) -> None:
        self.code: grpc.StatusCode | None = None
        self.text = ""
        self.reason = ""

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code

    def set_details(self, text: str) -> None:
        self.text = text

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        info = error_details_pb2.ErrorInfo()
        status_pb2.Status.FromString(metadata[0][1]).details[0].Unpack(info)
        self.reason = info.reason.removeprefix("ERROR_REASON_")


class Known:
    """Lets everybody in as the operator, or nobody."""

    def __init__(self, caller: Caller | None = OPERATOR) -> None:
        self._caller = caller

    async def caller_of(self, context: object) -> Caller:
        if self._caller is None:
            raise Refused("UNKNOWN_CERTIFICATE")
        return self._caller


class Servicer:
    """An AuditService whose GetLedger does as it is told; the rest are never called."""

    def __init__(self, get_ledger: Callable[[], Awaitable[object]]) -> None:
        self._get_ledger = get_ledger

    async def GetLedger(self, request: audit_service_pb2.GetLedgerRequest, call: Call) -> object:
        assert call.method == "oncetold.v1.AuditService.GetLedger"
        return await self._get_ledger()

    async def ExplainDecision(self, request: object, call: Call) -> object:
        raise AssertionError("not called")

    ListDisclosures = ListRetractions = GetFeedStatus = ExplainDecision
    ListRegistrationOutliers = CountRegistrationOutliers = ExplainDecision


async def answer() -> object:
    return audit_service_pb2.GetLedgerResponse(size=7)


def served(
    get_ledger: Callable[[], Awaitable[object]] = answer, caller: Caller | None = OPERATOR
) -> Behaviour:
    dispatcher = Dispatcher(Known(caller), lambda: NOW)
    generic: Any = dispatcher.handler_for(SERVICE, Servicer(get_ledger))
    details = SimpleNamespace(method="/oncetold.v1.AuditService/GetLedger", invocation_metadata=())
    behaviour: Behaviour = generic.service(details).unary_unary
    return behaviour


def refusal(behaviour: Behaviour, body: bytes = b"") -> Context:
    context = Context()
    assert asyncio.run(behaviour(body, context)) == b""
    return context


def test_an_admitted_call_is_answered() -> None:
    found = asyncio.run(served()(b"", Context()))

    assert audit_service_pb2.GetLedgerResponse.FromString(found).size == 7


def test_who_calls_is_asked_before_what_is_said() -> None:
    refused = refusal(served(caller=None), b"\xff\xff\xff")

    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_CERTIFICATE")


def test_an_error_of_our_own_is_told_without_its_text() -> None:
    async def fail() -> object:
        raise KeyError("Zebedee")

    refused = refusal(served(fail))

    assert (refused.code, refused.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "Zebedee" not in refused.text


def test_no_call_lasts_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang() -> object:
        await asyncio.Event().wait()
        return None

    monkeypatch.setattr(dispatch, "CALL_SECONDS", 0.05)

    assert refusal(served(hang)).reason == "UNAVAILABLE"


def test_a_method_without_code_or_rule_stops_the_hub_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    dispatcher = Dispatcher(Known(), lambda: NOW)
    other = agreement_service_pb2.DESCRIPTOR.services_by_name["AgreementService"]
    with pytest.raises(MethodNotServed, match="DraftAgreement"):
        dispatcher.handler_for(other, Servicer(answer))

    monkeypatch.delitem(RULES, "oncetold.v1.AuditService.GetLedger")
    with pytest.raises(MethodNotServed, match="GetLedger"):
        dispatcher.handler_for(SERVICE, Servicer(answer))


@pytest.mark.parametrize(
    ("caller", "admitted"),
    [
        (OPERATOR, {Rule.OPERATOR, Rule.ANYBODY}),
        (ACTING, {Rule.OPERATOR, Rule.ANYBODY, Rule.AGENCY}),
        (ADAPTER, {Rule.AGENCY, Rule.CERTIFICATE, Rule.ASSERTED, Rule.ANYBODY}),
    ],
    ids=["operator", "operator acting for an agency", "adapter"],
)
def test_each_rule_admits_exactly_whom_it_says(caller: Caller, admitted: set[Rule]) -> None:
    found = set()
    for rule in Rule:
        try:
            admit(caller, rule)
        except Refused:
            continue
        found.add(rule)

    assert found == admitted
