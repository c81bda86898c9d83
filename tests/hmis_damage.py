"""Damages an HMIS CSV export in known ways, and says which lines must then be in quarantine, and why.

Every file is damaged in every way that bytes can go wrong; links and codes where they matter. Rows are
chosen by a seed. One damage reaches further than its row: an enrolment at a project that does not exist
takes with it every other row of that enrolment, and those rows are named too.
"""

import csv
import random
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from adapters.hmis.mapping import FILES, FileMap
from adapters.hmis.reasons import Reason


@dataclass(frozen=True, order=True)
class Damage:
    """A line that must be quarantined. Lines count from 1, the header's."""

    file: str
    line: int
    reason: str


class Damager:
    """Damages a folder in place. Rows that are bad by nature are left alone."""

    def __init__(
        self, folder: Path, seed: int, bad_by_nature: frozenset[tuple[str, int]] = frozenset()
    ) -> None:
        self._folder = folder
        self._random = random.Random(seed)
        self._taken = set(bad_by_nature)
        self._lines = {
            file.name: (folder / file.name).read_bytes().splitlines(keepends=True) for file in FILES
        }
        self.damages: list[Damage] = []

    def run(self) -> list[Damage]:
        """Applies every damage, writes the files, and returns what must be quarantined, sorted."""
        self._lose_project()
        self._leave_before_entry()
        for file in FILES:
            self._bytes(file)
            self._edit(file, Reason.IMPOSSIBLE_DATE, {file.date: "2021-02-30"})
            self._edit(file, Reason.FUTURE_DATE, {file.date: "2999-01-01"})
            self._duplicate(file)
            if file.stem in {"Client", "Enrollment"}:
                continue  # without these keys others cannot say whose they are: see _lose_project
            self._edit(file, Reason.MISSING_KEY, {file.key: ""})
            self._edit(file, Reason.BAD_KEY, {file.key: "k " * 9})
            self._edit(file, Reason.MISSING_KEY, {"EnrollmentID": ""})
            self._edit(file, Reason.UNKNOWN_ENROLMENT, {"EnrollmentID": "no-such-enrolment"})
            self._edit(file, Reason.UNKNOWN_CLIENT, {"PersonalID": "no-such-client"})
            self._wrong_client(file)
        by_stem = {file.stem: file for file in FILES}
        self._edit(by_stem["Client"], Reason.BAD_TEXT, {"FirstName": "Ann\u202eeiluJ"})
        self._edit(by_stem["Client"], Reason.IMPOSSIBLE_DATE, {"DOB": "1980-13-01"})
        self._edit(by_stem["Enrollment"], Reason.BAD_CODE, {"LivingSituation": "street"})
        self._edit(by_stem["Disabilities"], Reason.UNKNOWN_CODE, {"DisabilityType": "77"})
        self._edit(by_stem["Disabilities"], Reason.UNKNOWN_CODE, {"DisabilityType": ""})
        self._edit(by_stem["IncomeBenefits"], Reason.BAD_NUMBER, {"TotalMonthlyIncome": "plenty"})
        for name, lines in self._lines.items():
            (self._folder / name).write_bytes(b"".join(lines))
        return sorted(self.damages)

    def _bytes(self, file: FileMap) -> None:
        last_cell_gone: Callable[[bytes], bytes] = lambda row: row[: row.rindex(b",")]  # noqa: E731
        self._rewrite(file, Reason.RAGGED, last_cell_gone)
        self._rewrite(file, Reason.RAGGED, lambda row: row + b",and,more")
        self._rewrite(file, Reason.ENCODING, lambda row: row + b"caf\xe9")
        self._rewrite(file, Reason.NUL, lambda row: row + b"\0")
        self._rewrite(file, Reason.MALFORMED, lambda row: last_cell_gone(row) + b',"never closed')

    def _rewrite(self, file: FileMap, reason: Reason, change: Callable[[bytes], bytes]) -> None:
        line = self._pick(file)
        raw = self._lines[file.name][line - 1]
        body = raw.rstrip(b"\r\n")
        self._put(file, line, reason, change(body) + raw[len(body) :])

    def _edit(self, file: FileMap, reason: Reason, cells: dict[str, str], line: int | None = None) -> None:
        chosen = self._pick(file) if line is None else line
        row = self._cells(file, chosen) | cells
        text = StringIO(newline="")
        csv.writer(text, lineterminator="").writerow(row.values())
        raw = self._lines[file.name][chosen - 1]
        ending = raw[len(raw.rstrip(b"\r\n")) :]
        self._put(file, chosen, reason, text.getvalue().encode() + ending)

    def _duplicate(self, file: FileMap) -> None:
        # A copy of an earlier row at the very end: a client's or enrolment's own row and its references stay.
        lines = self._lines[file.name]
        if not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        lines.append(lines[self._pick(file, keep=True) - 1])
        self._taken.add((file.name, len(lines)))
        self.damages.append(Damage(file.name, len(lines), Reason.DUPLICATE_KEY.value))

    def _wrong_client(self, file: FileMap) -> None:
        line = self._pick(file)
        own = self._cells(file, line)["PersonalID"]
        clients = FILES[0]
        others = (self._cells(clients, number)["PersonalID"] for number in range(2, 5))
        other = next(client for client in others if client not in {own, ""})
        self._edit(file, Reason.WRONG_CLIENT, {"PersonalID": other}, line)

    def _lose_project(self) -> None:
        enrolments = next(file for file in FILES if file.stem == "Enrollment")
        rows = [self._cells(enrolments, line) for line in self._sound(enrolments)]
        once = [row for row in rows if sum(other["PersonalID"] == row["PersonalID"] for other in rows) == 1]
        lost = self._random.choice(once)
        for file in FILES:
            for line in range(2, len(self._lines[file.name]) + 1):
                row = self._cells(file, line)
                if (file.name, line) in self._taken or row["PersonalID"] != lost["PersonalID"]:
                    continue
                if file.stem == "Enrollment":
                    self._edit(file, Reason.UNKNOWN_PROJECT, {"ProjectID": "no-such-project"}, line)
                else:
                    self._taken.add((file.name, line))
                    self.damages.append(Damage(file.name, line, Reason.NO_AGENCY.value))

    def _leave_before_entry(self) -> None:
        exits, enrolments = (
            next(file for file in FILES if file.stem == stem) for stem in ("Exit", "Enrollment")
        )
        line = self._pick(exits)
        self._edit(exits, Reason.EXIT_BEFORE_ENTRY, {"ExitDate": "1901-01-01"}, line)
        enrolment = self._cells(exits, line)["EnrollmentID"]
        # Its entry must stay readable, or there is nothing to compare with.
        self._taken.update(
            (enrolments.name, number)
            for number in self._sound(enrolments)
            if self._cells(enrolments, number)["EnrollmentID"] == enrolment
        )

    def _sound(self, file: FileMap) -> list[int]:
        lines = range(2, len(self._lines[file.name]) + 1)
        return [line for line in lines if (file.name, line) not in self._taken]

    def _pick(self, file: FileMap, *, keep: bool = False) -> int:
        line = self._random.choice(self._sound(file)[1 if not keep else 0 :])
        self._taken.add((file.name, line))
        return line

    def _put(self, file: FileMap, line: int, reason: Reason, raw: bytes) -> None:
        self._taken.add((file.name, line))
        self._lines[file.name][line - 1] = raw
        self.damages.append(Damage(file.name, line, reason.value))

    def _cells(self, file: FileMap, line: int) -> dict[str, str]:
        names, cells = (
            next(csv.reader([raw.decode("utf-8-sig", "replace")]))
            for raw in (self._lines[file.name][0], self._lines[file.name][line - 1])
        )
        return dict(zip(names, cells, strict=False))
