"""What found events have in common: values to narrow the search down by, with counts.

The count of each value leaves out its own facet's filter: it says how many events there
would be if that value were chosen instead. A filter is a part of the query's outermost
"and" that speaks of the facet's field only; computers are chosen by ``computer=``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Final

from app.errors import BadQuery
from app.store.answers import in_any_case
from app.store.port import Budget, EventStore, StoreInfo, Terms
from app.sysmon.kinds import Category, category_of
from app.sysmon.normal import conjunction
from app.sysmon.query import EventQuery, Order
from app.sysmon.text import fold
from app.web.filters import SearchArgs
from app.web.formats import base_name, cat_label
from app.web.narrowing import Filter
from app.web.results import LONGEST_LINK
from app.web.texts import _, ngettext
from app.web.what import short

SHOWN: Final = 8
SHOWN_MORE: Final = 100
"""So many values a facet has, and so many where the reader asked for more."""

ASKED: Final = 200
"""So many values are asked for: some of them differ in case only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value: how many events have it, and the address that chooses it or leaves it again."""

    text: str
    title: str
    count: int
    href: str
    is_on: bool = False
    category: Category | None = None
    computers: int = 0
    """On how many computers of the store it was seen; 0: not asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One facet: its most frequent values, of ``distinct`` different ones.

    ``of`` is the number of computers that rarity is measured by. Each count may be too low by
    ``error`` events.
    """

    key: str
    title: str
    note: str
    values: tuple[Value, ...]
    distinct: int
    of: int = 0
    error: int = 0
    more: str = ""
    more_text: str = ""

    @property
    def most(self) -> int:
        """The greatest count: the full length of a share bar."""
        return max((value.count for value in self.values), default=0)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the store says: the values of each field, and on how many computers an image was seen.

    ``categories`` is None where those of the found events are meant.
    """

    terms: Mapping[str, Terms]
    categories: Mapping[Category, int] | None
    seen_on: Mapping[str, int]


#: Field of a facet -> the names by which a query speaks of the same thing.
_NAMES: Final = {
    "Category": frozenset({"Category", "EventId", "Kind"}),
    "SubjectUser": frozenset({"User", "SourceUser", "SubjectUser"}),
    "Process": frozenset({"Image", "SourceImage", "Process"}),
}


