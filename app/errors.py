"""Errors that a person may read.

Each message is one or more whole sentences: what is wrong, where, and what to do.
None of them knows HTTP or exit codes; the web and the command line each have one
table for that.
"""

from __future__ import annotations


class SysmonSearchError(Exception):
    """The root of all errors that are shown to a person as they are."""


class BadSetting(SysmonSearchError):
    """A setting has a value that cannot be used."""


class BadQuery(SysmonSearchError):
    """A query cannot be understood.

    ``position`` counts characters of ``text`` from 0; it is None where no single
    character is to blame.
    """

    def __init__(self, message: str, *, text: str = "", position: int | None = None) -> None:
        super().__init__(message)
        self.text = text
        self.position = position


class BadInput(SysmonSearchError):
    """A file that was to be read cannot be read, or not to its end."""

    def __init__(self, reason: str, *, file: str = "", place: str = "") -> None:
        where = " ".join(part for part in (file, place) if part)
        super().__init__(f"{where}: {reason}" if where else reason)
        self.file = file
        self.place = place
        self.reason = reason


class NotFound(SysmonSearchError):
    """What was asked for by name or key is not there."""


class StoreUnavailable(SysmonSearchError):
    """The store cannot answer now; nothing was lost, and trying again may help."""


class QueryTooSlow(StoreUnavailable):
    """A query ran out of its time budget."""


class QueryCancelled(StoreUnavailable):
    """Somebody cancelled the query."""


class StoreDamaged(SysmonSearchError):
    """Stored data is not what was written."""


class OutputLost(SysmonSearchError):
    """What was to be printed could not be written to its end."""
