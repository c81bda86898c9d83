"""Whether and with what the hub issues certificates: `[enrolment]` of `hub.toml`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EnrolmentSettings:
    """Off while nothing is named. Paths are relative to the data folder."""

    listen: str = ""
    """Host and port of the door for adapters that have no certificate yet; empty: there is none."""
    authority: str = ""
    """The authority's certificate (PEM) that new ones are signed by; empty: the hub signs and renews none."""
    authority_key: str = ""
    """Its key (PEM), which nobody but the hub's user may read."""
    hub_authorities: str = ""
    """The authorities by which adapters know the hub (PEM); empty: those of `tls.client_authority`."""

    def problem(self) -> tuple[str, str, str] | None:
        """The setting that cannot be, why, and what to do; `None` if all can."""
        if bool(self.authority) != bool(self.authority_key):
            return (
                "enrolment.authority",
                "its certificate and its key are not both named",
                "Name enrolment.authority and enrolment.authority_key, or neither.",
            )
        if self.listen and not self.authority:
            return (
                "enrolment.listen",
                "there is nothing to sign certificates with",
                "Name enrolment.authority and enrolment.authority_key, or remove it.",
            )
        return None
