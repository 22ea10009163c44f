"""Event XML, some hundred events at a time.

What Windows exports is ``<Events>`` around the events, or, from ``wevtutil``, events with
nothing around them. Each slice of whole events gets a root of its own, so both are read
alike, one broken event costs only itself, and a DTD has no place where it could stand.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from lxml import etree

from app.errors import BadInput
from app.ingest.jsontext import too_long
from app.ingest.kinds import HEAD, as_utf8, encoding_of
from app.ingest.report import Say
from app.ingest.streams import Stream, text_stream
from app.layouts.reader import Reader

if TYPE_CHECKING:
    from lxml.etree import _Element

_DECLARED: Final = re.compile(rb"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.-]+)["']""")
_CODECS: Final = frozenset({"ascii", "cp1250", "cp1251", "cp1252", "cp932", "iso8859-1", "iso8859-15"})
_FIRST: Final = re.compile(rb"<(?:[\w.-]+:)?Event[\s>]")
_ROOT: Final = re.compile(rb"<((?:[\w.-]+:)?Events)(?:\s[^<>]*)?>")
_WHOLE: Final = re.compile(rb"<((?:[\w.-]+:)?)Event(?:\s[^>]*)?>.*?</\1Event>", re.DOTALL)
_END: Final = re.compile(rb"</(?:[\w.-]+:)?Event>$")
_LONGEST_END: Final = 64

#: Characters that XML forbids; logs hold them all the same.
_FORBIDDEN: Final = re.compile(
    "[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:0*(?:[0-8]|1[124-9]|2\\d|3[01])|x0*(?:[0-8bcBCefEF]|1[0-9a-fA-F]));"
)


def read_xml(stream: Stream, reader: Reader, say: Say, longest: int) -> Iterator[None]:
    """Read the events; yield after each slice. The places of rejects are ``event 1`` and so on."""
    stream = text_stream(stream, _encoding(stream.peek()))
    events = _Events(reader, say, _prolog(stream))
    held = b""
    try:
        for block in stream.blocks():
            held += block
            end = _last_end(held)
            if end:
                events.read(held[:end])
                held = held[end:]
            elif len(held) > longest:
                events.reject(too_long(longest))
                held = held[-_LONGEST_END:]
            yield
    except BadInput as error:
        error.place = f"event {events.number}"
        raise
    if _FIRST.search(held):
        events.reject("It is cut off: the file ends within it.")
    yield


class _Events:
    """Reads slices that hold whole events."""

    def __init__(self, reader: Reader, say: Say, root: bytes) -> None:
        self.number = 1
        self._reader = reader
        self._say = say
        self._start = root or b"<Events>"
        found = _ROOT.match(self._start)
        self._end = b"</" + (found[1] if found else b"Events") + b">"

    def read(self, text: bytes) -> None:
        """Read all events of a slice; where it is not sound, one by one."""
        try:
            root = self._parse(text)
        except etree.XMLSyntaxError:
            for found in _WHOLE.finditer(text):
                self._read_one(found[0])
            return
        for element in root:
            if isinstance(element.tag, str) and etree.QName(element).localname == "Event":
                self._reader.xml(element, f"event {self.number}")
                self.number += 1

    def reject(self, reason: str) -> None:
        """Reject the next event."""
        self._say(f"event {self.number}", reason)
        self.number += 1

    def _read_one(self, text: bytes) -> None:
        clean = _FORBIDDEN.sub("\ufffd", text.decode("utf-8", "replace")).encode("utf-8", "replace")
        try:
            root = self._parse(clean)
        except etree.XMLSyntaxError as error:
            self.reject(f"It is no sound XML: {str(error.msg).removesuffix('.')}.")
        else:
            self._reader.xml(root[0], f"event {self.number}")
            self.number += 1

    def _parse(self, text: bytes) -> _Element:
        parser = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        return etree.fromstring(self._start + text + self._end, parser)


def _encoding(head: bytes) -> str:
    """Return the codec of the text: by its mark, else as its declaration says."""
    found = encoding_of(head)
    declared = _DECLARED.match(as_utf8(head))
    if found != "utf-8-sig" or declared is None:
        return found
    name = declared[1].decode("ascii", "replace")
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        codec = name
    if codec in {"utf-8", "utf-16"}:  # Saved anew by an editor that left the declaration.
        return found
    if codec not in _CODECS:
        raise BadInput(f"It is encoded in {name}, which is not read. Save it as UTF-8.")
    return codec


def _prolog(stream: Stream) -> bytes:
    """Pass over all that stands before the first event; return the tag of the root ``Events``."""
    head = stream.peek(HEAD)
    first = _FIRST.search(head)
    before = head[: first.start()] if first else head
    if re.search(rb"<!(?:DOCTYPE|ENTITY)", before, re.IGNORECASE):
        raise BadInput(
            "It has a document type (DTD), which event XML never has and which may be a trap, so it was not"
            " read. If the file is yours, delete the lines from <!DOCTYPE to its end."
        )
    if first is None:
        raise BadInput("It is XML, but there is no <Event> in it. Export logs as EVTX or as event XML.")
    stream.read(first.start())
    roots = list(_ROOT.finditer(before))
    return roots[-1][0] if roots else b""


def _last_end(text: bytes) -> int:
    """Return where the last whole event ends; 0 where there is none."""
    end = len(text)
    while (end := text.rfind(b"Event>", 0, end)) >= 0:
        behind = end + len(b"Event>")
        if _END.search(text[max(0, behind - _LONGEST_END) : behind]):
            return behind
    return 0
