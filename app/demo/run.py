"""Make the demo and put it into the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from app.demo.files import write_scenario, writing
from app.demo.fleet import Fleet
from app.demo.folder import FOLDER, UNFINISHED
from app.demo.office import Computer
from app.demo.scenario import COMPUTERS
from app.ingest.report import Progress, Report
from app.ingest.run import import_paths
from app.settings import Settings
from app.store.port import Added, EventStore


def make_demo(
    settings: Settings,
    on_progress: Callable[[Progress], None] | None = None,
    computers: Sequence[Computer] = COMPUTERS,
) -> Report:
    """Write the scenario's files and import them as any others; a second run adds nothing."""
    folder = settings.data / FOLDER
    mark = folder / UNFINISHED
    with writing(folder):
        mark.touch()
        paths = write_scenario(folder, computers)
    report = import_paths(settings, paths, on_progress=on_progress)
    if not report.partial:
        mark.unlink()
    return report


def fill_store(fleet: Fleet, store: EventStore) -> Iterator[Added]:
    """Store a fleet's events without files; yield what became of each batch.

    For measuring the store alone: nothing is written as a log and read again.
    """
    for number, batch in enumerate(fleet.batches()):
        yield store.add(batch, f"fleet, seed {fleet.seed}, batch {number}")
