"""Events for tests: ``process_create(image=…)``, everything else defaulted.

Keywords are columns (``fields.COLUMN_TYPES``), and ``time``, ``computer``, ``other``. None
leaves a column out. Each event has the next record number; ``record_id=None`` makes one of
a layout that has none, with its content hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Final

from app.sysmon.batch import SCHEMA, EventBatch
from app.sysmon.events import Event, Value

NOON: Final = datetime(2019, 1, 8, 12, tzinfo=UTC)
COMPUTER: Final = "ws-01.example"
SYSTEM32: Final = "C:\\Windows\\System32\\"

Said = Value | Mapping[str, str] | None

_records = count(1)
_guids = count(1)


def new_guid() -> str:
    """Return a GUID that no other event of this run has."""
    return f"5c3485a0-{next(_guids):04x}-0000-0010-000000000001"


def event(event_id: int, **said: Said) -> Event:
    """Make any event; what is not said is left out, but UtcTime (the record time, in ms)."""
    time, computer, other = said.pop("time", NOON), said.pop("computer", COMPUTER), said.pop("other", {})
    assert isinstance(time, datetime)
    assert isinstance(computer, str)
    assert isinstance(other, Mapping)
    said.setdefault("record_id", next(_records))
    said.setdefault("utc_time", time.replace(microsecond=time.microsecond // 1000 * 1000))
    values: dict[str, Value] = {}
    for column in SCHEMA.names:
        value = said.pop(column, None)
        if value is not None:
            assert isinstance(value, Value)
            values[column] = value
    if said:
        raise TypeError(f"no such columns: {', '.join(said)}")
    made = Event(time=time, computer=computer, event_id=event_id, values=values, other=other)
    return made if "record_id" in values else as_stored(made)


def as_stored(made: Event) -> Event:
    """Return the event as a batch gives it back: with a content hash where it needs one."""
    return next(EventBatch.from_events([made]).events())


def batch_of(*events: Event) -> EventBatch:
    return EventBatch.from_events(events)


def process_create(**said: Said) -> Event:
    """Event 1: cmd.exe, started by Explorer."""
    return _process(
        1,
        said,
        command_line='"C:\\Windows\\System32\\cmd.exe" /c whoami',
        current_directory=SYSTEM32,
        integrity_level="Medium",
        parent_process_guid="5c3485a0-0000-0000-0010-0000000000aa",
        parent_process_id=2280,
        parent_image="C:\\Windows\\explorer.exe",
        parent_command_line="C:\\Windows\\Explorer.EXE",
    )


def file_create_time(**said: Said) -> Event:
    """Event 2."""
    return _process(
        2,
        said,
        target_filename="C:\\Temp\\a.exe",
        creation_utc_time="2009-07-14 01:14:24.000",
        previous_creation_utc_time="2019-01-08 11:59:58.000",
    )


def network_connect(**said: Said) -> Event:
    """Event 3: out, to a proxy of the same network."""
    return _process(
        3,
        said,
        protocol="tcp",
        initiated="true",
        source_is_ipv6="false",
        source_ip="192.168.1.11",
        source_port=49213,
        destination_is_ipv6="false",
        destination_ip="192.168.1.200",
        destination_port=8080,
    )


def service_state_change(**said: Said) -> Event:
    """Event 4."""
    return event(4, **{"state": "Started", "version": "15.15", "schema_version": "4.90", **said})


def process_terminate(**said: Said) -> Event:
    """Event 5."""
    return _process(5, said)


def driver_load(**said: Said) -> Event:
    """Event 6."""
    driver = SYSTEM32 + "drivers\\a.sys"
    return event(6, **{"image_loaded": driver, "signed": "true", "signature_status": "Valid", **said})


def image_load(**said: Said) -> Event:
    """Event 7."""
    return _process(7, said, image_loaded=SYSTEM32 + "kernel32.dll", signed="true", signature_status="Valid")


def create_remote_thread(**said: Said) -> Event:
    """Event 8: the source process is in the columns of any event's process."""
    return _process(
        8,
        said,
        target_process_guid="5c3485a0-0000-0000-0010-0000000000aa",
        target_process_id=2280,
        target_image="C:\\Windows\\explorer.exe",
        new_thread_id=4012,
        start_address="0x0000000000401000",
    )


