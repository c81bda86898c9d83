"""`oncetold init`, `serve`, `dev-pki` and `clock`: the hub itself."""

from __future__ import annotations

import typer

from hub.cli.command import group

clock = group("clock", "The hub's clock.")


def register(app: typer.Typer) -> None:
    pass
