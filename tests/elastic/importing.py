"""Imports by the command itself, in a process that a test may kill; and what they stored."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from app.settings import PREFIX
from app.store.port import EventStore

COLUMNS = ["computer", "event_id", "utc_time", "record_id", "content_hash"]

# Batches are small, so that many are on their way; a process that is started beside keeps to large ones.
COMMAND = """
from app.cli.main import main
from app.ingest import feed
feed.BATCH = 2_000
main()
"""


@dataclass(frozen=True)
class Importer:
    """Who imports these files into that store, always by the same command."""

    data: Path
    store: str
    prefix: str
    paths: Sequence[Path]

    def start(self) -> subprocess.Popen[bytes]:
        """Start the command, in a group of its own."""
        said = {"DATA": str(self.data), "STORE": self.store, "ELASTIC_PREFIX": self.prefix}
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, "import", "--json", "--jobs", "2", *map(str, self.paths)],
            env={**os.environ, **{PREFIX + name: value for name, value in said.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def finish(self) -> dict[str, Any]:
        """Run the command to its end; return the report, which must say that it is whole."""
        process = self.start()
        output, errors = process.communicate(timeout=900)
        assert process.returncode == 0, errors.decode()
        report = dict(orjson.loads(output))
        assert not report["partial"]
        return report


def keys(store: EventStore) -> Counter[tuple[Any, ...]]:
    """Return how often each event is in a scan of all, by what its key is made of."""
    found: Counter[tuple[Any, ...]] = Counter()
    for chunk in store.batches(0, COLUMNS):
        table = chunk.table
        found.update(zip(*(table[name].to_pylist() for name in COLUMNS), strict=True))
    return found


def totals(store: EventStore) -> dict[str, Any]:
    """Return what the start page counts."""
    info = store.info()
    return {
        "events": info.events,
        "computers": {name: each.events for name, each in info.computers.items()},
        "event IDs": dict(info.event_ids),
    }
