"""The files that an import reads, and how large ones are shared out between processes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from app.errors import BadInput
from app.ingest import evtx
from app.ingest.archives import is_hidden
from app.ingest.kinds import HEAD, Kind, encoding_of, kind_of
from app.ingest.report import Note
from app.ingest.streams import BLOCK
from app.layouts.reader import Reject

_PART: Final = 32 << 20
"""A process takes so much of a large file at once, at least."""

_PARTS_PER_PROCESS: Final = 6
"""Larger parts are looked through for line ends less, smaller ones are shared out more evenly."""

_WORTH_A_PROCESS: Final = 8 << 20
"""Less than this, as it lies on the disk, is read sooner than another process starts."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file, or a range of one that can be read by itself.

    ``kind`` is told for a range only; ``first`` is the number of its first line or chunk.
    ``number`` is the file's among all of the import; ``label`` what people know it by.
    """

    path: Path
    size: int
    start: int = 0
    kind: Kind | None = None
    first: int = 1
    number: int = 0
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or str(self.path)

    @property
    def end(self) -> int:
        return self.start + self.size


@dataclass(slots=True)
class Sources:
    """What the paths of an import lead to."""

    files: list[Part] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)


def find_sources(
    paths: Sequence[Path], not_in: Path | None = None, labels: Mapping[Path, str] | None = None
) -> Sources:
    """Return the files at the paths; folders are walked in order of names.

    ``labels`` are what people know files by, where that is not their path.

    Raise BadInput where a path leads to nothing that can be opened: before anything is
    read. What lies below ``not_in``, our own data, is left out of folders.
    """
    sources = Sources()
    for path in paths:
        if path.is_dir():
            _walk(path, sources, not_in and not_in.resolve())
        else:
            sources.files.append(_named(path, (labels or {}).get(path, "")))
    sources.files = [replace(file, number=number) for number, file in enumerate(sources.files)]
    return sources


def _named(path: Path, label: str) -> Part:
    name = label or str(path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise BadInput("It is neither a file nor a folder. Save what it holds as a file.", file=name)
        path.open("rb").close()
    except FileNotFoundError as error:
        raise BadInput("There is no such file or folder. Check the name.", file=name) from error
    except OSError as error:
        raise BadInput(f"It cannot be opened: {error.strerror}.", file=name) from error
    return Part(path, found.st_size, label=label)


def _walk(folder: Path, sources: Sources, not_in: Path | None) -> None:
    def lost(error: OSError) -> None:
        reason = f"The folder cannot be read: {error.strerror}. Check its rights."
        sources.rejects.append(Reject("", reason, str(error.filename)))

    for where, folders, names in os.walk(folder, onerror=lost):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = Path(where)
        if not_in is not None and here.resolve() == not_in:
            folders.clear()
            sources.notes.append(
                Note(str(here), "It is this program's own data folder, so it was passed over.")
            )
            continue
        for name in sorted(names):
            path = here / name
            try:
                found = path.stat()
            except OSError as error:
                sources.rejects.append(Reject("", f"It cannot be read: {error.strerror}.", str(path)))
                continue
            if is_hidden(name):
                sources.notes.append(Note(str(path), "It is a hidden file, so it was passed over."))
            elif stat.S_ISREG(found.st_mode):
                sources.files.append(Part(path, found.st_size))
            else:
                sources.notes.append(Note(str(path), "It is no file, so it was passed over."))


def shares(files: Sequence[Part]) -> int:
    """Return how many processes could have something to do, each with something worth it; at least 1."""
    parts = [file.size // _PART if _divisible(file, _PART) else 1 for file in files]
    worth = sum(file.size for file in files) // _WORTH_A_PROCESS
    return max(1, min(sum(parts), worth))


def share_out(files: Sequence[Part], jobs: int = 1) -> Iterator[Part]:
    """Yield files and ranges of large ones for so many processes, largest files first.

    JSON lines are cut at line ends and EVTX between chunks. A large file is looked through
    for line ends only as its parts are asked for, and only if it is much of the whole.
    """
    size = max(_PART, sum(file.size for file in files) // (_PARTS_PER_PROCESS * jobs))
    size -= size % evtx.CHUNK
    for file in sorted(files, key=lambda file: -file.size):
        kind = _divisible(file, size)
        if kind is Kind.JSON_LINES:
            yield from _line_ranges(file, size)
        elif kind is Kind.EVTX:
            yield from _chunk_ranges(file, size)
        else:
            yield file


def _divisible(file: Part, size: int) -> Kind | None:
    """Return the kind of a file that is worth dividing into ranges of this size and can be."""
    if file.size < 2 * size:
        return None
    try:
        with file.path.open("rb") as opened:
            head = opened.read(HEAD)
    except OSError:
        return None  # Whoever reads it will say so.
    kind = kind_of(head)
    if kind is Kind.JSON_LINES and encoding_of(head) == "utf-8-sig":
        return kind
    return kind if kind is Kind.EVTX else None


def _line_ranges(file: Part, size: int) -> Iterator[Part]:
    with file.path.open("rb") as opened:
        start, first, at, lines = 0, 1, 0, 0
        while block := opened.read(BLOCK):
            cut = block.find(b"\n") + 1 if at - start >= size else 0
            lines += block.count(b"\n", 0, cut or len(block))
            if cut:
                yield replace(file, size=at + cut - start, start=start, kind=Kind.JSON_LINES, first=first)
                start, first = at + cut, first + lines
                lines = block.count(b"\n", cut)
            at += len(block)
        if at > start:
            yield replace(file, size=at - start, start=start, kind=Kind.JSON_LINES, first=first)


def _chunk_ranges(file: Part, size: int) -> Iterator[Part]:
    yield replace(file, size=evtx.HEADER + size, kind=Kind.EVTX, first=0)
    for start in range(evtx.HEADER + size, file.size, size):
        first = (start - evtx.HEADER) // evtx.CHUNK
        yield replace(file, size=min(size, file.size - start), start=start, kind=Kind.EVTX, first=first)
