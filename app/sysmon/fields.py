"""THE table of Sysmon's events and fields.

Everything that has to know an event or a field reads it here: layouts, engines, the
query language, rules, pages and docs/fields.md. Names are those of Sysmon's schema
4.90 (``sysmon -s``); a column's name is the field's in snake case.

Events 8 and 10 have a source and a target process. The source is kept in the columns
of any event's process, so that one column says what a process did; the field keeps
the name that Sysmon gives it in those events.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final

from app.sysmon.kinds import KINDS


class FieldType(StrEnum):
    """How a column is stored and compared."""

    TEXT = "text"
    INTEGER = "integer"
    TIME = "time"
    GUID = "guid"


class Scope(StrEnum):
    """In which events a name stands for its column; in all others the field is missing."""

    ANY = "any"
    SOURCE = "events 8 and 10"
    NOT_SOURCE = "all but events 8 and 10"

    def holds_for(self, event_id: int) -> bool:
        """Tell whether events with this ID can have the field."""
        return self is Scope.ANY or (event_id in SOURCE_EVENTS) is (self is Scope.SOURCE)


@dataclass(frozen=True, slots=True)
class Field:
    """A name that a query, rule or JSON document may use, and the column it reads."""

    name: str
    column: str
    type: FieldType
    scope: Scope
    label: str


SOURCE_EVENTS: Final = frozenset({8, 10})
"""The events whose process Sysmon calls the source."""

#: Name in events 8 and 10 -> the name that the same thing has in any other event.
SOURCE_NAMES: Final = {
    "SourceProcessGuid": "ProcessGuid",
    "SourceProcessId": "ProcessId",
    "SourceImage": "Image",
    "SourceUser": "User",
}

_INTEGERS: Final = frozenset(
    "ProcessId ParentProcessId TargetProcessId NewThreadId SourceThreadId TerminalSessionId"
    " SourcePort DestinationPort".split()
)
_GUIDS: Final = frozenset("ProcessGuid ParentProcessGuid TargetProcessGuid LogonGuid".split())

HASH_COLUMNS: Final = ("md5", "sha1", "sha256", "imphash")
"""Split from Hashes (and Hash in event 15): upper-case hexadecimal, as Sysmon writes."""

#: Columns that stand before Sysmon's own fields: name in queries, type, label.
_COMMON: Final = (
    ("Time", "time", FieldType.TIME, "Record time"),
    ("UtcTime", "utc_time", FieldType.TIME, "Sysmon's own time"),
    ("Computer", "computer", FieldType.TEXT, "Computer that logged"),
    ("EventId", "event_id", FieldType.INTEGER, "Event ID"),
    ("RecordId", "record_id", FieldType.INTEGER, "Record number in the log"),
    ("EventVersion", "event_version", FieldType.INTEGER, "Version of the event's schema"),
    ("Channel", "channel", FieldType.TEXT, "Event log"),
    ("Level", "level", FieldType.TEXT, "Level"),
    ("MD5", "md5", FieldType.TEXT, "MD5, from Hashes"),
    ("SHA1", "sha1", FieldType.TEXT, "SHA-1, from Hashes"),
    ("SHA256", "sha256", FieldType.TEXT, "SHA-256, from Hashes"),
    ("IMPHASH", "imphash", FieldType.TEXT, "Import hash, from Hashes"),
)

#: Names that span events in which Sysmon's own name differs.
_SPANNING: Final = (
    ("Process", "image", FieldType.TEXT, "Image, and SourceImage in events 8 and 10"),
    (
        "SubjectProcessGuid",
        "process_guid",
        FieldType.GUID,
        "ProcessGuid, and SourceProcessGuid in events 8 and 10",
    ),
    (
        "SubjectProcessId",
        "process_id",
        FieldType.INTEGER,
        "ProcessId, and SourceProcessId in events 8 and 10",
    ),
    ("SubjectUser", "user", FieldType.TEXT, "User, and SourceUser in events 8 and 10"),
)

#: Read from the event ID alone; no column holds them.
DERIVED: Final = {"Category": "category", "Kind": "kind"}

ANY_FIELD: Final = "*"
"""The field of a keyword: any of Sysmon's fields, ``other`` and the computer."""


