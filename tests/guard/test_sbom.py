"""The bill of materials says exactly what the locks install, each with its hashes, the same every time."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.guard.named_tests import ROOT

PARTS = ("hub", "adapter")


def written(folder: Path) -> dict[str, bytes]:
    tools = Path(sys.executable).parent
    subprocess.run(["bash", str(ROOT / "deploy" / "sbom.sh"), str(tools), str(folder)], check=True)
    return {part: (folder / f"oncetold-{part}.cdx.json").read_bytes() for part in PARTS}


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return written(tmp_path_factory.mktemp("sbom"))


@pytest.mark.parametrize("part", PARTS)
def test_the_bill_is_the_lock(part: str, bills: dict[str, bytes]) -> None:
    lock = (ROOT / "deploy" / f"{part}.lock").read_text()
    entries = re.findall(r"^(\S+?)==(\S+)[^\n]*\\\n((?:    --hash=\S+.*\n?)+)", lock, re.MULTILINE)
    locked = {
        f"pkg:pypi/{name}@{version}": set(re.findall(r"sha256:([0-9a-f]{64})", hashes))
        for name, version, hashes in entries
    }
    bill = json.loads(bills[part])
    listed = {
        re.sub(r"\?.*", "", one["purl"]): {
            hash_["content"] for reference in one["externalReferences"] for hash_ in reference["hashes"]
        }
        for one in bill["components"]
    }

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "oncetold"
    assert len(locked) > 10
    assert listed == locked


@pytest.mark.slow
def test_the_same_locks_give_the_same_bytes(bills: dict[str, bytes], tmp_path: Path) -> None:
    assert written(tmp_path) == bills
