"""The hub as an adapter sees it: its calls over mutual TLS, and refusals that say what to do next."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self, TypeVar

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from adapters.kit import transport
from adapters.kit.config import HubSettings
from adapters.kit.errors import AdapterError, HubRefused, HubUnreachable
from adapters.kit.key_files import finish_replacing
from adapters.kit.reasons import PREFIX, next_step
from oncetold.v1.certificate_service_pb2 import (
    GetStandingRequest,
    GetStandingResponse,
    ListCertificatesRequest,
    ListCertificatesResponse,
    ListKeyAccessRequest,
    ListKeyAccessResponse,
    RenewCertificateRequest,
    RenewCertificateResponse,
    RevokeCertificateRequest,
    RevokeCertificateResponse,
)
from oncetold.v1.certificate_service_pb2_grpc import CertificateServiceStub
from oncetold.v1.delivery_service_pb2 import (
    FetchDeliveriesRequest,
    FetchDeliveriesResponse,
    ReconcileHoldingsRequest,
    ReconcileHoldingsResponse,
)
from oncetold.v1.delivery_service_pb2_grpc import DeliveryServiceStub
from oncetold.v1.log_service_pb2 import (
    GetCheckpointRequest,
    GetCheckpointResponse,
    GetConsistencyProofRequest,
    GetConsistencyProofResponse,
    GetInclusionProofRequest,
    GetInclusionProofResponse,
)
from oncetold.v1.log_service_pb2_grpc import LogServiceStub
from oncetold.v1.record_service_pb2 import PublishRecordsRequest, PublishRecordsResponse
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from oncetold.v1.registration_service_pb2 import RegisterClientRequest, RegisterClientResponse
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from oncetold.v1.witness_service_pb2 import (
    AddCosignatureRequest,
    AddCosignatureResponse,
    AwaitCheckpointRequest,
    AwaitCheckpointResponse,
)
from oncetold.v1.witness_service_pb2_grpc import WitnessServiceStub

# The hub ends every call after 30 s; a little more, so that its own answer arrives.
CALL_SECONDS = 35.0
# A full batch of 64 elements of 1 MiB each would be more; the hub sends less, this is a bound on memory.
LARGEST_ANSWER = 80 * 1024 * 1024
DOMAIN = "oncetold.org"

Request = TypeVar("Request", contravariant=True)
Response = TypeVar("Response", covariant=True)


class _Method(Protocol[Request, Response]):
    def __call__(self, request: Request, timeout: float | None = None) -> Response: ...


class Hub:
    """One connection to a hub. Every call raises HubRefused for a refusal and HubUnreachable when there is no
    answer; `retryable` on either tells whether the same call may succeed later. Not retried here."""

    def __init__(
        self, channel: grpc.Channel, explain: Callable[[], HubUnreachable | None] = lambda: None
    ) -> None:
        """Takes a channel, closed by `close`, and what explains a connection that does not come about."""
        self._explain = explain
        self._use(channel)

    def _use(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._deliveries = DeliveryServiceStub(channel)
        self._records = RecordServiceStub(channel)
        self._registrations = RegistrationServiceStub(channel)
        self._log = LogServiceStub(channel)
        self._witnesses = WitnessServiceStub(channel)
        self._certificates = CertificateServiceStub(channel)

    @classmethod
    def connect(cls, settings: HubSettings) -> Self:
        """Opens mutual TLS with the files of the settings. Connects at the first call, not before.
        ConfigInvalid if the files cannot be used."""
        return cls(_channel(settings), lambda: transport.probe(settings))

    def reconnect(self, settings: HubSettings) -> None:
        """Goes on with the files as they are now, after a certificate was renewed. Not while a call is under
        way. ConfigInvalid if they cannot be used; then the connection stays as it was."""
        before, after = self._channel, _channel(settings)
        self._use(after)
        before.close()

    def fetch(self, request: FetchDeliveriesRequest) -> FetchDeliveriesResponse:
        """Acknowledges, hands in receipts and gets the next batch."""
        return self._call(
            self._deliveries.FetchDeliveries,
            request,
            CALL_SECONDS + request.wait.ToTimedelta().total_seconds(),
        )

    def reconcile(self, request: ReconcileHoldingsRequest) -> ReconcileHoldingsResponse:
        """Tells one page of what is held."""
        return self._call(self._deliveries.ReconcileHoldings, request, CALL_SECONDS)

    def publish(self, request: PublishRecordsRequest) -> PublishRecordsResponse:
        """Publishes one batch; all of it is durable when this answers."""
        return self._call(self._records.PublishRecords, request, CALL_SECONDS)

    def register(self, request: RegisterClientRequest) -> RegisterClientResponse:
        """Registers one client reference."""
        return self._call(self._registrations.RegisterClient, request, CALL_SECONDS)

    def checkpoint(self, request: GetCheckpointRequest) -> GetCheckpointResponse:
        """The ledger's newest checkpoint, as it says; `proofs` checks it."""
        return self._call(self._log.GetCheckpoint, request, CALL_SECONDS)

    def inclusion_proof(self, request: GetInclusionProofRequest) -> GetInclusionProofResponse:
        """The proof that an entry is in the ledger, and the entry."""
        return self._call(self._log.GetInclusionProof, request, CALL_SECONDS)

    def consistency_proof(self, request: GetConsistencyProofRequest) -> GetConsistencyProofResponse:
        """The proof that the ledger of one size is the beginning of it at another."""
        return self._call(self._log.GetConsistencyProof, request, CALL_SECONDS)

    def await_checkpoint(self, request: AwaitCheckpointRequest) -> AwaitCheckpointResponse:
        """Waits for a checkpoint to cosign."""
        seconds = CALL_SECONDS + request.wait.ToTimedelta().total_seconds()
        return self._call(self._witnesses.AwaitCheckpoint, request, seconds)

    def add_cosignature(self, request: AddCosignatureRequest) -> AddCosignatureResponse:
        """Hands over a cosignature."""
        return self._call(self._witnesses.AddCosignature, request, CALL_SECONDS)

    def renew(self, request: RenewCertificateRequest) -> RenewCertificateResponse:
        """Has a certificate signed for the next key."""
        return self._call(self._certificates.RenewCertificate, request, CALL_SECONDS)

    def standing(self) -> GetStandingResponse:
        """How this adapter stands with the hub: its clock, its version, our key."""
        return self._call(self._certificates.GetStanding, GetStandingRequest(), CALL_SECONDS)

    def certificates(self, request: ListCertificatesRequest) -> ListCertificatesResponse:
        """The agency's keys and open invitations."""
        return self._call(self._certificates.ListCertificates, request, CALL_SECONDS)

    def revoke(self, request: RevokeCertificateRequest) -> RevokeCertificateResponse:
        """Cuts off a key of the agency's for good."""
        return self._call(self._certificates.RevokeCertificate, request, CALL_SECONDS)

    def key_access(self, request: ListKeyAccessRequest) -> ListKeyAccessResponse:
        """One page of what a key of the agency's was given."""
        return self._call(self._certificates.ListKeyAccess, request, CALL_SECONDS)

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, method: _Method[Request, Response], request: Request, seconds: float) -> Response:
        try:
            return method(request, timeout=seconds)
        except grpc.RpcError as error:
            # The status text may come from anywhere on the way: only codes go on.
            raise self._explained(error) from None

    def _explained(self, error: grpc.RpcError) -> AdapterError:
        code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
        info = error_info(error)
        if info is not None:
            return refused(error, info)
        if code in (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.CANCELLED,
        ):
            return self._explain() or HubUnreachable(
                "NO_ANSWER",
                "The hub did not answer.",
                "Wait; the adapter tries again by itself.",
                retryable=True,
            )
        return HubRefused(code.name, {}, next_step(code.name), retryable=False)


