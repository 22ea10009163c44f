"""Events in the two layouts in which the demo writes them: Winlogbeat 7 and event XML."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from app.sysmon.batch import EventBatch
from app.sysmon.events import Event, time_text
from app.sysmon.fields import COLUMN_TYPES, FieldType, column_of
from app.sysmon.kinds import KINDS

CHANNEL: Final = "Microsoft-Windows-Sysmon/Operational"
PROVIDER: Final = "5770385f-c22a-43e0-bf4c-06f5698ffbd9"
_NO_GUID: Final = "{00000000-0000-0000-0000-000000000000}"

#: Event ID -> version of its schema, and its task.
TASKS: Final[dict[int, tuple[int, str]]] = {
    1: (5, "Process Create (rule: ProcessCreate)"),
    2: (5, "File creation time changed (rule: FileCreateTime)"),
    3: (5, "Network connection detected (rule: NetworkConnect)"),
    4: (3, "Sysmon service state changed"),
    5: (3, "Process terminated (rule: ProcessTerminate)"),
    6: (4, "Driver loaded (rule: DriverLoad)"),
    7: (3, "Image loaded (rule: ImageLoad)"),
    8: (2, "CreateRemoteThread detected (rule: CreateRemoteThread)"),
    9: (2, "RawAccessRead detected (rule: RawAccessRead)"),
    10: (3, "Process accessed (rule: ProcessAccess)"),
    11: (2, "File created (rule: FileCreate)"),
    12: (2, "Registry object added or deleted (rule: RegistryEvent)"),
    13: (2, "Registry value set (rule: RegistryEvent)"),
    14: (2, "Registry object renamed (rule: RegistryEvent)"),
    15: (2, "File stream created (rule: FileCreateStreamHash)"),
    16: (3, "Sysmon config state changed"),
    17: (1, "Pipe Created (rule: PipeEvent)"),
    18: (1, "Pipe Connected (rule: PipeEvent)"),
    19: (3, "WmiEventFilter activity detected (rule: WmiEvent)"),
    20: (3, "WmiEventConsumer activity detected (rule: WmiEvent)"),
    21: (3, "WmiEventConsumerToFilter activity detected (rule: WmiEvent)"),
    22: (5, "Dns query (rule: DnsQuery)"),
    23: (5, "File Delete archived (rule: FileDelete)"),
    24: (5, "Clipboard changed (rule: ClipboardChange)"),
    25: (5, "Process Tampering (rule: ProcessTampering)"),
    26: (5, "File Delete logged (rule: FileDeleteDetected)"),
    27: (5, "File Block Executable (rule: FileBlockExecutable)"),
    28: (5, "File Block Shredding (rule: FileBlockShredding)"),
    29: (5, "File Executable Detected (rule: FileExecutableDetected)"),
    255: (3, "Error report"),
}


def _spelling(name: str, event_id: int) -> str:
    """Return a field's name as the log has it: event 10 spells its GUIDs in its own way."""
    return name.replace("ProcessGuid", "ProcessGUID") if event_id == 10 else name


def event_xml(event: Event) -> str:
    """Return the event as Windows exports it."""
    version, _ = TASKS[event.event_id]
    data = []
    for name in KINDS[event.event_id].fields:
        value = event.column(column_of(name))
        text = time_text(value) if isinstance(value, datetime) else "-" if value is None else str(value)
        if COLUMN_TYPES[column_of(name)] is FieldType.GUID:
            text = f"{{{text.upper()}}}" if value is not None else _NO_GUID
        data.append(f"<Data Name='{_spelling(name, event.event_id)}'>{escape(text)}</Data>")
    time = event.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        f"<Provider Name='Microsoft-Windows-Sysmon' Guid='{{{PROVIDER}}}'/>"
        f"<EventID>{event.event_id}</EventID><Version>{version}</Version>"
        f"<Level>{2 if event.event_id == 255 else 4}</Level><Task>{event.event_id}</Task><Opcode>0</Opcode>"
        f"<Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='{time}'/>"
        f"<EventRecordID>{event.values['record_id']}</EventRecordID><Correlation/>"
        f"<Execution ProcessID='2216' ThreadID='3428'/><Channel>{CHANNEL}</Channel>"
        f"<Computer>{escape(event.computer)}</Computer><Security UserID='S-1-5-18'/></System>"
        f"<EventData>{''.join(data)}</EventData></Event>\n"
    )


