"""What newcomers and the operator do about certificates, over the wire, and keys made on the spot."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hub.bootstrap import RunningHub
from hub.enrolment.settings import EnrolmentSettings
from hub.pki import Credentials
from oncetold.v1 import certificate_service_pb2 as messages
from oncetold.v1 import enrolment_service_pb2
from oncetold.v1.certificate_service_pb2_grpc import CertificateServiceStub
from oncetold.v1.enrolment_service_pb2_grpc import EnrolmentServiceStub
from tests.integration.loopback import Site, operator_channel
from tests.integration.story import request_id

ISSUING = EnrolmentSettings("127.0.0.1:0", "pki/authority.pem", "pki/authority.key")


def issuing(site: Site) -> Site:
    """The same site, whose hub signs certificates and has a door for newcomers."""
    return replace(site, config=replace(site.config, enrolment=ISSUING))


@dataclass(frozen=True)
class MadeKey:
    """A key that a newcomer made."""

    key: ec.EllipticCurvePrivateKey

    @property
    def request(self) -> bytes:
        """A signing request for it, whose name claims what it likes."""
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "council")])
        uri = x509.UniformResourceIdentifier("spiffe://dev.oncetold/agency/council/adapter/1")
        builder = x509.CertificateSigningRequestBuilder().subject_name(name)
        builder = builder.add_extension(x509.SubjectAlternativeName([uri]), critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    @property
    def sha256(self) -> bytes:
        spki = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        digest = hashes.Hash(hashes.SHA256())
        digest.update(spki)
        return digest.finalize()

    def keep(self, folder: Path, stem: str, certificate: bytes) -> Credentials:
        """Writes both files, as an adapter does."""
        folder.mkdir(parents=True, exist_ok=True)
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / f"{stem}.key").write_bytes(key)
        (folder / f"{stem}.pem").write_bytes(certificate)
        return Credentials(folder / f"{stem}.pem", folder / f"{stem}.key", None, self.sha256)


def make_key() -> MadeKey:
    return MadeKey(ec.generate_private_key(ec.SECP256R1()))


@asynccontextmanager
async def newcomers_door(site: Site, running: RunningHub) -> AsyncIterator[Any]:
    """A connection without a certificate to the port that asks for none."""
    tls = grpc.ssl_channel_credentials(site.authority.certificate.read_bytes())
    async with grpc.aio.secure_channel(f"localhost:{running.enrolment_port}", tls) as channel:
        yield EnrolmentServiceStub(channel)


async def invite(site: Site, agency_id: str, adapter: str = "1") -> messages.InviteAdapterResponse:
    request = messages.InviteAdapterRequest(request_id=request_id(), agency_id=agency_id, adapter=adapter)
    async with operator_channel(site) as operator:
        return await CertificateServiceStub(operator).InviteAdapter(request)


def enrolling(code: str, key: MadeKey) -> enrolment_service_pb2.EnrolRequest:
    return enrolment_service_pb2.EnrolRequest(code=code, signing_request=key.request)


def confirming(agency_id: str, words: tuple[str, ...]) -> messages.ConfirmEnrolmentRequest:
    return messages.ConfirmEnrolmentRequest(request_id=request_id(), agency_id=agency_id, words=words)


def revoking(agency_id: str, sha256: bytes, **more: object) -> messages.RevokeCertificateRequest:
    return messages.RevokeCertificateRequest(
        request_id=request_id(),
        agency_id=agency_id,
        public_key_sha256=sha256,
        reason=messages.REVOCATION_REASON_DEVICE_LOST,
        **more,  # type: ignore[arg-type]
    )


async def revoke(site: Site, agency_id: str, sha256: bytes) -> messages.RevokeCertificateResponse:
    async with operator_channel(site) as operator:
        return await CertificateServiceStub(operator).RevokeCertificate(revoking(agency_id, sha256))
