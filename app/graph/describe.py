"""How each event speaks of the thing that its process touched.

One function per kind of event; ``own`` is for what a process did, ``done_to`` for what
another one did to it. Their names are the fields that ``activity`` asks the store to
group by.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from app.graph import texts
from app.graph.objects import Describe, Row, Said, extension_of, folder_of, tail
from app.graph.texts import Translate
from app.sysmon.condition import Condition, Match, Not, Operator, all_of, any_of, equals_any
from app.sysmon.kinds import kind_name
from app.sysmon.text import fold

SUBJECT: Final = "SubjectProcessGuid"
OBJECT: Final = "TargetProcessGuid"

OWN_NAMES: Final = (
    *(SUBJECT, "EventId", "TargetFilename", "TargetObject", "EventType", "NewName"),
    *("DestinationIp", "DestinationPort", "DestinationHostname", "Initiated", "SourceIp", "SourceHostname"),
    *("QueryName", "QueryStatus", "ImageLoaded", "Signed", "SignatureStatus", "PipeName"),
    *(OBJECT, "TargetProcessId", "TargetImage", "GrantedAccess", "StartModule", "StartFunction"),
    *("Device", "Type", "Operation", "Name", "Consumer", "Filter"),
)
"""What a process's own events are grouped by."""

DONE_TO_NAMES: Final = (
    *(OBJECT, "EventId", SUBJECT, "SubjectProcessId", "Process"),
    *("GrantedAccess", "StartModule", "StartFunction"),
)
"""What events of others that touched a process are grouped by."""

OBJECT_NAMES: Final[dict[int, tuple[str, ...]]] = {
    2: ("TargetFilename",),
    3: ("DestinationIp", "DestinationPort", "DestinationHostname", "Initiated", "SourceIp", "SourceHostname"),
    6: ("ImageLoaded", "Signed", "SignatureStatus"),
    7: ("ImageLoaded", "Signed", "SignatureStatus"),
    8: (OBJECT, "TargetProcessId", "TargetImage", "StartModule", "StartFunction"),
    9: ("Device",),
    10: (OBJECT, "TargetProcessId", "TargetImage", "GrantedAccess"),
    11: ("TargetFilename",),
    12: ("TargetObject", "EventType"),
    13: ("TargetObject", "EventType"),
    14: ("TargetObject", "EventType", "NewName"),
    15: ("TargetFilename",),
    17: ("PipeName", "EventType"),
    18: ("PipeName", "EventType"),
    22: ("QueryName", "QueryStatus"),
}
"""The same per event ID, for processes with more combinations than one question may bring."""

NOT_ACTIVITY: Final = frozenset({1, 5})
"""A process's own beginning and end: the process itself, not something that it touched."""

#: Files that can be run are never folded for being alike.
_RUN: Final = frozenset(
    "exe dll sys scr com cpl ocx drv bat cmd ps1 psm1 vbs vbe js jse wsf wsh hta lnk msi msp mst jar sct"
    " pif reg chm xll iso img inf".split()
)


#: Folders whose names Windows makes up: what lies in them looks rare on each computer.
_MADE_UP: Final = re.compile(r"\\(?:assembly\\NativeImages_|WinSxS\\)", re.IGNORECASE)

#: Folders below which programs make up names of files and of folders.
_TEMPORARY: Final = re.compile(r".*?\\te?mp(?=\\|$)", re.IGNORECASE | re.DOTALL)


def own(row: Row, translate: Translate) -> Said:
    """Say what a process's own events speak of."""
    return _OWN.get(row.event_id, _other)(row, translate)


def done_to(row: Row, translate: Translate) -> Said:
    """Say who did it, of remote threads and accesses that a process suffered."""
    image, guid = row["Process"], row[SUBJECT]
    process = _process_label(image, row["SubjectProcessId"])
    phrase = texts.THREAD_FROM if row.event_id == 8 else texts.ACCESS_BY
    return Said(
        kind="thread" if row.event_id == 8 else "access",
        identity=f"by {guid or fold(image or '')}",
        label=translate(texts.BY).format(process=process),
        value=translate(phrase).format(process=_process_label(image, row["SubjectProcessId"], whole=True)),
        condition=all_of(
            [
                _is(EVENT_ID, str(row.event_id)),
                _is(OBJECT, row[OBJECT]),
                _is(SUBJECT, guid) if guid else _is("Process", image),
            ]
        ),
        form="access" if row.event_id == 10 else "",
        rare=("Process", image) if image else None,
        facts=_facts(row, SUBJECT, "SubjectProcessId", "Process", *_TOUCHED[row.event_id]),
        direction="in",
        stands_alone=True,
    )


