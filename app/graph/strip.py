"""Life lines: when each process of a graph ran, with ticks for its events, and gaps hatched.

Times are record times. The labels are no part of the picture, so that it can be as wide as
the page: places are in per cent, or in thousandths of the width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from itertools import pairwise
from typing import Final

from app.graph.measure import in_one_line, shorten
from app.graph.model import ProcessGraph, ProcessNode
from app.graph.nodes import NodeKey
from app.graph.shapes import KEYS
from app.graph.wording import Translate
from app.sysmon.events import microseconds
from app.sysmon.kinds import Category

LANES: Final = 20
"""So many processes have a life line; those nearest to the picked one and the busiest."""

ROW: Final = 13
_PARTS: Final = 1000
_LABEL: Final = 60
#: Distances between the times of the axis: seconds, minutes, hours, days; in microseconds.
_STEPS: Final = tuple(
    1_000_000 * seconds
    for seconds in (
        *(1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200),
        *(86_400 * days for days in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)),
    )
)


@dataclass(frozen=True, slots=True)
class Lane:
    """The label of one life line."""

    id: str
    text: str
    is_picked: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """Life lines: their labels from top to bottom, the picture, and how many are left out."""

    lanes: tuple[Lane, ...]
    svg: str
    left_out: int
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class _Life:
    node: ProcessNode
    start: datetime
    end: datetime


def draw_strip(graph: ProcessGraph, *, selected: str = "", translate: Translate = str) -> Strip | None:
    """Return the life lines of a graph; None where nothing in it has a time."""
    every = [life for node in _drawn(graph) if (life := _life_of(node)) is not None]
    if not every:
        return None
    start, end = _range(graph, every)
    if end <= start:
        end = start + timedelta(seconds=1)
    lives = _chosen([life for life in every if life.end >= start and life.start <= end], selected)
    lanes = tuple(
        Lane(
            life.node.id,
            in_one_line(shorten(_label(life.node, translate), _LABEL)),
            life.node.is_target or life.node.id == selected,
        )
        for life in lives
    )
    scale = _Scale(start, end)
    svg = "\n".join(_picture(graph, lives, selected, scale, translate))
    return Strip(lanes, svg, len(every) - len(lives), start, end)


def _drawn(graph: ProcessGraph) -> Iterator[ProcessNode]:
    """Yield the drawn processes in the order of drawing, parents first."""
    stack, seen = [*reversed((*graph.roots, *graph.quiet))], set()
    while stack:
        key = stack.pop()
        if key in seen or key not in graph.nodes:
            continue
        seen.add(key)
        yield graph.nodes[key]
        stack += reversed(graph.nodes[key].children)


def _label(node: ProcessNode, translate: Translate) -> str:
    name = node.process.image_name or translate("no Image")
    return name if node.process.process_id is None else f"{name} {node.process.process_id}"


_NARROWEST: Final = 2
"""A gap of fewer thousandths of the width is left out: nobody could see it, and a month has thousands."""

_NEAR: Final = timedelta(minutes=1)
"""UtcTime is trusted to be on the clock of the record times up to so far."""


def _life_of(node: ProcessNode) -> _Life | None:
    process = node.process
    start, last = node.first, node.last
    if start is None or last is None:
        # Without an event in the range only a creation says when the process was there.
        if process.utc_time is None:
            return None
        start = last = process.utc_time
    if process.utc_time is not None and abs(start - process.utc_time) <= _NEAR:
        start = min(start, process.utc_time)
    ended = process.ended
    if ended is not None and ended >= start:
        return _Life(node, start, max(ended, last) if abs(ended - last) <= _NEAR else ended)
    return _Life(node, start, last)


def _chosen(lives: list[_Life], selected: str) -> list[_Life]:
    """Return at most ``LANES`` lives, still in the order of drawing."""

    def rank(life: _Life) -> tuple[bool, ...] | tuple[int, ...]:
        node = life.node
        near = node.is_target or node.is_spine or node.id == selected
        return (near, node.is_marked, node.is_rare, node.events)

    kept = {life.node.id for life in sorted(lives, key=rank, reverse=True)[:LANES]}
    return [life for life in lives if life.node.id in kept]


def _range(graph: ProcessGraph, lives: list[_Life]) -> tuple[datetime, datetime]:
    """Return the time of the axis: what the reader asked for, else that of the target's family.

    Its ancestors may have run for weeks; what happened in minutes would be one line.
    """
    family = _family(graph)
    some = [life for life in lives if life.node.key in family] or lives
    start, end = min(life.start for life in some), max(life.end for life in some)
    margin = (end - start) / 50
    first, last = min(life.start for life in lives), max(life.end for life in lives)
    return (
        graph.spec.start or start - min(margin, start - first),
        graph.spec.end or end + min(margin, last - end),
    )


def _family(graph: ProcessGraph) -> set[NodeKey]:
    """Return the target and all that are drawn below it."""
    found: set[NodeKey] = set()
    waiting = [graph.target] if graph.target in graph.nodes else []
    while waiting:
        key = waiting.pop()
        if key is not None and key in graph.nodes and key not in found:
            found.add(key)
            waiting += graph.nodes[key].children
    return found


@dataclass(frozen=True, slots=True)
class _Scale:
    start: datetime
    end: datetime

    def part(self, time: datetime) -> int:
        """Return where a time stands, in thousandths of the width."""
        start, end = microseconds(self.start), microseconds(self.end)
        return (min(max(microseconds(time), start), end) - start) * _PARTS // (end - start)

    def per_cent(self, time: datetime) -> str:
        part = self.part(time)
        return f"{part // 10}.{part % 10}%" if part % 10 else f"{part // 10}%"

    def times(self) -> list[datetime]:
        """Return the times that are written below the axis: about eight."""
        start, end = microseconds(self.start), microseconds(self.end)
        length = end - start
        step = next((step for step in _STEPS if length <= 8 * step), length // 8)
        first = -(-start // step) * step
        return [self.start + timedelta(microseconds=time - start) for time in range(first, end + 1, step)]


def _picture(
    graph: ProcessGraph, lives: list[_Life], selected: str, scale: _Scale, translate: Translate
) -> Iterator[str]:
    height = ROW * len(lives)
    name = escape(translate("Life of each process, with a tick where it has events"))
    yield f'<svg class="chart" width="100%" height="{height + 20}" role="img" aria-label="{name}">'
    for start, end in graph.gaps:
        if scale.part(end) - scale.part(start) < _NARROWEST:
            continue
        yield (
            f'<rect class="gap" x="{scale.per_cent(start)}" y="0" width="{_width(scale, start, end)}"'
            f' height="{height}"><title>{escape(translate("nothing received"))}</title></rect>'
        )
    for row, life in enumerate(lives):
        yield _lane(life, row * ROW, scale, is_picked=life.node.is_target or life.node.id == selected)
    yield (
        f'<svg x="0" y="0" width="100%" height="{height}" viewBox="0 0 {_PARTS} {height}"'
        ' preserveAspectRatio="none">'
    )
    for row, life in enumerate(lives):
        yield from _ticks(life, row * ROW, scale)
    yield "</svg>"
    yield f'<line class="axis" x1="0" x2="100%" y1="{height}" y2="{height}"/>'
    yield from _axis(scale, height)
    yield "</svg>"


def _lane(life: _Life, y: int, scale: _Scale, *, is_picked: bool) -> str:
    classes = "life" if life.node.process.logged else "life life--unlogged"
    shown = (
        f'<rect class="{classes}" x="{scale.per_cent(life.start)}" y="{y + 2}"'
        f' width="{_width(scale, life.start, life.end)}" height="{ROW - 4}"/>'
    )
    return f'<g class="lane--target">{shown}</g>' if is_picked else shown


def _width(scale: _Scale, start: datetime, end: datetime) -> str:
    width = max(scale.part(end) - scale.part(start), 2)
    return f"{width // 10}.{width % 10}%"


def _ticks(life: _Life, y: int, scale: _Scale) -> Iterator[str]:
    """Yield the ticks of a process, one path per category; rarer kinds are painted last, on top."""
    places: dict[Category, set[int]] = {}
    for step, category, _count in life.node.ticks:
        # A step of time may begin before the process does; its events do not.
        time = min(max(step, life.start), life.end)
        if scale.start <= time <= scale.end:
            places.setdefault(category, set()).add(scale.part(time))
    for category, parts in sorted(places.items(), key=lambda item: (-len(item[1]), item[0])):
        data = "".join(f"M{part} {y + 3}v{ROW - 6}" for part in sorted(parts))
        yield f'<path class="tick c-{KEYS[category]}" d="{data}"/>'


def _axis(scale: _Scale, height: int) -> Iterator[str]:
    times = scale.times()
    is_short = all(b - a < timedelta(days=1) for a, b in pairwise(times))
    for place, time in enumerate(times):
        text = time.strftime("%H:%M:%S" if is_short else "%Y-%m-%d")
        if is_short and (place == 0 or time.date() != times[place - 1].date()):
            text = time.strftime("%Y-%m-%d %H:%M:%S") if place == 0 else time.strftime("%m-%d %H:%M:%S")
        part = scale.part(time)
        anchor = "start" if part < 40 else "end" if part > 960 else "middle"
        x = scale.per_cent(time)
        yield f'<line class="axis" x1="{x}" x2="{x}" y1="{height}" y2="{height + 3}"/>'
        yield f'<text x="{x}" y="{height + 15}" text-anchor="{anchor}">{text}</text>'
