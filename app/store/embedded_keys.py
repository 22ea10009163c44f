"""Events by their keys: a key's parts say where to look, no index is needed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.store.catalogue import Segment
from app.store.embedded_engine import Engine
from app.store.embedded_match import Operand, Parameters, equals_one_of, instant, integer
from app.store.embedded_rows import KEY_COLUMNS, EventReader, Found, time_at
from app.store.port import Budget
from app.sysmon.events import NOWHERE, Event, EventKey, Place, microseconds
from app.sysmon.fields import FieldType
from app.sysmon.text import fold

_AT_ONCE: Final = 1000
_MILLISECOND: Final = 1000
_MASK: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class KeyFinder:
    """Finds events by key in given segments."""

    engine: Engine
    reader: EventReader

    def events(self, keys: Sequence[EventKey], segments: Sequence[Segment], budget: Budget) -> list[Event]:
        """Return the events with these keys, in any order; keys without an event are left out."""
        wanted = list(dict.fromkeys(keys))
        found: dict[EventKey, Found] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            found |= self._find(wanted[start : start + _AT_ONCE], segments, budget)
        return self.reader.read(list(found.values()), budget)

    def _find(
        self, keys: Sequence[EventKey], segments: Sequence[Segment], budget: Budget
    ) -> dict[EventKey, Found]:
        held = [
            (segment, some)
            for segment in segments
            if (some := [key for key in keys if _may_hold(segment, key)])
        ]
        wanted = {key for _, some in held for key in some}
        if not wanted:
            return {}
        parameters = Parameters()
        files = parameters.bind([str(segment.path) for segment, _ in held])
        sql = (
            f"SELECT {KEY_COLUMNS} FROM read_parquet({files}, filename = true, file_row_number = true)"
            f" WHERE {_where(wanted, parameters)}"
        )
        found = map(Found.of, self.engine.rows(sql, parameters.values, budget))
        by_key = {_key_at(one.place): one for one in found}
        return {key: by_key[key] for key in wanted if key in by_key}


def _may_hold(segment: Segment, key: EventKey) -> bool:
    held = segment.computers.get(key.computer)
    if held is None or key.event_id not in segment.event_ids:
        return False
    if key.utc_time is not None:
        first = microseconds(key.utc_time)
        if not (first <= held.last_utc and held.first_utc < first + _MILLISECOND):
            return False
    record = integer(key.record)
    if record is None:
        return held.hashed > 0
    return (
        held.first_record is not None
        and held.last_record is not None
        and (held.first_record <= record <= held.last_record)
    )


def _where(keys: Iterable[EventKey], parameters: Parameters) -> str:
    """Return an expression that is true for all events with these keys, and for few others."""
    keys = list(keys)
    computers = equals_one_of(
        {key.computer for key in keys}, Operand("computer", FieldType.TEXT), False, parameters
    )
    ids = equals_one_of(
        {str(key.event_id) for key in keys}, Operand("event_id", FieldType.INTEGER), False, parameters
    )
    records = {record for key in keys if (record := integer(key.record)) is not None}
    named = []
    if records:
        numbers = map(str, sorted(records))
        named.append(equals_one_of(numbers, Operand("record_id", FieldType.INTEGER), False, parameters))
    hashes = {integer(_signed(key.record[1:])) for key in keys if key.record.startswith("x")}
    if hashes:
        texts = map(str, sorted(number for number in hashes if number is not None))
        named.append(equals_one_of(texts, Operand("content_hash", FieldType.INTEGER), False, parameters))
    if any(key.record == "-" for key in keys):
        named.append("(record_id IS NULL AND content_hash IS NULL)")
    return f"{ids} AND {_times(keys, parameters)} AND ({' OR '.join(named)}) AND {computers}"


def _times(keys: Sequence[EventKey], parameters: Parameters) -> str:
    times = [key.utc_time for key in keys if key.utc_time is not None]
    parts = []
    if times:
        first = instant(microseconds(min(times)), parameters)
        last = instant(microseconds(max(times)) + _MILLISECOND, parameters)
        parts.append(f"(utc_time >= {first} AND utc_time < {last})")
    if len(times) < len(keys):
        parts.append("utc_time IS NULL")
    return f"({' OR '.join(parts)})"


def _signed(digits: str) -> str:
    number = int(digits, 16) & _MASK
    return str(number - 2**64 if number >= 2**63 else number)


def _key_at(place: Place) -> EventKey:
    """Return the key of the event at a place."""
    _, computer, event_id, utc_time, record_id, content_hash = place
    if record_id != NOWHERE:
        record = str(record_id)
    else:
        record = "-" if content_hash == NOWHERE else f"x{content_hash & _MASK:016x}"
    return EventKey(
        computer=fold(computer),
        event_id=event_id,
        utc_time=None if utc_time == NOWHERE else _milliseconds(utc_time),
        record=record,
    )


def _milliseconds(time: int) -> datetime:
    return time_at(time // _MILLISECOND * _MILLISECOND)
