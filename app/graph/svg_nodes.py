"""The nodes of a picture: cards and pills of processes, silhouettes of what they did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Final

from app.graph.measure import fit, text_width
from app.graph.model import Certainty
from app.graph.nodes import node_id
from app.graph.places import Box, Layout, PlacedActivity, PlacedFold, PlacedProcess
from app.graph.shapes import INSET, KEYS, outline
from app.graph.wording import (
    Translate,
    activity_title,
    hidden_words,
    process_title,
    short_user,
)

MANY: Final = 150
"""More nodes have shorter titles."""

Address = Callable[[str], str]
"""An id of a node -> an address, or a name."""


@dataclass(frozen=True, slots=True)
class Pen:
    """What all parts of one drawing have to know."""

    layout: Layout
    link: Address
    unfold: Address
    name: Address
    selected: str
    translate: Translate
    standalone: bool
    title_length: int
    """How long a title may be: where nodes are very many, all of them have to be short."""

    def node(
        self, id_: str, classes: list[str], parts: Iterator[str], *, href: str = "", unfold: str = ""
    ) -> str:
        """Return a node: a link in a page, a group in a file of its own."""
        names, inner = " ".join(["node", *classes]), "".join(parts)
        if self.standalone:
            return f'<g class="{names}">{inner}</g>'
        # What folds itself need not say its name twice.
        folds = "" if unfold == id_ else escape(self.name(unfold))
        more = f' data-unfold="{folds}"' if unfold else ""
        address = escape(href or self.link(id_))
        return f'<a href="{address}" class="{names}" data-node="{escape(self.name(id_))}"{more}>{inner}</a>'

    def ring(self, box: Box, id_: str) -> str:
        """Return the ring of the picked node."""
        if id_ != self.selected:
            return ""
        return (
            f'<rect class="ring" x="{box.x - 4}" y="{box.y - 4}" width="{box.w + 8}"'
            f' height="{box.h + 8}" rx="6"/>'
        )


def draw_process(pen: Pen, placed: PlacedProcess) -> str:
    """Draw a process: a card with four facts, or a pill where there are many."""
    node, is_card = placed.node, pen.layout.look.is_card
    states = {
        "unlogged": not node.process.logged,
        "target": node.is_target,
        "picked": node.id == pen.selected,
        "marked": node.is_marked,
        "open": node.is_open,
        "quiet": not is_card and not (node.is_spine or node.is_rare or node.is_target),
    }
    classes = ["c-process", *(f"node--{name}" for name, holds in states.items() if holds)]
    parts = _card(pen, placed) if is_card else _pill(pen, placed)
    return pen.node(node.id, classes, parts, unfold=node.id)


def _frame(pen: Pen, placed: PlacedProcess) -> Iterator[str]:
    node, box = placed.node, placed.box
    title = process_title(node, pen.layout.graph.computers, pen.translate, pen.title_length)
    yield f"<title>{escape(title)}</title>"
    yield pen.ring(box, node.id)
    yield f'<rect class="box" x="{box.x}" y="{box.y}" width="{box.w}" height="{box.h}" rx="3"/>'
    if node.process.logged:
        bar = 4 if pen.layout.look.is_card else 3
        yield f'<rect class="kbar" x="{box.x}" y="{box.y}" width="{bar}" height="{box.h}"/>'


def _card(pen: Pen, placed: PlacedProcess) -> Iterator[str]:
    yield from _frame(pen, placed)
    process, x, y, w = placed.node.process, placed.box.x, placed.box.y, placed.box.w
    name = fit(process.image_name or pen.translate("no Image"), w - 34, 12.5, bold=True)
    yield f'<use class="kglyph" href="#k-process" x="{x + 10}" y="{y + 7}" width="12" height="12"/>'
    yield _text("t-name", x + 26, y + 17, name)
    known = ["?" if process.process_id is None else str(process.process_id)]
    known += [short_user(process.user)] if process.user else []
    yield _text("t-sub", x + 10, y + 31, fit(" · ".join(known), w - 18, 10.5, mono=True))
    if not process.logged:
        words = fit(pen.translate("not logged by Sysmon"), w - 16, 10)
        yield f'<rect class="gapmark" x="{x + 8}" y="{y + 36}" width="9" height="9"/>'
        yield _text("t-small t-dim", x + 20, y + 44, words)
    elif process.utc_time is not None:
        time = process.utc_time
        yield _text("t-sub", x + 10, y + 44, time.strftime("%H:%M:%S.") + f"{time.microsecond // 1000:03}")
    if placed.node.is_rare:
        yield _rarity_badge(pen, placed)


def _pill(pen: Pen, placed: PlacedProcess) -> Iterator[str]:
    yield from _frame(pen, placed)
    process, box = placed.node.process, placed.box
    right, base = box.right - 5, box.middle + 4
    process_id = "" if process.process_id is None else str(process.process_id)
    named = _text("t-mono t-dim", right, base, process_id, at_end=True) if process_id else ""
    right -= 7 * len(process_id) + 1 if process_id else 0
    if placed.node.is_rare:
        right -= 9
        yield f'<use class="rarity" href="#r-1" x="{right}" y="{box.middle - 4}" width="8" height="8"/>'
        right -= 2
    name = process.image_name or pen.translate("no Image")
    name = name[:-4] if name.lower().endswith(".exe") else name
    yield _text("t-name t-act", box.x + 8, base, fit(name, right - box.x - 9, 11.5, bold=True))
    yield named


def _rarity_badge(pen: Pen, placed: PlacedProcess) -> str:
    rarity = placed.node.rarity
    text = f"{rarity.computers if rarity else 1}/{pen.layout.graph.computers}"
    w = 17 + 6 * len(text)
    x, y = placed.box.right - w + 4, placed.box.bottom - 7
    return (
        f'<g class="c-pick"><rect class="badge" x="{x}" y="{y}" width="{w}" height="14" rx="2"/>'
        f'<use class="rarity" href="#r-1" x="{x + 4}" y="{y + 3}" width="8" height="8"/>'
        f'<text class="rar-t" x="{x + 14}" y="{y + 11}">{text}</text></g>'
    )


def draw_activity(pen: Pen, placed: PlacedActivity) -> str:
    """Draw what a process did: silhouette, glyph, label, count; doubled and with a plus if folded."""
    activity = placed.activity
    kind = KEYS[activity.category]
    states = {
        "folded": activity.is_folded,
        "inferred": activity.certainty is Certainty.INFERRED,
        "picked": activity.id == pen.selected,
        "marked": activity.is_marked,
        "open": bool(activity.group),
    }
    classes = ["node--act", f"c-{kind}", *(f"node--{name}" for name, holds in states.items() if holds)]
    parts = _activity(pen, placed, kind)
    unfold = activity.opens or (node_id(activity.group) if activity.group else "")
    return pen.node(activity.id, classes, parts, unfold=unfold)


def _activity(pen: Pen, placed: PlacedActivity, kind: str) -> Iterator[str]:
    activity, box = placed.activity, placed.box
    computers = pen.layout.graph.computers
    yield f"<title>{escape(activity_title(activity, computers, pen.translate, pen.title_length))}</title>"
    yield pen.ring(box, activity.id)
    yield _silhouette(kind, box, folded=activity.is_folded)
    right = _label_end(kind, box, folded=activity.is_folded)
    count = f"{activity.count:,}" if activity.is_folded else f"×{activity.count:,}"
    has_count = activity.is_folded or activity.count > 1
    counted = _text("t-mono t-count", right, box.middle + 4, count, at_end=True) if has_count else ""
    right -= int(text_width(count, 10.5, mono=True)) + 4 if has_count else 0
    if activity.rarity is not None and activity.rarity.computers == 1 < computers:
        right -= 8
        yield f'<use class="rarity" href="#r-1" x="{right}" y="{box.middle - 4}" width="8" height="8"/>'
        right -= 3
    if not placed.is_beside:
        left = _label_start(kind, box)
        size, name = (11.5, "t-act") if box.h > 16 else (10.5, "t-tiny")
        # The count stands behind it already.
        label = pen.translate("events") if activity.key[0] == "counter" else activity.label
        yield _text(name, left, box.middle + 4, fit(label, right - left, size))
    yield counted


def draw_fold(pen: Pen, placed: PlacedFold) -> str:
    """Draw what stands for the hidden children of a process; in a page it shows them."""
    node, box = placed.node, placed.box
    return pen.node(
        node.id + FOLD,
        ["node--act", "c-process", "node--folded"],
        _fold(pen, placed, box),
        href=pen.unfold(node.id + FOLD),
        unfold=node.id + FOLD,
    )


FOLD: Final = ":children"
"""What the id of a folded node has behind the id of the process whose children it hides."""


def _fold(pen: Pen, placed: PlacedFold, box: Box) -> Iterator[str]:
    yield f"<title>{escape(hidden_words(placed.node, pen.translate))}</title>"
    yield pen.ring(box, placed.node.id + FOLD)
    yield _silhouette("process", box, folded=True)
    right = _label_end("process", box, folded=True)
    count = f"{placed.node.hidden_children:,}"
    yield _text("t-mono t-count", right, box.middle + 4, count, at_end=True)
    right -= int(text_width(count, 10.5, mono=True)) + 4
    left = _label_start("process", box)
    size, name = (11.5, "t-act") if box.h > 16 else (10.5, "t-tiny")
    yield _text(name, left, box.middle + 4, fit(pen.translate("processes"), right - left, size))


def _silhouette(kind: str, box: Box, *, folded: bool) -> str:
    """Return the outline of a node with its glyph; of a folded one doubled, with a plus."""
    back = plus = ""
    if folded:
        right = box.right - 14 - INSET.get(kind, 0)
        back = f'<path class="box-back" d="{outline(kind, Box(box.x + 3, box.y + 3, box.w, box.h))}"/>'
        plus = f'<use class="t-plus" href="#i-expand" x="{right}" y="{box.middle - 5}" width="9" height="9"/>'
    glyph = _glyph(box)
    x, y = _label_start(kind, box) - glyph - 4, box.y + (box.h - glyph) // 2
    return (
        f'{back}<path class="box" d="{outline(kind, box)}"/>'
        f'<use class="kglyph" href="#k-{kind}" x="{x}" y="{y}" width="{glyph}" height="{glyph}"/>{plus}'
    )


def _glyph(box: Box) -> int:
    return 11 if box.h > 16 else 9


def _label_start(kind: str, box: Box) -> int:
    return box.x + (10 if kind in {"image", "thread", "access"} else 8) + _glyph(box) + 4


def _label_end(kind: str, box: Box, *, folded: bool) -> int:
    return box.right - 5 - INSET.get(kind, 0) - (12 if folded else 0)


def _text(classes: str, x: int, y: int, text: str, *, at_end: bool = False) -> str:
    anchor = ' text-anchor="end"' if at_end else ""
    return f'<text class="{classes}" x="{x}" y="{y}"{anchor}>{escape(text, quote=False)}</text>'
