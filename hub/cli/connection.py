"""The way to the hub: its local administration socket, or the hub opened here for the length of one command.

The process that holds a hub's lease serves `<data>/socket/admin.sock` in a folder that only its owner may
enter. With no such process this one takes the lease, serves the same socket, asks, and lets go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from hub.cli import words
from hub.cli.administrators import proposer
from hub.cli.errors import CliError, HubGone, HubNotReachable, Refused
from hub.config import MAX_SOCKET_PATH, read_config
from oncetold.v1.administration_service_pb2_grpc import AdministrationServiceStub
from oncetold.v1.agency_service_pb2_grpc import AgencyServiceStub
from oncetold.v1.agreement_service_pb2_grpc import AgreementServiceStub
from oncetold.v1.audit_service_pb2_grpc import AuditServiceStub
from oncetold.v1.certificate_service_pb2_grpc import CertificateServiceStub
from oncetold.v1.consent_service_pb2_grpc import ConsentServiceStub
from oncetold.v1.emergency_service_pb2_grpc import EmergencyServiceStub
from oncetold.v1.erasure_service_pb2_grpc import ErasureServiceStub
from oncetold.v1.log_service_pb2_grpc import LogServiceStub
from oncetold.v1.operator_service_pb2_grpc import OperatorServiceStub
from oncetold.v1.place_service_pb2_grpc import PlaceServiceStub
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from oncetold.v1.staff_service_pb2_grpc import StaffServiceStub
from oncetold.v1.task_service_pb2_grpc import TaskServiceStub

ACTING_AGENCY = "oncetold-agency"
"""Metadata key by which the operator names the agency it acts for."""

TIMEOUT_SECONDS = 30.0
ATTEMPTS = 20
PAUSE_SECONDS = 0.25

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class HubClient:
    """The contract's services as the operator calls them."""

    administration: AdministrationServiceStub
    agencies: AgencyServiceStub
    agreements: AgreementServiceStub
    certificates: CertificateServiceStub
    consent: ConsentServiceStub
    registrations: RegistrationServiceStub
    audit: AuditServiceStub
    operator: OperatorServiceStub
    tasks: TaskServiceStub
    emergencies: EmergencyServiceStub
    erasures: ErasureServiceStub
    log: LogServiceStub
    places: PlaceServiceStub
    staff: StaffServiceStub

    @classmethod
    def over(cls, channel: grpc.aio.Channel) -> HubClient:
        """The services over one channel."""
        return cls(
            administration=AdministrationServiceStub(channel),
            agencies=AgencyServiceStub(channel),
            agreements=AgreementServiceStub(channel),
            certificates=CertificateServiceStub(channel),
            consent=ConsentServiceStub(channel),
            registrations=RegistrationServiceStub(channel),
            audit=AuditServiceStub(channel),
            operator=OperatorServiceStub(channel),
            tasks=TaskServiceStub(channel),
            emergencies=EmergencyServiceStub(channel),
            erasures=ErasureServiceStub(channel),
            log=LogServiceStub(channel),
            places=PlaceServiceStub(channel),
            staff=StaffServiceStub(channel),
        )


Method = Callable[[HubClient], "grpc.UnaryUnaryMultiCallable[Request, Response]"]


async def is_served(socket: Path) -> bool:
    """Whether a hub answers on the socket. A file left by a killed hub does not count."""
    try:
        _, writer = await asyncio.open_unix_connection(socket)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return False
    except PermissionError:
        raise HubNotReachable(
            f"The hub's socket {socket} belongs to another user.",
            "Run this command as the user that runs the hub.",
            reason="NOT_PERMITTED",
        ) from None
    except OSError:
        raise HubNotReachable(
            f"The path {socket} is too long for a socket ({MAX_SOCKET_PATH} bytes at most).",
            "Name the data folder by a shorter path, or by a symbolic link.",
            reason="PATH_TOO_LONG",
        ) from None
    writer.close()
    await writer.wait_closed()
    return True


