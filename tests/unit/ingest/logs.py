"""Made-up logs: event number n is the same event in every layout that has record numbers."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import tostring

import orjson

from app.ingest.report import Report
from app.ingest.run import import_into
from app.ingest.streams import Limits
from tests.memory_store import MemoryStore
from tests.unit.ingest.evtx_file import event_element

LIMITS = Limits(line=1 << 20, unpacked=1 << 30, ratio=200)


def document(number: int, **fields: object) -> dict[str, object]:
    """An NXLog record of a process creation."""
    return {
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": "desk.example",
        "RecordNumber": number,
        "EventTime": "2024-05-06 07:08:09",
        "UtcTime": "2024-05-06 07:08:09.000",
        "ProcessGuid": f"{{00000000-0000-0000-0000-{number:012x}}}",
        "Image": "C:\\Windows\\System32\\cmd.exe",
        **fields,
    }


def line(number: int, **fields: object) -> bytes:
    return orjson.dumps(document(number, **fields))


def lines(numbers: Iterable[int]) -> bytes:
    return b"".join(line(number) + b"\n" for number in numbers)


def xml_event(number: int) -> bytes:
    return tostring(event_element(number))


def tar_bytes(members: Mapping[str, bytes], mode: str = "w") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def zip_bytes(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def gzip_bytes(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


class Imported:
    """What one import did to a store in memory."""

    def __init__(self, paths: Sequence[Path], limits: Limits = LIMITS) -> None:
        self.store = MemoryStore()
        self.report: Report = import_into(self.store, paths, limits)

    @property
    def numbers(self) -> list[int]:
        """The numbers of the events that are stored."""
        return numbers_in(self.store)

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Place and reason of each reject."""
        return [(reject.place, reject.reason) for reject in self.report.rejects]


def numbers_in(store: MemoryStore) -> list[int]:
    found = []
    for chunk in store.batches(0, ["record_id"]):
        found += [number or 0 for number in chunk.table["record_id"].to_pylist()]
    return sorted(found)


def imported(tmp_path: Path, data: bytes, name: str = "log", limits: Limits = LIMITS) -> Imported:
    """Import one file with this content."""
    path = tmp_path / name
    path.write_bytes(data)
    return Imported([path], limits)
