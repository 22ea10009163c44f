"""Imports: the one way in for logs, from the command line and from the pages."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields
from pathlib import Path
from threading import Event as Flag
from typing import Final

from app.errors import StoreUnavailable, SysmonSearchError
from app.ingest.collector import Collector
from app.ingest.feed import Ended, Ends, Feed, Stopped
from app.ingest.report import Counts, Progress, Report
from app.ingest.sources import Sources, find_sources, shares
from app.ingest.streams import Limits
from app.ingest.workers import run_workers
from app.settings import Settings
from app.state.database import open_database
from app.state.imports import ImportRun, State, import_run, source_of
from app.store.open import open_store
from app.store.port import EventStore

__all__ = ["Known", "Progress", "Report", "import_into", "import_paths"]

_MOST_JOBS: Final = 4


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an import before it begins, where it was queued.

    ``number`` is that of the ledger; ``labels`` are what people know the files by.
    """

    number: int | None = None
    labels: Mapping[Path, str] = field(default_factory=dict)


def import_paths(
    settings: Settings,
    paths: Sequence[Path],
    *,
    jobs: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Flag | None = None,
    known: Known | None = None,
) -> Report:
    """Import files, folders and archives into the store that the settings name.

    Raise BadInput, before anything is read, where a path leads nowhere. What goes wrong
    later stands in the report. ``stop`` set: what was read is stored, and the report is
    partial. The same call again finishes an import that did not come to its end.
    """
    known = known or Known()
    sources = find_sources(paths, settings.data, known.labels)
    texts = [known.labels.get(path, str(path)) for path in paths]
    with (
        open_store(settings) as store,
        closing(open_database(settings)) as database,
        import_run(database, settings.data, texts, known.number) as run,
    ):
        source, asked = source_of(run.number), _asked(stop)
        with Collector(
            sources.files,
            run.folder,
            on_progress,
            lambda counts: run.checkpoint(counts.as_dict()),
            run.added(),
        ) as collector:
            collector.say(sources.rejects, sources.notes)
            processes = min(jobs or _cores(), shares(sources.files))
            if processes > 1:
                ended = run_workers(settings, sources.files, processes, source, collector, asked)
            else:
                feed = Feed(store, Limits.of(settings), source, Ends(collector.take, asked))
                ended = read_here(sources, feed)
            report = collector.report(
                partial=ended.stopped or ended.error is not None,
                error=_sentence(ended, collector.counts, known),
                import_id=run.number,
                ended=True,
            )
            collector.save(report, ended=True)
        _finish(run, report)
        if not report.partial:
            store.tidy()
    return report


def import_into(
    store: EventStore,
    paths: Sequence[Path],
    limits: Limits,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    stop: Flag | None = None,
) -> Report:
    """Import into an open store, whatever its engine, in this process and without a ledger."""
    sources = find_sources(paths)
    with Collector(sources.files, on_progress=on_progress) as collector:
        collector.say(sources.rejects, sources.notes)
        ended = read_here(sources, Feed(store, limits, "import", Ends(collector.take, _asked(stop))))
        return collector.report(
            partial=ended.stopped or ended.error is not None,
            error=_sentence(ended, collector.counts, Known()),
            ended=True,
        )


def read_here(sources: Sources, feed: Feed) -> Ended:
    """Read all files in this process."""
    stopped, error = False, None
    try:
        try:
            for part in sources.files:
                feed.read(part)
        except Stopped:
            stopped = True
        feed.flush()
    except SysmonSearchError as failure:
        error = str(failure)
    feed.tell()
    return Ended(error, stopped)


def _sentence(ended: Ended, counts: Counts, known: Known) -> str | None:
    if ended.error is None:
        return None
    again = "run the same command again" if known.number is None else "import the files again"
    return (
        f"{ended.error} {counts.added:,} events were added before that. When the cause is mended,"
        f" {again}: it adds what is missing."
    )


def _finish(run: ImportRun, report: Report) -> None:
    state: State = "complete"
    if report.partial:
        state = "partial"
    elif not report.files:
        state = "failed"
    counts = {item.name: getattr(report, item.name) for item in fields(Counts)}
    try:
        run.finish(state, counts, report.error)
    except StoreUnavailable:
        # On a full disk. The next import finds that this one no longer lives.
        if report.error is None:
            raise


def _cores() -> int:
    return min(len(os.sched_getaffinity(0)), _MOST_JOBS)


def _asked(stop: Flag | None) -> Callable[[], bool]:
    return (lambda: False) if stop is None else stop.is_set
