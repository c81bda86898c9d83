"""Who keeps the ledger's root key, as the settings name it. Secrets come from the environment alone:
a token's PIN from ONCETOLD_PKCS11_PIN, Vault's token from VAULT_TOKEN, AWS's as AWS's own tools take them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from consent_ledger.clock import Clock
from consent_ledger.ledger import Ledger, open_ledger
from consent_ledger.root_keys import FileRootKeys, RootKeys
from hub.config import Config, ConfigError
from hub.key_settings import KeySettings

PIN = "ONCETOLD_PKCS11_PIN"
VAULT_TOKEN = "VAULT_TOKEN"  # noqa: S105 - a variable's name


def created_root_keys(config: Config, entropy: Callable[[int], bytes] = os.urandom) -> RootKeys:
    """Makes the root where there is none. Raises `KeyFileRefused`, `KeysUnavailable`, `ConfigError`."""
    keys = config.keys
    if keys.provider == "file":
        return FileRootKeys.created(config.root_key, entropy)
    kind, given = _provider(keys)
    created: RootKeys = kind.created(*given)
    return created


def opened_root_keys(config: Config) -> RootKeys:
    """Raises `KeyFileRefused`, `KeysUnavailable`, `ConfigError`."""
    keys = config.keys
    if keys.provider == "file":
        return FileRootKeys.opened(config.root_key)
    kind, given = _provider(keys)
    opened: RootKeys = kind.opened(*given)
    return opened


def _provider(keys: KeySettings) -> tuple[Any, tuple[str, ...]]:
    """The class of a provider and what it is made with. Each needs an extra of its own."""
    try:
        if keys.provider == "pkcs11":
            from consent_ledger.root_keys.pkcs11 import Pkcs11RootKeys

            return Pkcs11RootKeys, (keys.module, keys.token, _secret(PIN), keys.name)
        if keys.provider == "vault":
            from consent_ledger.root_keys.vault_transit import VaultRootKeys

            return VaultRootKeys, (keys.url, _secret(VAULT_TOKEN), keys.name, keys.mount)
        from consent_ledger.root_keys.aws_kms import AwsKmsRootKeys
    except ModuleNotFoundError as error:
        raise ConfigError(
            "keys.provider",
            f"{error.name} is not installed",
            f"Install it: pip install 'oncetold[hub,{keys.provider}]'",
        ) from None
    return AwsKmsRootKeys, (keys.name, keys.region, keys.url)


def _secret(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise ConfigError("keys", f"{name} is not set", f"Give it in the environment variable {name}.")
    return value


def open_hubs_ledger(config: Config, clock: Clock) -> Ledger:
    """The ledger of the settings, with its keys. Raises as `open_ledger` does, and `ConfigError`."""
    return open_ledger(config.ledger, opened_root_keys(config), clock=clock, fences=fences_file(config))


def fences_file(config: Config) -> Path:
    """Where the ids of destroyed keys are kept, outside the database."""
    return config.data / "fences"