@dataclass(frozen=True, kw_only=True)
class Facets:
    """Asks for the facets of one search: first the answers, then what the page shows of them."""

    store: EventStore
    args: SearchArgs
    query: EventQuery
    info: StoreInfo
    has_links: bool = True
    budget: Budget | None = None

    def answers(self) -> Answers:
        """Ask the store."""
        categories, users, images = self._filters
        fields = [mine.field for mine in (users, images) if not mine.own]
        if not self.query.computers:
            fields.append("Computer")
        together = self.store.together()
        of_all = together.ask(lambda: self._facets(self._question(), fields))
        alone = {
            mine.field: together.ask(partial(self._without, mine)) for mine in (users, images) if mine.own
        }
        if self.query.computers:
            elsewhere = replace(self._question(), computers=())
            alone["Computer"] = together.ask(lambda: self._terms(elsewhere, "Computer"))
        kinds = together.ask(lambda: self._categories_without(categories)) if categories.own else None
        terms = dict(zip(fields, of_all(), strict=True)) | {name: answer() for name, answer in alone.items()}
        counts = in_any_case(terms[images.field].values)
        shown = [image for image, _count in self._cut("images", counts, images.values)]
        return Answers(terms, kinds and kinds(), self._seen_on(shown))

    def facets(self, answers: Answers, found: Sequence[tuple[Category, int]]) -> tuple[Facet, ...]:
        """Return the facets, in their order on the page; ``found`` events are counted already."""
        categories, users, images = self._filters
        counted = dict(found) if answers.categories is None else answers.categories
        return (
            self._computers(answers.terms["Computer"]),
            self._categories(counted, categories),
            self._users(answers.terms[users.field], users),
            self._images(answers.terms[images.field], images, answers.seen_on),
        )

    @cached_property
    def _filters(self) -> tuple[Filter, Filter, Filter]:
        """What the query says of event types, users and images."""
        categories, users, images = (Filter(self.args.q, field, names) for field, names in _NAMES.items())
        return categories, users, images

    def _question(self) -> EventQuery:
        """Return the search without its place: only which events."""
        return replace(self.query, after=None, sort=None, order=Order.NEWEST)

    def _facets(self, query: EventQuery, fields: Sequence[str]) -> tuple[Terms, ...]:
        return self.store.facets(query, fields, ASKED, budget=self.budget) if fields else ()

    def _terms(self, query: EventQuery, field: str) -> Terms:
        return self.store.terms(query, field, ASKED, budget=self.budget)

    def _without(self, mine: Filter) -> Terms:
        """Ask for the values of a facet as if its own filter were not there."""
        return self._terms(self._question_without(mine), mine.field)

    def _question_without(self, mine: Filter) -> EventQuery:
        rest = conjunction([*mine.rest, self.args.classic_condition()])
        return replace(self._question(), condition=rest)

    def _computers(self, terms: Terms) -> Facet:
        found = in_any_case(terms.values)
        chosen = {fold(name) for name in self.args.computers}
        known = {fold(name) for name in found}
        empty = [name for name in self.info.computers if fold(name) not in known]
        missing = [name for name in empty if fold(name) in chosen]
        if len(self.info.computers) <= SHOWN:
            missing = sorted(empty)
        counts = {**found, **dict.fromkeys(missing, 0)}
        values = [
            Value(
                text=short(name, 60),
                title=short(name),
                count=count,
                href=self._href(computers=self._toggled(name)) if len(name) <= LONGEST_LINK else "",
                is_on=fold(name) in chosen,
            )
            for name, count in self._cut("computers", counts, chosen)
        ]
        distinct = len(known & chosen if chosen else known)
        note = _("%(found)s of %(all)s", found=f"{distinct:,}", all=f"{len(self.info.computers):,}")
        facet = self._facet("computers", _("Computers"), note, values, len(counts))
        return replace(facet, distinct=distinct, error=terms.error)

    def _toggled(self, name: str) -> tuple[str, ...]:
        kept = tuple(chosen for chosen in self.args.computers if fold(chosen) != fold(name))
        return kept if len(kept) < len(self.args.computers) else (*kept, name)

    def _categories(self, counted: Mapping[Category, int], mine: Filter) -> Facet:
        order = list(Category)
        values = [
            Value(
                text=cat_label(category),
                title=cat_label(category),
                count=count,
                href=self._toggle(mine, category.value),
                is_on=mine.chooses(category.value),
                category=category,
            )
            for category, count in sorted(counted.items(), key=lambda item: (-item[1], order.index(item[0])))
        ]
        return self._facet("categories", _("Event types"), _note(mine), values, len(values))

    def _categories_without(self, mine: Filter) -> dict[Category, int]:
        query = self._question_without(mine)
        if query == EventQuery():
            counts: Counter[Category] = Counter()
            for event_id, count in self.info.event_ids.items():
                counts[category_of(event_id)] += count
            return dict(counts)
        return {Category(name): count for name, count in self._terms(query, mine.field).values}

    def _users(self, terms: Terms, mine: Filter) -> Facet:
        counts = in_any_case(terms.values)
        values = [
            Value(
                text=short(name, 60),
                title=short(name),
                count=count,
                href=self._toggle(mine, name),
                is_on=mine.chooses(name),
            )
            for name, count in self._cut("users", counts, mine.values)
        ]
        facet = self._facet("users", _("Users"), _note(mine), values, terms.distinct - _merged(terms))
        facet = replace(facet, error=terms.error)
        if not terms.missing:
            return facet
        text = _("no user of their own")
        nobody = Value(text=text, title=text, count=terms.missing, href="")
        return replace(facet, values=(*facet.values, nobody))

    def _images(self, terms: Terms, mine: Filter, seen: Mapping[str, int]) -> Facet:
        counts = in_any_case(terms.values)
        shown = self._cut("images", counts, mine.values)
        names = _names([image for image, _count in shown])
        values = [
            Value(
                text=short(names[image], 60),
                title=short(image),
                count=count,
                href=self._toggle(mine, image),
                is_on=mine.chooses(image),
                computers=seen.get(image, 0),
            )
            for image, count in shown
        ]
        facet = self._facet("images", _("Top images"), _note(mine), values, terms.distinct - _merged(terms))
        return replace(facet, error=terms.error)

    def _seen_on(self, images: Sequence[str]) -> Mapping[str, int]:
        rarities = self.store.rarity([("Process", image) for image in images], budget=self.budget)
        return {image: rarity.computers for image, rarity in zip(images, rarities, strict=True) if rarity}

    def _cut(
        self, key: str, counts: Mapping[str, int], kept: Sequence[str] | set[str]
    ) -> list[tuple[str, int]]:
        """Return the most frequent values, and those that are chosen however rare they are."""
        most = SHOWN_MORE if key in self.args.more else SHOWN
        wanted = {fold(name) for name in kept}
        items = list(counts.items())
        return items[:most] + [item for item in items[most:] if fold(item[0]) in wanted][:SHOWN]

    def _facet(self, key: str, title: str, note: str, values: list[Value], distinct: int) -> Facet:
        more, text, left = "", "", distinct - len(values)
        if key in self.args.more:
            more, text = self._showing(tuple(name for name in self.args.more if name != key)), _("fewer")
        elif left > 0:
            text = ngettext("%(num)s more", "%(num)s more", left)
            more = self._showing((*self.args.more, key))
        return Facet(
            key=key,
            title=title,
            note=note,
            values=tuple(values),
            distinct=distinct,
            of=len(self.info.computers),
            more=more,
            more_text=text,
        )

    def _href(self, **changes: object) -> str:
        return self.args.asking(**changes).url() if self.has_links else ""

    @cached_property
    def _with_query(self) -> Callable[[str], str]:
        """Gives the address of this search with another query."""
        url, without = self.args.asking(q="").urls("q"), self.args.asking(q="").url()
        return lambda text: url(text) if text else without

    def _showing(self, more: tuple[str, ...]) -> str:
        return replace(self.args, more=more).url() if self.has_links else ""

    def _toggle(self, mine: Filter, value: str) -> str:
        """Return the address with this value chosen, or no longer."""
        if not self.has_links or len(value) > LONGEST_LINK:
            return ""
        try:
            return self._with_query(mine.toggled(value))
        except BadQuery:  # The value cannot be said in a query that stays within its limits.
            return ""


def _note(mine: Filter) -> str:
    return _("own filter off") if mine.own else ""


def _names(images: Sequence[str]) -> Mapping[str, str]:
    """Return the file name of each image; with its folder where two have the same."""
    names = [fold(base_name(image)) for image in images]
    return {
        image: base_name(image)
        if names.count(fold(base_name(image))) == 1
        else "\\".join(image.split("\\")[-2:])
        for image in images
    }


def _merged(terms: Terms) -> int:
    return len(terms.values) - len(in_any_case(terms.values))
