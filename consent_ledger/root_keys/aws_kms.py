"""Root keys in AWS Key Management Service: customer keys that never leave it.

The root is found by an alias. Destroying an epoch's key takes AWS seven days at least, in which an
administrator can still call it back: the horizon of an erasure counts them.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from consent_ledger.errors import KeyFileRefused, KeysUnavailable, UnsealFailed
from consent_ledger.root_keys.labels import name_label

T = TypeVar("T")

_PROVIDER = "aws-kms"
_DAYS = 7
"""The shortest wait that AWS allows."""
_WAITS = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3})
_NONE = ("NotFoundException",)
_CLOSED = (
    *_NONE,
    "InvalidCiphertextException",
    "IncorrectKeyException",
    "KMSInvalidStateException",
    "DisabledException",
)


class AwsKmsRootKeys:
    """`RootKeys` at AWS. Credentials come as AWS's own tools find them."""

    def __init__(self, name: str, region: str = "", endpoint: str = "") -> None:
        self._name = name
        try:
            self._client: Any = boto3.client(
                "kms", region_name=region or None, endpoint_url=endpoint or None, config=_WAITS
            )
        except (BotoCoreError, ValueError) as error:
            raise _away(error) from error
        self._root_id = b""

    @classmethod
    def created(cls, name: str, region: str = "", endpoint: str = "") -> "AwsKmsRootKeys":
        """Makes the root and its alias unless there is one. Raises `KeysUnavailable`."""
        made = cls(name, region, endpoint)
        if made._root() is None:
            root = made._new_key("root")
            made._asked(
                lambda kms: kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=str(UUID(bytes=root)))
            )
        return made._found()

    @classmethod
    def opened(cls, name: str, region: str = "", endpoint: str = "") -> "AwsKmsRootKeys":
        """Raises `KeysUnavailable`, and `KeyFileRefused` where there is no such key."""
        return cls(name, region, endpoint)._found()

    @property
    def root_id(self) -> bytes:
        return self._root_id

    def name_label(self, name: str) -> bytes:
        return name_label(name)

    def create(self) -> bytes:
        return self._new_key("epoch")

    def wrap(self, object_id: bytes, key: bytes, context: bytes) -> bytes:
        if self.destroyed(object_id):
            raise UnsealFailed(reason="the key is destroyed")
        answer = self._asked(
            lambda kms: kms.encrypt(
                KeyId=str(UUID(bytes=object_id)), Plaintext=key, EncryptionContext=_bound_to(context)
            )
        )
        return bytes(answer["CiphertextBlob"])

    def unwrap(self, object_id: bytes, wrapped: bytes, context: bytes) -> bytes:
        if self.destroyed(object_id):
            raise UnsealFailed(reason="the key is destroyed")
        answer = self._asked(
            lambda kms: kms.decrypt(
                KeyId=str(UUID(bytes=object_id)), CiphertextBlob=wrapped, EncryptionContext=_bound_to(context)
            ),
            closed=_CLOSED,
        )
        if answer is None:
            raise UnsealFailed(reason="wrapped key")
        return bytes(answer["Plaintext"])

    def destroy(self, object_id: bytes) -> datetime:
        key_id = str(UUID(bytes=object_id))
        described = self._described(key_id)
        if described is None:
            return datetime.now(UTC)  # AWS forgets a key when its wait is over
        if described.get("DeletionDate") is None:
            described = self._asked(
                lambda kms: kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=_DAYS)
            )
        gone: datetime = described["DeletionDate"]
        return gone.astimezone(UTC) if gone.tzinfo else gone.replace(tzinfo=UTC)

    def destroyed(self, object_id: bytes) -> bool:
        described = self._described(str(UUID(bytes=object_id)))
        return described is None or described["KeyState"] in ("PendingDeletion", "PendingReplicaDeletion")

    def _found(self) -> "AwsKmsRootKeys":
        root = self._root()
        if root is None:
            raise KeyFileRefused(
                "missing at AWS KMS",
                "Name the account, region and key (keys.name is its alias) that were made with this ledger.",
            )
        self._root_id = root
        return self

    def _root(self) -> bytes | None:
        described = self._described(f"alias/{self._name}")
        if described is None:
            return None
        try:
            return UUID(described["KeyId"]).bytes
        except ValueError:
            raise KeyFileRefused(
                "a key of several regions", "Use a key of one region: its copies elsewhere would outlive it."
            ) from None

    def _described(self, key_id: str) -> dict[str, Any] | None:
        answer = self._asked(lambda kms: kms.describe_key(KeyId=key_id), closed=_NONE)
        return None if answer is None else answer["KeyMetadata"]

    def _new_key(self, purpose: str) -> bytes:
        answer = self._asked(
            lambda kms: kms.create_key(
                Description=f"OnceTold {self._name}: {purpose}", KeyUsage="ENCRYPT_DECRYPT"
            )
        )
        return UUID(answer["KeyMetadata"]["KeyId"]).bytes

    def _asked(self, question: Callable[[Any], Any], *, closed: tuple[str, ...] = ()) -> Any:
        """The answer, or None where AWS says one of `closed`."""
        try:
            return question(self._client)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in closed:
                return None
            raise KeysUnavailable(
                _PROVIDER,
                code if code.isalnum() else "refused",
                "Look whether the hub's AWS credentials are valid and may create, use and delete keys.",
            ) from error
        except BotoCoreError as error:
            raise _away(error) from error


def _bound_to(context: bytes) -> dict[str, str]:
    return {"oncetold": context.hex()}


def _away(error: Exception) -> KeysUnavailable:
    return KeysUnavailable(
        _PROVIDER,
        type(error).__name__,
        "Look whether AWS KMS can be reached, and set region and credentials as AWS's own tools read them.",
    )
