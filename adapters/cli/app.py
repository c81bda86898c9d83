"""`oncetold-adapter`: init, check, publish, run, retry, status; log and witness have rooms of their own."""

import signal
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import stamina.instrumentation
import typer

from adapters.cli import (
    doctor,
    emergency,
    enrol,
    keys,
    log,
    outliers,
    reading,
    retractions,
    sharing,
    sources,
    staff_key,
    witness,
)
from adapters.cli.output import FAILED, MISUSED, Config, Json, command, interrupt, show
from adapters.cli.pauses import Pauses
from adapters.cli.template import TEMPLATE
from adapters.hmis.errors import HmisError
from adapters.kit import transport
from adapters.kit.backoff import Backoff
from adapters.kit.client import Hub
from adapters.kit.config import Settings, load
from adapters.kit.copies import answer
from adapters.kit.errors import AdapterError, ConfigInvalid, StateUnusable
from adapters.kit.key_files import finish_replacing, lifetime
from adapters.kit.published import Published
from adapters.kit.publisher import Publisher
from adapters.kit.quarantine import Quarantine
from adapters.kit.receipts import ReceiptSigner
from adapters.kit.renewal import Renewal, ending
from adapters.kit.runner import Runner
from adapters.kit.sink import Sink
from adapters.kit.source import PublishReport
from oncetold.v1.common_pb2 import LedgerPosition
from oncetold.v1.delivery_service_pb2 import RetractionOutcome

DEFAULT = Path("adapter.toml")

app = typer.Typer(
    name="oncetold-adapter",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)
enrol.register(app)
keys.register(app)
doctor.register(app)
app.add_typer(log.commands, name="log")
staff_key.register(app)
reading.register(app)
retractions.register(app)
outliers.register(app)
app.add_typer(witness.commands, name="witness")
app.add_typer(sharing.commands, name="sharing")
app.add_typer(emergency.commands, name="emergency")


