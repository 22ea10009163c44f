"""What the value summaries say of single values, and where they do not say enough."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from app.errors import StoreDamaged, StoreUnavailable
from app.settings import Settings
from app.store import summary
from app.store.compaction import Effort
from app.store.open import open_embedded
from app.store.port import RARITY_FIELDS, Rarity
from app.store.seen import SeenValues
from app.sysmon.fields import FIELDS, HASH_COLUMNS
from tests.builders import NOON, Said, batch_of, event, file_create, process_create

OLD = summary.COMPUTER_COLUMNS - {"target_filename", "pipe_name", "hash"}


def test_summaries_count_by_computer_what_rarity_can_be_asked_about() -> None:
    columns = {FIELDS[name].column for name in RARITY_FIELDS}

    assert columns - set(HASH_COLUMNS) <= summary.COMPUTER_COLUMNS
    assert {"hashes", "hash"} <= summary.COMPUTER_COLUMNS


def test_summaries_of_older_versions_are_completed_by_the_events(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    md5 = "0123456789ABCDEF0123456789ABCDEF"
    with open_embedded(settings) as store:

        def add(first: int) -> None:
            for number in (first, first + 1):
                at: dict[str, Said] = {"computer": f"ws-{number}", "time": NOON + timedelta(hours=number)}
                created = file_create(target_filename="C:\\A.txt" if number % 2 else "c:\\a.TXT", **at)
                stream = event(15, hash=f"MD5={md5}", md5=md5, **at)
                store.add(batch_of(created, file_create(target_filename="other", **at), stream), "test")

        with monkeypatch.context() as patched:
            patched.setattr(summary, "COMPUTER_COLUMNS", OLD)
            add(0)
        asked = [("TargetFilename", "C:\\a.txt"), ("MD5", md5), ("TargetFilename", "never")]
        assert store.rarity(asked) == (*[Rarity(2, 2, NOON, NOON + timedelta(hours=1))] * 2, None)

        add(1)
        expected = (*[Rarity(3, 4, NOON, NOON + timedelta(hours=2))] * 2, None)
        assert store.rarity(asked) == expected
        store.compact(Effort.EVERYTHING)
        assert store.rarity(asked) == expected


def test_what_was_read_is_kept_up_to_a_limit(settings: Settings) -> None:
    with open_embedded(settings) as store:
        for number in range(6):
            store.add(batch_of(process_create(image=f"{number}.exe", computer=f"ws-{number}")), "test")
        paths = [segment.summary_path for segment in store.catalogue.live()]

    one = SeenValues().of(paths[0], "image").nbytes
    small, large = SeenValues(limit=2 * one), SeenValues()
    for _ in range(2):
        for path in paths:
            assert small.of(path, "image").counts.tolist() == large.of(path, "image").counts.tolist() == [1]
    assert len(small._kept) == 2
    assert large.of(paths[0], "image") is large.of(paths[0], "image")
    assert small.of(paths[0], "query_name").counts.tolist() == []


def test_a_store_that_went_away_does_not_answer_from_memory(settings: Settings) -> None:
    with open_embedded(settings) as store:
        store.add(batch_of(process_create(image="a")), "test")
        assert store.rarity([("Image", "A")]) != (None,)

        (settings.data / "store").rename(settings.data / "away")
        with pytest.raises(StoreUnavailable, match="mounted"):
            store.rarity([("Image", "A")])


@pytest.mark.parametrize("content", [b"", b"PAR1 nothing of this kind PAR1"])
def test_a_damaged_summary_is_said_to_be_damaged(settings: Settings, content: bytes) -> None:
    with open_embedded(settings) as store:
        store.add(batch_of(process_create(image="a")), "test")
        path: Path = store.catalogue.live()[0].summary_path
        path.write_bytes(content)

        with pytest.raises(StoreDamaged, match="store verify"):
            store.rarity([("Image", "A")])