def refused(error: grpc.RpcError, info: ErrorInfo) -> HubRefused:
    """The hub's refusal with its reason, of an error that carries one."""
    code = error.code() if isinstance(error, grpc.Call) else grpc.StatusCode.UNKNOWN
    reason = info.reason.removeprefix(PREFIX)
    return HubRefused(
        reason,
        dict(info.metadata),
        next_step(reason),
        retryable=_may_pass(code, reason),
        pause=_pause(error),
    )


def _may_pass(code: grpc.StatusCode, reason: str) -> bool:
    if reason == "TOO_MANY_CALLS":
        return True
    # A stale revision stays stale however often it is sent.
    return code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED) and reason != "STALE_REVISION"


def error_info(error: grpc.RpcError) -> ErrorInfo | None:
    """The hub's google.rpc.ErrorInfo, or None when something else on the way answered."""
    status = _status(error)
    for detail in status.details if status is not None else ():
        info = ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            return info
    return None


def _pause(error: grpc.RpcError) -> float:
    """The seconds of google.rpc.RetryInfo; 0 without one."""
    status = _status(error)
    for detail in status.details if status is not None else ():
        told = RetryInfo()
        if detail.Unpack(told):
            seconds: float = told.retry_delay.ToTimedelta().total_seconds()
            return max(0.0, seconds)
    return 0.0


def _status(error: grpc.RpcError) -> Status | None:
    if not isinstance(error, grpc.Call):
        return None
    try:
        return rpc_status.from_call(error)
    except ValueError:  # the status in the trailer contradicts the call's: not the hub's own words
        return None


def _channel(settings: HubSettings) -> grpc.Channel:
    finish_replacing(settings.key_file, settings.certificate_file)
    transport.read_certificate(settings, datetime.now(UTC))
    credentials = grpc.ssl_channel_credentials(
        root_certificates=settings.ca_file.read_bytes(),
        private_key=settings.key_file.read_bytes(),
        certificate_chain=settings.certificate_file.read_bytes(),
    )
    options: list[tuple[str, str | int]] = [
        ("grpc.max_receive_message_length", LARGEST_ANSWER),
        # Otherwise a hub that is back would be found only after up to two minutes.
        ("grpc.max_reconnect_backoff_ms", 10_000),
    ]
    if settings.server_name is not None:
        options.append(("grpc.ssl_target_name_override", settings.server_name))
    return grpc.secure_channel(settings.address, credentials, options)
