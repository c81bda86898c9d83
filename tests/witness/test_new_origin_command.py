"""`oncetold ledger new-origin`: what the operator of a restored hub types, and is told."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.kit.notes import VerifierKey
from adapters.kit.proofs import TrustRule
from consent_ledger.errors import LedgerRolledBack
from hub.__main__ import app
from hub.bootstrap import running_hub
from hub.config import write_config
from tests.integration.loopback import Site, make_site, register


def served(site: Site, *agencies: str) -> None:
    """The hub runs for a while, and agencies come."""

    async def serve() -> None:
        async with running_hub(site.config) as running:
            for agency_id in agencies:
                await register(site, agency_id)
            async with asyncio.timeout(20):
                while running.hub.log.newest is None or await behind(running.hub):
                    await asyncio.sleep(0.05)

    async def behind(hub: Any) -> bool:
        size = await hub.ledger.run(lambda transaction: transaction.size)
        return bool(hub.log.newest.checkpoint.size < size)

    asyncio.run(serve())


def typed(site: Site, *words: str) -> tuple[int, Any]:
    result = CliRunner().invoke(app, ["--data", str(site.config.data), *words, "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_a_restored_hub_is_refused_then_goes_on_under_a_new_name(short_path: Path) -> None:
    site = make_site(short_path)
    write_config(site.config)
    served(site, "first")
    shutil.copy(site.config.ledger, short_path / "backup")
    served(site, "second")
    last = site.config.checkpoint_file.read_bytes()
    # As the hub says: into an empty place, with the file `checkpoint` of the old one.
    for file in site.config.data.glob("ledger.db*"):
        file.unlink()
    shutil.copy(short_path / "backup", site.config.ledger)

    with pytest.raises(LedgerRolledBack, match="new-origin"):
        served(site)

    code, begun = typed(site, "ledger", "new-origin")
    assert (code, begun["origin"][-2:]) == (0, "/2")
    served(site, "third")
    rule = TrustRule(VerifierKey.parse(begun["verifier_key"]))
    assert rule.believed(site.config.checkpoint_file.read_bytes()).size > 0
    assert (site.config.data / "checkpoint.1").read_bytes() == last


def test_without_any_checkpoint_the_operator_has_to_say_so(short_path: Path) -> None:
    site = make_site(short_path)
    write_config(site.config)
    served(site, "first")
    site.config.checkpoint_file.unlink()

    code, told = typed(site, "ledger", "new-origin")
    assert code != 0 and "--unknown" in told["error"]["next_step"]
    code, told = typed(site, "ledger", "new-origin", "--checkpoint", str(short_path / "nowhere"))
    assert code != 0 and "nowhere" in json.dumps(told)
    assert typed(site, "ledger", "new-origin", "--unknown")[0] == 0
    served(site, "second")
