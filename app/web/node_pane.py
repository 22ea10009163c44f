"""The pane beside a graph: what is known of the picked node, and where to go on from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from app.errors import NotFound
from app.graph.model import Activity, ProcessGraph, ProcessNode
from app.graph.nodes import NodeKey, node_id
from app.graph.svg_nodes import FOLD
from app.graph.wording import hidden_words
from app.store.port import Rarity
from app.sysmon.condition import Condition, all_of, equals_any
from app.sysmon.decode import decode
from app.sysmon.events import Event
from app.sysmon.kinds import KINDS, Category
from app.sysmon.language import parse
from app.sysmon.query import EventQuery, Order
from app.web import links
from app.web.event_fields import FieldRow, fields_of
from app.web.event_pivots import Pivot
from app.web.event_values import Purse, Shown
from app.web.graph_args import GraphArgs
from app.web.kibana import DiscoverLink, discover_process
from app.web.results import LONGEST_LINK, address
from app.web.stores import get_store
from app.web.texts import _, ngettext, translate
from app.web.users import users_of
from app.web.what import short, what

COMMAND_LINE: Final = 360
DECODED: Final = 1_200
VALUE: Final = 1_500
BYTES: Final = 60_000
"""So many bytes of log data a pane shows at most."""

EVENTS: Final = 12
"""So many events of a thing are listed; the rest is a search away."""

NAMED: Final = 3
"""So many things are named beside the number of events of their category."""

_SUBJECT: Final = "SubjectProcessGuid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """How many events of one category a process has, and the first things that they are about."""

    category: Category
    count: int
    href: str
    named: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedPart:
    """A decoded text of the command line, and how it was encoded."""

    how: str
    text: Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One event of the picked thing, in one line."""

    time: datetime
    text: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessPane:
    """A process: facts, command line, deeds, ways to go on, fields of its creation."""

    kind: ClassVar[str] = "process"

    node: ProcessNode
    name: str
    computer: str
    user: str
    integrity: str
    lived: timedelta | None
    rarity: Rarity | None
    computers: int
    command_line: Shown | None
    decoded: tuple[DecodedPart, ...]
    deeds: tuple[Deed, ...]
    events: str
    ways: tuple[Pivot, ...]
    toggle: str
    hidden: str
    hidden_href: str
    fields: tuple[FieldRow, ...]
    whole: str
    newer: str
    older: str
    discover: DiscoverLink | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityPane:
    """Something that a process did: facts, its events, the search that finds them all."""

    kind: ClassVar[str] = "activity"

    activity: Activity
    label: str
    value: Shown
    process: str
    process_href: str
    kinds: tuple[str, ...]
    rarity: Rarity | None
    computers: int
    reason: str
    unfold: str
    fold: str
    ports: tuple[tuple[str, int], ...]
    details: tuple[tuple[str, Shown], ...]
    search: str
    happened: tuple[Happened, ...]
    left_out: int
    newer: str
    older: str


def pane_of_node(
    graph: ProcessGraph, picked: ProcessNode | Activity, args: GraphArgs
) -> ProcessPane | ActivityPane:
    """Return the pane of the picked node."""
    if isinstance(picked, Activity):
        return _activity_pane(graph, picked, args)
    return _process_pane(graph, picked, args)


def _process_pane(graph: ProcessGraph, node: ProcessNode, args: GraphArgs) -> ProcessPane:
    process, purse = node.process, Purse(BYTES)
    creation = _creation(node)
    guid = process.process_guid
    lived = None
    if process.ended and process.utc_time and process.ended >= process.utc_time:
        lived = process.ended - process.utc_time
    line = process.command_line
    newer, older = _neighbours(graph, node.key, args)
    return ProcessPane(
        node=node,
        name=short(process.image_name, 60) or _("no Image"),
        computer=short(process.computer, 120),
        user=short(process.user or "", 120),
        integrity=short((creation and creation.text_of("integrity_level")) or "", 40),
        lived=lived,
        rarity=node.rarity if graph.computers > 1 else None,
        computers=graph.computers,
        command_line=purse.show(line, COMMAND_LINE) if line else None,
        decoded=tuple(_decoded(line or "", purse)),
        deeds=tuple(_deeds(graph, node)) if guid else (),
        events=address(links.process_events, process.computer, guid) if guid else "",
        ways=tuple(_ways(graph, node, creation, args)),
        toggle=args.toggled(node.id, is_open=node.is_open),
        hidden=short(hidden_words(node, translate), 300) if node.hidden_children else "",
        hidden_href=args.toggled(node.id + FOLD, is_open=not node.hidden_children),
        fields=_fields(creation, purse),
        whole=address(links.event, str(creation.key)) if creation else "",
        newer=newer,
        older=older,
        discover=discover_process(process.computer, guid) if guid else None,
    )


