"""Microsoft Sentinel: ``EventData`` is a text that holds a JSON object.

``TimeGenerated`` is close to the record time in fresh events, but Sentinel replaces it
by the time of arrival in events that come late; so UtcTime is the time here. There
is no record number.
"""

from __future__ import annotations

from typing import Final

import orjson

from app.layouts.codes import Refused
from app.layouts.columns import Columns, Document, Family, Said, fields_of, shown

SENTINEL: Final = Family(time_name="TimeGenerated", utc_first=True)


class Sentinel:
    """The table WindowsEvent, and Event where its EventData is JSON."""

    def __init__(self, columns: Columns) -> None:
        self._headers = columns.headers(SENTINEL)
        self._add = columns.add

    def read(self, document: Document) -> bool:
        """Add the event; False: it is of another channel."""
        get = document.get
        said = Said(
            get("Channel") or get("EventLog"),
            get("Provider") or get("Source"),
            get("EventID"),
            get("Computer"),
            get("EventLevelName") or get("EventLevel"),
            get("Version"),
        )
        header = self._headers.find(said, hash, document)
        if header is None:
            return False
        data = get("EventData")
        if isinstance(data, str):
            try:
                data = orjson.loads(data) if data else None
            except orjson.JSONDecodeError as error:
                raise Refused(f"EventData is {shown(data)}, which is no JSON: {error.msg}.") from error
        self._add(header, fields_of(data, "EventData"), get("TimeGenerated"), get("EventRecordId"))
        return True
