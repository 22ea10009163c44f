"""What is measured, how it is said, and on what machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import orjson

_LIBRARIES: Final = ("duckdb", "elasticsearch", "evtx", "lxml", "numpy", "orjson", "pyarrow", "SQLAlchemy")


@dataclass(frozen=True, slots=True)
class Target:
    """What a value must not exceed, or reach where ``at_least``."""

    value: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.value if self.at_least else value <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One line of the table."""

    group: str
    name: str
    value: float
    unit: str
    target: Target | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        return None if self.target is None else self.target.met(self.value)

    def row(self) -> str:
        mark = {None: "", True: "yes", False: "**no**"}[self.met]
        value = f"{self.value:,.0f}" if self.value >= 1_000 else f"{self.value:.3g}"
        return f"| {self.name} | {value} {self.unit} | {self.target or ''} | {mark} | {self.note} |"


def machine() -> dict[str, str]:
    """Return what the figures depend on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(": ")[2] if names else model
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "?"
    return {
        "Time": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Processor": f"{model}, {os.cpu_count()} cores, load {load} at the start",
        "System": platform.platform(),
        "Python": platform.python_version(),
        "Libraries": ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES),
    }


def table(measurements: Sequence[Measurement]) -> str:
    """Return all as Markdown, a table a group."""
    lines = []
    for group in dict.fromkeys(measurement.group for measurement in measurements):
        lines += [
            f"\n### {group}\n",
            "| what | value | target | met | note |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [measurement.row() for measurement in measurements if measurement.group == group]
    return "\n".join(lines) + "\n"


def report(facts: dict[str, str], measurements: Sequence[Measurement]) -> str:
    """Return machine and tables as Markdown."""
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items()) + "\n" + table(measurements)


def write_json(path: Path, facts: dict[str, str], measurements: Sequence[Measurement]) -> None:
    """Write all for machines."""
    rows = [{**asdict(measurement), "met": measurement.met} for measurement in measurements]
    path.write_bytes(orjson.dumps({"machine": facts, "measurements": rows}, option=orjson.OPT_INDENT_2))


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds by the clock, and of the processor: all threads together.

    On a busy machine the second says what the first would be on a quiet one.
    """

    wall: float
    cpu: float


def timed(work: Callable[[], object]) -> Took:
    """Return how long the work takes."""
    wall, cpu = perf_counter(), process_time()
    work()
    return Took((perf_counter() - wall) * 1000, (process_time() - cpu) * 1000)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def timings(
    group: str, name: str, values: Sequence[Took], target: float | None, note: str = ""
) -> Measurement:
    """Return the p95 of some times, with the median in the note."""
    walls = [took.wall for took in values]
    detail = (
        f"p50 {statistics.median(walls):.1f}, of the processor"
        f" {statistics.median(took.cpu for took in values):.1f}; {len(values)} runs"
    )
    return Measurement(
        group,
        f"{name}, p95",
        percentile(walls, 95),
        "ms",
        None if target is None else Target(target),
        f"{detail}; {note}" if note else detail,
    )
