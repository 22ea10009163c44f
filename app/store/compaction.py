"""Compaction: many small segments become few large ones, laid out for searches and scans.

Event IDs with a fiftieth of the rows or more have row groups of their own, in order of
time; the others share groups. A scan for one kind of event then reads little else.

Merged are neighbours in order of storing, of one month, so that the numbers of batches of
two segments of a month never overlap. The new segment takes the place of the old ones in
one transaction; their files stay until no query can be reading them.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from app.errors import StoreDamaged
from app.store.catalogue import Catalogue, NewSegment, Segment, SegmentComputer
from app.store.columns import one_chunk, take
from app.store.files import Drafts, checksum, disk_errors, drafting
from app.store.segments import (
    GROUP_ROWS,
    SEGMENT_SCHEMA,
    DistinctValues,
    open_segment,
    segment_writer,
)
from app.store.spill import Spill
from app.store.summary import merge, read_columns, write_summary

FULL_ROWS: Final = 1_000_000
"""A segment of so many rows is not made larger: more would win searches nothing."""

_LARGE_ROWS: Final = 700_000
"""A segment of so many rows is left as it is."""

_MOST_ROWS: Final = 1_200_000
_MOST_BYTES: Final = 256 << 20
_MOST_SOURCES: Final = 256
_NEARLY_FULL: Final = 900_000
_WORTHWHILE_ROWS: Final = 100_000
_WORTHWHILE_ALONE: Final = 10_000
_FEW: Final = 8
_MANY: Final = 16
_OWN_SHARE: Final = 0.02
_CHUNK_ROWS: Final = 32_768


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
        while packs := plan(catalogue.live(), effort):
            for sources in packs:
                if _replace(catalogue, sources):
                    done = Compacted(done.merged + len(sources), done.into + 1, done.rows + _rows(sources))
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
            merged = _merge(drafts, sources)
            with catalogue.change() as change:
                if not change.still_live(sources):
                    return False
                drafts.place()
                change.replace(sources, merged)
    finally:
        pa.default_memory_pool().release_unused()
    return True


def _merge(drafts: Drafts, sources: Sequence[Segment]) -> NewSegment:
    for segment in sources:
        _check(segment)
    name = drafts.name()
    path = drafts.make(drafts.catalogue.path(name))
    rows = _write_events(path, sources)
    pa.default_memory_pool().release_unused()
    size, sum_ = drafts.finish(path)
    if rows != _rows(sources):
        raise StoreDamaged(f"{_rows(sources):,} events were to be merged, but {rows:,} were read.")
    summary_path = drafts.make(drafts.catalogue.summary_path(name))
    parts = merge(read_columns(segment.summary_path) for segment in sources)
    write_summary(summary_path, parts, rows)
    summary_size, summary_checksum = drafts.finish(summary_path)
    return NewSegment(
        name=name,
        month=sources[0].month,
        rows=rows,
        bytes=size,
        summary_bytes=summary_size,
        first_time=min(segment.first_time for segment in sources),
        last_time=max(segment.last_time for segment in sources),
        level=2 if rows >= _LARGE_ROWS else 1,
        checksum=sum_,
        summary_checksum=summary_checksum,
        event_ids=_event_ids(sources),
        computers=_computers(sources),
    )


def _check(segment: Segment) -> None:
    """Make sure that no damage of a file goes unseen into a new one."""
    for path, recorded in (
        (segment.path, segment.checksum),
        (segment.summary_path, segment.summary_checksum),
    ):
        try:
            sound = checksum(path) == recorded
        except FileNotFoundError:
            sound = False
        if not sound:
            raise StoreDamaged(
                f"{path} is not as it was written, so it is not merged. `sysmonsearch store verify` lists"
                " all such files."
            )


def _write_events(path: Path, sources: Sequence[Segment]) -> int:
    """Write the events of all sources, laid out by event ID; return how many."""
    event_ids = _event_ids(sources)
    own = sorted(id_ for id_, rows in event_ids.items() if rows >= _OWN_SHARE * _rows(sources))
    written = 0
    with Spill(path.parent) as spill:
        distinct = DistinctValues()
        for table in _chunks(sources):
            for id_, part in _split(table, own):
                distinct.see(id_, part)
                spill.put(id_, part)
        with segment_writer(path, distinct.most()) as writer:
            for id_ in spill.heaps():
                for group in _groups(_joined(spill.take(id_))):
                    writer.write_table(group, row_group_size=GROUP_ROWS)
                    written += len(group)
    return written


def _chunks(sources: Sequence[Segment]) -> Iterator[pa.Table]:
    """Yield the events of the sources, some row groups at a time."""
    waiting: list[pa.Table] = []
    for segment in sources:
        with open_segment(segment.path) as file:
            for number in range(file.num_row_groups):
                table = file.read_row_group(number, use_threads=False)
                if segment.min_batch == segment.max_batch:
                    batch = pa.repeat(pa.scalar(segment.min_batch), len(table))
                    table = table.set_column(table.num_columns - 1, SEGMENT_SCHEMA.field("batch"), batch)
                waiting.append(table)
                if sum(map(len, waiting)) >= _CHUNK_ROWS:
                    yield _joined(waiting)
                    waiting = []
    if waiting:
        yield _joined(waiting)


def _split(table: pa.Table, own: Sequence[int]) -> Iterator[tuple[int | None, pa.Table]]:
    """Yield the rows of each of these event IDs, and the rest, each without empty columns."""
    ids = one_chunk(table["event_id"]).to_numpy()
    for id_ in (*own, None):
        wanted = ~np.isin(ids, own) if id_ is None else ids == id_
        if wanted.any():
            part = take(table, np.flatnonzero(wanted))
            filled = [name for name in part.column_names if part[name].null_count < len(part)]
            yield id_, part.select(filled)


def _joined(tables: list[pa.Table]) -> pa.Table:
    """Join tables, whatever columns they have; each column becomes one chunk."""
    joined = pa.concat_tables(tables, promote_options="default") if len(tables) > 1 else tables[0]
    return joined.unify_dictionaries().combine_chunks()


def _groups(kind: pa.Table) -> Iterator[pa.Table]:
    """Yield the row groups of events that stand together, in order of time."""
    order = np.argsort(one_chunk(kind["time"]).cast(pa.int64()).to_numpy(), kind="stable")
    for start in range(0, len(order), GROUP_ROWS):
        group = take(kind, order[start : start + GROUP_ROWS])
        missing = {type_: pa.nulls(len(group), type_) for type_ in set(SEGMENT_SCHEMA.types)}
        columns = [
            one_chunk(group[field.name]) if field.name in kind.column_names else missing[field.type]
            for field in SEGMENT_SCHEMA
        ]
        yield pa.Table.from_arrays(columns, schema=SEGMENT_SCHEMA)


def _event_ids(sources: Iterable[Segment]) -> dict[int, int]:
    total: Counter[int] = Counter()
    for segment in sources:
        total.update(segment.event_ids)
    return dict(total)


def _computers(sources: Iterable[Segment]) -> dict[str, SegmentComputer]:
    found: dict[str, SegmentComputer] = {}
    for segment in sources:
        for name, held in segment.computers.items():
            found[name] = _added(found[name], held) if name in found else held
    return found


def _added(one: SegmentComputer, other: SegmentComputer) -> SegmentComputer:
    records = [(held.first_record, held.last_record) for held in (one, other)]
    first = [record for record, _ in records if record is not None]
    last = [record for _, record in records if record is not None]
    return SegmentComputer(
        name=one.name,
        rows=one.rows + other.rows,
        first_time=min(one.first_time, other.first_time),
        last_time=max(one.last_time, other.last_time),
        first_utc=min(one.first_utc, other.first_utc),
        last_utc=max(one.last_utc, other.last_utc),
        first_record=min(first, default=None),
        last_record=max(last, default=None),
        hashed=one.hashed + other.hashed,
    )
