"""Which processes of a graph are drawn when they are too many, and why the others are not.

First go those that most computers have, then siblings that are many alike, then the rest,
from the leaves upwards. The target, its ancestors, what the reader opened and what one
computer only has stay, the last ones as long as the budget allows.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from app.graph import texts
from app.graph.forest import Forest
from app.graph.nodes import NodeKey
from app.sysmon.text import fold

MANY: Final = 4
"""So many siblings with one image are many alike."""


class Rank(IntEnum):
    """In which order processes fold; the last never do."""

    COMMON = 0
    ALIKE = 1
    PLAIN = 2
    CHILD_OF_OPENED = 3
    RARE = 4
    PICKED = 5
    NEVER = 6


REASONS: Final = {
    Rank.COMMON: texts.COMMON,
    Rank.ALIKE: texts.ALIKE,
    Rank.PLAIN: texts.CHILDLESS,
    Rank.CHILD_OF_OPENED: texts.BUDGET,
    Rank.RARE: texts.BUDGET,
    Rank.PICKED: texts.BUDGET,
}


@dataclass(slots=True)
class Folding:
    """What was folded: processes with the reason, and what each one that is drawn hides."""

    reasons: dict[NodeKey, str] = field(default_factory=dict)
    hidden: dict[NodeKey, Counter[str]] = field(default_factory=dict)
    """Drawn process -> names of the images folded below it."""
    why: dict[NodeKey, set[str]] = field(default_factory=dict)

    def sums(self) -> Counter[str]:
        """Return how many processes are folded for each reason."""
        return Counter(self.reasons.values())


def fold_to(forest: Forest, ranks: Mapping[NodeKey, Rank], closed: Set[NodeKey], room: int) -> Folding:
    """Fold until at most ``room`` processes are left, or none is left that may fold.

    All below a process of ``closed`` is folded first, whatever it is, but for what leads to
    one that never folds.
    """
    folding = Folding()
    for key in _below_closed(forest, ranks, closed):
        folding.reasons[key] = texts.CLOSED
    left = len(forest.processes) - len(folding.reasons)
    if left > room:
        _fold_leaves(forest, ranks, folding, left - room)
    _count_hidden(forest, folding)
    return folding


def alike_ranks(forest: Forest) -> dict[NodeKey, Rank]:
    """Return which processes have many siblings with the same image."""
    ranks: dict[NodeKey, Rank] = {}
    for children in (*forest.children.values(), forest.roots):
        images = Counter(fold(forest.processes[key].image or "") for key in children)
        for key in children:
            if images[fold(forest.processes[key].image or "")] >= MANY:
                ranks[key] = Rank.ALIKE
    return ranks


def _below_closed(forest: Forest, ranks: Mapping[NodeKey, Rank], closed: Set[NodeKey]) -> Iterator[NodeKey]:
    needed: set[NodeKey] = set()
    for key, rank in ranks.items():
        if rank is Rank.NEVER:
            needed.update(forest.path_to(key))
    seen: set[NodeKey] = set()
    for parent in closed:
        for key in forest.below(forest.children.get(parent, ())):
            if key not in needed and key not in seen:
                seen.add(key)
                yield key


def _fold_leaves(forest: Forest, ranks: Mapping[NodeKey, Rank], folding: Folding, too_many: int) -> None:
    levels = forest.levels()
    siblings = _sets(forest, ranks)
    drawn = {
        key: sum(child not in folding.reasons for child in children)
        for key, children in forest.children.items()
    }

    def entry(key: NodeKey) -> tuple[Rank, int, NodeKey, int, int, NodeKey]:
        rank, set_ = ranks.get(key, Rank.PLAIN), siblings.get(key)
        size, name = set_ or (0, ())
        return (rank, -size, name, -levels[key], -place[key], key)

    place = {key: number for number, key in enumerate(sorted(forest.processes, key=forest.order))}
    waiting = [
        entry(key)
        for key in forest.processes
        if not drawn[key] and key not in folding.reasons and ranks.get(key) is not Rank.NEVER
    ]
    heapq.heapify(waiting)
    current: NodeKey = ()
    while waiting and (too_many > 0 or (waiting[0][2] and waiting[0][2] == current)):
        rank, _, current, _, _, key = heapq.heappop(waiting)
        folding.reasons[key] = REASONS[rank]
        too_many -= 1
        parent = forest.parents.get(key)
        if parent is not None:
            drawn[parent] -= 1
            if not drawn[parent] and ranks.get(parent) is not Rank.NEVER:
                heapq.heappush(waiting, entry(parent))


def _sets(forest: Forest, ranks: Mapping[NodeKey, Rank]) -> dict[NodeKey, tuple[int, NodeKey]]:
    """Return size and name of the set of siblings that fold together: all or none."""
    sets: dict[NodeKey, list[NodeKey]] = {}
    for key, rank in ranks.items():
        if rank is Rank.ALIKE:
            name = (*forest.parents.get(key, ()), fold(forest.processes[key].image or ""))
            sets.setdefault(name, []).append(key)
    return {key: (len(keys), name) for name, keys in sets.items() for key in keys}


def _count_hidden(forest: Forest, folding: Folding) -> None:
    """Count what is folded on the nearest process above it that is drawn."""
    above: dict[NodeKey, NodeKey | None] = {}
    for key in forest.below(forest.roots):
        parent = forest.parents.get(key)
        if key not in folding.reasons:
            above[key] = key
            continue
        holder = above[key] = above[parent] if parent is not None else None
        if holder is not None:
            name = forest.processes[key].image_name
            folding.hidden.setdefault(holder, Counter())[name] += 1
            folding.why.setdefault(holder, set()).add(folding.reasons[key])
