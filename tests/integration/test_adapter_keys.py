"""`oncetold-adapter keys` against a real hub: an agency cuts off its own lost computer, from another one."""

import asyncio
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from adapters.cli.app import app
from hub.bootstrap import RunningHub, running_hub
from hub.pki import Credentials
from tests.integration.conftest import site
from tests.integration.loopback import Site, register

__all__ = ["site"]


async def typed(site: Site, running: RunningHub, computer: Credentials, *words: str) -> Any:
    """What one of the agency's computers prints, and its exit code."""
    config = computer.key.with_suffix(".toml")
    config.write_text(
        f'[hub]\naddress = "localhost:{running.port}"\nca_file = "{site.authority.certificate}"\n'
        f'certificate_file = "{computer.certificate}"\nkey_file = "{computer.key}"\n'
        '[witness]\nfolder = "witness"\n'
    )
    line = ["keys", *words, "--config", str(config), "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, app, line)
    return json.loads(result.stdout or result.stderr), result.exit_code


async def test_a_lost_computer_is_cut_off_from_another_one(site: Site, tmp_path: Path) -> None:
    async with running_hub(site.config) as running:
        desk = await register(site, "hostel", site.issue("hostel", "1"))
        lost = await register(site, "hostel", site.issue("hostel", "2"))
        other = await register(site, "outreach", site.issue("outreach", "1"))

        listed, _ = await typed(site, running, desk, "list")
        states = {one["key"]: one["state"] for one in listed["keys"]}
        assert states == {
            desk.public_key_sha256.hex(): "this computer",
            lost.public_key_sha256.hex(): "counts",
        }

        named = ("revoke", "--key", lost.public_key_sha256.hex(), "--reason", "DEVICE_LOST")
        refused, code = await typed(site, running, other, *named)
        assert (code, refused["error"]["reason"]) == (1, "NOT_FOUND"), "another agency's key is like none"
        assert (await typed(site, running, lost, "list"))[1] == 0, "it still counts"

        cut, code = await typed(site, running, desk, *named)
        assert (code, cut) == (0, {"revoked": [lost.public_key_sha256.hex()], "this_computer": False})
        refused, code = await typed(site, running, lost, "list")
        assert (code, refused["error"]["reason"]) == (1, "CERTIFICATE_REVOKED")
        listed, _ = await typed(site, running, desk, "list")
        assert {one["state"] for one in listed["keys"]} == {"this computer", "revoked"}


async def test_a_computer_that_cuts_itself_off_is_told_so(site: Site) -> None:
    async with running_hub(site.config) as running:
        desk = await register(site, "hostel", site.issue("hostel", "1"))
        named = ("revoke", "--key", desk.public_key_sha256.hex(), "--reason", "DEVICE_LOST")
        assert (await typed(site, running, desk, *named[:-1], "LOST"))[1] == 2, "no such reason"
        cut, _ = await typed(site, running, desk, *named)
        assert cut["this_computer"]
        assert (await typed(site, running, desk, "list"))[1] == 1
