"""The engine: budgets, cancelling, memory, files that are gone or damaged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Timer

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import QueryCancelled, QueryTooSlow, StoreDamaged
from app.settings import Settings
from app.store.embedded_engine import Engine, FileGone
from app.store.port import Budget

ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000) b"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(Settings(query_memory_mb=50), tmp_path)
    yield made
    made.close()


def test_a_query_is_stopped_when_its_time_is_up(engine: Engine) -> None:
    began = time.monotonic()

    with pytest.raises(QueryTooSlow, match=r"more than 0\.2 seconds"):
        engine.rows(ENDLESS, {}, Budget(0.2))

    assert time.monotonic() - began < 10


def test_another_thread_can_cancel_a_running_query_and_no_other(engine: Engine) -> None:
    cancelled, other = Budget(60), Budget(60)
    Timer(0.2, cancelled.cancel).start()

    with ThreadPoolExecutor() as pool:
        short = pool.submit(engine.rows, "SELECT count(*) FROM range(2000000)", {}, other)
        with pytest.raises(QueryCancelled):
            engine.rows(ENDLESS, {}, cancelled)

    assert short.result() == [(2_000_000,)]
    assert engine.rows("SELECT 1", {}, Budget(60)) == [(1,)]


def test_a_query_that_needs_too_much_memory_says_so(engine: Engine) -> None:
    with pytest.raises(QueryTooSlow, match="50 MB of memory"):
        engine.rows(
            "SELECT a || 'xxxxxxxxxxxxxxxxx' FROM range(5000000) t(a) ORDER BY hash(a)", {}, Budget(60)
        )


def test_a_file_that_is_gone_is_told_from_one_that_is_damaged(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    with pytest.raises(FileGone, match="store verify"):
        engine.rows("SELECT * FROM read_parquet($p0)", {"p0": [str(file)]}, Budget(60))

    pq.write_table(pa.table({"a": range(10_000)}), file)
    whole = file.read_bytes()
    for content in (b"", whole[: len(whole) // 2], whole[:100] + bytes(1000) + whole[1100:]):
        broken = tmp_path / f"{len(content)}-{content.count(0)}.parquet"
        broken.write_bytes(content)
        with pytest.raises(StoreDamaged, match="store verify"):
            engine.rows("SELECT sum(a) FROM read_parquet($p0)", {"p0": [str(broken)]}, Budget(60))


def test_a_closed_engine_starts_anew(engine: Engine) -> None:
    engine.close()

    assert engine.rows("SELECT 1", {}, Budget(60)) == [(1,)]
