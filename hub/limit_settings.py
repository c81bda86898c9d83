"""`[limits]` in `hub.toml`: how much of the hub one agency may use at a time."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """What is more is refused with a time to wait; what must not wait never is (`hub/rpc/limits.py`).

    Each replica counts for itself. The operator's socket knows no limits.
    """

    calls_at_once: int = 32
    """Of one agency; a call that waits for news does not count."""
    all_calls_at_once: int = 128
    """Of all agencies together; more would only wait in the hub, and everybody with them."""
    calls_per_second: int = 500
    """Of one agency, over a longer time."""
    kibibytes_per_second: int = 8192
    """That one agency sends, over a longer time."""
    seconds_in_advance: int = 4
    """How much of that an agency that was quiet may use all at once."""

    def problem(self) -> tuple[str, str, str] | None:
        """What does not fit: which setting, why, and what to do. None if all is well."""
        for one in fields(self):
            if getattr(self, one.name) < 1:
                return f"limits.{one.name}", "not a number above nothing", f"Write it as {one.default}."
        return None
