"""``values``: what a text is beside a text. ``tests/contract`` has what conditions make of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import hypothesis
import pytest
from hypothesis import strategies as st

from app.sysmon.events import time_text
from app.sysmon.values import (
    address_of,
    network_of,
    number_of,
    regex,
    time_of,
    wildcard,
    wildcard_parts,
)

NOON = datetime(2019, 1, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2019-01-08", NOON.replace(hour=0)),
        ("2019-01-08 12:00", NOON),
        ("2019-01-08T12:00Z", NOON),
        ("2019-01-08 12:00:00.5", NOON + timedelta(milliseconds=500)),
        ("2019-01-08T12:00:00.1234567Z", NOON + timedelta(microseconds=123456)),
        ("2019-01-08T21:00:00+09:00", NOON),
        ("2019-01-08T04:30:00-0730", NOON),
        ("2019-02-30", None),
        ("2019-01-08 25:00", None),
        ("2019-W02-2", None),
        ("20190108", None),
        ("2019-01-08T", None),
        (" 2019-01-08", None),
        ("2019-01-08\n", None),
        ("2019-01-08 12:00 +09:00", None),
        ("0001-01-01T00:00+01:00", None),
        ("1546948800", None),
        ("", None),
    ],
)
def test_a_time_is_a_date_or_a_date_and_a_time_of_day(text: str, time: datetime | None) -> None:
    assert time_of(text) == time


@hypothesis.given(st.datetimes(timezones=st.just(UTC)))
def test_the_text_form_of_a_time_is_that_time(time: datetime) -> None:
    assert time_of(time_text(time)) == time


@hypothesis.given(st.integers(-(2**63), 2**63 - 1))
def test_every_integer_of_64_bits_is_a_number(number: int) -> None:
    assert number_of(str(number)) == Decimal(number)


@hypothesis.given(st.ip_addresses())
def test_an_address_lies_in_the_network_of_its_own(address: object) -> None:
    read, network = address_of(str(address)), network_of(str(address))

    assert read is not None
    assert network is not None
    assert read in network
    assert network.num_addresses == 1


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("", ()),
        ("abc", ("=abc",)),
        ("*.exe", ("*", "=.exe")),
        ("a?\\b", ("=a", "?", "=\\b")),
        ("\\*\\?\\\\", ("=*?\\",)),
        ("\\\\*", ("=\\", "*")),
        ("a\\", ("=a\\",)),
        ("\n*", ("=\n", "*")),
    ],
)
def test_a_wildcard_is_taken_apart(pattern: str, parts: tuple[str, ...]) -> None:
    assert wildcard_parts(pattern) == parts


@hypothesis.given(st.text(alphabet="ab*?\\İ\n\0é", max_size=8))
def test_a_text_whose_signs_are_escaped_is_found_as_it_is(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")

    assert wildcard(escaped, True).search(text) is not None
    assert wildcard(escaped, True).search(text + "x") is None


def test_a_pattern_that_is_not_re2_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="missing"):
        regex("(a", False)
