"""No word of a person leaves by spans or counts, whatever is put into them (I11)."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

from hub.bootstrap import running_hub
from hub.rpc.agreement_servicer import AgreementServicer
from hub.telemetry import METHOD, REASON, SCOPE, STATUS, Bare, Telemetry, metering, tracing
from oncetold.v1 import agency_service_pb2, agreement_service_pb2, common_pb2
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from tests.integration.loopback import make_site, operator_channel
from tests.integration.story import request_id
from tests.privacy import person
from tests.privacy.scanner import hits

NAME = f"{person.GIVEN} {person.FAMILY}"
REGISTER = "oncetold.v1.AgencyService.RegisterAgency"
LIST = "oncetold.v1.AgreementService.ListAgreements"


def spoil(tracers: trace.TracerProvider, scope: str) -> None:
    """A span with the person everywhere a span has room, as a careless instrumentation makes it."""
    state = TraceState([("note", person.CODE)])
    elsewhere = SpanContext(1, 2, True, TraceFlags(1), state)
    parent = trace.set_span_in_context(trace.NonRecordingSpan(elsewhere))
    span = tracers.get_tracer(scope, person.RECORD_ID, attributes={"of": person.PHONE}).start_span(
        f"look up {NAME}",
        parent,
        attributes={
            "db.statement": person.NOTE,
            "rpc.request.metadata": person.REFERENCES["outreach"],
            METHOD: f"/oncetold.v1.AgencyService/{person.FAMILY}",
            REASON: person.ADDRESS,
            STATUS: person.NHS_NUMBER,
        },
        links=[Link(elsewhere, {"to": person.STAFF_REFERENCE})],
    )
    try:
        raise KeyError(person.STATEMENT)
    except KeyError as error:
        span.record_exception(error)
    span.add_event(person.WORKER, {"born": person.BIRTH_DATE})
    span.set_status(Status(StatusCode.ERROR, person.POSTCODE))
    span.end()


def written(spans: tuple[ReadableSpan, ...]) -> bytes:
    """All that an exporter could send of these spans."""
    states = [
        str(context.trace_state) for span in spans for context in (span.context, span.parent) if context
    ]
    scopes = [repr(span.instrumentation_scope) for span in spans]
    return "\n".join([*(span.to_json() for span in spans), *states, *scopes]).encode()


@pytest.mark.parametrize("scope", ["careless", SCOPE])
def test_a_span_full_of_words_leaves_bare(scope: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", f"host.name={person.FAMILY}")
    exporter = InMemorySpanExporter()
    tracers = tracing(exporter)
    spoil(tracers, scope)
    assert tracers.force_flush()
    tracers.shutdown()

    [span] = exporter.get_finished_spans()
    assert hits(written((span,)), person.WORDS) == set()
    assert (span.name, dict(span.attributes or {}), span.events, span.links) == ("other", {}, (), ())
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)


def test_control_without_the_allow_list_all_of_it_leaves() -> None:
    exporter = InMemorySpanExporter()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    spoil(tracers, "careless")

    seen = {hit.label for hit in hits(written(exporter.get_finished_spans()), person.WORDS)}
    assert seen == {
        "given name", "family name", "birth date", "NHS number", "address", "address, second word",
        "postcode", "note", "note, last word", "statement", "worker", "phone", "staff reference",
        "coded answer", "record id", "outreach's reference",
    }  # fmt: skip


async def _calls(folder: Path, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call that is answered, one refused, one whose handler raises, one broken off by its caller."""

    async def failing(self: AgreementServicer, request: Any, call: Any) -> Any:
        raise ValueError(NAME)

    async def slow(self: AgreementServicer, request: Any, call: Any) -> Any:
        await asyncio.sleep(20)

    site = make_site(folder)
    agency = agency_service_pb2.RegisterAgencyRequest(
        request_id=request_id(),
        agency_id="shelter",
        name=NAME,
        controller_id="shelter",
        service_type=common_pb2.SERVICE_TYPE_HOSTEL,
    )
    spoiled = agency_service_pb2.RegisterAgencyRequest(request_id=request_id(), agency_id=NAME)
    async with operator_channel(site) as channel:
        monkeypatch.setattr(AgreementServicer, "ListAgreements", failing)
        async with running_hub(site.config, adapters=False, telemetry=telemetry):
            stub = AgencyServiceStub(channel)
            await stub.RegisterAgency(agency)
            await _fails(lambda: stub.RegisterAgency(spoiled))
            lists = AgreementServiceStub(channel)
            await _fails(lambda: lists.ListAgreements(agreement_service_pb2.ListAgreementsRequest()))
    monkeypatch.setattr(AgreementServicer, "ListAgreements", slow)
    async with running_hub(site.config, adapters=False, telemetry=telemetry), operator_channel(site) as again:
        lists = AgreementServiceStub(again)
        asked = agreement_service_pb2.ListAgreementsRequest()
        await _fails(lambda: lists.ListAgreements(asked, timeout=0.3))
        await asyncio.sleep(0.2)


async def _fails(call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await call()


def test_a_call_tells_its_method_its_status_and_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = tracing(exporter), metering(reader)
    asyncio.run(_calls(tmp_path, Telemetry(tracers, meters), monkeypatch))
    tracers.shutdown()

    ended = [
        {METHOD: REGISTER, STATUS: 0},
        {METHOD: REGISTER, STATUS: 3, REASON: "INVALID_FIELD"},
        {METHOD: LIST, STATUS: 13, REASON: "INTERNAL"},
        {METHOD: LIST, STATUS: 1},
    ]
    spans = exporter.get_finished_spans()
    assert [dict(span.attributes or {}) for span in spans] == ended
    assert [span.name for span in spans] == [REGISTER, REGISTER, LIST, LIST]
    assert all(span.parent is None and not span.events for span in spans)
    assert hits(written(spans), person.WORDS) == set()

    counted = reader.get_metrics_data()
    assert counted is not None
    points = [
        (dict(point.attributes or {}), getattr(point, "value", None))
        for resource in counted.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "oncetold.calls"
        for point in metric.data.data_points
    ]
    assert sorted(points, key=str) == sorted([(one, 1) for one in ended], key=str)


def test_counts_drop_other_instruments_attributes_and_exemplars() -> None:
    reader = InMemoryMetricReader()
    meters = metering(reader)
    meters.get_meter("careless").create_counter(NAME.split()[1]).add(1, {"client": NAME})
    meters.get_meter(SCOPE).create_counter("oncetold.calls").add(1, {METHOD: REGISTER, "client": NAME})
    counted = reader.get_metrics_data()

    assert counted is not None
    told = counted.to_json()
    assert REGISTER in told
    assert hits(told.encode(), person.WORDS) == set()


def test_by_default_nothing_is_measured_even_if_the_process_has_a_provider(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporter = InMemorySpanExporter()
    everybodys = TracerProvider()
    everybodys.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: everybodys)
    with Telemetry().call(REGISTER) as call:
        call.ended(0)

    assert exporter.get_finished_spans() == ()


def test_the_exporter_behind_is_flushed_and_shut_down() -> None:
    class Behind(InMemorySpanExporter):
        stopped = False

        def shutdown(self) -> None:
            self.stopped = True

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return timeout_millis == 7

    behind = Behind()
    bare = Bare(behind)

    assert bare.force_flush(7)
    bare.shutdown()
    assert behind.stopped
