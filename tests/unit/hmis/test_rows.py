"""Single CSV files: headers, line numbers, and rows that are broken."""

from pathlib import Path

import pytest

from adapters.hmis.errors import ColumnsMissing, FileMissing, HeaderUnreadable
from adapters.hmis.reasons import Reason
from adapters.hmis.rows import CsvFile, Row

REQUIRED = frozenset({"A", "B"})


def read(folder: Path, content: bytes) -> list[Row]:
    (folder / "f.csv").write_bytes(content)
    return list(CsvFile(folder, "f.csv", REQUIRED).rows())


def lines_and_problems(rows: list[Row]) -> list[tuple[int, Reason | None]]:
    return [(row.line, row.problem) for row in rows]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order mark"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_byte_order_mark_and_line_ends_do_not_matter(tmp_path: Path, mark: bytes, ending: bytes) -> None:
    rows = read(tmp_path, mark + ending.join([b"A,B", b"1,\xc3\xa9", b"", b'3,"x, y"']))
    assert [(row.line, row.cells) for row in rows] == [
        (2, {"A": "1", "B": "é"}),
        (4, {"A": "3", "B": "x, y"}),
    ]


def test_a_cell_over_several_lines_counts_every_line(tmp_path: Path) -> None:
    rows = read(tmp_path, b'A,B\n1,"two\nlines, one ""cell"""\n2,b\n')
    assert [(row.line, row.cells["B"], row.problem) for row in rows] == [
        (2, 'two\nlines, one "cell"', None),
        (4, "b", None),
    ]


def test_separators_that_only_unicode_knows_do_not_split_a_row(tmp_path: Path) -> None:
    rows = read(tmp_path, "A,B\n1,x\u2028y\x85z\n".encode())
    assert [(row.cells["B"], row.problem) for row in rows] == [("x\u2028y\x85z", None)]


def test_a_quote_never_closed_costs_one_row(tmp_path: Path) -> None:
    rows = read(tmp_path, b'A,B\n1,"never closed\n2,b\n3,"x, y"\n4,d\n')
    assert lines_and_problems(rows) == [(2, Reason.MALFORMED), (3, None), (4, None), (5, None)]
    assert rows[0].cells["A"] == "1"  # its key can still be read


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (b"1", Reason.RAGGED),
        (b"1,2,3", Reason.RAGGED),
        (b"1,caf\xe9", Reason.ENCODING),
        (b"1,\xc3", Reason.ENCODING),
        (b"1,\xed\xb3\xa9", Reason.ENCODING),  # a lone surrogate written out: not UTF-8
        (b"1,x\0y", Reason.NUL),
        (b'1,x"y"', None),
        (b'1,"x"y', Reason.MALFORMED),
        (b"1,x\ry", Reason.MALFORMED),
        (b"1," + b"x" * (2 << 20), Reason.MALFORMED),
    ],
    ids=str,
)
def test_a_broken_row_says_how_and_the_next_is_read(
    tmp_path: Path, row: bytes, problem: Reason | None
) -> None:
    rows = read(tmp_path, b"A,B\n" + row + b"\n2,b\n")
    assert lines_and_problems(rows) == [(2, problem), (3, None)]


def test_an_empty_table_has_no_rows(tmp_path: Path) -> None:
    assert read(tmp_path, b"A,B\n") == []


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileMissing) as raised:
        CsvFile(tmp_path, "Client.csv", REQUIRED)
    assert raised.value.details == {"file": "Client.csv"}
    assert raised.value.next_step in str(raised.value)


def test_all_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(ColumnsMissing) as raised:
        read(tmp_path, b"C,D\n1,2\n")
    assert raised.value.details == {"file": "f.csv", "columns": "A, B"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n1,2\n",
        b"\xef\xbb\xbf\n",
        "A,B\n1,2\n".encode("utf-16"),
        "A,B\n".encode("utf-16-le"),
        b"A,\xe9\n",
        b"A,B,A\n",
        b'A,"B\n',
        b"A,B\r1,2\r",
    ],
)
def test_an_unusable_header_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(HeaderUnreadable) as raised:
        read(tmp_path, content)
    assert raised.value.details["file"] == "f.csv"
