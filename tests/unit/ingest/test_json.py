"""JSON lines, arrays and objects over several lines: all that is whole is read."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ingest.jsonlines import read_json_lines
from app.ingest.jsonvalues import read_json_values
from app.ingest.streams import Limits, Stream
from app.layouts.reader import Reader
from tests.unit.ingest.logs import document, imported, line, lines

SMALL = Limits(line=4096, unpacked=1 << 30, ratio=200)
DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def said(_place: str, _reason: str) -> None:
    raise AssertionError("nothing is to be rejected")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n \n"])
@pytest.mark.parametrize("last", [b"", b"\n"])
def test_lines_end_as_any_system_ends_them(tmp_path: Path, end: bytes, last: bytes) -> None:
    data = end.join([line(1), line(2), line(3)]) + last

    assert imported(tmp_path, data).numbers == [1, 2, 3]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("is_array", [False, True])
def test_texts_are_read_in_any_unicode_encoding(tmp_path: Path, encoding: str, is_array: bool) -> None:
    texts = [line(1, User="desk\\urawa"), line(2, User="desk\\浦和")]
    text = (b"[" + b",".join(texts) + b"]" if is_array else b"\n".join(texts)).decode()

    result = imported(tmp_path, text.encode(encoding))

    assert result.numbers == [1, 2]
    assert "desk\\浦和" in [
        user for chunk in result.store.batches(0, ["user"]) for user in chunk.table["user"].to_pylist()
    ]


def test_a_bad_line_is_named_by_its_number_and_the_rest_is_read(tmp_path: Path) -> None:
    result = imported(tmp_path, lines([1]) + b"\n{oops\n" + lines([2]) + b"[]\n" + lines([3]))

    assert result.numbers == [1, 2, 3]
    assert [place for place, _ in result.reasons] == ["line 3", "line 5"]
    assert all(reason[0].isupper() and reason.endswith(".") for _, reason in result.reasons)


def test_a_line_that_is_too_long_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    huge = line(2, CommandLine="x" * 3_000_000)

    result = imported(tmp_path, lines([1]) + huge + b"\n" + lines([3]))

    assert result.numbers == [1, 3]
    assert result.reasons[0][0] == "line 2"
    assert "longer than 1 MB" in result.reasons[0][1]


@pytest.mark.parametrize("length", [4096, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_a_last_line_that_is_too_long_is_named(tmp_path: Path, length: int) -> None:
    data = lines([1]) + b'{"a":"' + b"x" * length

    result = imported(tmp_path, data, limits=Limits(line=4000, unpacked=1 << 30, ratio=200))

    assert result.numbers == [1]
    assert [place for place, _ in result.reasons] == ["line 2"]


def test_a_command_line_of_a_megabyte_is_kept(tmp_path: Path) -> None:
    limits = Limits(line=4 << 20, unpacked=1 << 30, ratio=200)

    assert imported(tmp_path, line(1, CommandLine="x" * (1 << 20)), limits=limits).numbers == [1]


@pytest.mark.parametrize(
    "data", [lines([1]) + DEEP + b"\n" + lines([2]), b"[" + line(1) + b"," + DEEP + b"," + line(2) + b"]"]
)
def test_json_that_is_nested_100_000_deep_is_rejected(tmp_path: Path, data: bytes) -> None:
    result = imported(tmp_path, data)

    assert result.numbers == [1, 2]
    assert [place.split()[1] for place, _ in result.reasons] == ["2"]


SWARM = b'{"a":[' + b"[]," * 400_000 + b"[]]}"


@pytest.mark.parametrize(
    "data",
    [lines([1]) + SWARM + b"\n" + lines([2]), b"[" + line(1) + b"," + SWARM + b"," + line(2) + b"]", SWARM],
)
def test_json_that_would_fill_memory_is_not_decoded(tmp_path: Path, data: bytes) -> None:
    result = imported(tmp_path, data, limits=Limits(line=8 << 20, unpacked=1 << 30, ratio=200))

    assert result.numbers in ([1, 2], [])
    assert [reason for _, reason in result.reasons if "arrays and objects" in reason]


def test_nul_bytes_harm_only_their_line(tmp_path: Path) -> None:
    data = lines([1]) + bytes(4096) + b"\n" + lines([2]) + bytes(100_000)

    result = imported(tmp_path, data)

    assert result.numbers == [1, 2]
    assert [place for place, _ in result.reasons] == ["line 2", "line 4"]


def test_lone_surrogates_do_not_lose_the_event(tmp_path: Path) -> None:
    spoiled = line(1, CommandLine="HERE").replace(b"HERE", b"a\\ud800b")

    assert imported(tmp_path, spoiled + b"\n" + line(2)).numbers == [1, 2]
    assert imported(tmp_path, b"[" + spoiled + b"]").numbers == [1]


def test_arrays_may_be_written_over_many_lines(tmp_path: Path) -> None:
    data = orjson.dumps([document(1), document(2)], option=orjson.OPT_INDENT_2)

    assert imported(tmp_path, data).numbers == [1, 2]


def test_objects_over_several_lines_need_no_array(tmp_path: Path) -> None:
    data = b"\n".join(orjson.dumps(document(number), option=orjson.OPT_INDENT_2) for number in (1, 2, 3))

    assert imported(tmp_path, data).numbers == [1, 2, 3]


def test_several_arrays_may_follow_each_other(tmp_path: Path) -> None:
    assert imported(tmp_path, b"[" + line(1) + b"]\n[" + line(2) + b"," + line(3) + b"]\n").numbers == [
        1,
        2,
        3,
    ]


def test_an_empty_array_is_no_error(tmp_path: Path) -> None:
    result = imported(tmp_path, b"[]")

    assert (result.report.files, result.report.records, result.report.rejected) == (1, 0, 0)


@pytest.mark.parametrize("cut", [10, 60, 90])
def test_an_array_that_is_cut_off_keeps_what_came_before(tmp_path: Path, cut: int) -> None:
    result = imported(tmp_path, b"[" + line(1) + b"," + line(2)[:cut])

    assert result.numbers == [1]
    assert result.reasons[0][0] == "item 2"
    assert "cut off" in result.reasons[0][1]


def test_an_array_that_is_not_closed_is_said(tmp_path: Path) -> None:
    result = imported(tmp_path, b"[" + line(1))

    assert result.numbers == [1]
    assert "cut off" in result.reasons[0][1]


def test_what_is_no_object_is_named_by_its_item(tmp_path: Path) -> None:
    result = imported(tmp_path, b"[" + line(1) + b', 17, "a]b", [1], null, ' + line(2) + b"]")

    assert result.numbers == [1, 2]
    assert {place for place, _ in result.reasons} == {"item 2", "item 3"}


def test_brackets_that_do_not_fit_end_nothing(tmp_path: Path) -> None:
    result = imported(tmp_path, b"[" + line(1) + b"]}]" + line(2))

    assert result.numbers == [1, 2]
    assert result.report.rejected == 2


def test_an_item_that_is_too_long_is_passed_over(tmp_path: Path) -> None:
    data = b"[" + line(1) + b"," + line(2, CommandLine='\\"]}' * 900_000) + b"," + line(3) + b"]"

    result = imported(tmp_path, data)

    assert result.numbers == [1, 3]
    assert result.reasons[0][0] == "item 2"


def blocks_of(data: bytes, sizes: list[int]) -> list[bytes]:
    blocks, at = [], 0
    for size in sizes:
        blocks.append(data[at : at + size])
        at += size
    return [block for block in [*blocks, data[at:]] if block]


@given(st.lists(st.integers(1, 40), max_size=60), st.sampled_from(['"}]\\', "\\\\", "é浦", "\n"]))
def test_values_are_the_same_however_blocks_are_cut(sizes: list[int], text: str) -> None:
    data = b"[" + b" ,\n".join(line(number, CommandLine=text * 3) for number in range(3)) + b"]"
    reader, whole = Reader(), Reader()

    for _ in read_json_values(Stream(iter(blocks_of(data, sizes))), reader, said, 1 << 20):
        pass
    for _ in read_json_values(Stream(iter([data])), whole, said, 1 << 20):
        pass

    assert reader.take().table.equals(whole.take().table)
    assert reader.records == 3


@given(st.lists(st.integers(1, 40), max_size=60), st.sampled_from([b"\n", b"\r\n", b"\n\n"]))
def test_lines_are_the_same_however_blocks_are_cut(sizes: list[int], end: bytes) -> None:
    reader = Reader()
    data = end.join(line(number) for number in range(3))

    for _ in read_json_lines(Stream(iter(blocks_of(data, sizes))), reader, said, 1 << 20):
        pass

    assert reader.take().table["record_id"].to_pylist() == [0, 1, 2]
