"""Row 3: writes and syncs that fail. No acknowledgement of an error, refusals until reopened, no loss."""

import json
from pathlib import Path

import pytest

from tests.faults import disk
from tests.faults.figures import Figures, rounds


def _lived(failing_disk: Path, folder: Path, figures: Figures, operations: int) -> None:
    found = json.loads(disk.run(failing_disk, "failing_writer", folder, figures["seed"], operations))
    figures.update(found)
    assert found["commits refused"] > 0 and found["disk errors"] >= found["commits refused"]
    assert found["refused until reopened"] == 2 * found["commits refused"]
    assert found["acknowledged"] >= operations - found["commits refused"]


def test_an_error_of_the_disk_is_never_an_acknowledgement(
    failing_disk: Path, tmp_path: Path, figures: Figures
) -> None:
    _lived(failing_disk, tmp_path, figures, 300)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_operations_on_a_failing_disk(
    failing_disk: Path, tmp_path: Path, figures: Figures
) -> None:
    _lived(failing_disk, tmp_path, figures, rounds(10_000, "ONCETOLD_DISK_OPERATIONS"))
