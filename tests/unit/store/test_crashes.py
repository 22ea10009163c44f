"""A process may be killed at any moment: nothing stored is lost, nothing comes twice."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from app.store.compaction import Effort
from app.store.embedded import EmbeddedStore
from app.store.open import open_embedded
from app.store.verify import Fault
from tests.unit.store.writers import ROWS, add_numbered, compact_all, numbered, start

BATCHES = 12
KILLS = [pytest.param(number, marks=[pytest.mark.slow] if number >= 3 else []) for number in range(50)]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of many small segments."""
    data = tmp_path_factory.mktemp("filled")
    with open_embedded(Settings(data=data)) as store:
        for number in range(BATCHES):
            store.add(numbered(number), f"batch {number}")
    return data


@pytest.fixture(scope="module")
def compaction_seconds(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long the compaction takes that is to be killed."""
    data = tmp_path_factory.mktemp("timed") / "data"
    shutil.copytree(filled, data)
    with open_embedded(Settings(data=data)) as store:
        began = time.monotonic()
        assert store.compact(Effort.EVERYTHING).merged == 2 * BATCHES
        return time.monotonic() - began


def _kill_in_the_middle(work: Callable[..., None], *arguments: object, progress: Path, after: float) -> None:
    process = start(work, *arguments, progress)
    while process.is_alive() and not (progress.exists() and progress.stat().st_size):
        time.sleep(0.005)
    process.join(after)
    process.kill()
    process.join()


def _records(store: EmbeddedStore) -> Iterator[tuple[int, int]]:
    for chunk in store.batches(0, ["record_id"]):
        yield from zip(chunk.table["batch"].to_pylist(), chunk.table["record_id"].to_pylist(), strict=True)


def _faults(store: EmbeddedStore) -> set[Fault]:
    return {finding.fault for finding in store.verify()}


@pytest.mark.parametrize("number", KILLS)
def test_killed_while_adding_whole_batches_are_there_and_the_rest_can_be_added(
    tmp_path: Path, number: int
) -> None:
    progress = tmp_path / "progress"
    after = random.Random(number).uniform(0, 0.4)
    _kill_in_the_middle(add_numbered, tmp_path / "data", range(BATCHES), progress=progress, after=after)
    acknowledged = progress.stat().st_size - 1

    with open_embedded(Settings(data=tmp_path / "data")) as store:
        assert _faults(store) <= {Fault.ORPHAN}
        stored = sorted(_records(store))
        assert len(stored) in {acknowledged * ROWS, (acknowledged + 1) * ROWS}
        assert [record for _, record in stored] == list(range(len(stored)))
        added = [store.add(numbered(n), "again").added for n in range(BATCHES)]
        assert sum(added) + len(stored) == BATCHES * ROWS
        assert sorted(record for _, record in _records(store)) == list(range(BATCHES * ROWS))
        assert _faults(store) == set()


@pytest.mark.parametrize("number", KILLS)
def test_killed_while_compacting_the_same_rows_are_there_and_it_can_be_done_again(
    filled: Path, compaction_seconds: float, tmp_path: Path, number: int
) -> None:
    data = tmp_path / "data"
    shutil.copytree(filled, data)
    after = random.Random(number).uniform(0, compaction_seconds)

    _kill_in_the_middle(compact_all, data, progress=tmp_path / "progress", after=after)

    expected = [(record // ROWS + 1, record) for record in range(BATCHES * ROWS)]
    with open_embedded(Settings(data=data)) as store:
        assert _faults(store) <= {Fault.ORPHAN}
        assert sorted(_records(store)) == expected
        store.compact(Effort.EVERYTHING)
        assert sorted(_records(store)) == expected
        assert len(store.catalogue.live()) == 2
        assert store.add(numbered(3), "again").added == 0
        assert _faults(store) == set()
