"""Windows event logs (EVTX), as the evtx package gives their records: JSON.

``TimeCreated`` is the log's own record time.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Final

from app.layouts.codes import Refused
from app.layouts.columns import Columns, Document, Family, Header, Said, fields_of, lookup, shown

_NOT_FIELDS: Final = frozenset({"#attributes"})

EVTX: Final = Family(
    time_name="TimeCreated",
    envelope=lambda _event_id, names: _NOT_FIELDS & names,
)


_KEY: Final = itemgetter("Channel", "EventID", "Computer", "Level", "Version")


class Evtx:
    """``{"Event": {"System": …, "EventData": …}}``."""

    def __init__(self, columns: Columns) -> None:
        self._headers = columns.headers(EVTX)
        self._known = self._headers.known
        self._add = columns.add

    def read(self, document: Document) -> bool:
        """Add the event; False: it is of another channel."""
        try:
            event = document["Event"]
            system = event["System"]
            header = self._known[_KEY(system)]
        except (KeyError, TypeError):
            event, system, found = self._odd(document)
            if found is None:
                return False
            header = found
        data = event.get("EventData")
        if data.__class__ is not dict:
            data = fields_of(data, "EventData")
        try:
            time = system["TimeCreated"]["#attributes"]["SystemTime"]
        except (KeyError, TypeError):
            time = None
        self._add(header, data, time, system.get("EventRecordID"))
        return True

    def _odd(self, document: Document) -> tuple[Document, Document, Header | None]:
        """Find the header of a record that is the first of its kind, or not as usual."""
        event = document.get("Event")
        system = event.get("System") if isinstance(event, dict) else None
        if not isinstance(event, dict) or not isinstance(system, dict):
            raise Refused(f"Event is {shown(event)}, which has no System.")
        get = system.get
        event_id = get("EventID")
        if isinstance(event_id, dict):  # With Qualifiers.
            event_id = event_id.get("#text")
        provider = lookup(get("Provider"), "#attributes", "Name")
        said = Said(get("Channel"), provider, event_id, get("Computer"), get("Level"), get("Version"))
        return event, system, self._headers.find(said, _KEY, system)
