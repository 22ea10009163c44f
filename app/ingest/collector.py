"""What the processes of an import tell, put together: counts, rejects, progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from app.errors import StoreUnavailable
from app.ingest.files import Files
from app.ingest.report import MOST_REJECTS, Counts, Note, Progress, Report, Step, as_json
from app.ingest.sources import Part
from app.layouts.reader import Reject
from app.sysmon.export import json_bytes

REJECTS_FILE: Final = "rejects.ndjson"
REPORT_FILE: Final = "report.json"

_CHECKPOINT_SECONDS: Final = 2.0
_SAVE_SECONDS: Final = 0.5


class Collector:
    """Gathers steps into one report.

    Into ``folder`` go all rejects as they come, and now and then the report so far.
    """

    def __init__(
        self,
        files: Sequence[Part],
        folder: Path | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        checkpoint: Callable[[Counts], None] | None = None,
        added_before: int = 0,
    ) -> None:
        self.rejects_file = None if folder is None else folder / REJECTS_FILE
        self.added_before = added_before
        self._folder = folder
        self._files = Files(files)
        self._total = self._files.size
        self._saved = 0.0
        self._on_progress = on_progress
        self._checkpoint = checkpoint
        self._checked = self._began = time.monotonic()
        self._own = Counts()
        self._latest: dict[int, Step] = {}
        self._rejects: list[Reject] = []
        self._notes: list[Note] = []
        self._open = ExitStack()
        self._file: BinaryIO | None = None

    @property
    def counts(self) -> Counts:
        """All that was counted; an event that was added before an interruption is no duplicate."""
        counts = sum((step.counts for step in self._latest.values()), self._own)
        before = min(self.added_before, counts.duplicates)
        return replace(counts, added=counts.added + before, duplicates=counts.duplicates - before)

    def take(self, step: Step, process: int = 0) -> None:
        """Take what one of the processes told."""
        self._latest[process] = step
        self._files.take(step.files)
        self._keep(step.rejects, step.notes)
        if self._on_progress is not None:
            self._on_progress(Progress(step.file, self._done, self._total, self.counts))
        now = time.monotonic()
        if now - self._saved > _SAVE_SECONDS:
            self._saved = now
            self.save(self.report(partial=True, error=None), ended=False)
        if self._checkpoint is not None and now - self._checked > _CHECKPOINT_SECONDS:
            self._checked = now
            self._checkpoint(self.counts)

    def say(self, rejects: list[Reject], notes: list[Note]) -> None:
        """Take rejects and notes that no process counts."""
        self._own.rejected += len(rejects)
        self._keep(rejects, notes)

    def save(self, report: Report, *, ended: bool) -> None:
        """Write a report beside the rejects, for whoever looks at the import.

        Where that fails, as on a full disk, the import goes on: the ledger has its counts.
        """
        if self._folder is None:
            return
        document = {
            **report.to_json(),
            "ended": ended,
            "progress": {"bytes": self._done, "total": self._total},
            "files_found": len(self._files),
        }
        path = self._folder / REPORT_FILE
        draft = path.with_suffix(".draft")
        with suppress(OSError):
            draft.write_bytes(json_bytes(document))
            draft.replace(path)

    def report(
        self, *, partial: bool, error: str | None, import_id: int | None = None, ended: bool = False
    ) -> Report:
        """Return the report of all that was taken."""
        return Report(
            **self.counts.as_dict(),
            rejects=tuple(self._rejects),
            notes=tuple(self._notes),
            seconds=time.monotonic() - self._began,
            partial=partial,
            error=error,
            import_id=import_id,
            rejects_file=self.rejects_file if self._file is not None else None,
            added_before=self.added_before,
            by_file=tuple(self._files.to_json(ended=ended)),
        )

    @property
    def _done(self) -> int:
        """How many bytes are read."""
        return min(sum(step.bytes for step in self._latest.values()), self._total)

    def _keep(self, rejects: list[Reject], notes: list[Note]) -> None:
        self._rejects += rejects[: MOST_REJECTS - len(self._rejects)]
        self._notes += notes[: MOST_REJECTS - len(self._notes)]
        if rejects and self.rejects_file is not None:
            try:
                if self._file is None:
                    self._file = self._open.enter_context(self.rejects_file.open("wb"))
                self._file.writelines(_line(reject) for reject in rejects)
                self._file.flush()
            except OSError as error:
                file, self.rejects_file = self.rejects_file, None
                raise StoreUnavailable(f"Rejects cannot be written to {file}: {error.strerror}.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()


def _line(reject: Reject) -> bytes:
    return json_bytes(as_json(reject)) + b"\n"
