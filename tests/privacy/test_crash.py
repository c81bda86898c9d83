"""A hub struck down while it holds a person's words leaves no copy of its memory, and says none of them."""

import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from hub.config import write_config
from oncetold.v1 import registration_service_pb2
from oncetold.v1.registration_service_pb2_grpc import RegistrationServiceStub
from tests.integration.loopback import Site, make_site, register
from tests.integration.story import request_id
from tests.privacy import person
from tests.privacy.scanner import hits
from tests.privacy.world import channel_of

ROOT = Path(__file__).resolve().parents[2]
WORD = person.FAMILY.encode()
SERVE = "from hub.__main__ import main; main()"
UNHARDENED = "import hub.hardening; hub.hardening.leave_no_copies = lambda: None; " + SERVE


@dataclass
class Struck:
    """What was left: the kernel's word on a dump, every file, and whether the words were in the memory."""

    dumped: bool
    files: dict[str, bytes]
    remembered: bool | None
    """None where the system lets nobody look."""


@contextmanager
def dumps_allowed() -> Iterator[None]:
    """Children may dump core, as on a machine that is set up to find out why things crash."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)


def is_in_memory(pid: int, word: bytes) -> bool | None:
    """Whether a process holds a word, read from its own pages."""
    try:
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
                if found is None:
                    continue
                start, end = (int(one, 16) for one in found.groups())
                with suppress(OSError, ValueError, OverflowError):
                    memory.seek(start)
                    if word in memory.read(end - start):
                        return True
    except PermissionError:
        return None
    return False


def strike(folder: Path, program: str, number: signal.Signals) -> Struck:
    """Serves the person's words and is killed by a signal that dumps core."""
    site = make_site(folder)
    write_config(site.config)
    place = folder / "cwd"
    place.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "proto")]),
        "PYTHONFAULTHANDLER": "1",
        "TMPDIR": str(place),
    }
    with dumps_allowed(), (place / "stderr").open("wb") as err, (place / "stdout").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "--data", str(site.config.data), "serve", "--json"],
            cwd=place,
            env=environment,
            stdout=out,
            stderr=err,
        )
    try:
        remembered = asyncio.run(_told_until_struck(site, process, place / "stdout", number))
        _, status = os.waitpid(process.pid, 0)
        process.returncode = -number
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "pki" not in path.parts
    }
    assert os.WTERMSIG(status) == number
    return Struck(os.WCOREDUMP(status), files, remembered)


async def _told_until_struck(
    site: Site, process: "subprocess.Popen[bytes]", output: Path, number: signal.Signals
) -> bool | None:
    until = time.monotonic() + 60
    while not output.read_bytes().endswith(b"\n"):
        assert process.poll() is None and time.monotonic() < until
        await asyncio.sleep(0.05)
    found = re.search(rb'"address": "[^"]*:([0-9]+)"', output.read_bytes())
    assert found is not None
    keys = await register(site, "outreach")
    async with channel_of(site, int(found[1]), keys) as channel:
        stub = RegistrationServiceStub(channel)

        async def tell(count: int) -> None:
            for turn in range(count):
                await stub.RegisterClient(
                    registration_service_pb2.RegisterClientRequest(
                        request_id=request_id(),
                        client_reference=f"{person.REFERENCES['outreach']}-{turn}",
                        matching_details=registration_service_pb2.MatchingDetails(
                            nhs_number=person.NHS_NUMBER,
                            birth_date=person.BIRTH_DATE,
                            given_name=person.GIVEN,
                            family_name=person.FAMILY,
                        ),
                    )
                )

        await tell(20)
        telling = asyncio.ensure_future(tell(100_000))
        await asyncio.sleep(0.2)
        remembered = is_in_memory(process.pid, WORD)
        process.send_signal(number)
        with pytest.raises(grpc.aio.AioRpcError):
            await telling
    return remembered


ASKED_OF_ITSELF = """
import ctypes, faulthandler, resource
from hub.hardening import leave_no_copies
leave_no_copies()
dumpable = ctypes.CDLL(None).prctl(3)  # PR_GET_DUMPABLE
print(resource.getrlimit(resource.RLIMIT_CORE), dumpable, faulthandler.is_enabled())
"""


def test_each_of_the_three_is_in_force() -> None:
    """Any one of them hides the lack of another from the tests below."""
    with dumps_allowed():
        said = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", ASKED_OF_ITSELF],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )

    assert said.stdout == "(0, 0) 0 False\n", said.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV])
def test_a_crash_leaves_no_copy_and_says_no_word(tmp_path: Path, number: signal.Signals) -> None:
    left = strike(tmp_path, SERVE, number)

    assert not left.dumped
    assert [name for name in left.files if "core" in Path(name).name] == []
    assert {name: seen for name, data in left.files.items() if (seen := hits(data, person.WORDS))} == {}
    assert b"SERVING" in left.files["cwd/stderr"], "its log was where we looked"
    assert b"File " not in left.files["cwd/stderr"], "no stack is written either"
    # Only root may look into it now.
    assert left.remembered is (True if os.geteuid() == 0 else None)


@pytest.mark.slow
def test_control_an_unhardened_hub_has_the_words_in_its_memory_and_dumps_them(tmp_path: Path) -> None:
    left = strike(tmp_path, UNHARDENED, signal.SIGSEGV)
    for dump in (tmp_path / "cwd").glob("core*"):
        dump.unlink()  # as large as the hub, and it has been read

    assert left.remembered is True, "there was something to leave behind"
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith(("|", "/")) or resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        return  # This machine keeps dumps elsewhere or allows none: the memory is control enough.
    assert left.dumped
    assert [name for name, data in left.files.items() if "core" in Path(name).name and WORD in data]
