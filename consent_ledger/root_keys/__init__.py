"""Who keeps the root of all keys: one port, and a module for each kind of provider."""

from consent_ledger.root_keys.file import FileRootKeys
from consent_ledger.root_keys.port import RootKeys

__all__ = ["FileRootKeys", "RootKeys"]
