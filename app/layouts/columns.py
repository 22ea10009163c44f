"""Events that wait to become a batch, as codes: no object per event.

Records of one event ID with the same field names have one ``Shape``; their values'
codes stand in one flat list, which numpy later reads as a matrix. What is the same for
many records (computer, channel, level, event ID) is looked at once, as a ``Header``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from operator import itemgetter
from typing import Any, Final, NamedTuple

from app.layouts.codes import CleanedCodes, Codes, Refused, text_of, valid
from app.layouts.names import CHANNEL, PROVIDER, UTC_TIME, columns_by_name
from app.layouts.values import integer_of, level_of
from app.sysmon.kinds import KINDS

Document = dict[str, Any]

Place = int | str | tuple[str, int]
"""Where a record stands: the number of a line, a text, or a word and a number."""

HIGHEST_EVENT_ID: Final = 65_535

#: So many shapes one event ID may have before odd records get one that fits all.
_MOST_SHAPES: Final = 200
_MOST_KNOWN: Final = 100_000


class Said(NamedTuple):
    """What a record says of itself, as the log has it: it tells the header."""

    channel: object
    provider: object
    event_id: object
    computer: object
    level: object
    version: object


class Clock(Enum):
    """What the time beside UtcTime is worth."""

    RECORD = "the record's time: it orders events, and tells them apart"
    LATE = "the same, but it may be replaced by the time of arrival: UtcTime goes first"
    ARRIVAL = "the time of arrival, another one each time a record is sent: for want of UtcTime only"
    LOCAL = "of an unknown zone: it tells events apart, and is never their time"


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """What the records of one layout have in common.

    ``envelope`` names the keys beside the event's own fields, which say how the record
    travelled. ``time_name`` is the field that the record's time is read from, ``clock`` says
    what it is worth. ``mend`` returns a document with fields that were lost, or None where
    none can be found.
    """

    time_name: str
    clock: Clock = Clock.RECORD
    envelope: Callable[[int, frozenset[str]], frozenset[str]] | None = None
    clean: Callable[[str], str] | None = None
    mend: Callable[[Document, int, Shape], Document | None] | None = None
    mends: Callable[[str], bool] = bool


@dataclass(frozen=True, slots=True)
class Head:
    """What many records have in common."""

    event_id: int
    computer: str
    channel: str | None
    level: str | None
    version: int | None
    family: Family


class Shape:
    """Records of one event ID with the same names: their rows, and their codes row by row."""

    __slots__ = ("clocked", "codes", "fields", "lost", "names", "rows", "values", "width")

    def __init__(
        self, names: tuple[str, ...], rest: tuple[str, ...], clocked: bool, fields: int, lost: tuple[str, ...]
    ) -> None:
        self.names = names
        self.width = len(names)
        self.clocked = clocked
        self.fields = fields  # How many of them Sysmon has.
        self.lost = lost
        self.values = _getter(names, rest)
        self.rows: list[int] = []
        self.codes: list[int] = []


def _getter(names: tuple[str, ...], rest: tuple[str, ...]) -> Callable[[Document], Iterable[object]]:
    """Return what takes the values of ``names``, and raises KeyError unless ``rest`` is there too."""
    width = len(names)
    if width + len(rest) < 2:  # An itemgetter of one name does not return a tuple.
        return lambda document: tuple(document[name] for name in names + rest)[:width]
    get = itemgetter(*names, *rest)
    return get if not rest else lambda document: get(document)[:width]


class Shapes:
    """The shapes of one family and event ID."""

    def __init__(self, family: Family, event_id: int, table: Codes) -> None:
        self.family = family
        self.event_id = event_id
        self.table = table
        self.code = table.__getitem__
        self.by_size: dict[int, Shape] = {}
        self.by_names: dict[frozenset[str], Shape] = {}
        self._known = columns_by_name(event_id)
        kind = KINDS.get(event_id)
        self._expected = kind.fields if kind else ()
        self.all_known = Shape(tuple(self._known), (), False, 0, ())

    def odd(self, document: Document) -> tuple[Shape, Iterable[object], object]:
        """Return the shape of a document that is not of the last shape of its size, values and UtcTime.

        An ID that has too many shapes already has one that fits all: slower, in bounded memory.
        """
        names = frozenset(document)
        shape = self.by_names.get(names)
        if shape is None:
            if len(self.by_names) >= _MOST_SHAPES:
                shape = self.all_known
                return shape, [document.get(name) for name in shape.names], document.get(UTC_TIME)
            shape = self.by_names[names] = self._make(document, names)
        self.by_size[len(names)] = shape
        return shape, shape.values(document), document.get(UTC_TIME)

    def _make(self, document: Document, names: frozenset[str]) -> Shape:
        envelope = self._envelope(names)
        own = tuple(name for name in document if name not in envelope and name != UTC_TIME)
        rest = tuple(name for name in document if name in envelope)
        clocked = UTC_TIME in names
        fields = sum(name in self._known for name in own) + clocked
        return Shape(own, rest, clocked, fields, self._lost(frozenset(own) | ({UTC_TIME} & names)))

    def _envelope(self, names: frozenset[str]) -> frozenset[str]:
        return self.family.envelope(self.event_id, names) if self.family.envelope else frozenset()

    def _lost(self, own: frozenset[str]) -> tuple[str, ...]:
        if self.family.mend is None:
            return ()
        columns = {self._known.get(name) for name in own}
        return tuple(
            name
            for name in self._expected
            if name not in own
            and self.family.mends(name)
            and (name == UTC_TIME or self._known[name] not in columns)
        )

    def unknown(self, document: Document) -> list[tuple[str, str]]:
        """Return the fields that no column of this event is for."""
        envelope = self._envelope(frozenset(document))
        return [
            (name, text)
            for name, value in document.items()
            if name not in self._known and name not in envelope and name != UTC_TIME
            if (text := self.table.texts[self.table.of(value)])
        ]


class Header:
    """A head's number, and the shapes that its records can have."""

    __slots__ = ("number", "shapes")

    def __init__(self, number: int, shapes: Shapes) -> None:
        self.number = number
        self.shapes = shapes


