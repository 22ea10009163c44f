"""The files of an import, one by one: how far each was read, and what became of its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from app.ingest.report import Counts, FileStep, shortened
from app.ingest.sources import Part

MOST_FILES: Final = 1000
"""So many files are in a report one by one."""

_MOST_LAYOUTS: Final = 4


class FileState(StrEnum):
    """What became of a file so far."""

    WAITING = "waiting"
    READING = "reading"
    STORING = "storing"
    DONE = "done"
    NO_EVENTS = "no Sysmon event"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(slots=True)
class FileReport:
    """One file: ``bytes`` of ``size`` were read; ``counts.files`` are the logs in it."""

    name: str
    size: int
    bytes: int = 0
    finished: int = 0
    counts: Counts = field(default_factory=Counts)
    layouts: list[str] = field(default_factory=list)

    def take(self, step: FileStep) -> None:
        """Take what a process told of it."""
        self.bytes += step.bytes
        self.finished += step.finished
        self.counts += step.counts
        for layout in step.layouts:
            if layout not in self.layouts and len(self.layouts) < _MOST_LAYOUTS:
                self.layouts.append(layout)

    def state(self, *, ended: bool) -> FileState:
        """Return what became of it; ``ended``: the import did, so nothing more comes."""
        counts = self.counts
        is_read = self.finished >= self.size and (self.size > 0 or counts.rejected > 0)
        if not is_read or counts.added + counts.duplicates < counts.sysmon_events:
            if ended:
                return FileState.STOPPED
            if is_read:
                return FileState.STORING
            return FileState.READING if self.bytes or counts.records else FileState.WAITING
        if not counts.files and not counts.records:
            return FileState.REFUSED
        return FileState.DONE if counts.sysmon_events else FileState.NO_EVENTS


class Files:
    """All files of an import."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._files = [FileReport(part.name, part.size) for part in parts]

    def __len__(self) -> int:
        return len(self._files)

    @property
    def size(self) -> int:
        return sum(file.size for file in self._files)

    def take(self, steps: dict[int, FileStep]) -> None:
        """Take what a process told of some of them."""
        for number, step in steps.items():
            self._files[number].take(step)

    def to_json(self, *, ended: bool) -> list[dict[str, Any]]:
        """Return the first ``MOST_FILES`` as the report has them."""
        return [
            {
                "file": shortened(file.name),
                "size": file.size,
                "read": file.bytes,
                "state": file.state(ended=ended).value,
                "layouts": list(file.layouts),
                **file.counts.as_dict(),
            }
            for file in self._files[:MOST_FILES]
        ]
