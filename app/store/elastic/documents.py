"""Events as documents: how our own are written, and how those of any layout are read.

A document of our own is laid out as Winlogbeat 7 writes them, so that what was made for its
indices shows ours too. Beside that it has an object ``sysmonsearch``: times in microseconds,
the number of the batch, and what has no place elsewhere. It gives back exactly the event
that was stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from app.layouts.names import PROVIDER, UTC_TIME
from app.layouts.reader import Reader
from app.store.elastic.indices import Names
from app.sysmon.arrays import codes_of, integers_of
from app.sysmon.batch import SCHEMA, EventBatch
from app.sysmon.events import Event, Value
from app.sysmon.fields import COLUMN_TYPES, HASH_COLUMNS, FieldType, name_in
from app.sysmon.text import fold

SOURCE: Final[Mapping[str, Sequence[str]]] = {"excludes": ["message", "event.original"]}
"""What a search asks for to have whole events: ``_source`` without the record said once more."""

LONGEST_ID: Final = 512
"""Bytes that the ``_id`` of a document may have."""

DATA_COLUMNS: Final = tuple(
    column
    for column in COLUMN_TYPES
    if column
    not in {"time", "utc_time", "computer", "event_id", "record_id", "event_version", "channel", "level"}
    and column not in HASH_COLUMNS
)
"""The columns that lie in ``winlog.event_data``, under the names that Sysmon gives them."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MISSING: Final = np.iinfo(np.int64).min
_Column = Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Out:
    """A document as it is sent."""

    id: str
    index: str
    body: bytes


def id_of(key: str) -> str:
    """Return the ``_id`` of the event with this key, as our own indices have it."""
    coded = key.encode()
    return key if len(coded) <= LONGEST_ID else sha256(coded).hexdigest()


def documents_of(batch: EventBatch, number: int, source: str, names: Names) -> Iterator[Out]:
    """Yield the batch's documents, in its order, as batch ``number`` from ``source``."""
    event_ids = batch.table["event_id"].to_numpy()
    columns = _Columns(batch.table)
    distinct, of_each = np.unique(event_ids, return_inverse=True)
    written = [
        _bodies(columns, int(event_id), np.flatnonzero(of_each == position), number, source)
        for position, event_id in enumerate(distinct)
    ]
    keys, indices = _ids(columns), _indices(columns, names)
    for position, key, index in zip(of_each.tolist(), keys, indices, strict=True):
        yield Out(key, index, next(written[position]))


class _Columns:
    """A batch's columns, each value of each as a piece of JSON: ``,"name":"value"``."""

    def __init__(self, table: pa.Table) -> None:
        self.rows = len(table)
        self._table = table
        self.times = self.integers("time")
        self.utc_times = self.integers("utc_time")
        self._pieces: dict[tuple[str, str], tuple[NDArray[np.int32], NDArray[np.object_]]] = {}

    def array(self, column: str) -> pa.Array:
        return self._table[column].chunk(0) if self.rows else pa.nulls(0, SCHEMA.field(column).type)

    def integers(self, column: str) -> NDArray[np.int64]:
        """Return integers, or times as microseconds; ``_MISSING`` where there is none."""
        return integers_of(self.array(column), _MISSING)

    def filled(self, column: str, rows: NDArray[np.int64]) -> bool:
        """Tell whether any of the rows has a value."""
        array = self.array(column)
        return bool(array.null_count < len(array) and array.take(pa.array(rows)).null_count < len(rows))

    def pieces(self, column: str, name: str, rows: NDArray[np.int64], *, text: bool = True) -> list[bytes]:
        """Return the pieces of these rows; empty where a row has no value."""
        if (column, name) not in self._pieces:
            self._pieces[column, name] = self._distinct(column, name, text)
        codes, pieces = self._pieces[column, name]
        return pieces[codes[rows]].tolist()  # type: ignore[no-any-return]

    def _distinct(self, column: str, name: str, text: bool) -> tuple[NDArray[np.int32], NDArray[np.object_]]:
        """Return codes, and the piece of each: each distinct value is encoded once."""
        array = self.array(column)
        if not pa.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        values = array.dictionary.to_pylist()
        dumps, head = orjson.dumps, b'%b"%b":' % (b",", name.encode())
        if values and isinstance(values[0], int):
            values = list(map(str, values))
            if not text:
                dumps = str.encode  # type: ignore[assignment]
        pieces = np.empty(len(values) + 1, np.object_)
        pieces[:-1] = [head + dumps(value) for value in values]
        pieces[-1] = b""  # Of code -1.
        return codes_of(array), pieces


