"""What the search page says of a question and of its answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from app.sysmon.condition import And, Condition, Or
from app.sysmon.events import Event
from app.sysmon.kinds import KINDS, Category
from app.sysmon.query import EventQuery, Order
from app.sysmon.words import in_words
from app.web.filters import SearchArgs
from app.web.finding import Found
from app.web.formats import cat_label, span, utc
from app.web.results import CLOCKS_APART
from app.web.texts import _, ngettext, translate
from app.web.what import short

LONGEST_PART: Final = 300
MOST_PARTS: Final = 30


@dataclass(frozen=True, slots=True)
class Reading:
    """The query read back: parts in words, and the word that joins them."""

    parts: tuple[str, ...]
    joined_by: str
    left_out: int = 0


def read_back(condition: Condition) -> Reading:
    """Return what was understood, part by part."""
    either = isinstance(condition, Or) and bool(condition.parts)
    parts: Sequence[Condition] = (condition,)
    if isinstance(condition, And | Or) and condition.parts:
        parts = condition.parts
    said = tuple(short(in_words(part, translate), LONGEST_PART) for part in parts[:MOST_PARTS])
    return Reading(said, "OR" if either else "AND", max(0, len(parts) - MOST_PARTS))


def count_words(found: Found) -> str:
    """Say how many events match, and on how many computers: exactly, or that it is not known."""
    total = found.total
    if total.at_least:
        return ngettext("At least %(num)s event", "At least %(num)s events", total.value)
    if total.at_most:
        return ngettext("At most %(num)s event", "At most %(num)s events", total.value)
    if not total.value:
        return _("0 events match")
    on = found.computers
    events = ngettext("%(num)s event", "%(num)s events", total.value)
    machines = ngettext("%(num)s computer", "%(num)s computers", on)
    return _("%(events)s on %(computers)s", events=events, computers=machines)


def shown_words(args: SearchArgs, found: Found) -> str:
    """Say which of the found events are shown, in which order, and how many are not."""
    if not found.taken:
        return ""
    rows = len(found.bursts)
    shown = f"{found.taken:,}"
    if args.after:
        return _shown_later(found, rows, shown)
    words = _first_words(args, shown)
    if rows < found.taken:
        words += ngettext(", bursts folded into %(num)s row", ", bursts folded into %(num)s rows", rows)
    left = found.total.value - found.taken
    if found.total.exact and left > 0:
        words += _rest_words(args, left)
    elif found.total.exact:
        words += _("; these are all")
    return words


def _first_words(args: SearchArgs, shown: str) -> str:
    if args.sorted_by in {"Time", "UtcTime"}:
        newest = args.order is Order.NEWEST
        return (
            _("Newest %(shown)s shown", shown=shown) if newest else _("Oldest %(shown)s shown", shown=shown)
        )
    return _("First %(shown)s by %(field)s shown", shown=shown, field=args.sorted_by)


def _rest_words(args: SearchArgs, left: int) -> str:
    if args.sorted_by in {"Time", "UtcTime"}:
        if args.order is Order.NEWEST:
            return ngettext("; %(num)s older one not shown", "; %(num)s older ones not shown", left)
        return ngettext("; %(num)s newer one not shown", "; %(num)s newer ones not shown", left)
    return ngettext("; %(num)s more not shown", "; %(num)s more not shown", left)


def _shown_later(found: Found, rows: int, shown: str) -> str:
    first, last = found.bursts[0].first, found.bursts[-1].events[-1]
    return _(
        "%(shown)s events in %(rows)s rows of a later page, recorded %(first)s – %(last)s UTC",
        shown=shown,
        rows=f"{rows:,}",
        first=utc(first.time)[:19],
        last=utc(last.time)[:19],
    )


@dataclass(frozen=True, slots=True)
class Remark:
    """One limit of the answer; ``mark`` is the icon beside it, empty for hatching."""

    text: str
    mark: str = "i-info"


def remarks(args: SearchArgs, query: EventQuery, found: Found) -> tuple[Remark, ...]:
    """Say what the answer rests on and what it cannot know."""
    return tuple(
        remark
        for remark in (
            _silences(found),
            _clocks(args, found),
            _not_recorded(found),
            _outside(query, found),
            _uncounted(found),
            _widened(found),
            _documents(found),
        )
        if remark
    )


def _widened(found: Found) -> Remark | None:
    """Say that the engine counted more than what matches."""
    if not found.total.at_most:
        return None
    text = _(
        "At most: the index cannot express all of this query, so total, histogram and facets count whatever"
        " may match; each row shown was checked"
    )
    return Remark(text, "i-warn")


def _documents(found: Found) -> Remark | None:
    """Say that an event may be counted more than once."""
    if not found.info.counts_documents:
        return None
    return Remark(_("Counted are documents: an event that was sent twice shows once and counts twice"))


def _silences(found: Found) -> Remark | None:
    silences = found.histogram.silences if found.histogram else ()
    if not silences:
        return None
    length = sum((silence.length for silence in silences), timedelta())
    text = ngettext(
        "%(num)s gap, %(length)s in all: nothing received (hatched)",
        "%(num)s gaps, %(length)s in all: nothing received (hatched)",
        len(silences),
        length=span(length),
    )
    return Remark(text, "")


def _clocks(args: SearchArgs, found: Found) -> Remark | None:
    apart = sum(map(_is_apart, _events(found)))
    if not apart:
        return None
    if args.sorted_by == "Time":
        text = ngettext(
            "%(num)s of the events shown has a UtcTime over a minute off: record time orders",
            "%(num)s of the events shown have a UtcTime over a minute off: record time orders",
            apart,
        )
    else:
        text = ngettext(
            "%(num)s of the events shown has a UtcTime over a minute from its record time",
            "%(num)s of the events shown have a UtcTime over a minute from their record time",
            apart,
        )
    return Remark(text, "i-clock")


def _events(found: Found) -> Iterable[Event]:
    return (event for burst in found.bursts for event in burst.events)


def _is_apart(event: Event) -> bool:
    return event.utc_time is not None and abs(event.time - event.utc_time) > CLOCKS_APART


def _not_recorded(found: Found) -> Remark | None:
    """Name the categories of which the store holds nothing at all."""
    if not found.info.events:
        return None
    held = {KINDS[event_id].category for event_id in found.info.event_ids if event_id in KINDS}
    missing = [category for category in Category if category not in held and category is not Category.OTHER]
    if not missing:
        return None
    names = ", ".join(f"{cat_label(category)} ({_ids(category)})" for category in missing)
    return Remark(_("Not recorded here: %(names)s", names=names))


def _ids(category: Category) -> str:
    ids = [kind.event_id for kind in KINDS.values() if kind.category is category]
    is_run = len(ids) > 2 and ids[-1] - ids[0] == len(ids) - 1
    return f"{ids[0]}–{ids[-1]}" if is_run else ", ".join(map(str, ids))


def _outside(query: EventQuery, found: Found) -> Remark | None:
    """Say when the range asked for is not one that the store knows anything of."""
    last, first = found.info.last, found.info.first
    if last is not None and query.start is not None and query.start > last:
        text = _("The newest event was recorded %(time)s UTC: before this range", time=utc(last)[:19])
        return Remark(text, "i-clock")
    if first is not None and query.end is not None and query.end <= first:
        text = _("The oldest event was recorded %(time)s UTC: after this range", time=utc(first)[:19])
        return Remark(text, "i-clock")
    return None


def _uncounted(found: Found) -> Remark | None:
    if not found.total.at_least:
        return None
    return Remark(_("Not counted: it takes long, so no histogram and no facets"), "i-warn")
