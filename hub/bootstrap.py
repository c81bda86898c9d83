"""The only place where the hub's parts are put together: ledger, hub, servicers, doors."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from google.protobuf.descriptor import ServiceDescriptor

from consent_ledger.clock import Clock, SystemClock
from consent_ledger.ledger import Ledger, create_ledger
from consent_ledger.log.fsck import LogReport
from consent_ledger.log.gate import Gate
from consent_ledger.log.scrub import keep_scrubbing
from consent_ledger.statutory_duties import starting
from consent_ledger.store.sqlite import Lease
from hub.config import Config
from hub.enrolment.issuing import issuer_of
from hub.production import require_production
from hub.root_keys import created_root_keys, fences_file, open_hubs_ledger
from hub.rpc.administration_servicer import AdministrationServicer
from hub.rpc.agency_servicer import AgencyServicer
from hub.rpc.agreement_servicer import AgreementServicer
from hub.rpc.assertions import Assertions, audience_of
from hub.rpc.audit_servicer import AuditServicer
from hub.rpc.authentication import AgencyOf, ByCertificate, ByLocalSocket
from hub.rpc.certificate_servicer import CertificateServicer
from hub.rpc.consent_servicer import ConsentServicer
from hub.rpc.delivery_servicer import DeliveryServicer
from hub.rpc.dispatch import Dispatcher
from hub.rpc.emergency_servicer import EmergencyServicer
from hub.rpc.enrolment_servicer import EnrolmentServicer
from hub.rpc.erasure_servicer import ErasureServicer
from hub.rpc.handing_over import HandingOver
from hub.rpc.limits import Limits
from hub.rpc.log_servicer import LogServicer
from hub.rpc.newcomers import newcomers_door
from hub.rpc.operator_servicer import OperatorServicer
from hub.rpc.place_servicer import PlaceServicer
from hub.rpc.record_servicer import RecordServicer
from hub.rpc.registration_servicer import RegistrationServicer
from hub.rpc.server import Door, to_its_end
from hub.rpc.sharing_servicer import SharingServicer
from hub.rpc.staff_servicer import StaffServicer
from hub.rpc.task_servicer import TaskServicer
from hub.rpc.witness_servicer import WitnessServicer
from hub.telemetry import Exporters, Telemetry
from hub.use_cases.agencies import agency_speaking
from hub.use_cases.asserting import assertion_key
from hub.use_cases.hub import Hub
from hub.use_cases.keys import keep_rotating
from hub.use_cases.place_pass import looking
from hub.use_cases.standing import StandingReader, keep_reading
from hub.use_cases.upkeep import keep_erasing
from oncetold.v1 import (
    administration_service_pb2,
    agency_service_pb2,
    agreement_service_pb2,
    audit_service_pb2,
    certificate_service_pb2,
    consent_service_pb2,
    delivery_service_pb2,
    emergency_service_pb2,
    enrolment_service_pb2,
    erasure_service_pb2,
    log_service_pb2,
    operator_service_pb2,
    place_service_pb2,
    record_service_pb2,
    registration_service_pb2,
    sharing_service_pb2,
    staff_service_pb2,
    task_service_pb2,
    witness_service_pb2,
)

log = logging.getLogger(__name__)

_SERVICERS = {
    administration_service_pb2: AdministrationServicer,
    agency_service_pb2: AgencyServicer,
    agreement_service_pb2: AgreementServicer,
    audit_service_pb2: AuditServicer,
    certificate_service_pb2: CertificateServicer,
    consent_service_pb2: ConsentServicer,
    delivery_service_pb2: DeliveryServicer,
    enrolment_service_pb2: EnrolmentServicer,
    emergency_service_pb2: EmergencyServicer,
    erasure_service_pb2: ErasureServicer,
    log_service_pb2: LogServicer,
    operator_service_pb2: OperatorServicer,
    place_service_pb2: PlaceServicer,
    record_service_pb2: RecordServicer,
    registration_service_pb2: RegistrationServicer,
    sharing_service_pb2: SharingServicer,
    staff_service_pb2: StaffServicer,
    task_service_pb2: TaskServicer,
    witness_service_pb2: WitnessServicer,
}


_COLLECTED_AFTER = (5_000, 200, 100)
"""New objects, then rounds, before each of the collector's generations is gone through. The first is small:
going through 20,000 that are all garbage held every call up for 20 to 50 ms."""
_TURN_SECONDS = 0.001
"""How long a thread keeps the interpreter while another waits for it. The ledger's writer gives it up at
every read, write and hash, and under load waited Python's usual 5 ms each time to go on."""


@dataclass(frozen=True, slots=True)
class RunningHub:
    """A hub that serves."""

    hub: Hub
    port: int | None
    """Where adapters connect; None when only the operator's socket is served."""
    enrolment_port: int | None = None
    """Where adapters without a certificate connect, if they may."""
    metrics_port: int | None = None
    """Where Prometheus' page is served, if it is."""


