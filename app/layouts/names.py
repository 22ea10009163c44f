"""Names of fields in logs -> the columns that hold them."""

from __future__ import annotations

from functools import cache
from typing import Final

from app.sysmon.fields import SOURCE_EVENTS, SOURCE_NAMES, column_of
from app.sysmon.kinds import KINDS

CHANNEL: Final = "Microsoft-Windows-Sysmon/Operational"
PROVIDER: Final = "Microsoft-Windows-Sysmon"

UTC_TIME: Final = "UtcTime"
"""Sysmon's own time: the one field that is read by itself, as a time."""

#: Spellings that Sysmon itself has beside those of the field table (events 8 and 10 differ).
_SPELLINGS: Final = {
    "SourceProcessGUID": "SourceProcessGuid",
    "TargetProcessGUID": "TargetProcessGuid",
}

_NAMES: Final = frozenset(name for kind in KINDS.values() for name in kind.fields) - {UTC_TIME}


@cache
def columns_by_name(event_id: int) -> dict[str, str]:
    """Return which column each field name fills in events with this ID.

    In events 8 and 10 the process's columns hold the source process, so a stray Image
    there is none of ours (it is kept in ``other``); nor is a SourceImage elsewhere.
    """
    foreign = set(SOURCE_NAMES.values()) if event_id in SOURCE_EVENTS else set(SOURCE_NAMES)
    names = {name: column_of(name) for name in _NAMES if name not in foreign}
    for spelling, name in _SPELLINGS.items():
        if name not in foreign:
            names[spelling] = column_of(name)
    return names


def spellings_of(name: str) -> tuple[str, ...]:
    """Return the other spellings that logs have for one of Sysmon's names."""
    return tuple(spelling for spelling, usual in _SPELLINGS.items() if usual == name)