def _creation(node: ProcessNode) -> Event | None:
    """Return the event 1 that made a process, where it is stored."""
    if not node.process.creations:
        return None
    try:
        return get_store().event(node.process.creations[0])
    except NotFound:
        # Retention may have dropped it since the graph was asked for.
        return None


def _fields(creation: Event | None, purse: Purse) -> tuple[FieldRow, ...]:
    if creation is None:
        return ()
    users = users_of(get_store(), [creation])
    fields = fields_of(creation, users, {}, lambda term: links.search(q=term), purse, most=VALUE)
    return tuple(row for row in fields.rows if row.name != "CommandLine")


def _decoded(line: str, purse: Purse) -> Iterator[DecodedPart]:
    waiting = list(decode(line))[::-1]
    while waiting:
        part = waiting.pop()
        yield DecodedPart(how=short(part.how, 100), text=purse.show(part.text, DECODED))
        waiting += part.layers[::-1]


def _deeds(graph: ProcessGraph, node: ProcessNode) -> Iterator[Deed]:
    for category, count in node.counts.items():
        if category is Category.CREATE_PROCESS:
            continue
        # A group of all that there is says no more than the category.
        # What another process did to this one is not among its own events.
        acts = [
            act
            for act in node.activities
            if act.category is category and act.key[-1] != "all" and not act.stands_alone
        ]
        yield Deed(
            category=category,
            count=count,
            href=_search(node, links.field_query("Category", category.value)),
            named=_named([act.label for act in acts if act.key[0] != "counter"]),
        )
    children = [graph.nodes[child].process for child in node.children if child in graph.nodes]
    if children:
        parent = links.field_query("ParentProcessGuid", node.process.process_guid or "")
        yield Deed(
            category=Category.CREATE_PROCESS,
            count=len(children),
            href=_found_by(parent, node.process.computer),
            named=_named([child.image_name for child in children]),
        )


def _named(names: list[str]) -> str:
    """Return the first names, how often each comes, and … where there are more."""
    counts = Counter(short(name, 40) for name in names)
    shown = [f"{name} ×{count:,}" if count > 1 else name for name, count in list(counts.items())[:NAMED]]
    return ", ".join([*shown, "…"] if len(counts) > NAMED else shown)


def _search(node: ProcessNode, term: str = "") -> str:
    """Return the search for the events of a process, with one term more."""
    process = node.process
    query = links.field_query(_SUBJECT, process.process_guid or "")
    return _found_by(f"{query} and {term}" if term else query, process.computer)


def _found_by(query: str, computer: str) -> str:
    if len(query) + len(computer) > 2 * LONGEST_LINK:
        return ""
    return links.search(q=query, computer=computer)


def _ways(graph: ProcessGraph, node: ProcessNode, creation: Event | None, args: GraphArgs) -> Iterator[Pivot]:
    process, guid = node.process, node.process.process_guid
    if guid and not (node.is_target and args.names.guid == guid):
        href = address(links.process, process.computer, guid)
        yield Pivot(icon="i-graph", text=_("Graph of this process"), href=href, key="g")
    if guid:
        yield Pivot(
            icon="i-table",
            text=_("All its events in a table"),
            href=address(links.process_events, process.computer, guid),
            count=ngettext("%(num)s event", "%(num)s events", node.events) if node.events else "",
            key="t",
        )
    yield from _parent(graph, node, creation, args)
    if creation is not None:
        key = str(creation.key)
        yield Pivot(
            icon="i-clock", text=_("Table of the computer, ±1 h"), href=address(links.event_around, key)
        )
        yield Pivot(
            icon="i-graph", text=_("Graph of the computer, ±1 h"), href=address(links.event_correlation, key)
        )
    yield from _same_image(graph, node)


