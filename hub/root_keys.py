"""Who keeps the ledger's root key, as the settings name it. Secrets come from the environment alone."""

import os
from collections.abc import Callable
from pathlib import Path

from consent_ledger.clock import Clock
from consent_ledger.ledger import Ledger, open_ledger
from consent_ledger.root_keys import FileRootKeys, RootKeys
from hub.config import Config


def created_root_keys(config: Config, entropy: Callable[[int], bytes] = os.urandom) -> RootKeys:
    """Makes the root where there is none. Raises `KeyFileRefused`, `KeysUnavailable`, `ConfigError`."""
    return FileRootKeys.created(config.root_key, entropy)


def opened_root_keys(config: Config) -> RootKeys:
    """Raises `KeyFileRefused`, `KeysUnavailable`, `ConfigError`."""
    return FileRootKeys.opened(config.root_key)


def open_hubs_ledger(config: Config, clock: Clock) -> Ledger:
    """The ledger of the settings, with its keys. Raises as `open_ledger` does, and `ConfigError`."""
    return open_ledger(config.ledger, opened_root_keys(config), clock=clock, fences=fences_file(config))


def fences_file(config: Config) -> Path:
    """Where the ids of destroyed keys are kept, outside the database."""
    return config.data / "fences"
