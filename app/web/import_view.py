"""What is known of an import, put together: the ledger, its job, and the report beside its rejects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import orjson

from app.jobs.imports import files_of_import, has_files
from app.jobs.queue import is_worker_alive
from app.jobs.uploads import UploadedFile
from app.settings import Settings
from app.state.database import Database
from app.state.imports import FOLDER, ImportEntry, import_entry, imports, is_alive, subject_of
from app.state.jobs import ACTIVE, Job, jobs_about
from app.web.texts import _

REPORT_FILE: Final = "report.json"
REJECTS_FILE: Final = "rejects.ndjson"

SHOWN_FILES: Final = 150
SHOWN_REJECTS: Final = 50
_SHOWN_PLACES: Final = 5
_COUNTS: Final = (
    "files",
    "records",
    "sysmon_events",
    "added",
    "duplicates",
    "other_channels",
    "rejected",
)


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file of an import; ``sha256`` is known of uploads."""

    name: str
    size: int
    sha256: str
    layouts: Sequence[str]
    percent: int
    state: str
    counts: Mapping[str, int]

    @property
    def tone(self) -> str:
        """How the state is marked: ok, warn, bad, or not."""
        if self.state == "done":
            return "warn" if self.counts["rejected"] else "ok"
        return {"refused": "bad", "no Sysmon event": "warn", "stopped": "warn"}.get(self.state, "")


@dataclass(frozen=True, slots=True)
class RejectRow:
    """Records of one file that were not taken for the same reason."""

    file: str
    reason: str
    places: Sequence[str]
    count: int


