"""Why a connection to the hub does not come about, in plain English, and what the certificate says.

gRPC reports every such cause as UNAVAILABLE with an internal text. So after a failure one plain TLS
handshake is made with the same files, whose error codes are precise.
"""

import socket
import ssl
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from adapters.kit.config import HubSettings
from adapters.kit.errors import ConfigInvalid, HubUnreachable

PROBE_SECONDS = 5.0
# RFC 9113 3.4: the client's preface and an empty SETTINGS frame; a hub answers with its own SETTINGS.
HTTP2_OPENING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
# How often in a row a hub has to hang up without a word, and how long apart.
_HANG_UPS_BELIEVED = 3
_HANG_UP_PAUSE_SECONDS = 0.7

# X509_V_ERR_* codes of OpenSSL (x509_vfy.h).
_EXPIRED = {10}
_NOT_YET_VALID = {9}
_WRONG_NAME = {62, 64}


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What our own certificate says: its one URI name and the last moment it is valid."""

    uri: str
    expires: datetime


def read_certificate(settings: HubSettings, now: datetime) -> CertificateFacts:
    """Checks our own three files without a network. ConfigInvalid names everything that a hub would
    refuse."""
    problems: list[str] = []
    ca, certificate_pem, key_pem = (
        _read(name, path, problems)
        for name, path in (
            ("ca_file", settings.ca_file),
            ("certificate_file", settings.certificate_file),
            ("key_file", settings.key_file),
        )
    )
    if problems:
        raise ConfigInvalid(problems)
    try:
        x509.load_pem_x509_certificates(ca)
    except ValueError:
        problems.append("hub.ca_file holds no certificate in PEM form.")
    if stat.S_IMODE(settings.key_file.stat().st_mode) & 0o007:
        problems.append(
            f"Everybody on this computer may use hub.key_file: chmod 600 {settings.key_file.name}."
        )
    try:
        certificate = x509.load_pem_x509_certificates(certificate_pem)[0]
    except (ValueError, IndexError):
        raise ConfigInvalid([*problems, "hub.certificate_file holds no certificate in PEM form."]) from None
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError):
        problems.append("hub.key_file is not an unencrypted private key in PEM form.")
    else:
        if key.public_key() != certificate.public_key():
            problems.append("hub.key_file does not belong to hub.certificate_file.")
    names = _uri_names(certificate)
    if len(names) != 1:
        problems.append(f"The certificate must hold exactly one URI name, and holds {len(names)}.")
    expires = certificate.not_valid_after_utc
    if now > expires:
        problems.append(f"The certificate expired on {expires:%Y-%m-%d}: ask the hub operator for a new one.")
    if now < certificate.not_valid_before_utc:
        problems.append(
            f"The certificate begins on {certificate.not_valid_before_utc:%Y-%m-%d}: check the clock."
        )
    if problems:
        raise ConfigInvalid(problems)
    return CertificateFacts(names[0], expires)


def _read(setting: str, path: Path, problems: list[str]) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        problems.append(f"hub.{setting}: there is no file {path.name}.")
    except OSError:
        problems.append(f"hub.{setting}: {path.name} cannot be read.")
    return b""


def _uri_names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def probe(settings: HubSettings) -> HubUnreachable | None:
    """Makes a connection as the adapter would; None if the hub accepted it. Takes at most ten seconds or so.

    A hub that dies just then hangs up like one that does not know our certificate: that is believed only
    after several times, or an adapter would give up for good because its hub was restarted.
    """
    for _ in range(_HANG_UPS_BELIEVED - 1):
        found = _probe_once(settings)
        if found is None or found.code != "CERTIFICATE_NOT_ACCEPTED":
            return found
        time.sleep(_HANG_UP_PAUSE_SECONDS)
    return _probe_once(settings)


def _probe_once(settings: HubSettings) -> HubUnreachable | None:
    try:
        read_certificate(settings, datetime.now(UTC))
    except ConfigInvalid as error:
        return HubUnreachable("CERTIFICATE_UNUSABLE", error.message, error.next_step, retryable=False)
    host, _, port = settings.address.rpartition(":")
    host = host.strip("[]")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    shaken = False
    try:
        context.load_verify_locations(settings.ca_file)
        context.load_cert_chain(settings.certificate_file, settings.key_file)
        with (
            socket.create_connection((host, int(port)), timeout=PROBE_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=settings.server_name or host) as tls,
        ):
            shaken = True
            # With TLS 1.3 the hub's refusal of our certificate comes only after our side is done.
            tls.sendall(HTTP2_OPENING)
            if tls.recv(1):
                return None
    except ssl.SSLCertVerificationError as error:
        return _hub_not_trusted(error.verify_code)
    except ssl.SSLError as error:
        if not isinstance(error, ssl.SSLEOFError):
            return _tls_refused(error.reason or "")
        if not shaken:
            return _broken()
    except socket.gaierror:
        return _unreachable(
            "HUB_NAME_UNKNOWN", "The name in hub.address is not known.", "Check hub.address.", True
        )
    except ConnectionRefusedError:
        return _unreachable(
            "PORT_CLOSED",
            f"Nothing listens at {settings.address}.",
            "Check hub.address and that the hub runs.",
            True,
        )
    except TimeoutError:
        return _unreachable(
            "NO_ANSWER", f"{settings.address} does not answer.", "Check the network and the firewall.", True
        )
    except OSError:
        if not shaken:
            return _broken()
    # The hub trusted itself to us and hung up when our turn came. gRPC servers send no alert that says why.
    return _unreachable(
        "CERTIFICATE_NOT_ACCEPTED",
        "The hub hung up when it saw our certificate: it was not issued for this hub, or no longer counts.",
        "Use the certificate that this hub's operator gave, or ask for a new one.",
    )


def _broken() -> HubUnreachable:
    return _unreachable(
        "CONNECTION_BROKEN", "The connection broke off.", "Check hub.address, then try again.", True
    )


def _hub_not_trusted(verify_code: int) -> HubUnreachable:
    if verify_code in _EXPIRED:
        return _unreachable(
            "HUB_CERTIFICATE_EXPIRED",
            "The hub's certificate has expired, or this computer's clock is wrong.",
            "Check the clock, then tell the hub operator.",
        )
    if verify_code in _NOT_YET_VALID:
        return _unreachable(
            "HUB_CERTIFICATE_NOT_YET_VALID",
            "The hub's certificate is not valid yet, or this computer's clock is wrong.",
            "Check the clock, then tell the hub operator.",
        )
    if verify_code in _WRONG_NAME:
        return _unreachable(
            "HUB_CERTIFICATE_NAME",
            "The hub's certificate is for another name than hub.address.",
            "Correct hub.address, or set hub.server_name to the name in the hub's certificate.",
        )
    return _unreachable(
        "HUB_CA_UNKNOWN",
        "The hub's certificate was not issued by the authority in hub.ca_file.",
        "Ask the hub operator for the right ca_file. Do not send anything to this address.",
    )


def _tls_refused(reason: str) -> HubUnreachable:
    """Explains an alert. Names as OpenSSL gives them, e.g. TLSV13_ALERT_CERTIFICATE_REQUIRED."""
    if "CERTIFICATE_EXPIRED" in reason:
        return _unreachable(
            "CERTIFICATE_EXPIRED",
            "The hub says our certificate has expired.",
            "Ask the hub operator for a new one.",
        )
    if "CERTIFICATE_REQUIRED" in reason or "HANDSHAKE_FAILURE" in reason:
        return _unreachable(
            "CERTIFICATE_MISSING", "The hub got no certificate from us.", "Check hub.certificate_file."
        )
    if "UNKNOWN_CA" in reason or "CERTIFICATE" in reason or "DECRYPT_ERROR" in reason:
        return _unreachable(
            "CERTIFICATE_NOT_ACCEPTED",
            "The hub does not accept our certificate: it was not issued for this hub.",
            "Use the certificate that this hub's operator gave.",
        )
    if "PROTOCOL_VERSION" in reason or reason == "UNSUPPORTED_PROTOCOL":
        return _unreachable(
            "TLS_TOO_OLD",
            "What answers at hub.address speaks no TLS 1.3, so it is not the hub.",
            "Check hub.address. If it is right, something in between opens secure connections to look into"
            " them: ask your IT team to let those to the hub through.",
        )
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}:
        return _unreachable("NOT_TLS", "What answers at hub.address does not speak TLS.", "Check the port.")
    return _unreachable(
        "TLS_FAILED",
        f"The secure connection failed ({reason or 'no reason'}).",
        "Give this code to the operator.",
    )


def _unreachable(code: str, message: str, next_step: str, retryable: bool = False) -> HubUnreachable:
    return HubUnreachable(code, message, next_step, retryable=retryable)
