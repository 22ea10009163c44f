"""Merging segments into one that is laid out for searches and scans.

Event IDs with a fiftieth of the rows or more have row groups of their own, in order of
time; the others share groups. A scan for one kind of event then reads little else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from app.errors import StoreDamaged
from app.store.catalogue import NewSegment, Segment, SegmentComputer
from app.store.columns import take
from app.store.files import Drafts, checksum
from app.store.guids import LEAST_ROWS, GuidRows
from app.store.segments import (
    GROUP_ROWS,
    SEGMENT_SCHEMA,
    DistinctValues,
    open_segment,
    segment_writer,
    write_guids,
)
from app.store.spill import Spill
from app.store.summary import merge, read_columns, write_summary
from app.sysmon.arrays import one_chunk

_OWN_SHARE: Final = 0.02
_CHUNK_ROWS: Final = 32_768


def _rows(segments: Iterable[Segment]) -> int:
    return sum(segment.rows for segment in segments)


def merge_segments(drafts: Drafts, sources: Sequence[Segment], level: int) -> NewSegment:
    """Write the events of segments of one month as one; ``check`` them before."""
    name = drafts.name()
    path = drafts.make(drafts.catalogue.path(name))
    guids = GuidRows()
    rows = _write_events(path, sources, guids)
    pa.default_memory_pool().release_unused()
    size, sum_ = drafts.finish(path)
    if rows != _rows(sources):
        raise StoreDamaged(f"{_rows(sources):,} events were to be merged, but {rows:,} were read.")
    summary_path = drafts.make(drafts.catalogue.summary_path(name))
    parts = merge(read_columns(segment.summary_path) for segment in sources)
    write_summary(summary_path, parts, rows)
    summary_size, summary_checksum = drafts.finish(summary_path)
    if rows >= LEAST_ROWS:
        write_guids(drafts, name, guids)
    return NewSegment(
        name=name,
        month=sources[0].month,
        rows=rows,
        bytes=size,
        summary_bytes=summary_size,
        first_time=min(segment.first_time for segment in sources),
        last_time=max(segment.last_time for segment in sources),
        level=level,
        checksum=sum_,
        summary_checksum=summary_checksum,
        event_ids=_event_ids(sources),
        computers=_computers(sources),
    )


def check(segment: Segment) -> None:
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


def _write_events(path: Path, sources: Sequence[Segment], guids: GuidRows) -> int:
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
                    guids.see(group)
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