def snake_case(name: str) -> str:
    """Return the column name of a Sysmon field: ``ParentProcessGuid`` -> ``parent_process_guid``."""
    if name.isupper():
        return name.lower()
    return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


def column_of(name: str) -> str:
    """Return the column that holds the Sysmon field ``name``."""
    return snake_case(SOURCE_NAMES.get(name, name))


def _type_of(name: str) -> FieldType:
    name = SOURCE_NAMES.get(name, name)
    if name in _INTEGERS:
        return FieldType.INTEGER
    if name in _GUIDS:
        return FieldType.GUID
    return FieldType.TEXT


def _scope_of(name: str) -> Scope:
    if name in SOURCE_NAMES:
        return Scope.SOURCE
    return Scope.NOT_SOURCE if name in SOURCE_NAMES.values() else Scope.ANY


def _fields() -> dict[str, Field]:
    names = dict.fromkeys(name for kind in KINDS.values() for name in kind.fields)
    fields = [Field(name, column, type_, Scope.ANY, label) for name, column, type_, label in _COMMON]
    fields += [
        Field(name, column_of(name), _type_of(name), _scope_of(name), name)
        for name in names
        if name != "UtcTime"
    ]
    fields += [Field(name, column, type_, Scope.ANY, label) for name, column, type_, label in _SPANNING]
    fields += [
        Field(name, column, FieldType.TEXT, Scope.ANY, f"The event's {column}")
        for name, column in DERIVED.items()
    ]
    return {field.name: field for field in fields}


FIELDS: Final[dict[str, Field]] = _fields()
"""Every name that a condition may use, by its own spelling."""

COLUMN_TYPES: Final[dict[str, FieldType]] = {
    field.column: field.type for field in FIELDS.values() if field.name not in DERIVED
}
"""Every column of an event but ``other`` and ``content_hash``, with its type."""

KEYWORD_COLUMNS: Final[tuple[str, ...]] = tuple(
    column
    for column, type_ in COLUMN_TYPES.items()
    if type_ is not FieldType.TIME
    and column not in {"event_id", "record_id", "event_version", "channel", "level", *HASH_COLUMNS}
)
"""The columns that a keyword is looked for in, beside ``other``.

The split hashes are left out because Hashes and Hash hold them.
"""

_ALIASES: Final = {
    "eventid": "EventId",
    "recordnumber": "RecordId",
    "eventrecordid": "RecordId",
    "sourceprocessguid": "SourceProcessGuid",
    "targetprocessguid": "TargetProcessGuid",
    "@timestamp": "Time",
}


@cache
def _by_folded_name() -> dict[str, Field]:
    return {
        **{name.lower(): field for name, field in FIELDS.items()},
        **{alias: FIELDS[name] for alias, name in _ALIASES.items()},
    }


def find_field(name: str) -> Field | None:
    """Return the field with this name in any case, or None."""
    return _by_folded_name().get(name.lower())


def name_in(column: str, event_id: int) -> str:
    """Return the name that Sysmon gives ``column`` in events with this ID."""
    if event_id in SOURCE_EVENTS and column in _SOURCE_BY_COLUMN:
        return _SOURCE_BY_COLUMN[column]
    return _NAME_BY_COLUMN[column]


_SOURCE_BY_COLUMN: Final = {column_of(name): name for name in SOURCE_NAMES}
_NAME_BY_COLUMN: Final = {
    field.column: field.name
    for field in reversed(FIELDS.values())
    if field.name not in DERIVED
    and field.name not in SOURCE_NAMES
    and field.name not in {name for name, *_ in _SPANNING}
}
