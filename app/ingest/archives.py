"""Logs in a file, however it is packed: archives within archives are opened on the way.

Members are streamed and never written to the disk, so a name that leads out of the
archive, or to a device, can do no harm: names are only shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, Final

from app.errors import BadInput
from app.ingest.kinds import Kind, kind_of
from app.ingest.report import Note
from app.ingest.streams import Allowance, Limits, Stream, file_blocks, gunzip
from app.ingest.tar import TarMember, tar_members
from app.ingest.zip import zip_members, zip_members_in_passing

_DEEPEST: Final = 4
"""Layers of packing, each of gzip, tar and zip being one: .tar.gz files in a zip are three."""


@dataclass(frozen=True, slots=True)
class Log:
    """A stream that is to be read; to its end, or as far as wanted, before the next is asked for."""

    name: str
    kind: Kind
    stream: Stream


@dataclass(frozen=True, slots=True)
class Broken:
    """What cannot be read, or not to its end.

    An archive that ends too soon breaks the member that is being read with the same error,
    which need be said only once.
    """

    name: str
    error: BadInput


Found = Log | Broken | Note


def logs_in(file: BinaryIO, name: str, limits: Limits) -> Iterator[Found]:
    """Yield the logs in an open file, and what is to be said of other members."""
    return _open(name, Stream(file_blocks(file)), Allowance(limits), 0, file)


def is_hidden(name: str) -> bool:
    """Tell what systems and file managers leave behind: ``.DS_Store``, ``._a.json``, ``__MACOSX``."""
    *folders, last = PurePosixPath(name.replace("\\", "/")).parts or ("",)
    return last.startswith(".") or "__MACOSX" in folders


def _open(
    name: str, stream: Stream, allowance: Allowance, depth: int, file: BinaryIO | None
) -> Iterator[Found]:
    """Yield the logs in a stream; ``file`` is where it can be sought in."""
    try:
        kind = kind_of(stream.peek())
        if kind not in {Kind.GZIP, Kind.TAR, Kind.ZIP}:
            yield Log(name, kind, stream)
        elif depth == _DEEPEST:
            yield Broken(name, BadInput(f"It is packed more than {_DEEPEST} times over. Unpack it first."))
        elif kind is Kind.GZIP:
            inner = Stream(gunzip(stream, allowance))
            yield from _open(name, inner, allowance, depth + 1, None)
            inner.skip(1 << 62)  # So that damage behind the last member is seen too.
        elif kind is Kind.TAR:
            for member in tar_members(stream):
                yield from _tar_member(name, member, allowance, depth)
        else:
            members = zip_members(file, allowance) if file else zip_members_in_passing(stream, allowance)
            for packed in members:
                if not packed.is_folder:
                    yield from _member(name, packed.name, packed.content, allowance, depth)
    except BadInput as error:
        yield Broken(name, error)


def _tar_member(archive: str, member: TarMember, allowance: Allowance, depth: int) -> Iterator[Found]:
    if member.is_folder:
        return
    if not member.is_file:
        yield Note(f"{archive}/{member.name}", "It is a link or a device, no file, so it was passed over.")
        return
    yield from _member(archive, member.name, member.stream, allowance, depth)


def _member(
    archive: str, member: str, content: Stream | BadInput, allowance: Allowance, depth: int
) -> Iterator[Found]:
    name = f"{archive}/{member}"
    if is_hidden(member):
        yield Note(name, "It is a hidden file of the system that packed the archive, so it was passed over.")
    elif isinstance(content, BadInput):
        yield Broken(name, content)
    else:
        if member.startswith(("/", "\\")) or ".." in member.replace("\\", "/").split("/"):
            yield Note(
                name,
                "Its name leads out of the archive. It was read like any other: nothing is ever written"
                " under the name of a member.",
            )
        yield from _open(name, content, allowance, depth + 1, None)
