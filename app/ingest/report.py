"""What an import says about itself, while it runs and at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from app.layouts.reader import Reject

MOST_REJECTS: Final = 1000
"""So many rejects, and so many notes, are in a report; all rejects are in its file."""

_LONGEST: Final = 2000

Say = Callable[[str, str], None]
"""Takes the place and the reason of a reject."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something about a file that a person may want to know; nothing was lost by it."""

    file: str
    note: str


@dataclass(slots=True)
class Counts:
    """What was counted. ``files`` are logs: members of archives count each."""

    files: int = 0
    records: int = 0
    sysmon_events: int = 0
    added: int = 0
    duplicates: int = 0
    other_channels: int = 0
    rejected: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))

    def __sub__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, item.name) - getattr(other, item.name) for item in fields(self)))

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: ``bytes`` of ``total``, as the files lie on the disk."""

    file: str
    bytes: int
    total: int
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The end of an import.

    ``partial``: not all that was to be read was read; ``error`` says what ended it, where
    it was not asked to stop. ``rejected`` may be more than ``rejects`` has, which holds
    the first ``MOST_REJECTS``; the file has all. ``added_before`` of the events that were
    added were added before the import was interrupted. ``by_file`` is as JSON has it.
    """

    files: int
    records: int
    sysmon_events: int
    added: int
    duplicates: int
    other_channels: int
    rejected: int
    rejects: tuple[Reject, ...]
    seconds: float
    partial: bool = False
    error: str | None = None
    notes: tuple[Note, ...] = ()
    import_id: int | None = None
    rejects_file: Path | None = None
    added_before: int = 0
    by_file: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what ``sysmonsearch import --json`` prints."""
        return {
            **{item.name: getattr(self, item.name) for item in fields(Counts)},
            "rejects": [as_json(reject) for reject in self.rejects],
            "seconds": round(self.seconds, 3),
            "partial": self.partial,
            "error": None if self.error is None else shortened(self.error),
            "notes": [{"file": shortened(note.file), "note": shortened(note.note)} for note in self.notes],
            "import_id": self.import_id,
            "rejects_file": None if self.rejects_file is None else str(self.rejects_file),
            "added_before": self.added_before,
            "by_file": list(self.by_file),
        }


def shortened(text: str) -> str:
    """Return a text of a log, such as a name, as a report may hold it: it can be of any length."""
    text = text.encode("utf-8", "replace").decode()  # Names of files may hold bytes that are no text.
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 :]}"


def as_json(reject: Reject) -> dict[str, str]:
    """Return a reject as the report and the file of rejects have it."""
    return {
        "file": shortened(reject.file),
        "place": shortened(reject.place),
        "reason": shortened(reject.reason),
    }


@dataclass(slots=True)
class FileStep:
    """What one process did with one file since its last step.

    ``finished`` are the bytes of those of its parts that were read to their end.
    """

    bytes: int = 0
    finished: int = 0
    counts: Counts = field(default_factory=Counts)
    layouts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Step:
    """What one process did since its last step; ``counts`` are all that it ever counted."""

    file: str
    bytes: int
    counts: Counts
    rejects: list[Reject] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    files: dict[int, FileStep] = field(default_factory=dict)
