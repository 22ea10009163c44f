"""EVTX, sound and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.ingest.evtx_file import CHUNK, evtx_bytes
from tests.unit.ingest.logs import Imported, imported

THREE = evtx_bytes([[1, 2], [3, 4], [5]])


def test_all_chunks_of_a_log_are_read(tmp_path: Path) -> None:
    result = imported(tmp_path, THREE)

    assert result.numbers == [1, 2, 3, 4, 5]
    assert result.report.rejected == 0


def test_chunks_that_were_never_used_are_no_damage(tmp_path: Path) -> None:
    result = imported(tmp_path, evtx_bytes([[1]], padding=3))

    assert (result.numbers, result.report.rejected) == ([1], 0)


def test_a_header_that_knows_one_chunk_hides_no_other(tmp_path: Path) -> None:
    dirty = bytearray(THREE)
    dirty[42:44] = (1).to_bytes(2, "little")
    dirty[120] = 1

    assert imported(tmp_path, bytes(dirty)).numbers == [1, 2, 3, 4, 5]


def test_a_broken_record_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    broken = bytearray(THREE)
    at = broken.index(b"\x0f\x01\x01\0", 4096 + CHUNK)
    broken[at : at + 40] = b"\xff" * 40

    result = imported(tmp_path, bytes(broken))

    assert result.numbers == [1, 2, 4, 5]
    assert [place for place, _ in result.reasons] == ["record 3"]


def test_a_chunk_without_its_signature_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    broken = bytearray(THREE)
    broken[4096 + CHUNK : 4096 + CHUNK + 8] = b"????????"

    result = imported(tmp_path, bytes(broken))

    assert result.numbers == [1, 2, 5]
    assert [place for place, _ in result.reasons] == ["chunk 1"]


def test_a_table_of_names_that_runs_in_circles_does_not_hang(tmp_path: Path) -> None:
    broken = bytearray(THREE)
    # Two names of a chunk's table that each say that the other comes next.
    for slot, (at, following) in enumerate([(50_000, 60_000), (60_000, 50_000)]):
        broken[4096 + 128 + 4 * slot : 4096 + 132 + 4 * slot] = at.to_bytes(4, "little")
        broken[4096 + at : 4096 + at + 4] = following.to_bytes(4, "little")

    result = imported(tmp_path, bytes(broken))

    assert result.numbers == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("cut", [4096 + CHUNK + 2000, 4096 + 2 * CHUNK - 1])
def test_a_log_that_is_cut_off_keeps_what_came_before(tmp_path: Path, cut: int) -> None:
    result = imported(tmp_path, THREE[:cut])

    assert result.numbers[:3] == [1, 2, 3]
    assert (
        "chunk 1",
        "The file is cut off within this chunk. The records before that were read.",
    ) in result.reasons


def test_a_log_that_is_cut_off_between_chunks_is_said(tmp_path: Path) -> None:
    result = imported(tmp_path, THREE[: 4096 + 2 * CHUNK])

    assert result.numbers == [1, 2, 3, 4]
    assert result.reasons == [("chunk 2", "It is cut off: 2 of its 3 chunks are there. They were read.")]


@pytest.mark.parametrize("cut", [8, 100, 4095])
def test_a_log_that_is_cut_off_in_its_header_is_said(tmp_path: Path, cut: int) -> None:
    result = imported(tmp_path, THREE[:cut])

    assert result.report.files == 0
    assert "cut off" in result.reasons[0][1]


def test_a_damaged_header_does_not_lose_the_records(tmp_path: Path) -> None:
    broken = bytearray(THREE)
    broken[8:120] = b"\xff" * 112

    assert imported(tmp_path, bytes(broken)).numbers == [1, 2, 3, 4, 5]


def test_damage_anywhere_ends_no_import(tmp_path: Path) -> None:
    for seed in range(40):
        broken = bytearray(THREE)
        for place in range(seed, len(broken), 997 + 61 * seed):
            broken[place] ^= 0xFF
        broken[:8] = THREE[:8]

        result = imported(tmp_path, bytes(broken))

        assert result.report.files == 1 or result.report.rejected
        assert result.report.error is None


def test_a_real_log_that_was_never_closed_gives_all_its_records(real_data: Path) -> None:
    result = Imported([real_data / "evtx-dirty" / "sysmon.evtx"])

    assert (result.report.records, result.report.sysmon_events, result.report.rejected) == (358, 358, 8)
