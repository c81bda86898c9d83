"""Looks, after a row was deleted, whether it lives on where the agency's system says that it does not."""

from collections.abc import Mapping
from uuid import uuid4

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from adapters.kit.copies import SEARCH_INDEX, VERSION_HISTORY, Copies, Copy
from adapters.kit.errors import ConfigInvalid

PARAMETER = "fragment_id"
CHECKS = {VERSION_HISTORY: "version_history_check", SEARCH_INDEX: "search_index_check"}
"""The setting that holds the query of each place."""
EXAMPLE = 'fragment, e.g. "SELECT count(*) FROM element_history WHERE fragment_id = :fragment_id".'


def read_checks(
    section: str, table: Mapping[str, object], copies: Copies, problems: list[str]
) -> dict[str, str]:
    """The queries by place; what is wrong with them is added to `problems`, with what to write."""
    found: dict[str, str] = {}
    for place, copy in copies.beside.items():
        key = CHECKS[place]
        query = table.get(key)
        if copy is not Copy.CLEARED:
            if query is not None:
                setting = key.removesuffix("_check")
                problems.append(f'{section}.{key} is looked at only where {section}.{setting} is "cleared".')
        elif not isinstance(query, str) or f":{PARAMETER}" not in query:
            problems.append(f"{section}.{key} must be a query that counts what is left of one {EXAMPLE}")
        else:
            found[place] = query
    return found


def still_in(connection: Connection, checks: Mapping[str, str], fragment_id: str) -> list[str]:
    """The places that hold the fragment yet, in the transaction that deleted its row."""
    return [place for place, query in checks.items() if _count(connection, query, fragment_id) != 0]


def try_checks(engine: Engine, checks: Mapping[str, str]) -> None:
    """Runs each query once, for a fragment that nobody ever held. ConfigInvalid names one that does not
    count."""
    problems = []
    for place, query in checks.items():
        try:
            with engine.connect() as connection:
                left = _count(connection, query, str(uuid4()))
        except SQLAlchemyError as error:
            problems.append(f"sink.{CHECKS[place]} does not run ({type(error).__name__}): correct the query.")
            continue
        if left != 0:
            problems.append(
                f"sink.{CHECKS[place]} must answer how many are left, and so 0 for what was never held:"
                " let it count, and name :fragment_id in its condition."
            )
    if problems:
        raise ConfigInvalid(problems)


def _count(connection: Connection, query: str, fragment_id: str) -> object:
    """The one value a query answers. Whatever is not exactly 0 counts as something left."""
    return connection.execute(text(query), {PARAMETER: fragment_id}).scalar()
