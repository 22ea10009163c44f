"""What a process touched: groups of its events made into things with a name.

A thing is what stands still while events come and go: a file by its path, an address with
all its ports, a process that was accessed. Names compare without case, as Windows does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from app.graph.model import Certainty
from app.graph.texts import Translate
from app.store.port import Rarity
from app.sysmon.condition import Condition
from app.sysmon.kinds import Category, category_of
from app.sysmon.text import fold

MOST_SAID: Final = 10
"""So many different values of a field are written out in a thing's details."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one group of events says of a thing: who it is, and facts to be counted."""

    kind: str
    identity: str
    label: str
    value: str
    condition: Condition
    folder: str = ""
    """Things of one folder are grouped together before all others of the category."""
    form: str = ""
    """Many things of one form are alike; without one, things are unlike each other."""
    rare: tuple[str, str] | None = None
    """Field and value that say how rare it is."""
    facts: Mapping[str, str | None] = field(default_factory=dict)
    port: str = ""
    direction: str = ""
    is_unsigned: bool = False
    keeps: bool = False
    """However common, it stands alone: what reads lsass.exe reads passwords."""
    stands_alone: bool = False
    certainty: Certainty = Certainty.LOGGED


@dataclass(slots=True, kw_only=True)
class Thing:
    """One thing that a process touched, with all its events counted."""

    said: Said
    category: Category
    count: int = 0
    first: datetime
    last: datetime
    event_ids: set[int] = field(default_factory=set)
    facts: dict[str, dict[str, int]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    directions: set[str] = field(default_factory=set)
    rarity: Rarity | None = None
    is_unsigned: bool = False
    is_marked: bool = False

    def add(self, said: Said, event_id: int, count: int, first: datetime, last: datetime) -> None:
        """Count some more of its events."""
        self.count += count
        self.first, self.last = min(self.first, first), max(self.last, last)
        self.event_ids.add(event_id)
        for name, value in said.facts.items():
            if value is not None:
                values = self.facts.setdefault(name, {})
                values[value] = values.get(value, 0) + count
        if said.port:
            self.ports[said.port] = self.ports.get(said.port, 0) + count
        if said.direction:
            self.directions.add(said.direction)
        self.is_unsigned |= said.is_unsigned

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes it the same thing, within its process."""
        return (self.category, self.said.kind, self.said.identity)

    @property
    def order(self) -> tuple[bool, bool, bool, datetime, str]:
        """Things that matter stand first, then those that came first."""
        rare = self.rarity is not None and self.rarity.computers == 1
        return (not self.is_marked, not self.is_unsigned, not rare, self.first, self.said.identity)

    def details(self) -> dict[str, str]:
        """Return what is to know of it by name of field, with counts where values differ."""
        return {name: _listed(values) for name, values in self.facts.items()}


def _listed(values: Mapping[str, int]) -> str:
    if len(values) == 1:
        return next(iter(values))
    ordered = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{value} ×{count:,}" for value, count in ordered[:MOST_SAID]]
    return ", ".join([*shown, *(["…"] if len(ordered) > MOST_SAID else [])])


@dataclass(frozen=True, slots=True)
class Row:
    """Events that are alike: the values that they have, by name of field."""

    event_id: int
    values: Mapping[str, str | None]
    count: int
    first: datetime
    last: datetime

    def __getitem__(self, name: str) -> str | None:
        return self.values.get(name)


Describe = Callable[[Row, Translate], Said]


def gathered(rows: Iterable[Row], describe: Describe, translate: Translate) -> list[Thing]:
    """Return the things that rows of one process speak of, each once."""
    things: dict[tuple[str, ...], Thing] = {}
    for row in rows:
        said = describe(row, translate)
        category = category_of(row.event_id)
        identity = (category, said.kind, said.identity)
        thing = things.get(identity)
        if thing is None:
            thing = things[identity] = Thing(said=said, category=category, first=row.first, last=row.last)
        thing.add(said, row.event_id, row.count, row.first, row.last)
    return list(things.values())


def tail(path: str, parts: int = 1) -> str:
    """Return the last parts of a path: ``a.exe`` of ``C:\\Temp\\a.exe``."""
    pieces = [piece for piece in path.replace("/", "\\").split("\\") if piece]
    return "\\".join(pieces[-parts:]) or path


def folder_of(path: str) -> str:
    """Return what stands before the last part of a path."""
    return path.replace("/", "\\").rpartition("\\")[0]


def extension_of(path: str) -> str:
    """Return ``exe`` of ``C:\\Temp\\A.EXE``; streams count as their file."""
    name = tail(path)
    stem, colon, _ = name.partition(":")
    return fold((stem if colon else name).rpartition(".")[2]) if "." in name else ""


def digest(text: str) -> str:
    """Return a short name for a text of any length, the same everywhere."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
