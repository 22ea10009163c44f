"""What an import says about itself, while it runs and at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from app.layouts.reader import Reject

MOST_REJECTS: Final = 1000
"""So many rejects, and so many notes, are in a report; all rejects are in its file."""

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
    the first ``MOST_REJECTS``; the file has all.
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

    def to_json(self) -> dict[str, Any]:
        """Return what ``sysmonsearch import --json`` prints."""
        return {
            **{item.name: getattr(self, item.name) for item in fields(Counts)},
            "rejects": [as_json(reject) for reject in self.rejects],
            "seconds": round(self.seconds, 3),
            "partial": self.partial,
            "error": self.error,
            "notes": [{"file": note.file, "note": note.note} for note in self.notes],
            "import_id": self.import_id,
            "rejects_file": None if self.rejects_file is None else str(self.rejects_file),
        }


def as_json(reject: Reject) -> dict[str, str]:
    """Return a reject as the report and the file of rejects have it."""
    return {"file": reject.file, "place": reject.place, "reason": reject.reason}


@dataclass(slots=True)
class Step:
    """What one process did since its last step; ``counts`` are all that it ever counted."""

    file: str
    bytes: int
    counts: Counts
    rejects: list[Reject] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
