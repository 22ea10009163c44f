"""The search page, and what it finds for machines and as files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar, Final

from flask import Blueprint, Response, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from app.errors import BadQuery, NotFound
from app.store.answers import found as found_for_machines
from app.store.port import EventStore
from app.sysmon.events import Event, time_text
from app.sysmon.query import EventQuery, Order
from app.web import links
from app.web.event_pane import EventPane, pane_of
from app.web.export import export
from app.web.facets import Facet
from app.web.filters import SearchArgs, absolute, is_tidy
from app.web.finding import Found, find
from app.web.formats import elide
from app.web.histogram import Histogram, Legend
from app.web.histogram_svg import draw_histogram
from app.web.json import json_response
from app.web.kibana import DiscoverLink, discover_of
from app.web.narrowing import OpenEnd
from app.web.nothing import Nothing, why_nothing
from app.web.pages import Page
from app.web.results import Heading, Rows, Table, headings
from app.web.stores import get_store, info_of
from app.web.texts import _
from app.web.wording import Reading, Remark, count_words, read_back, remarks, shown_words

bp = Blueprint("search", __name__)

LONGEST_ADDRESS: Final = 8_000
"""A question that is longer is refused: not every server and browser passes it on."""

MOST_REPEATED: Final = 1_000
"""Addresses up to here are repeated in every bar, facet and row of the page."""

#: Criterion -> its label, and the events that have one of its fields.
_CRITERIA: Final = {
    "IpAddress": ("IP Address", "3"),
    "Port": ("Port", "3"),
    "HostName": ("Host Name", "3, 22"),
    "ProcessName": ("Process Name", "1–3, 5–15, 17, 18, 22–29"),
    "FileName": ("File Name", "2, 11, 15, 23, 26–29"),
    "RegistryKey": ("Registry Key", "12–14"),
    "RegistryValue": ("Registry Value", "13"),
    "Hash": ("Hash", "1, 6, 7, 15, 16, 23–29"),
}

#: Column -> the sort that its heading asks for.
_SORTED: Final = {
    "w-time": "UtcTime",
    "w-id": "EventId",
    "w-host": "Computer",
    "w-user": "User",
    "w-img": "Image",
}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One field of the classic form."""

    name: str
    label: str
    hint: str
    value: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the question.

    ``before``, ``wrong`` and ``behind`` are the query, cut at the place that is to blame.
    """

    message: str
    before: str = ""
    wrong: str = ""
    behind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found, as the page shows it."""

    found: Found
    chart: Markup
    legend: tuple[Legend, ...]
    count: str
    shown: str
    remarks: tuple[Remark, ...]
    facets: tuple[Facet, ...]
    table: Table
    next: str
    first: str
    nothing: Nothing | None
    pane: EventPane | None
    discover: DiscoverLink | None

    @property
    def histogram(self) -> Histogram | None:
        """The bars; None: nothing was counted, or nothing is stored."""
        return self.found.histogram

    @property
    def cost(self) -> str:
        """How long the store took."""
        return f"{self.found.seconds:.2f} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage(Page):
    """All that search/index.html may use. With a ``fault`` nothing was searched."""

    template: ClassVar[str] = "search/index.html"
    tab: ClassVar[str] = "search"

    args: SearchArgs
    criteria: tuple[Criterion, ...]
    computers: tuple[str, ...]
    reading: Reading | None = None
    fault: Fault | None = None
    answer: Answer | None = None

    @property
    def fits(self) -> bool:
        """Whether the question fits into an address, so that there are links to it."""
        return len(request.query_string) <= LONGEST_ADDRESS


