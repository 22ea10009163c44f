"""The last few graphs, kept while nothing new is stored: picking a node needs no new one.

Only what is drawn is kept, at most ``MOST_BUDGET`` nodes each, so a few are small.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from flask import current_app

from app.graph.model import ProcessGraph
from app.web.stores import get_store
from app.web.texts import language

KEPT: Final = 8
_EXTENSION: Final = "sysmonsearch.graphs"


@dataclass(slots=True)
class GraphCache:
    """Graphs by what was asked, the last used last. Safe to use from several threads."""

    graphs: OrderedDict[Hashable, ProcessGraph] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def get(self, key: Hashable) -> ProcessGraph | None:
        """Return the graph that was kept, or None."""
        with self.lock:
            if key in self.graphs:
                self.graphs.move_to_end(key)
            return self.graphs.get(key)

    def keep(self, key: Hashable, graph: ProcessGraph) -> None:
        """Keep a graph; the one that was not used for longest goes."""
        with self.lock:
            self.graphs[key] = graph
            while len(self.graphs) > KEPT:
                self.graphs.popitem(last=False)


def remembered(asked: Hashable, build: Callable[[], ProcessGraph]) -> ProcessGraph:
    """Return the graph that was asked for: the one that was kept, if the store is the same still."""
    cache: GraphCache = current_app.extensions.setdefault(_EXTENSION, GraphCache())
    info = get_store().info()
    key = (asked, info.newest_batch, info.events, len(info.computers), language())
    graph = cache.get(key)
    if graph is None:
        graph = build()
        cache.keep(key, graph)
    return graph
