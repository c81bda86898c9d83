"""Small files that are there after a power cut, whole: the old content or the new, never a part of either.

Readable by their owner only. Everything here raises OSError: whoever calls says what that means.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
_OWNER_ONLY = 0o600


def put_in_place(path: Path, content: bytes) -> None:
    """Puts `content` in place of what the file held."""
    beside = path.with_name(f".{path.name}.new")
    _write(beside, content, os.O_TRUNC)
    beside.replace(path)
    sync_folder(path.parent)


def put_where_none_is(path: Path, made: Callable[[], bytes]) -> None:
    """Makes the file, unless there is one: then that stays, whatever it holds, and nothing is made."""
    beside = path.with_name(f"{path.name}.new")
    if not path.exists():
        beside.unlink(missing_ok=True)
        _write(beside, made(), os.O_EXCL)
        with suppress(FileExistsError):
            os.link(beside, path)  # unlike a renaming, this never replaces a file
    beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder as durable as its files."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write(path: Path, content: bytes, flag: int) -> None:
    with os.fdopen(os.open(path, _NEW_FILE | flag, _OWNER_ONLY), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
