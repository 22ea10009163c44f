"""What workers do: one function for each job, safe to run again from its beginning.

Only workers import this; whoever wants work done asks ``app.jobs.queue``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event as Flag
from typing import Any, Final, Protocol

from app.ingest.report import Progress
from app.ingest.run import Known, import_paths
from app.jobs.imports import files_of_import, upload_of_import
from app.jobs.queue import JobName
from app.settings import Settings
from app.state.database import Database
from app.state.imports import set_import
from app.state.jobs import Job


@dataclass(frozen=True, slots=True)
class Work:
    """What a task gets: ``stop`` is set when it shall come to an end, ``tell`` takes how far it is.

    A task says that it has ``advanced`` when it got further than ever before.
    """

    settings: Settings
    database: Database
    job: Job
    stop: Flag
    tell: Callable[[Mapping[str, Any], bool], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a task ended: at its end, or because it was asked to stop, or by an error, in a sentence."""

    is_whole: bool
    error: str | None = None


class Task(Protocol):
    """One kind of work."""

    def run(self, work: Work) -> Ended:
        """Do it, or what is left of it."""

    def settle(self, work: Work, state: str, error: str | None) -> None:
        """Enter, where people look for it, that the job did not run to its end, before the queue says so."""

    def clean(self, work: Work, state: str) -> None:
        """Remove what nobody needs now that the job has ended."""


class ImportTask:
    """Imports an upload into the store."""

    def run(self, work: Work) -> Ended:
        """Import the files; events of an earlier try are not stored again."""
        upload = upload_of_import(work.settings, work.job)
        labels = {upload.path(file.number): file.name for file in files_of_import(work.job)}
        best = int(work.job.progress.get("added", 0))

        def on_progress(progress: Progress) -> None:
            nonlocal best
            advanced = progress.counts.added > best
            best = max(best, progress.counts.added)
            work.tell({"bytes": progress.bytes, "total": progress.total, "added": best}, advanced)

        report = import_paths(
            work.settings,
            list(labels),
            on_progress=on_progress,
            stop=work.stop,
            known=Known(work.job.arguments["import"], labels),
        )
        return Ended(not report.partial, report.error)

    def settle(self, work: Work, state: str, error: str | None) -> None:
        """Enter in the ledger that the import waits, was cancelled, or failed before it could say so."""
        values: dict[str, Any] = {"state": state}
        if error is not None:
            values["error"] = error
        if state != "queued":
            values["finished"] = datetime.now(UTC)
        with work.database.write() as connection:
            set_import(connection, work.job.arguments["import"], **values)

    def clean(self, work: Work, state: str) -> None:
        """Remove the files; those of an import that failed are kept, for it can be run again."""
        if state != "failed":
            upload_of_import(work.settings, work.job).remove()


TASKS: Final[Mapping[JobName, Task]] = {JobName.IMPORT: ImportTask()}
"""The work of each job."""
