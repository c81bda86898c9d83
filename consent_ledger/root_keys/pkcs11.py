"""Root keys in a hardware security module, by PKCS#11: AES keys of 256 bits that never leave it.

The root is found by its label, an epoch's object by its CKA_ID. Both wrap by CKM_AES_GCM inside the token.
"""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import (
    EncryptedDataInvalid,
    EncryptedDataLenRange,
    MultipleObjectsReturned,
    NoSuchKey,
    NoSuchToken,
    PinIncorrect,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)

from consent_ledger.errors import KeyFileRefused, KeysUnavailable, UnsealFailed
from consent_ledger.root_keys.labels import name_label
from consent_ledger.root_keys.port import OBJECT_ID_SIZE

T = TypeVar("T")

NONCE_SIZE = 12
_BITS = 256
_PROVIDER = "pkcs11"
_DAMAGED = (EncryptedDataInvalid, EncryptedDataLenRange)
_AGAIN = "Look whether the module is plugged in, switched on and reachable, then try again."


class Pkcs11RootKeys:
    """`RootKeys` in a token. One session is kept, and made anew after any failure."""

    def __init__(self, module: str, token: str, pin: str, name: str) -> None:
        """`module`: path of the token's library. `name`: the root's label; epochs' are called after it."""
        self._module = module
        self._token = token
        self._pin = pin
        self._name = name
        self._session: Any = None
        self._lock = threading.Lock()
        self._root_id = b""

    @classmethod
    def created(cls, module: str, token: str, pin: str, name: str) -> "Pkcs11RootKeys":
        """Makes the root unless the token holds one. Raises `KeysUnavailable`."""
        made = cls(module, token, pin, name)
        if made._asked(made._root_object) is None:
            made._asked(lambda session: made._generate(session, name, os.urandom(OBJECT_ID_SIZE)))
        return made._found()

    @classmethod
    def opened(cls, module: str, token: str, pin: str, name: str) -> "Pkcs11RootKeys":
        """Raises `KeysUnavailable`, and `KeyFileRefused` where the token holds no such root."""
        return cls(module, token, pin, name)._found()

    @property
    def root_id(self) -> bytes:
        return self._root_id

    def name_label(self, name: str) -> bytes:
        return name_label(name)

    def create(self) -> bytes:
        object_id = os.urandom(OBJECT_ID_SIZE)
        self._asked(lambda session: self._generate(session, f"{self._name}-epoch", object_id))
        return object_id

    def wrap(self, object_id: bytes, key: bytes, context: bytes) -> bytes:
        nonce = os.urandom(NONCE_SIZE)

        def wrapped(session: Any) -> bytes:
            found = self._object(session, object_id)
            return bytes(
                found.encrypt(key, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, context))
            )

        return nonce + self._asked(wrapped)

    def unwrap(self, object_id: bytes, wrapped: bytes, context: bytes) -> bytes:
        def unwrapped(session: Any) -> bytes:
            found = self._object(session, object_id)
            given = GCMParams(wrapped[:NONCE_SIZE], context)
            try:
                return bytes(
                    found.decrypt(wrapped[NONCE_SIZE:], mechanism=Mechanism.AES_GCM, mechanism_param=given)
                )
            except _DAMAGED as error:
                raise UnsealFailed(reason="wrapped key") from error
            except PKCS11Error as error:
                # Tokens disagree on what they call a tag that does not fit.
                if self._works(session, object_id):
                    raise UnsealFailed(reason="wrapped key") from error
                raise

        return self._asked(unwrapped)

    def destroy(self, object_id: bytes) -> datetime:
        def destroyed(session: Any) -> None:
            with suppress(UnsealFailed):
                self._object(session, object_id).destroy()

        self._asked(destroyed)
        return datetime.now(UTC)

    def destroyed(self, object_id: bytes) -> bool:
        def gone(session: Any) -> bool:
            try:
                self._object(session, object_id)
            except UnsealFailed:
                return True
            return False

        return self._asked(gone)

    def _found(self) -> "Pkcs11RootKeys":
        root = self._asked(self._root_object)
        if root is None:
            raise KeyFileRefused(
                "missing at the token", "Name the token and the key that were made with this ledger."
            )
        self._root_id = bytes(root[Attribute.ID])
        return self

    def _root_object(self, session: Any) -> Any:
        try:
            return session.get_key(object_class=ObjectClass.SECRET_KEY, label=self._name)
        except NoSuchKey:
            return None
        except MultipleObjectsReturned:
            raise KeyFileRefused(
                "twice at the token", "Give each ledger's root a name of its own: keys.name in hub.toml."
            ) from None

    def _object(self, session: Any, object_id: bytes) -> Any:
        try:
            return session.get_key(object_class=ObjectClass.SECRET_KEY, id=object_id)
        except NoSuchKey as error:
            raise UnsealFailed(reason="the token holds no such key") from error

    def _works(self, session: Any, object_id: bytes) -> bool:
        """Whether the token still encrypts with this key, so that what failed was the ciphertext."""
        try:
            given = GCMParams(os.urandom(NONCE_SIZE), b"")
            self._object(session, object_id).encrypt(
                bytes(16), mechanism=Mechanism.AES_GCM, mechanism_param=given
            )
        except PKCS11Error:
            return False
        return True

    def _generate(self, session: Any, label: str, object_id: bytes) -> None:
        session.generate_key(
            KeyType.AES,
            _BITS,
            id=object_id,
            label=label,
            store=True,
            template={Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
        )

    def _logged_in(self) -> Any:
        token = pkcs11.lib(self._module).get_token(token_label=self._token)
        try:
            return token.open(rw=True, user_pin=self._pin)
        except UserAlreadyLoggedIn:
            return token.open(rw=True)  # a login is the whole process's

    def _asked(self, question: Callable[[Any], T]) -> T:
        with self._lock:
            try:
                if self._session is None:
                    self._session = self._logged_in()
                return question(self._session)
            except (PinIncorrect, PinLocked) as error:
                raise KeysUnavailable(
                    _PROVIDER,
                    "the PIN is refused",
                    "Correct ONCETOLD_PKCS11_PIN; a token locks itself after a few wrong PINs.",
                ) from error
            except NoSuchToken as error:
                raise KeysUnavailable(
                    _PROVIDER, "no token of this label", "Correct keys.token in hub.toml, or plug it in."
                ) from error
            except PKCS11Error as error:
                self._session = None
                raise KeysUnavailable(_PROVIDER, type(error).__name__, _AGAIN) from error
            except (OSError, RuntimeError) as error:
                raise KeysUnavailable(
                    _PROVIDER, "its library cannot be loaded", "Correct keys.module in hub.toml."
                ) from error
