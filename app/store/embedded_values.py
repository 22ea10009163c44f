"""What the value summaries say about a condition, before any event is read.

A keyword is looked for in all columns; the summaries know in which of them it stands, and
as which values. A regular expression or network is tried on each value of a column once
instead of on each event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from app.store.catalogue import Segment
from app.store.embedded_engine import Engine
from app.store.embedded_match import NEVER, Operand, Parameters, compared
from app.store.embedded_sql import Hits
from app.store.port import Budget, Terms
from app.store.summary import OTHER_COLUMN, SUMMARY_COLUMNS
from app.sysmon.condition import Condition, Match, Operator, matches_of
from app.sysmon.fields import ANY_FIELD, FIELDS, KEYWORD_COLUMNS, Field, FieldType, Scope

MOST_VALUES: Final = 300
"""Up to so many values of a column are named one by one; above, the column is asked."""

_TRIED_ON_VALUES: Final = frozenset({Operator.REGEX, Operator.CIDR})
_GUID_COLUMNS: Final = tuple(
    column for column in KEYWORD_COLUMNS if column not in SUMMARY_COLUMNS and column != "computer"
)


@dataclass(frozen=True, slots=True)
class Values:
    """Asks the value summaries of segments."""

    engine: Engine

    def hits(self, condition: Condition, segments: Sequence[Segment], budget: Budget) -> dict[Match, Hits]:
        """Return where these segments have values for which the comparisons hold."""
        wanted = [match for match in dict.fromkeys(matches_of(condition)) if is_tried_on_values(match)]
        if not segments:
            return {}
        return {match: self._hits(match, segments, budget) for match in wanted}

    def _hits(self, match: Match, segments: Sequence[Segment], budget: Budget) -> Hits:
        parameters = Parameters()
        holds = compared(match, Operand('"value"'), parameters)
        if holds == NEVER:
            return Hits({}, other=False)
        only = "" if match.field == ANY_FIELD else f" AND \"column\" = '{FIELDS[match.field].column}'"
        # A value stands once per segment and computer, so a few more are asked for.
        sql = (
            f'SELECT "column", count(*), min("value", {4 * MOST_VALUES})'
            f" FROM read_parquet({_files(segments, parameters)})"
            f" WHERE {holds}{only} GROUP BY 1"
        )
        columns: dict[str, frozenset[str] | None] = {}
        for column, count, values in self.engine.rows(sql, parameters.values, budget):
            distinct = frozenset(values)
            named = count <= 4 * MOST_VALUES and len(distinct) <= MOST_VALUES
            columns[column] = distinct if named else None
        other = columns.pop(OTHER_COLUMN, frozenset()) != frozenset()
        known: dict[str, frozenset[str] | None] = {
            column: values for column, values in columns.items() if column in SUMMARY_COLUMNS
        }
        if match.field == ANY_FIELD:
            known |= dict.fromkeys(_unsummed(match))
        return Hits(known, other)

    def terms(
        self, field: Field, segments: Sequence[Segment], size: int, rarest: bool, budget: Budget
    ) -> Terms:
        """Count the values of a field in all events of these segments."""
        parameters = Parameters()
        counted = (
            'SELECT "value" AS v, CAST(sum("count") AS BIGINT) AS n'
            f" FROM read_parquet({_files(segments, parameters)})"
            f" WHERE \"column\" = '{field.column}' GROUP BY 1"
        )
        sql = (
            "SELECT v, n, count(*) OVER (), CAST(sum(n) OVER () AS BIGINT)"
            f" FROM ({counted}) ORDER BY n {'ASC' if rarest else 'DESC'}, v"
            f" LIMIT {parameters.bind(max(size, 1))}"
        )
        rows = self.engine.rows(sql, parameters.values, budget)
        events = sum(segment.rows for segment in segments)
        if not rows:
            return Terms((), 0, events)
        *_, distinct, having = rows[0]
        return Terms(tuple((value, count) for value, count, *_ in rows[:size]), distinct, events - having)


def is_tried_on_values(match: Match) -> bool:
    """Tell whether the summaries are asked before the events."""
    if match.field == ANY_FIELD:
        return match.operator not in {Operator.EXISTS, Operator.FIELD_EQUALS_FIELD}
    field = FIELDS[match.field]
    return (
        match.operator in _TRIED_ON_VALUES
        and field.type is FieldType.TEXT
        and field.column in SUMMARY_COLUMNS
    )


def are_summed(field: Field) -> bool:
    """Tell whether the summaries count this field's values, in all events."""
    return field.scope is Scope.ANY and field.column in SUMMARY_COLUMNS


def _files(segments: Sequence[Segment], parameters: Parameters) -> str:
    return parameters.bind([str(segment.summary_path) for segment in segments])


def _unsummed(match: Match) -> Iterable[str]:
    """Yield the columns that the summaries do not have and that may hold the keyword."""
    yield "computer"
    if match.operator in _PARTS and not _may_be_in_guid(match.value):
        return
    yield from _GUID_COLUMNS


_PARTS: Final = frozenset({Operator.EQUALS, Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH})


def _may_be_in_guid(text: str) -> bool:
    return len(text) <= _GUID_LENGTH and not set(text.lower()) - set("0123456789abcdef-")


_GUID_LENGTH: Final = 36
