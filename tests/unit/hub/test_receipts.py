"""SAFETY H33 at the hub: an ERASED receipt is taken only when its own words bear it out."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.kit.receipts import ReceiptSigner
from adapters.kit.sink import PendingReceipt
from consent_ledger.errors import Refused
from hub import pki
from hub.rpc import receipts
from hub.use_cases.work import Caller
from oncetold.v1 import common_pb2, delivery_service_pb2

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALL = ("live-rows", "version-history", "search-index")
BACKUPS = ("backups-until:2026-12-24",)


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> pki.Credentials:
    folder = tmp_path_factory.mktemp("pki")
    return pki.issue_adapter(pki.create_authority(folder, datetime.now(UTC)), folder, "hostel", NOW)


def taken(
    credentials: pki.Credentials,
    outcome: str,
    looked_at: tuple[str, ...],
    not_looked_at: tuple[str, ...] = (),
) -> bool:
    """Whether the hub takes the receipt."""
    keeps = outcome == "RETAINED_OWN_BASIS"
    said = delivery_service_pb2.RetractionStatement(
        feed_id=str(uuid4()),
        epoch=1,
        sequence=7,
        fragment_id=str(uuid4()),
        delivery_sha256=bytes(32),
        outcome=delivery_service_pb2.RetractionOutcome.Value(f"RETRACTION_OUTCOME_{outcome}"),
        looked_at=looked_at,
        not_looked_at=not_looked_at,
        own_basis=common_pb2.LAWFUL_BASIS_A6_1_C if keeps else common_pb2.LAWFUL_BASIS_UNSPECIFIED,
    )
    said.done_time.FromDatetime(NOW)
    signed = ReceiptSigner.from_file(credentials.key).sign(PendingReceipt(1, 7, said.SerializeToString()))
    caller = Caller("hostel", credentials.uri, bytes(public_key_der(credentials)))
    try:
        receipts.verified(signed, caller, NOW)
    except Refused as refusal:
        assert refusal.code == "BAD_RECEIPT"
        return False
    return True


def public_key_der(credentials: pki.Credentials) -> bytes:
    certificate = x509.load_pem_x509_certificate(Path(credentials.certificate).read_bytes())
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("looked_at", "not_looked_at"),
    [
        (ALL, BACKUPS),
        ((*ALL, "backups"), ()),
        ((*ALL, *BACKUPS), ()),
        ((*ALL, "no-backups"), ()),
        (ALL, ("backups",)),
        (("live-rows", "no-version-history", "no-search-index", "no-backups"), ()),
        (("live-rows", "version-history", "no-search-index", "paper-file"), BACKUPS),
    ],
)
def test_erased_is_taken_when_every_place_is_spoken_of(
    looked_at: tuple[str, ...], not_looked_at: tuple[str, ...], credentials: pki.Credentials
) -> None:
    assert taken(credentials, "ERASED", looked_at, not_looked_at)


OVERCLAIMS = [
    (("live-rows",), ()),
    (("version-history", "search-index"), BACKUPS),
    (("live-rows", "search-index"), BACKUPS),
    (("live-rows", "version-history"), BACKUPS),
    (("live-rows", "search-index"), ("version-history", *BACKUPS)),
    (("live-rows", "version-history"), ("search-index", *BACKUPS)),
    (ALL, ()),
    (ALL, ("backups-until:2026-02-30",)),
    (ALL, ("backups-until:",)),
    (ALL, ("backupsuntil",)),
]


@pytest.mark.parametrize(("looked_at", "not_looked_at"), OVERCLAIMS)
def test_erased_is_refused_when_a_place_is_left_out(
    looked_at: tuple[str, ...], not_looked_at: tuple[str, ...], credentials: pki.Credentials
) -> None:
    assert not taken(credentials, "ERASED", looked_at, not_looked_at)
    assert taken(credentials, "RESTRICTED", looked_at, not_looked_at), (
        "control: the same words, a lesser claim"
    )
    assert taken(credentials, "RETAINED_OWN_BASIS", looked_at, not_looked_at)


@pytest.mark.parametrize("outcome", ["ERASED", "RESTRICTED", "RETAINED_OWN_BASIS"])
@pytest.mark.parametrize(
    ("looked_at", "not_looked_at"),
    [
        (ALL, ("live-rows", *BACKUPS)),
        (ALL, ("version-history", *BACKUPS)),
        ((*ALL, "no-version-history"), BACKUPS),
        ((*ALL, "no-backups"), BACKUPS),
        ((*ALL, "no-backups"), ("backups",)),
        (("live-rows", "no-version-history", "search-index"), ("version-history", *BACKUPS)),
        (ALL, ("no-backups",)),
        (("live-rows", "search-index"), ("no-version-history", *BACKUPS)),
    ],
)
def test_two_words_about_one_place_are_refused(
    outcome: str, looked_at: tuple[str, ...], not_looked_at: tuple[str, ...], credentials: pki.Credentials
) -> None:
    assert not taken(credentials, outcome, looked_at, not_looked_at)


def test_without_the_check_an_overclaim_would_pass(
    credentials: pki.Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is this check that refuses, and nothing else on the way."""
    monkeypatch.setattr(receipts, "overclaims", lambda statement: False)
    assert all(taken(credentials, "ERASED", *words) for words in OVERCLAIMS)
