"""A fleet of any size: events as a stream of batches, never all of them in memory.

Made for measuring: 5 % of the events are process creations, a third of their command
lines occur once, and words are as common or rare as in real logs. Processes live and die,
their GUIDs and parents hang together; what they do is drawn by lot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.demo.fleet_columns import Columns, Rows
from app.demo.fleet_events import Filler
from app.demo.fleet_population import Population
from app.demo.fleet_words import words
from app.sysmon.batch import EventBatch
from app.sysmon.events import microseconds

START: Final = microseconds(datetime(2019, 1, 1, tzinfo=UTC))
HOUR: Final = 3_600_000_000

#: Events of each kind among 100,000. Terminations take the place of others as processes end.
SHARES: Final = {
    1: 5_000, 2: 500, 3: 10_000, 4: 4, 6: 20, 7: 24_000, 8: 60, 9: 300, 10: 16_000, 11: 8_000, 12: 10_500,
    13: 14_000, 14: 60, 15: 250, 16: 4, 17: 1_200, 18: 2_300, 19: 2, 20: 2, 21: 2, 22: 6_500, 23: 900, 24: 60,
    25: 4, 26: 300, 27: 4, 28: 6, 29: 18, 255: 4,
}  # fmt: skip

#: How busy each hour of a day is, in UTC; the fleet works from 0 to 9 o'clock.
_BUSY: Final = (9, 10, 10, 6, 9, 10, 10, 9, 8, 5, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """How many events of how many computers, over how many days."""

    events: int
    computers: int = 100
    seed: int = 1
    days: int = 30

    def batches(self, rows: int = 50_000) -> Iterator[EventBatch]:
        """Yield the events in order of time."""
        chance = np.random.Generator(np.random.PCG64(self.seed))
        population = Population(words(self.seed), self.computers, START, chance)
        done = 0
        while done < self.events:
            count = min(rows, self.events - done)
            times = self._times(done, count, chance)
            kinds = self._kinds(done, count, chance)
            columns = Columns(count)
            lives = population.live(kinds, times)
            Filler(columns, population, lives, kinds, times, chance).fill()
            yield columns.batch()
            done += count

    def _times(self, done: int, count: int, chance: np.random.Generator) -> Rows:
        """Return times in milliseconds' steps, more of them in busy hours."""
        marks = np.concatenate([[0.0], np.cumsum(np.tile(np.array(_BUSY, float), self.days))])
        places = np.sort(chance.random(count)) * count + done
        hours = np.interp(places / self.events * marks[-1], marks, np.arange(len(marks), dtype=float))
        times: Rows = START + (hours * HOUR).astype(np.int64) // 1000 * 1000
        return times

    def _kinds(self, done: int, count: int, chance: np.random.Generator) -> NDArray[np.int64]:
        """Return event IDs; shares are kept exactly over batches, not only on average."""
        ids = np.array(list(SHARES))
        ends = np.cumsum(np.array(list(SHARES.values()), float)) / sum(SHARES.values())
        # Golden-ratio steps spread every share evenly over any stretch of events.
        places = (np.arange(done, done + count) * 0.6180339887498949) % 1.0
        return chance.permutation(ids[np.searchsorted(ends, places, side="right").clip(max=len(ids) - 1)])
