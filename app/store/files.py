"""The files of segments: made under a temporary name, then put in place for good.

A file in the making is locked by its maker, so that no other process takes it for what a
crash has left. Files in place that the catalogue does not name are such left-overs once
nobody holds the catalogue's write lock, for they are put in place under that lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import Final

from app.errors import StoreDamaged, StoreUnavailable, SysmonSearchError
from app.store.catalogue import Catalogue

_CHUNK: Final = 1 << 20
_MINUTE: Final = 60.0
"""A file this young may be one whose maker has not locked it yet."""


@dataclass(slots=True)
class Drafts:
    """Files that become one entry of the catalogue: all are put in place, or none."""

    catalogue: Catalogue
    _drafts: dict[Path, int] = field(default_factory=dict)
    _placed: set[str] = field(default_factory=set)

    def name(self) -> str:
        """Return a name that no segment ever had; newer ones sort behind older ones."""
        newest = max((segment.id for segment in self.catalogue.live()), default=0)
        return f"{newest + 1:08}-{token_hex(4)}"

    def make(self, path: Path) -> Path:
        """Make the temporary file for what shall stand at ``path``, and lock it."""
        draft = self.catalogue.folder / "tmp" / path.name
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
        self._drafts[draft] = handle
        fcntl.flock(handle, fcntl.LOCK_EX)
        return draft

    def finish(self, draft: Path) -> tuple[int, str]:
        """Bring a written file to the disk for good; return its size and checksum."""
        os.fsync(self._drafts[draft])
        return draft.stat().st_size, checksum(draft)

    def place(self) -> None:
        """Put all files in place; the caller holds the catalogue's write lock."""
        target = self.catalogue.folder / "segments"
        for draft in self._drafts:
            draft.rename(target / draft.name)
            self._placed.add(draft.name)
        _sync_folder(target)

    def close(self) -> None:
        """Give the locks back and remove what was not put in place; twice does no harm."""
        for draft, handle in self._drafts.items():
            if draft.name not in self._placed:
                draft.unlink(missing_ok=True)
            os.close(handle)
        self._drafts.clear()


@contextmanager
def drafting(catalogue: Catalogue) -> Iterator[Drafts]:
    """Yield drafts; on an error all that they have put on the disk is removed.

    An error of the disk becomes StoreUnavailable, in a sentence.
    """
    drafts = Drafts(catalogue)
    try:
        with disk_errors(catalogue.folder):
            yield drafts
    except BaseException:
        drafts.close()
        # What the entry failed for stands in place, unless the failure came after the commit.
        with suppress(SysmonSearchError, OSError):
            remove_orphans(catalogue)
        raise
    finally:
        drafts.close()


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn an error of the disk below ``folder`` into StoreUnavailable."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(_sentence(folder, error)) from error


def _sentence(folder: Path, error: OSError) -> str:
    if not folder.is_dir():
        return f"The store's folder {folder} is not there. Check that its disk is mounted."
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"The disk is full: no events can be written below {folder}. Make room and try again."
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"Nothing can be written below {folder}: {error.strerror}. Check whose folder it is."
    return f"The disk failed below {folder}: {error.strerror or error}. What was stored before is untouched."


def make_folders(catalogue: Catalogue) -> None:
    """Make the store's folders, unless there are segments: then theirs has gone astray."""
    if not catalogue.live():
        with disk_errors(catalogue.folder):
            for name in ("tmp", "segments"):
                (catalogue.folder / name).mkdir(parents=True, exist_ok=True)


def must_be_there(folder: Path) -> None:
    """Raise StoreUnavailable where the folder of a store went away: memory must not answer then."""
    if not folder.is_dir():
        raise StoreUnavailable(f"The store's folder {folder} is not there. Check that its disk is mounted.")


def gone(catalogue: Catalogue, error: FileNotFoundError) -> SysmonSearchError:
    """Return what to say of a file that the catalogue names and that is not there."""
    if not (catalogue.folder / "segments").is_dir():
        return StoreUnavailable(
            f"The store's folder {catalogue.folder} is not there. Check that its disk is mounted."
        )
    return StoreDamaged(f"A file of the store is missing: {error}. `sysmonsearch store verify` lists all.")


def checksum(path: Path) -> str:
    """Return the checksum of a file (BLAKE2b, 256 bits)."""
    digest = blake2b(digest_size=32)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def remove_orphans(catalogue: Catalogue) -> list[str]:
    """Remove the files that no entry names and no process is making; return their names."""
    removed = [path.name for path in _files(catalogue.folder / "tmp") if _remove_abandoned(path)]
    placed = _files(catalogue.folder / "segments")
    if not placed:
        return removed
    with catalogue.change() as change:
        names = change.names()
        for path in _files(catalogue.folder / "segments"):
            if segment_name(path) not in names:
                path.unlink(missing_ok=True)
                removed.append(path.name)
    return removed


def segment_name(path: Path) -> str:
    """Return the name of the segment that a file belongs to."""
    return path.name.removesuffix(".parquet").removesuffix(".values").removesuffix(".guids")


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*")) if folder.is_dir() else []


def _remove_abandoned(path: Path) -> bool:
    """Remove a temporary file unless its maker lives; tell whether it was removed."""
    with suppress(FileNotFoundError, BlockingIOError):
        if time.time() - path.stat().st_mtime < _MINUTE:
            return False
        handle = os.open(path, os.O_RDWR)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(handle)
        return True
    return False


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
