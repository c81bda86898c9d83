"""Every command of both programs shows an example that names real options, and offers `--json`."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

import adapters.cli.app
import hub.__main__

# Command trees as typer builds them; its own copy of click gives them no public type.
PROGRAMS: dict[str, Any] = {
    "oncetold": typer.main.get_command(hub.__main__.app),
    "oncetold-adapter": typer.main.get_command(adapters.cli.app.app),
}
PROMISED = {
    "oncetold": "init serve dev-pki agency agreement consent registration link task deliveries why demo",
    "oncetold-adapter": "init check publish run status",
}


def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command and group below, as one types it."""
    yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        yield from walk(f"{name} {word}", inner)


COMMANDS = {typed: command for name, root in PROGRAMS.items() for typed, command in walk(name, root)}
LEAVES = {name: command for name, command in COMMANDS.items() if not hasattr(command, "commands")}


def options(command: Any) -> set[str]:
    return {word for parameter in command.params for word in [*parameter.opts, *parameter.secondary_opts]}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_promised_commands_are_there(program: str) -> None:
    assert set(PROGRAMS[program].commands) >= set(PROMISED[program].split())


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_it_is_for(name: str) -> None:
    assert len((COMMANDS[name].help or "").split()) >= 2


@pytest.mark.parametrize("name", LEAVES)
def test_a_command_offers_json_and_shows_an_example_of_itself(name: str) -> None:
    command, program = LEAVES[name], name.split()[0]
    text = f"{command.help or ''}\n{command.epilog or ''}".replace("\\\n", " ")
    examples = [shlex.split(line) for line in re.findall(rf"^\s*(?:\$ )?({program} .*)$", text, re.MULTILINE)]
    known = options(command) | options(PROGRAMS[program]) | {"--help"}

    assert "--json" in options(command)
    assert any(set(name.split()) <= set(example) for example in examples), "its help shows no example of it"
    for example in examples:
        given = {word.split("=")[0] for word in example if word.startswith("--")}
        assert given <= known, f"no such option: {sorted(given - known)}"