@app.callback(epilog="\b\nExample:\n  oncetold-adapter init && oncetold-adapter check")
def root() -> None:
    """Connects an agency's own system to a OnceTold hub: publishes its records, and keeps what it may see.

    Exit codes: 0 done, 1 refused or failed, 2 the command or its configuration has to change.
    """
    # Waiting is told by this command; the library's own log lines would say it twice.
    stamina.instrumentation.set_on_retry_hooks(())


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that `check` looked at. `exit_code` 0 is good."""

    subject: str
    said: str
    next_step: str = ""
    exit_code: int = 0


@command(app, "init", example="oncetold-adapter init --config adapter.toml")
def init(config: Config = DEFAULT, as_json: Json = False) -> None:
    """Writes a commented configuration to begin with. Never overwrites a file."""
    try:
        with config.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError:
        raise ConfigInvalid([f"{config.name} is there already; nothing was changed."]) from None
    except OSError:
        raise ConfigInvalid([f"{config.name} cannot be written here."]) from None
    show(
        {"written": config.name},
        [f"Wrote {config.name}. Fill it in, then: oncetold-adapter check"],
        as_json=as_json,
    )


@command(app, "check", example="oncetold-adapter check --config adapter.toml")
def check(config: Config = DEFAULT, as_json: Json = False) -> None:
    """Looks at the configuration, certificate, mapping, databases and hub, and explains what is wrong.

    Nothing is published or fetched. The tables to receive into are made if they are missing.
    """
    findings = _look(load(config))
    answer = {
        "findings": [
            {field.name: getattr(found, field.name) for field in fields(Finding)} for found in findings
        ]
    }
    sentences = [
        f"{'good' if not found.exit_code else 'WRONG'}  {found.subject}: {found.said}"
        + (f"\n       What to do: {found.next_step}" if found.next_step else "")
        for found in findings
    ]
    show(answer, sentences, as_json=as_json)
    worst = max(found.exit_code for found in findings)
    if worst:
        raise typer.Exit(worst)


def _look(settings: Settings) -> list[Finding]:
    findings = [Finding("configuration", "every setting is known")]
    now = datetime.now(UTC)

    def certificate() -> str:
        facts = transport.read_certificate(settings.hub, now)
        due = lifetime(settings.hub.certificate_file.read_bytes()).is_due(now)
        soon = " It should be renewed by now: oncetold-adapter doctor." if due else ""
        ReceiptSigner.from_file(settings.hub.key_file)
        return f"{facts.uri}, valid until {facts.expires:%Y-%m-%d}.{soon}"

    def source() -> str:
        opened = sources.open_sources(settings)
        missing = [column for one in opened for column in sources.missing_columns(one)]
        if missing:
            raise ConfigInvalid([f"The query does not answer the column {column}." for column in missing])
        return "can be read, and every column of the mapping is there"

    def sink() -> str:
        opened = sources.open_sink(settings)
        at = opened.status().bookmark
        return f"works; feed {at.feed_id} stands at {at.epoch}/{at.sequence}; {_receipts_will_say(opened)}"

    findings.append(_try("certificate", certificate))
    if settings.source is not None:
        findings.append(_try("source and mapping", source))
    if settings.sink is not None:
        findings.append(_try("sink", sink))
    if findings[1].exit_code == 0:
        failure = transport.probe(settings.hub)
        if failure is None:
            findings.append(Finding("hub", f"{settings.hub.address} accepts the connection"))
        else:
            findings.append(Finding("hub", f"{failure.message} [{failure.code}]", failure.next_step, FAILED))
    return findings


def _receipts_will_say(sink: Sink) -> str:
    """What the agency will sign about a retraction, so that nobody finds out from the hub."""
    said = answer(sink.beside, datetime.now(UTC))
    outcome = RetractionOutcome.Name(said.outcome).removeprefix("RETRACTION_OUTCOME_")
    unseen = f", not looked at: {', '.join(said.not_looked_at)}" if said.not_looked_at else ""
    return f"a retraction is answered {outcome}{unseen}"


def _try(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, look())
    except ConfigInvalid as error:
        return Finding(subject, error.message, error.next_step, MISUSED)
    except (AdapterError, HmisError) as error:
        said = str(error).removesuffix(error.next_step).strip()
        return Finding(subject, f"{said} [{error.code}]", error.next_step, FAILED)


@command(app, "publish", example="oncetold-adapter publish --config adapter.toml --json")
def publish(
    config: Config = DEFAULT,
    proofs: Annotated[
        Path | None,
        typer.Option("--proofs", metavar="DIR", help="Get the proof of each record; needs [log]."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Publishes what is new or changed in the source, once. Run it as often as you like.

    Rows that cannot be published are listed in the quarantine file, and the others are published.
    """
    settings = load(config)
    if proofs is not None:
        log.log_settings(settings)
    opened = sources.open_sources(settings)
    reports: list[PublishReport] = []
    positions: list[LedgerPosition] = []
    with (
        Hub.connect(settings.hub) as hub,
        Published(settings.state_file) as published,
        Quarantine(settings.quarantine_file) as quarantine,
    ):
        Renewal(hub, settings.hub, say=Pauses("The certificate."))()
        publisher = Publisher(
            hub,
            published,
            quarantine,
            register_clients=settings.register_clients,
            on_pause=Pauses(),
            on_recorded=positions.extend,
        )
        reports += [publisher.publish(source) for source in opened]
        if proofs is not None:
            log.write_proofs(hub, settings, positions, proofs)
    names = [field.name for field in fields(PublishReport)]
    counts = {name: sum(getattr(one, name) for one in reports) for name in names}
    sentences = [
        f"{counts['published']} published, {counts['unchanged']} unchanged, "
        f"{counts['nothing_recorded']} with nothing to tell, {counts['quarantined']} in quarantine.",
        f"{counts['registered']} clients registered. "
        f"{counts['texts_kept_home']} texts stayed home, not released.",
    ]
    if counts["quarantined"]:
        sentences.append(f"What was left out, and why: {settings.quarantine_file.name}")
    show(counts, sentences, as_json=as_json)


