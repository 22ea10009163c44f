"""Nodes of graphs: typed keys, their stable ids, and the process.

A key is a tuple that begins with its kind, ``("process", computer, guid)``: equal keys
are one node, whatever events speak of it. An id is the key as a text that is safe in a
URL; it is the same tomorrow and in another process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from pathlib import PureWindowsPath
from typing import Final
from urllib.parse import quote, unquote

from app.errors import BadQuery
from app.sysmon.events import EventKey, time_text
from app.sysmon.text import fold

NodeKey = tuple[str, ...]

PROCESS: Final = "process"


class Role(StrEnum):
    """What a process is to the one that the tree was asked for."""

    ANCESTOR = "ancestor"
    TARGET = "target"
    DESCENDANT = "descendant"


@lru_cache(maxsize=1 << 16)
def node_id(key: NodeKey) -> str:
    """Return the id of a key: its parts, each quoted for URLs, with colons between."""
    return ":".join(quote(part, safe="") for part in key)


def node_key(id_: str) -> NodeKey:
    """Return the key of an id."""
    return tuple(unquote(part) for part in id_.split(":"))


def process_key(computer: str, guid: str) -> NodeKey:
    """Return the key of a process; computers are the same in any case."""
    return (PROCESS, fold(computer), guid)


def parse_guid(text: str) -> str:
    """Return a GUID as the store has it: lower case, without braces; else raise BadQuery."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    guid = inner.lower()
    if not _GUID.fullmatch(guid):
        raise BadQuery(
            f"{text!r} is not a ProcessGuid. One looks like 5e9636c4-fdf7-5c33-0000-0010c6314d00,"
            " in any case, with or without braces.",
            text=text,
        )
    if not guid.strip("0-"):
        raise BadQuery("The GUID of only zeros names no process: Sysmon writes it where it knows none.")
    return guid


def guid_time(guid: str) -> datetime | None:
    """Return when a process started by its ProcessGuid: Sysmon writes the second into it.

    The time is that of Sysmon's clock, as UtcTime. None where the GUID holds none.
    """
    parts = guid.split("-")
    try:
        seconds = int(parts[2] + parts[1], 16)
    except (IndexError, ValueError):
        return None
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process of one computer.

    ``logged`` says that its creation (event 1) is stored. Where it is not, the fields
    are what its children or its own other events say of it, and ``utc_time`` is unknown.
    ``creations`` are the keys of its events 1: more than one where the log repeats it.
    ``level`` counts from the target: ancestors below 0, descendants above.
    """

    key: NodeKey
    computer: str
    process_guid: str | None
    process_id: int | None = None
    image: str | None = None
    command_line: str | None = None
    user: str | None = None
    utc_time: datetime | None = None
    ended: datetime | None = None
    logged: bool = True
    role: Role = Role.DESCENDANT
    level: int = 0
    creations: tuple[EventKey, ...] = ()

    @property
    def id(self) -> str:
        return node_id(self.key)

    @property
    def started(self) -> datetime | None:
        """When it started, by its creation or else by its GUID."""
        return self.utc_time or (guid_time(self.process_guid) if self.process_guid else None)

    @property
    def image_name(self) -> str:
        """``cmd.exe`` of ``C:\\Windows\\System32\\cmd.exe``; empty where there is no image."""
        return PureWindowsPath(self.image or "").name

    @property
    def label(self) -> str:
        """What a sentence calls the process: ``cmd.exe (6732)``."""
        name = self.image_name or "a process without an Image"
        return name if self.process_id is None else f"{name} ({self.process_id})"

    def to_json(self) -> dict[str, str | int | bool | None]:
        """Return the node as the contract for machines has it."""
        return {
            "id": self.id,
            "kind": PROCESS,
            "Computer": self.computer,
            "ProcessGuid": self.process_guid,
            "ProcessId": self.process_id,
            "Image": self.image,
            "CommandLine": self.command_line,
            "User": self.user,
            "UtcTime": time_text(self.utc_time) if self.utc_time else None,
            "ended": time_text(self.ended) if self.ended else None,
            "logged": self.logged,
            "role": self.role.value,
        }
