"""What a picture of a graph says in words: labels and titles of its nodes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from app.graph.measure import shorten
from app.graph.model import Activity, CrossEdge, ProcessGraph, ProcessNode
from app.graph.nodes import NodeKey
from app.sysmon.text import visible

Translate = Callable[[str], str]
TITLE: Final = 200
"""So many characters of a title are kept: it is a hint, the page has the whole."""


def short_user(user: str) -> str:
    """Return the user without the domain; the service accounts by their short names."""
    name = user.rpartition("\\")[2]
    return {"NETWORK SERVICE": "NETWORK", "LOCAL SERVICE": "LOCAL"}.get(name.upper(), name)


def after_text(length: timedelta) -> str:
    """Return ``+0.6s``, ``+79s``, ``+12m``, ``+3h`` or ``+2d``: how long after its parent a child began."""
    seconds = length.total_seconds()
    for most, size, unit in ((99.5, 1, "s"), (5970, 60, "m"), (172_800, 3600, "h")):
        if seconds < most:
            return f"+{seconds:.1f}s" if seconds < 9.95 else f"+{seconds / size:.0f}{unit}"
    return f"+{seconds / 86_400:.0f}d"


def process_title(node: ProcessNode, computers: int, translate: Translate, most: int = TITLE) -> str:
    """Return what hovering over a process says."""
    process = node.process
    lines = [process.label]
    if process.command_line or process.image:
        lines.append(process.command_line or process.image or "")
    if not process.logged:
        lines.append(translate("Not logged by Sysmon: known from other events only."))
    if node.is_rare:
        lines.append(seen_on(node.rarity.computers if node.rarity else 1, computers, translate))
    if node.reason and node.hidden_children:
        lines.append(hidden_words(node, translate))
    return _title(lines, most)


def activity_title(activity: Activity, computers: int, translate: Translate, most: int = TITLE) -> str:
    """Return what hovering over an activity says."""
    lines = [activity.title or activity.label]
    if activity.count > 1:
        lines.append(translate("{count} events").format(count=f"{activity.count:,}"))
    if activity.is_folded and activity.reason:
        lines.append(translate("Folded: {reason}").format(reason=activity.reason))
    if activity.is_unsigned:
        lines.append(translate("not signed"))
    if activity.rarity is not None and activity.rarity.computers == 1 < computers:
        lines.append(seen_on(1, computers, translate))
    return _title(lines, most)


#: Kind of a tie between branches -> what it is called.
_TIES: Final = {"thread": "Remote thread", "access": "Process access"}


def tie_words(edge: CrossEdge, graph: ProcessGraph, translate: Translate) -> str:
    """Return what hovering over an edge to another branch says: ``Remote thread: a.exe (1) → b.exe (2)``."""
    words = translate(_TIES.get(edge.kind, edge.label or edge.kind))
    said = f"{words}: {_end(edge.source, graph)} → {_end(edge.target, graph)}"
    return _title(
        [said, translate("{count} events").format(count=f"{edge.count:,}") if edge.count > 1 else ""]
    )


def _end(key: NodeKey, graph: ProcessGraph) -> str:
    node = graph.nodes.get(key)
    if node is not None:
        return node.process.label
    found = (act for each in graph.nodes.values() for act in each.activities if act.key == key)
    return next((activity.label for activity in found), "?")


def hidden_words(node: ProcessNode, translate: Translate) -> str:
    """Return how many processes below a process are folded away, and why."""
    words = (
        translate("1 process folded")
        if node.hidden_children == 1
        else translate("{count} processes folded").format(count=f"{node.hidden_children:,}")
    )
    return f"{words}: {node.reason}" if node.reason else words


def seen_on(computers: int, of: int, translate: Translate) -> str:
    """Return in words on how many computers something was seen."""
    return translate("seen on {computers} of {of} computers").format(computers=f"{computers:,}", of=f"{of:,}")


def _title(lines: list[str], most: int = TITLE) -> str:
    return visible(shorten("\n".join(shorten(line, most) for line in lines if line), most))