def _bodies(
    columns: _Columns, event_id: int, rows: NDArray[np.int64], number: int, source: str
) -> Iterator[bytes]:
    """Yield the documents of rows of one event ID: pieces of JSON, put together row by row."""
    code = b"%d" % event_id
    times = columns.times[rows]
    ours = b'{"batch":%d,"source":%b,"time":' % (number, orjson.dumps(source))
    parts: list[list[bytes]] = [
        [text.encode() for text in np.datetime_as_string(times.view("M8[us]")).tolist()],
        columns.pieces("level", "level", rows),
        columns.pieces("channel", "channel", rows),
        columns.pieces("computer", "computer_name", rows),
        columns.pieces("record_id", "record_id", rows),
        columns.pieces("event_version", "version", rows, text=False),
        _event_data(columns, event_id, rows),
        [b"%d" % time for time in times.tolist()],
        _own(columns, rows),
    ]
    for time, level, channel, computer, record, version, data, microseconds, own in zip(*parts, strict=True):
        yield (
            b'{"@timestamp":"%bZ","event":{"code":"%b","kind":"event","provider":"%b"},"log":{%b},'
            b'"winlog":{"provider_name":"%b","event_id":"%b"%b%b%b%b,"event_data":{%b}},'
            b'"sysmonsearch":%b%b%b}}'
            % (
                *(time, code, _PROVIDER, level[1:]),
                *(_PROVIDER, code, channel, computer, record, version, data[1:]),
                *(ours, microseconds, own),
            )
        )


_PROVIDER: Final = PROVIDER.encode()


def _event_data(columns: _Columns, event_id: int, rows: NDArray[np.int64]) -> list[bytes]:
    parts: list[_Column] = []
    if columns.filled("utc_time", rows):
        parts.append(_utc_times(columns.utc_times[rows]))
    parts += [
        columns.pieces(column, name_in(column, event_id), rows)
        for column in DATA_COLUMNS
        if columns.filled(column, rows)
    ]
    return _joined(parts, len(rows))


def _utc_times(times: NDArray[np.int64]) -> list[bytes]:
    """Return UtcTime as Sysmon writes it: microseconds only where there are any."""
    texts = np.datetime_as_string(times.view("M8[us]")).tolist()
    return [
        b"" if text == "NaT" else b',"UtcTime":"%b"' % text.replace("T", " ").removesuffix("000").encode()
        for text in texts
    ]


def _own(columns: _Columns, rows: NDArray[np.int64]) -> list[bytes]:
    """Return what our object has beside the batch and the time."""
    parts: list[_Column] = [
        columns.pieces(column, column, rows) for column in HASH_COLUMNS if columns.filled(column, rows)
    ]
    for column in ("utc_time", "content_hash"):
        if columns.filled(column, rows):
            numbers = columns.integers(column)[rows].tolist()
            head = column.encode()
            parts.append([b"" if number == _MISSING else b',"%b":%d' % (head, number) for number in numbers])
    if columns.filled("other", rows):
        others = columns.array("other").take(pa.array(rows)).to_pylist()
        parts.append([_other(pairs) if pairs else b"" for pairs in others])
    return _joined(parts, len(rows))


def _other(pairs: Sequence[tuple[str, str]]) -> bytes:
    return b',"other":' + orjson.dumps([{"name": name, "value": value} for name, value in pairs])


def _joined(parts: Sequence[_Column], rows: int) -> list[bytes]:
    return list(map(b"".join, zip(*parts, strict=True))) if parts else [b""] * rows


def _ids(columns: _Columns) -> Iterator[str]:
    """Yield the ``_id`` of each row: what ``EventKey`` says of it."""
    computers = columns.array("computer")
    folded = [fold(name) for name in computers.dictionary.to_pylist()]
    longest = max((len(name.encode()) for name in folded), default=0)
    heads = [folded[code] for code in codes_of(computers).tolist()]
    event_ids = columns.integers("event_id").tolist()
    times = _key_times(columns.utc_times)
    records = zip(
        columns.integers("record_id").tolist(), columns.integers("content_hash").tolist(), strict=True
    )
    keys = (
        f"{computer}~{event_id}~{time}~{_record(*record)}"
        for computer, event_id, time, record in zip(heads, event_ids, times, records, strict=True)
    )
    # Event ID, time and number take fewer than 100 characters.
    return keys if longest < LONGEST_ID - 100 else map(id_of, keys)


