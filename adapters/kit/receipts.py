"""Signs what the agency says it did about a retraction, with the key of its certificate (ECDSA P-256,
SHA-256)."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.kit.errors import ConfigInvalid
from adapters.kit.sink import PendingReceipt
from oncetold.v1.delivery_service_pb2 import RetractionReceipt


class ReceiptSigner:
    """Signs receipts. The same statement gets the same signature (RFC 6979), so a repeated fetch sends the
    same bytes."""

    def __init__(self, key_pem: bytes) -> None:
        """Takes the private key as PEM. ConfigInvalid if it is not an unencrypted P-256 key."""
        self.take(key_pem)

    def take(self, key_pem: bytes) -> None:
        """Signs with this key from now on. ConfigInvalid if it is not an unencrypted P-256 key."""
        try:
            key = serialization.load_pem_private_key(key_pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ConfigInvalid(["hub.key_file is not an unencrypted private key in PEM form."]) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise ConfigInvalid(["hub.key_file must hold a P-256 key; receipts are signed with it."])
        self._key = key

    @classmethod
    def from_file(cls, path: Path) -> "ReceiptSigner":
        """Reads the key that the certificate belongs to."""
        try:
            return cls(path.read_bytes())
        except OSError:
            raise ConfigInvalid([f"hub.key_file {path.name} cannot be read."]) from None

    def sign(self, pending: PendingReceipt) -> RetractionReceipt:
        """The receipt for a statement exactly as it was stored."""
        algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        signature = self._key.sign(pending.statement, algorithm)
        return RetractionReceipt(sequence=pending.sequence, statement=pending.statement, signature=signature)
