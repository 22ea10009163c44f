"""The real logs read in the plainest way, apart from the program: what it has to agree with.

Of each Sysmon record only the event ID, the computer and what makes it the same as
another one: its number in the log or, where the layout has none, the whole line.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from evtx import PyEvtxParser

CHANNEL = "Microsoft-Windows-Sysmon/Operational"


class Record(NamedTuple):
    """One Sysmon record of a file."""

    event_id: int
    computer: str
    same: tuple[object, ...]


def records_of(path: Path) -> Iterator[Record]:
    """Yield the Sysmon records of a file, in its order."""
    if path.suffix == ".evtx":
        yield from _evtx(path)
        return
    for line in lines_of(path):
        document = orjson.loads(line) if line.strip() else {}
        read = _winlogbeat(document) or _sentinel(document) or _flat(document)
        if read is not None:
            event_id, computer, number = read
            yield Record(int(event_id), computer, (computer.lower(), number or line.strip()))


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the lines of an archive."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if not name.endswith("/") and not name.startswith("__MACOSX/"):
                    with archive.open(name) as file:
                        yield from file
    else:
        with tarfile.open(path) as packed:
            for member in packed:
                stream = packed.extractfile(member)
                if stream is not None:
                    yield from stream


Read = tuple[int | str, str, int | str | None] | None


def _winlogbeat(document: dict[str, Any]) -> Read:
    if document.get("log_name") == CHANNEL:  # Winlogbeat 6
        return document["event_id"], document["computer_name"], document["record_number"]
    winlog = document.get("winlog", {})
    if winlog.get("channel") == CHANNEL:
        return winlog["event_id"], winlog["computer_name"], winlog["record_id"]
    return None


def _sentinel(document: dict[str, Any]) -> Read:
    if isinstance(document.get("EventData"), str):
        return document["EventID"], document["Computer"], None
    return None


def _flat(document: dict[str, Any]) -> Read:
    if document.get("Channel") == CHANNEL and "EventID" in document:
        return document["EventID"], document["Hostname"], document.get("RecordNumber")
    return None


def _evtx(path: Path) -> Iterator[Record]:
    records = iter(PyEvtxParser(str(path)).records_json())
    while True:
        try:
            record = next(records) or {}
        except StopIteration:
            return
        except RuntimeError:  # A damaged record or chunk: the rest is still there.
            continue
        event: dict[str, Any] = orjson.loads(record["data"])["Event"]
        system = event["System"]
        if system["Channel"] == CHANNEL:
            id_ = system["EventID"]
            event_id = int(id_["#text"] if isinstance(id_, dict) else id_)
            utc_time = (event.get("EventData") or {}).get("UtcTime")
            number = system["EventRecordID"]
            yield Record(
                event_id, system["Computer"], (system["Computer"].lower(), event_id, utc_time, number)
            )
