"""Signs certificates with an authority's files, read anew for each: a new one needs no restart."""

import stat
from datetime import datetime
from pathlib import Path

from consent_ledger.errors import Refused
from hub.config import Config, ConfigError
from hub.enrolment.settings import EnrolmentSettings
from hub.pki import CertificateUnusable, SigningAuthority, signing_authority


class FileIssuer:
    """An authority whose certificate and key lie in files."""

    def __init__(self, folder: Path, settings: EnrolmentSettings, known_by: Path) -> None:
        """`known_by`: the authorities by which adapters know the hub, where the settings name none."""
        self._authority = folder / settings.authority
        self._key = folder / settings.authority_key
        self._known_by = folder / settings.hub_authorities if settings.hub_authorities else known_by

        self._last: tuple[SigningAuthority, bytes] | None = None

    def problem(self) -> str:
        """What keeps it from signing; empty if nothing does."""
        try:
            if stat.S_IMODE(self._key.stat().st_mode) & 0o077:
                return "others may read the authority's key"
            self._opened()
            self._known_by.read_bytes()
        except OSError as error:
            return f"a file cannot be read ({error.strerror or 'unknown cause'})"
        except CertificateUnusable as error:
            return str(error)
        return ""

    def issue(self, uri: str, public_key_der: bytes, not_before: datetime, not_after: datetime) -> bytes:
        """A client certificate in PEM, the authority's behind it. Raises `UNAVAILABLE`."""
        try:
            authority, certificate = self._opened()
        except (OSError, CertificateUnusable):
            raise Refused("UNAVAILABLE") from None
        return authority.sign(uri, public_key_der, not_before, not_after) + certificate

    def authorities(self) -> bytes:
        """Those by which adapters know the hub, PEM. Raises `UNAVAILABLE`."""
        try:
            return self._known_by.read_bytes()
        except OSError:
            raise Refused("UNAVAILABLE") from None

    def _opened(self) -> tuple[SigningAuthority, bytes]:
        """The authority as its files have it; while they are being replaced, as they had it before."""
        certificate = self._authority.read_bytes()
        try:
            found = (signing_authority(certificate, self._key.read_bytes()), certificate)
        except CertificateUnusable:
            if self._last is None:
                raise
            return self._last
        self._last = found
        return found


def issuer_of(config: Config) -> FileIssuer | None:
    """What signs certificates, if the settings name an authority. Raises ConfigError for one that cannot."""
    if not config.enrolment.authority:
        return None
    issuer = FileIssuer(config.data, config.enrolment, config.tls.client_authority)
    problem = issuer.problem()
    if problem:
        raise ConfigError("enrolment", problem, "Correct the files under [enrolment], or remove it.")
    return issuer
