"""Event XML, as the event viewer and ``wevtutil`` write it: one ``<Event>`` element a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from app.layouts.columns import Columns, Document, Family, Said

if TYPE_CHECKING:
    from lxml.etree import _Element

XML: Final = Family(time_name="TimeCreated")


class Xml:
    """``System`` and ``EventData`` below ``Event``, in any namespace."""

    def __init__(self, columns: Columns) -> None:
        self._headers = columns.headers(XML)
        self._add = columns.add

    def read(self, event: _Element) -> bool:
        """Add the event; False: it is of another channel."""
        parts = {_local(part): part for part in event}
        system = {_local(part): part for part in parts.get("System", ())}
        provider = system.get("Provider")
        said = Said(
            _text(system.get("Channel")),
            None if provider is None else provider.get("Name"),
            _text(system.get("EventID")),
            _text(system.get("Computer")),
            _text(system.get("Level")),
            _text(system.get("Version")),
        )
        header = self._headers.find(said, hash, system)
        if header is None:
            return False
        created = system.get("TimeCreated")
        time = None if created is None else created.get("SystemTime")
        data = parts.get("EventData")
        self._add(header, {} if data is None else _data(data), time, _text(system.get("EventRecordID")))
        return True


def _data(element: _Element) -> Document:
    """Return the named values; those without a name become one list, ``Data``."""
    values: Document = {}
    for part in element:
        name = part.get("Name")
        text = "".join(map(str, part.itertext())) if len(part) else part.text
        if name:
            values[name] = text
        elif text and _local(part) == "Data":
            values.setdefault("Data", []).append(text)
    return values


def _local(element: _Element) -> str:
    """Return the tag without its namespace; comments and the like have none."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _text(element: _Element | None) -> str | None:
    return None if element is None else (element.text or "").strip() or None
