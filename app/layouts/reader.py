"""Decoded records of any layout in, batches of columns out.

Each record's layout is told by its own shape, so files may mix them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from app.layouts.assembly import assemble
from app.layouts.codes import Refused
from app.layouts.columns import Columns, Document, Place, fields_of, shown
from app.layouts.evtx import Evtx
from app.layouts.flat import Flat
from app.layouts.sentinel import Sentinel
from app.layouts.winlogbeat import Winlogbeat6, Winlogbeat7
from app.layouts.xml import Xml
from app.sysmon.batch import EventBatch

if TYPE_CHECKING:
    from lxml.etree import _Element

_BOM: Final = b"\xef\xbb\xbf"

#: A JSON escape, so that a backslash that is itself escaped is passed over; a pair of
#: surrogates is one character, a lone one is none.
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that was not taken: where it stands, and why, in words."""

    place: str
    reason: str
    file: str = ""


class Reader:
    """Reads records of any layout, mixed, and hands out what waits as one batch.

    ``records`` counts all that came: ``sysmon_events + other_channels + rejected``. One bad
    record is one Reject, and reading goes on. Whoever reads drains ``rejects``, after
    ``take`` too: whether an event has a time shows only there.
    """

    def __init__(self) -> None:
        self.records = 0
        self.other_channels = 0
        self.rejected = 0
        self.rejects: list[Reject] = []
        self.refused: list[int] = []
        self._columns = Columns()
        self._files: list[tuple[int, str]] = [(0, "")]
        self._winlogbeat7 = Winlogbeat7(self._columns)
        self._winlogbeat6 = Winlogbeat6(self._columns)
        self._flat = Flat(self._columns)
        self._sentinel = Sentinel(self._columns)
        self._evtx = Evtx(self._columns)
        self._xml = Xml(self._columns)

    def __len__(self) -> int:
        """The number of events that wait."""
        return len(self._columns)

    @property
    def sysmon_events(self) -> int:
        return self.records - self.other_channels - self.rejected

    @property
    def characters(self) -> int:
        """How much text waits, about: events can be few and still fill memory."""
        return self._columns.codes.characters

    @property
    def file(self) -> str:
        """The file that is being read; set it where one reader reads several."""
        return self._files[-1][1]

    @file.setter
    def file(self, name: str) -> None:
        self._files.append((len(self._columns), name))

    def lines(self, lines: Sequence[bytes], first: int) -> None:
        """Read JSON lines; ``first`` is the number of the first. Blank lines are no records."""
        loads, read, columns = orjson.loads, self._read, self._columns
        others = 0
        for number, line in enumerate(lines, first):
            try:
                document = loads(line)
            except orjson.JSONDecodeError as error:
                self._again(line, number, error)
                continue
            self.records += 1
            columns.place = number
            try:
                others += not read(document)
            except Refused as refused:
                self._reject(number, str(refused))
        self.other_channels += others

    def value(self, data: bytes, place: str) -> None:
        """Read one JSON value that is not decoded yet."""
        try:
            document = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            self._again(data, place, error)
        else:
            self._record(document, place)

    def document(self, document: object, place: str) -> None:
        """Read one decoded JSON value."""
        self._record(document, place)

    def evtx(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Read records as ``PyEvtxParser.records_json`` yields them; what it raises goes through."""
        loads, read, columns = orjson.loads, self._evtx.read, self._columns
        count = others = 0
        try:
            for record in records:
                count += 1
                columns.place = place = ("record", record["event_record_id"])
                try:
                    others += not read(loads(record["data"]))
                except orjson.JSONDecodeError as error:
                    self._reject(place, _why_no_json(error))
                except Refused as refused:
                    self._reject(place, str(refused))
        finally:
            self.records += count
            self.other_channels += others

    def xml(self, event: _Element, place: str) -> None:
        """Read one ``<Event>`` element."""
        self.records += 1
        self._columns.place = place
        try:
            if not self._xml.read(event):
                self.other_channels += 1
        except Refused as refused:
            self._reject(place, str(refused))

    def take(self) -> EventBatch:
        """Return the waiting events in the order in which they came, and begin anew.

        ``refused`` are the numbers, among those that waited, of events that the batch lacks.
        """
        batch, refused = assemble(self._columns)
        self.refused = [row for row, _ in refused]
        starts = [start for start, _ in self._files]
        for row, reason in refused:
            file = self._files[bisect_right(starts, row) - 1][1]
            self._reject(self._columns.places[row], reason, file)
        self._columns.clear()
        self._files = [(0, self.file)]
        return batch

    def _record(self, document: object, place: Place) -> None:
        self.records += 1
        self._columns.place = place
        try:
            if not self._read(document):
                self.other_channels += 1
        except Refused as refused:
            self._reject(place, str(refused))

    def _read(self, document: Any) -> bool:
        """Read by the layout that the record has; False: it is of another channel."""
        if document.__class__ is not dict:
            raise Refused(f"It is {shown(document)}, which is no object of fields.")
        if "winlog" in document:
            return self._winlogbeat7.read(document)
        if "EventID" in document:
            return (self._sentinel if "EventData" in document else self._flat).read(document)
        if "event_data" in document or "log_name" in document:
            return self._winlogbeat6.read(document)
        if "Event" in document:
            return self._evtx.read(document)
        if "_source" in document:  # A hit, as Elasticsearch's exports write it.
            source = fields_of(document["_source"], "_source")
            if "_source" not in source:
                return self._read(source)
        raise Refused(f"It is of no layout that is known. Its fields are {_listed(document)}.")

    def _again(self, data: bytes, place: Place, error: orjson.JSONDecodeError) -> None:
        """Read what is no JSON at first sight: blank lines are no records, bad bytes become U+FFFD."""
        data = data.removeprefix(_BOM)
        if not data or data.isspace():
            return
        text = _ESCAPE.sub(_without_lone_surrogate, data.decode("utf-8", "replace"))
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            self.records += 1
            self._reject(place, _why_no_json(error))
        else:
            self._record(document, place)

    def _reject(self, place: Place, reason: str, file: str | None = None) -> None:
        self.rejected += 1
        if isinstance(place, int):
            place = ("line", place)
        where = place if isinstance(place, str) else f"{place[0]} {place[1]}"
        self.rejects.append(Reject(where, reason, self.file if file is None else file))


def _why_no_json(error: orjson.JSONDecodeError) -> str:
    if "depth limit" in error.msg:
        return "It is nested more than 1,024 deep, which no log is."
    return f"It is no JSON that can be read: {error.msg} at column {error.colno:,}."


def _without_lone_surrogate(escape: re.Match[str]) -> str:
    return "\\ufffd" if escape[1] else escape[0]


def _listed(document: Document) -> str:
    names = [shown(name) for name in list(document)[:5]]
    return ", ".join(names) + (", …" if len(document) > len(names) else "") if names else "none"
