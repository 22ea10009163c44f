"""The whole of a graph as a small map, which scripts show while a part of it is out of sight."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.graph.places import Box, Layout

WIDTH: Final = 180
HEIGHT: Final = 200


def draw_minimap(layout: Layout) -> str:
    """Return the map as SVG: rectangles only; the frame of what is in sight is ``mm-view``."""
    marked = [
        placed.box
        for placed in layout.processes
        if placed.node.is_target or placed.node.is_rare or placed.node.is_marked
    ]
    rest = [placed.box for placed in layout.processes if placed.box not in marked]
    acts = [*(placed.box for placed in layout.activities), *(placed.box for placed in layout.folds)]
    w, h = _size(layout)
    return (
        f'<svg viewBox="0 0 {layout.width} {layout.height}" width="{w}" height="{h}" aria-hidden="true">'
        f'<path class="mm-act" d="{_boxes(acts)}"/>'
        f'<path class="mm" d="{_boxes(rest)}"/>'
        f'<path class="mm-hit" d="{_boxes(marked)}"/>'
        f'<rect class="mm-view" x="0" y="0" width="{layout.width}" height="{layout.height}"/></svg>'
    )


def _size(layout: Layout) -> tuple[int, int]:
    """Return the size of the map: as large as there is room for, in the picture's proportions."""
    if layout.height * WIDTH > layout.width * HEIGHT:
        return max(1, layout.width * HEIGHT // layout.height), HEIGHT
    return WIDTH, max(1, layout.height * WIDTH // layout.width)


def _boxes(boxes: Iterable[Box]) -> str:
    return "".join(f"M{box.x} {box.y}h{box.w}v{box.h}h-{box.w}z" for box in boxes)
