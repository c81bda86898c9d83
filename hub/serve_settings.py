"""`[serve]` in `hub.toml`: whether real people's data are served."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """What has to be so before adapters are served (`hub/production.py`)."""

    production: bool = False
    """Whether a hub that is still being founded, or whose root key lies in a file, is refused."""
