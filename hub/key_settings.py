"""`[keys]` in `hub.toml`: who keeps the ledger's root key."""

import re
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

KEY_PROVIDERS = ("file", "pkcs11", "vault", "aws-kms")
_NEEDED = {"pkcs11": ("module", "token"), "vault": ("url",)}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_WAITS = {"aws-kms": 7}
"""Days that a provider keeps what it was told to destroy; AWS allows no fewer."""


@dataclass(frozen=True, slots=True)
class KeySettings:
    """Who keeps the ledger's root key. Secrets come from the environment: `hub/root_keys.py` names them."""

    provider: str = "file"
    """file, pkcs11, vault or aws-kms."""
    name: str = "oncetold"
    """What the root object is called at the provider; each epoch's is called after it."""
    module: str = ""
    """PKCS#11: the path of the token's library."""
    token: str = ""
    """PKCS#11: the token's label."""
    url: str = ""
    """Vault's address, or another endpoint for AWS KMS."""
    mount: str = "transit"
    """Vault: where its transit engine is mounted."""
    region: str = ""
    """AWS KMS: the region, unless AWS's own settings say it."""
    key_backup_days: int = 30
    """How long copies of the key table and of the provider's objects are kept at most."""

    @property
    def copies_kept(self) -> timedelta:
        """How long somebody may still have a key that the hub has destroyed: in its backups, and while the
        provider could bring it back."""
        return timedelta(days=self.key_backup_days + _WAITS.get(self.provider, 0))

    def problem(self) -> tuple[str, str, str] | None:
        """What does not fit: which setting, why, and what to do. None if all is well."""
        if self.provider not in KEY_PROVIDERS:
            return "keys.provider", "not known", f"Name one of {', '.join(KEY_PROVIDERS)}."
        for name in _NEEDED.get(self.provider, ()):
            if not getattr(self, name):
                return f"keys.{name}", "missing", f"Name it: {self.provider} needs it."
        if _NAME.fullmatch(self.name) is None:
            return "keys.name", "not a name", "Use letters, digits, hyphens and underscores, 40 at most."
        if self.url:
            url = urlsplit(self.url)
            if url.scheme not in ("http", "https") or not url.hostname or "@" in url.netloc:
                return "keys.url", "not an address", 'Write it as "https://vault.example:8200".'
            if url.scheme == "http" and url.hostname not in ("localhost", "127.0.0.1", "::1"):
                return "keys.url", "keys would cross the network in clear", "Name an https:// URL."
        if self.key_backup_days < 0:
            return "keys.key_backup_days", "not a number of days", "Write it as 30."
        return None
