"""What a placed graph is made of: boxes, lines and bands, all in whole pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.graph.model import Activity, Certainty, CrossEdge, ProcessGraph, ProcessNode

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the picture, in pixels of its real size."""

    x: int
    y: int
    w: int
    h: int

    @property
    def right(self) -> int:
        return self.x + self.w

    @property
    def bottom(self) -> int:
        return self.y + self.h

    @property
    def middle(self) -> int:
        return self.y + self.h // 2

    def moved(self, x: int, y: int) -> Box:
        """Return the box somewhere else."""
        return Box(self.x + x, self.y + y, self.w, self.h)


@dataclass(frozen=True, slots=True)
class Look:
    """The measures of one density."""

    is_card: bool
    narrow: int
    wide: int
    h: int
    gap_x: int
    gap_y: int
    act_h: int
    act_gap: int
    act_in: int
    act_top: int
    tree_gap: int


CARD: Final = Look(
    is_card=True,
    narrow=126,
    wide=172,
    h=52,
    gap_x=38,
    gap_y=18,
    act_h=20,
    act_gap=5,
    act_in=12,
    act_top=10,
    tree_gap=24,
)
PILL: Final = Look(
    is_card=False,
    narrow=108,
    wide=150,
    h=20,
    gap_x=24,
    gap_y=5,
    act_h=16,
    act_gap=3,
    act_in=8,
    act_top=4,
    tree_gap=9,
)
CHIP: Final = 66
"""How wide the one counter beside a process of the second band is."""
CHIP_GAP: Final = 8
WIDTH: Final = 1036
"""So wide a picture may become by trees beside each other; a single tree may be wider."""
COLUMNS: Final = 5
"""So many columns of small trees the picture has."""

MARGIN: Final = 16
TOP: Final = 14
BAND_HEAD: Final = 34
LANE: Final = 10
"""How far from the boxes an edge to another branch runs."""


@dataclass(frozen=True, slots=True)
class PlacedProcess:
    """A process and its box."""

    node: ProcessNode
    box: Box
    depth: int


@dataclass(frozen=True, slots=True)
class PlacedActivity:
    """What a process did, and its box; ``is_beside`` where it is the one counter to its right."""

    activity: Activity
    box: Box
    is_beside: bool = False


@dataclass(frozen=True, slots=True)
class PlacedFold:
    """The box that stands for the hidden children of a process."""

    node: ProcessNode
    box: Box


@dataclass(frozen=True, slots=True)
class Line:
    """A line from point to point, always along the axes.

    ``after`` is the time between the starts of a parent and its child, where both are known.
    """

    kind: str
    points: tuple[Point, ...]
    is_spine: bool = False
    certainty: Certainty = Certainty.LOGGED
    after: timedelta | None = None
    edge: CrossEdge | None = None


@dataclass(frozen=True, slots=True)
class Band:
    """A frame around trees: the ones that matter, or (``is_quiet``) everything else."""

    box: Box
    is_quiet: bool
    nodes: int
    trees: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A graph with a place for each of its nodes and edges."""

    graph: ProcessGraph
    look: Look
    width: int
    height: int
    processes: tuple[PlacedProcess, ...]
    activities: tuple[PlacedActivity, ...]
    folds: tuple[PlacedFold, ...]
    lines: tuple[Line, ...]
    bands: tuple[Band, ...] = ()

    def boxes(self) -> Iterator[Box]:
        """Yield the box of every node."""
        yield from boxes_of(self.processes, self.activities, self.folds)


def boxes_of(
    processes: Sequence[PlacedProcess],
    activities: Sequence[PlacedActivity],
    folds: Sequence[PlacedFold],
) -> Iterator[Box]:
    """Yield the boxes of nodes of all three sorts."""
    yield from (placed.box for placed in processes)
    yield from (placed.box for placed in activities)
    yield from (placed.box for placed in folds)