def raw_access_read(**said: Said) -> Event:
    """Event 9."""
    return _process(9, said, device="\\Device\\HarddiskVolume1")


def process_access(**said: Said) -> Event:
    """Event 10: the source process is in the columns of any event's process."""
    return _process(
        10,
        said,
        source_thread_id=640,
        target_process_guid="5c3485a0-0000-0000-0010-0000000000bb",
        target_process_id=516,
        target_image=SYSTEM32 + "lsass.exe",
        granted_access="0x1010",
        call_trace="C:\\Windows\\SYSTEM32\\ntdll.dll+4a5b4",
    )


def file_create(**said: Said) -> Event:
    """Event 11."""
    return _process(11, said, target_filename="C:\\Temp\\a.exe", creation_utc_time="2019-01-08 12:00:00.000")


def registry_object(**said: Said) -> Event:
    """Event 12."""
    return _process(12, said, event_type="CreateKey", target_object="HKLM\\SOFTWARE\\Example")


def registry_value_set(**said: Said) -> Event:
    """Event 13: a Run value."""
    return _process(
        13,
        said,
        event_type="SetValue",
        target_object="HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\Update",
        details="C:\\Temp\\a.exe",
    )


def registry_rename(**said: Said) -> Event:
    """Event 14."""
    return _process(
        14,
        said,
        event_type="RenameKey",
        target_object="HKLM\\SOFTWARE\\Example",
        new_name="HKLM\\SOFTWARE\\Sample",
    )


def file_create_stream_hash(**said: Said) -> Event:
    """Event 15."""
    return _process(15, said, target_filename="C:\\Temp\\a.exe:Zone.Identifier", hash="MD5=" + "0A" * 16)


def pipe_created(**said: Said) -> Event:
    """Event 17."""
    return _process(17, said, event_type="CreatePipe", pipe_name="\\example")


def pipe_connected(**said: Said) -> Event:
    """Event 18."""
    return _process(18, said, event_type="ConnectPipe", pipe_name="\\example")


def wmi_filter(**said: Said) -> Event:
    """Event 19."""
    return event(
        19,
        **{
            "event_type": "WmiFilterEvent",
            "operation": "Created",
            "user": "EXAMPLE\\alice",
            "event_namespace": '"root\\\\cimv2"',
            "name": '"Watcher"',
            "query": '"SELECT * FROM Win32_ProcessStartTrace"',
            **said,
        },
    )


def dns_query(**said: Said) -> Event:
    """Event 22."""
    return _process(
        22, said, query_name="www.example.net", query_status="0", query_results="::ffff:192.0.2.7;"
    )


def file_delete(**said: Said) -> Event:
    """Event 23."""
    return _process(23, said, target_filename="C:\\Temp\\a.exe", is_executable="true", archived="true")


def process_tampering(**said: Said) -> Event:
    """Event 25."""
    return _process(25, said, type="Image is replaced")


def sysmon_error(**said: Said) -> Event:
    """Event 255."""
    return event(255, **{"id": "QUEUE", "description": "Events dropped from driver queue: 1", **said})


def _process(event_id: int, said: Mapping[str, Said], **defaults: Said) -> Event:
    process: dict[str, Said] = {
        "process_id": 3120,
        "image": SYSTEM32 + "cmd.exe",
        "user": "EXAMPLE\\alice",
        **defaults,
        **said,
    }
    if "process_guid" not in process:
        process["process_guid"] = new_guid()
    return event(event_id, **process)
