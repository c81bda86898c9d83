"""A damaged export is told by file, line and reason: no cell of it reaches quarantine, error or log."""

import logging
from datetime import date
from pathlib import Path

import pytest

from adapters.hmis import HmisError, HmisExport
from adapters.kit.quarantine import Quarantine
from adapters.kit.source import Rejected, SourceRecord
from tests.hmis_damage import Damager
from tests.hmis_export import small_world, write_export
from tests.privacy import person
from tests.privacy.scanner import hits


def of_one_person(folder: Path, clients: int) -> Path:
    """An export in which everybody has the person's name and birthday, and sleeps at the address."""
    world = small_world(clients)
    for row in world["Client.csv"]:
        row.update(FirstName=person.GIVEN, LastName=person.FAMILY, DOB=person.BIRTH_DATE)
    for row in world["CurrentLivingSituation.csv"]:
        row.update(LocationDetails=f"{person.ADDRESS}, {person.NOTE}")
    return write_export(folder, world)


def quarantined(folder: Path, file: Path) -> tuple[int, int]:
    """Reads the export as each of its agencies; how many rows were left out, how many records found."""
    export = HmisExport(folder, today=date(2022, 1, 31))
    published = 0
    with Quarantine(file) as quarantine:
        for found in (each.outcome for each in export.read()):
            if isinstance(found, Rejected):
                quarantine.add(found.origin, found.reason)
            published += isinstance(found, SourceRecord)
        return quarantine.count, published


def test_a_quarantine_file_tells_nothing_of_what_was_in_the_rows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    folder, file = of_one_person(tmp_path / "export", 60), tmp_path / "quarantine.csv"
    damages = Damager(folder, seed=4).run()
    for part in sorted(folder.glob("*.csv")):
        part.write_bytes(b"\xef\xbb\xbf" + part.read_bytes())
    left_out, published = quarantined(folder, file)

    assert left_out == len(damages) > 50 and published > 10
    assert hits(file.read_bytes() + caplog.text.encode(), person.WORDS) == set()
    # Control: the words were in the rows.
    in_the_rows = {hit.label for hit in hits((folder / "Client.csv").read_bytes(), person.WORDS)}
    assert in_the_rows == {"given name", "family name", "birth date"}


@pytest.mark.parametrize(
    "damage", ["missing file", "missing column", "header of another encoding", "words for a header"]
)
def test_an_export_that_cannot_be_read_is_told_without_its_words(tmp_path: Path, damage: str) -> None:
    folder = of_one_person(tmp_path / "export", 2)
    client = folder / "Client.csv"
    header, rest = client.read_bytes().split(b"\n", 1)
    if damage == "missing file":
        client.unlink()
    elif damage == "missing column":
        client.write_bytes(header.replace(b"DOB", b"Born") + b"\n" + rest)
    elif damage == "header of another encoding":
        client.write_bytes(f"{person.GIVEN},".encode("cp1252") + header + b"\n" + rest)
    else:
        client.write_bytes(rest)
    with pytest.raises(HmisError) as refused:
        quarantined(folder, tmp_path / "quarantine.csv")

    error = refused.value
    assert error.code.startswith("HMIS_") and error.next_step
    assert "Client.csv" in str(error)
    assert hits(f"{error!r} {error} {error.details}".encode(), person.WORDS) == set()
