"""Short names of a graph's nodes for its addresses.

All ids of one graph hold its computer, most of them the picked process too: neither has to
be said again in each of hundreds of links.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from app.graph.nodes import PROCESS
from app.sysmon.text import fold

_PROCESS: Final = "p"
_JOINT: Final = "~"
_LONGEST: Final = 1_000


@dataclass(frozen=True, slots=True)
class NodeNames:
    """The names in a graph of ``computer``; ``guid`` is the picked process's, or empty.

    ``p~GUID`` is a process, ``p~`` the picked one; the parts of an id stand between tildes.
    """

    computer: str
    guid: str = ""

    def short(self, id_: str) -> str:
        """Return the short name of an id; the id itself where it is of another graph."""
        kind, _, rest = id_.partition(":")
        computer, _, rest = rest.partition(":")
        if computer != self._quoted or not rest:
            return id_
        guid, *more = rest.split(":")
        guid = "" if guid == self.guid else guid
        parts = [_PROCESS if kind == PROCESS else kind, guid, *more]
        return _JOINT.join(part.replace(_JOINT, "%7E") for part in parts)

    def whole(self, name: str) -> str:
        """Return the id that a short name stands for; ids are taken as they are."""
        if ":" in name or _JOINT not in name:
            return name
        kind, guid, *more = (part.replace("%7E", _JOINT) for part in name.split(_JOINT))
        kind = PROCESS if kind == _PROCESS else kind
        return ":".join([kind, self._quoted, guid or self.guid, *more])

    @property
    def _quoted(self) -> str:
        return quote(fold(self.computer), safe="")


def is_name(text: str) -> bool:
    """Tell whether a text can be the name of a node: none is longer."""
    return 0 < len(text) <= _LONGEST
