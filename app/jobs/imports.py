"""Imports as jobs: queued by the pages, cancelled, queued again; light, for it does no work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from app.errors import NotFound
from app.jobs.queue import JobName, enqueue
from app.jobs.uploads import Upload, UploadedFile, upload_of
from app.settings import Settings
from app.state.database import Database
from app.state.imports import add_import, import_entry, set_import, subject_of
from app.state.jobs import ACTIVE, Job, JobState, cancel, jobs_about, jobs_in, queue_again

KEPT: Final = timedelta(days=7)
"""So long the files of an import that failed are kept, so that it can be begun again."""


def enqueue_import(database: Database, upload: Upload, files: Sequence[UploadedFile]) -> int:
    """Queue the import of an upload; return the import's number in the ledger."""
    with database.write() as connection:
        number = add_import(connection, [file.name for file in files])
        arguments = {
            "import": number,
            "upload": upload.token,
            "files": [file.to_json() for file in files],
        }
        enqueue(connection, JobName.IMPORT, subject_of(number), arguments)
    return number


def job_of_import(database: Database, number: int) -> Job:
    """Return the job of an import; raise NotFound where it never had one."""
    with database.read() as connection:
        import_entry(connection, number)
        job = jobs_about(connection, [subject_of(number)]).get(subject_of(number))
    if job is None:
        raise NotFound(
            f"Import {number} was begun on the command line, and only there can it be stopped or run again."
        )
    return job


def cancel_import(settings: Settings, database: Database, number: int) -> JobState:
    """Cancel an import: what it has stored stays. Give up one that failed: its files go."""
    job = job_of_import(database, number)
    state = cancel(database, job.id)
    if state == "cancelled":
        with database.write() as connection:
            # A worker may have begun it and given it back: what it counted stays.
            set_import(connection, number, state="cancelled", finished=datetime.now(UTC))
    if state in {"cancelled", "failed"}:
        upload_of_import(settings, job).remove()
    return state


def import_again(settings: Settings, database: Database, number: int) -> bool:
    """Queue an import that failed once more; False: it did not fail, or its files are gone."""
    job = job_of_import(database, number)
    if not has_files(settings, job):
        return False
    with database.write() as connection:
        again = queue_again(connection, job.id)
        if again:
            set_import(connection, number, state="queued", finished=None, error=None)
    return again


def has_files(settings: Settings, job: Job) -> bool:
    """Tell whether the files of an import are still there, all of them."""
    upload = upload_of_import(settings, job)
    return all(upload.path(file.number).exists() for file in files_of_import(job))


def upload_of_import(settings: Settings, job: Job) -> Upload:
    """Return the upload that an import reads."""
    return upload_of(settings, job.arguments["upload"])


def files_of_import(job: Job) -> list[UploadedFile]:
    """Return the files that an import reads."""
    return [UploadedFile.from_json(file) for file in job.arguments["files"]]


def is_upload_wanted(database: Database, token: str) -> bool:
    """Tell whether a job still needs an upload, or somebody may run it again."""
    since = datetime.now(UTC) - KEPT
    with database.read() as connection:
        jobs = jobs_in(connection, (*ACTIVE, "failed"))
        return any(
            job.arguments["upload"] == token and (job.state != "failed" or (job.finished or since) > since)
            for job in jobs
            if job.name == JobName.IMPORT.value
        )
