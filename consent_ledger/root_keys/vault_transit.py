"""Root keys in the transit engine of HashiCorp Vault or OpenBao: keys that encrypt there and never leave it.

The root is called by its name, an epoch's object by that name and its id.
"""

import base64
import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import hvac
import requests
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, Unauthorized, VaultError

from consent_ledger.errors import KeyFileRefused, KeysUnavailable, UnsealFailed
from consent_ledger.root_keys.labels import id_of_name, name_label
from consent_ledger.root_keys.port import OBJECT_ID_SIZE

T = TypeVar("T")

_PROVIDER = "vault"
_SECONDS = 10
_KIND = "aes256-gcm96"


class VaultRootKeys:
    """`RootKeys` in a transit engine."""

    def __init__(self, url: str, token: str, name: str, mount: str = "transit") -> None:
        """`token` may create, configure, delete and use keys whose name begins with `name`."""
        self._client = hvac.Client(url=url, token=token, timeout=_SECONDS, allow_redirects=False)
        self._name = name
        self._mount = mount
        self._root_id = id_of_name(f"{mount}/{name}")

    @classmethod
    def created(cls, url: str, token: str, name: str, mount: str = "transit") -> "VaultRootKeys":
        """Makes the root unless there is one. Raises `KeysUnavailable`."""
        made = cls(url, token, name, mount)
        if made.destroyed(made.root_id):
            made._create(name)
        return made

    @classmethod
    def opened(cls, url: str, token: str, name: str, mount: str = "transit") -> "VaultRootKeys":
        """Raises `KeysUnavailable`, and `KeyFileRefused` where there is no such key."""
        found = cls(url, token, name, mount)
        if found.destroyed(found.root_id):
            raise KeyFileRefused(
                "missing at Vault", "Name the address, mount and key that were made with this ledger."
            )
        return found

    @property
    def root_id(self) -> bytes:
        return self._root_id

    def name_label(self, name: str) -> bytes:
        return name_label(name)

    def create(self) -> bytes:
        object_id = os.urandom(OBJECT_ID_SIZE)
        self._create(self._called(object_id))
        return object_id

    def wrap(self, object_id: bytes, key: bytes, context: bytes) -> bytes:
        if self.destroyed(object_id):
            # Asked to encrypt by a key that is not there, Vault makes one.
            raise UnsealFailed(reason="the key is destroyed")
        answer = self._asked(
            lambda transit: transit.encrypt_data(
                name=self._called(object_id),
                plaintext=_text(key),
                associated_data=_text(context),
                mount_point=self._mount,
            )
        )
        return str(answer["data"]["ciphertext"]).encode()

    def unwrap(self, object_id: bytes, wrapped: bytes, context: bytes) -> bytes:
        try:
            answer = self._asked(
                lambda transit: transit.decrypt_data(
                    name=self._called(object_id),
                    ciphertext=wrapped.decode("ascii", errors="replace"),
                    associated_data=_text(context),
                    mount_point=self._mount,
                )
            )
        except (InvalidRequest, InvalidPath) as error:
            raise UnsealFailed(reason="wrapped key") from error
        return base64.b64decode(answer["data"]["plaintext"])

    def destroy(self, object_id: bytes) -> datetime:
        name = self._called(object_id)
        if not self.destroyed(object_id):
            with suppress(InvalidPath):
                self._asked(
                    lambda transit: transit.update_key_configuration(
                        name=name, deletion_allowed=True, mount_point=self._mount
                    )
                )
                self._asked(lambda transit: transit.delete_key(name=name, mount_point=self._mount))
        return datetime.now(UTC)

    def destroyed(self, object_id: bytes) -> bool:
        name = self._called(object_id)
        try:
            self._asked(lambda transit: transit.read_key(name=name, mount_point=self._mount))
        except InvalidPath:
            return True
        return False

    def _called(self, object_id: bytes) -> str:
        return self._name if object_id == self._root_id else f"{self._name}-{object_id.hex()}"

    def _create(self, name: str) -> None:
        self._asked(
            lambda transit: transit.create_key(
                name=name,
                exportable=False,
                allow_plaintext_backup=False,
                key_type=_KIND,
                mount_point=self._mount,
            )
        )

    def _asked(self, question: Callable[[Any], T]) -> T:
        """Raises `InvalidPath` and `InvalidRequest` for what the engine says of keys and ciphertexts."""
        try:
            return question(self._client.secrets.transit)
        except (InvalidPath, InvalidRequest):
            raise
        except (Forbidden, Unauthorized) as error:
            raise KeysUnavailable(
                _PROVIDER,
                "the token is refused",
                "Give a token in VAULT_TOKEN that has not expired and may use this key.",
            ) from error
        except (VaultError, requests.RequestException) as error:
            raise KeysUnavailable(
                _PROVIDER,
                type(error).__name__,
                "Look whether Vault runs, is unsealed and can be reached at keys.url.",
            ) from error


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
