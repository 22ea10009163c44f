"""Winlogbeat 6, and 7 and 8 without the Sysmon module: fields lie in ``event_data``.

``@timestamp`` is the record time of the event log and can be trusted. ``beat.hostname``,
``agent.hostname`` and ``host.name`` are the shipper, often a collector: never the computer.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Final

from app.layouts.columns import Columns, Document, Family, Said, fields_of, lookup
from app.layouts.ecs import is_ecs, sysmon_fields
from app.layouts.names import UTC_TIME

WINLOGBEAT: Final = Family(time_name="@timestamp")


_KEY_6: Final = itemgetter("log_name", "event_id", "computer_name", "level", "version")
_KEY_7: Final = itemgetter("channel", "event_id", "computer_name", "version")


class Winlogbeat6:
    """``event_data``, ``log_name``, ``computer_name`` at the top."""

    def __init__(self, columns: Columns) -> None:
        self._headers = columns.headers(WINLOGBEAT)
        self._known = self._headers.known
        self._add = columns.add

    def read(self, document: Document) -> bool:
        """Add the event; False: it is of another channel."""
        get = document.get
        try:
            header = self._known[_KEY_6(document)]
        except (KeyError, TypeError):  # The first of its kind, or not as usual.
            said = Said(
                get("log_name"),
                get("source_name"),
                get("event_id"),
                get("computer_name"),
                get("level"),
                get("version"),
            )
            found = self._headers.find(said, _KEY_6, document)
            if found is None:
                return False
            header = found
        data = get("event_data")
        if data.__class__ is not dict:
            data = fields_of(data, "event_data")
        self._add(header, data, get("@timestamp"), get("record_number"))
        return True


class Winlogbeat7:
    """``winlog.event_data``, ``winlog.channel``, ``winlog.computer_name``; what ECS renamed, moved back."""

    def __init__(self, columns: Columns) -> None:
        self._headers = columns.headers(WINLOGBEAT)
        self._known = self._headers.known
        self._add = columns.add

    def read(self, document: Document) -> bool:
        """Add the event; False: it is of another channel."""
        winlog = document["winlog"]
        try:
            header = self._known[_KEY_7(winlog), document["log"]["level"]]
        except (KeyError, TypeError):  # The first of its kind, or not as usual.
            found = self._headers.find(_said(document, winlog), _key_7, document)
            if found is None:
                return False
            header = found
        data = winlog.get("event_data")
        if data.__class__ is not dict:
            data = fields_of(data, "winlog.event_data")
        time = document.get("@timestamp")
        if UTC_TIME not in data and is_ecs(document):
            data = sysmon_fields(document, data, header.shapes.event_id)
            data[UTC_TIME] = time
        self._add(header, data, time, winlog.get("record_id"))
        return True


def _key_7(document: Document) -> object:
    return _KEY_7(document["winlog"]), document["log"]["level"]


def _said(document: Document, winlog: object) -> Said:
    get = fields_of(winlog, "winlog").get
    event_id = get("event_id")
    if event_id is None:
        event_id = lookup(document, "event", "code")
    provider = get("provider_name") or lookup(document, "event", "provider")
    level = lookup(document, "log", "level") or get("level")
    return Said(get("channel"), provider, event_id, get("computer_name"), level, get("version"))