EVENT_ID: Final = "EventId"
_TOUCHED: Final = {8: ("StartModule", "StartFunction"), 10: ("GrantedAccess",)}


def _file(row: Row, translate: Translate) -> Said:
    path = row["TargetFilename"]
    if not path:
        return _nameless(row, translate, "file", "TargetFilename")
    folder = _gathering(folder_of(path))
    return Said(
        kind="filetime" if row.event_id == 2 else "file",
        identity=fold(path),
        label=tail(path),
        value=path,
        condition=_named(row, "TargetFilename", path),
        folder=folder,
        form="" if extension_of(path) in _RUN else fold(folder),
        rare=("TargetFilename", path),
        facts={"Kind": kind_name(row.event_id)},
    )


def _gathering(folder: str) -> str:
    """Return the folder that files are counted by: a temporary one with all below it."""
    found = _TEMPORARY.match(folder)
    return found[0] if found else folder


def _registry(row: Row, translate: Translate) -> Said:
    path = row["TargetObject"]
    if not path:
        return _nameless(row, translate, "registry", "TargetObject")
    return Said(
        kind="registry",
        identity=fold(path),
        label=tail(path, 2),
        value=path,
        condition=_named(row, "TargetObject", path),
        form="" if row.event_id == 13 else "key",
        facts=_facts(row, "EventType", "NewName"),
    )


def _network(row: Row, translate: Translate) -> Said:
    incoming = fold(row["Initiated"] or "") == "false"
    peer = row["SourceIp" if incoming else "DestinationIp"]
    host = "SourceHostname" if incoming else "DestinationHostname"
    if not peer:
        return _nameless(row, translate, "address", "SourceIp" if incoming else "DestinationIp")
    return Said(
        kind="address",
        identity=fold(peer),
        label=peer,
        value=peer,
        condition=all_of([_is(EVENT_ID, "3"), any_of([_is("DestinationIp", peer), _is("SourceIp", peer)])]),
        rare=("DestinationIp", peer),
        facts=_facts(row, host, "DestinationPort", "Initiated"),
        port=row["DestinationPort"] or "",
        direction="in" if incoming else "out",
    )


def _image(row: Row, translate: Translate) -> Said:
    path = row["ImageLoaded"]
    kind = "driver" if row.event_id == 6 else "image"
    if not path:
        return _nameless(row, translate, kind, "ImageLoaded")
    unsigned = fold(row["Signed"] or "") == "false"
    return Said(
        kind=kind,
        identity=fold(path),
        label=tail(path),
        value=path,
        condition=_named(row, "ImageLoaded", path),
        form=f"native {unsigned}" if _MADE_UP.search(path) else "",
        rare=("ImageLoaded", path),
        facts=_facts(row, "Signed", "SignatureStatus"),
        is_unsigned=unsigned,
    )


def _touched(row: Row, translate: Translate) -> Said:
    """Events 8 and 10, by the process that did it."""
    image, guid, process_id = row["TargetImage"], row[OBJECT], row["TargetProcessId"]
    phrase = texts.THREAD_INTO if row.event_id == 8 else texts.ACCESS_TO
    is_lsass = fold(tail(image or "")) == "lsass.exe"
    named = _is(OBJECT, guid) if guid else _is("TargetImage", image) if image else _missing(OBJECT)
    return Said(
        kind="thread" if row.event_id == 8 else "access",
        identity=guid or fold(image or ""),
        label=_process_label(image, process_id),
        value=translate(phrase).format(process=_process_label(image, process_id, whole=True)),
        condition=all_of([_is(EVENT_ID, str(row.event_id)), named]),
        form="access" if row.event_id == 10 and not is_lsass else "",
        keeps=is_lsass,
        rare=("TargetImage", image) if image else None,
        facts=_facts(row, OBJECT, "TargetProcessId", "TargetImage", *_TOUCHED[row.event_id]),
        direction="out",
    )


def _dns(row: Row, translate: Translate) -> Said:
    name = row["QueryName"]
    if not name:
        return _nameless(row, translate, "dns", "QueryName")
    return Said(
        kind="dns",
        identity=fold(name),
        label=name,
        value=name,
        condition=_named(row, "QueryName", name),
        rare=("QueryName", name),
        facts=_facts(row, "QueryStatus"),
    )


