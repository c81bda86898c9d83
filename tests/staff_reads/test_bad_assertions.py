"""An agency's word for its staff that does not hold is refused, and says which rule it breaks."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.kit.assertions import METADATA, Signer, encoded, public_part
from oncetold.v1 import record_service_pb2, staff_service_pb2
from oncetold.v1.record_service_pb2_grpc import RecordServiceStub
from oncetold.v1.staff_service_pb2_grpc import StaffServiceStub
from tests.integration.loopback import make_site, refused
from tests.integration.served import Served
from tests.staff import KEY_ID, NAVIGATOR, key_of, new_request_id, signer_of

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED
Claims = dict[str, Any]
Header = dict[str, Any]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One hub for all: each assertion is good for one call, and what is refused changes nothing."""
    served = Served(make_site(tmp_path_factory.mktemp("staff")))
    served.start()
    try:
        yield served
    finally:
        served.stop()


def history(served: Served) -> record_service_pb2.GetHistoryRequest:
    return record_service_pb2.GetHistoryRequest(feed_id=served.known.feed_id, client_reference="hos-3")


def sound(served: Served) -> Claims:
    """What the hostel says of its navigator, as it should be."""
    request = history(served)
    certificate = served.credentials["hostel"].certificate.read_bytes()
    signer = signer_of("hostel", served.running.hub.ledger.ledger_id, certificate)
    word = signer.assertion(NAVIGATOR, request)
    claims: Claims = jwt.decode(word, options={"verify_signature": False})
    return claims


def signed(claims: Claims, header: Header | None = None, key: Ed25519PrivateKey | None = None) -> str:
    """With any header and by any key, whatever a library thinks of it."""
    header = {"alg": "EdDSA", "typ": "oncetold-staff+jwt", "kid": KEY_ID} if header is None else header
    said = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{said}.{encoded((key or key_of('hostel')).sign(said.encode()))}"


def told(served: Served, *words: str) -> tuple[grpc.StatusCode, str, str]:
    """Status, reason and rule of a history asked with these words, sent as they are."""

    async def asks() -> tuple[grpc.StatusCode, str, dict[str, str]]:
        credentials = served.credentials["hostel"]
        tls = grpc.ssl_channel_credentials(
            served.site.authority.certificate.read_bytes(),
            credentials.key.read_bytes(),
            credentials.certificate.read_bytes(),
        )
        async with grpc.aio.secure_channel(f"localhost:{served.running.port}", tls) as channel:
            return await refused(
                RecordServiceStub(channel).GetHistory(
                    history(served), metadata=tuple((METADATA, word) for word in words)
                )
            )

    status, reason, details = served.run(asks())
    return status, reason, details.get("rule", "")


async def reads(served: Served, word: str) -> record_service_pb2.GetHistoryResponse:
    answer: record_service_pb2.GetHistoryResponse = await RecordServiceStub(
        served.channels["hostel"]
    ).GetHistory(history(served), metadata=((METADATA, word),))
    return answer


def bad(served: Served, word: str, rule: str) -> None:
    """It is refused for this rule, and the same call with a sound word is answered."""
    before = served.size()
    assert told(served, word) == (UNAUTHENTICATED, "BAD_ASSERTION", rule)
    assert served.size() == before, "the front door's refusals are not entries"
    answer = served.run(reads(served, signed(sound(served))))
    assert len(answer.elements) == 1 and answer.narrowed == record_service_pb2.READING_LIMIT_FULL


def test_without_any_the_call_is_refused(served: Served) -> None:
    assert told(served) == (UNAUTHENTICATED, "NO_ASSERTION", "")


def test_two_at_once_are_none(served: Served) -> None:
    word = signed(sound(served))
    assert told(served, word, word)[1:] == ("BAD_ASSERTION", "format")


