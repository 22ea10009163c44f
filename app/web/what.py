"""What happened, in one line: a verb, the thing it was done to, and what else matters."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from app.sysmon.events import Event, value_text
from app.sysmon.text import visible
from app.web.formats import base_name, clock, elide, span, split_path
from app.web.texts import _, ngettext

LONGEST: Final = 240
"""So many characters of a value stand in a row; all of it in the pane and on the event's page."""


@dataclass(frozen=True, slots=True)
class What:
    """``lead`` is a word of ours; ``thing`` and ``rest`` hold log data, harmless and short.

    A command line is ``is_command``: its beginning matters, where a path's end does.
    """

    lead: str
    thing: str
    rest: str = ""
    is_command: bool = False

    @property
    def parts(self) -> tuple[str, str]:
        """The thing as a head that may give way where room is short, and a tail that stays."""
        if not self.is_command:
            return split_path(self.thing, _KEPT)
        program = re.match(r'"[^"]*|\S*', self.thing)
        cut = self.thing.rfind("\\", 0, program.end() if program else 0) + 1
        return self.thing[:cut], self.thing[cut:]


_KEPT: Final = 40


def what(event: Event) -> What:
    """Return what an event says happened."""
    describe = _KINDS.get(event.event_id, _unknown)
    return describe(event)


def what_together(events: Sequence[Event]) -> tuple[What, str]:
    """Return what events that are alike did, and the span in which they did it."""
    happened = what(events[0])
    if len(events) == 1:
        return happened, ""
    times = sorted(event.time for event in events)
    length = times[-1] - times[0]
    columns = _THINGS.get(events[0].event_id, ())
    things = {tuple(event.column(column) for column in columns) for event in events}
    if len(things) == 1:
        every = length / (len(times) - 1)
        rest = (
            _("for %(length)s, every %(pause)s", length=span(length), pause=f"{every.total_seconds():.1f} s")
            if every >= timedelta(seconds=1)
            else _("in %(length)s", length=span(length))
        )
    else:
        more = len(things) - 1
        rest = ngettext(
            "and %(num)s more in %(length)s", "and %(num)s more in %(length)s", more, length=span(length)
        )
    note = f"{len(times):,}: {clock(times[0])} – {clock(times[-1])}"
    return replace(happened, rest=rest), note


#: The columns that say to what an event of these kinds was done.
_THINGS: Final[dict[int, tuple[str, ...]]] = {
    3: ("destination_ip", "destination_port"),
    7: ("image_loaded",),
    9: ("device",),
    10: ("target_image", "target_process_guid"),
    **dict.fromkeys((2, 11, 15, 23, 26), ("target_filename",)),
    **dict.fromkeys((12, 13, 14), ("target_object",)),
    **dict.fromkeys((17, 18), ("pipe_name",)),
    22: ("query_name",),
}


def short(text: str, most: int = LONGEST) -> str:
    """Return log data as a row may have it: what is hidden made visible, and not long."""
    return elide(visible(elide(text, 2_000)), most)


def _value(event: Event, *names: str) -> str:
    """Return the first of these fields that the event has, or the empty text."""
    for name in names:
        value = event.get(name)
        if value is not None:
            return short(value_text(value))
    return ""


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _process_and(event: Event, prefix: str, image: str) -> str:
    """Return ``name.exe (123)`` of the other process that an event names."""
    name, pid = _value(event, image), _value(event, prefix + "ProcessId")
    return _joined(base_name(name) if name else "", f"({pid})" if pid else "")


def _process_create(event: Event) -> What:
    parent = _process_and(event, "Parent", "ParentImage")
    from_parent = _("from %(process)s", process=parent) if parent else ""
    command = _value(event, "CommandLine")
    return What("", command or _value(event, "Image"), from_parent, is_command=bool(command))


def _file_create_time(event: Event) -> What:
    before, after = _value(event, "PreviousCreationUtcTime"), _value(event, "CreationUtcTime")
    times = f"{before} → {after}" if before and after else after
    return What(_("dates"), _value(event, "TargetFilename"), times)


def _network(event: Event) -> What:
    protocol = _value(event, "Protocol")
    if _value(event, "Initiated").lower() == "false":
        at = _value(event, "DestinationPort")
        local = _("at port %(port)s", port=at) if at else ""
        return What(_("from"), _peer(event, "Source"), _joined(_host(event, "Source"), local, protocol))
    return What(_("to"), _peer(event, "Destination"), _joined(_host(event, "Destination"), protocol))


def _peer(event: Event, side: str) -> str:
    address, port = _value(event, side + "Ip"), _value(event, side + "Port")
    shown = f"[{address}]" if ":" in address and port else address
    return f"{shown}:{port}" if port else shown


def _host(event: Event, side: str) -> str:
    return _value(event, side + "Hostname")


def _service_state(event: Event) -> What:
    return What("Sysmon", _value(event, "State"), _value(event, "Version"))


