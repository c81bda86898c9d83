"""`oncetold-adapter enrol`: from a code to a certificate."""

import sys
from datetime import UTC
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.output import Config, Json, command, show
from adapters.cli.pauses import Pauses
from adapters.cli.template import TEMPLATE
from adapters.kit.enrolment import Files, Invitation, enrol
from adapters.kit.errors import ConfigInvalid

DEFAULT = Path("adapter.toml")
NO_FEED = "00000000-0000-4000-8000-000000000000"


def register(app: typer.Typer) -> None:
    """Adds `enrol`."""
    command(app, "enrol", example="oncetold-adapter enrol --invitation northside.invitation")(enrol_here)


def enrol_here(
    invitation: Annotated[Path, typer.Option(metavar="FILE", help="What came by e-mail.")],
    code: Annotated[
        str,
        typer.Option(prompt="The code that you were told", help="Asked for if left out."),
    ] = "",
    config: Config = DEFAULT,
    server_name: Annotated[
        str, typer.Option(help="The name in the hub's certificate, if it is not in its address.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Gets this computer's certificate. It shows six words to read out to whoever invited you.

    The key is made here and never leaves. You may stop and begin again with the same code.
    """
    invited = Invitation.read(invitation)
    folder = config.resolve().parent
    files = Files(folder / "agency.key", folder / "agency.pem", folder / "ca.pem")
    waiting = Pauses()
    answer = enrol(
        invited,
        code,
        files,
        tell_words=_tell_words,
        on_pause=lambda error: None if _is_expected(error) else waiting(error),
        server_name=server_name or None,
    )
    written = _write_config(config, invited.hub, list(answer.feed_ids), server_name)
    until = answer.not_after_time.ToDatetime(UTC)
    show(
        {
            "agency_id": answer.agency_id,
            "uri": answer.uri,
            "not_after_time": until.isoformat(),
            "feed_ids": list(answer.feed_ids),
            "written": [path.name for path in (files.key, files.certificate, files.ca)] + written,
        },
        [
            f"This computer speaks for {answer.agency_id}: {answer.uri}.",
            f"Its certificate lasts until {until:%d %B %Y}, and is renewed by itself while the adapter runs.",
            f"Next: fill in {config.name}, then: oncetold-adapter check",
        ],
        as_json=as_json,
    )


def _tell_words(words: tuple[str, ...]) -> None:
    print(
        f"\nRead these six words out to whoever invited you, by telephone:\n\n    {' '.join(words)}\n\n"
        "Waiting until they say yes. You may stop with Ctrl-C and begin again with the same code.",
        file=sys.stderr,
        flush=True,
    )


def _is_expected(error: Exception) -> bool:
    return getattr(error, "reason", "") == "NOT_CONFIRMED"


def _write_config(config: Path, hub: str, feed_ids: list[str], server_name: str) -> list[str]:
    """A configuration to begin with, where there is none. What was written."""
    text = TEMPLATE.replace('"hub.example.org:7443"', f'"{hub}"', 1)
    if server_name:
        text = text.replace('# server_name = "hub.example.org"', f'server_name = "{server_name}"', 1)
    if feed_ids:
        text = text.replace(NO_FEED, feed_ids[0], 1)
    try:
        with config.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return []
    except OSError:
        raise ConfigInvalid([f"{config.name} cannot be written here."]) from None
    return [config.name]