HEADERS: dict[str, tuple[Header, str]] = {
    "alg none": ({"alg": "none", "typ": "oncetold-staff+jwt", "kid": KEY_ID}, "algorithm"),
    "HS256": ({"alg": "HS256", "typ": "oncetold-staff+jwt", "kid": KEY_ID}, "algorithm"),
    "ES256": ({"alg": "ES256", "typ": "oncetold-staff+jwt", "kid": KEY_ID}, "algorithm"),
    "no algorithm": ({"typ": "oncetold-staff+jwt", "kid": KEY_ID}, "algorithm"),
    "another type": ({"alg": "EdDSA", "typ": "JWT", "kid": KEY_ID}, "type"),
    "no type": ({"alg": "EdDSA", "kid": KEY_ID}, "type"),
    "no key's id": ({"alg": "EdDSA", "typ": "oncetold-staff+jwt"}, "format"),
    "a key it brings along": (
        {"alg": "EdDSA", "typ": "oncetold-staff+jwt", "kid": KEY_ID, "jwk": {"kty": "OKP"}},
        "format",
    ),
    "where a key lies": (
        {"alg": "EdDSA", "typ": "oncetold-staff+jwt", "kid": KEY_ID, "jku": "https://a.example"},
        "format",
    ),
    "another key's id": ({"alg": "EdDSA", "typ": "oncetold-staff+jwt", "kid": "staff-2"}, "unknown-key"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_asks_for_anything_else(served: Served, name: str) -> None:
    header, rule = HEADERS[name]
    bad(served, signed(sound(served), header), rule)


def test_alg_none_without_a_signature(served: Served) -> None:
    header = {"alg": "none", "typ": "oncetold-staff+jwt", "kid": KEY_ID}
    said = signed(sound(served), header).rpartition(".")[0]
    bad(served, f"{said}.", "algorithm")


def test_hs256_made_with_the_public_key(served: Served) -> None:
    word = jwt.encode(
        sound(served),
        public_part(key_of("hostel")),
        algorithm="HS256",
        headers={"typ": "oncetold-staff+jwt", "kid": KEY_ID},
    )
    bad(served, word, "algorithm")


def test_signed_by_somebody_else(served: Served) -> None:
    bad(served, signed(sound(served), key=Ed25519PrivateKey.generate()), "signature")
    bad(served, signed(sound(served), key=key_of("outreach")), "signature")


def test_claims_changed_after_signing(served: Served) -> None:
    header, _, signature = signed(sound(served)).split(".")
    other = encoded(json.dumps(sound(served) | {"role": "SAFEGUARDING_LEAD"}).encode())
    bad(served, f"{header}.{other}.{signature}", "signature")


def seconds(change: int) -> Callable[[Claims], Claims]:
    """Issued that many seconds later than now, and good for a minute."""

    def changed(claims: Claims) -> Claims:
        issued = int(datetime.now(UTC).timestamp()) + change
        return claims | {"iat": issued, "exp": issued + 60}

    return changed


def without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def with_(**changed: Any) -> Callable[[Claims], Claims]:
    return lambda claims: claims | changed


def also(**thumbprints: str) -> Callable[[Claims], Claims]:
    return lambda claims: claims | {"cnf": {"x5t#S256": encoded(hashlib.sha256(b"x").digest())} | thumbprints}


CLAIMS: dict[str, tuple[Callable[[Claims], Claims], str]] = {
    "expired": (seconds(-61), "expires"),
    "issued a little too far ahead": (seconds(140), "issued"),
    "good for longer than five minutes": (lambda one: one | {"exp": one["iat"] + 301}, "lifetime"),
    "ends before it begins": (lambda one: one | {"exp": one["iat"]}, "lifetime"),
    "for ever": (with_(exp=10**12), "format"),
    "times as text": (with_(exp="2030-01-01"), "format"),
    "times as fractions": (lambda one: one | {"exp": one["iat"] + 1.5}, "format"),
    "for another hub": (with_(aud=f"urn:oncetold:{uuid4()}"), "audience"),
    "for this hub among others": (lambda one: one | {"aud": [one["aud"], "urn:other"]}, "audience"),
    "bound to another certificate": (also(), "binding"),
    "bound to two": (also(x5c="more"), "format"),
    "bound to none": (without("cnf"), "format"),
    "about another client": (with_(client="hos-4"), "client"),
    "about no client": (without("client"), "client"),
    "of another request": (with_(req=encoded(hashlib.sha256(b"other").digest())), "request"),
    "for no known purpose": (with_(purpose="CURIOSITY"), "purpose"),
    "for employment": (with_(purpose="EMPLOYMENT"), "purpose"),
    "in no known role": (with_(role="ROOT"), "format"),
    "of nobody": (with_(sub=""), "format"),
    "of somebody with a line break": (with_(sub="nav\n1"), "format"),
    "without an id": (without("jti"), "format"),
    "with an id that is none": (with_(jti="1"), "format"),
    "with more than is asked": (with_(admin=True), "format"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_that_does_not_hold(served: Served, name: str) -> None:
    change, rule = CLAIMS[name]
    bad(served, signed(change(sound(served))), rule)


def test_another_agencys_is_denied(served: Served) -> None:
    claims = sound(served) | {"iss": "outreach"}
    said = told(served, signed(claims, key=key_of("outreach")))
    assert said == (grpc.StatusCode.PERMISSION_DENIED, "ASSERTION_ISSUER", "")


@pytest.mark.parametrize(
    "word", ["", "x", "a.b.c", "..", f"{encoded(b'[]')}.{encoded(b'{}')}.", "x" * 5000, "[" * 3000]
)
def test_what_is_no_assertion_at_all(served: Served, word: str) -> None:
    bad(served, word, "format")


def test_a_nested_header_ends_in_a_refusal(served: Served) -> None:
    deep = base64.urlsafe_b64encode(b"[" * 1500).decode().rstrip("=")
    bad(served, f"{deep}.{deep}.{deep}", "format")


def test_a_clock_two_minutes_ahead_goes_by(served: Served) -> None:
    answer = served.run(reads(served, signed(seconds(100)(sound(served)))))
    assert len(answer.elements) == 1


def test_it_is_good_once(served: Served) -> None:
    word = signed(sound(served))
    assert len(served.run(reads(served, word)).elements) == 1
    before = served.size()
    assert told(served, word) == (UNAUTHENTICATED, "BAD_ASSERTION", "used")
    assert served.size() == before + 1, "that it was used before is found under the lock, and recorded"
    spelled = jwt.decode(word, options={"verify_signature": False})
    again = signed(sound(served) | {"jti": str(UUID(spelled["jti"])).upper(), "exp": spelled["exp"]})
    assert told(served, again)[2] == "used", "the same id, spelled another way"


def test_an_ended_key_signs_nothing_any_more(served: Served) -> None:
    async def ends() -> None:
        key = Ed25519PrivateKey.generate()
        header = {"alg": "EdDSA", "typ": "oncetold-staff+jwt", "kid": "staff-9"}
        staff = StaffServiceStub(served.channels["operator"])
        await staff.AuthoriseAssertionKey(
            staff_service_pb2.AuthoriseAssertionKeyRequest(
                request_id=new_request_id(), agency_id="hostel", key_id="staff-9", public_key=public_part(key)
            )
        )
        assert len((await reads(served, signed(sound(served), header, key))).elements) == 1
        ending = staff_service_pb2.EndAssertionKeyRequest(
            request_id=new_request_id(), agency_id="hostel", key_id="staff-9"
        )
        denied = await refused(StaffServiceStub(served.channels["outreach"]).EndAssertionKey(ending))
        assert denied[1] == "OPERATOR_ONLY"
        await StaffServiceStub(served.channels["hostel"]).EndAssertionKey(ending)
        outcome = await refused(reads(served, signed(sound(served), header, key)))
        assert outcome[1:] == ("BAD_ASSERTION", {"field": METADATA, "rule": "unknown-key"})

    served.run(ends())


def test_two_agencies_have_no_key_in_common(served: Served) -> None:
    request = staff_service_pb2.AuthoriseAssertionKeyRequest(
        request_id=new_request_id(),
        agency_id="outreach",
        key_id="staff-7",
        public_key=public_part(key_of("hostel")),
    )

    async def authorises() -> Any:
        return await refused(StaffServiceStub(served.channels["operator"]).AuthoriseAssertionKey(request))

    outcome = served.run(authorises())
    assert outcome[1:] == ("INVALID_FIELD", {"field": "public_key", "rule": "no other agency's"})


async def _write(
    channel: grpc.aio.Channel, signer: Signer, *, told_of: str = "hos-3"
) -> staff_service_pb2.BreakGlassResponse:
    request = staff_service_pb2.BreakGlassRequest(
        request_id=new_request_id(),
        client_reference="hos-3",
        reason=staff_service_pb2.BREAK_GLASS_REASON_COURT_OR_DUTY,
    )
    other = staff_service_pb2.BreakGlassRequest()
    other.CopyFrom(request)
    other.request_id = request.request_id if told_of == "hos-3" else new_request_id()
    answer: staff_service_pb2.BreakGlassResponse = await StaffServiceStub(channel).BreakGlass(
        request, metadata=signer.metadata(NAVIGATOR, other)
    )
    return answer


def test_what_writes_is_vouched_for_byte_for_byte(served: Served) -> None:
    certificate = served.credentials["hostel"].certificate.read_bytes()
    signer = signer_of("hostel", served.running.hub.ledger.ledger_id, certificate)
    channel = served.channels["hostel"]
    outcome = served.run(refused(_write(channel, signer, told_of="another attempt")))
    assert outcome[1] == "BAD_ASSERTION" and outcome[2]["rule"] == "request"
    request = staff_service_pb2.BreakGlassRequest(
        request_id=new_request_id(),
        client_reference="hos-3",
        reason=staff_service_pb2.BREAK_GLASS_REASON_COURT_OR_DUTY,
    )
    bare = without("req")(sound(served))
    stub = StaffServiceStub(channel)
    outcome = served.run(refused(_asks(stub, request, signed(bare))))
    assert outcome[1] == "BAD_ASSERTION" and outcome[2]["rule"] == "request"
    assert served.run(_write(channel, signer)).position.index > 0, "control"


async def _asks(stub: StaffServiceStub, request: Any, word: str) -> Any:
    call: Any = stub.BreakGlass(request, metadata=((METADATA, word),))
    return await call
