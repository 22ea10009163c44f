"""The page of a graph: of one process, or of an hour around an event; both look alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from flask import make_response, render_template
from markupsafe import Markup
from werkzeug.wrappers import Response

from app.graph.layout import lay_out
from app.graph.minimap import draw_minimap
from app.graph.model import Activity, GraphSpec, ProcessGraph, ProcessNode
from app.graph.nodes import node_id
from app.graph.places import Box
from app.graph.shapes import KEYS, outline
from app.graph.strip import Strip, draw_strip
from app.graph.svg import draw
from app.graph.svg_nodes import FOLD
from app.sysmon.kinds import Category
from app.web import links
from app.web.formats import CATEGORIES, utc
from app.web.graph_args import ALL, MOST_BUDGET, GraphArgs
from app.web.graph_list import ListedProcess, listed
from app.web.node_pane import ActivityPane, ProcessPane, pane_of_node
from app.web.pages import Page
from app.web.results import address
from app.web.texts import _, ngettext, translate
from app.web.what import short

Pane = ProcessPane | ActivityPane

_KEY: Final = Box(1, 1, 22, 12)
"""How large a silhouette stands in the legend."""

_LEGEND: Final = {
    Category.CREATE_PROCESS: "process",
    Category.NET_ACCESS: "address and port",
    Category.IMAGE_LOADED: "image",
    Category.REMOTE_THREAD: "remote thread",
    Category.CREATE_FILE: "file",
    Category.REGISTRY: "registry",
    Category.WMI: "WMI",
    Category.DNS: "DNS",
    Category.PROCESS_ACCESS: "access",
    Category.PIPE: "pipe",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSwitch:
    """A category that can be switched off and on: its events, and the address that does it."""

    category: Category
    count: int
    href: str
    is_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPage(Page):
    """All that processes/index.html may use.

    ``trail`` are the steps that lead here, text and address; the graphs of the computer's
    processes have addresses that begin with ``processes``. ``svg`` and ``minimap`` are drawn
    by us, log data escaped.
    """

    template: ClassVar[str] = "processes/index.html"
    tab: ClassVar[str] = "search"

    title: str
    trail: tuple[tuple[str, str], ...]
    exports: tuple[tuple[str, str, str], ...]
    json: str
    processes: str
    args: GraphArgs
    graph: ProcessGraph
    svg: Markup
    minimap: Markup
    strip: Strip | None
    strip_svg: Markup
    kinds: tuple[KindSwitch, ...]
    folded: tuple[str, ...]
    notes: tuple[str, ...]
    lines: tuple[ListedProcess, ...]
    legend: tuple[tuple[Category, str], ...]
    pane: Pane | None
    unfold_all: str
    fold_all: str
    show_more: str
    whole_range: str
    kept: tuple[tuple[str, str], ...]
    most_budget: int = MOST_BUDGET

    @property
    def list_words(self) -> str:
        """What stands beside the head of the list."""
        trees = len(self.graph.roots) + len(self.graph.quiet)
        processes = ngettext("%(num)s process", "%(num)s processes", len(self.graph.nodes))
        if trees == 1:
            return _("%(processes)s, parents first; each line carries its activity", processes=processes)
        return _("%(processes)s in %(trees)s trees, parents first", processes=processes, trees=f"{trees:,}")

    @property
    def legend_words(self) -> dict[Category, str]:
        """What the silhouettes are called."""
        return {category: _(words) for category, words in _LEGEND.items()}

    @property
    def graph_start(self) -> str:
        """When the graph begins, for who gives no range."""
        return utc(self.strip.start)[:19] if self.strip else ""

    @property
    def graph_end(self) -> str:
        """When the graph ends, for who gives no range."""
        return utc(self.strip.end)[:19] if self.strip else ""

    @property
    def events(self) -> int:
        """How many events the graph stands for."""
        return sum(self.graph.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What differs between the two pages: the title, the way here, the addresses of the exports."""

    title: str
    trail: tuple[tuple[str, str], ...]
    exports: tuple[tuple[str, str, str], ...]
    json: str