def _pipe(row: Row, translate: Translate) -> Said:
    name = row["PipeName"]
    if not name:
        return _nameless(row, translate, "pipe", "PipeName")
    return Said(
        kind="pipe",
        identity=fold(name),
        label=name.lstrip("\\") or name,
        value=name,
        condition=_named(row, "PipeName", name),
        rare=("PipeName", name),
        facts={"Kind": kind_name(row.event_id)},
    )


def wmi(row: Row, translate: Translate) -> Said:  # noqa: ARG001 (all are called alike)
    """Say what a WMI event registers; it names no process."""
    name = row["Name"] or row["Consumer"] or row["Filter"]
    bare = _unquoted(name or "")
    said = f"{kind_name(row.event_id)} {bare}".strip()
    by = next((field for field in ("Name", "Consumer", "Filter") if row[field]), None)
    return Said(
        kind="wmi",
        identity=fold(said),
        label=bare or kind_name(row.event_id),
        value=said,
        condition=all_of([_is(EVENT_ID, str(row.event_id)), *([_is(by, row[by])] if by else [])]),
        facts=_facts(row, "Operation", "EventNamespace", "Query", "Type", "Destination", "User"),
    )


def _unquoted(text: str) -> str:
    """Return a name without the space and the quotes that Sysmon puts around those of WMI."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _device(row: Row, translate: Translate) -> Said:
    device = row["Device"]
    if not device:
        return _nameless(row, translate, "raw_read", "Device")
    return Said(
        kind="raw_read", identity=fold(device), label=tail(device), value=f"{kind_name(9)} {device}",
        condition=_named(row, "Device", device), form="raw_read",
    )  # fmt: skip


def _other(row: Row, translate: Translate) -> Said:  # noqa: ARG001
    """What has no thing of its own: clipboard, tampering, what Sysmon may add one day."""
    kind = kind_name(row.event_id)
    return Said(
        kind=_OTHER_KINDS.get(row.event_id, "other"),
        identity=f"{kind} {row['Type'] or ''}",
        label=row["Type"] if row.event_id == 25 and row["Type"] else kind,
        value=f"{kind}: {row['Type']}" if row["Type"] else kind,
        condition=_is(EVENT_ID, str(row.event_id)),
        facts=_facts(row, "Type"),
    )


_OTHER_KINDS: Final = {24: "clipboard", 25: "tampering"}

_OWN: Final[dict[int, Describe]] = {
    2: _file, 3: _network, 6: _image, 7: _image, 8: _touched, 9: _device, 10: _touched, 11: _file,
    12: _registry, 13: _registry, 14: _registry, 15: _file, 17: _pipe, 18: _pipe, 19: wmi, 20: wmi,
    21: wmi, 22: _dns, 23: _file, 26: _file, 27: _file, 28: _file, 29: _file,
}  # fmt: skip


def _nameless(row: Row, translate: Translate, kind: str, field: str) -> Said:
    """What has lost its name: all of these are one thing, which is counted."""
    label = translate(texts.WITHOUT).format(field=field)
    return Said(
        kind=kind,
        identity="",
        label=label,
        value=f"{kind_name(row.event_id)}: {label}",
        condition=all_of([_is(EVENT_ID, str(row.event_id)), _missing(field)]),
    )


def _process_label(image: str | None, process_id: str | None, *, whole: bool = False) -> str:
    name = (image if whole else tail(image)) if image else "?"
    return f"{name} ({process_id})" if process_id else name


def _facts(row: Row, *names: str) -> dict[str, str | None]:
    return {name: row[name] for name in names}


def _is(field: str, value: str | None) -> Condition:
    return Match(field, Operator.EQUALS, value) if value is not None else _missing(field)


def _missing(field: str) -> Condition:
    return Not(Match(field, Operator.EXISTS))


LONG: Final = 1_000


def _named(row: Row, field: str, value: str) -> Condition:
    """Return the condition that finds a thing by its name.

    A name so long that no address can hold it is looked for by its beginning.
    """
    if len(value) > LONG:
        return all_of([_is(EVENT_ID, str(row.event_id)), Match(field, Operator.STARTS_WITH, value[:LONG])])
    return _is(field, value)


def event_ids(ids: Sequence[int]) -> Condition:
    """Return the condition that an event has one of these IDs."""
    return equals_any(EVENT_ID, map(str, sorted(ids)))
