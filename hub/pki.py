"""Certificates for development: an authority, the hub's own certificate and one for each adapter.

Not for production: the authority's key lies beside the certificates it signed, readable only by its
owner. Keys are P-256; leaf certificates last 30 days. An adapter's certificate names its agency in
exactly one URI; nothing else in it carries authority.
"""

import hashlib
import ipaddress
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from consent_ledger.errors import OnceToldError

TRUST_DOMAIN = "dev.oncetold"
LEAF_LIFETIME = timedelta(days=30)
AUTHORITY_LIFETIME = timedelta(days=365)
_BACKDATED = timedelta(minutes=5)  # the other side's clock may be a little behind


class CertificateFileExists(OnceToldError):
    """A certificate or key stands at this path already; it is never overwritten."""

    code = "ALREADY_EXISTS"
    next_step = "Use what is there, or name another folder."


class CertificateUnusable(OnceToldError):
    """A certificate that cannot speak for an agency; its text says why."""

    code = "CERTIFICATE_NAME"
    next_step = "Issue a certificate with exactly one URI name."

    def __str__(self) -> str:
        return self.details["problem"]


@dataclass(frozen=True, slots=True)
class CertificateIdentity:
    """What a certificate says, as far as the hub looks at it."""

    uri: str
    public_key_sha256: bytes
    """SHA-256 of the SubjectPublicKeyInfo."""
    public_key_der: bytes
    """The SubjectPublicKeyInfo, with which receipts are verified."""
    not_before: datetime
    not_after: datetime
    certificate_sha256: bytes
    """SHA-256 of the whole certificate, to which assertions are bound."""


class BadSigningRequest(OnceToldError):
    """A signing request that cannot be answered; `rule` says what it breaks."""

    code = "BAD_SIGNING_REQUEST"
    next_step = "Make a new one."


@dataclass(frozen=True, slots=True)
class SigningAuthority:
    """An authority that is ready to sign."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def sign(self, uri: str, public_key_der: bytes, not_before: datetime, not_after: datetime) -> bytes:
        """An adapter's certificate in PEM: exactly one URI name, and nothing of what its holder asked for."""
        key = serialization.load_der_public_key(public_key_der)
        assert isinstance(key, ec.EllipticCurvePublicKey)
        name = x509.UniformResourceIdentifier(uri)
        signed = (
            _builder(_name("adapter"), self.certificate.subject, key, not_before, not_after - not_before)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(_signed_by(self.certificate), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return signed.public_bytes(serialization.Encoding.PEM)


def signing_authority(certificate_pem: bytes, key_pem: bytes) -> SigningAuthority:
    """An authority from its two files. Raises CertificateUnusable unless they are a pair that may sign."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        key = serialization.load_pem_private_key(key_pem, password=None)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, TypeError, x509.ExtensionNotFound):
        raise CertificateUnusable(problem="it is no authority's certificate and key in PEM") from None
    if not constraints.ca or not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateUnusable(problem="it is no authority, or its key is not an elliptic curve key")
    if key.public_key() != certificate.public_key():
        raise CertificateUnusable(problem="the authority's key does not belong to its certificate")
    return SigningAuthority(certificate, key)


def belong_together(certificate_pem: bytes, key_pem: bytes, authorities_pem: bytes) -> bool:
    """Whether a server can use these: a certificate with its own key, and at least one authority."""
    try:
        chain = x509.load_pem_x509_certificates(certificate_pem)
        key = serialization.load_pem_private_key(key_pem, password=None)
        x509.load_pem_x509_certificates(authorities_pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return key.public_key() == chain[0].public_key()


def requested_key(signing_request: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a PKCS #10 request in DER. Its names and wishes are not looked at.

    Raises BadSigningRequest: `rule` is `format`, `key` (not P-256) or `signature`.
    """
    try:
        request = x509.load_der_x509_csr(signing_request)
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise BadSigningRequest(rule="format") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadSigningRequest(rule="key")
    if not request.is_signature_valid:
        raise BadSigningRequest(rule="signature")
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where one party's certificate and key are, and what the registry needs to know of it."""

    certificate: Path
    key: Path
    uri: str | None
    public_key_sha256: bytes


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates. `certificate` is what the other side trusts."""

    certificate: Path
    key: Path


def adapter_uri(agency_id: str, adapter: str = "1") -> str:
    """The name that lets a certificate speak for an agency."""
    return f"spiffe://{TRUST_DOMAIN}/agency/{agency_id}/adapter/{adapter}"


def create_authority(folder: Path, now: datetime) -> Authority:
    """Makes `authority.pem` and `authority.key` in a folder. Raises CertificateFileExists."""
    key = ec.generate_private_key(ec.SECP256R1())
    # A name of its own, so that one can follow another: both stand in the same file for a while.
    name = _name(f"OnceTold development authority {secrets.token_hex(4)}")
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    written = _write(folder, "authority", certificate, key)
    return Authority(written.certificate, written.key)


def open_authority(folder: Path) -> Authority:
    """The authority made before in this folder. Raises FileNotFoundError when there is none."""
    authority = Authority(folder / "authority.pem", folder / "authority.key")
    for path in (authority.certificate, authority.key):
        if not path.is_file():
            raise FileNotFoundError(path)
    return authority


def issue_server(authority: Authority, folder: Path, now: datetime) -> Credentials:
    """Makes `hub.pem` and `hub.key` for a hub on this machine. Raises CertificateFileExists."""
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    return issue(authority, folder, "hub", names, ExtendedKeyUsageOID.SERVER_AUTH, now)


def issue_adapter(
    authority: Authority,
    folder: Path,
    agency_id: str,
    now: datetime,
    *,
    adapter: str = "1",
    lifetime: timedelta = LEAF_LIFETIME,
) -> Credentials:
    """Makes `<agency>-<adapter>.pem` and `.key` for an agency's adapter. Raises CertificateFileExists."""
    uri = adapter_uri(agency_id, adapter)
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri)]
    usage = ExtendedKeyUsageOID.CLIENT_AUTH
    return issue(authority, folder, f"{agency_id}-{adapter}", names, usage, now, lifetime)


