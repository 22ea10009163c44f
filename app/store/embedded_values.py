"""What the value summaries say about a condition, before any event is read.

A keyword is looked for in all columns; the summaries know in which of them it stands, in
which segments, and as which values. A regular expression or network is tried on each value
of a column once instead of on each event.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Final

from app.store.catalogue import Segment
from app.store.embedded_engine import Engine
from app.store.embedded_match import NEVER, Operand, Parameters, compared
from app.store.embedded_sql import Hit, Hits
from app.store.files import must_be_there
from app.store.port import Budget, Terms
from app.store.summary import OTHER_COLUMN, PAIR_COLUMN, SUMMARY_COLUMNS
from app.sysmon.condition import Condition, Match, Operator, matches_of
from app.sysmon.fields import ANY_FIELD, COLUMN_TYPES, FIELDS, KEYWORD_COLUMNS, Field, FieldType, Scope

_MOST_VALUES: Final = 300
"""Up to so many values of a column are named one by one; above, the column is asked."""

_MOST_ROWS: Final = 4 * _MOST_VALUES
"""A value may stand in a summary once per computer, so a few more are asked for."""

_KEPT_CHARACTERS: Final = 16 << 20
_KEPT_AT_LEAST: Final = 500
"""What a comparison and a segment are taken to need, beside the values found."""

_TRIED_ON_VALUES: Final = frozenset({Operator.REGEX, Operator.CIDR})
_ON_TEXT: Final = frozenset(
    {Operator.EQUALS, Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH, Operator.WILDCARD}
)
_OF_FEW_VALUES: Final = frozenset({"image", "parent_image", "target_image", "user"})
_MOST_FILES: Final = 64
"""Up to so many summaries are opened for a comparison that the events can answer too."""

_SIGNS: Final = {FieldType.TIME: frozenset("0123456789-:. "), FieldType.INTEGER: frozenset("0123456789-")}
"""All that the text forms of these types are written with."""

_GUID_COLUMNS: Final = tuple(
    column for column in KEYWORD_COLUMNS if column not in SUMMARY_COLUMNS and column != "computer"
)


@dataclass(frozen=True, slots=True)
class _InSegment:
    """What a summary has in one column: number of its rows, of their events, and the first values."""

    rows: int
    events: int
    values: tuple[str, ...]


InColumns = Mapping[str, _InSegment]


@dataclass(slots=True)
class KnownHits:
    """What summaries said of comparisons, by segment; the least recently used is let go.

    Segments never change, so it stays true.
    """

    limit: int = _KEPT_CHARACTERS
    _kept: OrderedDict[tuple[Match, str], tuple[InColumns, int]] = field(default_factory=OrderedDict)
    _size: int = 0
    _lock: Lock = field(default_factory=Lock)

    def of(self, match: Match, segments: Iterable[Segment]) -> dict[str, InColumns]:
        """Return what is known, by name of the segment."""
        known: dict[str, InColumns] = {}
        with self._lock:
            for segment in segments:
                key = (match, segment.name)
                if key in self._kept:
                    self._kept.move_to_end(key)
                    known[segment.name] = self._kept[key][0]
        return known

    def keep(self, match: Match, found: Mapping[str, InColumns]) -> None:
        """Keep what the summaries of these segments said."""
        with self._lock:
            for name, columns in found.items():
                values = (value for one in columns.values() for value in one.values)
                size = _KEPT_AT_LEAST + len(match.value) + sum(map(len, values))
                self._size += size - self._kept.get((match, name), ({}, 0))[1]
                self._kept[match, name] = (columns, size)
            while self._size > self.limit:
                self._size -= self._kept.popitem(last=False)[1][1]


@dataclass(frozen=True, slots=True)
class Values:
    """Asks the value summaries of segments, and keeps what they say: a page asks several times."""

    engine: Engine
    known: KnownHits = field(default_factory=KnownHits)

    def hits(self, condition: Condition, segments: Sequence[Segment], budget: Budget) -> dict[Match, Hits]:
        """Return where these segments have values for which the comparisons hold."""
        few = len(segments) <= _MOST_FILES
        wanted = [
            match
            for match in dict.fromkeys(matches_of(condition))
            if is_tried_on_values(match) or (few and _is_of_few_values(match))
        ]
        return {match: self._hits(match, segments, budget) for match in wanted}

    def _hits(self, match: Match, segments: Sequence[Segment], budget: Budget) -> Hits:
        if segments:
            must_be_there(segments[0].summary_path.parent)
        known = self.known.of(match, segments)
        asked = [segment for segment in segments if segment.name not in known]
        if asked:
            known |= self._ask(match, asked, budget)
        columns: dict[str, list[tuple[str, _InSegment]]] = {}
        for segment in segments:
            for column, found in known[segment.name].items():
                columns.setdefault(column, []).append((str(segment.path), found))
        hits = {
            column: _joined(found)
            for column, found in columns.items()
            if column in SUMMARY_COLUMNS or column == OTHER_COLUMN
        }
        return hits | self._unsummed(match, segments, budget) if match.field == ANY_FIELD else hits

    def _ask(self, match: Match, segments: Sequence[Segment], budget: Budget) -> dict[str, InColumns]:
        """Return what the summaries of these segments have, by name of the segment."""
        found: dict[str, dict[str, _InSegment]] = {segment.name: {} for segment in segments}
        parameters = Parameters()
        holds = compared(match, Operand('"value"'), parameters)
        if holds != NEVER:
            sql = _hits_sql(match, holds, segments, parameters)
            name_of = {str(segment.summary_path): segment.name for segment in segments}
            for column, file, count, events, values in self.engine.rows(sql, parameters.values, budget):
                found[name_of[file]][column] = _InSegment(count, events, tuple(values))
        self.known.keep(match, found)
        return dict(found)

    def _unsummed(self, match: Match, segments: Sequence[Segment], budget: Budget) -> dict[str, Hit]:
        """Return the columns that the summaries do not have and that may hold the keyword."""
        guids = dict.fromkeys(_GUID_COLUMNS, Hit())
        if match.operator not in _ON_TEXT:
            return {"computer": Hit(), **guids}
        # The catalogue has the names in lower case, so this finds all, and seldom more.
        parameters = Parameters()
        holds = compared(replace(match, case_sensitive=False), Operand("v"), parameters)
        names = parameters.bind(list({name for segment in segments for name in segment.computers}))
        rows = self.engine.rows(
            f"SELECT v FROM (SELECT unnest({names}) AS v) WHERE {holds}", parameters.values, budget
        )
        found = {name for (name,) in rows}
        having = [segment for segment in segments if not found.isdisjoint(segment.computers)]
        files = frozenset(str(segment.path) for segment in having)
        events = sum(
            segment.computers[name].rows for segment in having for name in found & segment.computers.keys()
        )
        computer = {"computer": Hit(files=files, events=events)} if files else {}
        return computer | guids if _may_be_in_guid(match) else computer

    def terms(
        self, column: str, segments: Sequence[Segment], size: int, rarest: bool, budget: Budget
    ) -> Terms:
        """Count the values of a column in all events of these segments."""
        parameters = Parameters()
        counted = (
            'SELECT "value" AS v, CAST(sum("count") AS BIGINT) AS n'
            f" FROM read_parquet({_files(segments, parameters)})"
            f" WHERE \"column\" = '{column}' GROUP BY 1"
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


def _is_of_few_values(match: Match) -> bool:
    """Tell whether it compares texts of a column that has few different ones, whatever is stored.

    Comparing those few is far cheaper than folding the text of every event.
    """
    return (
        match.operator in _ON_TEXT
        and match.field != ANY_FIELD
        and FIELDS[match.field].column in _OF_FEW_VALUES
    )


def are_summed(field: Field) -> bool:
    """Tell whether the summaries count this field's values, in all events."""
    return field.scope is Scope.ANY and field.column in SUMMARY_COLUMNS


