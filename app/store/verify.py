"""Verifying the store: every file is read again and compared with what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from app.store.catalogue import Catalogue, Segment
from app.store.files import checksum, segment_name
from app.store.guids import is_sound


class Fault(StrEnum):
    """What may be wrong with a file."""

    MISSING = "missing"
    CHANGED = "changed"
    ORPHAN = "orphan"


@dataclass(frozen=True, slots=True)
class Finding:
    """A file that is not as it was written, and what that means."""

    fault: Fault
    file: Path
    message: str


def verify(catalogue: Catalogue) -> Iterator[Finding]:
    """Yield what is wrong with the files of the store; nothing where all is well."""
    for segment in sorted(catalogue.live(), key=lambda segment: segment.id):
        findings = [
            *_check(segment.path, segment.checksum, segment.rows, f"{segment.rows:,} events"),
            *_check(segment.summary_path, segment.summary_checksum, None, "the summary of a segment"),
            *_check_guids(segment.guids_path),
        ]
        if findings and _is_live(catalogue, segment):
            yield from findings
    yield from _orphans(catalogue)


def _check(path: Path, recorded: str, rows: int | None, what: str) -> Iterator[Finding]:
    try:
        if checksum(path) != recorded:
            yield Finding(Fault.CHANGED, path, f"{path} is not as it was written: it held {what}.")
        elif rows is not None and pq.read_metadata(path).num_rows != rows:
            yield Finding(Fault.CHANGED, path, f"{path} should have {what}.")
    except FileNotFoundError:
        yield Finding(Fault.MISSING, path, f"{path} is missing: it held {what}.")
    except (OSError, pa.ArrowException) as error:
        yield Finding(Fault.CHANGED, path, f"{path} cannot be read ({error}): it held {what}.")


def _check_guids(path: Path) -> Iterator[Finding]:
    """Check an index of GUIDs, which ends with its own checksum; a segment may well have none."""
    try:
        if is_sound(path):
            return
        why = "is not as it was written"
    except FileNotFoundError:
        return
    except OSError as error:
        why = f"cannot be read ({error})"
    yield Finding(
        Fault.CHANGED,
        path,
        f"{path} {why}: it is an index, no event is lost, and questions about processes are answered"
        " without it, but slower. Delete it; `sysmonsearch store compact` writes it again.",
    )


def _is_live(catalogue: Catalogue, segment: Segment) -> bool:
    """Tell whether the segment still counts: compaction may have replaced it meanwhile."""
    return any(other.id == segment.id for other in catalogue.live())


def _orphans(catalogue: Catalogue) -> Iterator[Finding]:
    placed = sorted((catalogue.folder / "segments").glob("*"))
    # Asked afterwards and under the lock: what was placed by then has its entry by now.
    with catalogue.change() as change:
        names = change.names()
    for path in placed:
        if segment_name(path) not in names and path.exists():
            yield Finding(Fault.ORPHAN, path, f"{path} belongs to no segment; the next import removes it.")
