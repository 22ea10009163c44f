"""The catalogue of segments: what is stored, in which files, and since when.

An entry here is what makes a segment's events visible. A segment never changes but for
its death; a reader that holds a list of segments can go on reading their files until
they are unlinked, which is later than any query may last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from app.state.database import Database
from app.state.models import BatchRow, DropRow, SegmentComputerRow, SegmentRow
from app.sysmon.events import microseconds
from app.sysmon.text import fold


@dataclass(frozen=True, slots=True)
class SegmentComputer:
    """What a segment holds of one computer; ``name`` is as the log writes it.

    Record numbers are None where no event has one; ``hashed`` counts the events that have
    none. Times in microseconds since 1970, ``first_utc`` and ``last_utc`` of UtcTime; an
    event without UtcTime makes ``first_utc`` very early.
    """

    name: str
    rows: int
    first_time: int
    last_time: int
    first_utc: int
    last_utc: int
    first_record: int | None
    last_record: int | None
    hashed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A Parquet file of events, its value summary, and where it is worth it an index of GUIDs.

    Times are microseconds since 1970. ``computers`` is by name in lower case. A segment
    of one batch (``min_batch == max_batch``) has no numbers in its column ``batch``.
    """

    id: int
    name: str
    month: str
    rows: int
    bytes: int
    summary_bytes: int
    first_time: int
    last_time: int
    min_batch: int
    max_batch: int
    level: int
    checksum: str
    summary_checksum: str
    event_ids: Mapping[int, int]
    computers: Mapping[str, SegmentComputer]
    path: Path
    summary_path: Path

    @property
    def guids_path(self) -> Path:
        """Where its index of GUIDs stands, if it has one."""
        return self.path.with_suffix(".guids")

    @property
    def size(self) -> int:
        """How many bytes its files take, the index included."""
        try:
            indexed = self.guids_path.stat().st_size
        except OSError:
            indexed = 0
        return self.bytes + self.summary_bytes + indexed

    def overlaps(self, start: int | None, end: int | None) -> bool:
        """Tell whether it may hold events with ``start <= time < end``."""
        return (start is None or self.last_time >= start) and (end is None or self.first_time < end)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSegment:
    """A written segment that waits for its entry; its files stand under their last names."""

    name: str
    month: str
    rows: int
    bytes: int
    summary_bytes: int
    first_time: int
    last_time: int
    level: int
    checksum: str
    summary_checksum: str
    event_ids: Mapping[int, int]
    computers: Mapping[str, SegmentComputer]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it was stored; ``rows`` counts what was added, later drops included."""

    number: int
    rows: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Reads and changes the tables of segments and batches.

    ``folder`` holds the files. Segments are kept in memory once read, for they never
    change; which of them live is asked anew each time. Safe in several threads.
    """

    database: Database
    folder: Path
    _known: dict[int, Segment] = field(default_factory=dict, init=False, repr=False, compare=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def live(self) -> list[Segment]:
        """Return all live segments, newest ``last_time`` first."""
        with self.database.read() as connection:
            return self.live_in(connection)

    def live_in(self, connection: Connection) -> list[Segment]:
        """Return what ``live`` returns, as this transaction sees it."""
        ids = connection.scalars(select(SegmentRow.id).where(SegmentRow.dead_since.is_(None))).all()
        with self._lock:
            missing = [id_ for id_ in ids if id_ not in self._known]
            if missing:
                self._known.update(self._load(connection, missing))
            if len(self._known) > 2 * len(ids) + 100:
                for id_ in self._known.keys() - set(ids):
                    del self._known[id_]
            live = [self._known[id_] for id_ in ids]
        live.sort(key=lambda segment: (segment.last_time, segment.id), reverse=True)
        return live

    def newest_batch(self) -> int:
        """Return the number of the newest batch; 0 in an empty store."""
        with self.database.read() as connection:
            return newest_batch(connection)

    def snapshot(self) -> tuple[list[Segment], int]:
        """Return all live segments and the number of the newest batch, both of one moment."""
        with self.database.read() as connection:
            return self.live_in(connection), newest_batch(connection)

    def batches(self, after: int, until: int) -> list[Batch]:
        """Return the batches with ``after < number <= until``, ascending."""
        found = select(BatchRow.number, BatchRow.rows).where(
            BatchRow.number > after, BatchRow.number <= until
        )
        with self.database.read() as connection:
            return [Batch(*row) for row in connection.execute(found.order_by(BatchRow.number))]

    @contextmanager
    def change(self) -> Iterator[Change]:
        """Yield the one who may change the catalogue; all of it or nothing becomes visible."""
        with self.database.write() as connection:
            yield Change(self, connection)

    def path(self, name: str) -> Path:
        """Return where the events of a segment stand."""
        return self.folder / "segments" / f"{name}.parquet"

    def summary_path(self, name: str) -> Path:
        """Return where the value summary of a segment stands."""
        return self.folder / "segments" / f"{name}.values.parquet"

    def guids_path(self, name: str) -> Path:
        """Return where the index of GUIDs of a segment stands, if it has one."""
        return self.folder / "segments" / f"{name}.guids"

    def _load(self, connection: Connection, ids: Sequence[int]) -> dict[int, Segment]:
        computers: dict[int, dict[str, SegmentComputer]] = {id_: {} for id_ in ids}
        segments = {}
        for some in _slices(ids):
            for id_, computer, *values in connection.execute(
                select(*_COMPUTER_KEY, *_COMPUTER_COLUMNS).where(SegmentComputerRow.segment_id.in_(some))
            ):
                computers[id_][computer] = SegmentComputer(*values)
            for row in connection.execute(select(*_SEGMENT_COLUMNS).where(SegmentRow.id.in_(some))):
                fields = row._asdict()
                fields["event_ids"] = {int(key): rows for key, rows in fields["event_ids"].items()}
                segments[row.id] = Segment(
                    **fields,
                    computers=computers[row.id],
                    path=self.path(row.name),
                    summary_path=self.summary_path(row.name),
                )
        return segments


@dataclass(frozen=True, slots=True)
class Change:
    """One transaction that changes the catalogue, under the one write lock."""

    catalogue: Catalogue
    connection: Connection

    def live(self) -> list[Segment]:
        """Return all live segments, those of the last moment included."""
        return self.catalogue.live_in(self.connection)

    def newest_batch(self) -> int:
        """Return the number of the newest batch; 0 in an empty store."""
        return newest_batch(self.connection)

    def add_batch(self, source: str, segments: Sequence[NewSegment]) -> int:
        """Enter a batch with its segments; return its number, above all before."""
        number = self.newest_batch() + 1
        rows = sum(segment.rows for segment in segments)
        self.connection.execute(
            insert(BatchRow), {"number": number, "source": source, "rows": rows, "stored_at": _now()}
        )
        self._enter(segments, number, number)
        return number

    def still_live(self, segments: Sequence[Segment]) -> bool:
        """Tell whether none of these was replaced or dropped meanwhile."""
        return {segment.id for segment in segments} <= {segment.id for segment in self.live()}

    def replace(self, old: Sequence[Segment], new: NewSegment) -> None:
        """Put a segment in the place of others that hold the same rows and are still live."""
        self._bury(old)
        first = min(segment.min_batch for segment in old)
        self._enter([new], first, max(segment.max_batch for segment in old))

    def drop(self, segment: Segment, reason: str) -> None:
        """Take the events of a segment that is still live out of the store, and note it."""
        self._bury([segment])
        kept = ("month", "rows", "bytes", "first_time", "last_time", "min_batch", "max_batch")
        values = {name: getattr(segment, name) for name in kept}
        values["bytes"] += segment.summary_bytes
        self.connection.execute(
            insert(DropRow), {"dropped_at": _now(), "reason": reason, "segment": segment.name, **values}
        )

    def names(self) -> set[str]:
        """Return the names of all segments that have an entry, dead ones included."""
        return set(self.connection.scalars(select(SegmentRow.name)))

    def dead(self, before: datetime) -> list[tuple[int, str]]:
        """Return ID and name of the segments that died before this time."""
        found = select(SegmentRow.id, SegmentRow.name).where(SegmentRow.dead_since < before)
        return [(id_, name) for id_, name in self.connection.execute(found)]

    def forget(self, ids: Sequence[int]) -> None:
        """Strike out dead segments whose files are unlinked."""
        for some in _slices(ids):
            self.connection.execute(delete(SegmentComputerRow).where(SegmentComputerRow.segment_id.in_(some)))
            self.connection.execute(delete(SegmentRow).where(SegmentRow.id.in_(some)))

    def _bury(self, segments: Sequence[Segment]) -> None:
        ids = [segment.id for segment in segments]
        for some in _slices(ids):
            buried = update(SegmentRow).where(SegmentRow.id.in_(some), SegmentRow.dead_since.is_(None))
            self.connection.execute(buried.values(dead_since=_now()))

    def _enter(self, segments: Iterable[NewSegment], min_batch: int, max_batch: int) -> None:
        for segment in segments:
            values: dict[str, Any] = {
                name: getattr(segment, name) for name in segment.__slots__ if name != "computers"
            }
            values["event_ids"] = {str(key): rows for key, rows in segment.event_ids.items()}
            entered = self.connection.execute(
                insert(SegmentRow).returning(SegmentRow.id),
                {**values, "min_batch": min_batch, "max_batch": max_batch, "created": _now()},
            )
            segment_id = entered.scalar_one()
            self.connection.execute(
                insert(SegmentComputerRow),
                [
                    {
                        "segment_id": segment_id,
                        "computer": computer,
                        **{name: getattr(held, name) for name in SegmentComputer.__slots__},
                    }
                    for computer, held in segment.computers.items()
                ],
            )


def holding(
    segments: Iterable[Segment],
    start: datetime | None = None,
    end: datetime | None = None,
    computers: Collection[str] = (),
    event_ids: Collection[int] | None = None,
) -> list[Segment]:
    """Return those of the segments that may hold such events, in their order.

    Events with ``start <= time < end`` on one of ``computers`` (any case; none named: all)
    with one of ``event_ids`` (None: all).
    """
    first = None if start is None else microseconds(start)
    last = None if end is None else microseconds(end)
    names = {fold(name) for name in computers}
    return [
        segment
        for segment in segments
        if segment.overlaps(first, last)
        and (not names or any(_may_hold(segment, name, first, last) for name in names))
        and (event_ids is None or any(event_id in segment.event_ids for event_id in event_ids))
    ]


def _may_hold(segment: Segment, computer: str, start: int | None, end: int | None) -> bool:
    held = segment.computers.get(computer)
    return (
        held is not None
        and (start is None or held.last_time >= start)
        and (end is None or held.first_time < end)
    )


def newest_batch(connection: Connection) -> int:
    """Return the number of the newest batch; 0 in an empty store."""
    return connection.scalar(select(func.max(BatchRow.number))) or 0


def _now() -> datetime:
    return datetime.now(UTC)


def _slices(ids: Sequence[int], size: int = 500) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


_COMPUTER_KEY = (SegmentComputerRow.segment_id, SegmentComputerRow.computer)
_COMPUTER_COLUMNS = tuple(getattr(SegmentComputerRow, name) for name in SegmentComputer.__slots__)
_SEGMENT_COLUMNS = tuple(
    getattr(SegmentRow, name)
    for name in Segment.__slots__
    if name not in {"computers", "path", "summary_path"}
)
