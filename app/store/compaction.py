"""Compaction: many small segments become few large ones.

Merged are neighbours in order of storing, of one month, so that the numbers of batches of
two segments of a month never overlap. The new segment takes the place of the old ones in
one transaction; their files stay until no query can be reading them.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import groupby
from typing import Final

import pyarrow as pa

from app.store.catalogue import Catalogue, Segment
from app.store.files import disk_errors, drafting
from app.store.indexing import write_missing
from app.store.merge import check, merge_segments
from app.store.segments import unpacked_bytes

FULL_ROWS: Final = 1_000_000
"""A segment of so many rows is not made larger: more would win searches nothing."""

_LARGE_ROWS: Final = 700_000
"""A segment of so many rows is left as it is."""

_MOST_ROWS: Final = 1_200_000
_MOST_BYTES: Final = 256 << 20
_MOST_UNPACKED: Final = 256 << 20
_MOST_SOURCES: Final = 256
_NEARLY_FULL: Final = 900_000
_WORTHWHILE_ROWS: Final = 100_000
_WORTHWHILE_ALONE: Final = 10_000
_FEW: Final = 8
_MANY: Final = 16


class Effort(Enum):
    """How much is to be merged."""

    DUE = "where a large segment comes out, or very many are waiting"
    USUAL = "where the result is at least twice its largest part: each event is moved a few times in all"
    EVERYTHING = "whatever is small"


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did."""

    merged: int = 0
    into: int = 0
    rows: int = 0


def compact(catalogue: Catalogue, effort: Effort) -> Compacted:
    """Merge what is worth it.

    Another process that compacts already is left to do it; ``EVERYTHING`` waits for it.
    """
    done = Compacted()
    with disk_errors(catalogue.folder), _alone(catalogue, wait=effort is Effort.EVERYTHING) as alone:
        if not alone:
            return done
        merged = True
        while merged:
            merged = False
            packs = plan(catalogue.live(), effort)
            for sources in (part for pack in packs for part in within_memory(pack)):
                if _replace(catalogue, sources):
                    merged = True
                    done = Compacted(done.merged + len(sources), done.into + 1, done.rows + _rows(sources))
        write_missing(catalogue)
    return done


def sweep(catalogue: Catalogue, before: datetime) -> int:
    """Unlink the files of segments that died before this time; return how many segments."""
    with catalogue.change() as change:
        dead = change.dead(before)
        change.forget([id_ for id_, _ in dead])
    with disk_errors(catalogue.folder):
        for _, name in dead:
            catalogue.path(name).unlink(missing_ok=True)
            catalogue.summary_path(name).unlink(missing_ok=True)
            catalogue.guids_path(name).unlink(missing_ok=True)
    return len(dead)


def plan(segments: Sequence[Segment], effort: Effort) -> list[list[Segment]]:
    """Return the segments to be merged, each list into one.

    A list holds neighbours in order of storing, of one month, with no larger segment
    between them.
    """
    ordered = sorted(segments, key=lambda segment: (segment.month, segment.min_batch, segment.id))
    found: list[list[Segment]] = []
    for (_, done), run in groupby(ordered, lambda segment: (segment.month, _is_done(segment))):
        if not done:
            *full, last = _packs(list(run))
            if effort is not Effort.EVERYTHING and _rows(last) < _NEARLY_FULL:
                last = _doubling(last)
            found += [pack for pack in (*full, last) if _is_worth_it(pack, effort)]
    return found


def _is_done(segment: Segment) -> bool:
    return segment.level > 0 and segment.rows >= _LARGE_ROWS


def _is_worth_it(pack: Sequence[Segment], effort: Effort) -> bool:
    rows = _rows(pack)
    if len(pack) == 1:  # Nothing to merge, but a fresh segment gains by the layout.
        least = _WORTHWHILE_ALONE if effort is Effort.EVERYTHING else _WORTHWHILE_ROWS
        return effort is not Effort.DUE and pack[0].level == 0 and rows >= least
    if effort is Effort.EVERYTHING or rows >= _NEARLY_FULL:
        return True
    if effort is Effort.DUE:
        return len(pack) >= _MANY
    return len(pack) >= _FEW or rows >= _WORTHWHILE_ROWS


def _rows(segments: Iterable[Segment]) -> int:
    return sum(segment.rows for segment in segments)


def _packs(run: Sequence[Segment]) -> list[list[Segment]]:
    """Cut a run of neighbours into lists that become one full segment each."""
    packs: list[list[Segment]] = [[]]
    rows = size = 0
    for segment in run:
        if packs[-1] and (
            rows + segment.rows > _MOST_ROWS
            or size + segment.bytes > _MOST_BYTES
            or len(packs[-1]) == _MOST_SOURCES
        ):
            packs.append([])
            rows = size = 0
        packs[-1].append(segment)
        rows += segment.rows
        size += segment.bytes
    return packs


def _doubling(run: list[Segment]) -> list[Segment]:
    """Return the newest segments of a run that are worth merging: each at least doubles."""
    start = len(run) - 1
    rows = run[start].rows
    while start and run[start - 1].rows <= rows:
        start -= 1
        rows += run[start].rows
    return run[start:]


def within_memory(pack: Sequence[Segment], most: int = _MOST_UNPACKED) -> list[list[Segment]]:
    """Cut a pack that would be too much for the memory; leave out what nothing can be merged with.

    Real events never come near; lines of a megabyte do, for they shrink to nothing on the disk.
    """
    parts: list[list[Segment]] = [[]]
    size = 0
    for segment in pack:
        check(segment)
        unpacked = unpacked_bytes(segment.path)
        if parts[-1] and size + unpacked > most:
            parts.append([])
            size = 0
        parts[-1].append(segment)
        size += unpacked
    if len(pack) == 1:
        return parts if size <= most else []
    return [part for part in parts if len(part) > 1]


@contextmanager
def _alone(catalogue: Catalogue, *, wait: bool) -> Iterator[bool]:
    """Tell whether no other process is compacting; none begins meanwhile."""
    handle = os.open(catalogue.folder / "compaction.lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


def _replace(catalogue: Catalogue, sources: Sequence[Segment]) -> bool:
    """Merge segments into one; False where one of them went away meanwhile."""
    try:
        with drafting(catalogue) as drafts:
            merged = merge_segments(drafts, sources, level=2 if _rows(sources) >= _LARGE_ROWS else 1)
            with catalogue.change() as change:
                if not change.still_live(sources):
                    return False
                drafts.place()
                change.replace(sources, merged)
    finally:
        pa.default_memory_pool().release_unused()
    return True
