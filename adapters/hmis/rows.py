"""Reads one CSV file row by row: each with its line, its cells, and what is structurally wrong with it.

Bytes are decoded row by row, so one bad byte costs one row. A quote that is never closed costs its own row
and not the rest of the file: a record may run over several lines only if closing it gives exactly the columns
of the header.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from adapters.hmis.errors import ColumnsMissing, FileMissing, HeaderUnreadable
from adapters.hmis.reasons import Reason

_BOM = b"\xef\xbb\xbf"
_LONGEST_RECORD = 20  # lines that a quoted cell may run over
_LONGEST_LINE = 1 << 20  # bytes; an HMIS row has a few hundred


@dataclass(frozen=True, slots=True)
class Row:
    """One data row. With a `problem`, `cells` is what could be made of it: good for keys at most."""

    file: str
    line: int  # physical line in the file, the header being line 1
    cells: dict[str, str]
    problem: Reason | None = None


class CsvFile:
    """One file of the export. Its header is checked when this is made, before any row is read.

    Raises FileMissing, HeaderUnreadable, ColumnsMissing.
    """

    def __init__(self, folder: Path, name: str, required: frozenset[str]) -> None:
        self.name = name
        self._path = folder / name
        if not self._path.is_file():
            raise FileMissing(name)
        with self._path.open("rb") as stream:
            self.header = _header(name, stream.readline(_LONGEST_LINE))
        missing = sorted(required - set(self.header))
        if missing:
            raise ColumnsMissing(name, missing)

    def rows(self) -> Iterator[Row]:
        """Yields every data row in file order. Lines with nothing on them are no rows."""
        with self._path.open("rb") as stream:
            stream.readline(_LONGEST_LINE)
            lines = _Lines(stream)
            while (line := lines.next()) is not None:
                if line.strip(b"\r\n"):
                    yield self._row(line, lines)

    def _row(self, line: bytes, lines: "_Lines") -> Row:
        number = lines.number
        record, fields = line, _parse(line)
        if fields is None:
            record, fields = self._over_several_lines(line, lines)
        cells = dict(zip(self.header, _loose(line) if fields is None else fields, strict=False))
        return Row(self.name, number, cells, self._problem(record, fields))

    def _problem(self, record: bytes, fields: list[str] | None) -> Reason | None:
        try:
            record.decode("utf-8")
        except UnicodeDecodeError:
            return Reason.ENCODING
        if b"\0" in record:
            return Reason.NUL
        if fields is None:
            return Reason.MALFORMED
        return None if len(fields) == len(self.header) else Reason.RAGGED

    def _over_several_lines(self, line: bytes, lines: "_Lines") -> tuple[bytes, list[str] | None]:
        record = line
        for count, following in enumerate(lines.ahead(_LONGEST_RECORD), start=1):
            record += following
            fields = _parse(record)
            if fields is not None:
                if len(fields) != len(self.header):
                    break
                lines.skip(count)
                return record, fields
        return line, None


class _Lines:
    """The lines of a file with their numbers, and a look at the ones ahead."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._waiting: list[bytes] = []
        self.number = 1

    def next(self) -> bytes | None:
        line = self._waiting.pop(0) if self._waiting else self._read()
        self.number += 1
        return line or None

    def ahead(self, count: int) -> Iterator[bytes]:
        """Yields up to `count` lines without taking them."""
        for index in range(count):
            if index == len(self._waiting):
                line = self._read()
                if not line:
                    return
                self._waiting.append(line)
            yield self._waiting[index]

    def skip(self, count: int) -> None:
        """Takes the next `count` lines, all of which were looked at."""
        del self._waiting[:count]
        self.number += count

    def _read(self) -> bytes:
        line = self._stream.readline(_LONGEST_LINE)
        # A line beyond all measure is cut, and so ragged or malformed: memory stays small.
        while len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            rest = self._stream.readline(_LONGEST_LINE)
            if not rest or rest.endswith(b"\n"):
                break
        return line


def _parse(record: bytes) -> list[str] | None:
    """Splits one record strictly; None when quotes do not match or a bare carriage return stands in it."""
    text = record.decode("utf-8", "surrogateescape").rstrip("\r\n")
    try:
        found = list(islice(csv.reader(StringIO(text, newline=""), strict=True), 2))
    except csv.Error:
        return None
    return found[0] if len(found) == 1 else None


def _loose(line: bytes) -> list[str]:
    """Splits at commas alone: enough for the keys, which stand in front, of a row that cannot be parsed."""
    return line.decode("utf-8", "surrogateescape").rstrip("\r\n").split(",")


def _header(file: str, line: bytes) -> list[str]:
    try:
        text = line.removeprefix(_BOM).decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise HeaderUnreadable(file, "it is not UTF-8 text") from None
    if "\0" in text:
        raise HeaderUnreadable(file, "it is not UTF-8 text")
    try:
        names = next(csv.reader([text], strict=True), [])
    except csv.Error:
        raise HeaderUnreadable(file, "its quotes or line ends do not match") from None
    if not any(names):
        raise HeaderUnreadable(file, "it is empty")
    if len(set(names)) != len(names):
        raise HeaderUnreadable(file, "a column name stands in it twice")
    return names
