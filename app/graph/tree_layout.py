"""One tree of a graph, from left to right.

The first child stands on the row of its parent, so the way from the root to the target is
one straight line; what a process did hangs below it. Nothing recurs, so a chain of
thousands of processes is no danger.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from app.graph.measure import text_width
from app.graph.model import Certainty, ProcessGraph, ProcessNode
from app.graph.nodes import NodeKey
from app.graph.places import (
    CHIP,
    CHIP_GAP,
    MARGIN,
    WIDTH,
    Box,
    Line,
    Look,
    PlacedActivity,
    PlacedFold,
    PlacedProcess,
    Point,
    boxes_of,
)

STEM: Final = 6
"""How far behind the widest process of a column the ways to its children turn."""

IN_ONE_COLUMN: Final = 16
"""So many things hang below a process in one column; more in a block."""

BLOCK_GAP: Final = 8


class _Step(Enum):
    NODE = "node"
    FOLD = "fold"
    ACTIVITIES = "activities"


class TreeLayout:
    """One tree, placed from its own origin; ``move`` brings it to its place.

    ``low`` holds the lowest row in use of each column (level), so that trees close up and
    yet nothing overlaps. A column is as wide as its widest process.
    """

    def __init__(
        self, graph: ProcessGraph, look: Look, root: NodeKey, seen: set[NodeKey], *, is_quiet: bool
    ) -> None:
        self._graph, self._look, self._is_quiet = graph, look, is_quiet
        self._low: list[int] = []
        self._children: dict[NodeKey, list[NodeKey]] = {}
        self.processes: list[PlacedProcess] = []
        self.activities: list[PlacedActivity] = []
        self.folds: list[PlacedFold] = []
        self.lines: list[Line] = []
        order = self._in_order(root, seen)
        self._widths = self._column_widths(order)
        self._starts = [0]
        for width in self._widths:
            self._starts.append(self._starts[-1] + width[1] + look.gap_x)
        if order:
            self._place(root)
        boxes = list(boxes_of(self.processes, self.activities, self.folds))
        self.width = max((box.right for box in boxes), default=0)
        self.height = max((box.bottom for box in boxes), default=0)

    def move(self, x: int, y: int) -> None:
        """Move the whole tree."""
        self.processes = [PlacedProcess(p.node, p.box.moved(x, y), p.depth) for p in self.processes]
        self.activities = [
            PlacedActivity(a.activity, a.box.moved(x, y), a.is_beside) for a in self.activities
        ]
        self.folds = [PlacedFold(f.node, f.box.moved(x, y)) for f in self.folds]
        self.lines = [
            Line(
                line.kind,
                tuple((px + x, py + y) for px, py in line.points),
                line.is_spine,
                line.certainty,
                line.after,
            )
            for line in self.lines
        ]

    def _in_order(self, root: NodeKey, seen: set[NodeKey]) -> list[tuple[NodeKey, int]]:
        """Return the nodes with their levels, parents first; none of them twice."""
        order: list[tuple[NodeKey, int]] = []
        stack = [(root, 0)] if root in self._graph.nodes and root not in seen else []
        seen.add(root)
        while stack:
            key, depth = stack.pop()
            order.append((key, depth))
            children = []
            for child in self._graph.nodes[key].children:
                if child in self._graph.nodes and child not in seen:
                    seen.add(child)
                    children.append(child)
            self._children[key] = children
            stack += [(child, depth + 1) for child in reversed(children)]
        return order

    def _column_widths(self, order: Sequence[tuple[NodeKey, int]]) -> list[tuple[int, int]]:
        """Return for each level the width of an ordinary process, and of the widest one."""
        widths: list[tuple[int, int]] = []
        for key, depth in order:
            if depth == len(widths):
                widths.append((self._look.narrow, self._look.narrow))
            node = self._graph.nodes[key]
            ordinary, widest = widths[depth]
            if self._is_wide(node):
                widest = self._look.wide
            else:
                ordinary = max(ordinary, needed_width(node, self._look))
            widths[depth] = (ordinary, max(ordinary, widest))
        # Hidden children stand in the column behind the last one.
        widths.append((self._look.narrow, self._look.narrow))
        return widths

    def _is_wide(self, node: ProcessNode) -> bool:
        return node.is_target or node.is_open or len(node.activities) > 1

    def _place(self, root: NodeKey) -> None:
        look, nodes = self._look, self._graph.nodes
        rows: dict[NodeKey, int] = {}
        boxes: dict[NodeKey, Box] = {}
        self._low = [-look.gap_y] * (len(self._widths) + 1)
        stack: list[tuple[NodeKey, int, NodeKey | None, _Step]] = [(root, 0, None, _Step.NODE)]
        while stack:
            key, depth, parent, step = stack.pop()
            node = nodes[key]
            if step is _Step.FOLD:
                self._place_fold(node, depth, boxes[key], self._low[depth + 1] + look.gap_y)
                continue
            if step is _Step.ACTIVITIES:
                self._hang_block(node, depth, boxes[key])
                continue
            y = rows.get(key)
            if y is None:
                y = self._row_of_chain(key, depth)
            children = self._children[key]
            if children:
                rows[children[0]] = y
            box = self._place_process(node, depth, y)
            boxes[key] = box
            if parent is not None:
                self._connect(nodes[parent], boxes[parent], node, box)
            if len(node.activities) > IN_ONE_COLUMN:
                stack.append((key, depth, parent, _Step.ACTIVITIES))
            if node.hidden_children and children:
                stack.append((key, depth, parent, _Step.FOLD))
            elif node.hidden_children:
                self._place_fold(node, depth, box, y)
            stack += [(child, depth + 1, key, _Step.NODE) for child in reversed(children)]

    def _row_of_chain(self, key: NodeKey, depth: int) -> int:
        """Return the highest row that is free for a node and for all that stand on its row."""
        row = self._low[depth]
        while True:
            children = self._children[key]
            if children:
                key, depth = children[0], depth + 1
                row = max(row, self._low[depth])
                continue
            node = self._graph.nodes[key]
            if node.hidden_children or self._has_chip(node):
                row = max(row, self._low[depth + 1])
            return row + self._look.gap_y

    def _has_chip(self, node: ProcessNode) -> bool:
        return (
            self._is_quiet
            and not self._children[node.key]
            and not node.hidden_children
            and len(node.activities) == 1
            and node.activities[0].is_folded
        )

    def _place_process(self, node: ProcessNode, depth: int, y: int) -> Box:
        look = self._look
        w = look.wide if self._is_wide(node) else self._widths[depth][0]
        box = Box(self._starts[depth], y, w, look.h)
        self.processes.append(PlacedProcess(node, box, depth))
        self._low[depth] = box.bottom
        if self._has_chip(node):
            chip = Box(box.right + CHIP_GAP, y + (look.h - look.act_h) // 2, CHIP, look.act_h)
            self.activities.append(PlacedActivity(node.activities[0], chip, is_beside=True))
            self.lines.append(Line("act", ((box.right, box.middle), (chip.x, box.middle))))
            self._low[depth + 1] = max(self._low[depth + 1], box.bottom)
        elif 0 < len(node.activities) <= IN_ONE_COLUMN:
            self._low[depth] = self._hang(node, box)
        return box

    def _hang(self, node: ProcessNode, box: Box) -> int:
        """Hang what a process did below it; return the lowest row in use."""
        look, stem = self._look, box.x + 5
        y = box.bottom + look.act_top
        stubs: list[Line] = []
        for activity in node.activities:
            act = Box(box.x + look.act_in, y, box.w - look.act_in, look.act_h)
            self.activities.append(PlacedActivity(activity, act))
            inferred = Certainty.INFERRED if activity.certainty is Certainty.INFERRED else Certainty.LOGGED
            stubs.append(Line("act", ((stem, act.middle), (act.x, act.middle)), certainty=inferred))
            y = act.bottom + look.act_gap
        last = stubs[-1].points[0]
        self.lines += [Line("act", ((stem, box.bottom), last)), *stubs]
        # The doubled edge of a folded node reaches three pixels below it.
        return y - look.act_gap + 3

    def _hang_block(self, node: ProcessNode, depth: int, box: Box) -> None:
        """Hang many things below a process in a block of several columns, below all that it started."""
        look, stem = self._look, box.x + 5
        step = box.w - look.act_in + BLOCK_GAP
        columns = min(-(-len(node.activities) // IN_ONE_COLUMN), max(2, (WIDTH - 2 * MARGIN - box.x) // step))
        right = box.x + look.act_in + columns * step
        below = [place for place in range(depth, len(self._low)) if self._start_of(place) < right]
        top = max(self._low[place] for place in below) + look.act_top
        rows = -(-len(node.activities) // columns)
        for place, activity in enumerate(node.activities):
            column, row = divmod(place, rows)
            x, y = box.x + look.act_in + column * step, top + row * (look.act_h + look.act_gap)
            self.activities.append(PlacedActivity(activity, Box(x, y, box.w - look.act_in, look.act_h)))
        self._connect_block(stem, box.bottom, self.activities[-len(node.activities) :])
        for place in below:
            self._low[place] = top + rows * (look.act_h + look.act_gap)

    def _connect_block(self, stem: int, top: int, block: Sequence[PlacedActivity]) -> None:
        """Draw the stem of a block, and a line through each row to its last thing."""
        ends: dict[int, int] = {}
        for placed in block:
            ends[placed.box.middle] = max(ends.get(placed.box.middle, 0), placed.box.x)
        self.lines.append(Line("act", ((stem, top), (stem, max(ends)))))
        self.lines += [Line("act", ((stem, y), (x, y))) for y, x in ends.items()]

    def _start_of(self, depth: int) -> int:
        return self._starts[min(depth, len(self._starts) - 1)]

    def _place_fold(self, node: ProcessNode, depth: int, parent: Box, y: int) -> None:
        look = self._look
        box = Box(self._starts[depth + 1], y + (look.h - look.act_h) // 2, look.narrow, look.act_h)
        self.folds.append(PlacedFold(node, box))
        self.lines.append(
            Line(
                "started",
                self._elbow(parent, box),
                certainty=Certainty.FOLDED,
            )
        )
        self._low[depth + 1] = max(self._low[depth + 1], y + look.h)

    def _elbow(self, parent: Box, child: Box) -> tuple[Point, ...]:
        """Return the way from a parent to a child; it turns between the columns, whatever stands there."""
        start, end = (parent.right, parent.middle), (child.x, child.middle)
        if start[1] == end[1]:
            return (start, end)
        turn = child.x - self._look.gap_x + STEM
        return (start, (turn, start[1]), (turn, end[1]), end)

    def _connect(self, parent: ProcessNode, above: Box, child: ProcessNode, box: Box) -> None:
        started, began = child.process.utc_time, parent.process.utc_time
        self.lines.append(
            Line(
                "started",
                self._elbow(above, box),
                is_spine=(parent.is_spine or parent.is_target) and (child.is_spine or child.is_target),
                after=started - began if started and began and started >= began else None,
            )
        )


def needed_width(node: ProcessNode, look: Look) -> int:
    """Return how wide a process has to be for its name, within the bounds of the look."""
    name = text_width(node.process.image_name[:60], 12.5 if look.is_card else 11.5, bold=True)
    process_id = node.process.process_id
    beside = 36 if look.is_card else 20 + (0 if process_id is None else 7 * len(str(process_id)))
    return min(max(look.narrow, int(name) + beside), look.wide)
