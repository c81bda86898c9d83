"""Backups of a ledger: the log, and the key table apart; a way back that erased content cannot take."""

from consent_ledger.backup.making import make_backup
from consent_ledger.backup.manifest import KEYS, LOG, Manifest, read_manifest
from consent_ledger.backup.restoring import Gate, restore_backup

__all__ = ["KEYS", "LOG", "Gate", "Manifest", "make_backup", "read_manifest", "restore_backup"]
