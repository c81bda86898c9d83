"""Finds what stands between an adapter and its hub, and says so to somebody who is no expert.

From the inside out: our own files and clock, the hub's name and port, the secure connection, then what the
hub itself says. What cannot be looked at because of something earlier is left out.
"""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version

from cryptography import x509

from adapters.kit import transport
from adapters.kit.client import Hub
from adapters.kit.config import HubSettings
from adapters.kit.errors import AdapterError, ConfigInvalid, HubRefused
from adapters.kit.key_files import lifetime
from oncetold.v1.certificate_service_pb2 import GetStandingResponse

CLOCK_MAY_DIFFER = timedelta(minutes=2)
"""By more, the hub refuses what we sign."""
_CLOCK = (
    "Set this computer's clock by a time service (Windows: Settings, Time; Linux: timedatectl set-ntp true)."
)
_TIMES = {"HUB_CERTIFICATE_EXPIRED", "HUB_CERTIFICATE_NOT_YET_VALID"}
_REFUSALS = {
    "CERTIFICATE_REVOKED": (
        "revocation",
        "This certificate was revoked: its key may be in other hands, or is not used any more.",
        "Ring the hub operator and ask why. Then move the old files away, and enrol again with a new code.",
    ),
    "UNKNOWN_CERTIFICATE": (
        "certificate",
        "The hub knows no agency for this certificate: it was replaced, or never authorised.",
        "Ask the hub operator which certificates count (oncetold certificate list), or for an invitation.",
    ),
    "CERTIFICATE_NAME": (
        "certificate",
        "The certificate does not hold exactly one URI name.",
        "Ask the hub operator for another.",
    ),
    "UNIMPLEMENTED": (
        "version",
        "The hub does not know this question: it is older than this adapter.",
        "Ask the hub operator to update the hub. What both know goes on working.",
    ),
}


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing that was looked at: `code` is empty if it is well, and stable if it is not."""

    subject: str
    said: str
    code: str = ""
    next_step: str = ""
    urgent: bool = True


def examine(
    settings: HubSettings,
    feed_id: str | None = None,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    connect: Callable[[HubSettings], Hub] = Hub.connect,
) -> list[Symptom]:
    """Everything in order; takes a minute at most. Nothing is published, fetched or changed."""
    own = _own_files(settings, now())
    found = [own]
    if own.code and own.urgent:
        return found
    failure = transport.probe(settings)
    if failure is not None:
        return [*found, _connection(settings, failure, now())]
    found.append(Symptom("connection", f"{settings.address} answers, and is the hub that hub.ca_file names"))
    try:
        with connect(settings) as hub:
            standing = hub.standing()
    except HubRefused as refusal:
        subject, said, next_step = _REFUSALS.get(refusal.reason, ("hub", refusal.message, refusal.next_step))
        return [*found, Symptom(subject, said, refusal.reason, next_step)]
    except AdapterError as error:
        return [*found, Symptom("hub", error.message, error.code, error.next_step)]
    return [*found, *_standing(standing, feed_id, now())]


def _own_files(settings: HubSettings, now: datetime) -> Symptom:
    """The certificate and its dates, by this computer's clock."""
    with suppress(ConfigInvalid, OSError):
        life = lifetime(settings.certificate_file.read_bytes())
        if now < life.begins:
            return Symptom(
                "clock",
                f"This computer's clock says {_minute(now)} UTC, and the certificate begins later, on"
                f" {_minute(life.begins)}: the clock is behind.",
                "CLOCK_WRONG",
                _CLOCK,
            )
        if now > life.ends:
            return Symptom(
                "certificate",
                f"The certificate ended on {_minute(life.ends)} UTC, and the clock says {_minute(now)}.",
                "CERTIFICATE_EXPIRED",
                "Is the clock right? Then ask the hub operator for an invitation, and enrol again.",
            )
    try:
        facts = transport.read_certificate(settings, now)
    except ConfigInvalid as error:
        return Symptom("certificate", error.message, "CERTIFICATE_UNUSABLE", error.next_step)
    left = (facts.expires - now).days
    said = f"{facts.uri}, until {_minute(facts.expires)} UTC ({left} days)"
    if lifetime(settings.certificate_file.read_bytes()).is_due(now):
        return Symptom(
            "certificate",
            f"{said}: it should have been renewed by now",
            "CERTIFICATE_ENDING",
            "See what is said below. If all is well there, run `oncetold-adapter run`, which renews it.",
            urgent=False,
        )
    return Symptom("certificate", said)


