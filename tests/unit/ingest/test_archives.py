"""Logs however they are packed, and archives that mean harm."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from app.ingest.streams import Limits
from tests.unit.ingest.evtx_file import evtx_bytes
from tests.unit.ingest.logs import (
    LIMITS,
    Imported,
    gzip_bytes,
    imported,
    line,
    lines,
    tar_bytes,
    xml_event,
    zip_bytes,
)

ONE, TWO = lines([1]), lines([2, 3])
INCOMPRESSIBLE = b"".join(
    line(n, Hashes=f"{zlib.crc32(str(n).encode()) ** 5:x}") + b"\n" for n in range(1, 1001)
)


def tar_gz(members: dict[str, bytes]) -> bytes:
    return tar_bytes(members, "w:gz")


@pytest.mark.parametrize(
    "data",
    [
        gzip_bytes(ONE + TWO),
        gzip_bytes(ONE) + gzip_bytes(TWO),
        gzip_bytes(ONE + TWO) + b"\n\0\0",
        zip_bytes({"a.json": ONE, "b/c.json": TWO}),
        zip_bytes({"a.json": ONE, "b/c.json": TWO}, zipfile.ZIP_STORED),
        tar_bytes({"a.json": ONE, "b/c.json": TWO}),
        tar_gz({"a.json": ONE, "b/c.json": TWO}),
        zip_bytes({"a.tar.gz": tar_gz({"a": ONE}), "b.zip": zip_bytes({"b": TWO})}),
        tar_gz({"a.zip": zip_bytes({"a": ONE}), "b.gz": gzip_bytes(TWO)}),
        gzip_bytes(zip_bytes({"a": ONE, "b": TWO})),
        tar_bytes({"x" * 300 + "/a.json": ONE, "浦和/b.json": TWO}),
        zip_bytes({"1.evtx": evtx_bytes([[1]]), "2.xml": xml_event(2), "3": b"[" + line(3) + b"]"}),
    ],
    ids=range(12),
)
def test_logs_are_read_through_any_packing(tmp_path: Path, data: bytes) -> None:
    result = imported(tmp_path, data, "named-as-nothing")

    assert result.numbers == [1, 2, 3]
    assert result.report.rejected == 0


def test_members_count_as_files_and_are_named_by_their_place(tmp_path: Path) -> None:
    result = imported(tmp_path, zip_bytes({"a.json": ONE + b"oops\n", "b/c.json": TWO}), "case.zip")

    assert result.report.files == 2
    assert [reject.file for reject in result.report.rejects] == [str(tmp_path / "case.zip/a.json")]
    assert result.reasons[0][0] == "line 2"


def test_zip_members_whose_size_follows_them_are_read_in_passing(tmp_path: Path) -> None:
    class Unseekable(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += data
            return len(data)

    inner = Unseekable()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", ONE)
        archive.writestr("b", TWO)

    assert imported(tmp_path, gzip_bytes(bytes(inner.data))).numbers == [1, 2, 3]


@pytest.mark.parametrize(
    "pack", [gzip_bytes, lambda data: zip_bytes({"a": data}), lambda data: tar_gz({"a": data})]
)
def test_what_is_cut_off_is_kept_up_to_there(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(INCOMPRESSIBLE)

    result = imported(tmp_path, packed[: len(packed) * 2 // 3])

    numbers = result.numbers
    assert 300 < len(numbers) < 1000
    assert numbers == list(range(1, len(numbers) + 1))
    assert any("cut off" in reason for _, reason in result.reasons)
    assert any(place == f"line {len(numbers) + 1}" for place, _ in result.reasons)


def test_members_before_the_cut_are_whole(tmp_path: Path) -> None:
    for packed in (zip_bytes({"a": ONE, "b": INCOMPRESSIBLE}), tar_bytes({"a": ONE, "b": INCOMPRESSIBLE})):
        result = imported(tmp_path, packed[: len(packed) - 15_000])

        assert result.numbers[0] == 1
        assert any("cut off" in reason for _, reason in result.reasons)


def test_damaged_packed_data_is_kept_up_to_there(tmp_path: Path) -> None:
    packed = bytearray(gzip_bytes(INCOMPRESSIBLE))
    packed[len(packed) // 2 : len(packed) // 2 + 50] = b"\xff" * 50

    result = imported(tmp_path, bytes(packed))

    assert result.numbers[:200] == list(range(1, 201))
    assert any("damaged" in reason for _, reason in result.reasons)


def test_a_checksum_that_does_not_fit_is_said_and_all_is_read(tmp_path: Path) -> None:
    packed = bytearray(zip_bytes({"a": ONE + TWO}, zipfile.ZIP_STORED))
    at = packed.index(b"cmd.exe")
    packed[at : at + 3] = b"cmx"

    result = imported(tmp_path, bytes(packed))

    assert result.numbers == [1, 2, 3]
    assert "checksum" in result.reasons[0][1]


def test_bytes_behind_the_end_of_a_gzip_are_said(tmp_path: Path) -> None:
    result = imported(tmp_path, gzip_bytes(ONE) + b"something else")

    assert result.numbers == [1]
    assert "14 bytes" in result.reasons[0][1]


@pytest.mark.parametrize("name", ["../../evil.json", "/etc/evil.json", "..\\evil.json", "a/../../evil.json"])
@pytest.mark.parametrize("pack", [zip_bytes, tar_bytes])
def test_a_name_that_leads_out_is_read_and_said_and_nothing_is_written(
    tmp_path: Path, name: str, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)

    result = imported(inside, pack({name: ONE}), "evil.zip")

    assert result.numbers == [1]
    assert "leads out of the archive" in result.report.notes[0].note
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "evil.zip"]


@pytest.mark.parametrize("name", ["__MACOSX/._a.json", "._a.json", "x/.DS_Store"])
def test_what_a_mac_leaves_behind_is_passed_over_and_said(tmp_path: Path, name: str) -> None:
    result = imported(tmp_path, zip_bytes({name: b"\0\5\26\7", "a.json": ONE}))

    assert (result.numbers, result.report.files, result.report.rejected) == ([1], 1, 0)
    assert result.report.notes[0].file.endswith(name)


def test_members_that_are_no_logs_are_rejected_and_the_rest_is_read(tmp_path: Path) -> None:
    result = imported(tmp_path, zip_bytes({"README.txt": b"hello", "none": b"", "a.json": ONE}))

    assert (result.numbers, result.report.files) == ([1], 1)
    assert [reason.split(".")[0] for _, reason in result.reasons] == [
        "It is no log that can be read",
        "It is empty",
    ]


def test_encrypted_members_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    packed = bytearray(zip_bytes({"secret": ONE, "a": TWO}))
    packed[6] |= 1  # The flag before the member, and the one in the directory.
    packed[packed.index(b"PK\x01\x02") + 8] |= 1

    result = imported(tmp_path, bytes(packed))

    assert result.numbers == [2, 3]
    assert "encrypted" in result.reasons[0][1]


def test_members_that_are_packed_otherwise_are_named(tmp_path: Path) -> None:
    result = imported(tmp_path, zip_bytes({"a": ONE}, zipfile.ZIP_LZMA))

    assert "LZMA" in result.reasons[0][1]


def test_members_that_overlap_are_not_read_twice(tmp_path: Path) -> None:
    packed = zip_bytes({"a": ONE})
    at = packed.index(b"PK\x01\x02")
    entry, end = packed[at : packed.index(b"PK\x05\x06")], bytearray(packed[packed.index(b"PK\x05\x06") :])
    end[8:16] = struct.pack("<2HI", 2, 2, 2 * len(entry))

    result = imported(tmp_path, packed[:at] + entry * 2 + bytes(end))

    assert result.numbers == [1]
    assert "overlaps" in result.reasons[0][1]


def test_links_and_devices_in_a_tar_are_not_followed(tmp_path: Path) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("link")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)

    result = imported(tmp_path, file.getvalue())

    assert (result.report.files, len(result.report.notes)) == (0, 4)


def test_a_gzip_bomb_is_stopped_while_it_unpacks(tmp_path: Path) -> None:
    limits = Limits(line=1 << 20, unpacked=1 << 30, ratio=200, floor=4 << 20)
    bomb = gzip_bytes(ONE + b" " * (20 << 20))

    result = imported(tmp_path, bomb, limits=limits)

    assert result.numbers == [1]
    assert "200 times its packed size" in result.reasons[0][1]


def test_small_logs_that_repeat_themselves_are_no_bombs(tmp_path: Path) -> None:
    log = (ONE * 10).ljust(1 << 20, b"\n")
    packed = gzip_bytes(log)
    assert len(log) > 200 * len(packed)

    assert imported(tmp_path, packed).report.rejected == 0


def test_an_archive_that_unpacks_to_too_much_ends_there(tmp_path: Path) -> None:
    limits = Limits(line=1 << 20, unpacked=300_000, ratio=200)

    result = imported(
        tmp_path, zip_bytes({"a": lines(range(500)), "b": lines(range(500, 2000))}), limits=limits
    )

    assert result.numbers == list(range(500))
    assert "may be a trap" in result.reasons[0][1]


def test_archives_in_archives_end_somewhere(tmp_path: Path) -> None:
    data = ONE
    for _ in range(5):
        data = gzip_bytes(data)

    assert "times over" in imported(tmp_path, data).reasons[0][1]


def test_an_empty_archive_is_no_log(tmp_path: Path) -> None:
    for data in (zip_bytes({}), tar_bytes({}), gzip_bytes(b"")):
        result = imported(tmp_path, data)

        assert (result.report.files, result.report.records) == (0, 0)


def test_one_archive_and_its_files_are_the_same_logs(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(ONE)
    (tmp_path / "b").write_bytes(tar_gz({"a": ONE, "b": TWO}))

    result = Imported([tmp_path / "a", tmp_path / "b"], LIMITS)

    assert (result.numbers, result.report.duplicates) == ([1, 2, 3], 1)
