"""The demo's files: the scenario in two layouts, a fleet as JSON lines.

No file holds a time of its making or a name of its maker, so the same events are the same
bytes.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from app.demo.office import Computer
from app.demo.scenario import COMPUTERS, events
from app.demo.wire import event_xml, winlogbeat_lines
from app.errors import StoreUnavailable
from app.sysmon.batch import EventBatch

XML_NAME: Final = "windows-7-event-logs.zip"
"""Of the scenario's computers with Windows 7; each of the others has a file of JSON lines."""


#: Lines that are made at a time: enough for speed, little enough for memory.
_SLICE: Final = 20_000


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make the folder; say in words why nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise StoreUnavailable(
            f"The demo's files cannot be written into {folder}: {error.strerror}. Free space there, or choose"
            " a folder that you may write to."
        ) from error


def write_scenario(folder: Path, computers: Sequence[Computer] = COMPUTERS) -> list[Path]:
    """Write the scenario's files; return them."""
    archive = folder / XML_NAME
    paths = [archive]
    with ZipFile(archive, "w") as zipped:
        for computer in computers:
            if computer.system == "7":
                member = ZipInfo(f"{computer.name}.xml", (2019, 1, 9, 0, 0, 0))
                member.compress_type = ZIP_DEFLATED
                member.create_system = 3
                lines = "".join(event_xml(event) for event in events(computer))
                zipped.writestr(
                    member, f'<?xml version="1.0" encoding="utf-8"?>\n<Events>\n{lines}</Events>\n'
                )
            else:
                path = folder / f"winlogbeat-{computer.name}.ndjson.gz"
                _write_lines(path, [EventBatch.from_events(events(computer))], level=6)
                paths.append(path)
    return paths


def write_fleet(
    batches: Iterable[EventBatch], folder: Path, *, packed: bool = False, per_file: int = 1_000_000
) -> Iterator[Path]:
    """Write a fleet's events to ``fleet-0001.ndjson`` …; yield each file when it is done."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    stream = iter(batches)
    while True:
        path = folder / f"fleet-{number:04}.ndjson{'.gz' if packed else ''}"
        written = _write_lines(path, _up_to(stream, per_file), level=1 if packed else None)
        if not written:
            path.unlink()
            return
        yield path
        number += 1


def _up_to(stream: Iterator[EventBatch], count: int) -> Iterator[EventBatch]:
    """Yield whole batches until they hold ``count`` events."""
    held = 0
    while held < count:
        batch = next(stream, None)
        if batch is None:
            return
        held += len(batch)
        yield batch


def _write_lines(path: Path, batches: Iterable[EventBatch], *, level: int | None) -> int:
    """Write lines, packed where there is a level; return how many."""
    written = 0
    with ExitStack() as closing:
        file = closing.enter_context(path.open("wb"))
        write: Callable[[bytes], object] = file.write
        if level is not None:
            write = closing.enter_context(gzip.GzipFile("", "wb", level, file, mtime=0)).write
        for batch in batches:
            for start in range(0, len(batch), _SLICE):
                rows = batch.table.slice(start, _SLICE).combine_chunks()
                write(winlogbeat_lines(EventBatch(rows)))
            written += len(batch)
    return written
