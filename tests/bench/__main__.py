"""``python -m tests.bench``: measure import, queries, pages, size and growth; print the tables.

The store that is asked is built once and kept, so a second run starts with the questions.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from app.demo.fleet import Fleet
from app.settings import Settings
from app.store.open import open_store
from tests.bench.imports import measure_imports
from tests.bench.measure import Measurement, machine, report, write_json
from tests.bench.pages import measure_pages
from tests.bench.queries import measure_queries, sample
from tests.bench.sizes import measure_growth, measure_many, measure_size

PARTS = ("import", "queries", "pages", "size", "many")


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000, help="events in the store that is asked")
    parser.add_argument("--quick", action="store_true", help="200,000 events and few rounds: does it run?")
    parser.add_argument("--data", type=Path, default=Path("var/bench"), help="folder for what is built")
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be given again")
    arguments = parser.parse_args()
    facts = machine()
    measurements = []
    for measurement in _measure(arguments):
        measurements.append(measurement)
        print(measurement.row(), file=sys.stderr, flush=True)  # noqa: T201
    print(report(facts, measurements))  # noqa: T201
    arguments.data.mkdir(parents=True, exist_ok=True)
    (arguments.data / "bench.md").write_text(report(facts, measurements), encoding="utf-8")
    write_json(arguments.data / "bench.json", facts, measurements)


def _measure(arguments: argparse.Namespace) -> Iterator[Measurement]:
    parts = arguments.only or PARTS
    events = 200_000 if arguments.quick else arguments.events
    folder = arguments.data.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if "import" in parts:
        yield from measure_imports(
            folder, records=20_000 if arguments.quick else 400_000, rounds=1 if arguments.quick else 3
        )
    fleet = Fleet(events=events)
    data = folder / f"fleet-{events}"
    built = data / "built"
    if not built.exists() and {"queries", "pages", "size"} & set(parts):
        yield from measure_growth(data, fleet)
        built.touch()
    if "queries" in parts:
        with open_store(Settings(data=data)) as store:
            yield from measure_queries(store, sample(store, fleet.days), rounds=5 if arguments.quick else 40)
    if "pages" in parts:
        yield from measure_pages(data, fleet.days, rounds=5 if arguments.quick else 40)
    if "size" in parts:
        yield from measure_size(data, events)
    if "many" in parts:
        yield from measure_many(
            folder, events=50_000 if arguments.quick else 1_000_000, rounds=5 if arguments.quick else 20
        )


if __name__ == "__main__":
    main()
