"""A source of records for homelessness services that export HMIS CSV in HUD's FY2022 layout.

Begin with `export.HmisExport`. `columns` says which column tells what, `reasons` why a row was quarantined.
"""

from adapters.hmis.errors import HmisError
from adapters.hmis.export import Accounted, HmisExport, HmisSource, Reading, Tally
from adapters.hmis.reasons import NothingReason, Reason
from adapters.hmis.references import HmisAgency

__all__ = [
    "Accounted",
    "HmisAgency",
    "HmisError",
    "HmisExport",
    "HmisSource",
    "NothingReason",
    "Reading",
    "Reason",
    "Tally",
]
