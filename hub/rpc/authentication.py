"""Who calls: an agency by its certificate, or the operator by the local socket.

A certificate speaks for an agency only by the registry's row with both its URI and its key's hash;
its other names, its issuer and what the request says carry no authority. Validity is looked at on
every call, because TLS looks only when a connection begins.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from consent_ledger.errors import Refused
from hub.pki import CertificateIdentity, certificate_identity
from hub.use_cases.work import Caller

ACTING_AGENCY = "oncetold-agency"
"""Metadata by which the operator names the agency it acts for."""

AgencyOf = Callable[[str, bytes], Awaitable[str | None]]
"""The agency that the registry names for a URI and a key's SHA-256."""

_AGENCY_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class Context(Protocol):
    """What authentication looks at in a call."""

    def auth_context(self) -> dict[str, Sequence[bytes]]: ...

    def invocation_metadata(self) -> Sequence[tuple[str, str | bytes]] | None: ...


class Authenticator(Protocol):
    """Says who calls, or raises Refused."""

    async def caller_of(self, context: Context) -> Caller: ...


class ByCertificate:
    """The caller is the agency that the registry names for the peer's certificate."""

    def __init__(self, agency_of: AgencyOf, today: Callable[[], datetime]) -> None:
        """`today` is the time certificates are judged by: the machine's, as in TLS itself."""
        self._agency_of = agency_of
        self._today = today

    async def caller_of(self, context: Context) -> Caller:
        """Raises Refused: CERTIFICATE_NAME, UNKNOWN_CERTIFICATE (also for one out of its time)."""
        identity = self._identity(context)
        if not _in_force(identity, self._today()):
            raise Refused("UNKNOWN_CERTIFICATE")
        agency_id = await self._agency_of(identity.uri, identity.public_key_sha256)
        if agency_id is None:
            raise Refused("UNKNOWN_CERTIFICATE")
        return Caller(
            agency_id=agency_id,
            certificate_uri=identity.uri,
            public_key_der=identity.public_key_der,
            operator=False,
            certificate_sha256=identity.certificate_sha256,
        )

    @staticmethod
    def _identity(context: Context) -> CertificateIdentity:
        [pem] = context.auth_context().get("x509_pem_cert") or [b""]
        if not pem:
            raise Refused("UNKNOWN_CERTIFICATE")
        return _parsed(pem)


class Newcomers:
    """The caller is nobody yet: what it may do is behind this door alone."""

    async def caller_of(self, context: Context) -> Caller:
        """Nobody."""
        return Caller(agency_id=None)


class ByLocalSocket:
    """The caller is the operator: only it may enter the socket's folder."""

    async def caller_of(self, context: Context) -> Caller:
        """Raises Refused (INVALID_FIELD) for a badly named acting agency."""
        named = [value for key, value in context.invocation_metadata() or () if key == ACTING_AGENCY]
        if len(named) > 1:
            raise Refused("INVALID_FIELD", field=ACTING_AGENCY, rule="once")
        agency_id: str | None = None
        if named:
            agency_id = named[0] if isinstance(named[0], str) else ""
            if _AGENCY_ID.fullmatch(agency_id) is None:
                raise Refused("INVALID_FIELD", field=ACTING_AGENCY, rule="string.pattern")
        return Caller(agency_id=agency_id, certificate_uri=None, public_key_der=None, operator=True)


@lru_cache(maxsize=1024)
def _parsed(pem: bytes) -> CertificateIdentity:
    return certificate_identity(pem)


def _in_force(identity: CertificateIdentity, now: datetime) -> bool:
    return identity.not_before <= now <= identity.not_after
