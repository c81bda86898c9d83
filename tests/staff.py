"""One navigator at every agency of a test's world, and small ways in which the agency vouches for them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import grpc
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf import descriptor_pool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from adapters.kit.assertions import Signer, Who, encoded, public_part
from consent_ledger.staff import Role
from consent_ledger.vocabulary import Purpose
from hub import pki
from hub.rpc.assertions import METADATA
from hub.rpc.authentication import ACTING_AGENCY
from hub.rpc.rules import RULES, Rule
from hub.use_cases.work import Caller, Staff
from oncetold.v1 import staff_service_pb2
from oncetold.v1.staff_service_pb2_grpc import StaffServiceStub

KEY_ID = "staff-1"
NAVIGATOR = Who("nav-1", "NAVIGATOR")


@cache
def key_of(agency_id: str) -> Ed25519PrivateKey:
    """The key an agency signs with: the same in every world."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"staff of {agency_id}".encode()).digest())


def signer_of(
    agency_id: str,
    ledger_id: UUID,
    certificate_pem: bytes,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    new_id: Callable[[], UUID] = uuid4,
) -> Signer:
    """Signs for the agency's staff."""
    return Signer(
        key_of(agency_id),
        key_id=KEY_ID,
        agency_id=agency_id,
        ledger_id=ledger_id,
        certificate_pem=certificate_pem,
        now=now,
        new_id=new_id,
    )


class Signing(grpc.aio.UnaryUnaryClientInterceptor):
    """Has an agency vouch for one member of staff on every call that needs it and has no word yet."""

    def __init__(self, signer: Signer, who: Who = NAVIGATOR) -> None:
        self._signer = signer
        self.who = who

    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        path = client_call_details.method
        path = path.decode() if isinstance(path, bytes) else path
        metadata = tuple(client_call_details.metadata or ())
        if needs_word(path) and METADATA not in dict(metadata):
            metadata += self._signer.metadata(self.who, asked(path, request))
            client_call_details = grpc.aio.ClientCallDetails(
                client_call_details.method,
                client_call_details.timeout,
                grpc.aio.Metadata(*metadata),
                client_call_details.credentials,
                client_call_details.wait_for_ready,
            )
        return await continuation(client_call_details, request)


def needs_word(path: str) -> bool:
    """Whether a method, `/oncetold.v1.Service/Method`, is one that an agency vouches for somebody for."""
    return RULES.get(path.removeprefix("/").replace("/", ".")) is Rule.ASSERTED


def asked(path: str, request: Message | bytes) -> Message:
    """The request that these bytes are, as far as they are one."""
    if isinstance(request, Message):
        return request
    found: Any = descriptor_pool.Default().FindMethodByName(path.removeprefix("/").replace("/", "."))
    message: Message = GetMessageClass(found.input_type)()
    try:
        message.MergeFromString(request)
    except DecodeError:
        message.Clear()
    return message if message.SerializeToString() == request else AsSent(message, request)  # type: ignore[return-value]


class AsSent:
    """A request whose bytes are others than we would write."""

    def __init__(self, message: Message, body: bytes) -> None:
        self.client_reference = getattr(message, "client_reference", "")
        self._body = body

    def SerializeToString(self) -> bytes:
        return self._body


def new_request_id() -> str:
    return str(uuid4())


async def hire(
    operator: grpc.aio.Channel, agency_id: str, *, request_id: Callable[[], str] = new_request_id
) -> None:
    """The agency's key is known, and its navigator has the role."""
    staff = StaffServiceStub(operator)
    await staff.AuthoriseAssertionKey(authorising(agency_id, request_id()))
    await staff.GiveRole(giving(request_id()), metadata=((ACTING_AGENCY, agency_id),))


def authorising(agency_id: str, request_id: str) -> staff_service_pb2.AuthoriseAssertionKeyRequest:
    """Lets the agency's key sign."""
    return staff_service_pb2.AuthoriseAssertionKeyRequest(
        request_id=request_id,
        agency_id=agency_id,
        key_id=KEY_ID,
        public_key=public_part(key_of(agency_id)),
    )


def giving(request_id: str, who: Who = NAVIGATOR) -> staff_service_pb2.GiveRoleRequest:
    """Gives the navigator the role."""
    role = staff_service_pb2.StaffRole.Value(f"STAFF_ROLE_{who.role}")
    return staff_service_pb2.GiveRoleRequest(
        request_id=request_id, staff_reference=who.staff_reference, role=role
    )


def hiring(agency_id: str, request_id: Callable[[], str]) -> list[tuple[str, str, Message, type[Message]]]:
    """The calls that `hire` makes, for worlds that call in their own way: who, `Service/Method`, the request
    and its answer."""
    messages = staff_service_pb2
    key, role = authorising(agency_id, request_id()), giving(request_id())
    return [
        ("operator", "StaffService/AuthoriseAssertionKey", key, messages.AuthoriseAssertionKeyResponse),
        (f"operator:{agency_id}", "StaffService/GiveRole", role, messages.GiveRoleResponse),
    ]


def working_with(
    reference: str, request_id: str, who: Who = NAVIGATOR
) -> staff_service_pb2.RecordRelationshipRequest:
    """The navigator works with a client of the agency."""
    return staff_service_pb2.RecordRelationshipRequest(
        request_id=request_id,
        client_reference=reference,
        staff_reference=who.staff_reference,
        kind=staff_service_pb2.RELATIONSHIP_KIND_CASELOAD,
    )


async def relate(
    channel: grpc.aio.Channel, reference: str, *, request_id: Callable[[], str] = new_request_id
) -> None:
    """Says, by the agency's own certificate, that its navigator works with a client."""
    await StaffServiceStub(channel).RecordRelationship(working_with(reference, request_id()))


def agency_named(credentials: pki.Credentials) -> str:
    """Whose adapter a certificate is; empty for one that does not say."""
    return credentials.uri.split("/")[4] if credentials.uri else ""


def as_navigator(caller: Caller, now: datetime, reference: str = NAVIGATOR.staff_reference) -> Caller:
    """For a use case: the caller with an agency's word for its navigator, as the door would have taken it."""
    jti, expires = uuid4(), now + timedelta(minutes=4)
    said = {"iss": caller.agency(), "sub": reference, "jti": str(jti), "exp": int(expires.timestamp())}
    word = f"{encoded(b'{}')}.{encoded(json.dumps(said).encode())}.{encoded(b'not looked at')}"
    expires = expires.replace(microsecond=0)
    staff = Staff(reference, Role.NAVIGATOR, Purpose.DIRECT_SUPPORT, jti, KEY_ID, expires, word)
    return replace(caller, staff=staff)
