"""Where documents of each layout hold the fields of an event: paths, before any mapping is seen.

It follows ``app.layouts`` (``winlogbeat``, ``names``, ``ecs``), which reads the documents.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from app.layouts.codes import ZERO_GUID
from app.layouts.names import spellings_of
from app.store.elastic.places import Layout
from app.sysmon.fields import (
    DERIVED,
    FIELDS,
    HASH_COLUMNS,
    KEYWORD_COLUMNS,
    SOURCE_EVENTS,
    SOURCE_NAMES,
    Field,
    FieldType,
    Scope,
)

OWN_OBJECT: Final = "sysmonsearch"
"""What only documents of our own have."""

OWN_BATCH: Final = f"{OWN_OBJECT}.batch"
OWN_OTHER: Final = f"{OWN_OBJECT}.other.value"

OWN_ALIASES: Final = f"{OWN_OBJECT}.fields"
"""Aliases of the fields in ``winlog.event_data``, for indices that share a search with others that
map a field of the same name differently."""

EVENT_DATA: Final = {
    Layout.OWN: "winlog.event_data",
    Layout.WINLOGBEAT_6: "event_data",
    Layout.WINLOGBEAT_7: "winlog.event_data",
    Layout.ECS: "winlog.event_data",
}
"""The object that holds Sysmon's own fields."""

NULLS: Final = ("", "-", ZERO_GUID, f"{{{ZERO_GUID}}}")
"""Texts that the layouts read as no value (``app.layouts.codes``)."""


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A path at which documents of one layout may hold a field; ``places.Place`` says the rest.

    ``instead`` names paths that serve where no index has ``path``.
    """

    path: str
    event_ids: frozenset[int] | None = None
    faithful: bool = True
    nulls: tuple[str, ...] = ()
    instead: tuple[str, ...] = ()


_COMMON: Final[dict[Layout, dict[str, FieldPath]]] = {
    Layout.OWN: {
        "Time": FieldPath(f"{OWN_OBJECT}.time"),
        "UtcTime": FieldPath(f"{OWN_OBJECT}.utc_time"),
        "Computer": FieldPath("winlog.computer_name"),
        "EventId": FieldPath("winlog.event_id"),
        "RecordId": FieldPath("winlog.record_id"),
        "EventVersion": FieldPath("winlog.version"),
        "Channel": FieldPath("winlog.channel"),
        "Level": FieldPath("log.level"),
    },
    Layout.WINLOGBEAT_6: {
        "Time": FieldPath("@timestamp"),
        "UtcTime": FieldPath("event_data.UtcTime", nulls=("", "-")),
        "Computer": FieldPath("computer_name"),
        "EventId": FieldPath("event_id"),
        "RecordId": FieldPath("record_number", nulls=("", "-")),
        "EventVersion": FieldPath("version", nulls=("", "-")),
        "Channel": FieldPath("log_name", nulls=("",)),
        # The reader gives levels the names of the event viewer.
        "Level": FieldPath("level", faithful=False, nulls=("", "-")),
    },
    Layout.WINLOGBEAT_7: {
        "Time": FieldPath("@timestamp"),
        "UtcTime": FieldPath("winlog.event_data.UtcTime", nulls=("", "-")),
        "Computer": FieldPath("winlog.computer_name"),
        "EventId": FieldPath("winlog.event_id", instead=("event.code",)),
        "RecordId": FieldPath("winlog.record_id", nulls=("", "-")),
        "EventVersion": FieldPath("winlog.version", nulls=("", "-")),
        "Channel": FieldPath("winlog.channel", nulls=("",)),
        "Level": FieldPath("log.level", faithful=False, nulls=("", "-"), instead=("winlog.level",)),
    },
}
_COMMON[Layout.ECS] = {**_COMMON[Layout.WINLOGBEAT_7], "UtcTime": FieldPath("@timestamp")}

_HASH_NAMES: Final = frozenset(column.upper() for column in HASH_COLUMNS)


@cache
def paths_of(name: str, layout: Layout) -> tuple[FieldPath, ...]:
    """Return where documents of a layout may hold a field (of ``fields.FIELDS``)."""
    if name in DERIVED:
        return ()
    common = _COMMON[layout].get(name)
    if common is not None:
        return (common,)
    if name in _HASH_NAMES:
        return _hash_paths(name, layout)
    return tuple(path for own in names_of(FIELDS[name]) for path in _event_data_paths(own, layout))


def names_of(field: Field) -> tuple[str, ...]:
    """Return the names that Sysmon gives a field: ``Process`` is Image and SourceImage."""
    if field.scope is not Scope.ANY:
        return (field.name,)
    spanned = [other.name for other in FIELDS.values() if other.column == field.column]
    return tuple(name for name in spanned if FIELDS[name].scope is not Scope.ANY) or (field.name,)


def widest_name(column: str) -> str:
    """Return the name that stands for a column in every event."""
    return next(name for name, field in FIELDS.items() if field.column == column and field.scope is Scope.ANY)


def is_guid(name: str) -> bool:
    """Tell whether a field holds GUIDs."""
    return FIELDS[name].type is FieldType.GUID


def _hash_paths(name: str, layout: Layout) -> tuple[FieldPath, ...]:
    if layout is Layout.OWN:
        return (FieldPath(f"{OWN_OBJECT}.{name.lower()}"),)
    within = EVENT_DATA[layout]
    return tuple(FieldPath(f"{within}.{field}", faithful=False, nulls=NULLS) for field in ("Hashes", "Hash"))


def _event_data_paths(name: str, layout: Layout) -> tuple[FieldPath, ...]:
    within = EVENT_DATA[layout]
    if layout is Layout.OWN:  # Written by the names of the table: a stray Image of event 8 is in ``other``.
        return (FieldPath(f"{OWN_ALIASES}.{name}", instead=(f"{within}.{name}",)),)
    event_ids = SOURCE_EVENTS if name in SOURCE_NAMES else None
    return tuple(
        FieldPath(f"{within}.{spelling}", event_ids, nulls=NULLS) for spelling in (name, *spellings_of(name))
    )


def keyword_names() -> tuple[str, ...]:
    """Return the fields that a keyword is looked for in, one for each column."""
    return tuple(widest_name(column) for column in KEYWORD_COLUMNS)
