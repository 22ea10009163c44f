"""What people call the layout of a record."""

from __future__ import annotations

from typing import Any

from app.layouts.codes import Refused
from app.layouts.columns import fields_of


def label_of(document: Any) -> str | None:
    """Return the name of a decoded record's layout, told as ``Reader`` tells it; None: no known one."""
    if document.__class__ is not dict:
        return None
    if "winlog" in document:
        return "Winlogbeat 7 or 8"
    if "EventID" in document:
        if "EventData" in document:
            return "Sentinel"
        is_nxlog = "EventReceivedTime" in document or "SourceModuleType" in document
        return "NXLog" if is_nxlog else "Azure export"
    if "event_data" in document or "log_name" in document:
        return "Winlogbeat 6"
    if "Event" in document:
        return "EVTX as JSON"
    if "_source" in document:
        return _label_of_hit(document["_source"])
    return None


def _label_of_hit(source: object) -> str | None:
    try:
        fields = fields_of(source, "_source")
    except Refused:
        return None
    return None if "_source" in fields else label_of(fields)
