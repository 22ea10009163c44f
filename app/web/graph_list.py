"""A process graph as a nested list: the same nodes, for those who read rather than look.

The list is made flat, each line with what it opens and closes, so that a tree may be as deep
as it likes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.graph.model import Activity, ProcessGraph, ProcessNode
from app.graph.svg_nodes import FOLD, Address
from app.graph.wording import hidden_words
from app.web.formats import span
from app.web.graph_args import GraphArgs
from app.web.texts import _, translate
from app.web.what import short

MOST_ADDRESSES: Final = 20_000
"""Where the addresses of all nodes are longer, the list has none: the picture's nodes are links already."""

_NAME: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedActivity:
    """Something that a process did; ``href`` picks it, empty where there is no room for addresses."""

    activity: Activity
    label: str
    href: str
    is_picked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedProcess:
    """One line of the list, and how the list goes on behind it.

    ``opens``: its children follow, one level deeper. ``closes`` levels end behind it.
    """

    node: ProcessNode
    name: str
    user: str
    href: str
    is_picked: bool
    lived: str
    activities: tuple[ListedActivity, ...]
    hidden: str
    hidden_href: str
    opens: bool
    closes: int

    @property
    def time(self) -> datetime | None:
        """When it started, by UtcTime."""
        return self.node.process.utc_time


def listed(graph: ProcessGraph, args: GraphArgs, selected: str) -> tuple[ListedProcess, ...]:
    """Return the drawn nodes as a list, parents first."""
    has_links = len(args.address(sel="")) * graph.visible <= MOST_ADDRESSES
    pick = args.picking() if has_links else _no_address
    order = list(_in_order(graph))
    depths = [depth for _, depth in order] + [0]
    return tuple(
        _line(args, node, selected, pick, depth=depth, following=depths[place + 1])
        for place, (node, depth) in enumerate(order)
    )


def _in_order(graph: ProcessGraph) -> Iterator[tuple[ProcessNode, int]]:
    stack = [(key, 0) for key in reversed((*graph.roots, *graph.quiet))]
    seen = set()
    while stack:
        key, depth = stack.pop()
        if key in seen or key not in graph.nodes:
            continue
        seen.add(key)
        node = graph.nodes[key]
        yield node, depth
        stack += [(child, depth + 1) for child in reversed(node.children)]


def _no_address(_id: str) -> str:
    return ""


def _line(
    args: GraphArgs,
    node: ProcessNode,
    selected: str,
    pick: Address,
    *,
    depth: int,
    following: int,
) -> ListedProcess:
    process = node.process
    lived = ""
    if process.ended and process.utc_time and process.ended >= process.utc_time:
        lived = _("ended after %(span)s", span=span(process.ended - process.utc_time))
    return ListedProcess(
        node=node,
        name=short(process.image_name, _NAME) or translate("no Image"),
        user=short(process.user or "", _NAME),
        href=pick(node.id),
        is_picked=node.id == selected,
        lived=lived,
        activities=tuple(_activity(activity, selected, pick) for activity in node.activities),
        hidden=short(hidden_words(node, translate), 200) if node.hidden_children else "",
        hidden_href=args.toggled(node.id + FOLD, is_open=False),
        opens=following > depth,
        closes=max(0, depth - following),
    )


def _activity(activity: Activity, selected: str, pick: Address) -> ListedActivity:
    return ListedActivity(
        activity=activity,
        label=short(activity.label, _NAME),
        href=pick(activity.id),
        is_picked=activity.id == selected,
    )
