"""Processes by parent and child, as graphs of one target and of a whole computer both need them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.graph.nodes import NodeKey, Process
from app.graph.tree import ProcessTree


@dataclass(slots=True)
class Forest:
    """Trees of processes. Each has one parent at most, and no one is its own ancestor.

    Children stand in the order of their start, then of their key.
    """

    processes: dict[NodeKey, Process]
    parents: dict[NodeKey, NodeKey]
    children: dict[NodeKey, list[NodeKey]] = field(init=False)

    def __post_init__(self) -> None:
        self.children = {key: [] for key in self.processes}
        for child, parent in self.parents.items():
            self.children[parent].append(child)
        for some in self.children.values():
            some.sort(key=self.order)

    @classmethod
    def of(cls, tree: ProcessTree) -> Forest:
        """Return the processes of the tree of one target."""
        processes = {key: tree.process(key) for key in tree.graph}
        return cls(processes, {child: parent for parent, child in tree.graph.edges})

    @property
    def roots(self) -> list[NodeKey]:
        return sorted((key for key in self.processes if key not in self.parents), key=self.order)

    def order(self, key: NodeKey) -> tuple[datetime, NodeKey]:
        """Return where a process stands among its siblings."""
        return (self.processes[key].utc_time or _NO_TIME, key)

    def path_to(self, key: NodeKey) -> list[NodeKey]:
        """Return the way from the root to this process, both included."""
        path = [key]
        while (parent := self.parents.get(path[-1])) is not None:
            path.append(parent)
        return path[::-1]

    def below(self, keys: Iterable[NodeKey]) -> Iterator[NodeKey]:
        """Yield these processes and all below them, parents first."""
        waiting = list(keys)[::-1]
        while waiting:
            key = waiting.pop()
            yield key
            waiting += self.children[key][::-1]

    def without(self, keys: set[NodeKey]) -> Forest:
        """Return the forest without these; what stood below them are roots, if it is kept."""
        return Forest(
            {key: process for key, process in self.processes.items() if key not in keys},
            {
                child: parent
                for child, parent in self.parents.items()
                if child not in keys and parent not in keys
            },
        )

    def levels(self) -> Mapping[NodeKey, int]:
        """Return how deep each process stands, from 0."""
        levels: dict[NodeKey, int] = {}
        for key in self.below(self.roots):
            parent = self.parents.get(key)
            levels[key] = 0 if parent is None else levels[parent] + 1
        return levels


_NO_TIME = datetime.min.replace(tzinfo=UTC)