@command(app, "run", example="oncetold-adapter run --once")
def run(
    config: Config = DEFAULT,
    once: Annotated[bool, typer.Option("--once", help="End when nothing more comes.")] = False,
    reconcile: Annotated[
        bool,
        typer.Option("--reconcile", help="First tell the hub what is held; brings back what was put aside."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Receives the feed until Ctrl-C: writes, acknowledges, and signs what was done about each retraction.

    It waits out a hub or a database that is down; with --once it gives up after a few attempts.
    """
    _receive(load(config), once=once, reconcile=reconcile, as_json=as_json)


@command(app, "retry", example="oncetold-adapter retry --config adapter.toml")
def retry(config: Config = DEFAULT, as_json: Json = False) -> None:
    """Brings again what was put aside, once what refused it is repaired. Then it ends.

    It tells the hub what is held, and the hub sends what is lacking. Stop `run` first. The same as
    `run --once --reconcile`.
    """
    _receive(load(config), once=True, reconcile=True, as_json=as_json)


def _receive(settings: Settings, *, once: bool, reconcile: bool, as_json: bool) -> None:
    sink = sources.open_sink(settings)
    if settings.feed is None:
        raise ConfigInvalid(["[feed] is missing."])
    finish_replacing(settings.hub.key_file, settings.hub.certificate_file)
    signer = ReceiptSigner.from_file(settings.hub.key_file)
    # A service is stopped by SIGTERM: let it end like Ctrl-C, between transactions.
    signal.signal(signal.SIGTERM, interrupt)
    with Hub.connect(settings.hub) as hub:
        backoff = Backoff() if once else Backoff(attempts=None)
        watching = log.Watching(hub, settings)
        renewal = Renewal(hub, settings.hub, signer, say=Pauses("The certificate."))

        def between() -> None:
            renewal()
            watching()

        runner = Runner(hub, sink, signer, settings.feed, backoff=backoff, on_pause=Pauses(), between=between)
        report = runner.run(once=once, reconcile=reconcile)
    answer = {field.name: getattr(report, field.name) for field in fields(report)}
    counted = (
        f"{report.applied} applied, of them {report.retracted} retractions; {report.put_aside} put aside"
    )
    sentences = [("Stopped. " if report.stopped else "") + f"{counted}; {report.reconciled} reconciliations."]
    if report.put_aside:
        sentences.append("What was put aside, and why: oncetold-adapter status")
    show(answer, sentences, as_json=as_json)


@command(app, "status", example="oncetold-adapter status --json")
def status(config: Config = DEFAULT, as_json: Json = False) -> None:
    """Tells where the adapter stands. Exit code 1 if something waits for a person, for use by monitoring."""
    settings = load(config)
    answer: dict[str, object] = {}
    sentences: list[str] = []
    waiting = False
    if settings.sink is not None:
        at = sources.open_sink(settings).status()
        waiting = bool(at.put_aside or at.blocked)
        answer["receiving"] = {
            "feed_id": at.bookmark.feed_id,
            "epoch": at.bookmark.epoch,
            "sequence": at.bookmark.sequence,
            "held": at.held,
            "receipts_to_send": at.receipts_to_send,
            "retained": at.retained,
            "put_aside": [{"sequence": sequence, "reason": reason} for sequence, reason in at.put_aside],
            "blocked": [{"sequence": sequence, "reason": reason} for sequence, reason in at.blocked],
        }
        sentences += [
            f"Feed {at.bookmark.feed_id} stands at {at.bookmark.epoch}/{at.bookmark.sequence}.",
            f"{at.held} fragments held, {at.retained} kept on an own basis, "
            f"{at.receipts_to_send} receipts to send.",
            *(f"Put aside: delivery {sequence}, {reason}." for sequence, reason in at.put_aside),
        ]
        if at.put_aside:
            sentences.append("Correct what refuses them, then: oncetold-adapter retry")
        sentences += [
            f"BLOCKED: delivery {sequence} takes something back or ends its use, and cannot be carried out, "
            f"{reason}. Until it is, nothing after it is received, and data is here that should not be."
            for sequence, reason in at.blocked
        ]
        if at.blocked:
            sentences.append("Make the database accept it, then: oncetold-adapter run")
    if settings.source is not None:
        publishing = _publishing(settings)
        answer["publishing"] = publishing
        sentences.append(", ".join(f"{key} {value}" for key, value in publishing.items()) + ".")
    near = ending(settings.hub, datetime.now(UTC))
    if near is not None:
        waiting = True
        answer["certificate_ends_in_days"] = near.days
        sentences.append(f"{near.message} {near.next_step}")
    evidence = log.evidence_kept(settings)
    if evidence:
        answer["evidence"] = evidence
        sentences += [
            f"THE LEDGER CONTRADICTED ITSELF: {name}, in the folder `evidence`." for name in evidence
        ]
        sentences.append("What it shows: oncetold-adapter log evidence FILE. Then tell the other agencies.")
    show(answer, sentences, as_json=as_json)
    if waiting or evidence:
        raise typer.Exit(FAILED)


def _publishing(settings: Settings) -> dict[str, object]:
    if not settings.state_file.exists():
        return {"published": 0, "registered": 0, "in_flight": 0}
    try:
        with Published(settings.state_file) as published:
            return {**published.counts()}
    except StateUnusable as error:
        return {"state": error.message}
