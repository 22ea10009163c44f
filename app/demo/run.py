"""Make the demo and put it into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.demo.files import write_scenario
from app.demo.fleet import Fleet
from app.demo.folder import FOLDER, UNFINISHED
from app.ingest.report import Progress, Report
from app.ingest.run import import_paths
from app.settings import Settings
from app.store.port import Added, EventStore


def make_demo(settings: Settings, on_progress: Callable[[Progress], None] | None = None) -> Report:
    """Write the scenario's files and import them as any others; a second run adds nothing."""
    folder = settings.data / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / UNFINISHED
    mark.touch()
    report = import_paths(settings, write_scenario(folder), on_progress=on_progress)
    if not report.partial:
        mark.unlink()
    return report


def fill_store(fleet: Fleet, store: EventStore) -> Iterator[Added]:
    """Store a fleet's events without files; yield what became of each batch.

    For measuring the store alone: nothing is written as a log and read again.
    """
    for number, batch in enumerate(fleet.batches()):
        yield store.add(batch, f"fleet, seed {fleet.seed}, batch {number}")
