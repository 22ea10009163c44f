"""Documents that went through Winlogbeat's Sysmon module, its ingest pipeline or Elastic Agent's.

The pipeline moves most of Sysmon's fields to the names of ECS (beats:
``x-pack/winlogbeat/module/sysmon/ingest/sysmon.yml``; integrations: ``windows``,
``sysmon_operational``) and leaves the rest in ``winlog.event_data``. This module moves them
back. ``@timestamp`` is UtcTime there, the only clock that is left; ``event.created`` is the
shipper's reading time and not used.

What the pipeline loses, and nobody can bring back:

- hashes of zeros only, their order and case; in events 27 and 28, which keep the bare list
  ``related.hash`` alone, which of MD5 and IMPHASH one of 32 digits is (it goes to ``other``);
- SourcePortName where both port names were known; which port the one name belongs to is told
  by the lower port;
- in DNS results the order of names and addresses, and ``::ffff:`` before IPv4;
- a User without domain; an Archived that is more than true or false; a Hash of event 15 that is none;
- a registry QWORD of 2^32 and more: the pipeline adds up its halves in the wrong way;
- below Winlogbeat 7.9, quotes and blanks of the command line (only ``process.args`` is left).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from app.layouts.columns import Document, lookup
from app.layouts.dns import RECORD_TYPES, STATUS_CODES
from app.layouts.values import integer_of
from app.sysmon.fields import SOURCE_EVENTS, SOURCE_NAMES
from app.sysmon.kinds import KINDS

_Rebuild = Callable[[Document], object]
_Paths = tuple[tuple[str, tuple[tuple[str, tuple[str, ...], str], ...]], ...]

#: ECS path -> Sysmon's field; where an event has several candidates, the first path that is there.
_PATHS: Final = (
    ("rule.name", "RuleName"),
    ("process.entity_id", "ProcessGuid"),
    ("process.pid", "ProcessId"),
    ("process.executable", "Image"),
    ("process.thread.id", "SourceThreadId"),
    ("process.command_line", "CommandLine"),
    ("process.working_directory", "CurrentDirectory"),
    ("process.parent.entity_id", "ParentProcessGuid"),
    ("process.parent.pid", "ParentProcessId"),
    ("process.parent.executable", "ParentImage"),
    ("process.parent.command_line", "ParentCommandLine"),
    ("process.pe.original_file_name", "OriginalFileName"),
    ("process.pe.company", "Company"),
    ("process.pe.description", "Description"),
    ("process.pe.file_version", "FileVersion"),
    ("process.pe.product", "Product"),
    ("file.path", "TargetFilename"),
    ("file.code_signature.subject_name", "Signature"),
    ("file.code_signature.status", "SignatureStatus"),
    ("file.code_signature.signed", "Signed"),
    ("network.transport", "Protocol"),
    ("source.ip", "SourceIp"),
    ("source.domain", "SourceHostname"),
    ("source.port", "SourcePort"),
    ("destination.ip", "DestinationIp"),
    ("destination.domain", "DestinationHostname"),
    ("destination.port", "DestinationPort"),
    ("dns.question.name", "QueryName"),
    ("registry.path", "TargetObject"),
    ("sysmon.file.archived", "Archived"),
    ("sysmon.file.is_executable", "IsExecutable"),
)
#: The same where one event ID differs.
_PATHS_OF: Final = {
    6: (("file.path", "ImageLoaded"),),
    7: (
        ("file.path", "ImageLoaded"),
        ("file.pe.original_file_name", "OriginalFileName"),
        ("file.pe.company", "Company"),
        ("file.pe.description", "Description"),
        ("file.pe.file_version", "FileVersion"),
        ("file.pe.product", "Product"),
    ),
    9: (("file.path", "Device"),),
    17: (("file.name", "PipeName"),),
    18: (("file.name", "PipeName"),),
    20: (("process.executable", "Destination"),),
    255: (("error.code", "ID"),),
}
SIGNS: Final = ("process", "registry", "sysmon", "dns", "rule")
"""Objects that a document has beside ``winlog`` only if it went through one of the pipelines."""

SYSMON_MODULE: Final = "sysmon"
"""``event.module`` of documents that went through Winlogbeat's module."""

SYSMON_DATASET: Final = "windows.sysmon_operational"
"""``event.dataset`` or ``data_stream.dataset`` of documents that went through Elastic Agent's."""

#: In Sysmon's order; digits where they tell which hash it is.
_HASHES: Final = {"sha1": 40, "md5": None, "sha256": 64, "imphash": None}
_OWNERS: Final[tuple[tuple[str, ...], ...]] = ((), ("file",), ("process",))
_KEEP_BARE_HASHES: Final = frozenset({27, 28})
BARE_HASHES: Final = "related.hash"
"""The list of hashes without their names, and the name under which ``other`` keeps what of it is unclear."""

