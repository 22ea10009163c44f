"""The ledger of imports: what was begun, how far it came, how it ended.

A run holds a lock on a file while it lives, so one that was killed is told from one that
still runs, whatever process has its number now.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Literal

from sqlalchemy import insert, select, update

from app.errors import StoreUnavailable
from app.state.database import Database
from app.state.models import ImportRow

State = Literal["running", "partial", "complete", "failed"]

_KILLED: Final = "The process was ended from outside. Run the same command again: it finishes the job."


class ImportRun:
    """One import in the ledger, and the folder for what it leaves behind."""

    def __init__(self, database: Database, number: int, folder: Path) -> None:
        self.number = number
        self.folder = folder
        self._database = database

    def checkpoint(self, counts: Mapping[str, int]) -> None:
        """Write down how far the import is."""
        self._update(counts=dict(counts))

    def finish(self, state: State, counts: Mapping[str, int], error: str | None) -> None:
        """Write down how the import ended."""
        self._update(state=state, counts=dict(counts), error=error, finished=datetime.now(UTC))

    def _update(self, **values: object) -> None:
        with self._database.write() as connection:
            connection.execute(update(ImportRow).where(ImportRow.id == self.number).values(**values))


@contextmanager
def import_run(database: Database, data: Path, paths: Sequence[str]) -> Iterator[ImportRun]:
    """Enter a new import into the ledger; those that were killed are marked partial first."""
    folder = data / "imports"
    _mark_killed(database, folder)
    now = datetime.now(UTC)
    with database.write() as connection:
        entry = insert(ImportRow).values(started=now, state="running", paths=list(paths), counts={})
        number = connection.execute(entry.returning(ImportRow.id)).scalar_one()
        # Locked before the row can be seen, so that nobody takes this run for a dead one.
        lock = _locked(folder / str(number))
    with lock:
        yield ImportRun(database, number, folder / str(number))


def _locked(folder: Path) -> BinaryIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("wb")
    except OSError as error:
        raise StoreUnavailable(
            f"Nothing can be written below {folder.parent}: {error.strerror}. Check the data folder's disk"
            " and rights, or set SYSMONSEARCH_DATA to another one."
        ) from error
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _mark_killed(database: Database, folder: Path) -> None:
    with database.read() as connection:
        running = list(connection.scalars(select(ImportRow.id).where(ImportRow.state == "running")))
    dead = [number for number in running if not _is_alive(folder / str(number) / "lock")]
    if dead:
        with database.write() as connection:
            connection.execute(
                update(ImportRow)
                .where(ImportRow.id.in_(dead), ImportRow.state == "running")
                .values(state="partial", error=_KILLED, finished=datetime.now(UTC))
            )


def _is_alive(lock: Path) -> bool:
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