def _parent(
    graph: ProcessGraph, node: ProcessNode, creation: Event | None, args: GraphArgs
) -> Iterator[Pivot]:
    parent = next((each for each in graph.nodes.values() if node.key in each.children), None)
    if parent is not None:
        label = short(parent.process.label, 60)
        yield Pivot(
            icon="i-hop", text=_("Parent: %(process)s", process=label), href=args.address(sel=parent.id)
        )
    elif creation is not None and (guid := creation.parent_process_guid):
        label = short(creation.text_of("parent_image") or guid, 60)
        href = address(links.process, creation.computer, guid)
        yield Pivot(icon="i-hop", text=_("Parent: %(process)s", process=label), href=href)


def _same_image(graph: ProcessGraph, node: ProcessNode) -> Iterator[Pivot]:
    image = node.process.image
    if not image or len(image) > LONGEST_LINK or graph.computers < 2:
        return
    here = links.field_query("Computer", node.process.computer, negated=True)
    query = f"{links.field_query('Image', image)} and EventId:1 and {here}"
    others = node.rarity.computers - 1 if node.rarity else None
    if others == 0:
        return
    yield Pivot(
        icon="i-remote",
        text=_("The same image on other computers"),
        href=links.search(q=query),
        count="" if others is None else ngettext("%(num)s computer", "%(num)s computers", others),
    )


def _neighbours(graph: ProcessGraph, key: NodeKey, args: GraphArgs) -> tuple[str, str]:
    """Return the addresses of the parent of a node and of what comes behind it in its family."""
    parent = next((each for each in graph.nodes.values() if key in each.children), None)
    siblings = list(parent.children) if parent else [*graph.roots, *graph.quiet]
    place = siblings.index(key) if key in siblings else -1
    following = siblings[place + 1 : place + 2] if place >= 0 else []
    node = graph.nodes.get(key)
    children = [child for child in (node.children if node else ()) if child in graph.nodes]
    below = [*children[:1], *following]
    return (
        args.address(sel=parent.id) if parent else "",
        args.address(sel=node_id(below[0])) if below else "",
    )


def _activity_pane(graph: ProcessGraph, activity: Activity, args: GraphArgs) -> ActivityPane:
    owner, purse = graph.nodes[activity.process], Purse(BYTES)
    happened = _happened(graph, owner, activity)
    rarity = activity.rarity if graph.computers > 1 else None
    fold = args.toggled(node_id(activity.group), is_open=True) if activity.group else ""
    return ActivityPane(
        activity=activity,
        label=short(activity.label, 80),
        value=purse.show(activity.value or activity.title or activity.label, VALUE),
        process=short(owner.process.label, 80),
        process_href=args.address(sel=owner.id),
        kinds=tuple(_kind_words(event_id) for event_id in activity.event_ids),
        rarity=rarity,
        computers=graph.computers,
        reason=short(activity.reason, 200),
        unfold=args.toggled(activity.opens, is_open=False) if activity.opens else "",
        fold=fold,
        ports=tuple(activity.ports.items())[:50],
        details=tuple(_details(activity.details, purse)),
        search=_search_of(owner, activity),
        happened=happened,
        left_out=max(0, activity.count - len(happened)),
        newer=args.address(sel=owner.id),
        older="",
    )


def _kind_words(event_id: int) -> str:
    kind = KINDS.get(event_id)
    return f"{event_id} {_(kind.label) if kind else _('unknown')}"


def _details(details: Mapping[str, str], purse: Purse) -> Iterator[tuple[str, Shown]]:
    for name, value in details.items():
        yield short(name, 60), purse.show(value, VALUE)


def _search_of(owner: ProcessNode, activity: Activity) -> str:
    if activity.stands_alone or not owner.process.process_guid:
        return _found_by(activity.query, owner.process.computer)
    return _search(owner, f"({activity.query})" if activity.query else "")


def _happened(graph: ProcessGraph, owner: ProcessNode, activity: Activity) -> tuple[Happened, ...]:
    conditions: list[Condition] = [parse(activity.query)]
    guid = owner.process.process_guid
    if not activity.stands_alone and guid:
        conditions.append(equals_any(_SUBJECT, [guid]))
    query = EventQuery(
        condition=all_of(conditions),
        start=graph.spec.start,
        end=graph.spec.end,
        computers=(owner.process.computer,),
        order=Order.OLDEST,
        size=EVENTS,
    )
    return tuple(_line(event) for event in get_store().search(query).events)


def _line(event: Event) -> Happened:
    said = what(event)
    text = " ".join(part for part in (said.lead, said.thing, said.rest) if part)
    return Happened(time=event.utc_time or event.time, text=text, href=address(links.event, str(event.key)))
