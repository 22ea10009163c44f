"""Where and when values were seen, in all that is stored: the value summaries know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from app.store.catalogue import Segment
from app.store.embedded_engine import Engine
from app.store.embedded_match import Parameters, equals_one_of, folded
from app.store.embedded_rows import file_errors, time_at
from app.store.embedded_sql import operand_of
from app.store.files import must_be_there
from app.store.port import Budget, Rarity
from app.store.seen import UNKNOWN, SeenValues, hashes_in_order
from app.sysmon.events import NOWHERE
from app.sysmon.fields import FIELDS
from app.sysmon.text import fold


@dataclass(slots=True)
class _Sum:
    """What has been found of one value; ``unnamed`` are segments that do not say on which computers."""

    events: int = 0
    first: int = -NOWHERE
    last: int = NOWHERE
    computers: set[int] = field(default_factory=set)
    unnamed: list[Segment] = field(default_factory=list)

    def rarity(self) -> Rarity | None:
        if not self.events:
            return None
        return Rarity(len(self.computers), self.events, time_at(self.first), time_at(self.last))


@dataclass(frozen=True, slots=True)
class RarityFinder:
    """Looks for values in segments."""

    engine: Engine
    seen: SeenValues = field(default_factory=SeenValues)

    def find(
        self, values: Sequence[tuple[str, str]], segments: Sequence[Segment], budget: Budget
    ) -> tuple[Rarity | None, ...]:
        """Return what is known of each value, in their order."""
        budget.check()
        if segments:
            must_be_there(segments[0].summary_path.parent)
        texts: dict[str, set[str]] = {}
        for name, value in values:
            texts.setdefault(FIELDS[name].column, set()).add(fold(value))
        found = {column: self._sums(column, sorted(some), segments, budget) for column, some in texts.items()}
        return tuple(found[FIELDS[name].column][fold(value)].rarity() for name, value in values)

    def _sums(
        self, column: str, texts: Sequence[str], segments: Sequence[Segment], budget: Budget
    ) -> dict[str, _Sum]:
        """Return what the summaries say of each of these values of a column."""
        sums = {text: _Sum() for text in texts}
        hashes = hashes_in_order(texts)
        for segment in segments:
            budget.check()
            with file_errors(str(segment.summary_path)):
                seen = self.seen.of(segment.summary_path, column)
            places = seen.places(hashes)
            for number in np.flatnonzero(places >= 0).tolist():
                place, sum_ = places[number], sums[texts[number]]
                sum_.events += int(seen.counts[place])
                sum_.first = min(sum_.first, int(seen.firsts[place]))
                sum_.last = max(sum_.last, int(seen.lasts[place]))
                sum_.computers.update(seen.computers[seen.starts[place] : seen.starts[place + 1]].tolist())
                if UNKNOWN in sum_.computers:
                    sum_.computers.discard(UNKNOWN)
                    sum_.unnamed.append(segment)
        self._name_computers(column, sums, budget)
        return sums

    def _name_computers(self, column: str, sums: dict[str, _Sum], budget: Budget) -> None:
        """Ask the events for the computers that summaries of older programs do not name."""
        unnamed = {text: sum_ for text, sum_ in sums.items() if sum_.unnamed}
        if not unnamed:
            return
        parameters = Parameters()
        operand = operand_of(column)
        files = {str(segment.path) for sum_ in unnamed.values() for segment in sum_.unnamed}
        sql = (
            f"SELECT DISTINCT {folded(operand.sql)}, {folded('computer')}"
            f" FROM read_parquet({parameters.bind(sorted(files))})"
            f" WHERE {equals_one_of(sorted(unnamed), operand, False, parameters)}"
        )
        for text, computer in self.engine.rows(sql, parameters.values, budget):
            unnamed[text].computers.update(self.seen.codes([computer]))
