"""Jobs as rows of the state database: queued, claimed by one worker, ended.

Whoever runs a job holds a lock on its file. So a job is never run twice at once, and one
whose worker was killed is found at once and queued again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from sqlalchemy import Connection, insert, select, update

from app.errors import NotFound
from app.state.database import Database
from app.state.locks import lock_at_once
from app.state.models import JobRow

JobState = Literal["queued", "running", "done", "failed", "cancelled"]

ACTIVE: Final[tuple[JobState, ...]] = ("queued", "running")

_BY_ID = select(JobRow.__table__).order_by(JobRow.id)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was when it was read."""

    id: int
    name: str
    subject: str
    arguments: Mapping[str, Any]
    state: JobState
    claims: int
    claims_advanced: int
    cancel_asked: bool
    progress: Mapping[str, Any]
    error: str | None
    created: datetime
    started: datetime | None
    finished: datetime | None

    @property
    def vain_claims(self) -> int:
        """How often workers took it since it last got further, this time included."""
        return self.claims - self.claims_advanced


class Claim:
    """A job that this process holds, and alone may change."""

    def __init__(self, database: Database, job: Job, file: BinaryIO, path: Path) -> None:
        self.job = job
        self._database = database
        self._file = file
        self._path = path

    def tell(self, progress: Mapping[str, Any], *, advanced: bool) -> bool:
        """Write down how far it is; return whether somebody wants it cancelled."""
        values: dict[str, Any] = {"progress": dict(progress)}
        if advanced:
            values["claims_advanced"] = self.job.claims
        self._write(**values)
        return self.is_cancel_asked()

    def is_cancel_asked(self) -> bool:
        """Tell whether somebody wants the job cancelled."""
        with self._database.read() as connection:
            asked = connection.scalar(select(JobRow.cancel_asked).where(JobRow.id == self.job.id))
        return bool(asked)

    def finish(self, state: JobState, error: str | None = None) -> None:
        """Write down how the job ended."""
        self._write(state=state, error=error, finished=datetime.now(UTC))
        with suppress(OSError):  # It is empty, and nobody looks for it any more.
            self._path.unlink()

    def give_back(self) -> None:
        """Queue the job again, so that another worker goes on with it; this was no vain try."""
        self._write(state="queued", claims_advanced=self.job.claims)

    def release(self) -> None:
        """Unlock it; a job that is still running then is one whose worker has failed."""
        self._file.close()

    def _write(self, **values: Any) -> None:
        with self._database.write() as connection:
            connection.execute(
                update(JobRow)
                .where(JobRow.id == self.job.id, JobRow.state == "running", JobRow.claims == self.job.claims)
                .values(**values)
            )


def add_job(connection: Connection, name: str, subject: str, arguments: Mapping[str, Any]) -> int:
    """Queue a job within the caller's transaction."""
    values = {
        "name": name,
        "subject": subject,
        "arguments": dict(arguments),
        "state": "queued",
        "claims": 0,
        "claims_advanced": 0,
        "cancel_asked": False,
        "progress": {},
        "created": datetime.now(UTC),
    }
    number: int = connection.execute(insert(JobRow).values(**values).returning(JobRow.id)).scalar_one()
    return number


def claim(database: Database, folder: Path) -> Claim | None:
    """Take the oldest queued job that is free; None: there is none. ``folder`` has the locks."""
    with database.read() as connection:
        queued = list(
            connection.scalars(select(JobRow.id).where(JobRow.state == "queued").order_by(JobRow.id))
        )
    for number in queued:
        path = _lock_path(folder, number)
        file = lock_at_once(path)
        if file is None:
            continue
        try:
            job = _started(database, number)
        except BaseException:
            file.close()
            raise
        if job is not None:
            return Claim(database, job, file, path)
        file.close()
    return None


def take_back(database: Database, folder: Path) -> int:
    """Queue those jobs again whose worker is dead; return how many."""
    with database.read() as connection:
        running = [
            Job(**row) for row in connection.execute(_BY_ID.where(JobRow.state == "running")).mappings()
        ]
    taken = 0
    for job in running:
        file = lock_at_once(_lock_path(folder, job.id))
        if file is None:
            continue
        with file, database.write() as connection:  # Nobody can claim it meanwhile.
            taken += connection.execute(
                update(JobRow)
                .where(JobRow.id == job.id, JobRow.state == "running", JobRow.claims == job.claims)
                .values(state="queued")
            ).rowcount
    return taken


def cancel(database: Database, number: int) -> JobState:
    """Cancel a queued job at once, and ask for it where one runs; return the state it is in then."""
    with database.write() as connection:
        connection.execute(
            update(JobRow)
            .where(JobRow.id == number, JobRow.state == "queued")
            .values(state="cancelled", cancel_asked=True, finished=datetime.now(UTC))
        )
        connection.execute(
            update(JobRow).where(JobRow.id == number, JobRow.state == "running").values(cancel_asked=True)
        )
        return read_job(connection, number).state


def queue_again(connection: Connection, number: int) -> bool:
    """Queue a job that failed; False: it did not fail."""
    return bool(
        connection.execute(
            update(JobRow)
            .where(JobRow.id == number, JobRow.state == "failed")
            .values(
                state="queued",
                cancel_asked=False,
                error=None,
                finished=None,
                progress={},
                claims_advanced=JobRow.claims,
            )
        ).rowcount
    )


def read_job(connection: Connection, number: int) -> Job:
    """Return the job with this number; raise NotFound where there is none."""
    row = connection.execute(_BY_ID.where(JobRow.id == number)).mappings().first()
    if row is None:
        raise NotFound(f"There is no job {number}.")
    return Job(**row)


def jobs_about(connection: Connection, subjects: Sequence[str]) -> dict[str, Job]:
    """Return the newest job of each of the subjects; those without one are left out."""
    rows = connection.execute(_BY_ID.where(JobRow.subject.in_(subjects))).mappings()
    return {row["subject"]: Job(**row) for row in rows}


def jobs_in(connection: Connection, states: Sequence[JobState]) -> list[Job]:
    """Return all jobs in these states, oldest first."""
    rows = connection.execute(_BY_ID.where(JobRow.state.in_(states))).mappings()
    return [Job(**row) for row in rows]


def _started(database: Database, number: int) -> Job | None:
    """Enter this process as the one that runs the job; None: it is not queued any more."""
    with database.write() as connection:
        job = read_job(connection, number)
        found = connection.execute(
            update(JobRow)
            .where(JobRow.id == number, JobRow.state == "queued", JobRow.claims == job.claims)
            .values(state="running", claims=job.claims + 1, started=job.started or datetime.now(UTC))
        )
        return replace(job, state="running", claims=job.claims + 1) if found.rowcount else None


def _lock_path(folder: Path, number: int) -> Path:
    return folder / f"{number}.lock"
