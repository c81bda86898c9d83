"""Opens a database from a configuration: its address, and a password that may stand in a file of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from adapters.kit.errors import ConfigInvalid


def open_engine(section: str, settings: Mapping[str, object], folder: Path) -> Engine:
    """The engine for `url` and, optionally, `password_file` of a section. A relative SQLite file is in
    `folder`. ConfigInvalid if the address is none, or its driver is not installed. Connects at the first
    use."""
    url = settings.get("url")
    if not isinstance(url, str) or not url:
        raise ConfigInvalid([f'{section}.url is missing, e.g. "sqlite:///{section}.sqlite".'])
    password_file = settings.get("password_file")
    try:
        address = make_url(url)
        if isinstance(password_file, str):
            address = address.set(password=(folder / password_file).read_text(encoding="utf-8").strip())
        database = address.database
        if address.get_backend_name() == "sqlite" and database and database != ":memory:":
            address = address.set(database=str(folder / database))
        # hide_parameters: a driver's error would otherwise quote the row.
        engine = create_engine(address, hide_parameters=True)
    except OSError:
        raise ConfigInvalid([f"{section}.password_file cannot be read."]) from None
    except (SQLAlchemyError, ImportError):
        raise ConfigInvalid(
            [f"{section}.url is no database address, or its driver is not installed."]
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _overwrite_what_is_deleted)
    return engine


def _overwrite_what_is_deleted(connection: Any, _: object) -> None:
    connection.execute("PRAGMA secure_delete = ON")
