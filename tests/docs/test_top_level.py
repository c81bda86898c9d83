"""The top of the repository holds what its layout says, and nothing has crept in beside it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

LAYOUT = {
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "SECURITY.md",
    "adapters",
    "consent_ledger",
    "deploy",
    "hub",
    "proto",
    "pyproject.toml",
    "requirements.lock",
    "tests",
}
# Written by building or installing the package; git ignores them.
BUILT = {"build", "dist", "oncetold.egg-info"}


def test_the_top_level_is_the_layout() -> None:
    present = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}

    assert present - BUILT == LAYOUT


def test_every_package_folder_is_a_package() -> None:
    """The package finder leaves out, in silence, a folder without `__init__.py`."""
    packages = [ROOT / name for name in ("adapters", "consent_ledger", "hub", "proto/oncetold", "proto/buf")]
    folders = {path.parent for package in packages for path in package.rglob("*.py")}

    assert folders, "found no Python at all"
    assert sorted(str(folder) for folder in folders if not (folder / "__init__.py").exists()) == []
