"""Reads single cells: days, codes, numbers and names, each checked, and answers made of them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from adapters.hmis.columns import Category, Column, Kind
from adapters.hmis.reasons import Reason
from oncetold.v1.common_pb2 import CategorisedAnswer, Coding

SYSTEM = "hmis:fy2022"

_EARLIEST = date(1900, 1, 1)  # nobody in an export was born, or did anything, before
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?")
_CODE = re.compile(r"[0-9]{1,4}")
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,20})?")
_DECIMAL_PLACES = 6  # what the contract carries
_NAME = re.compile("[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]{1,100}")
_NOT_RECORDED = {
    Kind.CODE: frozenset({"", "8", "9", "99"}),
    Kind.LISTED: frozenset({"", "99"}),
}


class BadRow(Exception):
    """A cell makes its row unfit to publish. It never leaves this package: the row becomes a Rejected."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def text(cells: Mapping[str, str], column: str) -> str:
    """The cell without blanks around it; empty if the file has no such column."""
    return cells.get(column, "").strip()


def day(cell: str, latest: date | None) -> date:
    """Reads an ISO day, with or without a time of day. Raises BadRow: it is none, or after `latest`."""
    match = _DAY.fullmatch(cell)
    try:
        found = date.fromisoformat(match[1]) if match else None
    except ValueError:
        found = None
    if found is None or found < _EARLIEST:
        raise BadRow(Reason.IMPOSSIBLE_DATE)
    if latest is not None and found > latest:
        raise BadRow(Reason.FUTURE_DATE)
    return found


def code(cells: Mapping[str, str], column: str, kind: Kind = Kind.CODE) -> str:
    """The code in a cell; empty when nothing was recorded. Raises BadRow if it is no number of a list."""
    cell = text(cells, column)
    if cell in _NOT_RECORDED[kind]:
        return ""
    if not _CODE.fullmatch(cell):
        raise BadRow(Reason.BAD_CODE)
    return cell


def coding(column: str, value: str) -> Coding:
    """A code in the list that its column is filled from."""
    return Coding(system=f"{SYSTEM}:{column}", code=value)


def question(column: str) -> Coding:
    """The column itself, as what was asked."""
    return Coding(system=SYSTEM, code=column)


def name(cell: str) -> str:
    """A person's name, as it stands. Raises BadRow: control or direction characters, or too long."""
    if cell and not _NAME.fullmatch(cell):
        raise BadRow(Reason.BAD_TEXT)
    return cell


def answers(cells: Mapping[str, str], columns: Iterable[Column], today: date) -> Iterator[CategorisedAnswer]:
    """Yields an answer for every column in which something was recorded. Raises BadRow."""
    for column in columns:
        found = _answer(cells, column, today)
        if found is not None:
            yield found


def _answer(cells: Mapping[str, str], column: Column, today: date) -> CategorisedAnswer | None:
    cell = text(cells, column.name)
    if not cell:
        return None
    answer = CategorisedAnswer(category=column.category, question=question(column.name))
    match column.kind:
        case Kind.CODE | Kind.LISTED:
            value = code(cells, column.name, column.kind)
            if not value:
                return None
            answer.category = column.telling.get(value, column.category)
            answer.coded.CopyFrom(coding(column.name, value))
        case Kind.TICK:
            if not _CODE.fullmatch(cell):
                raise BadRow(Reason.BAD_CODE)
            if cell != "1":
                return None
            answer.coded.CopyFrom(coding(column.name, cell))
        case Kind.WHOLE:
            _must_match(_WHOLE, cell)
            answer.whole_number = int(cell)
        case Kind.DECIMAL:
            _must_match(_DECIMAL, cell)
            answer.decimal = _money(cell)
        case Kind.DAY:
            answer.date = day(cell, today).isoformat()
        case Kind.ANY_DAY:
            answer.date = day(cell, None).isoformat()
    return answer


def coded_answer(category: Category, asked: Coding, column: str, value: str) -> CategorisedAnswer:
    """An answer whose question or category is not the column's own."""
    return CategorisedAnswer(category=category, question=asked, coded=coding(column, value))


def _money(cell: str) -> str:
    """The amount as it stands, unless binary fractions left a mark on it: 253.3300000000004 is 253.33."""
    if len(cell.partition(".")[2]) <= _DECIMAL_PLACES:
        return cell
    return str(Decimal(cell).quantize(Decimal("0.01")))


def _must_match(pattern: re.Pattern[str], cell: str) -> None:
    if not pattern.fullmatch(cell):
        raise BadRow(Reason.BAD_NUMBER)
