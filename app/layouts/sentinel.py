"""Microsoft Sentinel: ``EventData`` is a text that holds a JSON object.

``TimeGenerated`` is close to the record time in fresh events, but Sentinel replaces it
by the time of arrival in events that come late; so UtcTime is the time here. There
is no record number.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Final

import orjson

from app.layouts.codes import Refused
from app.layouts.columns import Clock, Columns, Document, Family, Said, fields_of, shown

SENTINEL: Final = Family(time_name="TimeGenerated", clock=Clock.LATE)


_KEY: Final = itemgetter("Channel", "EventID", "Computer", "EventLevelName")


class Sentinel:
    """The table WindowsEvent, and Event where its EventData is JSON."""

    def __init__(self, columns: Columns) -> None:
        self._headers = columns.headers(SENTINEL)
        self._known = self._headers.known
        self._add = columns.add

    def read(self, document: Document) -> bool:
        """Add the event; False: it is of another channel."""
        get = document.get
        try:
            header = self._known[_KEY(document)]
        except (KeyError, TypeError):  # The first of its kind, or not as usual.
            said = Said(
                get("Channel") or get("EventLog"),
                get("Provider") or get("Source"),
                get("EventID"),
                get("Computer"),
                get("EventLevelName") or get("EventLevel"),
                None,
            )
            found = self._headers.find(said, _KEY, document)
            if found is None:
                return False
            header = found
        data = get("EventData")
        if isinstance(data, str):
            try:
                data = orjson.loads(data) if data else None
            except orjson.JSONDecodeError as error:
                raise Refused(f"EventData is {shown(data)}, which is no JSON: {error.msg}.") from error
        if data.__class__ is not dict:
            data = fields_of(data, "EventData")
        self._add(header, data, get("TimeGenerated"), get("EventRecordId"))
        return True