def _key_times(times: NDArray[np.int64]) -> Iterator[str]:
    missing = times == _MISSING
    milliseconds = np.where(missing, _MISSING, times // 1000).view("M8[ms]")
    for text in np.datetime_as_string(milliseconds).tolist():
        yield "-" if text == "NaT" else text.replace("-", "").replace(":", "")


def _record(record_id: int, content_hash: int) -> str:
    if record_id != _MISSING:
        return str(record_id)
    return "-" if content_hash == _MISSING else f"x{content_hash & 0xFFFFFFFFFFFFFFFF:016x}"


def _indices(columns: _Columns, names: Names) -> Iterator[str]:
    """Yield the index of each row, by UtcTime: what has one key must go to one index."""
    dated = columns.utc_times != _MISSING
    months = np.where(dated, columns.utc_times, 0).view("M8[us]").astype("M8[M]").astype(np.int64)
    distinct, of_each = np.unique(np.where(dated, months, _MISSING), return_inverse=True)
    texts = [
        names.undated if month == _MISSING else names.of_month(str(np.datetime64(int(month), "M")))
        for month in distinct
    ]
    return (texts[position] for position in of_each.tolist())


@dataclass(slots=True)
class Decoder:
    """Makes events of hits, whatever layout their documents have.

    ``unreadable`` says of each document that is no event, by its name, why.
    """

    unreadable: dict[str, str] = field(default_factory=dict)

    def events(self, hits: Sequence[Mapping[str, Any]]) -> list[Event | None]:
        """Return the event of each hit, in their order; None where it holds none that can be read."""
        found: list[Event | None] = [None] * len(hits)
        others: list[int] = []
        for position, hit in enumerate(hits):
            source = hit.get("_source") or {}
            if is_own(source):
                try:
                    found[position] = own_event(source)
                except _MALFORMED as error:
                    self._refuse(hit, f"It lacks what a document of this program has: {error!r}.")
            else:
                others.append(position)
        if others:
            self._read(hits, found, others)
        return found

    def _read(self, hits: Sequence[Mapping[str, Any]], found: list[Event | None], others: list[int]) -> None:
        """Read the documents of others, and put their events where they belong."""
        read = read_others([hits[position].get("_source") for position in others])
        for number, event in zip(read.numbers, read.batch.events(), strict=True):
            found[others[number]] = event
        for number, reason in read.refused.items():
            self._refuse(hits[others[number]], reason)

    def _refuse(self, hit: Mapping[str, Any], reason: str) -> None:
        self.unreadable[f"{hit.get('_index')}/{hit.get('_id')}"] = reason


class Others(NamedTuple):
    """Events of documents of others: the number of each row's document, and why some have none."""

    batch: EventBatch
    numbers: list[int]
    refused: dict[int, str]


def read_others(documents: Sequence[object]) -> Others:
    """Read documents of any layout, all as one batch."""
    reader = Reader()
    waiting, refused = [], {}
    for number, document in enumerate(documents):
        events, rejected = len(reader), reader.rejected
        reader.document(document, str(number))
        if len(reader) > events:
            waiting.append(number)
        elif reader.rejected == rejected:
            refused[number] = "It is of another log than Sysmon's."
    batch = reader.take()
    gone = set(reader.refused)
    refused |= {int(reject.place): reject.reason for reject in reader.rejects}
    return Others(batch, [number for row, number in enumerate(waiting) if row not in gone], refused)


_MALFORMED: Final = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


def is_own(source: Mapping[str, Any]) -> bool:
    """Tell whether a document is laid out as ours."""
    return "sysmonsearch" in source


def own_event(source: Mapping[str, Any]) -> Event:
    """Return the event of a document of our own, as it was stored."""
    winlog, own = source["winlog"], source["sysmonsearch"]
    event_id = int(winlog["event_id"])
    values: dict[str, Value] = {}
    if "utc_time" in own:
        values["utc_time"] = _time(own["utc_time"])
    if "record_id" in winlog:
        values["record_id"] = int(winlog["record_id"])
    if "version" in winlog:
        values["event_version"] = winlog["version"]
    if "channel" in winlog:
        values["channel"] = winlog["channel"]
    if "level" in source["log"]:
        values["level"] = source["log"]["level"]
    for column in HASH_COLUMNS:
        if column in own:
            values[column] = own[column]
    columns = columns_by_own_name(event_id)
    for name, text in winlog["event_data"].items():
        if name != UTC_TIME:
            column = columns[name]
            values[column] = int(text) if COLUMN_TYPES[column] is FieldType.INTEGER else text
    if "content_hash" in own:
        values["content_hash"] = own["content_hash"]
    return Event(
        time=_time(own["time"]),
        computer=winlog["computer_name"],
        event_id=event_id,
        values=values,
        other={pair["name"]: pair["value"] for pair in own.get("other", ())},
    )


def _time(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


@cache
def columns_by_own_name(event_id: int) -> dict[str, str]:
    """Return the columns of ``winlog.event_data`` in our own documents, by name."""
    return {name_in(column, event_id): column for column in DATA_COLUMNS}
