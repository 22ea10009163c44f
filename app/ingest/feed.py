"""From files to the store, within one process: logs are read, batches are added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final

from app.errors import BadInput, StoreUnavailable
from app.ingest.archives import Broken, Found, Log, logs_in
from app.ingest.evtx import HEADER, read_evtx
from app.ingest.jsonlines import read_json_lines
from app.ingest.jsonvalues import read_json_values
from app.ingest.kinds import Kind
from app.ingest.report import Counts, Note, Step
from app.ingest.shares import Shares
from app.ingest.sources import Part
from app.ingest.streams import Limits, Stream, file_blocks, text_stream, unreadable
from app.layouts.reader import Reader, Reject
from app.store.port import EventStore

BATCH: Final = 65_536
"""Events that are stored at once, from one file or from many."""

MOST_TEXT: Final = 32 << 20
"""Characters of distinct values that may wait: events with values of megabytes are stored sooner."""

_NO_LOG: Final = {
    Kind.EMPTY: "It is empty.",
    Kind.PACKED: "It is packed in a way that is not read. Unpack it, or pack it as .gz, .zip or .tar.gz.",
    Kind.UNKNOWN: (
        "It is no log that can be read. What can: EVTX, event XML, JSON lines and JSON arrays, plain or"
        " in .gz, .zip, .tar and .tar.gz."
    ),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How reading ended: because somebody asked to stop, because of an error, or else at its end."""

    error: str | None = None
    stopped: bool = False


class Stopped(Exception):
    """Somebody asked to stop."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a feed tells how far it is, and asks whether it shall stop."""

    tell: Callable[[Step], None]
    stop: Callable[[], bool]


class Feed:
    """Reads files into a store, a batch at a time; what waits at the end needs ``flush``."""

    def __init__(self, store: EventStore, limits: Limits, source: str, ends: Ends) -> None:
        self._store = store
        self._limits = limits
        self._source = source
        self._ends = ends
        self._reader = Reader()
        self._counts = Counts()  # Of those that the reader does not count.
        self._rejects: list[Reject] = []
        self._notes: list[Note] = []
        self._waiting: list[str] = []  # Files that the waiting events are of: the first, the last.
        self._shares = Shares(self._reader)
        self._bytes = 0
        self._last_error: BadInput | None = None

    @property
    def counts(self) -> Counts:
        """All that this feed has counted."""
        reader = self._reader
        return self._counts + Counts(
            records=reader.records,
            sysmon_events=reader.sysmon_events,
            other_channels=reader.other_channels,
            rejected=reader.rejected,
        )

    def read(self, part: Part) -> None:
        """Read a file, or its part, and store each batch that gets full; raise Stopped if asked to."""
        done = self._bytes
        self._shares.begin(part.number)
        try:
            with part.path.open("rb") as file:
                for found in _found_in(part, file, self._limits):
                    for _ in self._take(found, part):
                        self._at(done + max(0, file.tell() - part.start))
                        self._step(part.name)
        except OSError as error:
            self._say_broken(part.name, unreadable(error))
        self._at(done + part.size)
        self._shares.current.finished += part.size
        self._step(part.name)

    def flush(self) -> None:
        """Store what waits."""
        if not len(self._reader):
            return
        self._shares.settle(self.counts)
        batch = self._reader.take()
        self._shares.refuse(self._reader.refused)
        files = " to ".join(dict.fromkeys(self._waiting))
        self._waiting.clear()
        if len(batch):
            try:
                added = self._store.add(batch, f"{self._source}: {files}")
            except OSError as error:
                raise StoreUnavailable(f"The store cannot be written: {error.strerror or error}.") from error
            self._counts.added += added.added
            self._counts.duplicates += added.duplicates
            self._shares.add(self._store, batch, added)
        self._shares.begin_batch(self.counts)

    def tell(self, file: str = "") -> None:
        """Tell how far the reading is, and what there is to say."""
        rejects = [*self._rejects, *map(_in_a_sentence, self._reader.rejects)]
        self._reader.rejects.clear()
        notes, self._rejects, self._notes = self._notes, [], []
        counts = self.counts
        self._shares.settle(counts)
        self._ends.tell(Step(file, self._bytes, counts, rejects, notes, self._shares.told()))

    def _at(self, done: int) -> None:
        """Note how many bytes are read."""
        self._shares.current.bytes += done - self._bytes
        self._bytes = done

    def _step(self, file: str) -> None:
        if len(self._reader) >= BATCH or self._reader.characters >= MOST_TEXT:
            self.flush()
        self.tell(file)
        if self._ends.stop():
            raise Stopped

    def _take(self, found: Found, part: Part) -> Iterator[None]:
        """Read a log, or note what else was found; yield now and then."""
        if isinstance(found, Note):
            self._notes.append(found)
        elif isinstance(found, Broken):
            self._say_broken(found.name, found.error)
        elif found.kind in _NO_LOG:
            self._reject(found.name, "", _NO_LOG[found.kind])
        else:
            self._reader.file = found.name
            self._shares.name_layout(part, found)
            before = self._reader.records
            is_log = True
            try:
                for _ in self._records(found, part):
                    self._remember(found.name)
                    yield
            except BadInput as error:
                is_log = self._reader.records > before
                self._say_broken(found.name, error)
            self._counts.files += is_log and not (part.kind and part.start)
        yield

    def _records(self, log: Log, part: Part) -> Iterator[None]:
        reader, longest = self._reader, self._limits.line

        def say(place: str, reason: str) -> None:
            self._reject(log.name, place, reason)

        if log.kind is Kind.EVTX:
            header = _evtx_header(part.path) if part.kind and part.start else None
            ends = part.kind is None or part.start + part.size >= part.path.stat().st_size
            return read_evtx(log.stream, reader, say, header, part.first if header else 0, ends=ends)
        if log.kind is Kind.XML:
            # lxml takes a moment to load, and most imports need none of it.
            from app.ingest.xml import read_xml

            return read_xml(log.stream, reader, say, longest)
        text = text_stream(log.stream) if part.start == 0 else log.stream
        if log.kind is Kind.JSON:
            return read_json_values(text, reader, say, longest)
        return read_json_lines(text, reader, say, longest, part.first)

    def _remember(self, name: str) -> None:
        if len(self._reader):
            self._waiting[1:] = [name] if self._waiting and self._waiting[0] != name else []
            self._waiting = self._waiting or [name]

    def _say_broken(self, name: str, error: BadInput) -> None:
        # The archive around a member breaks with the very error that its member broke with.
        if error is not self._last_error:
            self._reject(name, error.place, error.reason)
        self._last_error = error

    def _reject(self, file: str, place: str, reason: str) -> None:
        self._counts.rejected += 1
        self._rejects.append(Reject(place, reason, file))


def _in_a_sentence(reject: Reject) -> Reject:
    reason = reject.reason[:1].upper() + reject.reason[1:]
    return replace(reject, reason=reason if reason.endswith((".", "…")) else f"{reason}.")


def _found_in(part: Part, file: BinaryIO, limits: Limits) -> Iterator[Found]:
    if part.kind is None:
        return logs_in(file, part.name, limits)
    return iter([Log(part.name, part.kind, Stream(file_blocks(file, part.start, part.end)))])


def _evtx_header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER)