def winlogbeat_lines(batch: EventBatch) -> bytes:
    """Return the events as lines of Winlogbeat 7, in the batch's order.

    Made column by column: a fleet has tens of millions of them.
    """
    ids = batch.table["event_id"].to_numpy()
    order = np.argsort(ids, kind="stable")
    kinds, firsts = np.unique(ids[order], return_index=True)
    parts = [
        _lines_of(batch.table.take(pa.array(rows, pa.int64())).combine_chunks(), int(event_id))
        for event_id, rows in zip(kinds, np.split(order, firsts[1:]), strict=True)
    ]
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    lines = pa.concat_arrays(parts).take(pa.array(back, pa.int64())) if parts else pa.array([], pa.string())
    text: bytes = lines.buffers()[2].to_pybytes() if len(lines) else b""
    return text


def _lines_of(table: pa.Table, event_id: int) -> pa.Array:
    version, task = TASKS[event_id]
    level = "error" if event_id == 255 else "information"
    time = _times(table["time"].combine_chunks(), "T")
    data: list[pa.Array | str] = []
    message: list[pa.Array | str] = [task.partition(" (")[0], ":"]
    for name in KINDS[event_id].fields:
        values = _texts(table, column_of(name))
        data += [f'{"," if data else ""}"{_spelling(name, event_id)}":"', values, '"']
        message += [rf"\n{_spelling(name, event_id)}: ", values]
    agent = '{"type":"winlogbeat","version":"7.17.9","hostname":"'
    computer = _texts(table, "computer")
    parts: list[pa.Array | str] = [
        '{"@timestamp":"',
        time,
        'Z","@metadata":{"beat":"winlogbeat","type":"_doc","version":"7.17.9"},"agent":' + agent,
        computer,
        f'"}},"ecs":{{"version":"1.12.0"}},"event":{{"action":"{task}","code":"{event_id}","kind":"event",'
        f'"provider":"Microsoft-Windows-Sysmon"}},"host":{{"name":"',
        computer,
        f'"}},"log":{{"level":"{level}"}},"winlog":{{"api":"wineventlog","channel":"{CHANNEL}",'
        f'"event_id":"{event_id}","opcode":"Info","process":{{"pid":2216,"thread":{{"id":3428}}}},'
        f'"provider_guid":"{{{PROVIDER}}}","provider_name":"Microsoft-Windows-Sysmon","task":"{task}",'
        '"user":{"domain":"NT AUTHORITY","identifier":"S-1-5-18","name":"SYSTEM","type":"User"},'
        f'"version":{version},"computer_name":"',
        computer,
        '","record_id":',
        table["record_id"].combine_chunks().cast(pa.string()),
        ',"event_data":{',
        *data,
        '}},"message":"',
        *message,
        '"}\n',
    ]
    # Typed scalars: for untyped ones pyarrow looks for pandas each time.
    typed = [pa.scalar(part, pa.string()) if isinstance(part, str) else part for part in (*parts, "")]
    return pc.binary_join_element_wise(*typed)


def _texts(table: pa.Table, name: str) -> pa.Array:
    """Return a column as the insides of JSON strings, with Sysmon's signs for nothing."""
    array = table[name].combine_chunks()
    if pa.types.is_timestamp(array.type):
        return _times(array, " ")
    if not pa.types.is_dictionary(array.type):
        return array.cast(pa.string()).fill_null("-")
    used = array.dictionary_decode().dictionary_encode()
    escaped = [orjson.dumps(text)[1:-1].decode() for text in used.dictionary.to_pylist()]
    if COLUMN_TYPES[name] is FieldType.GUID:
        escaped = [f"{{{text}}}" for text in escaped]
    nothing = _NO_GUID if COLUMN_TYPES[name] is FieldType.GUID else "-"
    return pa.array(escaped, pa.string()).take(used.indices).fill_null(nothing)


def _times(array: pa.Array, between: str) -> pa.Array:
    """Return times with milliseconds, the date and the time joined as wished."""
    times = array.cast(pa.timestamp("ms"), safe=False).cast(pa.string())
    return times if between == " " else pc.utf8_replace_slice(times, 10, 11, between)
