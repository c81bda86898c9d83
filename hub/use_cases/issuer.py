"""What signs certificates for the hub: files, a module or a service hold such keys."""

from datetime import datetime
from typing import Protocol


class Issuer(Protocol):
    """Signs certificates with an authority's key."""

    def issue(self, uri: str, public_key_der: bytes, not_before: datetime, not_after: datetime) -> bytes:
        """A client certificate in PEM, the authority's behind it. Raises `UNAVAILABLE`."""
        ...

    def authorities(self) -> bytes:
        """Those by which adapters know the hub, PEM. Raises `UNAVAILABLE`."""
        ...
