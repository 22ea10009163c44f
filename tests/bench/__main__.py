"""``python -m tests.bench``: measure import, queries, pages, size and growth; print the tables.

The store that is asked is built once and kept, so a second run starts with the questions. What
concerns Elasticsearch is measured by ``--only elastic``: it starts a server of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from app.demo.fleet import Fleet
from app.settings import Settings
from app.store.open import open_store
from tests.bench.elastic import measure_elastic
from tests.bench.imports import measure_imports
from tests.bench.measure import Measurement, machine, report, write_json
from tests.bench.pages import measure_pages
from tests.bench.queries import measure_queries, sample
from tests.bench.sizes import measure_growth, measure_many, measure_size

PARTS = ("import", "queries", "pages", "size", "many")
BESIDE = ("elastic",)
"""Measured only where it is asked for."""


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--events", type=int, help="events in the store that is asked: 5,000,000, of Elasticsearch 500,000"
    )
    parser.add_argument("--quick", action="store_true", help="few events and rounds: does it run?")
    parser.add_argument("--data", type=Path, default=Path("var/bench"), help="folder for what is built")
    parser.add_argument(
        "--only", choices=(*PARTS, *BESIDE), action="append", help="one part; may be given again"
    )
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
    events = arguments.events or (200_000 if arguments.quick else 5_000_000)
    folder = arguments.data.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    if "import" in parts:
        yield from measure_imports(
            folder, records=20_000 if arguments.quick else 400_000, rounds=1 if arguments.quick else 3
        )
    if "elastic" in parts:
        yield from measure_elastic(
            folder,
            events=arguments.events or (20_000 if arguments.quick else 500_000),
            rounds=2 if arguments.quick else 5,
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