def machine_time() -> datetime:
    """What certificates are judged by, as in TLS itself."""
    return datetime.now(UTC)


def settle_to_serve() -> None:
    """Lets the garbage collector pass over everything read and loaded so far, and threads take short turns.

    Only for a process that does nothing but serve: what it holds by then lives as long as it does, and
    going through it again and again was a third of a history's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
    sys.setswitchinterval(_TURN_SECONDS)


def create_hub(config: Config, *, entropy: Callable[[int], bytes] = os.urandom) -> None:
    """Makes a data folder's ledger and root key. Raises LedgerExists, KeyFileRefused."""
    config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = created_root_keys(config, entropy)
    fences = fences_file(config)
    create_ledger(config.ledger, keys, clock=SystemClock(), entropy=entropy, fences=fences).close()


@asynccontextmanager
async def running_hub(
    config: Config,
    *,
    clock: Clock | None = None,
    adapters: bool = True,
    today: Callable[[], datetime] = machine_time,
    progress: Callable[[int, int], None] | None = None,
    telemetry: Telemetry | None = None,
    new_id: Callable[[], UUID] = uuid4,
) -> AsyncIterator[RunningHub]:
    """Opens the ledger, takes its lease and serves until the block ends.

    Without `adapters` only the operator's socket is served, and nothing is exported. `clock` is the
    ledger's; `today` judges certificates; `telemetry` measures instead of the exporters in the settings.
    Raises LedgerMissing, LedgerInUse, KeyFileRefused, KeysUnavailable, ConfigError, TelemetryUnavailable.
    Broken off at any moment, even while it opens, it lets go of the ledger.
    """
    clock = clock or SystemClock()
    lease = Lease(config.data / "hub") if config.is_shared else None
    try:
        ledger = await _opened(config, clock)
    except BaseException:
        if lease is not None:
            lease.release()
        raise
    measuring = AsyncExitStack()
    try:
        hub = Hub(ledger, new_id=new_id, progress=progress, duties=starting(config.law))
        hub.key_copies_kept = config.keys.copies_kept
        hub.issuer = issuer_of(config)
        if progress is not None:
            hub.log.checkpointer.progress = progress
        # Before anything is read or shown: a database that came back older must serve nobody.
        gate = Gate(ledger, hub.log.checkpointer, config.checkpoint_file, shared=config.is_shared)
        await gate.require()
        await hub.start()
        if adapters:
            require_production(config, hub.projector.index.administration)
        exporters = None
        if telemetry is None and adapters:
            exporters = await measuring.enter_async_context(_exporting(config))
            telemetry = exporters.telemetry if exporters is not None else None
        if telemetry is not None:
            await measuring.enter_async_context(_measured(hub, config, telemetry))
        await measuring.enter_async_context(_signing(hub))
        await measuring.enter_async_context(_witnessed(hub, config))
        if adapters:
            await measuring.enter_async_context(_scrubbing(hub, config))
            rotating = keep_rotating(hub.ledger, gone=hub.to_erase.set)
            for work, told in (
                (keep_erasing(hub), {"event": "ERASING_STOPPED"}),
                (rotating, {"event": "KEY_EPOCHS_STOPPED"}),
                *([(hub.keep_following(), {"event": "FOLLOWING_STOPPED"})] if config.is_shared else []),
            ):
                await measuring.enter_async_context(_beside(work, told))
            await measuring.enter_async_context(looking(hub))
        servicers = _servicers(hub)
        local = Door(Dispatcher(ByLocalSocket(), clock.now, telemetry), servicers)
        doors = [local]
        port = newcomers_port = None
        try:
            # The socket can belong to no other hub that runs: this one holds the ledger's or folder's lease.
            local.bind_local(config.admin_socket)
            if adapters:
                known = ByCertificate(_registry(hub), today)
                door = Door(
                    Dispatcher(known, clock.now, telemetry, Limits(config.limits), _assertions(hub, clock)),
                    servicers,
                )
                doors.append(door)
                port = door.bind_tls(config)
                if config.enrolment.listen:
                    newcomers = newcomers_door(hub, clock.now, telemetry)
                    doors.append(newcomers)
                    newcomers_port = newcomers.bind_newcomers(config)
            for door in doors:
                await door.start()
            page = None if exporters is None else exporters.page
            yield RunningHub(hub, port, newcomers_port, None if page is None else page.port)
        finally:
            await to_its_end(_stop(hub, doors))
    finally:
        await to_its_end(measuring.aclose())
        await to_its_end(asyncio.to_thread(ledger.close))
        if lease is not None:
            lease.release()


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None], told: dict[str, str]) -> AsyncIterator[None]:
    """Does something again and again while the hub serves. A defect ends that alone, and `told` is logged."""

    def ended(going: asyncio.Future[None]) -> None:
        error = None if going.cancelled() else going.exception()
        if error is not None:
            fields = {"error_type": type(error).__name__}
            log.error("something is done no more", extra={**told, "fields": fields})

    going = asyncio.ensure_future(work)
    going.add_done_callback(ended)
    try:
        yield
    finally:
        going.cancel()
        await asyncio.wait([going])