def _process_terminate(event: Event) -> What:
    return What(_("ends"), _value(event, "Image"))


def _loaded(event: Event) -> What:
    signed = _value(event, "Signed").lower()
    note = _("not signed") if signed == "false" else ""
    status = _value(event, "SignatureStatus")
    if signed == "true" and status and status.lower() != "valid":
        note = _("signature: %(status)s", status=status)
    return What(_("loads"), _value(event, "ImageLoaded"), note)


def _remote_thread(event: Event) -> What:
    pid, function = _value(event, "TargetProcessId"), _value(event, "StartFunction")
    module = _value(event, "StartModule")
    start = "!".join(part for part in (base_name(module) if module else "", function) if part)
    start = start or _value(event, "StartAddress")
    at = _("at %(start)s", start=start) if start else ""
    return What(_("into"), _value(event, "TargetImage"), _joined(f"({pid})" if pid else "", at))


def _raw_access(event: Event) -> What:
    return What(_("reads"), _value(event, "Device"))


def _process_access(event: Event) -> What:
    pid = _value(event, "TargetProcessId")
    rest = _joined(f"({pid})" if pid else "", _value(event, "GrantedAccess"))
    return What(_("opens"), _value(event, "TargetImage"), rest)


def _file_create(event: Event) -> What:
    return What(_("creates"), _value(event, "TargetFilename"))


def _registry(event: Event) -> What:
    said = _value(event, "EventType")
    verb = {
        "createkey": _("creates"),
        "createvalue": _("creates"),
        "deletekey": _("deletes"),
        "deletevalue": _("deletes"),
        "setvalue": _("sets"),
        "renamekey": _("renames"),
        "renamevalue": _("renames"),
    }.get(said.lower(), said)
    rest = ""
    if event.event_id == 13 and (details := _value(event, "Details")):
        rest = f"= {details}"
    if event.event_id == 14 and (name := _value(event, "NewName")):
        rest = _("to %(name)s", name=name)
    return What(verb, _value(event, "TargetObject"), rest)


def _stream(event: Event) -> What:
    return What(_("writes stream"), _value(event, "TargetFilename"), _value(event, "Contents"))


def _configuration(event: Event) -> What:
    return What(_("configures Sysmon"), _value(event, "Configuration"))


def _pipe(event: Event) -> What:
    verb = _("creates") if event.event_id == 17 else _("connects to")
    return What(verb, _value(event, "PipeName"))


def _wmi(event: Event) -> What:
    said = _value(event, "Operation")
    verb = {"created": _("creates"), "deleted": _("deletes"), "modified": _("changes")}.get(
        said.lower(), said
    )
    if event.event_id == 21:
        consumer, watched = _value(event, "Consumer"), _value(event, "Filter")
        return What(verb, consumer, _("for %(filter)s", filter=watched) if watched else "")
    return What(verb, _value(event, "Name"), _value(event, "Query", "Destination"))


def _dns(event: Event) -> What:
    status = _value(event, "QueryStatus")
    failed = _("status %(status)s", status=status) if status not in {"", "0"} else ""
    return What(_("asks for"), _value(event, "QueryName"), _value(event, "QueryResults") or failed)


def _file_delete(event: Event) -> What:
    return What(_("deletes"), _value(event, "TargetFilename"))


def _clipboard(event: Event) -> What:
    return What(_("copies to the clipboard"), _value(event, "ClientInfo", "Session"))


def _tampering(event: Event) -> What:
    return What(_("is tampered with"), _value(event, "Type"))


def _blocked(event: Event) -> What:
    return What(_("is kept from"), _value(event, "TargetFilename"))


def _detected(event: Event) -> What:
    return What(_("writes program"), _value(event, "TargetFilename"))


def _error(event: Event) -> What:
    return What(_("Sysmon reports"), _value(event, "Description", "ID"))


def _unknown(event: Event) -> What:
    known = _value(event, "TargetFilename", "TargetObject", "CommandLine", "Description", "Image")
    other = next(iter(event.other.items()), None)
    return What("", known or (f"{short(other[0], 60)}: {short(other[1])}" if other else ""))


_KINDS: Final[dict[int, Callable[[Event], What]]] = {
    1: _process_create,
    2: _file_create_time,
    3: _network,
    4: _service_state,
    5: _process_terminate,
    6: _loaded,
    7: _loaded,
    8: _remote_thread,
    9: _raw_access,
    10: _process_access,
    11: _file_create,
    12: _registry,
    13: _registry,
    14: _registry,
    15: _stream,
    16: _configuration,
    17: _pipe,
    18: _pipe,
    19: _wmi,
    20: _wmi,
    21: _wmi,
    22: _dns,
    23: _file_delete,
    24: _clipboard,
    25: _tampering,
    26: _file_delete,
    27: _blocked,
    28: _blocked,
    29: _detected,
    255: _error,
}
