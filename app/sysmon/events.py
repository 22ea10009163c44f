"""One event, and the key that names it wherever it is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import PureWindowsPath

from app.errors import BadQuery
from app.sysmon.fields import (
    COLUMN_TYPES,
    DERIVED,
    find_field,
    name_in,
)
from app.sysmon.kinds import KINDS, Category, category_of, kind_name
from app.sysmon.text import fold

Value = str | int | datetime

Place = tuple[int, str, int, int, int, int]
"""Where an event stands in the one fixed order of all events: record time, computer,
event ID, UtcTime, record number, content hash. Times are microseconds since 1970; what
the event does not have is ``NOWHERE``, so it stands first."""

NOWHERE = -(2**63)


def microseconds(time: datetime) -> int:
    """Return whole microseconds since 1970, exactly."""
    return (time - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_text(time: datetime) -> str:
    """Return a time as Sysmon writes it: ``2019-05-18 18:20:46.031``, in UTC.

    Microseconds are written only where there are any.
    """
    text = time.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    return text.removesuffix("000")


def value_text(value: Value) -> str:
    """Return the one text form of a value: what conditions compare."""
    return time_text(value) if isinstance(value, datetime) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKey:
    """What makes an event the same, whatever way it came.

    ``record`` is the record number of the log as decimal text, or, where a layout
    has none, ``x`` and 16 hexadecimal digits: a hash of the event's content.
    ``computer`` is in lower case. ``utc_time`` has milliseconds.
    """

    computer: str
    event_id: int
    utc_time: datetime | None
    record: str

    def __str__(self) -> str:
        """Return the key as it stands in URLs, readable from left to right."""
        time = "-"
        if self.utc_time is not None:
            # Not strftime, which writes the years before 1000 with fewer than four digits.
            time = self.utc_time.isoformat(timespec="milliseconds")[:23].replace("-", "").replace(":", "")
        return f"{self.computer}~{self.event_id}~{time}~{self.record}"

    @classmethod
    def parse(cls, text: str) -> EventKey:
        """Take a key apart; raise BadQuery where it is none."""
        parts = _KEY.fullmatch(text)
        if parts is None:
            raise BadQuery(
                f"{text!r} is not an event key. A key looks like host.example~1~20190108T123005.031~4711.",
                text=text,
            )
        computer, event_id, time, record = parts.groups()
        try:
            utc_time = None if time == "-" else datetime.strptime(f"{time}+0000", "%Y%m%dT%H%M%S.%f%z")
        except ValueError as error:
            raise BadQuery(f"The event key {text!r} holds no time of the calendar.", text=text) from error
        return cls(
            computer=fold(computer),
            event_id=int(event_id),
            utc_time=utc_time,
            record=record,
        )


_KEY = re.compile(r"(.+)~(\d{1,5})~(-|\d{8}T\d{6}\.\d{3})~(-|\d{1,19}|x[0-9a-f]{16})", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event as it is stored.

    ``values`` holds what the event has, by column (see ``fields.COLUMN_TYPES``); a
    column that is not there is missing in the event. ``other`` holds what the field
    table does not know, and values that do not fit their column (a ProcessId that is
    no number), under the names the log gave them.
    """

    time: datetime
    computer: str
    event_id: int
    values: Mapping[str, Value] = field(default_factory=dict)
    other: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def key(self) -> EventKey:
        """The event's identity."""
        utc_time = self.utc_time
        return EventKey(
            computer=fold(self.computer),
            event_id=self.event_id,
            utc_time=utc_time and utc_time - timedelta(microseconds=utc_time.microsecond % 1000),
            record=self._record(),
        )

    def _record(self) -> str:
        if "record_id" in self.values:
            return str(self.values["record_id"])
        if "content_hash" in self.values:
            return f"x{int(self.values['content_hash']) & 0xFFFFFFFFFFFFFFFF:016x}"  # type: ignore[arg-type]
        return "-"

    @cached_property
    def place(self) -> Place:
        """Where the event stands among all events, oldest first."""
        utc_time, record_id = self.utc_time, self.values.get("record_id", NOWHERE)
        return (
            microseconds(self.time),
            self.computer,
            self.event_id,
            NOWHERE if utc_time is None else microseconds(utc_time),
            int(record_id),  # type: ignore[arg-type]
            int(self.values.get("content_hash", NOWHERE)),  # type: ignore[arg-type]
        )

    def get(self, name: str) -> Value | None:
        """Return the field ``name`` (a name of ``FIELDS``), or None where the event has none."""
        found = find_field(name)
        if found is None:
            return self.other.get(name)
        if found.name in DERIVED:
            return self.category.value if found.name == "Category" else self.kind
        if not found.scope.holds_for(self.event_id):
            return None
        return self.column(found.column)

    def column(self, column: str) -> Value | None:
        """Return the value of a column, whatever the field is called in this event."""
        common: dict[str, Value] = {"time": self.time, "computer": self.computer, "event_id": self.event_id}
        return common[column] if column in common else self.values.get(column)

    def text_of(self, column: str) -> str | None:
        """Return the column's text form, or None where the event has no value."""
        value = self.column(column)
        return None if value is None else value_text(value)

    @property
    def category(self) -> Category:
        return category_of(self.event_id)

    @property
    def kind(self) -> str:
        return kind_name(self.event_id)

    @property
    def utc_time(self) -> datetime | None:
        value = self.values.get("utc_time")
        return value if isinstance(value, datetime) else None

    @property
    def process_guid(self) -> str | None:
        """The process that did it: the source process in events 8 and 10."""
        return self.text_of("process_guid")

    @property
    def parent_process_guid(self) -> str | None:
        return self.text_of("parent_process_guid")

    @property
    def process_id(self) -> int | None:
        """Shown, never joined on: Windows reuses it soon."""
        value = self.values.get("process_id")
        return value if isinstance(value, int) else None

    @property
    def image(self) -> str | None:
        return self.text_of("image")

    @property
    def image_name(self) -> str:
        """``cmd.exe`` of ``C:\\Windows\\System32\\cmd.exe``; empty where there is no image."""
        return PureWindowsPath(self.image or "").name

    def named(self) -> dict[str, str | int]:
        """Return all fields as JSON has them, under the names that Sysmon gives them.

        Fields stand in Sysmon's order, then what its schema does not know. Times are
        texts as Sysmon writes them; numbers are numbers.
        """
        kind = KINDS.get(self.event_id)
        known = {
            name_in(column, self.event_id): value for column, value in self.values.items() if column in _NAMED
        }
        order = [*(kind.fields if kind else ()), *known]
        document: dict[str, str | int] = {
            "event_key": str(self.key),
            "EventId": self.event_id,
            "Computer": self.computer,
            "Time": self.time.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        }
        for name in dict.fromkeys(order):
            if name in known:
                value = known[name]
                document[name] = time_text(value) if isinstance(value, datetime) else value
        for name, text in self.other.items():
            document.setdefault(name, text)
        return document


_NAMED = frozenset(COLUMN_TYPES) - {"time", "computer", "event_id"}
