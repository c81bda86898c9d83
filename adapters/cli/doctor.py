"""`oncetold-adapter doctor`: what stands between this computer and the hub, and what to do about it."""

from dataclasses import asdict
from pathlib import Path

import typer

from adapters.cli.output import FAILED, Config, Json, command, show
from adapters.kit.config import load
from adapters.kit.doctor import examine

DEFAULT = Path("adapter.toml")


def register(app: typer.Typer) -> None:
    """Adds `doctor`."""
    command(app, "doctor", example="oncetold-adapter doctor --config adapter.toml")(doctor)


def doctor(config: Config = DEFAULT, as_json: Json = False) -> None:
    """Looks at the clock, names, certificate, port, revocation and versions, and explains what is wrong.

    Nothing is published or fetched. Exit code 1 if something has to be done before the adapter works.
    """
    settings = load(config)
    found = examine(settings.hub, None if settings.feed is None else settings.feed.feed_id)
    sentences = []
    for one in found:
        state = "good" if not one.code else "WRONG" if one.urgent else "look"
        sentences.append(f"{state:5} {one.subject}: {one.said}" + (f" [{one.code}]" if one.code else ""))
        if one.next_step:
            sentences.append(f"      What to do: {one.next_step}")
    show({"findings": [asdict(one) for one in found]}, sentences, as_json=as_json)
    if any(one.code and one.urgent for one in found):
        raise typer.Exit(FAILED)
