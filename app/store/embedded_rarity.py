"""Where and when values were seen, in all that is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.store.catalogue import Segment
from app.store.embedded_engine import Engine
from app.store.embedded_match import Parameters, equals_one_of, folded
from app.store.embedded_rows import time_at
from app.store.embedded_sql import operand_of
from app.store.port import Budget, Rarity
from app.sysmon.fields import FIELDS
from app.sysmon.text import fold


@dataclass(frozen=True, slots=True)
class RarityFinder:
    """Looks for values in segments."""

    engine: Engine

    def find(
        self, values: Sequence[tuple[str, str]], segments: Sequence[Segment], budget: Budget
    ) -> tuple[Rarity | None, ...]:
        """Return what is known of each value, in their order."""
        wanted: dict[str, set[str]] = {}
        for name, value in values:
            wanted.setdefault(FIELDS[name].column, set()).add(fold(value))
        found: dict[tuple[str, str], Rarity] = {}
        for column, texts in wanted.items():
            for text, rarity in self._seen(column, texts, segments, budget).items():
                found[column, text] = rarity
        return tuple(found.get((FIELDS[name].column, fold(value))) for name, value in values)

    def _seen(
        self, column: str, texts: set[str], segments: Sequence[Segment], budget: Budget
    ) -> dict[str, Rarity]:
        budget.check()
        if not segments:
            return {}
        parameters = Parameters()
        operand = operand_of(column)
        files = parameters.bind([str(segment.path) for segment in segments])
        sql = (
            f"SELECT {folded(operand.sql)}, count(DISTINCT {folded('computer')}), count(*),"
            f" min(epoch_us(time)), max(epoch_us(time)) FROM read_parquet({files})"
            f" WHERE {equals_one_of(sorted(texts), operand, False, parameters)} GROUP BY 1"
        )
        return {
            text: Rarity(computers, events, time_at(first), time_at(last))
            for text, computers, events, first, last in self.engine.rows(sql, parameters.values, budget)
        }
