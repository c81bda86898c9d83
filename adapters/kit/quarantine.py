"""Rows that were not published, and why: a CSV with file, line and a reason code. Never a row's contents."""

import csv
import os
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from adapters.kit.source import Origin

HEADER = ("file", "line", "reason")
# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection).
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")


class Quarantine:
    """Writes the quarantine file of one run; a new run starts it afresh, so it lists what is wrong now."""

    def __init__(self, path: Path) -> None:
        """Nothing is written before the context is entered."""
        self._path = path
        self._file: TextIO | None = None
        self.count = 0

    def __enter__(self) -> Self:
        # Readable by the owner only: a reason beside a line number says something about a person.
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(handle, "w", encoding="utf-8", newline="")
        csv.writer(self._file).writerow(HEADER)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def add(self, origin: Origin, reason: str) -> None:
        """Notes one row. Flushed at once, so that an interrupted run still tells what it found."""
        if self._file is None:
            raise ValueError("the quarantine file is open only inside its context")
        csv.writer(self._file).writerow((_cell(origin.file), origin.line, _cell(reason)))
        self._file.flush()
        self.count += 1


def _cell(text: str) -> str:
    shown = "".join(character if character.isprintable() else "?" for character in text)
    return f"'{shown}" if text.startswith(FORMULA_BEGINS) else shown
