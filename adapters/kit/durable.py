"""Small files that must be there after a power cut, whole: the old content or the new, never a part."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.kit.errors import StateUnusable

LARGEST = 1024 * 1024


def write_durably(path: Path, content: bytes) -> None:
    """Puts `content` in place of what the file held; durable when this returns. Readable by its owner only.
    StateUnusable if it cannot be written; then the file is as it was."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise StateUnusable(
            f"{path.name} cannot be written ({type(error).__name__}).",
            "Check the disk, and that this account may write there.",
        ) from None


def read_kept(path: Path) -> bytes | None:
    """What `write_durably` wrote, None if nothing was. StateUnusable if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateUnusable(
            f"{path.name} cannot be read ({type(error).__name__}).",
            "Check the disk, and that this account may read there.",
        ) from None


@contextmanager
def held_alone(path: Path) -> Iterator[None]:
    """Lets one at a time in, of all processes and threads that name the same file; the others wait."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StateUnusable(
            f"{path.name} cannot be made ({type(error).__name__}).",
            "Check that this account may write in its folder.",
        ) from None
    try:
        # Each opening holds its own lock, so this keeps threads apart too.
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
