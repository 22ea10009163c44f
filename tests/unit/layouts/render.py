"""Events as documents of each layout: what a reader must bring back.

``RENDERERS`` has them by name. Each takes an event and returns a decoded JSON document;
``evtx_record`` and ``event_xml`` are for the readers that take something else.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from lxml import etree

from app.sysmon.events import Event, time_text, value_text
from app.sysmon.fields import COLUMN_TYPES, FieldType, column_of
from app.sysmon.kinds import KINDS

Document = dict[str, Any]

CHANNEL: Final = "Microsoft-Windows-Sysmon/Operational"
PROVIDER: Final = "Microsoft-Windows-Sysmon"
PROVIDER_GUID: Final = "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}"
COLLECTOR: Final = "collector.example"
_LEVELS: Final = {"Critical": 1, "Error": 2, "Warning": 3, "Information": 4, "Verbose": 5}
_NAMESPACE: Final = "http://schemas.microsoft.com/win/2004/08/events/event"


def sysmon_fields(event: Event) -> dict[str, str]:
    """Return the event's own fields as Sysmon writes them: texts, GUIDs in braces."""
    kind = KINDS.get(event.event_id)
    texts: dict[str, str] = {}
    for name in kind.fields if kind else ():
        value = event.column(column_of(name))
        if value is None:
            continue
        text = value_text(value)
        if COLUMN_TYPES[column_of(name)] is FieldType.GUID:
            text = f"{{{text}}}"
        texts[_spelling(name, event.event_id)] = text
    if event.utc_time is not None:
        texts["UtcTime"] = time_text(event.utc_time)
    return {**texts, **event.other}


def _spelling(name: str, event_id: int) -> str:
    return name.replace("ProcessGuid", "ProcessGUID") if event_id == 10 else name


