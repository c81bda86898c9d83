"""An adapter's key and certificate: made here, and replaced together even if the power fails in between."""

import hashlib
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.kit.durable import held_alone, write_durably
from adapters.kit.errors import ConfigInvalid

_BITS_A_WORD = 11
_WORDS = 6
_NEXT = ".next"


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A private key that was made on this computer and never leaves it."""

    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls) -> "OwnKey":
        """A new P-256 key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def read(cls, path: Path) -> "OwnKey":
        """A key made before. ConfigInvalid if it is none."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError):
            raise ConfigInvalid([f"{path.name} is not an unencrypted private key in PEM form."]) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise ConfigInvalid([f"{path.name} must hold a P-256 key."])
        return cls(key)

    @property
    def pem(self) -> bytes:
        """As the key file holds it."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def sha256(self) -> bytes:
        """What names the key: SHA-256 of its SubjectPublicKeyInfo."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return hashlib.sha256(self.key.public_key().public_bytes(serialization.Encoding.DER, form)).digest()

    @property
    def words(self) -> tuple[str, ...]:
        """The six words by which two people compare the key: its first 66 bits, 11 bits a word."""
        bits = int.from_bytes(self.sha256) >> (256 - _WORDS * _BITS_A_WORD)
        places = range(_BITS_A_WORD * (_WORDS - 1), -1, -_BITS_A_WORD)
        return tuple(_word_list()[bits >> place & 2**_BITS_A_WORD - 1] for place in places)

    def signing_request(self) -> bytes:
        """PKCS #10 in DER. It asks for no name: the hub gives the one that was invited."""
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def keep(self, path: Path) -> None:
        """Writes it where nothing is yet, readable by its owner alone. ConfigInvalid if something is."""
        try:
            # Created with its mode, so that it is never readable by others even for a moment.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise ConfigInvalid([f"{path.name} is there already; it is never overwritten."]) from None
        except OSError:
            raise ConfigInvalid([f"{path.name} cannot be written here."]) from None
        with os.fdopen(handle, "wb") as file:
            file.write(self.pem)
            file.flush()
            os.fsync(file.fileno())


@dataclass(frozen=True, slots=True)
class Lifetime:
    """From when to when a certificate counts."""

    begins: datetime
    ends: datetime

    def is_due(self, now: datetime) -> bool:
        """Whether two thirds of it are over: time for the next one."""
        return now >= self.begins + (self.ends - self.begins) * 2 / 3


def lifetime(certificate_pem: bytes) -> Lifetime:
    """Of the first certificate in a file. ConfigInvalid if there is none."""
    try:
        certificate = x509.load_pem_x509_certificates(certificate_pem)[0]
    except (ValueError, IndexError):
        raise ConfigInvalid(["hub.certificate_file holds no certificate in PEM form."]) from None
    return Lifetime(certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def fits(key_pem: bytes, certificate_pem: bytes) -> bool:
    """Whether the certificate was given for this key."""
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
        certificate = x509.load_pem_x509_certificates(certificate_pem)[0]
    except (ValueError, TypeError, IndexError):
        return False
    return key.public_key() == certificate.public_key()


def replace_pair(key_file: Path, certificate_file: Path, key_pem: bytes, certificate_pem: bytes) -> None:
    """Puts a new key and certificate in place of the old. Broken off anywhere, `finish_replacing` ends it."""
    with _alone(key_file):
        write_durably(_next(key_file), key_pem)
        write_durably(_next(certificate_file), certificate_pem)
        _finish(key_file, certificate_file)


def finish_replacing(key_file: Path, certificate_file: Path) -> None:
    """Ends what was begun: with both new files there both are used, with the key's alone nothing is."""
    if _next(key_file).exists() or _next(certificate_file).exists():
        with _alone(key_file):
            _finish(key_file, certificate_file)


def _finish(key_file: Path, certificate_file: Path) -> None:
    new_key, new_certificate = _next(key_file), _next(certificate_file)
    if not new_certificate.exists():
        # The certificate never came: this key is not known to anybody.
        new_key.unlink(missing_ok=True)
        return
    if new_key.exists():
        if not fits(new_key.read_bytes(), new_certificate.read_bytes()):
            new_certificate.unlink()
            new_key.unlink()
            return
        new_key.replace(key_file)
    new_certificate.replace(certificate_file)


def _alone(key_file: Path) -> AbstractContextManager[None]:
    """One process at a time: another would take a new key without its certificate for a leftover."""
    return held_alone(key_file.with_name(f".{key_file.name}.lock"))


def _next(path: Path) -> Path:
    return path.with_name(path.name + _NEXT)


@cache
def _word_list() -> tuple[str, ...]:
    found = (files("oncetold.v1") / "six_words.txt").read_text(encoding="ascii").split()
    if len(found) != 2**_BITS_A_WORD:
        raise ConfigInvalid(["The list of words is not whole: install oncetold again."])
    return tuple(found)
