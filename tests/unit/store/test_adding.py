"""Adding to the embedded store: full disks, several processes, what lies about."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from app.errors import BadSetting, StoreDamaged, StoreUnavailable
from app.settings import Settings
from app.store.compaction import Effort
from app.store.open import open_embedded, open_store
from app.store.segments import months_of
from app.sysmon.batch import SCHEMA, EventBatch
from tests.builders import NOON, batch_of, event, process_create
from tests.unit.store.writers import ROWS, add_numbered, add_with_a_small_limit, numbered, start


def _records(settings: Settings) -> list[int]:
    with open_embedded(settings) as store:
        return sorted(
            record
            for chunk in store.batches(0, ["record_id"])
            for record in chunk.table["record_id"].to_pylist()
        )


def test_two_processes_that_add_the_same_at_once_store_it_once(settings: Settings, tmp_path: Path) -> None:
    numbers = list(range(8))
    work = [
        start(add_numbered, settings.data, numbers[::step], tmp_path / f"progress{step}") for step in (1, -1)
    ]
    for process in work:
        process.join()

    assert [process.exitcode for process in work] == [0, 0]
    assert _records(settings) == list(range(8 * ROWS))


def test_an_import_never_loads_the_query_engine(settings: Settings, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from tests.unit.store.writers import add_numbered, compact_all\n"
        f"add_numbered(Path({str(settings.data)!r}), [1, 2], Path({str(tmp_path / 'p')!r}))\n"
        f"compact_all(Path({str(settings.data)!r}), Path({str(tmp_path / 'p')!r}))\n"
        "assert 'duckdb' not in sys.modules and 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def _check_told(progress: Path, sentence: str) -> None:
    told: dict[str, Any] = json.loads(progress.read_text())
    assert told["said"].startswith("StoreUnavailable: ")
    assert sentence in told["said"]
    assert told["left"] == told["orphans"] == []
    assert (told["before"], told["after"]) == (ROWS, 2 * ROWS)


def test_a_file_that_the_system_refuses_leaves_nothing_half_done(settings: Settings, tmp_path: Path) -> None:
    process = start(add_with_a_small_limit, settings.data, tmp_path / "progress")
    process.join()

    _check_told(tmp_path / "progress", "untouched")


def test_a_full_disk_is_named_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    writers = Path(__file__).with_name("writers.py")
    script = f'mount -t tmpfs -o size=600k tmpfs "{disk}" && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh"]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")

    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    work = [sys.executable, str(writers), str(disk), str(tmp_path / "progress")]
    subprocess.run([*command, *work], check=True, env=environ)

    _check_told(tmp_path / "progress", "The disk is full")


def test_what_a_crash_left_is_removed_before_the_first_write(settings: Settings) -> None:
    with open_embedded(settings) as store:
        store.add(numbered(0), "first")
    folder = settings.data / "store"
    orphans = [
        folder / "segments" / "00000009-ffffffff.parquet",
        folder / "tmp" / "00000009-eeeeeeee.parquet",
    ]
    for orphan in orphans:
        orphan.write_bytes(b"left by a crash")
        os.utime(orphan, (time.time() - 3600,) * 2)

    with open_embedded(settings) as store:
        store.add(numbered(1), "second")
        assert not any(orphan.exists() for orphan in orphans)
        assert store.info().events == 2 * ROWS
        assert list(store.verify()) == []


def test_a_young_temporary_file_may_be_another_processs_and_stays(settings: Settings) -> None:
    with open_embedded(settings) as store:
        young = settings.data / "store" / "tmp" / "00000009-eeeeeeee.parquet"
        young.write_bytes(b"in the making")
        store.add(numbered(0), "first")
        assert young.exists()


def test_months_with_few_events_share_a_file_if_there_are_several(settings: Settings) -> None:
    events = [process_create(time=NOON + timedelta(days=40 * n)) for n in range(100)]
    with open_embedded(settings) as store:
        assert store.add(batch_of(*events), "all ages").added == 100
        assert store.add(batch_of(*events), "again").added == 0
        assert [segment.month for segment in store.catalogue.live()] == ["mixed"]
        store.add(numbered(0), "two months")
        assert sorted(segment.month for segment in store.catalogue.live()) == ["2019-01", "2019-02", "mixed"]


def test_times_of_all_ages_do_not_become_thousands_of_files(tmp_path: Path) -> None:
    rows = 40 * 1_200
    first = SCHEMA.get_field_index("time")
    table = batch_of(process_create()).table.take(pa.array(np.zeros(rows, np.int64)))
    times = np.arange(rows) // 1_200 * 40 * 86_400_000_000
    table = table.set_column(first, SCHEMA.field("time"), pa.array(times).cast(SCHEMA.field("time").type))

    months = [(month, len(part)) for month, part in months_of(table.combine_chunks())]

    assert len(months) == 23
    assert months[-1] == ("mixed", 18 * 1_200)
    assert sum(size for _, size in months) == rows


def test_duplicates_are_found_though_utc_time_lies_by_days(settings: Settings) -> None:
    at_log = [
        event(
            3, record_id=n, time=NOON + timedelta(seconds=n), utc_time=NOON - timedelta(days=11, seconds=-n)
        )
        for n in range(5)
    ]
    elsewhere = [
        event(3, record_id=n, time=NOON - timedelta(days=11, seconds=-n), utc_time=at_log[n].utc_time)
        for n in range(5)
    ]
    with open_embedded(settings) as store:
        store.add(batch_of(*at_log), "evtx")
        assert store.add(batch_of(*elsewhere), "pipeline").added == 0
        store.compact(Effort.EVERYTHING)
        assert store.add(batch_of(*elsewhere), "pipeline").added == 0


def test_events_without_any_clock_or_number_of_their_own_are_told_apart_by_content(
    settings: Settings,
) -> None:
    one = event(255, record_id=None, utc_time=None, id="one")
    later = event(255, record_id=None, utc_time=None, id="one", time=NOON + timedelta(days=400))
    other = event(255, record_id=None, utc_time=None, id="two")
    with open_embedded(settings) as store:
        store.add(batch_of(one, process_create()), "first")
        assert store.add(batch_of(later, other), "second").added == 1


def test_a_segment_that_is_missing_is_named_rather_than_events_stored_twice(settings: Settings) -> None:
    with open_embedded(settings) as store:
        store.add(numbered(0), "first")
        segment = store.catalogue.live()[0]
        segment.path.unlink()
        with pytest.raises(StoreDamaged, match=segment.name):
            store.add(numbered(0), "again")


def test_the_columns_of_a_batch_come_back_as_they_were(settings: Settings) -> None:
    events = [
        process_create(other={"New": "x"}),
        event(30, record_id=None),
        process_create(user="Ümläut\x00\ud7ff"),
    ]
    with open_embedded(settings) as store:
        store.add(EventBatch.from_events(events), "first")
        table = next(store.batches(0, list(EventBatch.from_events(events).table.column_names))).table
    assert (
        EventBatch(table.drop_columns(["batch"])).table.to_pylist()
        == EventBatch.from_events(events).table.to_pylist()
    )


def test_a_store_of_no_known_kind_is_named_without_what_follows(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="'mongo'") as raised:
        open_store(Settings(data=tmp_path, store="mongo://somebody:secret@host"))

    assert "secret" not in str(raised.value)


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(BadSetting, match="is not a folder"):
            open_embedded(Settings(data=folder))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_data_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnavailable, match=str(tmp_path)):
        open_embedded(Settings(data=tmp_path / "var"))
    with pytest.raises(StoreUnavailable, match=str(tmp_path)):
        open_embedded(Settings(data=tmp_path))
