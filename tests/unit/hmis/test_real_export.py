"""The published HMIS sample export: real-shaped data that nobody here wrote, and a damaged copy of it.

The folder is ONCETOLD_HMIS, by default `../shared/data/hmis-fy2022` beside the repository. Without it these
tests fail and say so: a skip would look like a pass.
"""

import csv
import os
import shutil
from pathlib import Path

import protovalidate
import pytest

from adapters.hmis import HmisExport, Reading
from adapters.hmis.mapping import FILES
from adapters.kit.source import Rejected, SourceRecord
from oncetold.v1.record_service_pb2 import Record
from tests.hmis_damage import Damage, Damager

pytestmark = pytest.mark.slow

EXIT_BEFORE_ENTRY = Damage("Exit.csv", 338, "EXIT_BEFORE_ENTRY")  # enrolment 189500, bad by nature
# File: rows, published, nothing recorded, quarantined.
EXPECTED = {
    "Client.csv": (799, 797, 2, 0),
    "Enrollment.csv": (819, 819, 0, 0),
    "CurrentLivingSituation.csv": (653, 650, 3, 0),
    "Disabilities.csv": (7566, 0, 7566, 0),  # every answer is 99
    "HealthAndDV.csv": (1289, 1243, 46, 0),
    "IncomeBenefits.csv": (1312, 1312, 0, 0),
    "Services.csv": (5182, 5182, 0, 0),
    "Exit.csv": (442, 441, 0, 1),
}


@pytest.fixture(scope="module")
def folder() -> Path:
    beside = Path(__file__).resolve().parents[4] / "shared" / "data" / "hmis-fy2022"
    found = Path(os.environ.get("ONCETOLD_HMIS", beside))
    if not found.is_dir():
        pytest.fail(f"The HMIS sample export is not at {found}. Set ONCETOLD_HMIS to its folder.")
    return found


def data_rows(path: Path) -> int:
    """Counts rows with the standard library alone."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return sum(1 for _ in csv.DictReader(stream))


def test_every_row_is_accounted_once(folder: Path) -> None:
    reading = Reading()
    found = list(HmisExport(folder).read(reading))
    tallies = {
        file: (tally.rows, tally.published, tally.nothing, tally.quarantined)
        for file, tally in reading.files.items()
    }
    assert tallies == EXPECTED
    assert {file.name: data_rows(folder / file.name) for file in FILES} == {
        file: published + nothing + quarantined
        for file, (_rows, published, nothing, quarantined) in EXPECTED.items()
    }
    rejected = [each.outcome for each in found if isinstance(each.outcome, Rejected)]
    assert [(each.origin.file, each.origin.line, each.reason) for each in rejected] == [
        (EXIT_BEFORE_ENTRY.file, EXIT_BEFORE_ENTRY.line, EXIT_BEFORE_ENTRY.reason)
    ]


def test_every_record_keeps_the_contract_and_no_id_comes_twice(folder: Path) -> None:
    export, validator, ids = HmisExport(folder), protovalidate.Validator(), set()
    references = {agency.agency_id: set(export.clients_of(agency.agency_id)) for agency in export.agencies}
    for found in export.read():
        if isinstance(found.outcome, SourceRecord):
            record = Record()
            record.CopyFrom(found.outcome.record)
            record.revision = 1
            validator.validate(record)
            ids.add(record.record_id)
            assert found.agency_id is not None
            assert record.client_reference in references[found.agency_id]
    assert len(ids) == sum(published for _rows, published, _nothing, _bad in EXPECTED.values())
    assert len(references) == 24
    assert len(set().union(*references.values())) == 799


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_damaged_copy_quarantines_exactly_the_damaged_rows(folder: Path, tmp_path: Path, seed: int) -> None:
    copy = tmp_path / "damaged"
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)
    copy.chmod(0o700)  # the original may be read-only
    nature = frozenset({(EXIT_BEFORE_ENTRY.file, EXIT_BEFORE_ENTRY.line)})
    damages = Damager(copy, seed, nature).run()
    reading = Reading()
    rejected = sorted(
        (found.outcome.origin.file, found.outcome.origin.line, found.outcome.reason)
        for found in HmisExport(copy).read(reading)
        if isinstance(found.outcome, Rejected)
    )
    assert rejected == [
        (damage.file, damage.line, damage.reason) for damage in sorted([*damages, EXIT_BEFORE_ENTRY])
    ]
    for file, (rows, *_rest) in EXPECTED.items():
        tally = reading.files[file]
        assert tally.rows == rows + 1  # one row of each file was put in twice
        assert tally.rows == tally.published + tally.nothing + tally.quarantined
