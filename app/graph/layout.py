"""Where the nodes of a process graph stand: trees from left to right, beside and below each other.

All places are whole numbers and depend on the graph alone: everybody sees the same picture,
tomorrow too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from app.graph.model import CrossEdge, ProcessGraph
from app.graph.nodes import NodeKey
from app.graph.packing import pack
from app.graph.places import (
    BAND_HEAD,
    CARD,
    COLUMNS,
    LANE,
    MARGIN,
    PILL,
    TOP,
    WIDTH,
    Band,
    Box,
    Layout,
    Line,
    Look,
    PlacedActivity,
    PlacedFold,
    PlacedProcess,
    Point,
    boxes_of,
)
from app.graph.tree_layout import TreeLayout
from app.sysmon.kinds import Category


def lay_out(graph: ProcessGraph) -> Layout:
    """Give every node of the graph a place."""
    look = CARD if graph.has_cards else PILL
    seen: set[NodeKey] = set()
    main = [TreeLayout(graph, look, root, seen, is_quiet=False) for root in graph.roots]
    quiet = [TreeLayout(graph, look, root, seen, is_quiet=True) for root in graph.quiet]
    picture = _Picture(graph, look)
    if quiet:
        picture.add_band(main, is_quiet=False)
        picture.add_band(quiet, is_quiet=True)
    else:
        picture.add_trees(main, MARGIN + (LANE if graph.edges else 0), TOP)
    return picture.finish()


@dataclass(slots=True)
class _Picture:
    """A picture in the making: trees that found their place, and the bands around them."""

    graph: ProcessGraph
    look: Look
    processes: list[PlacedProcess] = field(default_factory=list)
    activities: list[PlacedActivity] = field(default_factory=list)
    folds: list[PlacedFold] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    bottom: int = 0

    def add_band(self, trees: Sequence[TreeLayout], *, is_quiet: bool) -> None:
        """Frame trees and put them below what is there."""
        top = self.bottom + (8 if self.bottom else 6)
        nodes = sum(len(tree.processes) + len(tree.activities) for tree in trees)
        if is_quiet:
            # The large ones first: small ones fill what is left between them.
            trees = sorted(trees, key=lambda tree: -tree.height)
        self.add_trees(trees, MARGIN + LANE, top + BAND_HEAD)
        self.bottom = max(self.bottom + LANE, top + BAND_HEAD)
        self.bands.append(Band(Box(6, top, 0, self.bottom - top), is_quiet, nodes, len(trees)))

    def add_trees(self, trees: Sequence[TreeLayout], x: int, y: int) -> None:
        """Put trees beside and below each other, from this point on."""
        gap = self.look.tree_gap
        # Trees beside each other begin on the lines of a grid.
        column = (WIDTH - x) // COLUMNS
        sizes = [(-(-(tree.width + LANE) // column) * column, tree.height + gap) for tree in trees]
        room = max([column * COLUMNS, *(width for width, _ in sizes)])
        for tree, (dx, dy) in zip(trees, pack(sizes, room), strict=True):
            tree.move(x + dx, y + dy)
            self.processes += tree.processes
            self.activities += tree.activities
            self.folds += tree.folds
            self.lines += tree.lines
            self.bottom = max(self.bottom, y + dy + tree.height)

    def finish(self) -> Layout:
        """Draw the edges between branches, and measure the whole."""
        boxes = list(boxes_of(self.processes, self.activities, self.folds))
        self.lines += _cross_lines(self.graph, self.processes, self.activities, boxes)
        right = max((box.right for box in boxes), default=WIDTH // 2)
        right = max([right, *(x for line in self.lines for x, _ in line.points)])
        bottom = max([self.bottom, *(y for line in self.lines for _, y in line.points)])
        width = max(right + MARGIN, WIDTH if self.bands else 0)
        bands = (
            Band(
                Box(band.box.x, band.box.y, width - 2 * band.box.x, band.box.h),
                band.is_quiet,
                band.nodes,
                band.trees,
            )
            for band in self.bands
        )
        return Layout(
            self.graph,
            self.look,
            width,
            bottom + MARGIN,
            tuple(self.processes),
            tuple(self.activities),
            tuple(self.folds),
            tuple(self.lines),
            tuple(bands),
        )


def _cross_lines(
    graph: ProcessGraph,
    processes: Sequence[PlacedProcess],
    activities: Sequence[PlacedActivity],
    boxes: Sequence[Box],
) -> Iterator[Line]:
    """Yield the edges to other branches whose two ends are drawn, each in a lane of its own."""
    places: Mapping[NodeKey, Box] = {
        **{placed.node.key: placed.box for placed in processes},
        **{placed.activity.key: placed.box for placed in activities},
    }
    columns = {placed.activity.key: placed.activity.process for placed in activities}
    deeds = {deed: placed.activity.key for placed in reversed(activities) for deed in _deeds(placed)}
    for number, edge in enumerate(edge for edge in graph.edges if _is_telling(edge, graph)):
        # Where the deed itself is drawn, the edge begins there.
        begin = deeds.get((edge.source, edge.kind, edge.target[-1]), edge.source)
        source, target = places.get(begin), places.get(edge.target)
        if source is None or target is None or edge.source == edge.target:
            continue
        owner = places[columns[begin]] if begin in columns else source
        shift = 3 * (number % 3)
        out, into = owner.x - LANE + shift, target.x - LANE + shift
        points: tuple[Point, ...] = ((source.x, source.middle), (out, source.middle))
        if out != into:
            way = _free_row(boxes, min(out, into), max(out, into), target.middle)
            points += ((out, way), (into, way))
        points += ((into, target.middle), (target.x - 1, target.middle))
        yield Line("cross", points, certainty=edge.certainty, edge=edge)


def _deeds(placed: PlacedActivity) -> Iterator[tuple[NodeKey, str, str]]:
    """Yield the ties that an activity is: its process, the kind, the ProcessGuid of the other one."""
    activity = placed.activity
    kind = {Category.REMOTE_THREAD: "thread", Category.PROCESS_ACCESS: "access"}.get(activity.category)
    guid = activity.details.get("TargetProcessGuid")
    if kind and guid and not activity.stands_alone:
        yield (activity.process, kind, guid)


def _is_telling(edge: CrossEdge, graph: ProcessGraph) -> bool:
    """Tell whether an edge to another branch is drawn.

    The system's own processes access every other one: only what is looked at, rare or
    marked is drawn doing it. The pane and JSON have all.
    """
    source = graph.nodes.get(edge.source)
    if edge.kind != "access" or source is None:
        return True
    return source.is_target or source.is_open or source.is_rare or source.is_marked


def _free_row(boxes: Sequence[Box], left: int, right: int, near: int) -> int:
    """Return the row nearest to ``near`` on which no box stands between two columns."""
    taken = sorted((box.y - 2, box.bottom + 4) for box in boxes if box.x < right and box.right > left)
    free, low = [], 4
    for top, bottom in taken:
        if top > low:
            free += [low, top] if top - low < 2 * LANE else [low + 3, top - 3]
        low = max(low, bottom)
    free.append(low + 3)
    return min(free, key=lambda row: (abs(row - near), row))
