"""`oncetold-adapter staff-key`: the key with which an agency vouches for its staff."""

from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.output import Json, command, show
from adapters.kit.assertions import create_key, encoded, open_key, public_part
from adapters.kit.errors import ConfigInvalid

DEFAULT = Path("staff.key")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, "staff-key", example="oncetold-adapter staff-key --file staff.key")(staff_key)


def staff_key(
    file: Annotated[
        Path, typer.Option("--file", metavar="FILE", help="Where the key lies, or is to lie.")
    ] = DEFAULT,
    as_json: Json = False,
) -> None:
    """Makes the key that signs for the agency's staff, and prints its public half. Never overwrites one.

    The key stays on this computer. Give the printed line to the hub's operator.
    """
    made = not file.exists()
    try:
        public = create_key(file) if made else public_part(open_key(file))
    except OSError:
        raise ConfigInvalid([f"{file.name} cannot be written: name another folder."]) from None
    text = encoded(public)
    show(
        {"public_key": text, "file": str(file), "made": made},
        [
            f"{'Made' if made else 'Found'} {file}: keep it on this computer, readable by your system alone.",
            "For the hub's operator:",
            f"  oncetold agency assertion-key AGENCY --id staff-1 --key {text}",
        ],
        as_json=as_json,
    )
