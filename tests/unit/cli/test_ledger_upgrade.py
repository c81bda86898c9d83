"""`oncetold ledger upgrade`: what it says of an older ledger, of one of this version, and of none."""

import json
from pathlib import Path

from consent_ledger.store.tables import LAYOUT
from tests.clock import ManualClock
from tests.contract.backends import SqliteBackend
from tests.contract.layout_2 import become_layout_2, layout_of
from tests.unit.cli.conftest import Run


def test_an_older_ledger_is_refused_then_upgraded_then_left_alone(oncetold: Run, tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    backend.create(ManualClock()).close()
    become_layout_2(backend)

    refused = oncetold("--data", tmp_path, "ledger", "check")
    assert refused.exit_code == 2
    assert "oncetold ledger upgrade" in refused.output
    done = oncetold("--data", tmp_path, "ledger", "upgrade")
    assert (done.exit_code, layout_of(backend)) == (0, LAYOUT)
    assert f"layout {LAYOUT} now; it was 2" in done.output
    assert f"Layout 3 of {LAYOUT} is done." in done.output
    again = oncetold("--data", tmp_path, "ledger", "upgrade", "--json")
    assert json.loads(again.stdout) == {"before": LAYOUT, "after": LAYOUT}
    assert oncetold("--data", tmp_path, "ledger", "check").exit_code == 0


def test_where_no_hub_is_there_is_nothing_to_upgrade(oncetold: Run, tmp_path: Path) -> None:
    assert oncetold("--data", tmp_path, "ledger", "upgrade").exit_code == 2
