"""`oncetold`, or `python -m hub`: the operator's command."""

from __future__ import annotations

from hub.cli.app import build


def main() -> None:
    """Runs the command that was typed. Exit codes: 0 done, 1 refused, 2 the command has to change."""
    build()()


if __name__ == "__main__":
    main()
