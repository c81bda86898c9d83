"""What has to stand in the ledger before a hub serves real people's data."""

from hub.config import Config, ConfigError
from hub.projections.administration import Administration


def require_production(config: Config, known: Administration) -> None:
    """Raises ConfigError where `[serve] production` is set and something that it needs is missing."""
    if not config.serve.production:
        return
    if not known.founded:
        raise ConfigError(
            "serve.production",
            "fewer than two administrators are enrolled, so one person could change everything",
            "Enrol two: oncetold admin enrol --help. Codes: oncetold admin codes",
        )
    if config.keys.provider == "file" and known.file_root_accepted is None:
        raise ConfigError(
            "serve.production",
            "the root key is in a file, and no data protection officer has accepted that",
            "Record their word (oncetold keys accept-file-root --help), or set keys.provider.",
        )
