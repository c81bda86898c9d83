"""The hub's side of TLS: its files are looked at for each new connection, and rotate without a restart.

Connections that stand go on with what they began with; whether their certificate still counts is decided on
each call. Files that do not fit together, as while one of them is being replaced, change nothing.
"""

import logging
import stat
import threading

import grpc

from hub.config import FILE_NAME, ConfigError, TlsFiles
from hub.pki import belong_together

log = logging.getLogger(__name__)

_Stamp = tuple[tuple[int, int, int], ...]


class RotatingFiles:
    """Reads the files again once they are others. gRPC asks from threads of its own."""

    def __init__(self, files: TlsFiles, *, asks_for_certificate: bool) -> None:
        """Raises ConfigError. `asks_for_certificate`: whether whoever connects has to have one."""
        self._files = files
        self._asks = asks_for_certificate
        self._lock = threading.Lock()
        self._stamp = self._stamped()
        self._unusable: _Stamp = ()
        read = read_tls(files)
        if not belong_together(*read):
            raise ConfigError(
                "tls", "the certificate and key do not fit together", "Name files that were issued together."
            )
        self._first = self._configured(read)

    def credentials(self) -> grpc.ServerCredentials:
        """What a port serves with."""
        return grpc.dynamic_ssl_server_credentials(
            self._first,
            self._looked_at,  # type: ignore[arg-type]  # None leaves all as it is, as its documentation says
            require_client_authentication=self._asks,
        )

    def _looked_at(self) -> grpc.ServerCertificateConfiguration | None:
        """For a new connection: what to use from now on; `None` for what was used so far."""
        with self._lock:
            stamp = self._stamped()
            if stamp == self._stamp:
                return None
            try:
                read = read_tls(self._files)
                usable = belong_together(*read) and stamp == self._stamped()
            except (ConfigError, OSError):
                usable = False
            if not usable:
                if stamp != self._unusable:
                    self._unusable = stamp
                    log.warning("TLS files not used", extra={"event": "TLS_FILES_UNUSABLE", "fields": {}})
                return None
            self._stamp = stamp
        log.info("TLS files read again", extra={"event": "TLS_FILES_READ", "fields": {}})
        return self._configured(read)

    def _configured(self, read: tuple[bytes, bytes, bytes]) -> grpc.ServerCertificateConfiguration:
        certificate, key, authority = read
        return grpc.ssl_server_certificate_configuration(
            [(key, certificate)], root_certificates=authority if self._asks else None
        )

    def _stamped(self) -> _Stamp:
        """What changes when a file is replaced or written."""
        files = (self._files.certificate, self._files.key, self._files.client_authority)
        try:
            looked = [path.stat() for path in files]
        except FileNotFoundError:
            return ()
        return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in looked)


def read_tls(files: TlsFiles) -> tuple[bytes, bytes, bytes]:
    """Certificate, key and authority as PEM. Raises ConfigError, also for a key that others may read."""
    found = []
    for name, path in (
        ("certificate", files.certificate),
        ("key", files.key),
        ("client_authority", files.client_authority),
    ):
        try:
            if name == "key" and stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise ConfigError("tls.key", "others may read the key", "Run `chmod 600` on the key file.")
            found.append(path.read_bytes())
        except OSError as error:
            problem = f"cannot be read ({error.strerror or 'unknown cause'})"
            raise ConfigError(
                f"tls.{name}", problem, f"Correct the path in {FILE_NAME}, or make it: oncetold dev-pki"
            ) from None
    certificate, key, authority = found
    return certificate, key, authority