def _connection(settings: HubSettings, failure: AdapterError, now: datetime) -> Symptom:
    subject = {
        "HUB_NAME_UNKNOWN": "name",
        "HUB_CERTIFICATE_NAME": "name",
        "PORT_CLOSED": "port",
        "NO_ANSWER": "port",
        "NOT_TLS": "port",
        "TLS_TOO_OLD": "version",
        "CERTIFICATE_NOT_ACCEPTED": "certificate",
    }.get(failure.code, "connection")
    if failure.code in _TIMES:
        hubs = _hubs_certificate(settings)
        if hubs is not None:
            return Symptom(
                "clock" if now < hubs.not_valid_before_utc else "connection",
                f"The hub's certificate counts from {_minute(hubs.not_valid_before_utc)} to"
                f" {_minute(hubs.not_valid_after_utc)} UTC, and this computer's clock says {_minute(now)}.",
                failure.code,
                f"Is that the time? If not: {_CLOCK} If it is, tell the hub operator.",
            )
    if failure.code == "HUB_CERTIFICATE_NAME":
        hubs = _hubs_certificate(settings)
        names = [] if hubs is None else _names(hubs)
        said = f"{failure.message} It is for: {', '.join(names) or 'no name at all'}."
        return Symptom(subject, said, failure.code, failure.next_step)
    return Symptom(subject, failure.message, failure.code, failure.next_step)


def _standing(standing: GetStandingResponse, feed_id: str | None, now: datetime) -> list[Symptom]:
    """What the hub says of itself and of us."""
    skew = now - standing.hub_time.ToDatetime(UTC)
    if abs(skew) > CLOCK_MAY_DIFFER:
        minutes = round(abs(skew).total_seconds() / 60)
        way = "ahead of" if skew > timedelta(0) else "behind"
        said = f"This computer's clock is {minutes} minutes {way} the hub's."
        found = [Symptom("clock", said, "CLOCK_WRONG", _CLOCK)]
    else:
        found = [Symptom("clock", "agrees with the hub's to within two minutes")]
    found.append(Symptom("revocation", f"the certificate counts, for {standing.agency_id}"))
    found.append(_version(standing.hub_version))
    if feed_id is not None and feed_id not in standing.feed_ids:
        opened = ", ".join(standing.feed_ids) or "none"
        said = f"feed.feed_id is no feed of this certificate's. Opened for it: {opened}."
        found.append(
            Symptom(
                "feed", said, "FEED_UNKNOWN", "Correct feed.feed_id, or ask the hub operator to open one."
            )
        )
    if not standing.renews:
        said = "this hub does not renew certificates by itself"
        found.append(
            Symptom("renewal", said, "NOT_RENEWED", "Ask the hub operator for the next one in time.", False)
        )
    return found


def _version(hubs: str) -> Symptom:
    try:
        ours = version("oncetold")
    except PackageNotFoundError:
        ours = hubs
    if ours.split(".")[:2] == hubs.split(".")[:2]:
        return Symptom("version", f"both are {hubs}")
    return Symptom(
        "version",
        f"The hub is {hubs}, this adapter {ours}.",
        "VERSION_DIFFERS",
        "What both know works. Bring the older one up to date.",
        urgent=False,
    )


def _hubs_certificate(settings: HubSettings) -> x509.Certificate | None:
    """What the hub shows, unchecked: only to tell its dates and names, nothing is sent to it."""
    host, _, port = settings.address.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    where = (host.strip("[]"), int(port))
    with (
        suppress(OSError, ValueError),
        socket.create_connection(where, timeout=transport.PROBE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=where[0]) as tls,
    ):
        shown = tls.getpeercert(binary_form=True)
        return None if shown is None else x509.load_der_x509_certificate(shown)
    return None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in names]


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