@bp.get("/search")
def search() -> str | AnyResponse | tuple[str, int]:
    """Show what was found, and the question as it was typed."""
    arguments = request.args.to_dict(flat=False)
    args = SearchArgs.read(arguments)
    try:
        elsewhere = _elsewhere(args)
        if elsewhere:
            return redirect(elsewhere)
        query = _question(args)
        if request.args.get("part") == "pane":
            return pane_alone(get_store(), args)
        answer = answer_to(get_store(), args, query)
    except BadQuery as error:
        return _page(args, fault=fault_of(args, error)).render(), 400
    return _page(args, reading=read_back(query.condition), answer=answer).render()


@bp.get("/search.json")
def search_json() -> Response:
    """Answer as ``sysmonsearch search --output json`` does."""
    return json_response(found_for_machines(get_store(), _question(_args())))


@bp.get("/search.csv", defaults={"kind": "csv"})
@bp.get("/search.ndjson", defaults={"kind": "ndjson"})
def search_file(kind: str) -> Response:
    """Send the whole result as a file."""
    return export(get_store(), _question(_args()), kind)


def _args() -> SearchArgs:
    return SearchArgs.read(request.args.to_dict(flat=False))


def _question(args: SearchArgs) -> EventQuery:
    if len(request.query_string) > LONGEST_ADDRESS:
        raise BadQuery(
            _(
                "The question has %(length)s characters; an address may have %(most)s. Search in parts, or"
                " on the command line.",
                length=f"{len(request.query_string):,}",
                most=f"{LONGEST_ADDRESS:,}",
            )
        )
    return args.event_query()


def _elsewhere(args: SearchArgs) -> str:
    """Return the address that should be shown instead, or the empty text."""
    last = request.args.get("last")
    if last is not None:
        start, end = absolute(last, datetime.now(UTC))
        return args.asking(start=start, end=end).url()
    if request.args.get("do") == "fill":
        return args.with_one_query().url()
    arguments = request.args.to_dict(flat=False)
    if "do" in arguments or not is_tidy(arguments):
        args.event_query()  # What is wrong is shown as it was typed.
        return args.url()
    return ""


def answer_to(store: EventStore, args: SearchArgs, query: EventQuery) -> Answer:
    """Ask the store, and make of it what the page shows."""
    is_short = len(request.query_string) <= MOST_REPEATED
    together = store.together()
    asked = together.ask(lambda: find(store, args, query, has_links=is_short))
    picking = together.ask(lambda: _picked(store, args))
    found, (picked, pane) = asked(), picking()
    histogram = found.histogram
    link = _link_of_span(args) if is_short else None
    rows = Rows(
        store=store,
        picked=args.picked,
        href=replace(args, sel="").urls("sel") if is_short else links.event,
        clock={"Time": "record", "UtcTime": "utc"}.get(args.sorted_by, "dated"),
        gaps=histogram.silences if histogram else (),
        of_all_computers=not args.computers,
        users=found.users,
    )
    table = _table(args, rows, found)
    notes = remarks(args, query, found)
    if args.picked and picked is None:
        notes = (*notes, Remark(_("The picked event is not stored"), "i-warn"))
    return Answer(
        found=found,
        chart=draw_histogram(histogram, link, picked.time if picked else None) if histogram else Markup(),
        legend=_legend(found),
        count=count_words(found),
        shown=shown_words(args, found),
        remarks=notes,
        facets=found.facets,
        table=table,
        next=replace(args, after=found.next, sel="").url() if found.next else "",
        first=replace(args, after="", sel="").url() if args.after else "",
        nothing=None if found.taken or args.after else why_nothing(store, args, query, found.info),
        pane=pane and pane_beside(args, pane, table),
        discover=discover_of(query),
    )


def picked_event(store: EventStore, args: SearchArgs) -> Event | None:
    """Return the event that the reader picked; None: none is picked, or it is not stored."""
    try:
        return store.event(args.picked) if args.picked else None
    except NotFound:  # A search that somebody shared outlives an event that retention dropped.
        return None


def _picked(store: EventStore, args: SearchArgs) -> tuple[Event, EventPane] | tuple[None, None]:
    event = picked_event(store, args)
    return (event, _pane(store, args, event, "", "")) if event else (None, None)


