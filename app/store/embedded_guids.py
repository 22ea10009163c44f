"""Questions about processes: the rows that may answer them, by the indexes of GUIDs.

Where a condition asks for GUIDs, the indexes name the only rows in which they stand. Those
rows are read, of the columns that are asked for, into a small table in memory, and DuckDB is
asked about that in place of the files: same question, same answer, but of hundreds of rows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.store.catalogue import Segment
from app.store.embedded_ids import event_ids_of
from app.store.embedded_match import PARTS, WHOLE_GUID
from app.store.files import must_be_there
from app.store.guids import GUID_COLUMNS, LEAST_ROWS, GuidIndex, Keys, key_of
from app.sysmon.condition import And, Condition, Match, Operator, Or
from app.sysmon.events import microseconds
from app.sysmon.fields import ANY_FIELD, FIELDS
from app.sysmon.query import EventQuery
from app.sysmon.text import fold

MOST_ROWS: Final = 100_000
"""More rows than this are not picked one by one: then DuckDB reads whole groups as well."""

PICKED: Final = "picked"
"""The name by which SQL knows the table of picked rows."""

MOST_FEW: Final = 20_000
"""So many events of a computer are expected at most where all of them are picked."""

_MOST_OPEN: Final = 1_024

Wanted = Mapping[str, Sequence[str]]
"""GUIDs by column: an event has one of them in one of these columns."""


@dataclass(frozen=True, slots=True)
class Picked:
    """The only rows of some files that can match, ascending, by file (None: any row can).

    ``column`` is a column whose values are known: ``guids[places[file]]`` (None: none is).
    Rows of other times, event IDs or computers need not be read.
    """

    query: EventQuery
    rows: Mapping[str, NDArray[np.int64] | None]
    places: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    guids: Sequence[str] = ()
    column: str | None = None

    @property
    def count(self) -> int:
        """How many rows there are, where they are known."""
        return sum(len(rows) for rows in self.rows.values() if rows is not None)


@dataclass(slots=True)
class GuidFinder:
    """Opens indexes, keeps them open, and asks them."""

    _open: OrderedDict[str, GuidIndex | None] = field(default_factory=OrderedDict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def pick(self, query: EventQuery, segments: Sequence[Segment], live: Sequence[Segment]) -> Picked | None:
        """Return the rows that may hold the query's events, of those segments that have an index.

        None where the query asks for no GUIDs, for too many rows, or no segment has an index.
        """
        asked = [wanted for part in _parts(query.condition) if (wanted := guids_of(part)) is not None]
        if not asked or not segments:
            return None
        must_be_there(segments[0].path.parent)
        indexes = self.open(segments, live)
        found = [picked for wanted in asked if (picked := _picked(wanted, indexes, query)) is not None]
        best = min(found, key=lambda picked: picked.count, default=None)
        return best if best is not None and best.rows and best.count <= MOST_ROWS else None

    def open(self, segments: Sequence[Segment], live: Sequence[Segment]) -> dict[str, GuidIndex]:
        """Return the indexes of those of the segments that have one, by the file of events."""
        return {
            str(segment.path): index
            for segment in segments
            if segment.rows >= LEAST_ROWS and (index := self._index(segment, live)) is not None
        }

    def _index(self, segment: Segment, live: Iterable[Segment]) -> GuidIndex | None:
        """Return the index of a segment; None where there is none to go by."""
        with self._lock:
            if segment.name in self._open:
                self._open.move_to_end(segment.name)
                return self._open[segment.name]
        try:
            index = GuidIndex(segment.guids_path)
        except FileNotFoundError:
            return None  # Compaction may write it yet.
        except (OSError, ValueError):
            index = None  # Damaged: ``verify`` says so. The events themselves are asked.
        with self._lock:
            self._open[segment.name] = index
            # An open file stays on the disk: those of segments that are gone must not.
            for name in self._open.keys() - {one.name for one in live} - {segment.name}:
                del self._open[name]
            while len(self._open) > _MOST_OPEN:
                self._open.popitem(last=False)
        return index


def few(query: EventQuery, segments: Sequence[Segment]) -> Picked | None:
    """Return where to look for events of some computers that are few by time and event ID.

    None: they may be many, or no segment is large. Which rows they are is then told from
    columns that are kept in memory.
    """
    names = frozenset(map(fold, query.computers))
    large = [segment for segment in segments if segment.rows >= LEAST_ROWS]
    expected = sum(_expected(segment, names, query) for segment in large)
    if not names or not large or expected > MOST_FEW:
        return None
    return Picked(query, dict.fromkeys([str(segment.path) for segment in large]))


def _expected(segment: Segment, names: frozenset[str], query: EventQuery) -> float:
    """Return about how many events of these computers, the time and event IDs a segment has."""
    ids = event_ids_of(query.condition)
    share = 1.0 if ids is None else sum(segment.event_ids.get(id_, 0) for id_ in ids) / segment.rows
    start = segment.first_time if query.start is None else microseconds(query.start)
    end = segment.last_time if query.end is None else microseconds(query.end)
    expected = 0.0
    for name in names:
        held = segment.computers.get(name)
        if held is not None:
            inside = min(end, held.last_time) - max(start, held.first_time)
            expected += (
                share * held.rows * min(1.0, max(0, inside) / max(1, held.last_time - held.first_time))
            )
    return expected


def guids_of(condition: Condition) -> Wanted | None:
    """Return GUIDs of which an event must have one for a condition to hold; None: not known."""
    match condition:
        case Match(field=name, operator=operator, value=value) if name != ANY_FIELD:
            column, guid = FIELDS[name].column, fold(value)
            if operator is not Operator.EQUALS and operator not in PARTS:
                return None
            return {column: [guid]} if column in GUID_COLUMNS and WHOLE_GUID.fullmatch(guid) else None
        case Or(parts):
            found: dict[str, list[str]] = {}
            for part in parts:
                some = guids_of(part)
                if some is None:
                    return None
                for column, guids in some.items():
                    found.setdefault(column, []).extend(guids)
            return found or None
    return None


def _parts(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, And):
        for part in condition.parts:
            yield from _parts(part)
    else:
        yield condition


def _picked(wanted: Wanted, indexes: Mapping[str, GuidIndex], query: EventQuery) -> Picked | None:
    """Return the rows with these GUIDs, of those files whose index knows all of the columns."""
    guids = {column: list(dict.fromkeys(some)) for column, some in wanted.items()}
    keys = {column: np.array([*map(key_of, some)], "S16") for column, some in guids.items()}
    rows: dict[str, NDArray[np.int64]] = {}
    places: dict[str, NDArray[np.int64]] = {}
    for file, index in indexes.items():
        found = _rows_of(index, keys)
        if found is not None:
            rows[file], places[file] = found
    column = next(iter(guids)) if len(guids) == 1 else None
    return Picked(query, rows, places, guids[column] if column else (), column)


def _rows_of(
    index: GuidIndex, keys: Mapping[str, Keys]
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    parts = []
    for column, some in keys.items():
        found = index.rows(column, some)
        if found is None:
            return None
        parts.append(found)
    rows = np.concatenate([part for part, _ in parts])
    rows, first = np.unique(rows, return_index=True)
    return rows, np.concatenate([part for _, part in parts])[first]
