"""One flat object a record: NXLog through Logstash, and the Azure/PowerShell exports, two ages.

**Time is UtcTime in both.** Azure's ``@timestamp`` and ``TimeCreated`` are local time, in
some files on a 12-hour clock, and marked Z: hours off, so ``TimeCreated`` does no more than
tell events apart. NXLog's
``EventTime`` is local time without a zone, and its ``@timestamp`` is Logstash's time of
arrival, up to two minutes late: the latter is the time of the few records whose UtcTime is
lost, and is not even in their Message.
"""

from __future__ import annotations

import re
from functools import cache
from operator import itemgetter
from typing import Final

from app.layouts.columns import Clock, Columns, Document, Family, Said, Shape
from app.layouts.names import UTC_TIME
from app.sysmon.fields import SOURCE_EVENTS
from app.sysmon.kinds import KINDS

#: Keys of NXLog, Logstash and the exports that say how a record travelled and who logged.
#: Domain, AccountName, AccountType and UserID are the account of Sysmon's service.
_NXLOG: Final = frozenset(
    "AccountName AccountType ActivityID Category Channel Domain ERROR_EVT_UNRESOLVED EventID"
    " EventReceivedTime EventTime EventTimeWritten EventTypeOrignal EventTypeOriginal ExecutionProcessID"
    " ExecutionThreadID Hostname Keywords Level Message MessageSourceAddress Opcode OpcodeValue ProcessID"
    " ProviderGuid RecordNumber RelatedActivityID Severity SeverityValue SourceModuleName SourceModuleType"
    " SourceName Task ThreadID UserID Version @timestamp @version host port tags".split()
)
_AZURE: Final = frozenset(
    "@timestamp @version Channel Computer EventID Hostname Keywords Level Message Opcode ProviderGuid"
    " RecordNumber SourceName Task TimeCreated tags".split()
)

#: What NXLog itself writes into EventType, over Sysmon's own.
_NXLOG_EVENT_TYPES: Final = frozenset(
    "CRITICAL ERROR WARNING INFO VERBOSE DEBUG AUDIT_SUCCESS AUDIT_FAILURE".split()
)
_HAVE_EVENT_TYPE: Final = frozenset(
    event_id for event_id, kind in KINDS.items() if "EventType" in kind.fields
)
_VERSION_IS_SYSMONS: Final = 4  # The one event with a field Version.


def _nxlog_envelope(event_id: int, names: frozenset[str]) -> frozenset[str]:
    """Return NXLog's own keys among ``names``.

    In events 8 and 10, ProcessId is a copy that NXLog makes of SourceProcessId. EventType
    is NXLog's severity in all events but those where Sysmon has a field of that name.
    """
    foreign = set(_NXLOG)
    if event_id == _VERSION_IS_SYSMONS:
        foreign.remove("Version")
    if event_id in SOURCE_EVENTS:
        foreign.add("ProcessId")
    if event_id not in _HAVE_EVENT_TYPE:
        foreign.add("EventType")
    return names & foreign


def _azure_envelope(event_id: int, names: frozenset[str]) -> frozenset[str]:
    return names & (_AZURE if event_id == _VERSION_IS_SYSMONS else _AZURE | {"Version"})


def _unescape(text: str) -> str:
    """Undo NXLog's escapes. Doubled percent signs are Sysmon's own, in every layout: they stay."""
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


@cache
def _message_fields(event_id: int) -> re.Pattern[str]:
    """Return what finds ``Name: `` at the begin of a line, for the fields of this event."""
    return re.compile(rf"(?:^|\n)({'|'.join(KINDS[event_id].fields)}):(?: |(?=\r?$|\r?\n))")


def fields_in(message: str, event_id: int) -> dict[str, str]:
    """Return the fields that Sysmon's rendered message names, as it has them.

    A value may go over several lines: it ends where the next known name begins one.
    """
    parts = _message_fields(event_id).split(message)
    return {name: text.removesuffix("\r") for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def _mend(document: Document, event_id: int, shape: Shape) -> Document | None:
    """Take lost fields from Message, where it has them; None where it has none of them.

    Each line of a message but the first is a field, so that as many lines as there are
    fields tell that none was lost: newer versions of Sysmon just have more.
    """
    message = document.get("Message")
    if message.__class__ is not str or message.count("\n") == shape.fields:
        return None
    if not any(f"\n{name}: " in message for name in shape.lost):
        return None
    found = fields_in(message, event_id)
    return {**document, **{name: found[name] for name in shape.lost if name in found}}


NXLOG: Final = Family(
    time_name="@timestamp",
    clock=Clock.ARRIVAL,
    envelope=_nxlog_envelope,
    clean=_unescape,
    mend=_mend,
)
AZURE: Final = Family(
    time_name="TimeCreated",
    clock=Clock.LOCAL,
    envelope=_azure_envelope,
    mend=_mend,
    mends=UTC_TIME.__eq__,
)


_NXLOG_KEY: Final = itemgetter("Channel", "EventID", "Hostname", "Severity", "Version")
_AZURE_KEY: Final = itemgetter("Channel", "EventID", "Hostname", "Level")
_OLD_AZURE_KEY: Final = itemgetter("Channel", "EventID", "Hostname")


class Flat:
    """Tells NXLog's records from the exports' by NXLog's own keys."""

    def __init__(self, columns: Columns) -> None:
        self._nxlog = columns.headers(NXLOG)
        self._azure = columns.headers(AZURE)
        self._add = columns.add

    def read(self, document: Document) -> bool:
        """Add the event; False: it is of another channel."""
        if "EventReceivedTime" in document or "SourceModuleType" in document:
            return self._read_nxlog(document)
        get = document.get
        key = _AZURE_KEY if "Level" in document else _OLD_AZURE_KEY
        try:
            header = self._azure.known[key(document)]
        except (KeyError, TypeError):  # The first of its kind, or not as usual.
            computer = get("Hostname") or get("Computer")
            said = Said(get("Channel"), get("SourceName"), get("EventID"), computer, get("Level"), None)
            found = self._azure.find(said, key, document)
            if found is None:
                return False
            header = found
        self._add(header, document, get("TimeCreated"), get("RecordNumber"))
        return True

    def _read_nxlog(self, document: Document) -> bool:
        get = document.get
        try:
            header = self._nxlog.known[_NXLOG_KEY(document)]
        except (KeyError, TypeError):  # The first of its kind, or not as usual.
            channel, provider, event_id = get("Channel"), get("SourceName"), get("EventID")
            said = Said(channel, provider, event_id, get("Hostname"), get("Severity"), get("Version"))
            found = self._nxlog.find(said, _NXLOG_KEY, document)
            if found is None:
                return False
            header = found
        event_id = header.shapes.event_id
        if event_id in _HAVE_EVENT_TYPE:
            event_type = get("EventType")
            if event_type.__class__ is str and event_type in _NXLOG_EVENT_TYPES:
                document = _without("EventType", document)
        elif event_id == _VERSION_IS_SYSMONS and isinstance(get("Version"), int):
            document = _without("Version", document)
        self._add(header, document, get("@timestamp"), get("RecordNumber"))
        return True


def _without(name: str, document: Document) -> Document:
    return {other: value for other, value in document.items() if other != name}
