"""Sysmon's events: one kind per event ID, with its category and its fields.

Names and fields are those of Sysmon's schema 4.90 (``sysmon -s``); where the schema has one
name for several IDs (RegistryEvent, PipeEvent, WmiEvent), ours says which of them it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Category(StrEnum):
    """The twelve groups of events, by their classic keys."""

    CREATE_PROCESS = "create_process"
    FILE_CREATE_TIME = "file_create_time"
    NET_ACCESS = "net_access"
    IMAGE_LOADED = "image_loaded"
    REMOTE_THREAD = "remote_thread"
    CREATE_FILE = "create_file"
    REGISTRY = "registry"
    WMI = "wmi"
    DNS = "dns"
    PROCESS_ACCESS = "process_access"
    PIPE = "pipe"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Kind:
    """One event ID: its name, category and fields, in Sysmon's order."""

    event_id: int
    name: str
    label: str
    category: Category
    fields: tuple[str, ...]


def _kind(event_id: int, name: str, label: str, category: Category, fields: str) -> Kind:
    return Kind(event_id, name, label, category, tuple(fields.split()))


_PROCESS = "RuleName UtcTime ProcessGuid ProcessId"
_FILE_DELETE = f"{_PROCESS} User Image TargetFilename Hashes"

KINDS: Final[dict[int, Kind]] = {
    kind.event_id: kind
    for kind in (
        _kind(
            1,
            "ProcessCreate",
            "Process created",
            Category.CREATE_PROCESS,
            f"{_PROCESS} Image FileVersion Description Product Company OriginalFileName CommandLine"
            " CurrentDirectory User LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes"
            " ParentProcessGuid ParentProcessId ParentImage ParentCommandLine ParentUser",
        ),
        _kind(
            2,
            "FileCreateTime",
            "File creation time changed",
            Category.FILE_CREATE_TIME,
            f"{_PROCESS} Image TargetFilename CreationUtcTime PreviousCreationUtcTime User",
        ),
        _kind(
            3,
            "NetworkConnect",
            "Network connection",
            Category.NET_ACCESS,
            f"{_PROCESS} Image User Protocol Initiated SourceIsIpv6 SourceIp SourceHostname"
            " SourcePort SourcePortName DestinationIsIpv6 DestinationIp DestinationHostname"
            " DestinationPort DestinationPortName",
        ),
        _kind(
            4,
            "ServiceStateChange",
            "Sysmon service state changed",
            Category.OTHER,
            "UtcTime State Version SchemaVersion",
        ),
        _kind(5, "ProcessTerminate", "Process terminated", Category.OTHER, f"{_PROCESS} Image User"),
        _kind(
            6,
            "DriverLoad",
            "Driver loaded",
            Category.OTHER,
            "RuleName UtcTime ImageLoaded Hashes Signed Signature SignatureStatus",
        ),
        _kind(
            7,
            "ImageLoad",
            "Image loaded",
            Category.IMAGE_LOADED,
            f"{_PROCESS} Image ImageLoaded FileVersion Description Product Company"
            " OriginalFileName Hashes Signed Signature SignatureStatus User",
        ),
        _kind(
            8,
            "CreateRemoteThread",
            "Remote thread created",
            Category.REMOTE_THREAD,
            "RuleName UtcTime SourceProcessGuid SourceProcessId SourceImage TargetProcessGuid"
            " TargetProcessId TargetImage NewThreadId StartAddress StartModule StartFunction"
            " SourceUser TargetUser",
        ),
        _kind(9, "RawAccessRead", "Raw disk read", Category.OTHER, f"{_PROCESS} Image Device User"),
        _kind(
            10,
            "ProcessAccess",
            "Process accessed",
            Category.PROCESS_ACCESS,
            "RuleName UtcTime SourceProcessGuid SourceProcessId SourceThreadId SourceImage"
            " TargetProcessGuid TargetProcessId TargetImage GrantedAccess CallTrace SourceUser"
            " TargetUser",
        ),
        _kind(
            11,
            "FileCreate",
            "File created",
            Category.CREATE_FILE,
            f"{_PROCESS} Image TargetFilename CreationUtcTime User",
        ),
        _kind(
            12,
            "RegistryObject",
            "Registry object created or deleted",
            Category.REGISTRY,
            "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject User",
        ),
        _kind(
            13,
            "RegistryValueSet",
            "Registry value set",
            Category.REGISTRY,
            "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject Details User",
        ),
        _kind(
            14,
            "RegistryRename",
            "Registry object renamed",
            Category.REGISTRY,
            "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject NewName User",
        ),
        _kind(
            15,
            "FileCreateStreamHash",
            "File stream created",
            Category.CREATE_FILE,
            f"{_PROCESS} Image TargetFilename CreationUtcTime Hash Contents User",
        ),
        _kind(
            16,
            "ServiceConfigurationChange",
            "Sysmon configuration changed",
            Category.OTHER,
            "UtcTime Configuration ConfigurationFileHash",
        ),
        _kind(
            17,
            "PipeCreated",
            "Pipe created",
            Category.PIPE,
            "RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image User",
        ),
        _kind(
            18,
            "PipeConnected",
            "Pipe connected",
            Category.PIPE,
            "RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image User",
        ),
        _kind(
            19,
            "WmiFilter",
            "WMI filter",
            Category.WMI,
            "RuleName EventType UtcTime Operation User EventNamespace Name Query",
        ),
        _kind(
            20,
            "WmiConsumer",
            "WMI consumer",
            Category.WMI,
            "RuleName EventType UtcTime Operation User Name Type Destination",
        ),
        _kind(
            21,
            "WmiBinding",
            "WMI consumer bound to filter",
            Category.WMI,
            "RuleName EventType UtcTime Operation User Consumer Filter",
        ),
        _kind(
            22,
            "DnsQuery",
            "DNS query",
            Category.DNS,
            f"{_PROCESS} QueryName QueryStatus QueryResults Image User",
        ),
        _kind(
            23,
            "FileDelete",
            "File deleted and archived",
            Category.CREATE_FILE,
            f"{_FILE_DELETE} IsExecutable Archived",
        ),
        _kind(
            24,
            "ClipboardChange",
            "Clipboard changed",
            Category.OTHER,
            f"{_PROCESS} Image Session ClientInfo Hashes Archived User",
        ),
        _kind(
            25,
            "ProcessTampering",
            "Process image tampered with",
            Category.OTHER,
            f"{_PROCESS} Image Type User",
        ),
        _kind(26, "FileDeleteDetected", "File deleted", Category.CREATE_FILE, f"{_FILE_DELETE} IsExecutable"),
        _kind(27, "FileBlockExecutable", "Executable blocked", Category.OTHER, _FILE_DELETE),
        _kind(
            28, "FileBlockShredding", "File shredding blocked", Category.OTHER, f"{_FILE_DELETE} IsExecutable"
        ),
        _kind(29, "FileExecutableDetected", "Executable detected", Category.OTHER, _FILE_DELETE),
        _kind(255, "Error", "Sysmon error", Category.OTHER, "UtcTime ID Description"),
    )
}


def category_of(event_id: int) -> Category:
    """Return the category of an event ID; IDs that Sysmon may add one day are ``other``."""
    kind = KINDS.get(event_id)
    return kind.category if kind else Category.OTHER


def kind_name(event_id: int) -> str:
    """Return ``ProcessCreate`` for 1; ``Event30`` for an ID that this table does not know."""
    kind = KINDS.get(event_id)
    return kind.name if kind else f"Event{event_id}"
