"""Files that came by a form and wait to be imported, each upload in a folder of its own.

Nothing of what a browser said is in a path: folders have random names, files have numbers.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from app.errors import StoreUnavailable
from app.settings import Settings
from app.state.locks import lock, lock_at_once

FOLDER: Final = "uploads"
_LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that has arrived whole; ``name`` is what the browser called it, for people only."""

    number: int
    name: str
    size: int
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """Return it as a job's argument."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> UploadedFile:
        """Read a job's argument."""
        return cls(**document)


@dataclass(frozen=True, slots=True)
class Upload:
    """The folder of one upload."""

    token: str
    folder: Path

    def path(self, number: int) -> Path:
        """Return where the file with this number is."""
        return self.folder / str(number)

    def remove(self) -> None:
        """Remove its files; what cannot be removed now is removed by a worker's next start."""
        shutil.rmtree(self.folder, ignore_errors=True)


def upload_of(settings: Settings, token: str) -> Upload:
    """Return the upload of that name."""
    return Upload(token, settings.data / FOLDER / token)


@contextmanager
def new_upload(settings: Settings) -> Iterator[Upload]:
    """Make a folder for files that arrive now; on an error nothing of them is left.

    Within the block nobody takes it for a left-over: queue its job there.
    """
    upload = upload_of(settings, secrets.token_hex(8))
    try:
        with lock(upload.folder / _LOCK):
            yield upload
    except BaseException:
        upload.remove()
        raise


def remove_left_overs(settings: Settings, is_wanted: Callable[[str], bool]) -> int:
    """Remove uploads that nobody is sending and no job wants; return how many."""
    folder = settings.data / FOLDER
    try:
        found = [path for path in folder.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise StoreUnavailable(f"{folder} cannot be read: {error.strerror}.") from error
    removed = 0
    for path in found:
        file = lock_at_once(path / _LOCK)
        if file is None:
            continue
        with file:
            # Asked under the lock: an upload is locked until its job is queued.
            if not is_wanted(path.name):
                Upload(path.name, path).remove()
                removed += 1
    return removed
