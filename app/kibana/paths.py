"""The names that Sysmon's fields have in the indices that Kibana shows.

First the raw shape, ``winlog.event_data``: so Winlogbeat 7 and 8 write without the Sysmon
module, and so this program writes. Then Winlogbeat 6, ``event_data``; and ECS, where the Sysmon
module keeps a value as Sysmon wrote it and only moves it.
"""

from __future__ import annotations

from typing import Final

from app.layouts.names import spellings_of
from app.sysmon.fields import FIELDS, HASH_COLUMNS, SOURCE_NAMES, Scope

EVENT_ID: Final = ("winlog.event_id", "event_id")
COMPUTER: Final = ("winlog.computer_name", "computer_name")

_COMMON: Final = {
    "Time": ("@timestamp",),
    "EventId": EVENT_ID,
    "Computer": COMPUTER,
    "RecordId": ("winlog.record_id", "record_number"),
    "EventVersion": ("winlog.version", "version"),
    "Channel": ("winlog.channel", "log_name"),
    "Level": ("log.level", "level"),
}

_ECS: Final = {
    "ProcessGuid": "process.entity_id",
    "ProcessId": "process.pid",
    "Image": "process.executable",
    "CommandLine": "process.command_line",
    "CurrentDirectory": "process.working_directory",
    "OriginalFileName": "process.pe.original_file_name",
    "ParentProcessGuid": "process.parent.entity_id",
    "ParentProcessId": "process.parent.pid",
    "ParentImage": "process.parent.executable",
    "ParentCommandLine": "process.parent.command_line",
    "RuleName": "rule.name",
    "TargetFilename": "file.path",
    "TargetObject": "registry.path",
    "QueryName": "dns.question.name",
    "SourceIp": "source.ip",
    "SourcePort": "source.port",
    "DestinationIp": "destination.ip",
    "DestinationHostname": "destination.domain",
    "DestinationPort": "destination.port",
}

TYPED: Final = frozenset(
    {*EVENT_ID[1:], "record_number", "version", "winlog.version", "@timestamp"}
    | {path for path in _ECS.values() if path.endswith((".ip", ".port", ".pid"))}
)
"""Paths that may be numbers, addresses or times in an index, which take no patterns."""

HASHES: Final = ("winlog.event_data.Hashes", "winlog.event_data.Hash", "event_data.Hashes", "event_data.Hash")
ANYTHING: Final = ("winlog.event_data.*", "event_data.*", "sysmonsearch.other.value", *COMPUTER)


def names_of(name: str) -> tuple[str, ...]:
    """Return the names under which logs have a field: ``Process`` is Image and SourceImage."""
    field = FIELDS[name]
    names = [name]
    if field.scope is Scope.ANY and name not in _COMMON:
        sources = {source: usual for source, usual in SOURCE_NAMES.items() if _column(usual) == field.column}
        names = [*sources.values(), *sources] or [name]
    return tuple(spelling for each in names for spelling in (each, *spellings_of(each)))


def paths_of(name: str) -> tuple[str, ...]:
    """Return where a field (of ``fields.FIELDS``, with a column of its own) may lie."""
    if name in _COMMON:
        return _COMMON[name]
    names = names_of(name)
    raw = [f"{within}.{each}" for within in ("winlog.event_data", "event_data") for each in names]
    # The module calls the process that acts by one name, also where Sysmon calls it the source.
    ecs = {_ECS[usual] for each in names if (usual := SOURCE_NAMES.get(each, each)) in _ECS}
    return (*raw, *sorted(ecs))


def is_hash(name: str) -> bool:
    """Tell whether a field is one of the hashes that are read out of Hashes."""
    return FIELDS[name].column in HASH_COLUMNS


def _column(name: str) -> str:
    return FIELDS[name].column
