"""The names of background jobs, and putting them into the queue.

Whoever wants work done asks here and never calls the work itself: a worker does, in a
process of its own (``app.jobs.worker``).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from app.settings import Settings
from app.state.jobs import add_job
from app.state.locks import is_held

FOLDER: Final = "jobs"


class JobName(StrEnum):
    """What workers can do."""

    IMPORT = "import"


def enqueue(connection: Connection, name: JobName, subject: str, arguments: Mapping[str, Any]) -> int:
    """Queue a job within the caller's transaction; return its number.

    ``arguments`` are what JSON can hold; ``subject`` is by what the job is found again.
    """
    return add_job(connection, name.value, subject, arguments)


def is_worker_alive(settings: Settings) -> bool:
    """Tell whether any worker runs on this data folder."""
    return is_held(workers_lock(settings))


def workers_lock(settings: Settings) -> Path:
    """Return the file that all workers hold a shared lock on while they live."""
    return locks_folder(settings) / "workers.lock"


def locks_folder(settings: Settings) -> Path:
    """Return the folder of the locks that running jobs hold."""
    return settings.data / FOLDER