_DIRECTIONS: Final = {"egress": "true", "outbound": "true", "ingress": "false", "inbound": "false"}
_IPV6: Final = {"ipv4": "false", "ipv6": "true"}


def is_ecs(document: Document) -> bool:
    """Tell whether a document that has ``winlog`` went through one of the pipelines."""
    if lookup(document, "event", "module") == SYSMON_MODULE:
        return True
    datasets = (lookup(document, "event", "dataset"), lookup(document, "data_stream", "dataset"))
    return SYSMON_DATASET in datasets or any(sign in document for sign in SIGNS)


def sysmon_fields(document: Document, event_data: Document, event_id: int) -> Document:
    """Return the event's fields under Sysmon's names; what the pipeline left in place goes first."""
    data = dict(event_data)
    paths, rebuilt = _table(event_id)
    for top, below in paths:
        owner = document.get(top)
        if owner.__class__ is dict:
            for key, rest, name in below:
                value = lookup(owner.get(key), *rest) if rest else owner.get(key)
                if value is not None and name not in data:
                    data[name] = value
    for name, rebuild in rebuilt:
        if name not in data:
            value = rebuild(document)
            if value is not None:
                data[name] = value
    if event_id not in _KEEP_BARE_HASHES:
        return data
    unclear = [value for value in _bare_hashes(document) if len(value) not in _HASHES.values()]
    if unclear:
        data[BARE_HASHES] = ",".join(unclear)
    return data


@cache
def moved(event_id: int) -> tuple[tuple[str, str], ...]:
    """Return the paths that hold fields as they are in events with this ID, each with the field.

    Of several for one field, the first that is there counts, and ``winlog.event_data`` before all.
    """
    kind = KINDS.get(event_id)
    own = _PATHS_OF.get(event_id, ())
    taken = {path for path, _ in own}
    sources = {name: source for source, name in SOURCE_NAMES.items()} if event_id in SOURCE_EVENTS else {}
    paths = (*own, *((path, sources.get(name, name)) for path, name in _PATHS if path not in taken))
    return tuple((path, name) for path, name in paths if kind is None or name in kind.fields)


@cache
def rebuilt_from(event_id: int) -> dict[str, tuple[str, ...]]:
    """Return the fields that are made of others in events with this ID, each with paths.

    Only a document that has a value at one of the paths can have the field.
    """
    kind = KINDS.get(event_id)
    names = kind.fields if kind else ()
    return {name: _MADE_FROM[name] for name in names if name in _MADE_FROM}


@cache
def _table(event_id: int) -> tuple[_Paths, tuple[tuple[str, _Rebuild], ...]]:
    """Return the paths of this event's fields, by their first key, and what rebuilds others."""
    by_top: dict[str, list[tuple[str, tuple[str, ...], str]]] = {}
    for path, name in moved(event_id):
        top, key, *rest = path.split(".")
        by_top.setdefault(top, []).append((key, tuple(rest), name))
    return (
        tuple((top, tuple(below)) for top, below in by_top.items()),
        tuple((name, _REBUILT[name]) for name in rebuilt_from(event_id)),
    )


def _user(document: Document) -> str | None:
    domain, name = lookup(document, "user", "domain"), lookup(document, "user", "name")
    if not isinstance(name, str) or not name:
        return None
    return f"{domain}\\{name}" if isinstance(domain, str) and domain else name


def _hashes(document: Document) -> str | None:
    """Return the hashes as Sysmon's default order has them, in upper case."""
    bare = {len(value): value for value in _bare_hashes(document)}
    parts = []
    for name, digits in _HASHES.items():
        value = bare.get(digits) if digits else None
        for owner in _OWNERS:
            value = lookup(document, *owner, "hash", name) or lookup(document, *owner, "pe", name) or value
        if isinstance(value, str) and value:
            parts.append(f"{name.upper()}={value.upper()}")
    return ",".join(parts) or None


def _bare_hashes(document: Document) -> list[str]:
    """Return ``related.hash`` where it is all that is left of the hashes."""
    if lookup(document, "process", "hash") or lookup(document, "file", "hash") or document.get("hash"):
        return []
    bare = lookup(document, "related", "hash")
    return [value.upper() for value in bare if isinstance(value, str)] if isinstance(bare, list) else []


