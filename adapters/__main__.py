"""`oncetold-adapter`, or `python -m adapters`."""

from adapters.cli.app import app


def main() -> None:
    """Runs the command that was typed. Exit codes: 0 done, 1 refused or failed, 2 the command has to
    change."""
    app()


if __name__ == "__main__":
    main()
