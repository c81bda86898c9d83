"""Reads the fields of a JSON object one by one and gathers everything that is wrong before saying so."""

import re
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from consent_ledger.vocabulary import Term
from hub.mais.errors import Problem
from hub.mais.json_text import shown_key

T = TypeVar("T", bound=Term)

NO_TIME = datetime.min.replace(tzinfo=UTC)
LINE = r"[^\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]{1,200}"
"""One line of text without characters that would show another text than is there."""


class Fields:
    """One object of the document: hands out its fields, and notes what is missing, wrong or not known.

    A field that is wrong is handed out empty: nobody uses it, since any problem refuses the whole.
    """

    def __init__(self, where: str, content: object, problems: list[Problem]) -> None:
        self._where = where
        self.problems = problems
        self._content: dict[str, Any] = dict(content) if isinstance(content, dict) else {}
        if not isinstance(content, dict):
            self.problem("", "must be an object in braces", "See: oncetold agreement export-mais --help")

    def path(self, key: str) -> str:
        """Where a field stands, from the top."""
        return ".".join(part for part in (self._where, key) if part)

    def problem(self, key: str, rule: str, next_step: str) -> None:
        """Notes that a field keeps the document from being used."""
        self.problems.append(Problem(self.path(key), rule, next_step))

    def take(self, key: str, needs: str) -> Any:
        """A field's value as it is; `None` and a problem when it is not there. `needs` says what to write."""
        if key not in self._content:
            self.problem(key, "is missing", needs)
        return self._content.pop(key, None)

    def has(self, key: str) -> bool:
        """Whether the field is there and not taken yet."""
        return key in self._content

    def text(self, key: str, needs: str, pattern: str = LINE) -> str:
        """Text of a given form."""
        missing = key not in self._content
        value = self.take(key, needs)
        if isinstance(value, str) and re.fullmatch(pattern, value) and _is_unicode(value):
            return value
        if not missing:
            self.problem(key, "is not of the form that is needed", needs)
        return ""

    def flag(self, key: str, needs: str) -> bool:
        """True or false."""
        missing = key not in self._content
        value = self.take(key, needs)
        if not missing and not isinstance(value, bool):
            self.problem(key, "must be true or false", needs)
        return value is True

    def whole(self, key: str, needs: str) -> int:
        """A whole number from 0."""
        value = self.take(key, needs)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.problem(key, "must be a whole number", needs)
            return 0
        return value

    def term(self, key: str, kind: type[T], needs: str, *, or_null: bool = False) -> T | None:
        """A word of a vocabulary; with `or_null` a plain null says that there is none."""
        missing = key not in self._content
        value = self.take(key, needs)
        if value is None and (or_null or missing):
            return None
        if not isinstance(value, str) or value not in kind.__members__:
            self.problem(key, f"must be one of {', '.join(kind)}", needs)
            return None
        return kind(value)

    def moment(self, key: str, needs: str) -> datetime:
        """A time with its offset, or a date: the start of that day in UTC."""
        missing = key not in self._content
        value = self.take(key, needs)
        if isinstance(value, str):
            try:
                found = _moment(value)
            except (ValueError, OverflowError):
                found = NO_TIME
            if found.year >= 1900:
                return found
        if not missing:
            self.problem(key, "is not a date, nor a time with its offset from UTC, from 1900 on", needs)
        return NO_TIME

    def items(self, key: str, needs: str, *, least: int = 1, most: int = 200) -> list[Any]:
        """A list; one value alone counts as a list of one, as in JSON-LD."""
        missing = key not in self._content
        if missing and least == 0:
            return []
        value = self.take(key, needs)
        if missing:
            return []
        found = value if isinstance(value, list) else [value]
        if not least <= len(found) <= most:
            self.problem(key, f"holds fewer than {least} or more than {most}", needs)
            return []
        return found

    def objects(self, key: str, needs: str, *, most: int = 200) -> list["Fields"]:
        """A list of objects, numbered from 1."""
        return [
            Fields(f"{self.path(key)}[{number}]", item, self.problems)
            for number, item in enumerate(self.items(key, needs, most=most), start=1)
        ]

    def done(self) -> None:
        """Notes fields that mean nothing here: a misspelt one must not silently change an agreement."""
        for key in self._content:
            self.problem(shown_key(key), "means nothing here", "Take it out, or correct its name.")


def _is_unicode(value: str) -> bool:
    """JSON may spell half of a surrogate pair; no text holds one."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _moment(value: str) -> datetime:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        day = date.fromisoformat(value)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError("no offset")
    return found.astimezone(UTC)
