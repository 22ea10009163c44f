"""How much is stored, how it grows, and what many small imports do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Final

from app.demo.fleet import Fleet
from app.settings import Settings
from app.store.open import open_embedded
from app.store.port import EventStore
from app.sysmon.condition import Match, Operator
from app.sysmon.query import EventQuery
from tests.bench.imports import child
from tests.bench.measure import Measurement, Target, timed, timings
from tests.bench.queries import measure_queries, sample

GROUP: Final = "Size and growth"
MANY: Final = "Many imports"


def stored_bytes(data: Path) -> int:
    """Return what the live segments of a store take, summaries included."""
    with open_embedded(Settings(data=data)) as store:
        return store.info().bytes


def build(data: Path, fleet: Fleet, rows: int = 50_000) -> list[float]:
    """Store a fleet; return the seconds of the processor that each tenth took, compaction included."""
    seconds: list[float] = []
    done = 0
    with open_embedded(Settings(data=data)) as store:
        stream = fleet.batches(rows)
        spent = 0.0
        for batch in stream:
            start = process_time()
            store.add(batch, "bench")
            spent += process_time() - start
            done += len(batch)
            if done * 10 >= fleet.events * (len(seconds) + 1):
                start = process_time()
                store.compact()
                seconds.append(spent + process_time() - start)
                spent = 0.0
    return seconds


def measure_growth(data: Path, fleet: Fleet) -> Iterator[Measurement]:
    """Build the store for all questions; measure size and growth meanwhile."""
    seconds = build(data, fleet)
    rate = fleet.events / sum(seconds)
    yield Measurement(
        GROUP, "Storing batches and compacting", rate, "events/s", note=f"{fleet.events:,} events"
    )
    half = len(seconds) // 2
    growth = sum(seconds[-half:]) / sum(seconds[:half])
    tenths = " ".join(f"{part:.1f}" for part in seconds)
    yield Measurement(
        GROUP, "The second half against the first", growth, "times", Target(1.5), f"seconds a tenth: {tenths}"
    )


def measure_size(data: Path, events: int) -> Iterator[Measurement]:
    """Measure bytes an event: of the fleet, and of real logs where there are some."""
    yield Measurement(
        GROUP, "Generated fleet, compacted", stored_bytes(data) / events, "bytes an event", Target(60)
    )
    real = os.environ.get("SYSMONSEARCH_TEST_DATA")
    if not real:
        return
    target = data.parent / "real-store"
    shutil.rmtree(target, ignore_errors=True)
    result = child(
        "import", str(target), "2", *(str(Path(real) / name) for name in ("json", "evtx")), one_core=False
    )
    child("compact", str(target))
    yield Measurement(
        GROUP,
        "Real logs, compacted",
        stored_bytes(target) / result["added"],
        "bytes an event",
        Target(30),
        f"{result['added']:,} events",
    )
    shutil.rmtree(target)


def measure_many(folder: Path, *, events: int, rounds: int) -> Iterator[Measurement]:
    """Ask the same of a store that was filled in 1, 10 and 1,000 batches."""
    base: dict[str, float] = {}
    for imports in (1, 10, 1_000):
        data = folder / f"imports-{imports}"
        shutil.rmtree(data, ignore_errors=True)
        fleet = Fleet(events=events)
        with open_embedded(Settings(data=data)) as store:
            for batch in fleet.batches(max(1, events // imports)):
                store.add(batch, "bench")
            if imports == 1_000:
                yield from _while_compacting(store, data, rounds)
            store.compact()
            taken = sample(store, fleet.days)
            found = list(measure_queries(store, taken, rounds=rounds, group=MANY, brief=True))
        if imports == 1:
            base = {one.name: one.value for one in found}
        else:
            ratios = {one.name: one.value / max(base[one.name], 5.0) for one in found}
            worst = max(ratios, key=lambda name: ratios[name])
            yield Measurement(
                MANY,
                f"After {imports:,} imports against one, the worst p95",
                ratios[worst],
                "times",
                Target(1.5),
                f"{worst}; {events:,} events",
            )
        shutil.rmtree(data)


def _while_compacting(store: EventStore, data: Path, rounds: int) -> Iterator[Measurement]:
    """Search while another process merges a thousand small segments."""
    command = [sys.executable, "-m", "tests.bench.child", "0", "compact", str(data)]
    query = EventQuery(condition=Match("EventId", Operator.EQUALS, "1"))
    times = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as compacting:
        while compacting.poll() is None:
            times.append(timed(lambda: store.search(query)))
        assert compacting.returncode == 0
    yield timings(MANY, "Newest page while 1,000 segments are compacted", times, None)
