"""Locks on files: the system lets go of them when their process ends, however it ends.

So they tell the living from the dead without clocks and process numbers.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import BinaryIO

from app.errors import StoreUnavailable


def lock(path: Path) -> BinaryIO:
    """Lock a file, made where there is none, and wait for whoever holds it; closing unlocks."""
    file = _opened(path)
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def lock_at_once(path: Path) -> BinaryIO | None:
    """Lock a file, made where there is none; None: somebody holds it."""
    return _tried(_opened(path))


def is_held(path: Path) -> bool:
    """Tell whether a living process holds the lock."""
    try:
        file = _tried(path.open("rb"))
    except FileNotFoundError:
        return False
    if file is None:
        return True
    file.close()
    return False


def _opened(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")
    except OSError as error:
        raise StoreUnavailable(
            f"Nothing can be written below {path.parent}: {error.strerror}. Check the data folder's disk"
            " and rights, or set SYSMONSEARCH_DATA to another one."
        ) from error


def _tried(file: BinaryIO) -> BinaryIO | None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def share(path: Path) -> BinaryIO:
    """Hold a lock together with others that share it, until it is closed."""
    file = _opened(path)
    fcntl.flock(file, fcntl.LOCK_SH)
    return file
