"""A facet's own filter: the parts of a query that speak of one field, changed by a click."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from app.errors import BadQuery
from app.sysmon.condition import EVERYTHING, And, Condition, Match, Not, Operator, Or, equals_any, matches_of
from app.sysmon.evaluate import holds
from app.sysmon.events import Event
from app.sysmon.fields import DERIVED, FIELDS
from app.sysmon.language import parse, to_text
from app.sysmon.normal import conjunction
from app.sysmon.text import fold

_NOON: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Filter:
    """What a query says of one facet.

    ``field`` is the field that the facet counts; ``names`` are all names by which a query
    speaks of the same thing. The filter is made of the parts of the query's outermost
    "and" that speak of nothing else.
    """

    text: str
    field: str
    names: frozenset[str]

    @cached_property
    def asked(self) -> Condition:
        """The whole query."""
        return parse(self.text)

    @cached_property
    def own(self) -> tuple[Condition, ...]:
        """The parts that are this filter."""
        return tuple(part for part in _parts(self.asked) if self._is_mine(part))

    @property
    def rest(self) -> tuple[Condition, ...]:
        """All other parts of the query."""
        return tuple(part for part in _parts(self.asked) if not self._is_mine(part))

    @property
    def values(self) -> tuple[str, ...]:
        """The whole values that the filter names."""
        return tuple(match.value for match in self._named() if match.operator is Operator.EQUALS)

    def chooses(self, value: str) -> bool:
        """Tell whether the filter names this value, by itself or by a wildcard that it meets."""
        if not any(not isinstance(part, Not) for part in self.own):
            return False
        if self.field in DERIVED:
            return value in self.values
        column = FIELDS[self.field].column
        # Events 8 and 10 have the field under another name.
        kinds = [Event(time=_NOON, computer="", event_id=n, values={column: value}) for n in (1, 10)]
        return all(any(holds(part, event) for event in kinds) for part in self.own)

    def toggled(self, value: str) -> str:
        """Return the query with this value chosen, or no longer if it is chosen already.

        Where the query has no such filter, what was typed stays as it was typed. A filter
        that is a list of values gets one more; any other is replaced.
        """
        if not self.own:
            chosen = Match(self.field, Operator.EQUALS, value)
            return self.open_end(to_text(chosen), chosen)
        if self._is_list:
            kept = tuple(one for one in self.values if fold(one) != fold(value))
            wanted = kept if len(kept) < len(self.values) else (*self.values, value)
        else:
            wanted = () if self.chooses(value) else (value,)
        parts = (*self.rest, *((equals_any(self.field, wanted),) if wanted else ()))
        joined = conjunction(parts)
        return "" if joined == EVERYTHING else to_text(joined)

    @cached_property
    def open_end(self) -> OpenEnd:
        return OpenEnd(self.text, self.asked)

    @property
    def _is_list(self) -> bool:
        """Whether the filter is one list of whole values of the facet's own field."""
        return (
            len(self.own) == 1
            and not isinstance(self.own[0], Not)
            and all(
                match.operator is Operator.EQUALS
                and (match.field not in DERIVED_FROM or match.field == self.field)
                for match in matches_of(self.own[0])
            )
        )

    def _named(self) -> Sequence[Match]:
        return [
            match
            for part in self.own
            if not isinstance(part, Not)
            for match in matches_of(part)
            if self.field not in DERIVED or match.field == self.field
        ]

    def _is_mine(self, part: Condition) -> bool:
        fields = {match.field for match in matches_of(part)}
        fields |= {match.value for match in matches_of(part) if match.operator is Operator.FIELD_EQUALS_FIELD}
        return bool(fields) and fields <= self.names


class OpenEnd:
    """A query that one more term is added to; what was typed stays as it was typed if it can."""

    def __init__(self, text: str, asked: Condition | None = None) -> None:
        self._asked = parse(text) if asked is None else asked
        self._typed = f"({text})" if isinstance(self._asked, Or) else text
        self._holds = self._can_go_on()

    def __call__(self, term: str, condition: Condition | None = None) -> str:
        """Return the query that says ``term`` too; ``condition`` is what the term means, if known."""
        if self._asked == EVERYTHING:
            return term
        if self._holds:
            return f"{self._typed} and {term}"
        return to_text(conjunction([self._asked, parse(term) if condition is None else condition]))

    def _can_go_on(self) -> bool:
        try:
            return parse(f"{self._typed} and {_PROBE}") == conjunction([self._asked, parse(_PROBE)])
        except BadQuery:  # A quote or parenthesis of the typed query reaches into what follows.
            return False


_PROBE: Final = "EventId:1"


DERIVED_FROM: Final = frozenset({"EventId", "Kind", "Category"})
"""The fields that say what an event is: only one of them is the facet's own."""


def _parts(condition: Condition) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, And) else (condition,)
