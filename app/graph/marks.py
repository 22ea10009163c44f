"""What the reader asked to highlight: a word, or a hash."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Final

from app.graph.activity import ActivityLog
from app.graph.describe import SUBJECT
from app.graph.nodes import Process
from app.graph.objects import Thing
from app.sysmon.condition import Match, Operator, any_of
from app.sysmon.text import fold

#: Number of hexadecimal digits -> the hashes that have so many.
_HASHES: Final = {32: ("MD5", "IMPHASH"), 40: ("SHA1",), 64: ("SHA256",)}
_HASH: Final = re.compile(
    r"(?:(?:md5|sha1|sha256|imphash)\s*[=:]\s*)?([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A word to look for, in any case; and what a hash was found on, where it is one."""

    word: str = ""
    guids: Set[str] = field(default_factory=frozenset)
    """Processes whose image has the hash."""
    paths: Set[str] = field(default_factory=frozenset)
    """Files with the hash, folded."""

    def is_on_process(self, process: Process) -> bool:
        """Tell whether a process is to be highlighted."""
        if process.process_guid in self.guids:
            return True
        said = (process.image, process.command_line, process.user)
        return bool(self.word) and any(self.word in fold(text) for text in said if text)

    def is_on_thing(self, thing: Thing) -> bool:
        """Tell whether something that a process touched is to be highlighted."""
        if thing.said.identity in self.paths:
            return True
        said = (thing.said.label, thing.said.value, *thing.facts.get("DestinationHostname", ()))
        return bool(self.word) and any(self.word in fold(text) for text in said)


def mark_of(log: ActivityLog, text: str) -> Mark:
    """Return what a text marks; a hash is looked up in all events that have hashes."""
    word = fold(text.strip())
    found = _HASH.fullmatch(word)
    if not found:
        return Mark(word)
    digits = found[1].upper()
    condition = any_of(Match(name, Operator.EQUALS, digits) for name in _HASHES[len(digits)])
    names = ("EventId", SUBJECT, "ImageLoaded", "TargetFilename")
    guids: set[str] = set()
    paths: set[str] = set()
    for row in log.always().groups(condition, names).rows:
        event_id, guid, *some = row.values
        if event_id == "1" and guid:
            guids.add(guid)
        paths.update(fold(path) for path in some if path)
    return Mark(word, guids, paths)


def mark(things: Iterable[Thing], asked: Mark) -> None:
    """Mark the things that are to be highlighted."""
    for thing in things:
        thing.is_marked = asked.is_on_thing(thing)
