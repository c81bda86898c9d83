"""The command tree of `oncetold`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.administrators import Proposer, proposer

app = typer.Typer(
    name="oncetold",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        try:
            print(f"oncetold {version('oncetold')}")
        except PackageNotFoundError:
            print("oncetold (run from its source)")
        raise typer.Exit


@app.callback(epilog="\b\nExample:\n  oncetold --data ./hub agency list")
def root(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", envvar="ONCETOLD_DATA", help="The hub's data folder."),
    ] = None,
    administrator: Annotated[
        str,
        typer.Option(
            "--administrator",
            metavar="NAME",
            envvar="ONCETOLD_ADMINISTRATOR",
            help="The administrator that you are: proposes what two people do.",
        ),
    ] = "",
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Your key. Unset: ~/.oncetold/NAME.key."),
    ] = None,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A person tells their story once; each agency sees the part that it may see, for as long as it may.

    Commands speak to the hub of the data folder. If none is running, the command opens it for itself.

    Exit codes: 0 done, 1 refused by the hub, 2 the command or its configuration has to change, 3 proposed:
    another administrator has to approve it.
    """
    proposer.set(Proposer(administrator, key) if administrator else None)
    context.obj = data.expanduser().absolute() if data is not None else None