def pane_beside(args: SearchArgs, pane: EventPane, table: Table) -> EventPane:
    """Return the pane of the picked event with the ways to the rows above and below it."""
    hrefs = [row.href for row in table.rows]
    at = next((place for place, row in enumerate(table.rows) if row.is_picked), None)
    above = hrefs[at - 1] if at else ""
    below = hrefs[at + 1] if at is not None and at + 1 < len(hrefs) else ""
    newer, older = (above, below) if args.order is Order.NEWEST else (below, above)
    return replace(pane, newer=newer, older=older)


def pane_alone(store: EventStore, args: SearchArgs) -> str:
    """Return the pane as scripts fetch it: they know themselves which rows are near."""
    if args.picked is None:
        raise BadQuery(_("'part=pane' needs the key of an event in 'sel'."))
    here = args.url()
    return render_template("search/_pane.html", pane=_pane(store, args, store.event(args.picked), here, here))


def _pane(store: EventStore, args: SearchArgs, event: Event, newer: str, older: str) -> EventPane:
    longer, url = OpenEnd(args.q), args.asking(q="").urls("q")
    return pane_of(
        store,
        event,
        narrow=lambda term: url(longer(term)),
        newer=newer,
        older=older,
        close=replace(args, sel="").url(),
    )


def _legend(found: Found) -> tuple[Legend, ...]:
    categories = found.histogram.categories if found.histogram else ()
    hrefs = {value.category: value.href for facet in found.facets for value in facet.values if value.category}
    return tuple(Legend(category, count, hrefs.get(category, "")) for category, count in categories)


def _link_of_span(args: SearchArgs) -> Callable[[datetime, datetime], str]:
    url = args.asking(start="", end="").urls("from", "to")
    return lambda start, end: url(time_text(start), time_text(end))


def _table(args: SearchArgs, rows: Rows, found: Found) -> Table:
    return Table(
        caption=_("Found events"),
        lines=rows.lines(found.bursts),
        headings=tuple(_heading(args, heading) for heading in headings()),
        is_dated=rows.clock == "dated",
    )


def _heading(args: SearchArgs, heading: Heading) -> Heading:
    """Return the heading with a link that sorts by its column, the second click the other way round."""
    name = _SORTED.get(heading.css)
    if name is None:
        return heading
    is_sorted = args.sorted_by == name or (name == "UtcTime" and args.sorted_by == "Time")
    descending = (args.sort or "-").startswith("-")
    following = name if not is_sorted or descending else f"-{name}"
    sort = ("descending" if descending else "ascending") if is_sorted else ""
    return replace(heading, href=args.asking(sort=following).url(), sort=sort)


def fault_of(args: SearchArgs, error: BadQuery) -> Fault:
    """Return what the page says of a question that cannot be understood."""
    if error.position is None or error.text != args.q:
        return Fault(str(error))
    text, at = error.text, error.position
    return Fault(str(error), elide(text[:at], 400), text[at : at + 1] or "\u00a0", elide(text[at + 1 :], 400))


def _page(
    args: SearchArgs,
    *,
    reading: Reading | None = None,
    fault: Fault | None = None,
    answer: Answer | None = None,
) -> SearchPage:
    names = answer.found.info.computers if answer else info_of(get_store()).computers
    return SearchPage(
        args=args,
        criteria=_criteria(args),
        computers=tuple(sorted(names)),
        reading=reading,
        fault=fault,
        answer=answer,
    )


def _criteria(args: SearchArgs) -> tuple[Criterion, ...]:
    """Return the fields of the classic form: one of each, and one more for each further value."""
    fields = []
    for name, (label, hint) in _CRITERIA.items():
        values = [text for key, text in args.criteria if key == name] or [""]
        fields += [Criterion(name, label, hint, value) for value in values]
    return tuple(fields)