def graph_page(graph: ProcessGraph, args: GraphArgs, head: Head) -> GraphPage:
    """Put a page together around a graph."""
    picked = picked_node(graph, args)
    selected = picked.id if picked else ""
    layout = lay_out(graph)
    toggles = _Toggles(graph, args)
    svg = draw(
        layout,
        link=args.picking(),
        unfold=toggles.address,
        name=args.names.short,
        selected=selected,
        title=head.title,
        translate=translate,
    )
    strip = draw_strip(graph, selected=selected, translate=translate)
    return GraphPage(
        title=head.title,
        trail=head.trail,
        exports=head.exports,
        json=head.json,
        processes=address(lambda name: links.process(name, ""), graph.computer),
        args=args,
        graph=graph,
        svg=Markup(svg),  # noqa: S704 (drawn by us, log data escaped)
        minimap=Markup(draw_minimap(layout)),  # noqa: S704
        strip=strip,
        strip_svg=Markup(strip.svg if strip else ""),  # noqa: S704
        kinds=tuple(_kinds(graph, args)),
        folded=_folded(graph),
        notes=tuple(short(note, 500) for note in graph.notes),
        lines=listed(graph, args, selected),
        legend=_legend(),
        pane=pane_of_node(graph, picked, args) if picked else None,
        unfold_all="" if args.is_all_open else args.address(is_all_open=True, opened=frozenset()),
        fold_all=_fold_all(args),
        show_more=args.address(budget=MOST_BUDGET) if _has_more(graph, args) else "",
        whole_range=args.address(start="", end="") if args.start or args.end else "",
        kept=tuple((name, text) for name, text in args.pairs() if name not in {"from", "to", "mark"}),
    )


def answer(page: GraphPage, part: str) -> Response:
    """Return the page, or the pane alone; 400 where some argument was not understood."""
    status = 400 if page.args.faults else 200
    if part == "pane":
        return make_response(render_template("processes/_part.html", page=page, pane=page.pane), status)
    return make_response(page.render(), status)


def with_all_open(graph: ProcessGraph, spec: GraphSpec) -> GraphSpec:
    """Return what to ask so that all groups of a graph that is drawn folded are open."""
    opened = set(spec.opened)
    for node in graph.nodes.values():
        opened.update(act.opens for act in node.activities if act.opens and act.opens != node.id)
        if node.hidden_children:
            opened.add(node.id + FOLD)
    return replace(spec, opened=frozenset(opened) - spec.closed)


def picked_node(graph: ProcessGraph, args: GraphArgs) -> ProcessNode | Activity | None:
    """Return the node that the address picks, where it is drawn; else the target, else the first."""
    picked = graph.node_of(args.sel) if args.sel else None
    if picked is None and graph.target is not None:
        picked = graph.nodes.get(graph.target)
    if picked is None and graph.roots:
        picked = graph.nodes.get(graph.roots[0])
    return picked


class _Toggles:
    """The addresses that fold and unfold nodes of one graph."""

    def __init__(self, graph: ProcessGraph, args: GraphArgs) -> None:
        self._args = args
        self._open = {node.id for node in graph.nodes.values() if node.is_open}
        self._open |= {
            node_id(act.group) for node in graph.nodes.values() for act in node.activities if act.group
        }

    def address(self, id_: str) -> str:
        return self._args.toggled(id_, is_open=id_ in self._open)


def _kinds(graph: ProcessGraph, args: GraphArgs) -> list[KindSwitch]:
    return [
        KindSwitch(
            category=category,
            count=graph.counts.get(category, 0),
            href=args.with_kind(category),
            is_on=category not in args.hidden,
        )
        for category in CATEGORIES
        if category is not Category.CREATE_PROCESS and (graph.counts.get(category) or category in args.hidden)
    ]


def _folded(graph: ProcessGraph) -> tuple[str, ...]:
    return tuple(
        _(
            "%(count)s %(what)s folded: %(reason)s",
            count=f"{each.count:,}",
            what=each.what,
            reason=each.reason,
        )
        for each in graph.folds
    )


def _fold_all(args: GraphArgs) -> str:
    """Return the address on which nothing is opened by hand; or, where nothing is, the target folded."""
    if args.opened or args.is_all_open:
        return args.address(opened=frozenset(), is_all_open=False)
    target = args.names.whole("p~")
    return "" if not args.names.guid or target in args.closed else args.toggled(target, is_open=True)


def _has_more(graph: ProcessGraph, args: GraphArgs) -> bool:
    """Tell whether a larger budget would show more."""
    return args.budget < MOST_BUDGET and bool(graph.folds) and graph.visible >= args.budget * 9 // 10


def _legend() -> tuple[tuple[Category, str], ...]:
    return tuple((category, outline(KEYS[category], _KEY)) for category in _LEGEND)


__all__ = ["ALL", "GraphPage", "Head", "answer", "graph_page", "picked_node", "with_all_open"]