class Headers:
    """The headers of one family, each made once.

    ``known`` is the layouts' fast way to a header: by what they take from a record in one
    step, its channel among it. It holds Sysmon's own channel only, so that nobody need
    look at the provider.
    """

    def __init__(self, columns: Columns, family: Family) -> None:
        self.known: dict[object, Header] = {}
        self._all: dict[Said, Header | None] = {}
        self._columns = columns
        self._family = family

    def clear(self) -> None:
        self.known.clear()
        self._all.clear()

    def find(self, said: Said, key: Callable[[Document], object], document: Document) -> Header | None:
        """Return the header; None: the record is of another channel. Raise Refused.

        ``key(document)`` is remembered as its fast way.
        """
        try:
            header = self._all[said]
        except KeyError:
            header = self._make(said)
        except TypeError:  # A list or an object in a place for text.
            return self._make(Said(*(_plain(part) for part in said)))
        if header is not None and said.channel == CHANNEL:
            with suppress(KeyError, TypeError):
                self.known[key(document)] = header
        return header

    def _make(self, said: Said) -> Header | None:
        if len(self._all) >= _MOST_KNOWN:  # Records of other channels never fill a batch, which clears this.
            self.clear()
        header = self._columns.header(said, self._family) if is_sysmon(said.channel, said.provider) else None
        self._all[said] = header
        return header


def _plain(value: object) -> object:
    return text_of(value) if isinstance(value, dict | list) else value


def is_sysmon(channel: object, provider: object) -> bool:
    """Tell whether a record is Sysmon's, also where it was forwarded into another channel."""
    if isinstance(channel, str) and channel.lower() == CHANNEL.lower():
        return True
    if isinstance(provider, str) and provider.lower() == PROVIDER.lower():
        return True
    if channel in (None, "") and provider in (None, ""):
        raise Refused("It names neither a channel nor a provider, so nobody can tell whether it is Sysmon's.")
    return False