def _files(segments: Sequence[Segment], parameters: Parameters) -> str:
    return parameters.bind([str(segment.summary_path) for segment in segments])


def _hits_sql(match: Match, holds: str, segments: Sequence[Segment], parameters: Parameters) -> str:
    files = _files(segments, parameters)
    source = f'SELECT "column", filename, "value", "count" FROM read_parquet({files}, filename = true)'
    if match.field != ANY_FIELD:
        source += f" WHERE \"column\" = '{FIELDS[match.field].column}'"
    else:
        hopeless = "', '".join(_hopeless(match))
        source += f" WHERE \"column\" NOT IN ('{hopeless}')"
    kept = "NOT MATERIALIZED"
    if match.operator is Operator.CIDR:
        source = source.replace('"count"', 'sum("count") AS "count"')
        source, kept = f"{source} GROUP BY ALL", "MATERIALIZED"  # Each distinct text goes to Python once.
    return (
        f"WITH held AS {kept} ({source})"
        ' SELECT "column", filename, count(*), CAST(sum("count") AS BIGINT),'
        f' min("value", {_MOST_ROWS}) FROM held'
        f" WHERE {holds} GROUP BY 1, 2"
    )


def _hopeless(match: Match) -> list[str]:
    """Return what the summaries have that cannot hold a keyword: pairs, and numbers where it has letters."""
    if match.operator not in _ON_TEXT or match.operator is Operator.WILDCARD:
        return [PAIR_COLUMN]
    signs = frozenset(match.value)
    return [
        PAIR_COLUMN,
        *(column for column in SUMMARY_COLUMNS if signs - _SIGNS.get(COLUMN_TYPES[column], signs)),
    ]


def _joined(found: Sequence[tuple[str, _InSegment]]) -> Hit:
    """Join what the summaries of several segments have of one column."""
    values = frozenset(value for _, one in found for value in one.values)
    complete = all(one.rows <= _MOST_ROWS for _, one in found) and len(values) <= _MOST_VALUES
    return Hit(
        values if complete else None,
        frozenset(file for file, _ in found),
        sum(one.events for _, one in found),
    )


def _may_be_in_guid(match: Match) -> bool:
    """Tell whether the keyword can stand in a GUID: it is hexadecimal, or has wildcards."""
    text = match.value.lower()
    return match.operator is Operator.WILDCARD or (
        len(text) <= _GUID_LENGTH and not set(text) - set("0123456789abcdef-")
    )


_GUID_LENGTH: Final = 36
