"""Why nothing was found: each part of the question, asked alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from app.errors import QueryTooSlow
from app.store.port import Budget, EventStore, StoreInfo
from app.sysmon.condition import EVERYTHING, And, Condition
from app.sysmon.language import to_text
from app.sysmon.query import EventQuery, Order
from app.web.filters import SearchArgs
from app.web.formats import utc
from app.web.texts import _
from app.web.what import short

MOST_PARTS: Final = 8
LONGEST_PART: Final = 160
SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the question: what it alone finds, and what that means.

    ``count`` is None where counting took too long.
    """

    text: str
    count: int | None
    remark: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """Why nothing matches. ``received`` events lie in the range, on the computers asked for."""

    parts: tuple[Part, ...]
    received: int | None
    left_out: int
    is_empty_store: bool


def why_nothing(store: EventStore, args: SearchArgs, query: EventQuery, info: StoreInfo) -> Nothing:
    """Ask for each part of the query alone, and for everything in its range."""
    if not info.events:
        return Nothing((), 0, 0, is_empty_store=True)
    budget = Budget(SECONDS)
    base = replace(query, after=None, sort=None, order=Order.NEWEST)

    def count(asked: EventQuery) -> int | None:
        try:
            return store.count(asked, budget).value
        except QueryTooSlow:
            return None

    together = store.together()

    def counting(asked: EventQuery) -> Callable[[], int | None]:
        return together.ask(lambda: count(asked))

    of_range = counting(replace(base, condition=EVERYTHING))
    conditions = query.condition.parts if isinstance(query.condition, And) else (query.condition,)
    counts = [
        (condition, counting(replace(base, condition=condition))) for condition in conditions[:MOST_PARTS]
    ]
    of_computers = counting(EventQuery(computers=query.computers)) if query.computers else None
    received = of_range()
    parts = [_part(condition, counted(), only=len(conditions) == 1) for condition, counted in counts]
    if query.start or query.end:
        parts.append(_range(args, received, info))
    if of_computers:
        everywhere = of_computers()
        names = ", ".join(query.computers)
        parts.append(Part(short(names, LONGEST_PART), everywhere, _not_stored(everywhere)))
    return Nothing(tuple(parts), received, max(0, len(conditions) - MOST_PARTS), is_empty_store=False)


def _part(condition: Condition, count: int | None, *, only: bool) -> Part:
    remark = _("not the cause alone")
    if count is None:
        remark = _("counting it takes too long")
    elif not count:
        remark = "" if only else _("alone finds nothing here")
    return Part(short(to_text(condition), LONGEST_PART), count, remark)


def _range(args: SearchArgs, received: int | None, info: StoreInfo) -> Part:
    held = ""
    if info.first and info.last:
        held = _(
            "the store holds %(first)s – %(last)s UTC", first=utc(info.first)[:19], last=utc(info.last)[:19]
        )
    return Part(f"{short(args.start, 40) or '…'} – {short(args.end, 40) or '…'}", received, held)


def _not_stored(count: int | None) -> str:
    return _("no event of this computer is stored") if count == 0 else _("not the cause alone")
