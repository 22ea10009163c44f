"""A placed process graph as SVG: classes carry the kinds, nothing of a log is ever markup.

The same graph gives the same bytes, on any day. Inside a page the style sheet paints it;
standalone it brings its own styles and symbols along, and links nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html import escape

from app.graph.measure import in_one_line, shorten
from app.graph.model import Certainty, ProcessGraph
from app.graph.places import Band, Layout, Line, Point
from app.graph.svg_nodes import MANY, Address, Pen, draw_activity, draw_fold, draw_process
from app.graph.svg_style import STANDALONE
from app.graph.wording import TITLE, Translate, after_text, tie_words

CORNER = 5


def draw(
    layout: Layout,
    *,
    link: Address,
    unfold: Address,
    name: Address = str,
    selected: str = "",
    title: str = "",
    translate: Translate = str,
    standalone: bool = False,
) -> str:
    """Return the picture of a graph.

    Nodes are links to ``link(id)`` and carry ``data-node``, which is ``name(id)``; those that
    fold and unfold carry ``data-unfold``, the name of what does, empty where they do themselves.
    What stands for hidden children is a link to ``unfold(id)``. ``selected`` is the id of the
    node with the ring; ``title`` is what the picture is called, unless its graph says it.
    Standalone there are no links.
    """
    most = TITLE if layout.graph.visible <= MANY else TITLE // 4
    pen = Pen(layout, link, unfold, name, selected, cache(translate), standalone, most)
    return "\n".join(_picture(pen, title or title_of(layout.graph, translate))) + "\n"


def title_of(graph: ProcessGraph, translate: Translate = str) -> str:
    """Return what the picture is called."""
    target = graph.nodes.get(graph.target) if graph.target else None
    if target is None:
        return translate("Correlation graph of {computer}").format(computer=graph.computer)
    words = translate("Process graph of {process} on {computer}")
    return words.format(process=target.process.label, computer=graph.computer)


def _picture(pen: Pen, title: str) -> Iterator[str]:
    """Yield the lines of the file: bands, then edges, then nodes, so that nothing crosses a label."""
    layout = pen.layout
    size = f'viewBox="0 0 {layout.width} {layout.height}" width="{layout.width}" height="{layout.height}"'
    name = escape(in_one_line(shorten(title, TITLE)))
    if pen.standalone:
        yield f'<svg xmlns="http://www.w3.org/2000/svg" class="pg" {size} role="img" aria-label="{name}">'
        yield f"<title>{name}</title>"
        yield STANDALONE
        yield f'<rect class="ground" width="{layout.width}" height="{layout.height}"/>'
    else:
        yield f'<svg class="pg" {size} role="group" aria-label="{name}">'
    yield from (_band(pen, band) for band in layout.bands)
    yield from (_line(pen, line) for line in layout.lines)
    yield from _times(pen)
    yield from (draw_process(pen, placed) for placed in layout.processes)
    yield from (draw_activity(pen, placed) for placed in layout.activities)
    yield from (draw_fold(pen, placed) for placed in layout.folds)
    yield "</svg>"


def _band(pen: Pen, band: Band) -> str:
    box, quiet = band.box, " band--quiet" if band.is_quiet else ""
    if band.is_quiet:
        head, why = "Everything else", "nothing in it was seen on one computer only"
    else:
        head, why = "The picked line, and what was seen on one computer only", "in full"
    words = "{nodes} nodes in 1 tree" if band.trees == 1 else "{nodes} nodes in {trees} trees"
    counted = pen.translate(words).format(nodes=f"{band.nodes:,}", trees=f"{band.trees:,}")
    return (
        f'<rect class="band{quiet}" x="{box.x}" y="{box.y}" width="{box.w}" height="{box.h}" rx="3"/>'
        f'<text class="band-t" x="{box.x + 10}" y="{box.y + 20}">{escape(pen.translate(head))}'
        f'<tspan class="band-s" dx="14">{escape(counted)}, {escape(pen.translate(why))}</tspan></text>'
    )


def _line(pen: Pen, line: Line) -> str:
    states = {
        "act": line.kind == "act",
        "cross": line.edge is not None,
        "access": line.edge is not None and line.edge.kind == "access",
        "spine": line.is_spine,
        "inferred": line.certainty is Certainty.INFERRED,
        "folded": line.certainty is Certainty.FOLDED,
    }
    classes = " ".join(["edge", *(f"edge--{name}" for name, holds in states.items() if holds)])
    # The head of an access is an angle of the same line: markers have one colour only.
    x, y = line.points[-1]
    head = f"M{x - 6} {y - 4}l6 4l-6 4" if states["access"] else ""
    shown = f'<path class="{classes}" d="{_path(line.points)}{head}"'
    if line.edge is None:
        return f"{shown}/>"
    return f"{shown}><title>{escape(tie_words(line.edge, pen.layout.graph, pen.translate))}</title></path>"


def _times(pen: Pen) -> Iterator[str]:
    """Yield how long after its parent each child began, above the end of the line to it."""
    if not pen.layout.look.is_card:
        return
    for line in pen.layout.lines:
        if line.after is not None:
            x, y = line.points[-1]
            label = after_text(line.after)
            yield f'<text class="edge-label" x="{x - 4}" y="{y - 4}" text-anchor="end">{label}</text>'


def _path(points: tuple[Point, ...]) -> str:
    """Return a line along the axes as path data, its corners rounded."""
    (x, y), *rest = points
    data = f"M{x} {y}"
    for place, (nx, ny) in enumerate(rest):
        is_across = ny == y
        if place + 1 == len(rest):
            return data + (f"H{nx}" if is_across else f"V{ny}")
        after = rest[place + 1]
        r = min(CORNER, max(abs(nx - x), abs(ny - y)) // 2, max(abs(after[0] - nx), abs(after[1] - ny)) // 2)
        before, behind = _towards((nx, ny), (x, y), r), _towards((nx, ny), after, r)
        data += f"H{before[0]}" if is_across else f"V{before[1]}"
        data += f"Q{nx} {ny} {behind[0]} {behind[1]}"
        x, y = nx, ny
    return data


def _towards(corner: Point, end: Point, length: int) -> Point:
    """Return the point that lies ``length`` from a corner on the way to ``end``."""
    dx, dy = end[0] - corner[0], end[1] - corner[1]
    step = (dx > 0) - (dx < 0), (dy > 0) - (dy < 0)
    return corner[0] + step[0] * length, corner[1] + step[1] * length