def certificate_identity(pem: bytes) -> CertificateIdentity:
    """Whom a PEM certificate names. Raises CertificateUnusable without exactly one URI among its names."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        uris = _uris(certificate)
    except ValueError:  # what it could not read is not repeated
        raise CertificateUnusable(problem="it is not a certificate in PEM") from None
    if len(uris) != 1:
        raise CertificateUnusable(problem=f"it holds {len(uris)} URI names instead of one")
    key = _public_key_der(certificate)
    return CertificateIdentity(
        uris[0],
        hashlib.sha256(key).digest(),
        key,
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        certificate.fingerprint(hashes.SHA256()),
    )


def has_signed(public_key_der: bytes, statement: bytes, signature: bytes) -> bool:
    """Whether a certificate's key made this signature (ECDSA with SHA-256, DER) over exactly these bytes."""
    key = serialization.load_der_public_key(public_key_der)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, statement, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _public_key_der(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def issue(
    authority: Authority,
    folder: Path,
    stem: str,
    names: list[x509.GeneralName],
    usage: x509.ObjectIdentifier,
    now: datetime,
    lifetime: timedelta = LEAF_LIFETIME,
) -> Credentials:
    """Makes `<stem>.pem` and `<stem>.key` with these names and this use. Raises CertificateFileExists."""
    issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    issuer_key = serialization.load_pem_private_key(authority.key.read_bytes(), password=None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is not an elliptic curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_name(stem), issuer.subject, key.public_key(), now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(_signed_by(issuer), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return _write(folder, stem, builder.sign(issuer_key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + lifetime)
    )


def _signed_by(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """By which of several authorities of the same name."""
    try:
        named = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        key = issuer.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(named)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(
    folder: Path, stem: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> Credentials:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    uris = _uris(certificate)
    written = Credentials(
        folder / f"{stem}.pem",
        folder / f"{stem}.key",
        uris[0] if len(uris) == 1 else None,
        hashlib.sha256(_public_key_der(certificate)).digest(),
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _create(written.key, private, 0o600)
    _create(written.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    return written


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _create(path: Path, content: bytes, mode: int) -> None:
    try:
        # Created with its mode, so that a key is never readable by others even for a moment.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise CertificateFileExists(path=path.name) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
