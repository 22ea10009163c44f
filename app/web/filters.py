"""What an address asks of the search page, and the address of what one asks.

``SearchArgs`` keeps every argument as it was typed, right or wrong, so that the page can
show it again; ``event_query`` then says what is wrong with it. Arguments that the page does
not know are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Self, TypeVar, cast
from urllib.parse import urlencode

from app.errors import BadQuery
from app.sysmon.classic import CRITERIA, condition_of
from app.sysmon.condition import EVERYTHING, Condition
from app.sysmon.events import EventKey, time_text
from app.sysmon.language import parse, to_text
from app.sysmon.normal import conjunction
from app.sysmon.query import EventQuery, Order
from app.sysmon.times import parse_time
from app.web import links

T = TypeVar("T")

#: Name of a sort in addresses -> the field; None is the record time.
SORTS: Final[Mapping[str, str | None]] = {
    "Time": None,
    "UtcTime": "UtcTime",
    "EventId": "EventId",
    "Level": "Level",
    "Computer": "Computer",
    "User": "SubjectUser",
    "Image": "Process",
}
NEWEST_FIRST: Final = "-Time"
"""The sort that needs not be said."""

MATCHES: Final = ("all", "any")
FACETS: Final = ("computers", "users", "images")
"""The facets that ``more`` may show at full length."""

_SINGLE: Final = ("q", "match", "from", "to", "sort", "after", "sel", "fold", "count")
_DEFAULTS: Final = {"match": "all", "sort": NEWEST_FIRST, "fold": "1"}
KNOWN: Final = frozenset({*_SINGLE, *CRITERIA, "computer", "more"})
"""The arguments that say what is searched and shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchArgs:
    """The arguments of one search, as they were typed; empty ones and defaults are ``""``.

    ``criteria`` are the pairs of the classic form, in its order; a criterion may stand
    there several times. ``start`` and ``end`` are ``from`` and ``to``.
    """

    q: str = ""
    criteria: tuple[tuple[str, str], ...] = ()
    match: str = ""
    start: str = ""
    end: str = ""
    computers: tuple[str, ...] = ()
    sort: str = ""
    after: str = ""
    sel: str = ""
    fold: str = ""
    count: str = ""
    more: tuple[str, ...] = ()

    @classmethod
    def read(cls, arguments: Mapping[str, Sequence[str]]) -> Self:
        """Return the arguments of an address; of a single one that comes twice the last counts."""
        single = {name: (arguments.get(name) or [""])[-1] for name in _SINGLE}
        said = {name: "" if text == _DEFAULTS.get(name) else text for name, text in single.items()}
        criteria = tuple((name, text) for name in CRITERIA for text in arguments.get(name, ()) if text)
        return cls(
            q=said["q"],
            criteria=criteria,
            match=said["match"],
            start=said["from"].strip(),
            end=said["to"].strip(),
            computers=_distinct(arguments.get("computer", ())),
            sort=said["sort"],
            after=said["after"],
            sel=said["sel"],
            fold=said["fold"],
            count=said["count"],
            more=_distinct(arguments.get("more", ())),
        )

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield the arguments of an address that says the same, and nothing that needs not be said."""
        yield from (("q", self.q),) if self.q else ()
        yield from self.criteria
        for name, text in (("match", self.match), ("from", self.start), ("to", self.end)):
            yield from ((name, text),) if text else ()
        yield from (("computer", name) for name in self.computers)
        for name in ("sort", "after", "sel", "fold", "count"):
            said: str = getattr(self, name)
            yield from ((name, said),) if said else ()
        yield from (("more", name) for name in self.more)

    def url(self, twin: str = "") -> str:
        """Return the address of this search; ``twin`` is ``.json``, ``.csv`` or ``.ndjson``."""
        arguments: dict[str, list[str]] = {}
        for name, text in self.pairs():
            arguments.setdefault(name, []).append(text)
        return links.search(twin, **arguments)

    def urls(self, *names: str) -> Callable[..., str]:
        """Return a function that gives the address of this search with these arguments added.

        A page has hundreds of such addresses; what they have in common is written once.
        """
        base = self.url()
        joint = "&" if "?" in base else "?"
        return lambda *texts: base + joint + urlencode(list(zip(names, texts, strict=True)))

    def asking(self, **changes: object) -> SearchArgs:
        """Return another question: it begins on its first page, with nothing picked."""
        return replace(self, **{"after": "", "sel": "", "count": "", **changes})  # type: ignore[arg-type]

    @property
    def asks_for_all(self) -> bool:
        """Whether neither query nor form says which events."""
        return not self.q.strip() and not self.criteria

    @property
    def folds(self) -> bool:
        """Whether bursts are folded into one row."""
        return self.fold != "0"

    @property
    def order(self) -> Order:
        """The order of the results."""
        return Order.NEWEST if (self.sort or NEWEST_FIRST).startswith("-") else Order.OLDEST

    @property
    def sorted_by(self) -> str:
        """The name of the sort, ``Time`` where none is said."""
        return self.sort.removeprefix("-") or "Time"

    @property
    def picked(self) -> EventKey | None:
        """The key of the picked event; BadQuery where it is none."""
        return _about("sel", EventKey.parse, self.sel) if self.sel else None

    def condition(self) -> Condition:
        """Return what must hold: the query and the classic form together."""
        return conjunction([parse(self.q), self.classic_condition()])

    def classic_condition(self) -> Condition:
        """Return what the classic form alone says."""
        match = self.match or "all"
        if match not in MATCHES:
            raise BadQuery(f"'match' is 'all' or 'any', not {match!r}.", text=match)
        if not self.criteria:
            return EVERYTHING
        return condition_of(self.criteria, cast(Literal["all", "any"], match))

    def with_one_query(self) -> SearchArgs:
        """Return the same search with the classic form written into the query."""
        return self.asking(q=to_text(self.condition()), criteria=(), match="")

    def event_query(self) -> EventQuery:
        """Return the question to the store; raise BadQuery, naming the argument, where one is wrong."""
        condition = self.condition()
        start, end = self.range()
        if self.sorted_by not in SORTS:
            raise BadQuery(
                f"'sort' is one of {', '.join(SORTS)}, with '-' before it for the greatest first;"
                f" not {self.sort!r}.",
                text=self.sort,
            )
        for name, text, allowed in (("fold", self.fold, ("0",)), ("count", self.count, ("exact",))):
            if text and text not in allowed:
                raise BadQuery(f"'{name}' cannot be {text!r}.", text=text)
        for facet in self.more:
            if facet not in FACETS:
                raise BadQuery(f"'more' is one of {', '.join(FACETS)}, not {facet!r}.", text=facet)
        _ = self.picked  # A wrong one is refused before anything is searched.
        return EventQuery(
            condition=condition,
            start=start,
            end=end,
            computers=self.computers,
            order=self.order,
            sort=SORTS[self.sorted_by],
            after=self.after or None,
        )

    def range(self) -> tuple[datetime | None, datetime | None]:
        """Return the range of record times; None: no bound."""
        start = _about("from", parse_time, self.start) if self.start else None
        end = _about("to", lambda text: parse_time(text, end=True), self.end) if self.end else None
        if start and end and start > end:
            raise BadQuery("The time range ends before it starts: exchange 'from' and 'to'.", text=self.end)
        return start, end


def absolute(last: str, now: datetime) -> tuple[str, str]:
    """Return ``from`` and ``to`` of ``last=1h``, counted back from now; raise BadQuery for anything else."""
    said = re.fullmatch(r"([1-9][0-9]{0,3})([mhd])", last)
    if said is None:
        raise BadQuery(f"'last' is a number and m, h or d: 15m, 24h, 7d; not {last!r}.", text=last)
    length = timedelta(**{_UNITS[said[2]]: int(said[1])})
    end = now.astimezone(UTC).replace(microsecond=0)
    return time_text(end - length), time_text(end)


_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def is_tidy(arguments: Mapping[str, Sequence[str]]) -> bool:
    """Tell whether the address is the one to share: no empty argument of a form, no default said."""
    known = {name: list(texts) for name, texts in arguments.items() if name in KNOWN}
    tidy: dict[str, list[str]] = {}
    for name, text in SearchArgs.read(arguments).pairs():
        tidy.setdefault(name, []).append(text)
    return known == tidy


def _distinct(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _about(name: str, read: Callable[[str], T], text: str) -> T:
    """Read an argument; say its name where it cannot be read."""
    try:
        return read(text)
    except BadQuery as error:
        raise BadQuery(f"'{name}': {error}", text=text) from error
