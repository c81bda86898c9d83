"""What stops a whole export from being read.

HmisError
├── FolderMissing      the folder is not there
├── FileMissing        one of its files is not there
├── HeaderUnreadable   a file has no header, or not one of UTF-8 text with each name once
├── ColumnsMissing     a header lacks columns that the mapping needs
├── AgencyUnknown      no project of this export has that agency id
└── RowsUnaccounted    rows read and rows accounted differ: a fault in this adapter, never in the data

A single bad row stops nothing: it is quarantined with its line and a reason (`reasons.Reason`). Messages name
files, lines and columns, never what a cell says.
"""


class HmisError(Exception):
    """The export as a whole cannot be read. `code` is stable; `details` hold file and column names only."""

    code = "HMIS_ERROR"

    def __init__(self, message: str, next_step: str, **details: str) -> None:
        super().__init__(f"{message} {next_step}")
        self.next_step = next_step
        self.details = details


class FolderMissing(HmisError):
    """There is no folder at the path given."""

    code = "HMIS_FOLDER_MISSING"

    def __init__(self, folder: str) -> None:
        super().__init__(
            f"There is no HMIS export folder {folder}.",
            "Give the folder that holds Client.csv and the other files of the export.",
            folder=folder,
        )


class FileMissing(HmisError):
    """A file that the mapping reads is not in the folder."""

    code = "HMIS_FILE_MISSING"

    def __init__(self, file: str) -> None:
        super().__init__(
            f"{file} is not in the export folder.",
            "Export again with every file of the HMIS CSV FY2022 layout; an empty one holds its header line.",
            file=file,
        )


class HeaderUnreadable(HmisError):
    """A file's first line is not a usable header. `problem` says in what way."""

    code = "HMIS_HEADER_UNREADABLE"

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(
            f"The header line of {file} cannot be used: {problem}.",
            "Save the file as comma-separated UTF-8 text with its column names in the first line, each once.",
            file=file,
            problem=problem,
        )


class ColumnsMissing(HmisError):
    """A header lacks columns. All of them are named, so that one new export mends the file."""

    code = "HMIS_COLUMNS_MISSING"

    def __init__(self, file: str, columns: list[str]) -> None:
        named = ", ".join(columns)
        super().__init__(
            f"{file} has no column {named}.",
            "Export in the FY2022 layout; a column nobody fills in stays in the file, with empty cells.",
            file=file,
            columns=named,
        )


class AgencyUnknown(HmisError):
    """No project of this export has that agency id."""

    code = "HMIS_AGENCY_UNKNOWN"

    def __init__(self, agency_id: str) -> None:
        super().__init__(
            f"No project of this export is the agency {agency_id}.",
            "An agency id is project-<ProjectID>, with a ProjectID of Project.csv.",
            agency_id=agency_id,
        )


class RowsUnaccounted(HmisError):
    """Not every data row was accounted exactly once."""

    code = "HMIS_ROWS_UNACCOUNTED"

    def __init__(self, file: str, rows: int, accounted: int) -> None:
        super().__init__(
            f"{file} has {rows} data rows, of which {accounted} were accounted for.",
            "Nothing is lost at the source: report this as a fault of the adapter.",
            file=file,
            rows=str(rows),
            accounted=str(accounted),
        )