@asynccontextmanager
async def _exporting(config: Config) -> AsyncIterator[Exporters | None]:
    """Exports to what the settings name, if anything. Raises TelemetryUnavailable."""
    asked = config.telemetry
    if not asked.prometheus and not asked.otlp:
        yield None
        return
    exporters = Exporters.start(prometheus=asked.prometheus, otlp=asked.otlp)
    try:
        yield exporters
    finally:
        await asyncio.to_thread(exporters.stop)


@asynccontextmanager
async def _measured(hub: Hub, config: Config, telemetry: Telemetry) -> AsyncIterator[None]:
    """Has the hub's parts tell their figures, and reads now and then where it stands."""
    figures = telemetry.figures
    hub.ledger.on_commit(figures.committed)
    hub.observer = figures
    overdue_after = timedelta(hours=config.telemetry.retraction_overdue_hours)
    reading = asyncio.ensure_future(
        keep_reading(StandingReader(hub, overdue_after=overdue_after), figures.stands)
    )
    reading.add_done_callback(_reading_ended)
    try:
        yield
    finally:
        reading.cancel()
        await asyncio.wait([reading])


@asynccontextmanager
async def _signing(hub: Hub) -> AsyncIterator[None]:
    """Has the log's checkpoints signed until the block ends."""
    signing = asyncio.ensure_future(hub.log.checkpointer.run())
    try:
        yield
    finally:
        signing.cancel()
        await asyncio.wait([signing])


@asynccontextmanager
async def _scrubbing(hub: Hub, config: Config) -> AsyncIterator[None]:
    """Has the log looked through beside the hub's work. Once an entry is damaged, nothing more is signed."""

    def found(report: LogReport) -> None:
        if report.only_derived:
            hub.log.checkpointer.make_anew()
        elif report.faults:
            hub.log.checkpointer.barred = True

    scrubbing = asyncio.ensure_future(keep_scrubbing(config.ledger, found))
    try:
        yield
    finally:
        scrubbing.cancel()
        await asyncio.wait([scrubbing])


@asynccontextmanager
async def _witnessed(hub: Hub, config: Config) -> AsyncIterator[None]:
    """Shows cosignatures, also those that other replicas gather, and hands checkpoints to HTTP witnesses."""
    hub.log.witnesses_needed = config.log.witnesses_needed
    await hub.witnesses.load()
    urls = config.log.witness_urls.split()
    tasks = [asyncio.ensure_future(HandingOver(hub.witnesses, url).run()) for url in urls]
    if config.is_shared:
        tasks.append(asyncio.ensure_future(hub.witnesses.keep_loading()))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _reading_ended(reading: asyncio.Future[None]) -> None:
    """A defect of ours: the hub serves on, and the age of its gauges tells that nobody reads them."""
    error = None if reading.cancelled() else reading.exception()
    if error is not None:
        fields = {"error_type": type(error).__name__}
        log.error("readings stopped", extra={"event": "READING_STOPPED", "fields": fields})


async def _opened(config: Config, clock: Clock) -> Ledger:
    """Opens the ledger on a thread of its own: verifying its head takes a moment."""
    opening = asyncio.ensure_future(asyncio.to_thread(open_hubs_ledger, config, clock))
    try:
        return await to_its_end(opening)
    except asyncio.CancelledError:
        if opening.exception() is None:
            await to_its_end(asyncio.to_thread(opening.result().close))
        raise


async def _stop(hub: Hub, doors: list[Door]) -> None:
    stopping = asyncio.gather(*(door.stop() for door in doors))
    while not stopping.done():
        # Again and again: a fetch that came in just before the doors closed waits too.
        await hub.stop()
        await asyncio.wait([stopping], timeout=0.1)
    await stopping


def _servicers(hub: Hub) -> dict[ServiceDescriptor, object]:
    servicers: dict[ServiceDescriptor, object] = {
        service: servicer(hub)
        for module, servicer in _SERVICERS.items()
        for service in module.DESCRIPTOR.services_by_name.values()
    }
    for one in servicers.values():
        if isinstance(one, AdministrationServicer):
            one.may_make(servicers)
    return servicers


def _assertions(hub: Hub, clock: Clock) -> Assertions:
    async def key_of(agency_id: str, key_id: str) -> bytes | None:
        return await assertion_key(hub, agency_id, key_id)

    return Assertions(key_of, audience_of(hub.ledger.ledger_id), clock.now)


def _registry(hub: Hub) -> AgencyOf:
    async def agency_of(uri: str, public_key_sha256: bytes) -> str | None:
        return await agency_speaking(hub, uri, public_key_sha256)

    return agency_of