class Columns:
    """Events in, row by row; ``assembly.assemble`` makes the batch.

    ``place`` is where the record that is being read stands; whoever reads sets it first.
    """

    def __init__(self) -> None:
        self.place: Place = ""
        self._headers: list[Headers] = []
        self.clear()

    def clear(self) -> None:
        """Forget all events."""
        self.codes = Codes()
        self.heads: list[Head] = []
        self.head_of: list[int] = []
        self.times: list[object] = []
        self.utc_times: list[object] = []
        self.record_ids: list[object] = []
        self.places: list[Place] = []
        self.others: dict[int, list[tuple[str, str]]] = {}
        self.shapes: dict[tuple[Family, int], Shapes] = {}
        self._tables: dict[Family, Codes] = {}
        for headers in self._headers:
            headers.clear()

    def __len__(self) -> int:
        return len(self.head_of)

    def headers(self, family: Family) -> Headers:
        """Return the headers of a family, new and empty."""
        headers = Headers(self, family)
        self._headers.append(headers)
        return headers

    def header(self, said: Said, family: Family) -> Header:
        """Make a header; raise Refused for a record without event ID or computer."""
        computer = said.computer
        if not isinstance(computer, str) or not computer.strip():
            raise Refused("It names no computer.")
        version = integer_of(text_of(said.version)) if said.version is not None else None
        head = Head(
            event_id=_event_id(said.event_id),
            computer=valid(computer),
            channel=valid(said.channel) if isinstance(said.channel, str) and said.channel else None,
            level=level_of(said.level),
            version=version,
            family=family,
        )
        self.heads.append(head)
        return Header(len(self.heads) - 1, self._shapes_of(family, head.event_id))

    def _shapes_of(self, family: Family, event_id: int) -> Shapes:
        shapes = self.shapes.get((family, event_id))
        if shapes is None:
            table = self._tables.get(family)
            if table is None:
                table = self._tables[family] = (
                    CleanedCodes(self.codes, family.clean) if family.clean else self.codes
                )
            shapes = self.shapes[family, event_id] = Shapes(family, event_id, table)
        return shapes

    def add(self, header: Header, document: Document, time: object, record_id: object) -> None:
        """Add one event whose fields are in ``document``; raise Refused, and add nothing, if it cannot be.

        This runs once per event: a document with as many keys as a known shape, of which
        it has each, is of that shape.
        """
        shapes = header.shapes
        shape = shapes.by_size.get(len(document))
        try:
            values = shape.values(document)  # type: ignore[union-attr]
            utc_time = document[UTC_TIME] if shape.clocked else None  # type: ignore[union-attr]
        except (KeyError, AttributeError):
            shape, values, utc_time = shapes.odd(document)
        if shape.lost and shapes.family.mend:  # type: ignore[union-attr]
            mended = shapes.family.mend(document, shapes.event_id, shape)  # type: ignore[arg-type]
            if mended is not None:
                document = mended
                shape, values, utc_time = shapes.odd(document)
        codes = shape.codes  # type: ignore[union-attr]
        size = len(codes)
        try:
            codes.extend(map(shapes.code, values))
        except TypeError:  # An object or a list among the values.
            del codes[size:]
            codes.extend([shapes.table.of(value) for value in values])
        shape.rows.append(len(self.head_of))  # type: ignore[union-attr]
        self.head_of.append(header.number)
        self.times.append(time)
        self.utc_times.append(utc_time)
        self.record_ids.append(record_id)
        self.places.append(self.place)
        if shape is shapes.all_known and (unknown := shapes.unknown(document)):
            self.others[len(self.head_of) - 1] = unknown


def _event_id(said: object) -> int:
    number = integer_of(text_of(said)) if said is not None else None
    if said is None or said == "":
        raise Refused("It has no event ID.")
    if number is None or not 0 <= number <= HIGHEST_EVENT_ID:
        raise Refused(f"Its event ID is {shown(said)}, which is no number from 0 to {HIGHEST_EVENT_ID:,}.")
    return number


def shown(value: object) -> str:
    """Return a value as a message may show it: quoted, and not too long."""
    text = text_of(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else text[:57] + "…" + text[-1]


def fields_of(value: object, name: str) -> Document:
    """Return a JSON object that a record must have at ``name``; nothing there is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(f"{name} is {shown(value)}, which is no object of fields.")
    return value


def lookup(document: Any, *path: str) -> Any:
    """Return what stands at a path of keys, or None."""
    for key in path:
        if document.__class__ is not dict:
            return None
        document = document.get(key)
    return document