def zulu(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0") + "Z"


def level_number(event: Event) -> int:
    return _LEVELS[str(event.values.get("level", "Information"))]


def message(event: Event) -> str:
    """Return Sysmon's rendered message."""
    lines = [f"{name}: {text}" for name, text in sysmon_fields(event).items() if name not in event.other]
    return "\r\n".join(["Something happened:", *lines])


def winlogbeat_6(event: Event) -> Document:
    return {
        "@timestamp": zulu(event.time),
        "@metadata": {"beat": "winlogbeat", "type": "doc", "version": "6.7.0"},
        "beat": {"name": COLLECTOR, "hostname": COLLECTOR, "version": "6.7.0"},
        "host": {"name": COLLECTOR},
        "computer_name": event.computer,
        "log_name": CHANNEL,
        "source_name": PROVIDER,
        "provider_guid": PROVIDER_GUID,
        "event_id": event.event_id,
        "record_number": _said(event.values.get("record_id")),
        "version": event.values.get("event_version"),
        "level": event.values.get("level"),
        "process_id": 2440,
        "thread_id": 2368,
        "user": {"domain": "NT AUTHORITY", "name": "SYSTEM", "identifier": "S-1-5-18"},
        "message": message(event),
        "event_data": sysmon_fields(event),
    }


def winlogbeat_7(event: Event) -> Document:
    return {
        "@timestamp": zulu(event.time),
        "agent": {"hostname": COLLECTOR, "type": "winlogbeat", "version": "7.4.0"},
        "host": {"name": COLLECTOR},
        "event": {
            "kind": "event",
            "code": event.event_id,
            "created": "2026-01-01T00:00:00.000Z",
        },
        "log": {"level": str(event.values.get("level", "Information")).lower()},
        "message": message(event),
        "winlog": {
            "api": "wineventlog",
            "channel": CHANNEL,
            "computer_name": event.computer,
            "event_data": sysmon_fields(event),
            "event_id": event.event_id,
            "process": {"pid": 3168, "thread": {"id": 3760}},
            "provider_guid": PROVIDER_GUID,
            "provider_name": PROVIDER,
            "record_id": event.values.get("record_id"),
            "user": {"domain": "NT AUTHORITY", "name": "SYSTEM", "identifier": "S-1-5-18"},
            "version": event.values.get("event_version"),
        },
    }


def winlogbeat_8(event: Event) -> Document:
    """As 7, but its numbers are texts."""
    document = winlogbeat_7(event)
    document["event"]["code"] = str(event.event_id)
    document["winlog"]["event_id"] = str(event.event_id)
    document["winlog"]["record_id"] = _said(event.values.get("record_id"))
    return document


def nxlog(event: Event) -> Document:
    """As NXLog and Logstash flatten it; ``@timestamp`` is the arrival, a minute late."""
    fields = {name: escape_nxlog(text) for name, text in sysmon_fields(event).items()}
    document: Document = {
        "Keywords": -9223372036854775808,
        "EventType": "INFO",
        "SeverityValue": level_number(event),
        "Severity": {"Information": "INFO"}.get(str(event.values.get("level", "Information")), "ERROR"),
        "EventID": event.event_id,
        "SourceName": PROVIDER,
        "ProviderGuid": PROVIDER_GUID,
        "Version": event.values.get("event_version"),
        "Task": event.event_id,
        "OpcodeValue": 0,
        "RecordNumber": event.values.get("record_id"),
        "ExecutionProcessID": 3248,
        "ProcessID": 3248,
        "ThreadID": 4132,
        "Channel": CHANNEL,
        "Domain": "NT AUTHORITY",
        "AccountName": "SYSTEM",
        "UserID": "S-1-5-18",
        "AccountType": "User",
        "Message": escape_nxlog(message(event)),
        "Hostname": event.computer,
        "EventTime": (event.time - timedelta(hours=4)).strftime("%Y-%m-%d %H:%M:%S"),
        "EventReceivedTime": (event.time - timedelta(hours=4)).strftime("%Y-%m-%d %H:%M:%S"),
        "SourceModuleName": "eventlog",
        "SourceModuleType": "im_msvistalog",
        "@timestamp": zulu(event.time + timedelta(minutes=1)),
        "@version": "1",
        "host": COLLECTOR,
        "port": 57603,
        "tags": ["example"],
    }
    if "EventType" in fields:
        document["EventTypeOrignal"] = "INFO"
    if "SourceProcessId" in fields:
        document["ProcessId"] = fields["SourceProcessId"]  # NXLog's own copy.
    if event.event_id == 4:
        fields.pop("Version", None)  # The envelope's is in its place.
    return {**document, **fields}


def escape_nxlog(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def azure(event: Event) -> Document:
    """The flat export; its times are local, and marked Z."""
    return {
        "SourceName": PROVIDER,
        "ProviderGuid": PROVIDER_GUID,
        "Level": str(level_number(event)),
        "Keywords": "0x8000000000000000",
        "Channel": CHANNEL,
        "Hostname": event.computer,
        "TimeCreated": zulu(event.time - timedelta(hours=7)),
        "@timestamp": zulu(event.time - timedelta(hours=7)),
        "EventID": event.event_id,
        "Message": message(event),
        "Task": str(event.event_id),
        **sysmon_fields(event),
    }


def azure_old(event: Event) -> Document:
    document = azure(event)
    for name in ("ProviderGuid", "Level", "@timestamp", "Keywords"):
        del document[name]
    return document


def sentinel(event: Event) -> Document:
    return {
        "TenantId": "00000000-1111-2222-3333-444444444444",
        "SourceSystem": "OpsManager",
        "TimeGenerated": zulu(event.time),
        "Provider": PROVIDER,
        "Channel": CHANNEL,
        "Computer": event.computer,
        "Task": event.event_id,
        "EventLevel": level_number(event),
        "EventLevelName": str(event.values.get("level", "Information")),
        "EventData": orjson.dumps(sysmon_fields(event)).decode(),
        "EventID": event.event_id,
        "Type": "WindowsEvent",
    }


def evtx(event: Event) -> Document:
    """As the evtx package writes it: upper-case GUIDs without braces, numbers and booleans as such."""
    data: Document = {}
    for name, text in sysmon_fields(event).items():
        type_ = COLUMN_TYPES.get(column_of(name)) if name not in event.other else None
        if type_ is FieldType.GUID or name.endswith("GUID"):
            data[name] = text.strip("{}").upper()
        elif type_ is FieldType.INTEGER:
            data[name] = int(text)
        else:
            data[name] = {"true": True, "false": False}.get(text, text)
    system: Document = {
        "Provider": {"#attributes": {"Name": PROVIDER, "Guid": PROVIDER_GUID.strip("{}").upper()}},
        "EventID": event.event_id,
        "Version": event.values.get("event_version"),
        "Level": level_number(event),
        "Task": event.event_id,
        "Opcode": 0,
        "Keywords": "0x8000000000000000",
        "TimeCreated": {"#attributes": {"SystemTime": zulu(event.time)}},
        "EventRecordID": event.values.get("record_id"),
        "Correlation": None,
        "Execution": {"#attributes": {"ProcessID": 2284, "ThreadID": 5252}},
        "Channel": CHANNEL,
        "Computer": event.computer,
        "Security": {"#attributes": {"UserID": "S-1-5-18"}},
    }
    return {"Event": {"#attributes": {"xmlns": _NAMESPACE}, "System": system, "EventData": data}}


def evtx_record(event: Event) -> dict[str, Any]:
    """Return what ``PyEvtxParser.records_json`` yields."""
    return {
        "event_record_id": event.values.get("record_id", 0),
        "timestamp": f"{event.time} UTC",
        "data": orjson.dumps(evtx(event)).decode(),
    }


def event_xml(event: Event) -> etree._Element:
    root = etree.Element(f"{{{_NAMESPACE}}}Event")
    system = _child(root, "System")
    _child(system, "Provider", Name=PROVIDER, Guid=PROVIDER_GUID)
    _child(system, "EventID", str(event.event_id))
    _child(system, "Version", _said(event.values.get("event_version")))
    _child(system, "Level", str(level_number(event)))
    _child(system, "TimeCreated", SystemTime=zulu(event.time))
    _child(system, "EventRecordID", _said(event.values.get("record_id")))
    _child(system, "Channel", CHANNEL)
    _child(system, "Computer", event.computer)
    data = _child(root, "EventData")
    for name, text in sysmon_fields(event).items():
        _child(data, "Data", text, Name=name)
    parsed: etree._Element = etree.fromstring(etree.tostring(root))
    return parsed


def _child(parent: etree._Element, tag: str, text: str | None = None, **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, f"{{{_NAMESPACE}}}{tag}", attributes)
    child.text = text
    return child


def _said(value: object) -> str | None:
    return None if value is None else str(value)


RENDERERS: Final[dict[str, Callable[[Event], Document]]] = {
    "winlogbeat_6": winlogbeat_6,
    "winlogbeat_7": winlogbeat_7,
    "winlogbeat_8": winlogbeat_8,
    "nxlog": nxlog,
    "azure": azure,
    "azure_old": azure_old,
    "sentinel": sentinel,
    "evtx": evtx,
}
"""The layouts whose documents hold Sysmon's own names; ``pipeline`` makes the ECS ones."""

HAVE_RECORD_NUMBER: Final = frozenset(
    {"winlogbeat_6", "winlogbeat_7", "winlogbeat_8", "nxlog", "evtx", "xml"}
)
HAVE_RECORD_TIME: Final = HAVE_RECORD_NUMBER - {"nxlog"}
