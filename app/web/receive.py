"""Taking uploads: from the request to files, block by block, whatever their size."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from hashlib import sha256
from typing import IO, Any, BinaryIO, Final

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Event, File, MultipartDecoder, NeedData

from app.errors import BadInput, StoreUnavailable
from app.jobs.uploads import Upload, UploadedFile
from app.settings import Settings
from app.web.punch import punch
from app.web.texts import _

UPLOAD_PATHS: Final = ("/imports", "/imports.json")
"""Addresses that take uploads."""

MOST_FILES: Final = 5_000
_BLOCK: Final = 1 << 20
_PUNCHED: Final = 16 << 20
_MOST_HEADER: Final = 1 << 16
_LONGEST_NAME: Final = 400
_SLACK: Final = 4 << 20
"""What a form of many files has besides them."""


def most_bytes(settings: Settings) -> int:
    """Return how many bytes an upload may have."""
    return (settings.max_upload_mb << 20) + _SLACK


def too_large(most: int) -> str:
    """Return what to say of an upload that has more than ``most`` bytes."""
    return _(
        "It has more than %(number)s MB, the most that is taken at once. Send fewer files at a time, raise"
        " SYSMONSEARCH_MAX_UPLOAD_MB, or import them on the command line. Nothing of it was kept.",
        number=f"{(most - _SLACK) >> 20:,}",
    )


def receive(request: Request, upload: Upload, settings: Settings) -> list[UploadedFile]:
    """Write the files of a form into the upload's folder; return what they are.

    Raise BadInput where that is no form with files, RequestEntityTooLarge above a limit, and
    StoreUnavailable where the disk takes no more.
    """
    most = most_bytes(settings)
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge(too_large(most))
    mimetype, options = parse_options_header(request.headers.get("Content-Type"))
    boundary = options.get("boundary", "")
    if mimetype != "multipart/form-data" or not boundary.isascii() or not boundary:
        raise BadInput(_("No file came with the form. Choose at least one."))
    receiver = _Receiver(upload, boundary.encode())
    try:
        for block in _blocks(request.environ, most):
            receiver.take(block)
        receiver.end()
    except OSError as error:
        raise _of_the_disk(error) from error
    finally:
        receiver.close()
    if not receiver.files:
        raise BadInput(_("No file came with the form. Choose at least one."))
    return receiver.files


class _Receiver:
    """Reads the parts of a form and writes those that are files."""

    def __init__(self, upload: Upload, boundary: bytes) -> None:
        self.files: list[UploadedFile] = []
        self._upload = upload
        self._decoder = MultipartDecoder(boundary, max_form_memory_size=2 * _BLOCK + _MOST_HEADER)
        self._name = ""
        self._file: IO[bytes] | None = None
        self._hash = sha256()
        self._names: set[str] = set()

    def take(self, block: bytes | None) -> None:
        """Take the next bytes; None: there are no more."""
        for event in self._events(block):
            if isinstance(event, File) and event.filename:
                self._begin(event.filename)
            elif isinstance(event, Data) and self._file is not None:
                self._hash.update(event.data)
                self._file.write(event.data)
                if not event.more_data:
                    self._finish(self._file)

    def _events(self, block: bytes | None) -> Iterator[Event]:
        """Yield what the bytes are; a field that is no file is passed over."""
        try:
            self._decoder.receive_data(block)
            while not isinstance(event := self._decoder.next_event(), Epilogue | NeedData):
                yield event
        except (ValueError, RequestEntityTooLarge) as error:
            raise BadInput(
                _("The form is damaged or cut off. Nothing of it was kept; send it again.")
            ) from error

    def end(self) -> None:
        """Say that no more comes; raise BadInput where more should have come."""
        self.take(None)

    def close(self) -> None:
        """Close the file that was being written, if an error came between."""
        if self._file is not None:
            self._file.close()

    def _begin(self, name: str) -> None:
        if len(self.files) == MOST_FILES:
            raise RequestEntityTooLarge(
                _(
                    "More than %(number)s files at once are not taken. Pack them into one archive, or import"
                    " their folder on the command line. Nothing of it was kept.",
                    number=f"{MOST_FILES:,}",
                )
            )
        self._name = self._free_name(name)
        self._hash = sha256()
        self._file = self._upload.path(len(self.files) + 1).open("xb")

    def _finish(self, file: IO[bytes]) -> None:
        size = file.tell()
        file.close()
        self._file = None
        self.files.append(UploadedFile(len(self.files) + 1, self._name, size, self._hash.hexdigest()))

    def _free_name(self, name: str) -> str:
        """Return a name of bounded length that no other file of the upload has."""
        if len(name) > _LONGEST_NAME:
            name = f"{name[: _LONGEST_NAME // 2]}…{name[-_LONGEST_NAME // 2 :]}"
        free, number = name, 1
        while free in self._names:
            number += 1
            free = f"{name} ({number})"
        self._names.add(free)
        return free


def _blocks(environ: dict[str, Any], most: int) -> Iterator[bytes]:
    """Yield the body; raise BadInput where it ends too soon, RequestEntityTooLarge where it is too long."""
    stream: BinaryIO = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    if not length and not environ.get("wsgi.input_terminated"):
        return
    left = int(length) if length else most + 1
    is_file, punched = _is_file(stream), 0
    while left and (block := stream.read(min(left, _BLOCK))):
        left -= len(block)
        yield block
        if is_file and stream.tell() - punched >= _PUNCHED:
            # What was copied need not lie on the disk twice.
            punch(stream.fileno(), punched, _PUNCHED)
            punched += _PUNCHED
    if left and length:
        raise BadInput(_("The upload was cut off. Nothing of it was kept; send it again."))
    if not left and not length:
        raise RequestEntityTooLarge(too_large(most))


def _is_file(stream: BinaryIO) -> bool:
    """Tell whether the server has put the body into a file, not merely into memory."""
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, AttributeError):
        return False


def _of_the_disk(error: OSError) -> StoreUnavailable:
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return StoreUnavailable(
            _(
                "The disk of the data folder has no room for the upload, of which nothing was kept. Make"
                " room, or import the files on the command line, which needs no copy of them."
            )
        )
    return StoreUnavailable(
        _("The upload cannot be written: %(reason)s. Nothing of it was kept.", reason=error.strerror or error)
    )
