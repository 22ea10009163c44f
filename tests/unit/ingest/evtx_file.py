"""A writer of EVTX, as small as tests need it: text values only, names written in place."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement

CHUNK = 65_536
_STRING = b"\x05\x01"


def event_element(record: int, channel: str = "Microsoft-Windows-Sysmon/Operational") -> Element:
    """A process creation; each number makes another event."""
    event = Element("Event")
    system = SubElement(event, "System")
    SubElement(system, "Provider", Name="Microsoft-Windows-Sysmon")
    SubElement(system, "EventID").text = "1"
    SubElement(system, "TimeCreated", SystemTime="2024-05-06T07:08:09.000000Z")
    SubElement(system, "EventRecordID").text = str(record)
    SubElement(system, "Channel").text = channel
    SubElement(system, "Computer").text = "desk.example"
    data = SubElement(event, "EventData")
    for name, text in {
        "UtcTime": "2024-05-06 07:08:09.000",
        "ProcessGuid": f"{{00000000-0000-0000-0000-{record:012x}}}",
        "Image": "C:\\Windows\\System32\\cmd.exe",
    }.items():
        SubElement(data, "Data", Name=name).text = text
    return event


def evtx_bytes(chunks: Sequence[Sequence[int]], *, padding: int = 0) -> bytes:
    """A file with these record numbers in each chunk, and so many chunks that were never used."""
    written = [_chunk(records) for records in chunks]
    start = struct.pack("<8s3QI4H", b"ElfFile\0", 0, len(chunks) - 1, 1, 128, 1, 3, 4096, len(chunks))
    start = start.ljust(120, b"\0")
    header = (start + struct.pack("<2I", 0, zlib.crc32(start))).ljust(4096, b"\0")
    return header + b"".join(written) + bytes(CHUNK * padding)


def _chunk(records: Sequence[int]) -> bytes:
    body = bytearray(512)
    last = 512
    for record in records:
        last = len(body)
        xml = _BinXml(last + 24)
        xml.element(event_element(record))
        data = b"\x0f\x01\x01\0" + bytes(xml.data) + b"\0"
        size = 24 + len(data) + 4
        body += struct.pack("<4sIQQ", b"**\0\0", size, record, 133_594_000_000_000_000) + data
        body += struct.pack("<I", size)
    free = len(body)
    assert free <= CHUNK
    first, final = (records[0], records[-1]) if records else (0, 0)
    body[:52] = struct.pack("<8s4Q3I", b"ElfChnk\0", first, final, first, final, 128, last, free)
    body[52:56] = struct.pack("<I", zlib.crc32(bytes(body[512:free])))
    body[124:128] = struct.pack("<I", zlib.crc32(bytes(body[128:512]), zlib.crc32(bytes(body[:120]))))
    return bytes(body.ljust(CHUNK, b"\0"))


class _BinXml:
    """Writes elements at a known place of a chunk, for names are found by their place."""

    def __init__(self, at: int) -> None:
        self.data = bytearray()
        self._at = at + 4  # Behind the header of the fragment.

    def element(self, element: Element) -> None:
        self.data += b"\x41" if element.attrib else b"\x01"
        size_at = len(self.data)
        self.data += bytes(4)
        self._name(element.tag)
        if element.attrib:
            list_at = len(self.data)
            self.data += bytes(4)
            for name, text in element.attrib.items():
                self.data += b"\x06"
                self._name(name)
                self._text(text)
            self._size(list_at)
        self.data += b"\x02"
        if element.text:
            self._text(element.text)
        for child in element:
            self.element(child)
        self.data += b"\x04"
        self._size(size_at)

    def _size(self, at: int) -> None:
        self.data[at : at + 4] = struct.pack("<I", len(self.data) - at - 4)

    def _name(self, name: str) -> None:
        self.data += struct.pack("<I", self._at + len(self.data) + 4)
        self.data += struct.pack("<IHH", 0, 0, len(name)) + name.encode("utf-16-le") + b"\0\0"

    def _text(self, text: str) -> None:
        self.data += _STRING + struct.pack("<H", len(text)) + text.encode("utf-16-le")
