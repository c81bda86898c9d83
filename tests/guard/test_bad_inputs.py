"""Bad inputs that the tables of other tests do not hold, and the table that says where each is tested."""

import ast
import io
import sys
import tomllib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from hub.bootstrap import running_hub
from hub.cli.commands import erase, withdrawal
from hub.cli.errors import Misused
from hub.rpc import handing_over
from tests.guard.named_tests import ROOT, missing
from tests.integration.loopback import Site, adapter_channel
from tests.integration.story import begin, grant, link, withdraw

TABLE = Path(__file__).with_name("bad_inputs.toml")
ALL = range(1, 45)


def rows() -> dict[int, dict[str, object]]:
    return {int(number): row for number, row in tomllib.loads(TABLE.read_text()).items()}


def test_every_bad_input_has_its_row() -> None:
    assert sorted(rows()) == list(ALL)


def test_every_row_names_tests_that_exist_or_why_there_is_nothing_to_test() -> None:
    for number, row in rows().items():
        tests = row.get("tests", [])
        assert isinstance(tests, list)
        assert row["input"]
        assert bool(tests) != bool(row.get("outside")), f"{number}: tests, or why it is outside"
        assert missing(tests) == [], number


@pytest.mark.parametrize(
    "invented",
    [
        "tests/guard/test_bad_inputs.py::test_that_nobody_wrote",
        "tests/guard/test_nowhere.py::test_x",
        "tests/integration/test_bad_input.py::test_bad_input_is_refused_whole[a case that is none]",
    ],
)
def test_a_test_that_does_not_exist_is_missed(invented: str) -> None:
    assert missing([invented]) == [invented]


async def test_to_withdraw_twice_is_answered_alike(site: Site) -> None:
    async with running_hub(site.config) as running:
        story = await begin(site)
        async with (
            adapter_channel(site, running, story.outreach) as outreach,
            adapter_channel(site, running, story.hostel) as hostel,
        ):
            await link(outreach, hostel)
            grant_id = await grant(outreach)

            assert await withdraw(outreach, grant_id) == await withdraw(outreach, grant_id)


class Redirecting(ThreadingHTTPServer):
    """Sends every caller on to an address that is not its own."""

    daemon_threads = True

    def __init__(self, status: int) -> None:
        self.status = status
        self.seen: list[str] = []
        super().__init__(("127.0.0.1", 0), _Redirect)


class _Redirect(BaseHTTPRequestHandler):
    server: Redirecting

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.server.seen.append(f"{self.command} {self.path}")
        self.send_response(self.server.status)
        self.send_header("Location", "/latest/meta-data/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Silent."""


@pytest.fixture(params=[301, 302, 303, 307, 308])
def redirecting(request: pytest.FixtureRequest) -> Iterator[Redirecting]:
    server = Redirecting(request.param)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_witness_cannot_send_the_hub_anywhere_else(redirecting: Redirecting) -> None:
    said = handing_over._post(f"http://127.0.0.1:{redirecting.server_address[1]}/w", b"old 0\n")

    assert said.status == redirecting.status
    assert redirecting.seen == ["POST /w/add-checkpoint"]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_nothing_else_calls_out_by_url() -> None:
    """The witness's address is the only one that a setting names and the hub calls by HTTP itself."""
    clients = {"requests", "httpx", "aiohttp", "urllib3"}
    callers = {
        str(path.relative_to(ROOT))
        for room in ("hub", "adapters", "consent_ledger")
        for path in (ROOT / room).rglob("*.py")
        for name in imported(path)
        if name.split(".")[0] in clients or name == "urllib.request"
    }

    # The other one is the agent of Vault, at the address of its own setting.
    assert callers == {"hub/rpc/handing_over.py", "consent_ledger/root_keys/vault_transit.py"}


@pytest.mark.parametrize(
    "ask", [lambda: erase.confirmed("Erase it?"), withdrawal._confirmed], ids=["erase", "withdraw"]
)
def test_a_question_that_nobody_can_answer_is_never_taken_for_a_yes(
    ask: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    with pytest.raises(Misused) as refused:
        ask()

    assert refused.value.reason == "NOT_CONFIRMED"
    assert "--yes" in refused.value.next_step
