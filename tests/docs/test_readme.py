"""The README keeps its promises: the first screen, its links, and every command, run in a fresh copy."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
FIRST_SCREEN = "\n".join(README.splitlines()[:45])
BLOCKS = re.findall(r"^```console\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.removeprefix("$ ") for block in BLOCKS for line in block.splitlines() if line.startswith("$ ")
]
# What a demo that goes on serving prints last; then it waits for Ctrl-C.
SERVING = "Ctrl-C"
ENDED_BY_CTRL_C = {0, 130}
A_PART_OF_THE_TESTS = "tests/unit/policy"


def test_the_first_screen_holds_promise_demo_and_three_doors() -> None:
    for needed in ("once", "make demo", "IT", "data protection officer", "Frontline"):
        assert needed.casefold() in FIRST_SCREEN.casefold(), f"{needed!r} is not on the first screen"


def test_every_link_into_the_repository_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith(("http", "#"))]

    assert links
    assert [link for link in links if not (ROOT / link.split("#")[0]).exists()] == []


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    headings = {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    }

    assert [link for link in re.findall(r"\]\(#([^)]+)\)", README) if link not in headings] == []


def test_every_fenced_command_is_one_that_a_test_runs() -> None:
    fences = re.findall(r"^```(\w*)$", README, re.MULTILINE)

    assert {"make demo", "make test"} <= set(COMMANDS)
    assert set(fences) - {""} <= {"console"}, "a shell block that no test runs"


def fresh_copy(target: Path) -> None:
    """What a clone of the present work tree would hold: tracked and new files, nothing that git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def newcomers_environment() -> dict[str, str]:
    """This process's environment without a virtual environment, settings of ours, or the make around us."""
    own = str(Path(sys.executable).parent)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ARGS", "ONCETOLD_", "MAKE", "MFLAGS", "PYTEST_", "PYTHON", "VIRTUAL_ENV"))
    }
    kept["PATH"] = os.pathsep.join(part for part in kept["PATH"].split(os.pathsep) if part != own)
    # `make test` begins here as everywhere; all of it is what a landing check runs first.
    kept["PYTEST_ADDOPTS"] = A_PART_OF_THE_TESTS
    if "ONCETOLD_HMIS" in os.environ:
        kept["ONCETOLD_HMIS"] = os.environ["ONCETOLD_HMIS"]
    return kept


def run(command: str, folder: Path) -> str:
    """Runs one line of the README; what keeps serving is stopped as its reader would stop it."""
    serves = "demo" in shlex.split(command) and "--once" not in command
    process = subprocess.Popen(
        ["bash", "-ec", command], cwd=folder, env=newcomers_environment(), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            if serves and SERVING in line:
                os.killpg(process.pid, signal.SIGINT)
        code = process.wait(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()
    told = "".join(said)
    # make reports a demo ended by Ctrl-C as its own failure: exit code 2, and says that it was interrupted.
    stopped = serves and SERVING in told and (code in ENDED_BY_CTRL_C or (code in {2, -signal.SIGINT}))
    assert code == 0 or stopped, f"{command!r} ended with {code}:\n{told[-4000:]}"
    return told


@pytest.mark.slow
def test_every_command_runs_in_a_fresh_copy(short_path: Path) -> None:
    copy = short_path / "oncetold"
    fresh_copy(copy)

    assert not (copy / ".venv").exists()
    for command in COMMANDS:
        assert run(command, copy).strip(), f"{command!r} said nothing"