@dataclass(frozen=True)
class ImportView:
    """An import as pages show it; ``report`` is empty where none was written yet."""

    entry: ImportEntry
    job: Job | None
    report: Mapping[str, Any]
    alive: bool
    has_worker: bool
    can_repeat: bool

    @property
    def id(self) -> int:
        return self.entry.id

    @property
    def state(self) -> str:
        """The state for machines: queued, running, complete, partial, failed or cancelled."""
        if self.job is not None and self.job.state in ACTIVE:
            return "running" if self.job.state == "running" and self.alive else "queued"
        return "partial" if self.entry.state == "running" and not self.alive else self.entry.state

    @property
    def is_over(self) -> bool:
        """Whether nothing more will change by itself."""
        return self.state not in ("queued", "running")

    @property
    def is_stopping(self) -> bool:
        """Whether somebody has cancelled it and it is not at its end yet."""
        return self.job is not None and self.job.cancel_asked and not self.is_over

    @property
    def can_cancel(self) -> bool:
        """Whether it can be cancelled on the page."""
        return self.job is not None and not self.is_over and not self.is_stopping

    @property
    def error(self) -> str | None:
        """What ended it early, in a sentence."""
        if self.entry.state == "running" and self.state == "partial":
            return _("Its process was ended from outside. Run the same command again: it finishes the job.")
        return self.entry.error or (self.job.error if self.job is not None and self.is_over else None)

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """What was counted so far."""
        source = self.report or self.entry.counts
        return {name: int(source.get(name, 0)) for name in _COUNTS}

    @property
    def added_before(self) -> int:
        """How many of the events were added before the import was interrupted."""
        return int(self.report.get("added_before", 0))

    @property
    def done(self) -> tuple[int, int]:
        """How many bytes are read, of how many."""
        progress = self.report.get("progress") or {"bytes": 0, "total": sum(f.size for f in self.uploaded)}
        return progress["bytes"], progress["total"]

    @property
    def percent(self) -> int:
        """How far it is; never 100 before it is over."""
        part, whole = self.done
        return 100 if self.state == "complete" else min(99, 100 * part // whole if whole else 0)

    @property
    def left(self) -> timedelta | None:
        """About how long it will take; None: that cannot be said yet."""
        part, whole = self.done
        seconds = float(self.report.get("seconds", 0))
        if self.state != "running" or not part or seconds < 2:
            return None
        return timedelta(seconds=round(seconds * (whole - part) / part))

    @cached_property
    def uploaded(self) -> Sequence[UploadedFile]:
        """The files as they came by the form; none for an import of the command line."""
        return [] if self.job is None else files_of_import(self.job)

    @cached_property
    def files(self) -> Sequence[FileRow]:
        """The files that the page shows; of very many, those first that ask for a look."""
        digests = {file.name: file.sha256 for file in self.uploaded}
        rows = [_file_row(row, digests) for row in self.report.get("by_file", ())]
        if not rows:
            rows = [
                FileRow(file.name, file.size, file.sha256, (), 0, "waiting", dict.fromkeys(_COUNTS, 0))
                for file in self.uploaded
            ]
        if len(rows) > SHOWN_FILES:
            rows.sort(key=lambda row: row.state in ("done", "waiting") and not row.counts["rejected"])
        return rows[:SHOWN_FILES]

    @property
    def files_found(self) -> int:
        """How many files there are in all."""
        return int(self.report.get("files_found", 0)) or len(self.uploaded) or len(self.entry.paths)

    @property
    def tallies(self) -> Mapping[str, int]:
        """How many of the files in the report have which state."""
        tallies: dict[str, int] = {}
        for row in self.report.get("by_file", ()):
            tallies[row["state"]] = tallies.get(row["state"], 0) + 1
        return tallies

    @cached_property
    def rejects(self) -> Sequence[RejectRow]:
        """The first rejects, those of one reason together."""
        return _together(self.report.get("rejects", ()))

    @property
    def notes(self) -> Sequence[Mapping[str, str]]:
        """What else is to be said of files."""
        notes: Sequence[Mapping[str, str]] = self.report.get("notes", ())
        return notes[:SHOWN_REJECTS]

    def to_json(self, rejects_address: str) -> dict[str, Any]:
        """Return what ``import --json`` prints, with the state and how far it is."""
        part, whole = self.done
        return {
            "rejects": [],
            "seconds": None,
            "notes": [],
            "added_before": 0,
            "by_file": [],
            **self.report,
            **self.counts,
            "import_id": self.id,
            "state": self.state,
            "partial": bool(self.report.get("partial", True)),
            "error": self.error,
            "ended": self.is_over,
            "cancelling": self.is_stopping,
            "started": self.entry.started.isoformat(),
            "finished": self.entry.finished.isoformat() if self.entry.finished else None,
            "progress": {"bytes": part, "total": whole, "percent": self.percent},
            "files_found": self.files_found,
            "rejects_file": rejects_address if self.counts["rejected"] else None,
        }


def read_import(settings: Settings, database: Database, number: int) -> ImportView:
    """Return an import; raise NotFound where there is none."""
    with database.read() as connection:
        entry = import_entry(connection, number)
        job = jobs_about(connection, [subject_of(number)]).get(subject_of(number))
    report = {} if entry.state == "queued" and not entry.counts else _report(settings, number)
    return _view(settings, entry, job, report)


def read_imports(
    settings: Settings, database: Database, size: int, before: int | None = None
) -> list[ImportView]:
    """Return the newest imports, with reports of those only that are not at their end."""
    with database.read() as connection:
        entries = imports(connection, size, before)
        jobs = jobs_about(connection, [subject_of(entry.id) for entry in entries])
    return [
        _view(
            settings,
            entry,
            jobs.get(subject_of(entry.id)),
            _report(settings, entry.id) if entry.state == "running" else {},
        )
        for entry in entries
    ]


def rejects_path(settings: Settings, number: int) -> Path:
    """Return where the rejects of an import are, if it has any."""
    return settings.data / FOLDER / str(number) / REJECTS_FILE


def _view(settings: Settings, entry: ImportEntry, job: Job | None, report: Mapping[str, Any]) -> ImportView:
    waits = job is not None and job.state in ACTIVE
    return ImportView(
        entry=replace(entry, paths=tuple(entry.paths)),
        job=job,
        report=report,
        alive=entry.state == "running" and is_alive(settings.data, entry.id),
        has_worker=not waits or is_worker_alive(settings),
        can_repeat=job is not None and job.state == "failed" and has_files(settings, job),
    )


def _report(settings: Settings, number: int) -> Mapping[str, Any]:
    path = settings.data / FOLDER / str(number) / REPORT_FILE
    try:
        report = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}  # None was written yet, or the disk was full; the ledger has the counts.
    return report if isinstance(report, dict) else {}


def _file_row(row: Mapping[str, Any], digests: Mapping[str, str]) -> FileRow:
    size, read = int(row["size"]), int(row["read"])
    return FileRow(
        name=row["file"],
        size=size,
        sha256=digests.get(row["file"], ""),
        layouts=row["layouts"],
        percent=min(100, 100 * read // size) if size else 100,
        state=row["state"],
        counts={name: int(row[name]) for name in _COUNTS},
    )


def _together(rejects: Iterable[Mapping[str, str]]) -> list[RejectRow]:
    places: dict[tuple[str, str], list[str]] = {}
    for reject in rejects:
        places.setdefault((reject["file"], reject["reason"]), []).append(reject["place"])
    return [
        RejectRow(file, reason, [place for place in found[:_SHOWN_PLACES] if place], len(found))
        for (file, reason), found in list(places.items())[:SHOWN_REJECTS]
    ]
