"""How an adapter comes by its first certificate: a key made here, a code, six words read out to somebody."""

import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import grpc

from adapters.kit.client import error_info, refused
from adapters.kit.config import is_host_and_port
from adapters.kit.durable import write_durably
from adapters.kit.errors import ConfigInvalid, HubRefused, HubUnreachable
from adapters.kit.key_files import OwnKey, fits
from adapters.kit.renewal import are_authorities
from oncetold.v1.enrolment_service_pb2 import EnrolRequest, EnrolResponse
from oncetold.v1.enrolment_service_pb2_grpc import EnrolmentServiceStub

EVERY_SECONDS = 5.0
CALL_SECONDS = 35.0


@dataclass(frozen=True, slots=True)
class Invitation:
    """What came by e-mail: where the hub is, and by which authorities it is known. It holds no secret."""

    hub: str
    door: str
    authorities: bytes

    @classmethod
    def read(cls, path: Path) -> "Invitation":
        """Reads an invitation's file. ConfigInvalid says what is wrong with it."""
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigInvalid([f"There is no file {path.name}."]) from None
        except (OSError, ValueError):
            raise ConfigInvalid([f"{path.name} is not an invitation: ask for it again."]) from None
        hub, door, authorities = (raw.get(name) for name in ("hub", "door", "authorities"))
        if not all(isinstance(one, str) and is_host_and_port(one) for one in (hub, door)):
            raise ConfigInvalid([f"{path.name} does not say where the hub is: ask for it again."])
        if not isinstance(authorities, str) or not are_authorities(authorities.encode()):
            raise ConfigInvalid([f"{path.name} does not say how the hub is known: ask for it again."])
        return cls(str(hub), str(door), authorities.encode())


@dataclass(frozen=True, slots=True)
class Files:
    """Where the key, the certificate and the authorities will lie."""

    key: Path
    certificate: Path
    ca: Path


def enrol(
    invitation: Invitation,
    code: str,
    files: Files,
    *,
    tell_words: Callable[[tuple[str, ...]], None],
    on_pause: Callable[[Exception], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
    server_name: str | None = None,
) -> EnrolResponse:
    """Asks until somebody has confirmed the words, then keeps the certificate.

    Broken off, it is begun again with the same code: the key is kept. Raises HubRefused, HubUnreachable,
    ConfigInvalid.
    """
    if files.certificate.exists():
        raise ConfigInvalid([f"{files.certificate.name} is there already: this adapter is enrolled."])
    if files.key.exists():
        key = OwnKey.read(files.key)
    else:
        key = OwnKey.make()
        key.keep(files.key)
    request = EnrolRequest(code=code, signing_request=key.signing_request())
    answer = None
    told = False
    while answer is None:
        try:
            answer = ask(invitation, request, server_name)
        except HubRefused as refusal:
            if not refusal.retryable and refusal.reason != "TOO_MANY_CALLS":
                raise
            if refusal.reason == "NOT_CONFIRMED" and not told:
                tell_words(key.words)
                told = True
            on_pause(refusal)
            sleep(max(EVERY_SECONDS, refusal.pause))
        except HubUnreachable as away:
            if not told:
                raise
            on_pause(away)
            sleep(EVERY_SECONDS)
    if not fits(key.pem, answer.certificate):
        raise ConfigInvalid(
            ["The hub gave a certificate for another key: nothing was kept. Tell its operator."]
        )
    write_durably(files.ca, answer.authorities or invitation.authorities)
    write_durably(files.certificate, answer.certificate)
    return answer


def ask(invitation: Invitation, request: EnrolRequest, server_name: str | None = None) -> EnrolResponse:
    """One call at the door. Raises HubRefused, HubUnreachable."""
    options = [("grpc.ssl_target_name_override", server_name)] if server_name else []
    credentials = grpc.ssl_channel_credentials(root_certificates=invitation.authorities)
    with grpc.secure_channel(invitation.door, credentials, options) as channel:
        try:
            return EnrolmentServiceStub(channel).Enrol(request, timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            info = error_info(error)
            if info is not None:
                raise refused(error, info) from None
            raise HubUnreachable(
                "NO_ANSWER",
                f"Nobody who is the hub by its authorities answers at {invitation.door}.",
                "Check the network and this computer's clock; if both are well, ask for a new invitation.",
                retryable=True,
            ) from None
