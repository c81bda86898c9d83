"""Callers at the hub's real front door, with no network between: bytes in, bytes out, as they would leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from hub import pki
from hub.bootstrap import _assertions, _registry
from hub.rpc.agency_servicer import AgencyServicer
from hub.rpc.agreement_servicer import AgreementServicer
from hub.rpc.audit_servicer import AuditServicer
from hub.rpc.authentication import ACTING_AGENCY, Authenticator, ByCertificate, ByLocalSocket
from hub.rpc.consent_servicer import ConsentServicer
from hub.rpc.delivery_servicer import DeliveryServicer
from hub.rpc.dispatch import Dispatcher
from hub.rpc.record_servicer import RecordServicer
from hub.rpc.registration_servicer import RegistrationServicer
from hub.rpc.staff_servicer import StaffServicer
from hub.use_cases.hub import Hub
from oncetold.v1 import (
    agency_service_pb2,
    agreement_service_pb2,
    audit_service_pb2,
    consent_service_pb2,
    delivery_service_pb2,
    record_service_pb2,
    registration_service_pb2,
    staff_service_pb2,
)
from tests.races.stepped import seeded_ids
from tests.staff import NAVIGATOR, needs_word, signer_of

_SERVICERS: tuple[tuple[Any, Any], ...] = (
    (agency_service_pb2, AgencyServicer),
    (agreement_service_pb2, AgreementServicer),
    (audit_service_pb2, AuditServicer),
    (consent_service_pb2, ConsentServicer),
    (delivery_service_pb2, DeliveryServicer),
    (record_service_pb2, RecordServicer),
    (registration_service_pb2, RegistrationServicer),
    (staff_service_pb2, StaffServicer),
)


class Turned(Exception):
    """The call was refused; `reason` is the contract's, without its prefix."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Certificate:
    """What one adapter shows: PEM, and what the registry knows of it."""

    pem: bytes
    uri: str
    public_key_sha256: bytes


class Certificates:
    """One authority's certificates, made once for many hubs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = pki.create_authority(folder, datetime.now(UTC))

    def issue(self, agency_id: str, stem: str) -> Certificate:
        """A new key for the agency's adapter; two with different stems have the same URI."""
        uri = pki.adapter_uri(agency_id)
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)]
        usage = ExtendedKeyUsageOID.CLIENT_AUTH
        made = pki.issue(self._authority, self._folder, stem, names, usage, datetime.now(UTC))
        return Certificate(made.certificate.read_bytes(), uri, made.public_key_sha256)


class _Context:
    """As much of a gRPC call's context as the front door looks at."""

    def __init__(
        self, certificate: Certificate | None, acting: str | None, word: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self._certificate, self._acting, self._word = certificate, acting, word
        self.reason = ""
        """Of the refusal; empty when the call was answered."""

    def auth_context(self) -> dict[str, Sequence[bytes]]:
        return {} if self._certificate is None else {"x509_pem_cert": [self._certificate.pem]}

    def invocation_metadata(self) -> Sequence[tuple[str, str | bytes]]:
        return self._word if self._acting is None else ((ACTING_AGENCY, self._acting),)

    def set_code(self, code: grpc.StatusCode) -> None:
        """The reason says more."""

    def set_details(self, text: str) -> None:
        """For people."""

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        info = error_details_pb2.ErrorInfo()
        for key, value in metadata:
            if key == "grpc-status-details-bin":
                status_pb2.Status.FromString(value).details[0].Unpack(info)
        self.reason = info.reason.removeprefix("ERROR_REASON_")


class Door:
    """The hub's two doors: by certificate, and for the operator, who names whom it acts for."""

    def __init__(self, hub: Hub, seed: str = "") -> None:
        """`seed` tells the ids of one door's assertions from another's."""
        self._hub = hub
        self._ids = seeded_ids(f"assertions {seed}")
        self._by_certificate = _handlers(hub, ByCertificate(_registry(hub), lambda: datetime.now(UTC)))
        self._by_socket = _handlers(hub, ByLocalSocket())

    async def call(
        self,
        method: str,
        request: Message,
        *,
        certificate: Certificate | None = None,
        acting: str | None = None,
    ) -> bytes:
        """Calls `Service/Method`; the operator does so without a certificate. Raises `Turned`."""
        handlers = self._by_socket if certificate is None else self._by_certificate
        details: Any = SimpleNamespace(method=f"/oncetold.v1.{method}", invocation_metadata=())
        handler: Any = next(found for one in handlers if (found := one.service(details)) is not None)
        body = request.SerializeToString(deterministic=True)
        word = () if certificate is None else self._word(method, request, certificate)
        context = _Context(certificate, acting, word)
        answer: bytes = await handler.unary_unary(body, context)
        if context.reason:
            raise Turned(context.reason)
        return answer

    def _word(self, method: str, request: Message, certificate: Certificate) -> tuple[tuple[str, str], ...]:
        """The agency's word for its navigator, where the call needs it."""
        if not needs_word(f"/oncetold.v1.{method}"):
            return ()
        agency_id = certificate.uri.split("/")[4]
        ledger = self._hub.ledger
        signer = signer_of(agency_id, ledger.ledger_id, certificate.pem, ledger.clock.now, self._ids)
        return signer.metadata(NAVIGATOR, request)


def _handlers(hub: Hub, authenticator: Authenticator) -> list[grpc.GenericRpcHandler]:
    now = hub.ledger.clock.now
    dispatcher = Dispatcher(authenticator, now, assertions=_assertions(hub, hub.ledger.clock))
    return [
        dispatcher.handler_for(service, servicer(hub))
        for module, servicer in _SERVICERS
        for service in module.DESCRIPTOR.services_by_name.values()
    ]
