"""What the processes of an import tell, put together: counts, rejects, progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import orjson

from app.errors import StoreUnavailable
from app.ingest.report import MOST_REJECTS, Counts, Note, Progress, Report, Step, as_json
from app.layouts.reader import Reject

_CHECKPOINT_SECONDS: Final = 2.0


class Collector:
    """Gathers steps into one report; all rejects go to a file as they come."""

    def __init__(
        self,
        total: int,
        rejects_file: Path | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        checkpoint: Callable[[Counts], None] | None = None,
    ) -> None:
        self.rejects_file = rejects_file
        self._total = total
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
        return sum((step.counts for step in self._latest.values()), self._own)

    def take(self, step: Step, process: int = 0) -> None:
        """Take what one of the processes told."""
        self._latest[process] = step
        self._keep(step.rejects, step.notes)
        if self._on_progress is not None:
            done = sum(latest.bytes for latest in self._latest.values())
            self._on_progress(Progress(step.file, min(done, self._total), self._total, self.counts))
        now = time.monotonic()
        if self._checkpoint is not None and now - self._checked > _CHECKPOINT_SECONDS:
            self._checked = now
            self._checkpoint(self.counts)

    def say(self, rejects: list[Reject], notes: list[Note]) -> None:
        """Take rejects and notes that no process counts."""
        self._own.rejected += len(rejects)
        self._keep(rejects, notes)

    def report(self, *, partial: bool, error: str | None, import_id: int | None = None) -> Report:
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
        )

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
    # Names of files may hold bytes that are no text.
    texts = {key: text.encode("utf-8", "replace").decode() for key, text in as_json(reject).items()}
    return orjson.dumps(texts, option=orjson.OPT_APPEND_NEWLINE)