def _port_name(wanted: str) -> Callable[[Document], str | None]:
    """Return what reads ``network.protocol`` if it is the name of the ``wanted`` port: the lower one."""

    def read(document: Document) -> str | None:
        protocol = lookup(document, "network", "protocol")
        source, destination = (lookup(document, side, "port") for side in ("source", "destination"))
        if not isinstance(protocol, str):
            return None
        low = "destination"
        if isinstance(source, int) and isinstance(destination, int) and source < destination:
            low = "source"
        return protocol if low == wanted else None

    return read


def _destination_is_ipv6(document: Document) -> str | None:
    address = lookup(document, "destination", "ip")
    return None if not isinstance(address, str) else "true" if ":" in address else "false"


def _query_status(document: Document) -> object:
    status = lookup(document, "sysmon", "dns", "status")
    return STATUS_CODES.get(status, status) if isinstance(status, str) else status


def _query_results(document: Document) -> str | None:
    """Return names, then addresses, as Sysmon writes them: ``type:  5 a.example;::ffff:10.0.0.1;``."""
    answers = lookup(document, "dns", "answers")
    results, addresses = [], []
    for answer in answers if isinstance(answers, list) else ():
        kind, data = lookup(answer, "type"), lookup(answer, "data")
        if kind in ("A", "AAAA"):
            addresses.append(data)
        elif kind in RECORD_TYPES:
            results.append(f"type:{RECORD_TYPES[kind]:>3} {data if isinstance(data, str) else ''}")
    resolved = lookup(document, "dns", "resolved_ip")
    results += [
        address if ":" in address else f"::ffff:{address}"
        for address in (resolved if isinstance(resolved, list) else addresses)
        if isinstance(address, str)
    ]
    return "".join(f"{result};" for result in results) or None


def _details(document: Document) -> object:
    kind, strings = (
        lookup(document, "registry", "data", "type"),
        lookup(document, "registry", "data", "strings"),
    )
    text = strings[0] if isinstance(strings, list) and strings else strings
    number = integer_of(text) if isinstance(text, str) else None
    if kind in ("SZ_DWORD", "REG_DWORD") and number is not None:
        return f"DWORD (0x{number:08x})"
    if kind in ("SZ_QWORD", "REG_QWORD") and number is not None and number < 2**32:
        return f"QWORD (0x00000000-0x{number:08x})"
    return text  # A larger QWORD stays the number that the pipeline made of it.


def _tampering(document: Document) -> object:
    """Return what event 25 says of the image; longer messages are rendered ones, not the field."""
    message = document.get("message")
    return message if isinstance(message, str) and "\n" not in message else None


def _command_line(*owner: str) -> Callable[[Document], str | None]:
    def read(document: Document) -> str | None:
        arguments: Any = lookup(document, *owner, "args")
        if not isinstance(arguments, list) or not all(isinstance(part, str) for part in arguments):
            return None
        return " ".join(f'"{part}"' if not part or " " in part else part for part in arguments) or None

    return read


_REBUILT: Final[dict[str, _Rebuild]] = {
    "User": _user,
    "Hashes": _hashes,
    "Hash": _hashes,
    "CommandLine": _command_line("process"),
    "ParentCommandLine": _command_line("process", "parent"),
    "SourcePortName": _port_name("source"),
    "DestinationPortName": _port_name("destination"),
    "Initiated": lambda document: _DIRECTIONS.get(str(lookup(document, "network", "direction"))),
    "SourceIsIpv6": lambda document: _IPV6.get(str(lookup(document, "network", "type"))),
    "DestinationIsIpv6": _destination_is_ipv6,
    "QueryStatus": _query_status,
    "QueryResults": _query_results,
    "Details": _details,
    "Type": _tampering,
}

_HASH_PATHS: Final = (
    BARE_HASHES,
    *(".".join((*owner, within, name)) for owner in _OWNERS for within in ("hash", "pe") for name in _HASHES),
)
#: Field -> paths, one of which has a value wherever the field has one.
_MADE_FROM: Final[dict[str, tuple[str, ...]]] = {
    "User": ("user.name",),
    "Hashes": _HASH_PATHS,
    "Hash": _HASH_PATHS,
    "CommandLine": ("process.args",),
    "ParentCommandLine": ("process.parent.args",),
    "SourcePortName": ("network.protocol",),
    "DestinationPortName": ("network.protocol",),
    "Initiated": ("network.direction",),
    "SourceIsIpv6": ("network.type",),
    "DestinationIsIpv6": ("destination.ip",),
    "QueryStatus": ("sysmon.dns.status",),
    "QueryResults": ("dns.answers.data", "dns.answers.type", "dns.resolved_ip"),
    "Details": ("registry.data.strings",),
    "Type": ("message",),
}
