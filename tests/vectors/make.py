"""Writes the vectors, data for any language: `python -m tests.vectors.make`. `README.md` explains them."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.vectors import notes, proofs, trees
from tests.vectors.trees import Case

FOLDER = Path(__file__).parent
FILES: dict[str, Callable[[], Iterable[Case]]] = {
    "inclusion": trees.inclusion,
    "consistency": trees.consistency,
    "vkeys": notes.vkeys,
    "notes": notes.notes,
    "checkpoints": notes.checkpoints,
    "cosignatures": notes.cosignatures,
    "proofs": proofs.proofs,
}


def made(name: str) -> str:
    """One file's text, a case a line."""
    cases = [json.dumps(case, ensure_ascii=False) for case in FILES[name]()]
    return "[\n" + ",\n".join(cases) + "\n]\n"


def read(name: str) -> list[Case]:
    """One file's cases."""
    cases: list[Case] = json.loads((FOLDER / f"{name}.json").read_text())
    return cases


if __name__ == "__main__":
    for name in FILES:
        (FOLDER / f"{name}.json").write_text(made(name))
