"""An agency's word for its staff that is missing, forged, stale, borrowed or used before: over the wire."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import grpc
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.rpc.authentication import ACTING_AGENCY
from hub.rpc.rules import RULES, Rule
from oncetold.v1 import record_service_pb2
from tests.guard.area import Area, Member, reference_of
from tests.guard.contract import METHODS, path
from tests.integration.loopback import bare, make_site, refusal
from tests.staff import KEY_ID, NAVIGATOR, key_of

METHOD = path("RecordService.GetHistory")
METADATA = "oncetold-assertion"
Claims = dict[str, Any]


@dataclass(frozen=True)
class Word:
    """An assertion in the making: whoever changes one part changes nothing else."""

    header: dict[str, Any]
    claims: Claims
    key: Any
    algorithm: str | None = "EdDSA"

    def signed(self) -> str:
        return jwt.encode(self.claims, self.key, algorithm=self.algorithm, headers=self.header)

    def saying(self, **claims: Any) -> "Word":
        """Claims changed; None takes one away."""
        changed = {name: value for name, value in (self.claims | claims).items() if value is not None}
        return replace(self, claims=changed)

    def headed(self, **header: Any) -> "Word":
        return replace(self, header=self.header | header)


class Desk:
    """One agency's call that needs its word."""

    def __init__(self, area: Area, runner: asyncio.Runner, authority: bytes) -> None:
        self.area, self.runner, self.authority = area, runner, authority
        self.ledger_id = area.running.hub.ledger.ledger_id
        self.member: Member = area.members["hostel"]
        self.request = record_service_pb2.GetHistoryRequest(
            feed_id=self.member.its.feed_id, client_reference=reference_of("hostel")
        ).SerializeToString()

    def word(self) -> Word:
        """One that holds."""
        now = int(time.time())
        certificate = x509.load_pem_x509_certificate(self.member.credentials.certificate.read_bytes())
        der = certificate.public_bytes(serialization.Encoding.DER)
        claims = {
            "iss": "hostel",
            "sub": NAVIGATOR.staff_reference,
            "aud": f"urn:oncetold:{self.ledger_id}",
            "iat": now,
            "exp": now + 240,
            "jti": str(uuid4()),
            "role": NAVIGATOR.role,
            "purpose": NAVIGATOR.purpose,
            "client": reference_of("hostel"),
            "cnf": {"x5t#S256": b64(hashlib.sha256(der).digest())},
            "req": b64(hashlib.sha256(self.request).digest()),
        }
        return Word({"typ": "oncetold-staff+jwt", "kid": KEY_ID}, claims, key_of("hostel"))

    def told(self, *tokens: str) -> tuple[str, str, str]:
        """Status, reason and rule; all empty for an answer."""

        async def ask() -> tuple[str, str, str]:
            metadata = tuple((METADATA, token) for token in tokens)
            try:
                await bare(self.member.channel, METHOD)(self.request, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                status, reason, details = refusal(error)
                said = repr((error.details(), error.debug_error_string(), details))
                assert (
                    "Traceback" not in said
                    and "nav-" not in said
                    and not any(one and one in said for one in tokens)
                )
                return status.name, reason, details.get("rule", "")
            return "", "", ""

        return self.runner.run(ask())


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(word: Word) -> str:
    """As old local tokens were: the algorithm is none, and so is the signature."""
    header = b64(json.dumps({**word.header, "alg": "none"}).encode())
    return f"{header}.{b64(json.dumps(word.claims).encode())}."


def by_hmac(word: Word) -> str:
    """Signed with what everybody knows, the public key, as if it were a secret."""
    public = key_of("hostel").public_key().public_bytes_raw()
    return replace(word, key=public, algorithm="HS256").signed()


def altered(word: Word) -> str:
    """Somebody else's name under a signature that holds for another."""
    head, _, signature = word.signed().split(".")
    return f"{head}.{b64(json.dumps(word.claims | {'sub': 'nav-9'}).encode())}.{signature}"


UNAUTHENTICATED, DENIED = "UNAUTHENTICATED", "PERMISSION_DENIED"
DAY = 86_400
FORGED: dict[str, tuple[Callable[[Word], str], tuple[str, str, str]]] = {
    "algorithm none": (unsigned, (UNAUTHENTICATED, "BAD_ASSERTION", "algorithm")),
    "HS256 with the public key": (by_hmac, (UNAUTHENTICATED, "BAD_ASSERTION", "algorithm")),
    "altered": (altered, (UNAUTHENTICATED, "BAD_ASSERTION", "signature")),
    "another key": (
        lambda word: replace(word, key=Ed25519PrivateKey.generate()).signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "signature"),
    ),
    "a key nobody entered": (
        lambda word: word.headed(kid="staff-9").signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "unknown-key"),
    ),
    "a key that it brings itself": (
        lambda word: word.headed(jwk={"kty": "OKP"}).signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "format"),
    ),
    "another type": (
        lambda word: word.headed(typ="JWT").signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "type"),
    ),
    "expired": (
        lambda word: word.saying(iat=word.claims["iat"] - 600, exp=word.claims["iat"] - 360).signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "expires"),
    ),
    "issued in the future": (
        lambda word: word.saying(iat=word.claims["iat"] + 300, exp=word.claims["iat"] + 500).signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "issued"),
    ),
    "good for a day": (
        lambda word: word.saying(exp=word.claims["iat"] + DAY).signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "lifetime"),
    ),
    "for another hub": (
        lambda word: word.saying(aud=f"urn:oncetold:{uuid4()}").signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "audience"),
    ),
    "for every hub": (
        lambda word: word.saying(aud=[word.claims["aud"], "urn:oncetold:other"]).signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "audience"),
    ),
    "bound to another certificate": (
        lambda word: word.saying(cnf={"x5t#S256": b64(bytes(32))}).signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "binding"),
    ),
    "bound to none": (
        lambda word: word.saying(cnf=None).signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "format"),
    ),
    "about another client": (
        lambda word: word.saying(client="hostel-8").signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "client"),
    ),
    "for another request": (
        lambda word: word.saying(req=b64(bytes(32))).signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "request"),
    ),
    "for no purpose there is": (
        lambda word: word.saying(purpose="CURIOSITY").signed(),
        (UNAUTHENTICATED, "BAD_ASSERTION", "purpose"),
    ),
    "of another agency, and signed by it": (
        lambda word: replace(word.saying(iss="clinic"), key=key_of("clinic")).signed(),
        (DENIED, "ASSERTION_ISSUER", ""),
    ),
    "no assertion at all": (lambda _: "", (UNAUTHENTICATED, "BAD_ASSERTION", "format")),
    "words": (lambda _: "Zebedee", (UNAUTHENTICATED, "BAD_ASSERTION", "format")),
    "six thousand letters": (lambda _: "x" * 6000, (UNAUTHENTICATED, "BAD_ASSERTION", "format")),
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        site = make_site(tmp_path_factory.mktemp("words"))
        area = runner.run(Area.founded(site, stack))
        yield Desk(area, runner, site.authority.certificate.read_bytes())
        runner.run(stack.aclose())


