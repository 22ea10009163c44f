"""The ledger of imports: what was begun, how far it came, how it ended.

A run holds a lock on a file while it lives, so one that was killed is told from one that
still runs, whatever process has its number now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import Connection, String, cast, func, insert, literal, select, update

from app.errors import NotFound
from app.state.database import Database
from app.state.jobs import ACTIVE
from app.state.locks import is_held, lock
from app.state.models import BatchRow, ImportRow, JobRow

State = Literal["queued", "running", "partial", "complete", "failed", "cancelled"]

FOLDER: Final = "imports"
"""Below the data folder: a folder for each import, by its number."""

_KILLED: Final = "The process was ended from outside. Run the same command again: it finishes the job."

_MOST: Final = 2**63 - 1
"""No number is larger, and the database takes none that is."""

_SUBJECT: Final = "import "

_TABLE = ImportRow.__table__


@dataclass(frozen=True, slots=True)
class ImportEntry:
    """An import as the ledger has it; of one that runs, how far it was at the last checkpoint."""

    id: int
    started: datetime
    finished: datetime | None
    state: State
    paths: Sequence[str]
    counts: Mapping[str, int]
    error: str | None


class ImportRun:
    """One import in the ledger, and the folder for what it leaves behind."""

    def __init__(self, database: Database, number: int, folder: Path) -> None:
        self.number = number
        self.folder = folder
        self._database = database

    def added(self) -> int:
        """Return how many events the import has added so far, however often it was interrupted."""
        query = select(func.sum(BatchRow.rows)).where(
            BatchRow.source.startswith(f"{source_of(self.number)}: ")
        )
        with self._database.read() as connection:
            return int(connection.scalar(query) or 0)

    def checkpoint(self, counts: Mapping[str, int]) -> None:
        """Write down how far the import is."""
        self._update(counts=dict(counts))

    def finish(self, state: State, counts: Mapping[str, int], error: str | None) -> None:
        """Write down how the import ended."""
        self._update(state=state, counts=dict(counts), error=error, finished=datetime.now(UTC))

    def _update(self, **values: object) -> None:
        with self._database.write() as connection:
            set_import(connection, self.number, **values)


@contextmanager
def import_run(
    database: Database, data: Path, paths: Sequence[str], number: int | None = None
) -> Iterator[ImportRun]:
    """Enter an import into the ledger, or go on with the one of that number, which was queued.

    Those that were killed are marked partial first.
    """
    folder = data / FOLDER
    _mark_killed(database, folder)
    with database.write() as connection:
        if number is None:
            number = add_import(connection, paths, "running")
        else:
            set_import(connection, number, state="running", finished=None, error=None)
        # Locked before the row can be seen, so that nobody takes this run for a dead one.
        held = lock(folder / str(number) / "lock")
    with held:
        yield ImportRun(database, number, folder / str(number))


def add_import(connection: Connection, paths: Sequence[str], state: State = "queued") -> int:
    """Enter a new import within the caller's transaction; return its number."""
    entry = insert(ImportRow).values(started=datetime.now(UTC), state=state, paths=list(paths), counts={})
    number: int = connection.execute(entry.returning(ImportRow.id)).scalar_one()
    return number


def set_import(connection: Connection, number: int, **values: Any) -> None:
    """Change what the ledger has of an import."""
    connection.execute(update(ImportRow).where(ImportRow.id == number).values(**values))


def imports(connection: Connection, size: int, before: int | None = None) -> list[ImportEntry]:
    """Return the newest imports, of those with numbers below ``before``."""
    query = select(_TABLE).order_by(ImportRow.id.desc()).limit(size)
    if before is not None:
        query = query.where(ImportRow.id < max(0, min(before, _MOST)))
    return [ImportEntry(**row) for row in connection.execute(query).mappings()]


def import_entry(connection: Connection, number: int) -> ImportEntry:
    """Return the import with this number; raise NotFound where there is none."""
    row = connection.execute(select(_TABLE).where(ImportRow.id == min(number, _MOST))).mappings().first()
    if row is None:
        raise NotFound(f"There is no import {number}. The page of imports lists them all.")
    return ImportEntry(**row)


def is_alive(data: Path, number: int) -> bool:
    """Tell whether a process works at the import."""
    return is_held(data / FOLDER / str(number) / "lock")


def subject_of(number: int) -> str:
    """Return the subject that jobs of this import have."""
    return f"{_SUBJECT}{number}"


def source_of(number: int) -> str:
    """Return what batches of this import have as the begin of their source."""
    return f"import {number}"


def _mark_killed(database: Database, folder: Path) -> None:
    """Mark imports partial whose process died; but a worker goes on with those that have a job."""
    subject = literal(_SUBJECT) + cast(ImportRow.id, String)
    has_job = select(JobRow.id).where(JobRow.subject == subject, JobRow.state.in_(ACTIVE))
    is_running = (ImportRow.state == "running") & ~has_job.exists()
    with database.read() as connection:
        running = list(connection.scalars(select(ImportRow.id).where(is_running)))
    dead = [number for number in running if not is_held(folder / str(number) / "lock")]
    if dead:
        with database.write() as connection:
            connection.execute(
                update(ImportRow)
                .where(ImportRow.id.in_(dead), is_running)
                .values(state="partial", error=_KILLED, finished=datetime.now(UTC))
            )
