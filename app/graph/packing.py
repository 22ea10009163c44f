"""Rectangles beside and below each other in a strip: trees of a wide picture, in columns."""

from __future__ import annotations

from collections.abc import Sequence

Size = tuple[int, int]


def pack(sizes: Sequence[Size], width: int) -> list[tuple[int, int]]:
    """Return the corner (x, y) of each rectangle (w, h), in a strip that is ``width`` wide.

    Each takes the highest free place, the leftmost of equals; none overlap. One that is
    wider than the strip begins at its left edge.
    """
    # The outline of what is placed: pieces (x, width, y) from left to right.
    outline = [(0, max([width, *(w for w, _ in sizes)]), 0)]
    corners = []
    for w, h in sizes:
        x, y = _place(outline, w, width)
        corners.append((x, y))
        outline = _raised(outline, x, w, y + h)
    return corners


def _place(outline: Sequence[tuple[int, int, int]], w: int, width: int) -> tuple[int, int]:
    starts = [x for x, _, _ in outline if x == 0 or x + w <= width]
    return min(
        ((x, max(y for left, size, y in outline if left < x + w and left + size > x)) for x in starts),
        key=lambda corner: (corner[1], corner[0]),
    )


def _raised(outline: Sequence[tuple[int, int, int]], x: int, w: int, y: int) -> list[tuple[int, int, int]]:
    """Return the outline with the piece from ``x`` to ``x + w`` raised to ``y``."""
    pieces = []
    for left, size, low in outline:
        right = left + size
        if left < x:
            pieces.append((left, min(right, x) - left, low))
        if left <= x < right:
            pieces.append((x, w, y))
        if right > x + w:
            start = max(left, x + w)
            pieces.append((start, right - start, low))
    return pieces