def test_one_that_holds_opens(desk: Desk) -> None:
    """Control: what the forged ones are made of."""
    assert desk.told(desk.word().signed()) == ("", "", "")


@pytest.mark.parametrize("name", FORGED)
def test_an_assertion_that_does_not_hold_opens_nothing(name: str, desk: Desk) -> None:
    forge, told = FORGED[name]

    assert desk.told(forge(desk.word())) == told
    assert desk.told(desk.word().signed()) == ("", "", ""), "and the next call works"


def without_word(desk: Desk, method: str, body: bytes = b"") -> tuple[Any, ...]:
    """What the agency's adapter is told when it sends no assertion."""

    async def ask() -> tuple[Any, ...]:
        its = desk.member.credentials
        tls = grpc.ssl_channel_credentials(desk.authority, its.key.read_bytes(), its.certificate.read_bytes())
        async with grpc.aio.secure_channel(f"localhost:{desk.area.running.port}", tls) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await bare(channel, method)(body)
        return refusal(failure.value)

    return desk.runner.run(ask())


def test_none_and_two_open_nothing(desk: Desk) -> None:
    assert without_word(desk, METHOD, desk.request)[1] == "NO_ASSERTION"
    two = desk.told(desk.word().signed(), desk.word().signed())
    assert two == (UNAUTHENTICATED, "BAD_ASSERTION", "format")


@pytest.mark.parametrize(
    "method", [name for name in METHODS if RULES[f"oncetold.v1.{name}"] is Rule.ASSERTED]
)
def test_every_call_that_a_person_makes_needs_their_agencys_word(method: str, desk: Desk) -> None:
    async def by_the_operator() -> tuple[Any, ...]:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await bare(desk.area.operator, path(method))(b"", metadata=((ACTING_AGENCY, "hostel"),))
        return refusal(failure.value)

    before = desk.area.size()
    assert without_word(desk, path(method)) == (grpc.StatusCode.UNAUTHENTICATED, "NO_ASSERTION", {})
    told = desk.runner.run(by_the_operator())
    assert told == (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_CERTIFICATE", {}), "nor does the operator speak"
    assert desk.area.size() == before


def test_one_that_was_used_is_used(desk: Desk) -> None:
    word = desk.word()

    assert desk.told(word.signed()) == ("", "", "")
    assert desk.told(word.signed()) == (UNAUTHENTICATED, "BAD_ASSERTION", "used")
    assert desk.told(word.saying(jti=str(uuid4())).signed()) == ("", "", "")
