"""The agency's signed word for who of its staff asks: read, checked, and bound to this very call.

The hub cannot see the human: the agency vouches for them, and its word is kept in the ledger. What an
assertion says is believed only if the agency of the call's own certificate signed it, for this hub, for this
certificate, and a few minutes ago at most. Whether it was used before is asked under the ledger's lock.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.message import Message
from jwt.algorithms import OKPAlgorithm

from consent_ledger.errors import Refused
from consent_ledger.staff import Role
from consent_ledger.vocabulary import Purpose
from hub.use_cases.work import Caller, Staff

METADATA = "oncetold-assertion"
"""The gRPC metadata that carries it."""
TYPE = "oncetold-staff+jwt"
ALGORITHM = "EdDSA"
LONGEST = timedelta(minutes=5)
AHEAD = timedelta(seconds=120)
"""How far an agency's clock may be ahead of the hub's."""
MOST_BYTES = 4096

KeyOf = Callable[[str, str], Awaitable[bytes | None]]
"""The public key that an agency signs with, by its id and the key's; 32 bytes."""

_HEADER = {"alg", "typ", "kid"}
_CLAIMS = {"iss", "sub", "aud", "iat", "exp", "jti", "role", "purpose", "cnf"}
_MORE_CLAIMS = {"client", "req"}
_VISIBLE = re.compile(r"[!-~]{1,100}")
_EDDSA = OKPAlgorithm()
_LATEST = 253402300799
"""The last second of the year 9999."""


@dataclass(frozen=True, slots=True)
class Asserted:
    """An assertion that holds for its caller, and what it says of the call itself."""

    staff: Staff
    client: str
    request_sha256: bytes | None


def audience_of(ledger_id: UUID) -> str:
    """What an assertion for this hub names as its audience."""
    return f"urn:oncetold:{ledger_id}"


class Assertions:
    """Checks the assertions of calls that need one."""

    def __init__(self, key_of: KeyOf, audience: str, now: Callable[[], datetime]) -> None:
        """`now` is the hub's own clock."""
        self._key_of = key_of
        self._audience = audience
        self._now = now

    async def asserted(self, caller: Caller, metadata: Sequence[tuple[str, str | bytes]]) -> Asserted:
        """What the call's assertion says. Raises Refused: `NO_ASSERTION`, `BAD_ASSERTION` with the rule,
        `ASSERTION_ISSUER`."""
        sent = [value for name, value in metadata if name == METADATA]
        if not sent:
            raise Refused("NO_ASSERTION")
        token = sent[0]
        if len(sent) > 1 or not isinstance(token, str) or len(token) > MOST_BYTES or not token.isascii():
            raise _bad("format")
        key_id = _key_id(_json_part(token, 0))
        claims = _json_part(token, 1)
        if not isinstance(claims.get("iss"), str):
            raise _bad("format")
        if claims["iss"] != caller.agency_id:
            raise Refused("ASSERTION_ISSUER")
        public = await self._key_of(claims["iss"], key_id)
        if public is None:
            raise _bad("unknown-key")
        _require_signature(token, public)
        if not _CLAIMS <= set(claims) <= _CLAIMS | _MORE_CLAIMS:
            raise _bad("format")
        self._require_time(claims)
        if claims["aud"] != self._audience:
            raise _bad("audience")
        _require_binding(claims, caller)
        return _asserted(claims, key_id, token)

    def _require_time(self, claims: dict[str, Any]) -> None:
        issued, expires = _moment(claims["iat"]), _moment(claims["exp"])
        if not timedelta(0) < expires - issued <= LONGEST:
            raise _bad("lifetime")
        now = self._now()
        if issued > now + AHEAD:
            raise _bad("issued")
        if expires <= now:
            raise _bad("expires")


def require_for(asserted: Asserted, request: Message, body: bytes) -> None:
    """It speaks of this request: of the client that the request names, and of its bytes where they are told,
    as they have to be of whatever writes. Raises Refused (`BAD_ASSERTION`)."""
    fields = request.DESCRIPTOR.fields_by_name
    if "client_reference" in fields and asserted.client != request.client_reference:  # type: ignore[attr-defined]
        raise _bad("client")
    if asserted.request_sha256 is None:
        if "request_id" in fields:
            raise _bad("request")
    elif not hmac.compare_digest(asserted.request_sha256, hashlib.sha256(body).digest()):
        raise _bad("request")


def speaking(caller: Caller, asserted: Asserted) -> Caller:
    """The caller, with whoever its agency says is asking."""
    return replace(caller, staff=asserted.staff)


def _bad(rule: str) -> Refused:
    return Refused("BAD_ASSERTION", field=METADATA, rule=rule)


def _json_part(token: str, number: int) -> dict[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        raise _bad("format")
    try:
        found = json.loads(_bytes(parts[number]))
    except (ValueError, RecursionError):
        raise _bad("format") from None
    if not isinstance(found, dict):
        raise _bad("format")
    return found


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _bad("format") from None


def _key_id(header: dict[str, Any]) -> str:
    """One algorithm and one type, fixed here: what a header asks for decides nothing."""
    if header.get("alg") != ALGORITHM:
        raise _bad("algorithm")
    if header.get("typ") != TYPE:
        raise _bad("type")
    # Nothing else: a header that brings its own key, or says where one lies, is not ours.
    key_id = header.get("kid")
    if set(header) != _HEADER or not isinstance(key_id, str) or not _VISIBLE.fullmatch(key_id):
        raise _bad("format")
    return key_id


def _require_signature(token: str, public: bytes) -> None:
    """The library checks the signature alone: the rest is told above, in the hub's own time."""
    said, _, signature = token.rpartition(".")
    key = Ed25519PublicKey.from_public_bytes(public)
    if not _EDDSA.verify(said.encode("ascii"), key, _bytes(signature)):
        raise _bad("signature")


def _moment(seconds: object) -> datetime:
    if type(seconds) is not int or not 0 <= seconds <= _LATEST:
        raise _bad("format")
    return datetime.fromtimestamp(seconds, UTC)


def _require_binding(claims: dict[str, Any], caller: Caller) -> None:
    bound = claims["cnf"]
    if not isinstance(bound, dict) or set(bound) != {"x5t#S256"} or not isinstance(bound["x5t#S256"], str):
        raise _bad("format")
    thumbprint = caller.certificate_sha256
    if thumbprint is None or not hmac.compare_digest(_bytes(bound["x5t#S256"]), thumbprint):
        raise _bad("binding")


def _asserted(claims: dict[str, Any], key_id: str, token: str) -> Asserted:
    subject, jti, client, sha256 = (claims.get(name, "") for name in ("sub", "jti", "client", "req"))
    if not all(isinstance(one, str) for one in (subject, jti, client, sha256)):
        raise _bad("format")
    if not _VISIBLE.fullmatch(subject) or (client and not _VISIBLE.fullmatch(client)):
        raise _bad("format")
    try:
        staff = Staff(
            subject,
            Role(claims["role"]),
            _purpose(claims["purpose"]),
            UUID(jti),
            key_id,
            _moment(claims["exp"]),
            token,
            client,
        )
    except ValueError:
        raise _bad("format") from None
    return Asserted(staff, client, _bytes(sha256) if "req" in claims else None)


def _purpose(written: object) -> Purpose:
    try:
        purpose = Purpose(str(written))
    except ValueError:
        raise _bad("purpose") from None
    if purpose is Purpose.EMPLOYMENT:  # nothing is ever shared for it
        raise _bad("purpose")
    return purpose