@asynccontextmanager
async def connect(data: Path) -> AsyncIterator[HubClient]:
    """Yields the hub of a data folder: the one that runs, or one opened here until the block ends.

    Raises HubNotReachable when the folder holds no hub, or another process holds it and does not answer.
    """
    config = read_config(data)
    socket = config.admin_socket
    if not config.has_ledger():
        raise no_hub(data)
    for _ in range(ATTEMPTS):
        if await is_served(socket):
            async with _channel(socket) as client:
                yield client
            return
        # Only needed when nobody serves: a running hub answers without its code being loaded here.
        from hub.cli.opening import opened_here

        async with opened_here(data) as opened:
            if opened:
                async with _channel(socket) as client:
                    yield client
                return
        # Another process has the lease: it is about to serve, or to let go.
        await asyncio.sleep(PAUSE_SECONDS)
    raise HubNotReachable(
        "Another process holds this hub and does not answer.",
        "Wait until it has started, or stop it: `fuser` on the ledger's file names it.",
        reason="UNAVAILABLE",
    )


def no_hub(data: Path) -> HubNotReachable:
    """The failure of a command whose data folder holds no hub."""
    return HubNotReachable(
        f"There is no hub in {data}.",
        "Name another folder with --data DIR before the command, or make a hub there: oncetold init --help",
        reason="NO_HUB",
    )


@asynccontextmanager
async def _channel(socket: Path) -> AsyncIterator[HubClient]:
    # A proxy named in the environment must never stand between the operator and the hub.
    options = [("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(f"unix:{socket}", options=options) as channel:
        yield HubClient.over(channel)


async def call(
    client: HubClient, method: Method[Request, Response], request: Request, *, agency: str | None = None
) -> Response:
    """Makes one call as the operator, for `agency` if one is named. Raises Refused with the hub's reason."""
    metadata = ((ACTING_AGENCY, agency),) if agency else ()
    asked: Awaitable[Response] = method(client)(  # type: ignore[assignment]  # the stubs are typed for sync channels
        request, metadata=metadata, timeout=TIMEOUT_SECONDS
    )
    try:
        return await asked
    except grpc.aio.AioRpcError as error:
        raise failure(error) from None


def run(work: Callable[[], Awaitable[Result]]) -> Result:
    """Runs one command's work to its end, or to Ctrl-C; in both cases what was opened is closed first."""

    async def main() -> Result:
        return await work()

    return asyncio.run(main())


def ask(
    data: Path, method: Method[Request, Response], request: Request, *, agency: str | None = None
) -> Response:
    """Connects, makes one call, and lets go. One command is one call, so nothing can be left half-done.

    Raises Proposed where two people are needed and whoever typed the command may propose it.
    """

    async def work() -> Response:
        for attempt in range(ATTEMPTS):
            try:
                async with connect(data) as client:
                    try:
                        return await call(client, method, request, agency=agency)
                    except Refused as refused:
                        who = proposer.get()
                        if refused.reason != "TWO_PEOPLE_NEEDED" or who is None:
                            raise
                        from hub.cli.proposing import propose

                        raise await propose(client, call, request, who) from None
            except HubGone:
                # It stopped between our looking and our asking. The request id makes asking again safe.
                if attempt == ATTEMPTS - 1:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError("the last attempt returns or raises")

    return run(work)


def failure(error: grpc.aio.AioRpcError) -> CliError:
    """The hub's refusal as the contract's reason in plain English."""
    info = _error_info(error)
    if info is not None:
        told = words.told(info.reason, info.metadata)
        return Refused(
            told.what,
            told.next_step,
            reason=info.reason.removeprefix(words.PREFIX),
            details=dict(info.metadata),
        )
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Refused(
            f"The hub did not answer within {TIMEOUT_SECONDS:.0f} seconds; it may still have done it.",
            "Look with the list commands before repeating it.",
            reason="UNAVAILABLE",
        )
    if code is grpc.StatusCode.UNAVAILABLE:
        return HubGone("The hub went away.", "Start it again: oncetold serve", reason="UNAVAILABLE")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return Refused(
            "The hub that runs does not know this call.",
            "Use the `oncetold` of the same version as the hub.",
            reason="UNIMPLEMENTED",
        )
    # A status without a reason carries text that was written for no reader: only its code is told.
    return Refused(f"The hub refused ({code.name}).", "Look in the hub's log.", reason=code.name)


def _error_info(error: grpc.aio.AioRpcError) -> error_details_pb2.ErrorInfo | None:
    for key, value in error.trailing_metadata() or ():
        if key != "grpc-status-details-bin" or not isinstance(value, bytes):
            continue
        status = status_pb2.Status.FromString(value)
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info) and info.domain == words.DOMAIN:
                return info
    return None
