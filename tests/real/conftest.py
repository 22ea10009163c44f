"""All real logs in one store, imported file by file, once for all workers of a run."""

from __future__ import annotations

import csv
import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, TypeVar

import orjson
import pytest

from app.ingest.run import import_into
from app.ingest.streams import Limits
from app.settings import Settings
from app.store.open import open_embedded, open_store
from app.store.port import EventStore, StoreInfo

Name = TypeVar("Name", str, int)


@dataclass(frozen=True, slots=True)
class Imported:
    """A file of the manifest, and what its import said and changed in the store."""

    path: str
    manifest: dict[str, str]
    report: dict[str, Any]
    event_ids: dict[str, int]
    computers: dict[str, int]


@pytest.fixture(scope="session")
def ground_truth(real_data: Path) -> dict[str, Any]:
    """What is known of the logs: counts, chains, facts, indicators."""
    truth: dict[str, Any] = orjson.loads((real_data / "ground_truth.json").read_bytes())
    return truth


@pytest.fixture(scope="session")
def real_settings(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the store that all real logs are in."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # The workers of a run share it.
    settings = Settings(data=base / "real")
    with (base / "real.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _imports(settings).exists():
            _import_all(real_data, settings)
    return settings


@pytest.fixture(scope="session")
def imported(real_settings: Settings) -> dict[str, Imported]:
    """What the import of each file said and did."""
    return {item["path"]: Imported(**item) for item in orjson.loads(_imports(real_settings).read_bytes())}


@pytest.fixture(scope="session")
def real_store(real_settings: Settings) -> Iterator[EventStore]:
    """The store with all real logs."""
    with open_store(real_settings) as store:
        yield store


def _imports(settings: Settings) -> Path:
    return settings.data.with_suffix(".json")


def _import_all(folder: Path, settings: Settings) -> None:
    """Import each file of the manifest, in its order; then compact, so that this is proved too."""
    with (folder / "MANIFEST.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    done: list[dict[str, Any]] = []
    rmtree(settings.data, ignore_errors=True)  # Another worker may have begun and failed.
    with open_embedded(settings) as store:
        before = store.info()
        for row in rows:
            report = import_into(store, [folder / row["path"]], Limits.of(settings))
            after = store.info()
            done.append(
                {
                    "path": row["path"],
                    "manifest": row,
                    "report": report.to_json(),
                    "event_ids": _difference(before.event_ids, after.event_ids),
                    "computers": _difference(_events(before), _events(after)),
                }
            )
            before = after
        store.compact()
    _imports(settings).write_bytes(orjson.dumps(done))


def _events(info: StoreInfo) -> dict[str, int]:
    return {name: computer.events for name, computer in info.computers.items()}


def _difference(before: Mapping[Name, int], after: Mapping[Name, int]) -> dict[str, int]:
    return {
        str(name): count - before.get(name, 0) for name, count in after.items() if count != before.get(name)
    }
