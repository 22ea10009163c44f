"""Where documents of each layout hold the fields of an event: paths, before any mapping is seen.

It follows ``app.layouts`` (``winlogbeat``, ``names``, ``ecs``), which reads the documents.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from app.layouts.codes import ZERO_GUID
from app.layouts.ecs import BARE_HASHES, moved, rebuilt_from
from app.layouts.names import spellings_of
from app.store.elastic.places import Layout
from app.sysmon.fields import (
    DERIVED,
    FIELDS,
    HASH_COLUMNS,
    KEYWORD_COLUMNS,
    SOURCE_EVENTS,
    Field,
    Scope,
)
from app.sysmon.kinds import KINDS

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


EVENT_IDS: Final = frozenset({*KINDS, *range(64)})
"""Sysmon's event IDs, and some that later versions may give."""


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A path at which documents of one layout may hold a field; ``places.Place`` says the rest.

    ``instead`` names a path that serves where no index has ``path``. ``alias`` is another name of
    the same indexed field, which indices of others do not have. ``unless`` names a path that
    holds the value in the place of this one, in nearly all documents.
    """

    path: str
    event_ids: frozenset[int] | None = None
    faithful: bool = True
    nulls: tuple[str, ...] = ()
    instead: str | None = None
    alias: str | None = None
    unless: str | None = None


_NO_TEXT: Final = ("", "-")

_COMMON: Final[dict[Layout, dict[str, tuple[FieldPath, ...]]]] = {
    Layout.OWN: {
        "Time": (FieldPath(f"{OWN_OBJECT}.time"),),
        "UtcTime": (FieldPath(f"{OWN_OBJECT}.utc_time"),),
        **{
            name: (FieldPath(path, alias=f"{OWN_ALIASES}.{name}"),)
            for name, path in {
                "Computer": "winlog.computer_name",
                "EventId": "winlog.event_id",
                "RecordId": "winlog.record_id",
                "EventVersion": "winlog.version",
                "Channel": "winlog.channel",
                "Level": "log.level",
            }.items()
        },
    },
    Layout.WINLOGBEAT_6: {
        "Time": (FieldPath("@timestamp"),),
        "UtcTime": (FieldPath("event_data.UtcTime", nulls=_NO_TEXT),),
        "Computer": (FieldPath("computer_name"),),
        "EventId": (FieldPath("event_id"),),
        "RecordId": (FieldPath("record_number", nulls=_NO_TEXT),),
        "EventVersion": (FieldPath("version", nulls=_NO_TEXT),),
        "Channel": (FieldPath("log_name", nulls=("",)),),
        # The reader gives levels the names of the event viewer.
        "Level": (FieldPath("level", faithful=False, nulls=_NO_TEXT),),
    },
    Layout.WINLOGBEAT_7: {
        "Time": (FieldPath("@timestamp"),),
        "UtcTime": (FieldPath("winlog.event_data.UtcTime", nulls=_NO_TEXT),),
        "Computer": (FieldPath("winlog.computer_name"),),
        # Documents have both, and the same in both: what has one is not counted twice.
        "EventId": (FieldPath("winlog.event_id", instead="event.code"),),
        "RecordId": (FieldPath("winlog.record_id", nulls=_NO_TEXT),),
        "EventVersion": (FieldPath("winlog.version", nulls=_NO_TEXT),),
        "Channel": (FieldPath("winlog.channel", nulls=("",)),),
        "Level": (
            FieldPath("log.level", faithful=False, nulls=_NO_TEXT),
            FieldPath("winlog.level", faithful=False, nulls=_NO_TEXT),
        ),
    },
}
_COMMON[Layout.ECS] = {**_COMMON[Layout.WINLOGBEAT_7], "UtcTime": (FieldPath("@timestamp"),)}

_HASH_NAMES: Final = frozenset(column.upper() for column in HASH_COLUMNS)


@cache
def paths_of(name: str, layout: Layout) -> tuple[FieldPath, ...]:
    """Return where documents of a layout may hold a field (of ``fields.FIELDS``)."""
    if name in DERIVED:
        return ()
    common = _COMMON[layout].get(name)
    if common is not None:
        return common
    if name in _HASH_NAMES:
        return _hash_paths(name, layout)
    names = _sysmon_names(FIELDS[name])
    paths = [path for own in names for path in _event_data_paths(own, layout)]
    if layout is Layout.ECS:
        paths += _merged(path for own in names for path in _ecs_paths().get(own, ()))
    return tuple(paths)


def keyword_names() -> tuple[str, ...]:
    """Return the fields that a keyword is looked for in, one for each column."""
    return tuple(
        next(name for name, field in FIELDS.items() if field.column == column and field.scope is Scope.ANY)
        for column in KEYWORD_COLUMNS
    )


@cache
def every_path(layout: Layout) -> tuple[FieldPath, ...]:
    """Return every path where a field may be."""
    return tuple(dict.fromkeys(path for name in FIELDS for path in paths_of(name, layout)))


def _sysmon_names(field: Field) -> tuple[str, ...]:
    """Return the names that Sysmon gives a field: ``Process`` is Image and SourceImage."""
    same = [other for other in FIELDS.values() if other.column == field.column]
    if field.scope is Scope.ANY and len(same) > 1:
        return tuple(other.name for other in same if other.scope is not Scope.ANY)
    return (field.name,)


def _hash_paths(name: str, layout: Layout) -> tuple[FieldPath, ...]:
    """Return where one hash is: those that are split are our own; others have several in one text."""
    if layout is Layout.OWN:
        return (FieldPath(f"{OWN_OBJECT}.{name.lower()}"),)
    within = EVENT_DATA[layout]
    paths = [FieldPath(f"{within}.{field}", faithful=False, nulls=NULLS) for field in ("Hashes", "Hash")]
    if layout is Layout.ECS:
        made = [path for field in ("Hashes", "Hash") for path in _ecs_paths()[field]]
        ids = frozenset(event_id for path in made for event_id in path.event_ids or ())
        wanted = {
            path.path for path in made if path.path == BARE_HASHES or path.path.endswith(f".{name.lower()}")
        }
        paths += [FieldPath(path, ids, faithful=False, nulls=NULLS) for path in sorted(wanted)]
    return tuple(paths)


def _event_data_paths(name: str, layout: Layout) -> tuple[FieldPath, ...]:
    within = EVENT_DATA[layout]
    if layout is Layout.OWN:  # Written by the names of the table: a stray Image of event 8 is in ``other``.
        return (FieldPath(f"{within}.{name}", alias=f"{OWN_ALIASES}.{name}"),)
    event_ids = {Scope.ANY: None, Scope.SOURCE: SOURCE_EVENTS, Scope.NOT_SOURCE: EVENT_IDS - SOURCE_EVENTS}
    return tuple(
        FieldPath(f"{within}.{spelling}", event_ids[FIELDS[name].scope], nulls=NULLS)
        for spelling in (name, *spellings_of(name))
    )


def _merged(paths: Iterable[FieldPath]) -> list[FieldPath]:
    """Return the same, one for each path: Image and SourceImage of Process lie at one."""
    merged: dict[str, FieldPath] = {}
    for each in paths:
        before = merged.get(each.path)
        ids = (before.event_ids or frozenset()) if before else frozenset()
        merged[each.path] = replace(before or each, event_ids=ids | (each.event_ids or frozenset()))
    return list(merged.values())


@cache
def _ecs_paths() -> dict[str, tuple[FieldPath, ...]]:
    """Return where the pipelines put each field, by its name."""
    moved_ids: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    made_ids: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    for event_id in EVENT_IDS:
        for path, name in moved(event_id):
            moved_ids[name, path].add(event_id)
        for name, paths in rebuilt_from(event_id).items():
            for path in paths:
                made_ids[name, path].add(event_id)
    found: defaultdict[str, tuple[FieldPath, ...]] = defaultdict(tuple)
    for (name, path), ids in moved_ids.items():
        # Some are moved, some are copied; a value that stands twice would be counted twice.
        stays = f"{EVENT_DATA[Layout.ECS]}.{name}"
        found[name] += (FieldPath(path, frozenset(ids), nulls=NULLS, unless=stays),)
    for (name, path), ids in made_ids.items():
        unless = found[name][0].path if found[name] and found[name][0].faithful else None
        found[name] += (FieldPath(path, frozenset(ids), faithful=False, nulls=NULLS, unless=unless),)
    return dict(found)
