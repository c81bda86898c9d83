"""Renews an adapter's certificate at two thirds of its life by itself, and warns a person if that fails.

Old and new count side by side, so nothing has to happen at one moment; the old key is not used any more.
"""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from adapters.kit.client import Hub
from adapters.kit.config import HubSettings
from adapters.kit.durable import write_durably
from adapters.kit.errors import AdapterError, CertificateEnding, ConfigInvalid
from adapters.kit.key_files import Lifetime, OwnKey, fits, lifetime, replace_pair
from adapters.kit.receipts import ReceiptSigner
from oncetold.v1.certificate_service_pb2 import RenewCertificateRequest

EVERY_SECONDS = 3600.0
"""So often it looks; an attempt that fails is made again then."""
WARNED_AT = (14, 7, 1)
"""Days before the end at which a person is told, most first."""


def warning_due(life: Lifetime, now: datetime) -> int | None:
    """The warning that is due, as days before the end; `None` while it may yet be renewed in time."""
    left = (life.ends - now).days
    return min((one for one in WARNED_AT if left <= one), default=None) if life.is_due(now) else None


def ending(settings: HubSettings, now: datetime) -> CertificateEnding | None:
    """What a person has to know of the certificate's end, if it is near and nothing renewed it."""
    try:
        life = lifetime(settings.certificate_file.read_bytes())
    except (ConfigInvalid, OSError):
        return None
    return None if warning_due(life, now) is None else CertificateEnding((life.ends - now).days)


class Renewal:
    """Called now and then between an adapter's calls. It never stops them: what is in hand still counts."""

    def __init__(
        self,
        hub: Hub,
        settings: HubSettings,
        signer: ReceiptSigner | None = None,
        *,
        say: Callable[[Exception], None] = lambda _: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`say` is told what keeps it from renewing, and when the end is near. `signer` gets the new key."""
        self._hub = hub
        self._settings = settings
        self._signer = signer
        self._say = say
        self._now = now
        self._monotonic = monotonic
        self._next = monotonic()
        self._used = _read(settings.certificate_file)

    def __call__(self) -> None:
        if self._monotonic() < self._next:
            return
        self._next = self._monotonic() + EVERY_SECONDS
        try:
            certificate = self._settings.certificate_file.read_bytes()
            if certificate != self._used:
                # Another process of ours has renewed it: the old one would end under our hands.
                self._take_up()
            if lifetime(certificate).is_due(self._now()):
                self.renew()
                return
        except (AdapterError, OSError) as error:
            self._say(error if isinstance(error, AdapterError) else _unreadable())
        warning = ending(self._settings, self._now())
        if warning is not None:
            self._say(warning)

    def renew(self) -> None:
        """Makes the next key, has it signed, and goes on with it. Raises what keeps it from doing so; then
        everything is as it was."""
        key = OwnKey.make()
        request = RenewCertificateRequest(request_id=str(uuid.uuid4()), signing_request=key.signing_request())
        answer = self._hub.renew(request)
        if not fits(key.pem, answer.certificate):
            raise ConfigInvalid(["The hub gave a certificate for another key; the old one is kept."])
        known = self._settings.ca_file.read_bytes()
        if answer.authorities != known and are_authorities(answer.authorities):
            write_durably(self._settings.ca_file, answer.authorities)
        replace_pair(self._settings.key_file, self._settings.certificate_file, key.pem, answer.certificate)
        self._take_up()

    def _take_up(self) -> None:
        """Goes on with the files as they are."""
        self._hub.reconnect(self._settings)
        if self._signer is not None:
            self._signer.take(self._settings.key_file.read_bytes())
        self._used = _read(self._settings.certificate_file)


def are_authorities(pem: bytes) -> bool:
    """Whether this is certificates in PEM, one at least."""
    try:
        return bool(x509.load_pem_x509_certificates(pem))
    except ValueError:
        return False


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _unreadable() -> ConfigInvalid:
    return ConfigInvalid(["hub.certificate_file cannot be read."])
