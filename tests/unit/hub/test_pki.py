"""Development certificates hold exactly what the hub looks at, and their keys are their owner's alone."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub import pki

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def authority(tmp_path: Path) -> pki.Authority:
    return pki.create_authority(tmp_path / "pki", NOW)


def names_of(pem: bytes) -> x509.SubjectAlternativeName:
    certificate = x509.load_pem_x509_certificate(pem)
    return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value


def test_an_adapters_certificate_names_its_agency_in_exactly_one_uri(
    authority: pki.Authority, tmp_path: Path
) -> None:
    made = pki.issue_adapter(authority, tmp_path, "hostel", NOW)

    identity = pki.certificate_identity(made.certificate.read_bytes())

    assert identity.uri == made.uri == "spiffe://dev.oncetold/agency/hostel/adapter/1"
    assert identity.public_key_sha256 == made.public_key_sha256
    assert identity.not_after - NOW == timedelta(days=30)
    certificate = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    certificate.verify_directly_issued_by(issuer)


def test_the_hubs_certificate_is_for_this_machine(authority: pki.Authority, tmp_path: Path) -> None:
    names = names_of(pki.issue_server(authority, tmp_path, NOW).certificate.read_bytes())

    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_keys_are_readable_by_their_owner_alone(authority: pki.Authority, tmp_path: Path) -> None:
    made = pki.issue_server(authority, tmp_path, NOW)

    assert {stat.S_IMODE(key.stat().st_mode) for key in (authority.key, made.key)} == {0o600}


def test_nothing_is_overwritten(authority: pki.Authority, tmp_path: Path) -> None:
    before = authority.key.read_bytes()

    with pytest.raises(pki.CertificateFileExists):
        pki.create_authority(tmp_path / "pki", NOW)

    assert authority.key.read_bytes() == before
    assert pki.open_authority(tmp_path / "pki") == authority


@pytest.mark.parametrize("uris", [[], ["spiffe://a/agency/x/adapter/1", "spiffe://a/agency/y/adapter/1"]])
def test_a_certificate_without_exactly_one_uri_is_unusable(
    uris: list[str], authority: pki.Authority, tmp_path: Path
) -> None:
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(uri) for uri in uris]
    made = pki.issue(authority, tmp_path, "odd", names, ExtendedKeyUsageOID.CLIENT_AUTH, NOW)

    with pytest.raises(pki.CertificateUnusable, match=f"holds {len(uris)} URI names"):
        pki.certificate_identity(made.certificate.read_bytes())


def test_what_is_no_certificate_is_unusable_and_not_repeated() -> None:
    with pytest.raises(pki.CertificateUnusable) as refused:
        pki.certificate_identity(b"Zebedee")

    assert "Zebedee" not in str(refused.value)


def test_a_certificate_says_which_of_several_authorities_signed_it(tmp_path: Path) -> None:
    old, new = (pki.create_authority(tmp_path / name, NOW) for name in ("old", "new"))
    names = set()
    for authority in (old, new):
        opened = pki.signing_authority(authority.certificate.read_bytes(), authority.key.read_bytes())
        own = opened.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        names.add(opened.certificate.subject)
        made = pki.issue_adapter(authority, tmp_path / "made", authority.key.parent.name, NOW)
        key = x509.load_pem_x509_certificate(made.certificate.read_bytes()).public_key()
        spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        signed = opened.sign(
            "spiffe://dev.oncetold/agency/hostel/adapter/1", spki, NOW, NOW + pki.LEAF_LIFETIME
        )
        for pem in (made.certificate.read_bytes(), signed):
            extensions = x509.load_pem_x509_certificate(pem).extensions
            by = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
            assert by.key_identifier == own.digest
    assert len(names) == 2


def test_what_is_no_authority_signs_nothing(authority: pki.Authority, tmp_path: Path) -> None:
    leaf = pki.issue_server(authority, tmp_path / "leaf", NOW)
    other = pki.create_authority(tmp_path / "other", NOW)
    for certificate, key in (
        (leaf.certificate, leaf.key),
        (authority.certificate, other.key),
        (authority.key, authority.key),
        (authority.certificate, authority.certificate),
    ):
        with pytest.raises(pki.CertificateUnusable):
            pki.signing_authority(certificate.read_bytes(), key.read_bytes())
