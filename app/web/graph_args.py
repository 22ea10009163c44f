"""What an address asks of a graph: what is open, hidden and highlighted, which time, how many nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlencode

from app.errors import BadQuery
from app.graph.building import CHILDREN
from app.graph.model import BUDGET, GraphSpec
from app.sysmon.kinds import Category
from app.sysmon.times import parse_time
from app.web.formats import CATEGORIES
from app.web.node_names import NodeNames, is_name
from app.web.texts import _
from app.web.what import short

MOST_BUDGET: Final = 220
"""So many nodes a page bears."""

MOST_OPENED: Final = 40
"""So many nodes may be opened or folded by hand."""

MOST_ADDRESSES: Final = 60_000
"""So many characters the addresses of all nodes may have: what is opened stands in each of them."""

MOST_MARK: Final = 200
ALL: Final = "all"
"""``open=all`` opens every group that there is."""

_KEYS: Final = {key: category for category, (key, _label) in CATEGORIES.items()}
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphArgs:
    """The arguments of a graph, understood; what could not be understood is in ``faults``.

    ``start`` and ``end`` are kept as they were typed, ``mark`` too; ``sel`` is the whole id
    of the picked node, empty for the default.
    """

    names: NodeNames
    opened: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    hidden: frozenset[Category] = frozenset()
    start: str = ""
    end: str = ""
    bounds: tuple[datetime | None, datetime | None] = (None, None)
    budget: int = BUDGET
    mark: str = ""
    sel: str = ""
    is_all_open: bool = False
    faults: tuple[BadQuery, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, arguments: Mapping[str, Sequence[str]], names: NodeNames) -> Self:
        """Return the arguments of an address; of a single one that comes twice the last counts."""
        single = {name: (arguments.get(name) or [""])[-1] for name in ("from", "to", "budget", "mark", "sel")}
        faults: list[BadQuery] = []

        def tried(read: Callable[..., T], default: T, *values: object) -> T:
            try:
                return read(*values)
            except BadQuery as error:
                faults.append(error)
                return default

        opened: list[str] = tried(_nodes, [], "open", arguments.get("open", ()))
        closed: list[str] = tried(_nodes, [], "shut", arguments.get("shut", ()))
        start = tried(_moment, None, single["from"], False)
        end = tried(_moment, None, single["to"], True)
        if start and end and start > end:
            faults.append(BadQuery(_("The time range ends before it starts: exchange its two ends.")))
            start = end = None
        budget = tried(_budget, BUDGET, single["budget"])
        nothing: tuple[list[str], list[str]] = ([], [])
        opened, closed = tried(_few, nothing, opened, closed, budget)
        return cls(
            names=names,
            opened=frozenset(names.whole(name) for name in opened if name != ALL),
            closed=frozenset(map(names.whole, closed)),
            hidden=tried(_categories, frozenset(), arguments.get("hide", ())),
            start=single["from"].strip(),
            end=single["to"].strip(),
            bounds=(start, end),
            budget=budget,
            mark=tried(_mark, "", single["mark"]),
            sel=names.whole(single["sel"]) if is_name(single["sel"]) else "",
            is_all_open=ALL in opened,
            faults=tuple(faults),
        )

    def check(self) -> None:
        """Raise what is wrong, where the answer has no page to say it on."""
        if self.faults:
            raise self.faults[0]

    def spec(self, *, start: datetime | None = None, end: datetime | None = None) -> GraphSpec:
        """Return what the builders of graphs are asked; the two times are for what was not said."""
        own_start, own_end = self.bounds
        return GraphSpec(
            opened=self.opened,
            closed=self.closed,
            hidden=self.hidden,
            start=own_start or start,
            end=own_end or end,
            budget=self.budget,
            mark=self.mark,
        )

    def pairs(self, **changes: Any) -> list[tuple[str, str]]:
        """Return the arguments as they stand in an address, some of them changed."""
        args = replace(self, **changes)
        opened = ([ALL] if args.is_all_open else []) + sorted(map(self.names.short, args.opened))
        said = {
            "open": opened,
            "shut": sorted(map(self.names.short, args.closed)),
            "hide": sorted(CATEGORIES[category][0] for category in args.hidden),
            "from": [args.start],
            "to": [args.end],
            "budget": [str(args.budget)] if args.budget != BUDGET else [],
            "mark": [args.mark],
            "sel": [self.names.short(args.sel)] if args.sel else [],
        }
        return [(name, value) for name, values in said.items() for value in values if value]

    def address(self, **changes: Any) -> str:
        """Return the address of this page with some arguments changed, relative to it."""
        return "?" + urlencode(self.pairs(**changes), safe="~:")

    def picking(self) -> Callable[[str], str]:
        """Return what gives the address that picks a node, for many nodes."""
        bare = self.address(sel="")
        start = f"{bare}&sel=" if len(bare) > 1 else "?sel="
        return lambda id_: start + quote(self.names.short(id_), safe="~:")

    def toggled(self, id_: str, *, is_open: bool) -> str:
        """Return the address on which a node is the other way: open instead of folded, or back."""
        if is_open:
            # Not saying it any more is enough where it was open for having been said.
            was_said = id_ in self.opened and not (self.is_all_open or self._opens_by_itself(id_))
            closed = self.closed if was_said else self.closed | {id_}
            return self.address(opened=self.opened - {id_}, closed=closed)
        closed = self.closed - {id_}
        return self.address(closed=closed, opened=self.opened | ({id_} - self.closed))

    def _opens_by_itself(self, id_: str) -> bool:
        return id_.endswith(CHILDREN) or id_ == self.names.whole("p~")

    def with_kind(self, category: Category) -> str:
        """Return the address on which a category is switched on or off."""
        return self.address(hidden=self.hidden ^ {category})


def _nodes(name: str, values: Iterable[str]) -> list[str]:
    said = list(dict.fromkeys(values))
    for value in said:
        if not is_name(value):
            raise BadQuery(_("%(name)s names a node of the graph; this is none.", name=name))
    if len(said) > MOST_OPENED:
        raise BadQuery(
            _(
                "%(count)s nodes are opened or folded by hand; %(most)s are the limit."
                " Fold some, or unfold all.",
                count=len(said),
                most=MOST_OPENED,
            )
        )
    return said


def _few(opened: list[str], closed: list[str], budget: int) -> tuple[list[str], list[str]]:
    """Return what is opened and folded by hand, if the page bears it in the address of every node."""
    if sum(len(name) + 6 for name in (*opened, *closed)) * budget > MOST_ADDRESSES:
        raise BadQuery(
            _(
                "%(count)s nodes opened or folded by hand are too many for a graph of %(budget)s nodes."
                " Fold some, unfold all, or draw fewer.",
                count=len(opened) + len(closed),
                budget=budget,
            )
        )
    return opened, closed


def _moment(text: str, end: bool) -> datetime | None:
    return parse_time(text, end=end) if text.strip() else None


def _categories(values: Iterable[str]) -> frozenset[Category]:
    found = set()
    for value in values:
        category = _KEYS.get(value) or next((each for each in Category if each.value == value), None)
        if category is None:
            raise BadQuery(
                _(
                    "There is no kind of event '%(value)s' to hide. The kinds are: %(kinds)s.",
                    value=short(value, 100),
                    kinds=", ".join(_KEYS),
                ),
                text=value,
            )
        found.add(category)
    return frozenset(found)


def _budget(text: str) -> int:
    if not text.strip():
        return BUDGET
    number = int(text) if text.strip().isdecimal() and len(text) < 10 else 0
    if not 1 <= number <= MOST_BUDGET:
        raise BadQuery(
            _(
                "'%(value)s' is not a number of nodes that can be drawn: 1 to %(most)s.",
                value=short(text, 100),
                most=MOST_BUDGET,
            ),
            text=text,
        )
    return number


def _mark(text: str) -> str:
    if len(text) > MOST_MARK:
        raise BadQuery(
            _(
                "The word to highlight has more than %(most)s characters: a part of it will do.",
                most=MOST_MARK,
            )
        )
    return text.strip()
