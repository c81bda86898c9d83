"""What a disk may hold after the power was cut, from a recording of `disk.c`.

Certain is what was synced before the cut: a file's bytes by a sync of the file, a name by a sync of its
folder (strict POSIX, harder than any common file system). Of the rest anything may have arrived: nothing,
everything but the last write torn, or any choice of 512-byte sectors of any of the writes, whatever their
order was.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HEADER = struct.Struct("<cHQI")
SECTOR = 512


@dataclass(frozen=True, slots=True)
class Step:
    """One recorded operation. `number` is an offset, a size, or the position of an acknowledgement."""

    kind: str
    path: str
    number: int
    data: bytes


def read_recording(log: Path) -> list[Step]:
    """The steps in the order in which they happened."""
    raw, at, steps = log.read_bytes(), 0, []
    while at < len(raw):
        kind, path_length, number, length = HEADER.unpack_from(raw, at)
        at += HEADER.size
        path = raw[at : at + path_length].decode()
        at += path_length
        steps.append(Step(kind.decode(), path, number, raw[at : at + length]))
        at += length
    return steps


@dataclass(slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Step] = field(default_factory=list)


class Disk:
    """The disk of a folder and those in it, followed step by step."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._names: dict[str, _File] = {}
        self._durable_names: dict[str, _File] = {}
        self._pending_names: list[tuple[str, _File | None]] = []
        self.acknowledged = -1
        """The last position that was acknowledged; 0 for the ledger itself, -1 before it was."""

    def follow(self, step: Step) -> None:
        """One more thing happened."""
        match step.kind:
            case "C":
                self._name(step.path, _File())
            case "W" | "T":
                self._names[step.path].pending.append(step)
            case "S" if step.path not in self._names:
                self._sync_folder(step.path)
            case "S":
                file = self._names[step.path]
                for one in file.pending:
                    _apply(file.durable, one)
                file.pending.clear()
            case "U":
                self._name(step.path, None)
            case "R" | "L":
                self._name(step.data.decode(), self._names[step.path])
                if step.kind == "R":
                    self._name(step.path, None)
            case "A":
                self.acknowledged = max(self.acknowledged, step.number)

    def _sync_folder(self, folder: str) -> None:
        waiting, self._pending_names = self._pending_names, []
        for path, file in waiting:
            if path.rpartition("/")[0] == folder:
                _named(self._durable_names, path, file)
            else:
                self._pending_names.append((path, file))

    def _name(self, path: str, file: _File | None) -> None:
        _named(self._names, path, file)
        self._pending_names.append((path, file))

    def after_a_cut(self, chance: random.Random) -> dict[str, bytes]:
        """What may be found, by file name."""
        names = dict(self._durable_names)
        for path, file in self._pending_names[: chance.randint(0, len(self._pending_names))]:
            _named(names, path, file)
        arrived = chance.choice((_nothing, _all_but_torn, _any_sectors))
        found = {}
        for path, file in names.items():
            content = bytearray(file.durable)
            for one in arrived(file.pending, chance):
                _apply(content, one)
            found[path[len(self._folder) + 1 :]] = bytes(content)
        return found


def _named(names: dict[str, _File], path: str, file: _File | None) -> None:
    if file is None:
        names.pop(path, None)
    else:
        names[path] = file


def _apply(content: bytearray, step: Step) -> None:
    if step.kind == "T":
        del content[step.number :]
        content.extend(bytes(step.number - len(content)))
        return
    content.extend(bytes(max(0, step.number - len(content))))
    content[step.number : step.number + len(step.data)] = step.data


def _nothing(pending: list[Step], chance: random.Random) -> Iterator[Step]:
    return iter(())


def _all_but_torn(pending: list[Step], chance: random.Random) -> Iterator[Step]:
    yield from pending[:-1]
    for last in pending[-1:]:
        kept = chance.randint(0, len(last.data) // SECTOR) * SECTOR
        yield Step(last.kind, last.path, last.number, last.data[:kept]) if last.kind == "W" else last


def _any_sectors(pending: list[Step], chance: random.Random) -> Iterator[Step]:
    for one in pending:
        if chance.random() < 0.5:
            continue
        if one.kind == "T" or chance.random() < 0.5:
            yield one
            continue
        for start in range(0, len(one.data), SECTOR):
            if chance.random() < 0.5:
                yield Step("W", one.path, one.number + start, one.data[start : start + SECTOR])
