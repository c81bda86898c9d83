"""Reads an information sharing agreement from a TOML file.

```toml
agreement_id = "northside-2026"
title = "Northside support partnership"
notice_id = "northside-notice-1"     # the privacy notice that people are given
start = 2026-01-01                   # a date is the start of that day, UTC; or a time with its offset
end = 2027-01-01

[[party]]
agency_id = "northside-hostel"
receives_only = false
bases = [{ purpose = "DIRECT_SUPPORT", lawful_basis = "A6_1_E", article9 = "A9_2_H", article10 = "SCH1_P1" }]

[[share]]                            # every purpose with every category
purposes = ["DIRECT_SUPPORT"]
categories = ["IDENTITY", "ACCOMMODATION"]
on_end = "RESTRICT"                  # STOP, RESTRICT or ERASE
retention_days = 2190                # erased so many days after it was recorded; left out: no period here
```
"""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from hub.cli import enums
from hub.cli.errors import BadFile
from oncetold.v1.agreement_service_pb2 import Agreement, AgreementParty, AgreementRow, PartyBasis

FORMAT_HELP = "See the example: oncetold agreement draft --help"
MAX_BYTES = 1 << 20
MOST_DAYS = 36525
"""A hundred years, as in the contract."""


class _Table:
    """One table of the file: hands out its keys once each, and refuses what nobody asked for."""

    def __init__(self, path: str, where: str, content: object) -> None:
        self._path = path
        self._where = where
        if not isinstance(content, dict):
            raise BadFile(path, where, "must be a table", FORMAT_HELP)
        self._content: dict[str, Any] = dict(content)

    def bad(self, key: str, rule: str) -> BadFile:
        """The error that names a key of this table; never its value."""
        where = f"{self._where}.{key}" if self._where else key
        return BadFile(self._path, where, rule, FORMAT_HELP)

    def text(self, key: str) -> str:
        value = self._content.pop(key, None)
        if value is None:
            raise self.bad(key, "is missing")
        if not isinstance(value, str) or not value:
            raise self.bad(key, "must be text in quotes, not empty")
        return value

    def flag(self, key: str) -> bool:
        value = self._content.pop(key, False)
        if not isinstance(value, bool):
            raise self.bad(key, "must be true or false")
        return value

    def days(self, key: str) -> int:
        value = self._content.pop(key, 0)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_DAYS:
            raise self.bad(key, f"must be a whole number of days up to {MOST_DAYS}")
        return value

    def time(self, key: str) -> Timestamp:
        value = self._content.pop(key, None)
        if value is None:
            raise self.bad(key, "is missing")
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise self.bad(key, "needs its offset from UTC, as in 2026-01-01T09:00:00Z")
            moment = value.astimezone(UTC)
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
        else:
            raise self.bad(key, "must be a date such as 2026-01-01, without quotes")
        stamp = Timestamp()
        stamp.FromDatetime(moment)
        return stamp

    def word(self, key: str, vocabulary: enums.Vocabulary, *, required: bool = True) -> Any:
        if key not in self._content and not required:
            return 0
        try:
            return vocabulary.value(self.text(key))
        except enums.UnknownWord as unknown:
            raise self.bad(key, f"must be one of {', '.join(unknown.allowed)}") from None

    def words(self, key: str, vocabulary: enums.Vocabulary) -> list[Any]:
        value = self._content.pop(key, None)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise self.bad(key, "must be a list of words in quotes, not empty")
        try:
            return vocabulary.values(value)
        except enums.UnknownWord as unknown:
            raise self.bad(key, f"each must be one of {', '.join(unknown.allowed)}") from None

    def tables(self, key: str) -> list[_Table]:
        value = self._content.pop(key, None)
        if not isinstance(value, list) or not value:
            raise self.bad(key, "at least one is needed")
        where = f"{self._where}.{key}" if self._where else key
        return [_Table(self._path, f"{where}[{number}]", item) for number, item in enumerate(value, start=1)]

    def done(self) -> None:
        """Refuses keys that mean nothing here: a misspelt key must not silently change an agreement."""
        for key in sorted(self._content):
            raise self.bad(key, "is not a key of an agreement")


def read_agreement(path: Path) -> Agreement:
    """Returns the agreement of a TOML file. Raises BadFile naming the key and the rule."""
    name = str(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadFile(
            name, "", f"cannot be read ({error.strerror or 'unknown cause'})", "Check the path."
        ) from None
    if len(raw) > MAX_BYTES:
        raise BadFile(name, "", "is larger than 1 MiB", "Split the agreement.")
    try:
        content = tomllib.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise BadFile(name, "", "is not UTF-8 text", "Save the file as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        # The message is the rule and its place: at most one character of the file is in it.
        raise BadFile(name, "", f"is not TOML: {error}", FORMAT_HELP) from None
    table = _Table(name, "", content)
    agreement = Agreement(
        agreement_id=table.text("agreement_id"),
        title=table.text("title"),
        notice_id=table.text("notice_id"),
        start_time=table.time("start"),
        end_time=table.time("end"),
        parties=[_party(party) for party in table.tables("party")],
        rows=_rows(table),
    )
    table.done()
    return agreement


def _party(table: _Table) -> AgreementParty:
    party = AgreementParty(
        agency_id=table.text("agency_id"),
        receives_only=table.flag("receives_only"),
        bases=[_basis(basis) for basis in table.tables("bases")],
    )
    table.done()
    return party


def _basis(table: _Table) -> PartyBasis:
    basis = PartyBasis(
        purpose=table.word("purpose", enums.PURPOSE),
        # Left out it reaches the hub unset, and the hub names the party that has no lawful basis.
        lawful_basis=table.word("lawful_basis", enums.LAWFUL_BASIS, required=False),
        article9=table.word("article9", enums.ARTICLE_9, required=False),
        article10=table.word("article10", enums.ARTICLE_10, required=False),
    )
    table.done()
    return basis


def _rows(table: _Table) -> list[AgreementRow]:
    """Every (purpose, category) pair once; a pair in two shares would leave two readings of its end."""
    rows: dict[tuple[int, int], AgreementRow] = {}
    for share in table.tables("share"):
        purposes = share.words("purposes", enums.PURPOSE)
        categories = share.words("categories", enums.CATEGORY)
        on_end = share.word("on_end", enums.ON_END)
        self_captured_restricted = share.flag("self_captured_restricted")
        retention_days = share.days("retention_days")
        share.done()
        for purpose in purposes:
            for category in categories:
                if (purpose, category) in rows:
                    pair = f"{enums.PURPOSE.word(purpose)} with {enums.CATEGORY.word(category)}"
                    raise share.bad("categories", f"{pair} is listed twice")
                rows[purpose, category] = AgreementRow(
                    purpose=purpose,
                    category=category,
                    on_end=on_end,
                    self_captured_restricted=self_captured_restricted,
                    retention_days=retention_days,
                )
    return list(rows.values())
