"""Times, numbers, GUIDs, hashes, levels, one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.layouts.times import parse_times
from app.layouts.values import guid_of, hashes_of, integer_of, level_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def times_of(*texts: str | None) -> list[datetime | None]:
    times, is_time = parse_times(pa.array(texts, pa.string()))
    return [
        EPOCH + timedelta(microseconds=int(time)) if good else None
        for time, good in zip(times, is_time, strict=True)
    ]


def test_times_are_read_as_sysmon_and_its_shippers_write_them() -> None:
    texts = [
        "2019-05-18 18:20:46.031",
        "2019-05-18T18:20:46.031Z",
        "2019-05-18T18:20:46.0310000Z",
        "2019-05-18 18:20:46.031000999",
        "2019-05-18T20:20:46.031+02:00",
        "2019-05-18 18:20:46.0310000 UTC",
    ]
    assert times_of(*texts) == [datetime(2019, 5, 18, 18, 20, 46, 31_000, UTC)] * len(texts)
    assert (
        times_of("2019-05-18 18:20:46", "2019-05-18T18:20:46Z")
        == [datetime(2019, 5, 18, 18, 20, 46, tzinfo=UTC)] * 2
    )


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "yesterday",
        "2019-02-29 00:00:00",
        "1900-02-29 00:00:00",
        "2019-13-01 00:00:00",
        "2019-00-01 00:00:00",
        "2019-01-00 00:00:00",
        "2019-01-01 24:00:00",
        "2019-01-01 00:60:00",
        "2019-01-01 00:00:60",
        "0000-01-01 00:00:00",
        "2019-01-01 00:00:00.",
        "2019-01-01 00:00:00.1234567890",
        "2019-01-01 00:00:00,5",
        "2019-01-01 00:00:00.12Z4",
        "2019/01/01 00:00:00",
        "2019-01-01_00:00:00",
        "9999-12-31T23:59:59-05:00",
        "0001-01-01T00:00:00+05:00",
        "٢٠١٩-01-01 00:00:00",
    ],
)
def test_what_is_no_time_is_none(text: str | None) -> None:
    assert times_of(text, "2000-02-29 00:00:00") == [None, datetime(2000, 2, 29, tzinfo=UTC)]


@given(st.lists(st.datetimes(timezones=st.just(UTC)) | st.none() | st.text(max_size=30)))
def test_every_time_of_the_calendar_is_read_exactly(mixed: list[datetime | str | None]) -> None:
    texts = [item.isoformat(" ")[:26] if isinstance(item, datetime) else item for item in mixed]
    texts = [text.removesuffix("+00:00") if text else text for text in texts]
    found = times_of(*texts)
    for item, time in zip(mixed, found, strict=True):
        if isinstance(item, datetime):
            assert time == item
        elif item is None:
            assert time is None


def test_a_part_of_a_longer_array_is_read_from_its_own_begin() -> None:
    array = pa.array(["x", "2019-05-18 18:20:46.031", "2020-05-18 18:20:46.031"])
    _, is_time = parse_times(array[1:])
    assert is_time.tolist() == [True, True]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-7", -7),
        ("0x3E7", 999),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("0xFFFFFFFFFFFFFFFF", None),
        ("1.0", None),
        (" 1", None),
        ("1_000", None),
        ("٣", None),
        ("", None),
        ("0x", None),
    ],
)
def test_integers_of_64_bits_are_numbers(text: str, number: int | None) -> None:
    assert integer_of(text) == number


def test_guids_are_lower_case_without_braces() -> None:
    guid = "5e9636c4-fdf7-5c33-0000-0010c6314d00"
    assert {guid_of(text) for text in (guid, guid.upper(), f"{{{guid}}}", f"{{{guid.upper()}}}")} == {guid}
    assert guid_of(guid[:-1]) is None
    assert guid_of(f"x{guid}") is None


def test_hashes_are_split_whatever_their_order_and_case() -> None:
    md5, sha1, sha256 = "0a" * 16, "0b" * 20, "0c" * 32
    found = hashes_of(f"MD5={md5}, sha256={sha256},SHA1={sha1},IMPHASH={'0' * 32},FOO=1")
    assert found == (md5.upper(), sha1.upper(), sha256.upper(), None)
    assert (
        hashes_of(f"SHA1={sha1.upper()},MD5={md5.upper()},SHA256={sha256.upper()},IMPHASH={'0' * 32}")
        == found
    )
    assert hashes_of(sha1) == (None, sha1.upper(), None, None)
    for nothing in ("Unknown", "", "MD5=", "MD5=12", "MD5=" + "xy" * 16):
        assert hashes_of(nothing) == (None,) * 4


def test_levels_have_windows_names() -> None:
    assert [level_of(level) for level in (4, "4", "information", "Information", "INFO")] == [
        "Information"
    ] * 5
    assert [level_of(level) for level in (2, "error", 0, 3, 5, 1)] == [
        "Error",
        "Error",
        "Information",
        "Warning",
        "Verbose",
        "Critical",
    ]
    assert level_of("Notice") == "Notice"
    assert [level_of(level) for level in (None, "", "-")] == [None] * 3
